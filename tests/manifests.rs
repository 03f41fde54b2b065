//! `--manifests`: objects in every form in which people have them, found, judged, changed and taken back.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use support::{Node, Ran};

const ADDON: &str = include_str!("fixtures/kubeadm-1.36/kube-proxy-addon.yaml");
/// What kubeadm's own configuration fails by, and tighten mends.
const MENDED: &str = "node-ports-on-all-addresses";

fn with(file: &str, text: &str) -> Node {
    let node = Node::empty();
    node.write(file, text);
    node
}

fn verdict(node: &Node, path: &str, check: &str) -> Value {
    let (_, scan) = node.json(&["--manifests", path, "--only", check, "scan"]);
    scan["verdicts"][0].clone()
}

fn apply(node: &Node, path: &str, check: &str) -> Ran {
    node.run(&["--manifests", path, "--only", check, "apply", "--yes"])
}

/// Applies, compares the file with what it should be, and takes it back.
fn there_and_back(node: &Node, path: &str, file: &str, expected: &str) {
    let before = node.snapshot();
    let ran = apply(node, path, MENDED);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(node.read(file), expected);
    let again = node.run(&["--manifests", path, "--only", MENDED, "verify"]);
    assert_eq!(again.code, 0, "{again:?}");
    let back = node.run(&["rollback", "--yes"]);
    assert_eq!(back.code, 0, "{back:?}");
    assert_eq!(node.snapshot(), before);
}

/// kubeadm's addon as `kubectl get -o json` gives it: a List, with the configuration as an escaped string.
fn as_json_list() -> Value {
    let config = ADDON
        .split("\n  config.conf: |-\n")
        .nth(1)
        .unwrap()
        .split("\n---")
        .next()
        .unwrap();
    let lines: Vec<&str> = config
        .lines()
        .map(|line| line.strip_prefix("    ").unwrap_or(line))
        .collect();
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ConfigMap",
         "metadata": {"name": "kube-proxy", "namespace": "kube-system"},
         "data": {"config.conf": lines.join("\n").trim_end()}},
        {"apiVersion": "apps/v1", "kind": "DaemonSet",
         "metadata": {"name": "kube-proxy", "namespace": "kube-system"},
         "spec": {"template": {"spec": {
            "containers": [{"name": "kube-proxy", "image": "registry.k8s.io/kube-proxy:v1.36.2",
                "command": ["/usr/local/bin/kube-proxy", "--config=/var/lib/kube-proxy/config.conf"],
                "volumeMounts": [{"name": "own", "mountPath": "/var/lib/kube-proxy"}]}],
            "volumes": [{"name": "own", "configMap": {"name": "kube-proxy"}}]}}}},
    ]})
}

#[test]
fn a_value_of_a_configuration_in_a_block_of_text_changes_alone_and_comes_back() {
    let node = with("/m/addon.yaml", ADDON);
    let expected = ADDON.replace(
        "nodePortAddresses: null",
        "nodePortAddresses: [\"primary\"]",
    );
    assert_ne!(expected, ADDON);
    there_and_back(&node, "/m/addon.yaml", "/m/addon.yaml", &expected);
    let found = verdict(&node, "/m", MENDED);
    assert_eq!(found["verdict"], "fail");
    assert_eq!(found["path"], "/m/addon.yaml");
    let line = ADDON
        .lines()
        .position(|line| line.contains("nodePortAddresses"));
    assert_eq!(found["line"], line.unwrap() + 1);
}

#[test]
fn a_list_in_json_with_the_configuration_as_a_string_changes_in_that_string() {
    let before = as_json_list();
    let text = format!("{before:#}\n");
    let node = with("/m/all.json", &text);
    let expected = text.replace(
        "nodePortAddresses: null",
        "nodePortAddresses: [\\\"primary\\\"]",
    );
    assert_ne!(expected, text);
    there_and_back(&node, "/m/all.json", "/m/all.json", &expected);
}

#[test]
fn a_list_in_yaml_is_read_item_by_item() {
    let mut text = String::from("apiVersion: v1\nkind: List\nitems:\n");
    for document in ADDON.split("---\n").filter(|text| !text.trim().is_empty()) {
        for (at, line) in document.trim_end().lines().enumerate() {
            let lead = if at == 0 { "- " } else { "  " };
            let line = if line.is_empty() { "" } else { line };
            text.push_str(format!("{lead}{line}").trim_end());
            text.push('\n');
        }
    }
    let node = with("/m/list.yaml", &text);
    let expected = text.replace(
        "nodePortAddresses: null",
        "nodePortAddresses: [\"primary\"]",
    );
    there_and_back(&node, "/m/list.yaml", "/m/list.yaml", &expected);
    let (_, scan) = node.json(&["--manifests", "/m/list.yaml", "scan"]);
    assert_eq!(
        scan["node"]["kube_proxy"]["managed_by"],
        "DaemonSet kube-system/kube-proxy"
    );
    assert_eq!(scan["node"]["kube_proxy"]["platform"], "manifests");
    assert_eq!(scan["node"]["kube_proxy"]["version"], "1.36.2");
}

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
fn a_flag_of_a_workload_without_a_configuration_is_set_in_its_command() {
    let text = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  name: kube-proxy\n  namespace: kube-system\nspec:\n  template:\n    spec:\n      containers:\n      - name: kube-proxy\n        image: registry.k8s.io/kube-proxy:v1.30.1\n        command:\n        - kube-proxy\n        - --metrics-bind-address=0.0.0.0:10249\n        - --v=2\n";
    let node = with("/m/ds.yaml", text);
    let ran = apply(&node, "/m", "metrics-exposed");
    assert_eq!(ran.code, 0, "{ran:?}");
    let expected = text.replace(
        "--metrics-bind-address=0.0.0.0:10249",
        "\"--metrics-bind-address=127.0.0.1:10249\"",
    );
    assert_eq!(node.read("/m/ds.yaml"), expected);
    let ran = apply(&node, "/m", "profiling-enabled");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(node.read("/m/ds.yaml"), expected, "it is off by default");
    let found = verdict(&node, "/m", "metrics-exposed");
    assert_eq!(found["verdict"], "pass");
}

#[test]
fn a_configuration_that_kube_proxy_would_refuse_stops_the_plan_with_the_manifests_line() {
    let text = ADDON.replace(
        "metricsBindAddress: \"\"",
        "metricsBindAddress: localhost:10249",
    );
    let node = with("/m/addon.yaml", &text);
    let ran = node.run(&["--manifests", "/m", "plan"]);
    let line = 1 + text
        .lines()
        .position(|line| line.contains("localhost:10249"))
        .unwrap();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err.contains(&format!("/m/addon.yaml:{line}:")),
        "{}",
        ran.err
    );
    assert_eq!(verdict(&node, "/m", "config-refused")["verdict"], "fail");
}

#[test]
fn an_object_that_refers_elsewhere_is_not_judged() {
    let text = ADDON.replace(
        "      hostNetwork: true\n",
        "      hostNetwork: &yes true\n      hostIPC: *yes\n",
    );
    let node = with("/m/addon.yaml", &text);
    let found = verdict(&node, "/m", "workload-host-ipc");
    assert_eq!(found["verdict"], "unknown");
    assert!(
        found["reason"].as_str().unwrap().contains("anchor"),
        "{found}"
    );
    // Nor is one taken for no workload because its containers stand elsewhere.
    let text = "x: &c\n- name: kube-proxy\n  image: kube-proxy:v1.36.2\napiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  name: kube-proxy\nspec:\n  template:\n    spec:\n      containers: *c\n";
    let node = with("/m/ds.yaml", text);
    let found = verdict(&node, "/m", "workload-host-ipc");
    assert_eq!(found["verdict"], "unknown", "{found}");
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

#[test]
fn a_secret_in_a_manifest_is_in_no_output() {
    let token = "c2VjcmV0LXRva2VuLW9mLXRoZS1wcm94eQ";
    let text = ADDON.replace(
        "tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token",
        &format!("token: {token}"),
    ) + &format!(
        "\n---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s, namespace: kube-system}}\ndata:\n  token: {token}\nstringData:\n  other: {token}\n"
    );
    let node = with("/m/addon.yaml", &text);
    for command in [
        &["scan", "-v"][..],
        &["plan", "-v"],
        &["facts"],
        &["apply", "--yes"],
    ] {
        for format in ["text", "json"] {
            let arguments = [&["--manifests", "/m", "--format", format], command].concat();
            let ran = node.run(&arguments);
            assert!(
                !ran.out.contains(token) && !ran.err.contains(token),
                "{arguments:?}"
            );
        }
    }
    for entry in walkdir::WalkDir::new(node.state()).into_iter().flatten() {
        let is_backup = entry
            .path()
            .components()
            .any(|part| part.as_os_str() == "backups");
        if entry.file_type().is_file() && !is_backup {
            let bytes = std::fs::read(entry.path()).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            let whole_file = text.contains("kind: Secret");
            assert!(
                whole_file || !text.contains(token),
                "{}",
                entry.path().display()
            );
        }
    }
}

#[test]
fn the_workload_of_a_static_pod_is_judged_on_its_node() {
    let node = Node::empty();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: kube-proxy\n  namespace: kube-system\nspec:\n  hostPID: true\n  containers:\n  - name: kube-proxy\n    image: registry.k8s.io/kube-proxy:v1.36.2\n    command: [kube-proxy, --kubeconfig=/var/lib/kube-proxy/kubeconfig]\n";
    let path = "/etc/kubernetes/manifests/kube-proxy.yaml";
    node.write(path, pod);
    let arguments = [
        "--baseline",
        "kube-proxy-workload",
        "--only",
        "workload-host-pid",
    ];
    let ran = node.run(&[&arguments[..], &["apply", "--yes"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        node.read(path),
        pod.replace("hostPID: true", "hostPID: false")
    );
}
