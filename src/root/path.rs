//! Paths as the node sees them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An absolute path inside a root, without the root's own prefix.
///
/// `..` and symlinks may still be in it: only resolving tells where it leads. Not UTF-8: not
/// representable, since no output could name it exactly.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodePath(String);

impl NodePath {
    /// Takes an absolute path; doubled slashes and `.` components are dropped.
    /// `None` when it is not absolute or holds a NUL byte.
    pub fn new(path: &str) -> Option<NodePath> {
        if !path.starts_with('/') || path.contains('\0') {
            return None;
        }
        let mut clean = String::with_capacity(path.len());
        for component in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
            clean.push('/');
            clean.push_str(component);
        }
        if clean.is_empty() {
            clean.push('/');
        }
        Some(NodePath(clean))
    }

    /// The root itself.
    pub fn root() -> NodePath {
        NodePath("/".into())
    }

    /// `path` when it is absolute, else `path` inside this directory. `None` for a NUL byte.
    pub fn join(&self, path: &str) -> Option<NodePath> {
        if path.starts_with('/') {
            NodePath::new(path)
        } else {
            NodePath::new(&format!("{}/{path}", self.0))
        }
    }

    /// The directory that holds it; of the root, the root.
    pub fn parent(&self) -> NodePath {
        match self.0.rsplit_once('/') {
            None | Some(("", _)) => NodePath::root(),
            Some((parent, _)) => NodePath(parent.into()),
        }
    }

    /// The last component; empty for the root.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(_, name)| name)
    }

    /// The components between the slashes.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    /// True for this directory itself and for everything in it, by name.
    pub fn is_below(&self, directory: &NodePath) -> bool {
        let mut own = self.components();
        directory.components().all(|part| own.next() == Some(part))
    }

    /// When it lies in a volume that the kubelet made (`.../kubernetes.io~KIND/NAME`): how many
    /// components lead to the volume, and the volume's kind.
    pub fn kubelet_volume(&self) -> Option<(usize, &str)> {
        let (at, kind) = self
            .components()
            .enumerate()
            .find_map(|(at, part)| Some((at, part.strip_prefix("kubernetes.io~")?)))?;
        self.components().nth(at + 1)?;
        Some((at + 2, kind))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path without its leading slash, for system calls relative to the root's handle.
    pub fn relative(&self) -> &str {
        match self.0.trim_start_matches('/') {
            "" => ".",
            rest => rest,
        }
    }

    /// This directory and all above it, the root first.
    pub fn ancestors(&self) -> Vec<NodePath> {
        let mut found = vec![NodePath::root()];
        let mut sofar = String::new();
        for component in self.components() {
            sofar.push('/');
            sofar.push_str(component);
            found.push(NodePath(sofar.clone()));
        }
        found
    }
}

impl fmt::Display for NodePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl TryFrom<String> for NodePath {
    type Error = String;

    fn try_from(path: String) -> Result<Self, String> {
        NodePath::new(&path).ok_or_else(|| format!("not an absolute path: {path:?}"))
    }
}

impl From<NodePath> for String {
    fn from(path: NodePath) -> String {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::NodePath;

    #[test]
    fn a_path_is_absolute_and_clean() {
        assert_eq!(NodePath::new("//var/./lib/").unwrap().as_str(), "/var/lib");
        assert_eq!(NodePath::new("var/lib"), None);
        assert_eq!(NodePath::new("/a\0b"), None);
        assert_eq!(NodePath::new("/").unwrap().relative(), ".");
    }

    #[test]
    fn a_volume_is_told_by_the_name_that_the_kubelet_gives_it() {
        let kind = |path: &str| {
            let path = NodePath::new(path)?;
            let (depth, kind) = path.kubelet_volume()?;
            Some((depth, kind.to_string()))
        };
        assert_eq!(
            kind("/k/pods/u/volumes/kubernetes.io~configmap/kube-proxy/x/y"),
            Some((6, "configmap".into()))
        );
        assert_eq!(kind("/k/kubernetes.io~configmap"), None);
        assert_eq!(kind("/k/x~configmap/a"), None);
        let path = |path| NodePath::new(path).unwrap();
        assert!(path("/a/b/c").is_below(&path("/a/b")) && path("/a").is_below(&path("/a")));
        assert!(!path("/a/bc").is_below(&path("/a/b")) && !path("/a").is_below(&path("/a/b")));
    }

    #[test]
    fn ancestors_start_at_the_root_and_end_at_the_path_itself() {
        let all: Vec<String> = NodePath::new("/a/b")
            .unwrap()
            .ancestors()
            .into_iter()
            .map(String::from)
            .collect();
        assert_eq!(all, ["/", "/a", "/a/b"]);
    }
}
