//! ConfigMaps that cannot be judged, or not be changed, from the manifests that are there.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use support::Node;

const ADDON: &str = include_str!("fixtures/kubeadm-1.36/kube-proxy-addon.yaml");

/// As `kubectl get daemonset -o yaml` gives it.
#[test]
fn a_config_map_that_is_not_in_the_manifests_is_not_known_to_be_missing() {
    let mut documents = ADDON.split("---\n");
    let daemon_set = documents.find(|text| text.contains("kind: DaemonSet"));
    let node = Node::empty();
    node.write("/m/set.yaml", daemon_set.unwrap());
    let (_, scan) = node.json(&["--baseline", "kube-proxy", "--manifests", "/m", "scan"]);
    let mut unknown = 0;
    for verdict in scan["verdicts"].as_array().unwrap() {
        assert_ne!(verdict["verdict"], "fail", "{verdict}");
        if verdict["verdict"] == "unknown" {
            unknown += 1;
            assert_eq!(
                verdict["reason"],
                "ConfigMap kube-system/kube-proxy, which holds it, is not in these manifests",
                "{verdict}"
            );
        }
    }
    assert!(unknown > 0);
}

#[test]
fn an_immutable_config_map_is_left_to_a_person() {
    let text = ADDON.replace("kind: ConfigMap\n", "kind: ConfigMap\nimmutable: true\n");
    let node = Node::empty();
    node.write("/m/addon.yaml", &text);
    let before = node.snapshot();
    let chosen = ["--manifests", "/m", "--only", "node-ports-on-all-addresses"];
    let plan = node.run(&[&chosen[..], &["plan"]].concat());
    let told = "it is immutable, and the API server refuses every change of it: make a new ConfigMap with another name";
    assert!(plan.out.contains(told), "{}", plan.out);
    let ran = node.run(&[&chosen[..], &["apply", "--yes"]].concat());
    assert!(matches!(ran.code, 0 | 2), "{ran:?}");
    assert_eq!(node.snapshot(), before);
}
