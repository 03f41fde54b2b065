//! A static pod's manifest: its container's flags and mounts, and the changes that add to them.

use super::command::Command;
use super::mounts::{self, Backing, Wanted};
use super::{Altered, Flag};
use crate::baseline::Version;
use crate::discover::flags;
use crate::edit::{Alteration, Step};
use crate::root::NodePath;
use crate::yaml::{self, Node};

/// kubeadm marks its pods with annotations of this beginning.
const KUBEADM: &str = "kubeadm.kubernetes.io/";
/// From here on kubeadm's extraArgs are a list (v1beta4); before, a mapping.
const LISTED: Version = Version {
    major: 1,
    minor: 31,
};

/// A manifest and the container that runs the API server.
pub(in crate::kinds) struct Manifest {
    root: Node,
    index: usize,
    command: Command,
}

impl Manifest {
    /// Reads it; `judged` are the flags that were read from it before.
    ///
    /// # Errors
    /// What is not understood.
    pub(super) fn read(
        bytes: &[u8],
        index: usize,
        judged: &[flags::Flag],
    ) -> Result<Manifest, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
        let document = yaml::parse_first(text).map_err(|_| "it is not read as YAML")?;
        let root = document.root.ok_or("it is empty")?;
        let container = container(&root, index).ok_or("it has no such container")?;
        let command = Command::read(container, judged)?;
        Ok(Manifest {
            root,
            index,
            command,
        })
    }

    fn container(&self) -> Option<&Node> {
        container(&self.root, self.index)
    }

    fn spec(&self) -> Option<&Node> {
        self.root.get("spec")
    }

    /// What the API server sees under a path.
    pub(in crate::kinds) fn behind(&self, path: &NodePath) -> Backing {
        match (self.container(), self.spec()) {
            (Some(container), Some(spec)) => mounts::behind(container, spec, path),
            _ => Backing::Image,
        }
    }

    /// As whom the API server runs, when that is not root.
    pub(in crate::kinds) fn user(&self) -> Option<String> {
        let of = |node: Option<&Node>| {
            let context = node?.get("securityContext")?;
            Some(context.get("runAsUser")?.text()?.to_string())
        };
        let user = of(self.container()).or_else(|| of(self.spec()))?;
        (user != "0").then(|| format!("user {user}"))
    }

    /// True for a manifest that kubeadm wrote and writes again.
    pub(super) fn is_kubeadms(&self) -> bool {
        let annotations = self
            .root
            .get("metadata")
            .and_then(|metadata| metadata.get("annotations"));
        let entries = annotations.map_or(&[][..], Node::entries);
        let mut keys = entries.iter().filter_map(|(key, _)| key.text());
        keys.any(|key| key.starts_with(KUBEADM))
    }

    /// The changes that set the flags and add the mounts.
    ///
    /// # Errors
    /// When a flag is given where nothing can be set.
    pub(super) fn alterations(&self, flags: &[Flag], wanted: &[Wanted]) -> Result<Altered, String> {
        let path: Vec<Step> = vec![
            Step::Key("spec".into()),
            Step::Key("containers".into()),
            Step::Index(self.index),
        ];
        let mut alterations = self.command.set(&path, flags)?;
        let (mut mounts, mut volumes, mut added) = (Vec::new(), Vec::new(), Vec::new());
        let mut names = self.volume_names();
        for one in wanted {
            let name = match self.volume_for(one) {
                Some(name) => name,
                None => {
                    let name = free(one.name, &names);
                    volumes.push(one.volume(&name));
                    names.push(name.clone());
                    name
                }
            };
            mounts.push(one.mount(&name));
            added.push((name, one.clone()));
        }
        let mut insert = |mut path: Vec<Step>, key: &str, items: Vec<crate::edit::Tree>| {
            if !items.is_empty() {
                path.push(Step::Key(key.into()));
                alterations.push(Alteration::insert(path, None, items));
            }
        };
        insert(path, "volumeMounts", mounts);
        insert(vec![Step::Key("spec".into())], "volumes", volumes);
        Ok((alterations, added))
    }

    fn volumes(&self) -> &[Node] {
        let volumes = self.spec().and_then(|spec| spec.get("volumes"));
        volumes.map_or(&[][..], Node::items)
    }

    fn volume_names(&self) -> Vec<String> {
        let name = |volume: &Node| Some(volume.get("name")?.text()?.to_string());
        self.volumes().iter().filter_map(name).collect()
    }

    /// A volume that is there already for the same path of the node. The kubelet starts no container of a
    /// volume whose type is not what lies there, and takes none of two of one name.
    fn volume_for(&self, wanted: &Wanted) -> Option<String> {
        let names = self.volume_names();
        self.volumes().iter().find_map(|volume| {
            let host = volume.get("hostPath")?;
            let same = NodePath::new(host.get("path")?.text()?)? == wanted.node;
            let kind = host.get("type").and_then(Node::text).unwrap_or_default();
            let name = volume.get("name")?.text()?;
            let alone = names.iter().filter(|other| *other == name).count() == 1;
            (same && wanted.fits(kind) && alone).then(|| name.to_string())
        })
    }
}

fn container(root: &Node, index: usize) -> Option<&Node> {
    root.get("spec")?.get("containers")?.items().get(index)
}

/// A name that no other volume has: `audit-log`, `audit-log-2`, ..
fn free(name: &str, taken: &[String]) -> String {
    let is_free = |name: &String| !taken.contains(name);
    std::iter::once(name.to_string())
        .chain((2..).map(|number| format!("{name}-{number}")))
        .find(is_free)
        .unwrap_or_else(|| name.to_string())
}

/// What to put into kubeadm's own configuration, from which it writes the manifest anew. Source: kubeadm's
/// v1beta3 and v1beta4 types; facts 5.3.
pub(super) fn for_kubeadm(
    version: Option<&str>,
    flags: &[Flag],
    added: &[(String, Wanted)],
) -> String {
    let listed = version
        .and_then(Version::read)
        .is_none_or(|version| version >= LISTED);
    let arguments: Vec<String> = flags
        .iter()
        .map(|(name, value)| match listed {
            true => format!("{{name: {name}, value: \"{value}\"}}"),
            false => format!("{name}: \"{value}\""),
        })
        .collect();
    let arguments = match (listed, arguments.join(", ")) {
        (true, all) => format!("[{all}]"),
        (false, all) => format!("{{{all}}}"),
    };
    let volumes: Vec<String> = added
        .iter()
        .map(|(name, mount)| {
            let Wanted {
                inside,
                node,
                kind,
                read_only,
                ..
            } = mount;
            let read_only = if *read_only { "readOnly: true, " } else { "" };
            format!(
                "{{name: {name}, hostPath: {node}, mountPath: {inside}, {read_only}pathType: {kind}}}"
            )
        })
        .collect();
    let mut parts = Vec::new();
    if !flags.is_empty() {
        parts.push(format!("extraArgs: {arguments}"));
    }
    if !volumes.is_empty() {
        parts.push(format!("extraVolumes: [{}]", volumes.join(", ")));
    }
    format!(
        "kubeadm upgrade writes the manifest anew from its own configuration: kubectl -n kube-system edit configmap kubeadm-config, and add under ClusterConfiguration: apiServer: {{{}}}",
        parts.join(", ")
    )
}
