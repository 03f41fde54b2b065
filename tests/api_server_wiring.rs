//! The audit log of a node with a static pod API server, from nothing to written: the order in which it is
//! wired, what lies in the kubelet's directory meanwhile, and what a rollback leaves.

// A test that cannot go on should stop there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use support::Node;
use support::places::POLICY;
use support::traced::{can_trace, traced};

const CHECKS: &str =
    "audit-policy-missing,audit-log-disabled,audit-log-unbounded,audit-log-readable";
const MANIFESTS: &str = "/etc/kubernetes/manifests";
const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
const LOGS: &str = "/var/log/kubernetes";
const AUDIT: &str = "/var/log/kubernetes/audit";
const LOG: &str = "/var/log/kubernetes/audit/audit.log";

fn paths(document: &Value) -> Vec<&str> {
    let changes = document["changes"].as_array().unwrap();
    changes
        .iter()
        .map(|change| change["path"].as_str().unwrap())
        .collect()
}

fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("skipped: the log is to belong to root");
    }
    root
}

/// As the API server does when it starts.
fn write_log(node: &Node) {
    fs::write(node.path(LOG), "{\"kind\":\"Event\"}\n").unwrap();
    fs::set_permissions(node.path(LOG), fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn the_policy_and_the_directories_come_first_and_the_manifest_last_and_a_rollback_goes_back_the_other_way()
 {
    if !is_root() {
        return;
    }
    let node = Node::demo();
    let before = node.snapshot();
    let order = [POLICY, LOGS, AUDIT, MANIFEST, MANIFEST];
    let (_, plan) = node.json(&["plan", "--only", CHECKS]);
    assert_eq!(paths(&plan), order);
    let (code, applied) = node.json(&["apply", "--yes", "--only", CHECKS]);
    assert_eq!((code, paths(&applied)), (0, order.to_vec()));
    assert_eq!((node.mode(LOGS), node.mode(AUDIT)), (0o755, 0o700));
    let manifest = node.read(MANIFEST);
    for flag in [
        "policy-file=",
        "log-path=",
        "log-maxage=",
        "log-maxbackup=",
        "log-maxsize=",
    ] {
        assert_eq!(manifest.matches(&format!("--audit-{flag}")).count(), 1);
    }
    assert_eq!(node.mode(MANIFEST), 0o600);
    let (_, again) = node.json(&["plan", "--only", CHECKS]);
    assert_eq!(again["changes"], Value::Array(Vec::new()));
    write_log(&node);
    assert_eq!(node.run(&["scan", "--only", CHECKS]).code, 0);
    assert_eq!(node.run(&["verify", "--only", CHECKS]).code, 0);
    fs::remove_file(node.path(LOG)).unwrap();

    let (code, undone) = node.json(&["rollback", "--yes"]);
    let mut back = order.to_vec();
    back.reverse();
    assert_eq!((code, paths(&undone)), (0, back));
    assert!(node.snapshot() == before);
}

#[test]
fn all_checks_together_still_end_with_the_manifest() {
    let node = Node::demo();
    let (_, plan) = node.json(&["plan"]);
    let all = paths(&plan);
    let policy = all.iter().position(|path| *path == POLICY).unwrap();
    let tail = [POLICY, LOGS, AUDIT, MANIFEST, MANIFEST];
    assert_eq!(all[policy..], tail, "{all:?}");
    let (code, _) = node.json(&["apply", "--yes"]);
    assert_eq!(code, 0);
    assert_eq!(node.run(&["verify"]).code, 0);
}

#[test]
fn nothing_but_a_dot_file_lies_beside_the_manifest_and_it_is_renamed_last() {
    if !is_root() || !can_trace() {
        return;
    }
    let node = Node::demo();
    let arguments = ["apply", "--yes", "--only", CHECKS];
    let (ran, calls) = traced(&node.command(), &arguments).unwrap();
    assert_eq!(ran.code, 0, "{ran:?}");
    let manifests = format!("<{}>", node.path(MANIFESTS).display());
    let names = |call: &String| {
        let made = call.starts_with("openat(") && call.contains("O_CREAT");
        let named = call.starts_with("rename") || call.starts_with("mkdir") || made;
        named && call.contains(&manifests)
    };
    let beside: Vec<&String> = calls.iter().filter(|call| names(call)).collect();
    assert_eq!(beside.len(), 2, "{beside:#?}");
    assert!(beside.iter().all(|call| call.contains("\".tighten-")));
    // One rename that replaces, never an exchange: the kubelet sees one event.
    assert!(beside[1].starts_with("renameat(") && beside[1].contains("\"kube-apiserver.yaml\""));

    let at = |part: &str, name: &str| {
        let found = calls
            .iter()
            .position(|call| call.starts_with(part) && call.contains(name));
        found.unwrap_or_else(|| panic!("no {part} of {name}"))
    };
    let order = [
        at("renameat2(", "\"audit-policy.yaml\""),
        at("mkdirat(", "\"kubernetes\""),
        at("mkdirat(", "\"audit\""),
        at("renameat(", "\"kube-apiserver.yaml\""),
    ];
    assert!(order.is_sorted(), "{order:?}");
    let left: Vec<_> = fs::read_dir(node.path(MANIFESTS))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["kube-apiserver.yaml"]);
}

#[test]
fn a_rollback_keeps_the_log_that_was_written_and_says_so() {
    if !is_root() {
        return;
    }
    let node = Node::demo();
    let manifest = node.read(MANIFEST);
    assert_eq!(node.run(&["apply", "--yes", "--only", CHECKS]).code, 0);
    write_log(&node);
    let ran = node.run(&["rollback", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let said =
        "  ! /var/log/kubernetes/audit and /var/log/kubernetes stay, with what lies there now\n";
    assert!(ran.out.contains(said), "{}", ran.out);
    assert!(ran.out.contains("; 2 files are as before."), "{}", ran.out);
    assert_eq!(node.read(LOG), "{\"kind\":\"Event\"}\n");
    assert_eq!(node.read(MANIFEST), manifest);
    assert!(!node.path(POLICY).exists());
    // The directory is there now, and is what is wanted: nobody makes it again.
    let (_, plan) = node.json(&["plan", "--only", CHECKS]);
    assert_eq!(paths(&plan), [POLICY, MANIFEST, MANIFEST]);
    assert_eq!(node.run(&["apply", "--yes", "--only", CHECKS]).code, 0);
    assert_eq!(node.read(LOG), "{\"kind\":\"Event\"}\n");
}

#[test]
fn a_saved_plan_wires_the_log_and_is_stale_when_the_manifest_or_the_directory_is_another() {
    if !is_root() {
        return;
    }
    type Change = fn(&Node);
    let changes: [(Option<Change>, &str); 4] = [
        (None, ""),
        (
            Some(|node: &Node| {
                let text = node.read(MANIFEST).replace("cpu: 250m", "cpu: 300m");
                fs::write(node.path(MANIFEST), text).unwrap();
            }),
            "/etc/kubernetes/manifests/kube-apiserver.yaml: its content is another",
        ),
        (
            Some(|node: &Node| fs::create_dir_all(node.path(AUDIT)).unwrap()),
            "/var/log/kubernetes/audit: the plan was made without it",
        ),
        (
            Some(|node: &Node| node.write(POLICY, "kind: Policy\n")),
            "/etc/kubernetes/audit-policy.yaml: it exists now",
        ),
    ];
    for (change, said) in changes {
        let node = Node::demo();
        let plan = node.outside().join("plan.json");
        let plan = plan.to_str().unwrap();
        let made = node.run(&["plan", "--only", CHECKS, "--out", plan]);
        assert_eq!(made.code, 0, "{made:?}");
        if let Some(change) = change {
            change(&node);
        }
        let before = node.snapshot();
        let ran = node.run(&["apply", "--yes", plan]);
        if change.is_none() {
            assert_eq!(ran.code, 0, "{ran:?}");
            continue;
        }
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(
            ran.err.contains(&format!("the plan is stale: {said}")),
            "{}",
            ran.err
        );
        assert!(node.snapshot() == before);
    }
}

#[test]
fn what_kubeadm_writes_anew_is_told_with_the_change_that_was_made() {
    let node = Node::demo();
    let (_, plan) = node.json(&["plan", "--only", CHECKS]);
    let manual = plan["manual"].as_array().unwrap();
    let said: Vec<&str> = manual
        .iter()
        .map(|left| left["reason"].as_str().unwrap())
        .collect();
    let begins = "kubeadm upgrade writes the manifest anew from its own configuration: kubectl -n kube-system edit configmap kubeadm-config, and add under ClusterConfiguration: apiServer: ";
    assert_eq!(said.len(), 2, "{said:?}");
    let wanted: [Value; 2] = [
        serde_json::json!({
            "extraArgs": [
                {"name": "audit-policy-file", "value": POLICY},
                {"name": "audit-log-path", "value": LOG},
            ],
            "extraVolumes": [
                {"name": "audit-policy", "hostPath": POLICY, "mountPath": POLICY, "readOnly": true, "pathType": "File"},
                {"name": "audit-log", "hostPath": AUDIT, "mountPath": AUDIT, "pathType": "DirectoryOrCreate"},
            ],
        }),
        serde_json::json!({
            "extraArgs": [
                {"name": "audit-log-maxage", "value": "30"},
                {"name": "audit-log-maxbackup", "value": "10"},
                {"name": "audit-log-maxsize", "value": "100"},
            ],
        }),
    ];
    for (said, wanted) in said.iter().zip(wanted) {
        let patch = said.strip_prefix(begins).expect(said);
        // What is told is YAML that can be pasted, and means this.
        let read: Value = serde_yaml::from_str(patch).unwrap();
        assert_eq!(read, wanted);
    }
}

/// The demo node with other volumes and mounts in its API server's manifest.
fn node_with(volumes: &str, mounts: &str) -> Node {
    let node = Node::demo();
    let manifest = node.read(MANIFEST);
    let manifest = manifest
        .replace("  volumes:\n", &format!("  volumes:\n{volumes}"))
        .replace(
            "    volumeMounts:\n",
            &format!("    volumeMounts:\n{mounts}"),
        );
    node.write(MANIFEST, manifest);
    node.chmod(MANIFEST, 0o600);
    node
}

#[test]
fn only_a_volume_is_used_again_that_lets_the_container_start() {
    let volume = |name: &str, path: &str, kind: &str| {
        format!("  - hostPath:\n      path: {path}\n      type: {kind}\n    name: {name}\n")
    };
    for (volumes, used) in [
        (volume("old", POLICY, "File"), true),
        (volume("old", POLICY, "FileOrCreate"), true),
        (volume("old", POLICY, "\"\""), true),
        // The kubelet refuses each of these, and the API server would not come back.
        (volume("old", POLICY, "DirectoryOrCreate"), false),
        (volume("old", POLICY, "Socket"), false),
        (
            volume("old", POLICY, "File") + &volume("old", "/srv", "Directory"),
            false,
        ),
        (volume("old", AUDIT, "Directory"), true),
        (volume("old", AUDIT, "FileOrCreate"), false),
    ] {
        let node = node_with(&volumes, "");
        let (_, document) = node.json(&["plan", "--only", CHECKS]);
        let changes = document["changes"].as_array().unwrap();
        let diff = changes
            .iter()
            .find(|change| change["check"] == "audit-log-disabled" && change["path"] == MANIFEST)
            .map(|change| change["diff"].as_str().unwrap())
            .unwrap();
        assert_eq!(diff.contains("+      name: old\n"), used, "{volumes}{diff}");
    }
}

#[test]
fn a_read_only_mount_is_one_in_every_spelling() {
    let volume = "  - hostPath: {path: /var/log}\n    name: old\n";
    for spelled in ["true", "True", "yes", "on"] {
        let mount =
            format!("    - mountPath: /var/log\n      name: old\n      readOnly: {spelled}\n");
        let node = node_with(volume, &mount);
        let (_, document) = node.json(&["scan", "--only", "audit-log-disabled"]);
        let observed = document["verdicts"][0]["observed"].as_str().unwrap();
        let seen = "/var/log/kubernetes/audit is mounted readOnly";
        assert!(observed.contains(seen), "{spelled}: {observed}");
    }
}
