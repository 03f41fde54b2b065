//! One object, and where it stands.

use std::fmt;

use crate::edit::{Alteration, Step, Within};
use crate::kinds::{Edit, Mend, boolean};
use crate::root::NodePath;
use crate::yaml::{Node, Value};

/// One object, and where it stands.
#[derive(Clone, Debug)]
pub struct Object {
    /// The file, with every symlink resolved.
    pub file: NodePath,
    /// Which document of the file, counted from 0.
    pub document: usize,
    /// The way from the document's root: empty, or to an item of a List.
    pub at: Vec<Step>,
    /// `apps/v1`.
    pub api_version: String,
    /// `DaemonSet`.
    pub kind: String,
    /// The namespace that it names.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Its line, counted from 1.
    pub line: usize,
    /// The object as it was read. Spans and lines are those of the file.
    pub node: Node,
    /// Why what it holds is not all to be seen in it.
    pub doubt: Option<&'static str>,
    /// Why it is never changed here: who would undo it, or refuse it.
    pub hold: Option<String>,
}

impl Object {
    /// The object that a node is, when it is one.
    pub(super) fn of(
        node: Node,
        file: &NodePath,
        document: usize,
        at: Vec<Step>,
        inherited: Option<(&str, &str)>,
    ) -> Option<Object> {
        let text = |key: &str| node.get(key).and_then(Node::text).map(String::from);
        let metadata = node.get("metadata")?;
        let named = |key: &str| metadata.get(key).and_then(Node::text).map(String::from);
        // Items of a typed list go without their own.
        let (api_version, kind) = match (text("apiVersion"), text("kind"), inherited) {
            (Some(api_version), Some(kind), _) => (api_version, kind),
            (_, _, Some((api_version, kind))) => (api_version.into(), kind.into()),
            _ => return None,
        };
        let hold = match kind.as_str() {
            "Pod" => running(metadata),
            "ConfigMap" => immutable(&node),
            _ => None,
        };
        Some(Object {
            file: file.clone(),
            document,
            at,
            api_version,
            kind,
            namespace: named("namespace").filter(|name| !name.is_empty()),
            name: named("name")?,
            line: node.line,
            doubt: doubt(&node),
            hold,
            node,
        })
    }

    /// Its API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// Its name for people: `DaemonSet kube-system/kube-proxy`.
    pub fn title(&self) -> Title<'_> {
        Title(self)
    }

    /// What is done to values of it, each by its way from the object's own root.
    pub fn mend(&self, alterations: Vec<Alteration>) -> Mend {
        if let Some(hold) = &self.hold {
            return Mend::ByHand(hold.clone());
        }
        let placed = |alteration: Alteration| alteration.below(&self.at);
        let within = Within {
            document: self.document,
            embedded: Vec::new(),
        };
        let alterations = alterations.into_iter().map(placed).collect();
        Mend::Edit(self.file.clone(), Edit::Within(within, alterations))
    }
}

/// Why a pod is not changed by its manifest: the API server takes no change of what its containers may do once
/// it is there (core/v1, Pod).
fn running(metadata: &Node) -> Option<String> {
    let made = metadata.get("ownerReferences");
    if made.is_some_and(|owners| !owners.items().is_empty()) {
        return Some("its controller made this pod, and makes it anew: change that".into());
    }
    let there = metadata.get("uid").is_some_and(|uid| !uid.is_null());
    there.then(|| {
        "nothing of this can be changed in a pod that is there: make it anew by hand".into()
    })
}

/// Why the API server would refuse a change of a ConfigMap (core/v1, `immutable` of ConfigMap).
fn immutable(node: &Node) -> Option<String> {
    let immutable = node.get("immutable").and_then(boolean) == Some(true);
    immutable.then(|| {
        "it is immutable, and the API server refuses every change of it: make a new ConfigMap with another name and the change in it, and let the workload's volume name that".into()
    })
}

/// An object's name for people.
pub struct Title<'a>(&'a Object);

impl fmt::Display for Title<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = self.0;
        match &object.namespace {
            Some(namespace) => write!(out, "{} {namespace}/{}", object.kind, object.name),
            None => write!(out, "{} {}", object.kind, object.name),
        }
    }
}

/// Why what an object holds is not all to be seen in it. The reader of YAML bounds how deep this goes.
fn doubt(node: &Node) -> Option<&'static str> {
    match &node.value {
        Value::Alias(_) => Some("it refers to an anchor elsewhere in its file"),
        Value::Scalar(..) => None,
        Value::Sequence(items, _) => items.iter().find_map(doubt),
        Value::Mapping(entries, _) => {
            for (at, (key, value)) in entries.iter().enumerate() {
                if key.text() == Some("<<") {
                    return Some("it merges what stands elsewhere in its file");
                }
                let same = |(other, _): &(Node, Node)| other.text() == key.text();
                if entries.iter().take(at).any(same) {
                    return Some("it has a key twice");
                }
                if let Some(doubt) = doubt(value) {
                    return Some(doubt);
                }
            }
            None
        }
    }
}
