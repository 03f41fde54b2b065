//! What a container sees of the node.

use crate::edit::{Scalar, Tree};
use crate::root::NodePath;
use crate::yaml::Node;

/// A mount that is to be added.
#[derive(Clone, Debug)]
pub(in crate::kinds) struct Wanted {
    /// The volume's name, unless it is taken.
    pub(in crate::kinds) name: &'static str,
    /// Where the container sees it.
    pub(in crate::kinds) inside: NodePath,
    /// Where it lies on the node.
    pub(in crate::kinds) node: NodePath,
    /// The type of its hostPath.
    pub(in crate::kinds) kind: &'static str,
    /// The container must not write it.
    pub(in crate::kinds) read_only: bool,
}

impl Wanted {
    /// True for a type of hostPath that what is mounted passes as well: none, the same, or the one that
    /// would make it.
    pub(super) fn fits(&self, kind: &str) -> bool {
        let bare = |kind: &str| kind.trim_end_matches("OrCreate").to_string();
        kind.is_empty() || bare(kind) == bare(self.kind)
    }

    /// The entry in volumeMounts.
    pub(super) fn mount(&self, name: &str) -> Tree {
        let mut entries = vec![
            ("mountPath", Tree::text(self.inside.as_str())),
            ("name", Tree::text(name)),
        ];
        if self.read_only {
            entries.push(("readOnly", Tree::Scalar(Scalar::Bool(true))));
        }
        Tree::map(entries)
    }

    /// The entry in volumes.
    pub(super) fn volume(&self, name: &str) -> Tree {
        let host = [
            ("path", Tree::text(self.node.as_str())),
            ("type", Tree::text(self.kind)),
        ];
        Tree::map([("hostPath", Tree::map(host)), ("name", Tree::text(name))])
    }
}

/// What lies behind a path of the container.
pub(in crate::kinds) enum Backing {
    /// A path of the node, and where its mount begins in the container.
    Node {
        /// Where it is mounted.
        mounted_at: NodePath,
        /// The container cannot write it.
        read_only: bool,
    },
    /// A volume that is no path of the node, by its kind.
    Volume(String),
    /// The container's own image.
    Image,
}

/// What the container sees under a path: of nested mounts the inner one.
pub(super) fn behind(container: &Node, spec: &Node, path: &NodePath) -> Backing {
    let mounts = container.get("volumeMounts").map_or(&[][..], Node::items);
    let covering = mounts.iter().filter_map(|mount| {
        let at = NodePath::new(mount.get("mountPath")?.text()?)?;
        path.is_below(&at).then_some((at, mount))
    });
    // Of two at one path the API server refuses the pod; which one is taken is no matter.
    let Some((mounted_at, mount)) = covering.max_by_key(|(at, _)| at.components().count()) else {
        return Backing::Image;
    };
    let name = mount.get("name").and_then(Node::text);
    let volumes = spec.get("volumes").map_or(&[][..], Node::items);
    let volume = volumes
        .iter()
        .find(|volume| volume.get("name").and_then(Node::text) == name);
    let kind = |volume: &Node| {
        let kinds = volume.entries().iter().filter_map(|(key, _)| key.text());
        kinds
            .into_iter()
            .find(|key| *key != "name")
            .map(String::from)
    };
    match volume.and_then(kind).as_deref() {
        Some("hostPath") => Backing::Node {
            mounted_at,
            read_only: mount.get("readOnly").is_some_and(|node| !is_off(node)),
        },
        Some(kind) => Backing::Volume(kind.into()),
        None => Backing::Volume("missing".into()),
    }
}

/// True for a boolean that is off, in each spelling of YAML 1.1, which the kubelet reads; what is not
/// read here counts as on.
fn is_off(node: &Node) -> bool {
    let text = node.text().unwrap_or("on").to_ascii_lowercase();
    node.is_null() || matches!(text.as_str(), "false" | "no" | "n" | "off")
}
