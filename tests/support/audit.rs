//! Asking an audit policy about requests.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use super::{Node, Ran};

/// Three rules: for a path, for one object, for a group.
pub const POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [Panic]
rules:
# Nothing of the probes.
- level: None
  nonResourceURLs: [\"/healthz*\"]
- level: RequestResponse
  users: [alice]
  resources:
  - group: apps
    resources: [deployments/scale]
    resourceNames: [web]
  namespaces: [prod]
  omitStages: [RequestReceived]

# All else of the ops.
- level: Metadata
  userGroups: [ops]
";
pub const SCALE: &[&str] = &[
    "--user",
    "alice",
    "--verb",
    "patch",
    "--resource",
    "deployments.apps/scale",
    "--namespace",
    "prod",
    "--name",
    "web",
];

pub fn node() -> Node {
    let node = Node::empty();
    node.write("/p.yaml", POLICY);
    node
}

pub fn ask(node: &Node, request: &[&str]) -> Ran {
    node.run(&[&["audit-policy", "/p.yaml"], request].concat())
}

/// Runs with these bytes on stdin.
pub fn feed(node: &Node, requests: &str) -> Ran {
    let mut command = node.command();
    command.args(["audit-policy", "/p.yaml", "--requests", "-"]);
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may stop reading before the end.
    let _ = stdin.write_all(requests.as_bytes());
    drop(stdin);
    child.wait_with_output().unwrap().into()
}

/// The lines on stdout, each a document, without what every document has.
pub fn answers(ran: &Ran) -> Vec<Value> {
    let bare = |line: &str| {
        let mut document: Value = serde_json::from_str(line).unwrap();
        assert_eq!(document["schema"], "tighten.audit-policy/v1");
        assert_eq!(document["tool"]["name"], "tighten");
        let fields = document.as_object_mut().unwrap();
        fields.retain(|key, _| key != "schema" && key != "tool");
        document
    };
    ran.out.lines().map(bare).collect()
}
