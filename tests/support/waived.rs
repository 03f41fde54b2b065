//! Nodes on which findings are waived.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::Node;

pub const CONFIG: &str = "/var/lib/kube-proxy/kube-proxy-config.yaml";
/// Where the node keeps its own waivers.
pub const OWN: &str = "/etc/tighten/waivers.yaml";
/// One waiver that counts for a long time.
pub const METRICS: &str =
    "- {check: metrics-exposed, justification: Prometheus scrapes it, expires: 2999-12-31}\n";

/// Gives the node these waivers.
pub fn waive(node: &Node, entries: &str) {
    node.write(OWN, format!("waivers:\n{entries}"));
}

/// The demo node with these waivers.
pub fn demo(entries: &str) -> Node {
    let node = Node::demo();
    waive(&node, entries);
    node
}

/// Writes a waivers file of this machine; its path.
pub fn file(node: &Node, name: &str, entries: &str) -> String {
    let path = node.outside().join(name);
    fs::write(&path, format!("waivers:\n{entries}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_string()
}

/// What was printed, without what differs from run to run.
pub fn plain(node: &Node, text: &str) -> String {
    let flags = format!(
        " --root {} --state-dir {}",
        node.root().display(),
        node.state().display()
    );
    text.replace(&flags, "")
}

/// What became of each waiver.
pub fn states(scan: &Value) -> Vec<&str> {
    let waivers = scan["waivers"].as_array().unwrap().iter();
    waivers
        .map(|waiver| waiver["state"].as_str().unwrap())
        .collect()
}
