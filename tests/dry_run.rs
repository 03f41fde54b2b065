//! `--dry-run` of apply and rollback: what would be done, or why it would be refused, and no trace.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use support::Node;
use support::exact::exact;

const CONFIG: &str = "/var/lib/kube-proxy/kube-proxy-config.yaml";

#[test]
fn a_dry_apply_tells_the_plan_and_writes_nothing() {
    let node = Node::demo();
    let before = exact(node.outside());
    let (code, apply) = node.json(&["apply", "--dry-run"]);
    assert_eq!(code, 0);
    assert!(exact(node.outside()) == before, "something was written");
    let (_, plan) = node.json(&["plan"]);
    assert_eq!(apply["outcome"], "planned");
    assert_eq!(apply["transaction"], Value::Null);
    let changes = apply["changes"].as_array().unwrap();
    let planned = plan["changes"].as_array().unwrap();
    assert_eq!(changes.len(), planned.len());
    for (change, planned) in changes.iter().zip(planned) {
        assert_eq!(change["outcome"], "planned");
        for key in [
            "id", "check", "path", "action", "risk", "severity", "summary", "before", "after",
            "diff",
        ] {
            assert_eq!(change[key], planned[key], "{key}");
        }
    }
    assert_eq!(apply["manual"], plan["manual"]);
    assert_eq!(
        apply["effects"][0],
        json!({"kind": "restart", "target": "kube-proxy.service", "outcome": "planned", "detail": "its configuration changes"})
    );
    let text = node.run(&["apply", "--dry-run"]);
    assert!(
        text.out.ends_with("\nNothing was written (--dry-run).\n"),
        "{}",
        text.out
    );
    assert!(exact(node.outside()) == before, "something was written");
}

#[test]
fn a_dry_apply_of_a_saved_plan_refuses_what_the_apply_would_refuse() {
    let node = Node::demo();
    let plan = node.outside().join("plan.json");
    let plan = plan.to_str().unwrap();
    node.json(&["plan", "--out", plan]);
    let (code, apply) = node.json(&["apply", plan, "--dry-run"]);
    assert_eq!((code, &apply["outcome"]), (0, &json!("planned")));
    node.chmod(CONFIG, 0o600);
    let before = exact(node.outside());
    let (code, apply) = node.json(&["apply", plan, "--dry-run"]);
    assert_eq!((code, &apply["outcome"]), (1, &json!("refused")));
    assert_eq!(
        apply["error"]["message"],
        format!("the plan is stale: {CONFIG}: its mode was 0664 and is 0600")
    );
    assert!(exact(node.outside()) == before, "something was written");
}

#[test]
fn a_dry_apply_names_what_stands_in_the_way() {
    let node = Node::demo();
    std::fs::hard_link(node.path(CONFIG), node.path("/var/lib/kube-proxy/second")).unwrap();
    let (code, apply) = node.json(&["apply", "--dry-run"]);
    assert_eq!((code, &apply["outcome"]), (1, &json!("refused")));
    let (_, refused) = node.json(&["apply", "--yes"]);
    assert_eq!(apply["error"], refused["error"]);
}

#[test]
fn a_dry_rollback_tells_what_comes_back_and_writes_nothing() {
    let node = Node::demo();
    let former = node.read(CONFIG);
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    let before = exact(node.outside());
    let (code, rollback) = node.json(&["rollback", "--dry-run"]);
    assert_eq!((code, &rollback["outcome"]), (0, &json!("planned")));
    assert!(exact(node.outside()) == before, "something was written");
    let files = rollback["files"].as_array().unwrap();
    let of = |path: &str| files.iter().find(|file| file["path"] == path).unwrap();
    let kubeconfig = of("/var/lib/kube-proxy/kubeconfig");
    assert_eq!(kubeconfig["before"]["mode"], "0600");
    assert_eq!(kubeconfig["after"]["mode"], "0644");
    assert_eq!(kubeconfig["after"]["owner"], "admin");
    assert_eq!(kubeconfig["diff"], "");
    let diff = of(CONFIG)["diff"].as_str().unwrap();
    assert!(diff.contains("\n+enableProfiling: true\n"), "{diff}");
    let policy = of("/etc/kubernetes/audit-policy.yaml");
    assert_eq!(policy["after"]["exists"], false);
    assert!(
        policy["diff"]
            .as_str()
            .unwrap()
            .starts_with("@@ -1,58 +0,0 @@")
    );
    assert_eq!(rollback["effects"][0]["outcome"], "planned");
    assert!(
        rollback["changes"]
            .as_array()
            .unwrap()
            .iter()
            .all(|change| change["outcome"] == "planned")
    );
    let text = node.run(&["rollback", "--dry-run"]);
    assert!(
        text.out.ends_with("\nNothing was written (--dry-run).\n"),
        "{}",
        text.out
    );
    assert!(exact(node.outside()) == before, "something was written");
    // What was told is what is done.
    let (code, done) = node.json(&["rollback", "--yes"]);
    assert_eq!(code, 0);
    assert_eq!(done["files"], rollback["files"]);
    assert_eq!(node.read(CONFIG), former);
}

#[test]
fn a_dry_rollback_of_files_that_changed_since_is_refused_like_the_rollback() {
    let node = Node::demo();
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    node.chmod(CONFIG, 0o640);
    let (code, dry) = node.json(&["rollback", "--dry-run"]);
    let (_, real) = node.json(&["rollback", "--yes"]);
    assert_eq!((code, &dry["outcome"]), (1, &json!("refused")));
    assert_eq!(dry["error"], real["error"]);
}

#[test]
fn a_secret_is_in_no_diff_of_a_rollback() {
    let node = Node::demo();
    let path = "/var/lib/kube-proxy/kubeconfig";
    let kubeconfig = node.read(path).replace(
        "    server: ",
        "    insecure-skip-tls-verify: true\n    server: ",
    );
    let at = kubeconfig.find("    client-certificate").unwrap();
    let (head, rest) = kubeconfig.split_at(at);
    node.write(path, format!("{head}    token: geheim-geheim\n{rest}"));
    node.run(&["apply", "--yes"]);
    assert!(
        node.read(path).contains("insecure-skip-tls-verify: false"),
        "{}",
        node.read(path)
    );
    let ran = node.run(&["--format", "json", "rollback", "--dry-run"]);
    assert!(ran.out.contains("insecure-skip-tls-verify"), "{}", ran.out);
    assert!(!ran.out.contains("geheim"), "{}", ran.out);
}

#[test]
fn to_ask_nobody_and_to_do_nothing_exclude_each_other() {
    let node = Node::demo();
    for command in ["apply", "rollback"] {
        let ran = node.run(&[command, "--yes", "--dry-run"]);
        assert_eq!(ran.code, 64, "{ran:?}");
    }
}

#[test]
fn a_dry_run_needs_no_terminal_and_no_state_directory() {
    let node = Node::demo();
    symlink("/nowhere", node.state()).unwrap();
    // A link in the place of the state directory is refused by the apply, and by its dry run's look.
    let dry = node.run(&["rollback", "--dry-run"]);
    assert_eq!(dry.code, 1, "{dry:?}");
    std::fs::remove_file(node.state()).unwrap();
    assert_eq!(node.run(&["apply", "--dry-run"]).code, 0);
    assert!(!node.state().exists());
}
