//! Options of a task: what is taken, what is refused and how.

use clap::{CommandFactory, ValueEnum};

use super::*;
use crate::check::MaxRisk;
use crate::cli::{Cli, FailOn};

fn call(options: Value) -> Call {
    let Value::Object(options) = options else {
        unreachable!()
    };
    Call {
        module: "tighten.kube_proxy.tighten".into(),
        check_mode: false,
        ignore_unknown: false,
        options,
    }
}

fn read(options: Value) -> Result<Options, String> {
    Options::of(&call(options), None)
}

fn same_words<T: ValueEnum>(words: &[(&str, &str)]) {
    let of_flag: Vec<String> = T::value_variants()
        .iter()
        .map(|value| value.to_possible_value().unwrap().get_name().to_string())
        .collect();
    let ours: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    assert_eq!(ours, of_flag);
}

#[test]
fn the_choices_are_those_of_the_command_line() {
    same_words::<FailOn>(FAIL_ON);
    same_words::<MaxRisk>(MAX_RISK);
}

#[test]
fn every_option_for_every_command_can_be_given() {
    let command = Cli::command();
    // How something is printed is for Ansible to say, and where it is kept has its own name.
    // An empty list of waivers is what --no-waivers says.
    let printed = ["format", "color", "verbose", "quiet", "no-waivers"];
    for argument in command.get_arguments() {
        let Some(flag) = argument.get_long() else {
            continue;
        };
        let name = flag.replace('-', "_");
        let known = printed.contains(&flag) || NAMES.contains(&name.as_str());
        assert!(known || ["help", "version"].contains(&flag), "{flag}");
    }
}

#[test]
fn an_unknown_option_is_told_as_ansible_tells_it() {
    let error = read(json!({"stat": "present", "rooot": "/"})).unwrap_err();
    assert_eq!(
        error,
        format!(
            "Unsupported parameters for (tighten.kube_proxy.tighten) module: rooot, stat. Supported parameters include: {}.",
            NAMES.join(", ")
        )
    );
    let mut sorted = NAMES.to_vec();
    sorted.sort_unstable();
    assert_eq!(sorted, NAMES);
}

#[test]
fn options_become_flags_that_nothing_else_can_be_made_of() {
    let options = read(json!({
        "only": "metrics-exposed,--yes",
        "baseline": ["kube-proxy", "/etc/own.yaml"],
        "max_risk": "safe",
        "unit_timeout": 90,
        "effects": "no",
    }))
    .unwrap();
    assert_eq!(
        options.global,
        [
            "--baseline=kube-proxy",
            "--baseline=/etc/own.yaml",
            "--only=metrics-exposed",
            "--only=--yes",
            "--max-risk=safe"
        ]
    );
    assert_eq!(options.waiting, ["--unit-timeout=90s"]);
    assert!(!options.effects);
    let understood = &options.invocation["module_args"];
    assert_eq!(understood["state"], "present");
    assert_eq!(understood["effects"], false);
    assert_eq!(understood["root"], Value::Null);
}

#[test]
fn what_one_state_alone_understands_is_not_passed_over_in_another() {
    assert_eq!(
        read(json!({"state": "scanned", "plan": "/p"})).unwrap_err(),
        "plan is for state present and planned only, and state is scanned"
    );
    assert_eq!(
        read(json!({"transaction": "2026"})).unwrap_err(),
        "transaction is for state rolled-back only, and state is present"
    );
    assert!(read(json!({"force": false, "fail_on": "none"})).is_ok());
}

#[test]
fn a_state_that_there_is_not_is_told_with_those_that_there_are() {
    assert_eq!(
        read(json!({"state": "absent"})).unwrap_err(),
        "value of state must be one of: present, planned, scanned, rolled-back, got: absent"
    );
}

#[test]
fn a_file_of_waivers_is_a_path_and_a_baseline_may_be_a_name() {
    assert_eq!(
        read(json!({"waivers": "waivers.yaml"})).unwrap_err(),
        "waivers: waivers.yaml is not an absolute path"
    );
    assert_eq!(
        read(json!({"baseline": "own/base.yaml"})).unwrap_err(),
        "baseline: own/base.yaml is not an absolute path"
    );
    let given = read(json!({"baseline": "kube-proxy", "waivers": ["/w"]})).unwrap();
    assert_eq!(given.global, ["--baseline=kube-proxy", "--waivers=/w"]);
    assert_eq!(
        read(json!({"waivers": []})).unwrap().global,
        ["--no-waivers"]
    );
    assert!(read(json!({})).unwrap().global.is_empty());
}
