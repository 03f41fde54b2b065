//! A node with a verdict of every kind, and its scan.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::Node;

const WAIVERS: &str = "waivers:
- check: metrics-exposed
  justification: \"scraped on purpose: <b> & ]]> \\\"quoted\\\"\"
  expires: 2999-12-31
- check: profiling-enabled
  justification: long ago
  expires: 2020-01-01
";

/// The demo node with a waiver that counts, one that has expired, and a check that cannot be judged.
pub fn mixed() -> Node {
    let node = Node::demo();
    node.write("/etc/tighten/waivers.yaml", WAIVERS);
    let ca = node.path("/var/lib/kube-proxy/ca.crt");
    fs::remove_file(&ca).unwrap();
    fs::create_dir(&ca).unwrap();
    node
}

/// The document of the scan, and its verdicts by check.
pub fn document(node: &Node) -> (Value, BTreeMap<String, Value>) {
    let (_, document) = node.json(&["scan"]);
    let verdicts = document["verdicts"].as_array().unwrap();
    let by_check = verdicts
        .iter()
        .map(|one| (one["check"].as_str().unwrap().to_string(), one.clone()))
        .collect();
    (document, by_check)
}

/// The scan in another format.
pub fn report(node: &Node, format: &str) -> String {
    let ran = node.run(&["scan", "--format", format]);
    assert_eq!((ran.code, ran.err.as_str()), (2, ""), "{format}");
    ran.out
}
