//! The documents of every command, and the plan as a file.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::PathBuf;

use serde_json::Value;
use support::Node;

/// Every key of `keys` is in the object; more may be.
fn has(object: &Value, keys: &str) {
    for key in keys.split_whitespace() {
        assert!(object.get(key).is_some(), "no {key} in {object:#}");
    }
}

fn each_has(list: &Value, keys: &str) {
    let list = list.as_array().unwrap();
    assert!(!list.is_empty());
    list.iter().for_each(|one| has(one, keys));
}

fn document(node: &Node, command: &str, more: &[&str]) -> Value {
    let (_, document) = node.json(&[&[command], more].concat());
    assert_eq!(document["schema"], format!("tighten.{command}/v1"));
    has(&document["tool"], "name version");
    document
}

fn node_keys(document: &Value) {
    has(&document["node"], "root hostname kube_proxy");
    has(
        &document["node"]["kube_proxy"],
        "found platform pid version config kubeconfig managed_by",
    );
}

#[test]
fn every_document_has_the_keys_that_scripts_rely_on() {
    let node = Node::demo();
    let scan = document(&node, "scan", &[]);
    node_keys(&scan);
    each_has(
        &scan["verdicts"],
        "check verdict severity title path line observed expected origin fix refs reason",
    );
    has(&scan["summary"], "pass fail not_applicable unknown waived");
    let facts = document(&node, "facts", &[]);
    node_keys(&facts);
    has(&facts["config"], "path accepted lenient error");
    each_has(&facts["facts"], "name value origin");
    for fact in facts["facts"].as_array().unwrap() {
        has(&fact["origin"], "kind path line");
        let kind = fact["origin"]["kind"].as_str().unwrap();
        assert!(
            ["flag", "file", "default", "unit", "kernel"].contains(&kind),
            "{fact}"
        );
    }
    let plan = document(&node, "plan", &[]);
    node_keys(&plan);
    each_has(
        &plan["changes"],
        "id check path action risk summary before after diff",
    );
    for change in plan["changes"].as_array().unwrap() {
        for state in ["before", "after"] {
            has(&change[state], "exists mode uid gid owner group sha256");
        }
        let action = change["action"].as_str().unwrap();
        assert!(["set-mode", "set-owner", "edit", "create"].contains(&action));
        // A new directory has no contents to show.
        let directory = change["summary"]
            .as_str()
            .unwrap()
            .starts_with("new directory");
        assert_eq!(
            change["diff"] == "",
            action.starts_with("set-") || directory,
            "{change:#}"
        );
    }
    each_has(&plan["effects"], "kind target because");
    each_has(&plan["manual"], "check reason help");
    has(&plan["summary"], "changes files effects manual");
    let apply = document(&node, "apply", &["--yes"]);
    has(&apply, "transaction outcome changes effects error");
    assert_eq!(apply["outcome"], "applied");
    each_has(&apply["changes"], "id check path action outcome");
    each_has(&apply["effects"], "kind target outcome detail");
    let again = document(&node, "apply", &["--yes"]);
    assert_eq!(again["outcome"], "nothing-to-do");
    assert_eq!(again["error"], Value::Null);
    document(&node, "verify", &[]);
    let history =
        "id kind state started_at finished_at tool_version user changes files rollback_of";
    each_has(&document(&node, "history", &[])["transactions"], history);
    let rollback = document(&node, "rollback", &["--yes"]);
    has(&rollback, "transaction outcome changes effects error");
    each_has(&rollback["changes"], "id check path action outcome");
    let list = document(&node, "history", &[]);
    assert_eq!(list["transactions"][0]["kind"], "rollback");
    assert_eq!(
        list["transactions"][0]["rollback_of"],
        list["transactions"][1]["id"]
    );
    let id = list["transactions"][1]["id"].as_str().unwrap();
    each_has(&document(&node, "history", &[id])["transactions"], history);
    has(
        &document(&node, "explain", &["bind-address-wildcard"])["checks"][0],
        "check why",
    );
    let refused = document(&node, "apply", &[]);
    assert_eq!(refused["outcome"], "refused");
    has(&refused["error"], "message help");
}

#[test]
fn json_stands_alone_on_stdout() {
    let node = Node::demo();
    for command in ["scan", "facts", "plan", "history", "verify", "explain"] {
        let ran = node.run(&["--format", "json", "--color", "always", "-v", command]);
        let _: Value = serde_json::from_str(&ran.out).unwrap();
        assert!(!ran.out.contains('\x1b'));
    }
}

#[test]
fn the_exit_code_of_a_plan_tells_of_changes_only_when_asked() {
    let node = Node::demo();
    assert_eq!(node.run(&["plan"]).code, 0);
    assert_eq!(node.run(&["plan", "--detailed-exitcode"]).code, 2);
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    assert_eq!(node.run(&["plan", "--detailed-exitcode"]).code, 0);
    assert_eq!(node.run(&["verify"]).code, 0);
}

#[test]
fn only_and_skip_choose_checks_and_a_wrong_name_is_wrong_usage() {
    let node = Node::demo();
    let (_, plan) = node.json(&[
        "plan",
        "--only",
        "proxy-kubeconfig-mode,proxy-kubeconfig-owner",
    ]);
    assert_eq!(plan["summary"]["changes"], 2);
    let (_, plan) = node.json(&["plan", "--skip", "proxy-kubeconfig-mode"]);
    assert!(
        !plan["changes"]
            .to_string()
            .contains("proxy-kubeconfig-mode")
    );
    for flag in ["--only", "--skip"] {
        let ran = node.run(&["plan", flag, "proxy-kubeconfg-mode"]);
        assert_eq!(ran.code, 64, "{ran:?}");
        assert!(ran.err.contains("proxy-kubeconfig-mode"), "{ran:?}");
        assert_eq!(node.run(&["scan", flag, ""]).code, 64);
    }
    let ran = node.run(&["explain", "bind-adress-wildcard"]);
    assert_eq!(ran.code, 64);
    assert!(
        ran.err.contains("did you mean bind-address-wildcard"),
        "{ran:?}"
    );
}

fn saved(node: &Node) -> PathBuf {
    let path = node.outside().join("plan.json");
    let ran = node.run(&["plan", "--out", path.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    path
}

#[test]
fn a_saved_plan_is_private_and_the_same_each_time() {
    let node = Node::demo();
    let path = saved(&node);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    let first = fs::read(&path).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    saved(&node);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    assert!(fs::read(&path).unwrap() == first);
    assert!(!node.state().exists(), "a plan writes nothing but its file");
}

#[test]
fn a_plan_takes_the_place_of_nothing_but_a_file() {
    let node = Node::demo();
    let fifo = node.outside().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let directory = node.outside().join("directory");
    fs::create_dir(&directory).unwrap();
    let link = node.outside().join("link");
    symlink("/dev/null", &link).unwrap();
    for path in [&fifo, &directory, &link] {
        let ran = node.run(&["plan", "--out", path.to_str().unwrap()]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains(path.to_str().unwrap()), "{ran:?}");
    }
    assert!(fs::symlink_metadata(&fifo).unwrap().file_type().is_fifo());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let gone = node.outside().join("no/such/plan");
    assert_eq!(node.run(&["plan", "--out", gone.to_str().unwrap()]).code, 1);
}

#[test]
fn a_saved_plan_is_applied_exactly() {
    let node = Node::demo();
    let plan = saved(&node);
    let twin = Node::demo();
    assert_eq!(twin.run(&["apply", "--yes"]).code, 0);
    let ran = node.run(&["apply", "--yes", plan.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(node.snapshot() == twin.snapshot());
    // The plan is stale now, and says so.
    let ran = node.run(&["apply", "--yes", plan.to_str().unwrap()]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("stale"), "{ran:?}");
}

#[test]
fn an_output_that_a_full_disk_swallows_is_no_success() {
    let node = Node::demo();
    let full = || {
        fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap()
    };
    for command in ["scan", "facts", "plan", "verify", "explain", "history"] {
        let ran: support::Ran = node
            .command()
            .args(["--format", "json", command])
            .stdout(full())
            .output()
            .unwrap()
            .into();
        assert_eq!(ran.code, 1, "{command}: {ran:?}");
        assert!(ran.err.contains("could not be written"), "{ran:?}");
    }
    // What apply did stays done, and its exit code says so.
    let mut command = node.command();
    let ran = command.args(["apply", "--yes"]).stdout(full()).output();
    assert_eq!(support::Ran::from(ran.unwrap()).code, 0);
    assert_eq!(node.run(&["verify"]).code, 0);
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let node = Node::demo();
    for (command, code) in [("scan", 2), ("plan", 0), ("facts", 0)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ran = node.command().arg(command).stdout(writer).output().unwrap();
        let ran = support::Ran::from(ran);
        assert_eq!((ran.code, ran.err.as_str()), (code, ""), "{command}");
    }
}

#[test]
fn beside_a_configuration_that_is_refused_there_is_no_change_and_the_reason() {
    let node = Node::demo();
    node.write(
        "/var/lib/kube-proxy/kube-proxy-config.yaml",
        "kind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nmode: userspace\n",
    );
    let before = node.snapshot();
    let (code, plan) = node.json(&["plan"]);
    assert_eq!(code, 1, "{plan:#}");
    assert_eq!(plan["changes"], serde_json::json!([]));
    let manual = plan["manual"].to_string();
    assert!(manual.contains("config-refused"), "{plan:#}");
    let message = plan["error"]["message"].as_str().unwrap();
    assert!(message.contains("kube-proxy-config.yaml:3: "), "{message}");
    assert_eq!(node.run(&["apply", "--yes"]).code, 1);
    assert!(node.snapshot() == before);
    // Without the checks that need the configuration, the rest goes on.
    let ran = node.run(&[
        "apply",
        "--yes",
        "--only",
        "proxy-config-mode,proxy-unit-mode",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
}
