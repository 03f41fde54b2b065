//! DaemonSets of kube-proxy that somebody has changed, and what the baseline kube-proxy-workload makes of them.

use serde_json::Value;

use super::{Node, Ran};

pub const HARDENED: &str = include_str!("../cases/_manifests/before/manifests/kube-proxy.yaml");
pub const ADDON: &str = include_str!("../fixtures/kubeadm-1.36/kube-proxy-addon.yaml");

/// The DaemonSet among these documents, its pod changed.
pub fn daemon_set(text: &str, change: impl Fn(&mut Value)) -> Value {
    let documents = text.split("---\n").filter(|text| !text.trim().is_empty());
    let mut objects = documents.map(|text| serde_yaml::from_str::<Value>(text).unwrap());
    let mut object = objects
        .find(|object| object["kind"] == "DaemonSet")
        .unwrap();
    change(&mut object["spec"]["template"]["spec"]);
    object
}

pub fn run(node: &Node, object: &Value, check: &str, command: &[&str]) -> Ran {
    node.write("/m/kube-proxy.json", format!("{object:#}\n"));
    let workload = ["--baseline", "kube-proxy-workload", "--manifests", "/m"];
    node.run(&[&workload[..], &["--only", check], command].concat())
}

#[track_caller]
pub fn scanned(object: &Value, check: &str, code: i32, told: &str) {
    let ran = run(&Node::empty(), object, check, &["scan"]);
    assert_eq!(ran.code, code, "{told}: {ran:?}");
    assert!(ran.out.contains(told), "{told}: {}", ran.out);
}

#[track_caller]
pub fn left(object: &Value, check: &str, told: &str) {
    let ran = run(&Node::empty(), object, check, &["plan"]);
    assert!(ran.out.contains(told), "{told}: {}", ran.out);
    assert!(ran.out.contains("nothing to do for tighten"), "{}", ran.out);
}
