//! A node with one trace of kube-proxy, and what `tighten facts` makes of it.

use super::Node;

pub const CONFIG: &str = "apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection:
  kubeconfig: /etc/kp/kubeconfig
";
pub const UNIT: &str = "/etc/systemd/system/kube-proxy.service";

/// What `tighten facts` says of kube-proxy, and the value of one fact.
pub struct Found {
    pub document: serde_json::Value,
}

impl Found {
    pub fn in_node(node: &Node) -> Found {
        let (code, document) = node.json(&["facts"]);
        assert!(code <= 1, "{document:#}");
        Found { document }
    }

    pub fn proxy(&self, key: &str) -> &str {
        let proxy = &self.document["node"]["kube_proxy"];
        proxy[key].as_str().unwrap_or("null")
    }

    pub fn fact(&self, name: &str) -> String {
        let facts = self.document["facts"].as_array().unwrap();
        facts
            .iter()
            .rfind(|fact| fact["name"] == name)
            .map_or("none".into(), |fact| {
                fact["value"]
                    .as_str()
                    .map_or_else(|| fact["value"].to_string(), String::from)
            })
    }
}

/// A node whose only trace of kube-proxy is a unit with this `[Service]` section.
pub fn service(lines: &str) -> Node {
    let node = Node::empty();
    node.write(
        UNIT,
        format!("[Unit]\nDescription=x\n\n[Service]\n{lines}\n"),
    );
    node.write("/etc/kp/config.yaml", CONFIG);
    node.write("/etc/kp/kubeconfig", "apiVersion: v1\nkind: Config\n");
    node
}
