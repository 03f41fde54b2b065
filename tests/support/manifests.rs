//! Manifests of kube-proxy in a tree, judged and changed.

use serde_json::Value;

use super::{Node, Ran};

/// kubeadm's own addon.
pub const ADDON: &str = include_str!("../fixtures/kubeadm-1.36/kube-proxy-addon.yaml");
/// What kubeadm's own configuration fails by, and tighten mends.
pub const MENDED: &str = "node-ports-on-all-addresses";

pub fn with(file: &str, text: &str) -> Node {
    let node = Node::empty();
    node.write(file, text);
    node
}

pub fn verdict(node: &Node, path: &str, check: &str) -> Value {
    let (_, scan) = node.json(&["--manifests", path, "--only", check, "scan"]);
    scan["verdicts"][0].clone()
}

pub fn apply(node: &Node, path: &str, check: &str) -> Ran {
    node.run(&["--manifests", path, "--only", check, "apply", "--yes"])
}
