//! `--manifests`: objects in every form in which people have them, found, judged, changed and taken back.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use serde_json::{Value, json};
use support::Node;
use support::manifests::{ADDON, MENDED, apply, verdict, with};

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
