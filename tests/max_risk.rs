//! `--max-risk`: how far tighten goes by itself.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use support::Node;

fn risks(plan: &Value) -> BTreeSet<&str> {
    let changes = plan["changes"].as_array().unwrap();
    changes
        .iter()
        .map(|change| change["risk"].as_str().unwrap())
        .collect()
}

fn reasons<'a>(plan: &'a Value, check: &str) -> Vec<&'a str> {
    let manual = plan["manual"].as_array().unwrap();
    let of_check = manual.iter().filter(|left| left["check"] == check);
    of_check
        .map(|left| left["reason"].as_str().unwrap())
        .collect()
}

#[test]
fn only_safe_changes_are_planned_when_no_more_is_asked_for() {
    let node = Node::demo();
    let (_, all) = node.json(&["plan"]);
    assert_eq!(risks(&all), BTreeSet::from(["disruptive", "safe"]));
    let (code, plan) = node.json(&["--max-risk", "safe", "plan"]);
    assert_eq!(code, 0);
    assert_eq!(risks(&plan), BTreeSet::from(["safe"]));
    assert_eq!(
        reasons(&plan, "metrics-exposed"),
        ["its fix is disruptive, and --max-risk safe leaves it to you"]
    );
    assert_eq!(plan["effects"], Value::Array(Vec::new()));
    // The safe ones are all there.
    let safe = |plan: &Value| {
        let changes = plan["changes"].as_array().unwrap();
        let safe = changes.iter().filter(|change| change["risk"] == "safe");
        safe.map(|change| change["summary"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(safe(&plan), safe(&all));
}

#[test]
fn nothing_is_planned_or_applied_at_no_risk() {
    let node = Node::demo();
    let before = node.snapshot();
    let (code, apply) = node.json(&["--max-risk", "none", "apply", "--yes"]);
    assert_eq!(
        (code, &apply["outcome"]),
        (0, &Value::from("nothing-to-do"))
    );
    assert!(node.snapshot() == before);
    assert!(!node.state().exists());
}

#[test]
fn an_apply_of_safe_changes_leaves_the_others_and_a_second_one_has_nothing_to_do() {
    let node = Node::demo();
    let config = "/var/lib/kube-proxy/kube-proxy-config.yaml";
    let before = node.read(config);
    let (code, apply) = node.json(&["--max-risk", "safe", "apply", "--yes"]);
    assert_eq!((code, &apply["outcome"]), (0, &Value::from("applied")));
    assert_eq!(node.read(config), before);
    assert_eq!(node.mode("/var/lib/kube-proxy/kubeconfig"), 0o600);
    let (_, again) = node.json(&["--max-risk", "safe", "apply", "--yes"]);
    assert_eq!(again["outcome"], "nothing-to-do");
    // Verify judges by the same measure.
    assert_eq!(node.run(&["--max-risk", "safe", "verify"]).code, 0);
    assert_eq!(node.run(&["verify"]).code, 2);
}

#[test]
fn a_saved_plan_remembers_how_far_it_goes() {
    let node = Node::demo();
    let plan = node.outside().join("plan.json");
    let plan = plan.to_str().unwrap();
    node.json(&["--max-risk", "safe", "plan", "--out", plan]);
    let saved: Value = serde_json::from_slice(&fs::read(plan).unwrap()).unwrap();
    assert_eq!(saved["inputs"]["max_risk"], "safe");
    let other = node.run(&["--max-risk", "disruptive", "apply", plan, "--yes"]);
    assert_eq!(other.code, 64, "{other:?}");
    assert!(
        other
            .err
            .starts_with("error: --max-risk cannot stand beside a saved plan"),
        "{other:?}"
    );
    // The same is what a message names, and means nothing else.
    let (code, apply) = node.json(&["--max-risk", "safe", "apply", plan, "--yes"]);
    assert_eq!((code, &apply["outcome"]), (0, &Value::from("applied")));
    assert_eq!(
        apply["changes"].as_array().unwrap().len(),
        saved["changes"].as_array().unwrap().len()
    );
}

#[test]
fn a_saved_plan_that_goes_as_far_as_ever_can_be_read_by_an_older_version() {
    let node = Node::demo();
    let (_, plan) = node.json(&["plan"]);
    assert!(plan["inputs"].get("max_risk").is_none(), "{plan:#}");
}

#[test]
fn a_fix_that_restarts_something_is_left_where_only_safe_ones_are_wanted() {
    let node = Node::demo();
    let baseline = node.outside().join("own.yaml");
    let text = "name: own\ntitle: ours\nchecks:\n- id: our-profiling\n  title: No profiling\n  severity: low\n  expect: {config-flag: {key: enableProfiling, be: false}}\n  fix: {value: false, risk: safe}\n  why: We say so.\n";
    fs::write(&baseline, text).unwrap();
    let baseline = baseline.to_str().unwrap();
    let (_, plan) = node.json(&["--baseline", baseline, "plan"]);
    assert_eq!(risks(&plan), BTreeSet::from(["safe"]));
    assert!(!plan["effects"].as_array().unwrap().is_empty());
    let (_, plan) = node.json(&["--baseline", baseline, "--max-risk", "safe", "plan"]);
    assert_eq!(plan["changes"], Value::Array(Vec::new()));
    assert_eq!(
        reasons(&plan, "our-profiling"),
        ["its fix would restart kube-proxy.service, and --max-risk safe leaves it to you"]
    );
}

#[test]
fn the_next_command_that_is_named_goes_as_far_as_this_one() {
    let node = Node::demo();
    let plan = node.run(&["--max-risk", "safe", "plan"]);
    assert!(plan.out.contains("--max-risk safe apply\n"), "{}", plan.out);
    let wrong = node.run(&["--max-risk", "low", "plan"]);
    assert_eq!(wrong.code, 64, "{wrong:?}");
    assert!(
        wrong
            .err
            .contains("[possible values: none, safe, disruptive]"),
        "{wrong:?}"
    );
}
