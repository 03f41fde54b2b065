//! A network file system is named before anything is changed there, since a server decides what lasts.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::process::Command;

use support::{Node, Ran, tighten};

/// The program on a kernel that says NFS wherever it is asked; `None` without strace.
fn on_nfs(node: &Node, words: &[&str]) -> Option<Ran> {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fstatfs", "-e"]);
    command.arg("inject=fstatfs:poke_exit=@arg2=6969000000000000");
    command.arg(tighten().get_program());
    command.arg("--root").arg(node.root());
    command.arg("--state-dir").arg(node.state()).args(words);
    match command.output() {
        Ok(output) => Some(output.into()),
        Err(_) => {
            eprintln!("skipped: strace is not installed");
            None
        }
    }
}

#[test]
fn a_plan_warns_of_a_network_file_system_and_so_does_apply() {
    let node = Node::demo();
    let Some(plan) = on_nfs(&node, &["plan", "--format", "json"]) else {
        return;
    };
    assert_eq!(plan.code, 0, "{plan:?}");
    let plan: serde_json::Value = serde_json::from_str(&plan.out).unwrap();
    let promise = "a network file system: whether a change there outlives a crash is for its server to say, whatever apply reports";
    let warning = |place: &str| format!("{place} lies on NFS, {promise}");
    let expected = [
        warning("/etc/kubernetes"),
        warning("/etc/kubernetes/manifests"),
        warning("/var/lib/kube-proxy"),
        warning("/var/log"),
    ];
    assert_eq!(plan["warnings"], serde_json::json!(expected));

    let apply = on_nfs(&node, &["apply", "--yes"]).unwrap();
    assert_eq!(apply.code, 0, "{apply:?}");
    for warning in expected {
        assert!(
            apply.out.contains(&format!("Warning: {warning}\n")),
            "{apply:?}"
        );
    }
    assert!(
        apply.err.starts_with("warning: the state directory ") && apply.err.contains(promise),
        "{apply:?}"
    );
}

#[test]
fn a_disk_of_the_machine_is_not_warned_of() {
    let (code, plan) = Node::demo().json(&["plan"]);
    assert_eq!((code, &plan["warnings"]), (0, &serde_json::json!([])));
}
