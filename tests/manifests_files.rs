//! `--manifests`: which files are read, what becomes of those that cannot be, and what a plan of them is good for.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;
use support::manifests::{ADDON, MENDED, apply, with};
use support::{Node, Ran};

#[test]
fn stdin_is_judged_and_planned_and_never_changed() {
    let node = Node::empty();
    let piped = |arguments: &[&str]| -> Ran {
        let mut command = node.command();
        command
            .args(["--manifests", "-", "--only", MENDED])
            .args(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(ADDON.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap().into()
    };
    let plan = piped(&["plan"]);
    assert_eq!((plan.code, plan.err.as_str()), (0, ""));
    assert!(
        plan.out.contains("+    nodePortAddresses: [\"primary\"]"),
        "{}",
        plan.out
    );
    assert!(!plan.out.contains("Apply"), "{}", plan.out);
    let saved = node.outside().join("plan.json");
    let plan = piped(&["plan", "--out", saved.to_str().unwrap()]);
    assert_eq!((plan.code, saved.exists()), (64, false), "{plan:?}");
    let apply = piped(&["apply", "--yes"]);
    assert_eq!(apply.code, 64, "{apply:?}");
    assert!(
        apply.err.contains("stdin cannot be changed"),
        "{}",
        apply.err
    );
    assert!(node.snapshot().is_empty());
}

#[test]
fn a_kustomization_names_its_files_and_its_patches_are_no_objects() {
    let node = with("/m/base/addon.yaml", ADDON);
    node.write("/m/base/kustomization.yaml", "resources: [addon.yaml]\n");
    node.write("/m/base/notes.yaml", "not: listed\nkind: DaemonSet\n");
    let patch = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  name: kube-proxy\nspec:\n  template:\n    spec:\n      hostPID: true\n      containers:\n      - name: kube-proxy\n";
    node.write("/m/over/patch.yaml", patch);
    node.write(
        "/m/over/kustomization.yaml",
        "resources:\n- ../base\n- https://example.com/remote\npatches:\n- path: patch.yaml\nimages:\n- name: x\n",
    );
    let ran = node.run(&[
        "--manifests",
        "/m/over",
        "--only",
        "workload-host-pid",
        "scan",
        "-v",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("6 objects in 1 file"), "{}", ran.out);
    assert!(
        ran.err
            .contains("/m/over/kustomization.yaml changes its objects (images, patches)"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("lists what does not lie here"),
        "{}",
        ran.err
    );
}

#[test]
fn what_a_kustomization_may_change_decides_nothing_and_the_cluster_is_told_its_result() {
    let node = with("/m/base/addon.yaml", ADDON);
    node.write("/m/base/kustomization.yaml", "resources: [addon.yaml]\n");
    node.write(
        "/m/over/kustomization.yaml",
        "resources: [../base]\nimages:\n- name: registry.k8s.io/kube-proxy\n  newTag: v1.20.0\n",
    );
    let arguments = ["--manifests", "/m/over", "--only"];
    let plan = |check| node.run(&[&arguments[..], &[check, "plan"]].concat()).out;
    let told = plan("workload-privileged");
    assert!(told.contains("Plan: nothing to do for tighten"), "{told}");
    assert!(told.contains("--init-only needs kube-proxy 1.29"), "{told}");
    let told = plan("workload-seccomp");
    assert!(
        told.contains("Then: kubectl apply -k /m/over, because"),
        "{told}"
    );
    assert!(!told.contains("apply -f"), "{told}");
    // A changed template starts its pods anew by itself.
    assert!(!told.contains("rollout restart"), "{told}");
}

#[test]
fn a_command_in_a_document_works_on_the_manifests_too() {
    let node = with("/m/addon.yaml", ADDON);
    let (_, plan) = node.json(&["--manifests", "/m", "plan"]);
    let manual = plan["manual"].as_array().unwrap();
    let left = |entry: &&Value| entry["check"] == "localhost-node-ports";
    let reason = manual.iter().find(left).unwrap()["reason"]
        .as_str()
        .unwrap();
    assert!(
        reason.ends_with("--manifests /m apply --only localhost-node-ports"),
        "{reason}"
    );
}

#[test]
fn a_rollback_of_manifests_takes_back_the_newest_of_theirs() {
    let node = with("/m/a.yaml", ADDON);
    node.write("/m/b.yaml", ADDON);
    for file in ["/m/a.yaml", "/m/b.yaml"] {
        let ran = apply(&node, file, MENDED);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let changed = node.read("/m/b.yaml");
    let ran = node.run(&["--manifests", "/m/a.yaml", "rollback", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(node.read("/m/a.yaml"), ADDON);
    assert_eq!(node.read("/m/b.yaml"), changed);
    node.write("/m/c.yaml", ADDON);
    let ran = node.run(&["--manifests", "/m/c.yaml", "rollback", "--yes"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("of these manifests alone"), "{}", ran.err);
}

#[test]
fn what_is_no_yaml_stops_where_it_may_concern_kube_proxy_and_is_told_where_not() {
    let node = with("/m/addon.yaml", ADDON);
    node.write("/m/chart/other.yaml", "a: {{ .Values.x }}\n  - b\n");
    let ran = node.run(&["--manifests", "/m", "--only", MENDED, "plan"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("passed over: /m/chart/other.yaml:"),
        "{}",
        ran.out
    );
    node.write(
        "/m/chart/proxy.yaml",
        "kind: DaemonSet # kube-proxy\nspec: {{ tpl . }}\n  x: y\n",
    );
    let before = node.snapshot();
    for command in [&["scan"][..], &["plan"], &["apply", "--yes"]] {
        let arguments = [&["--manifests", "/m"], command].concat();
        let ran = node.run(&arguments);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(
            ran.err.contains("error: /m/chart/proxy.yaml:3: not YAML"),
            "{}",
            ran.err
        );
        assert!(ran.err.contains("helm template"), "{}", ran.err);
    }
    assert_eq!(node.snapshot(), before);
}

#[test]
fn manifests_without_kube_proxy_are_refused() {
    let node = with(
        "/m/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    );
    let ran = node.run(&["--manifests", "/m", "scan"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err.contains("no kube-proxy in /m: 1 object in 1 file"),
        "{}",
        ran.err
    );
    let ran = node.run(&["--manifests", "/none", "scan"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("/none does not exist"), "{}", ran.err);
}

#[test]
fn a_saved_plan_of_manifests_is_applied_to_them_or_not_at_all() {
    let node = with("/m/addon.yaml", ADDON);
    let saved = node.outside().join("plan.json");
    let saved = saved.to_str().unwrap();
    let ran = node.run(&["--manifests", "/m", "plan", "--out", saved]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = node.run(&["apply", saved, "--yes"]);
    assert_eq!(ran.code, 64, "{ran:?}");
    assert!(
        ran.err.contains("name the plan's own: --manifests /m"),
        "{}",
        ran.err
    );
    node.write("/m/addon.yaml", ADDON.replace("qps: 0", "qps: 1"));
    let ran = node.run(&["--manifests", "/m", "apply", saved, "--yes"]);
    assert_eq!(ran.code, 1, "stale: {ran:?}");
    node.write("/m/addon.yaml", ADDON);
    let ran = node.run(&["--manifests", "/m", "apply", saved, "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        node.read("/m/addon.yaml")
            .contains("nodePortAddresses: [\"primary\"]")
    );
}
