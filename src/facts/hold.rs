//! Why a file is never changed here, and what to do instead: that depends on what was to be changed.

use std::fmt;

use super::{OriginKind, Role};
use crate::discover::platform::Platform;
use crate::discover::{KubeProxy, flags};
use crate::root::NodePath;

/// A file that is left to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The file, as the node sees it, or as kube-proxy does where the node does not.
    pub path: NodePath,
    /// Who would undo a change, or why there is none to make.
    pub kind: HoldKind,
    /// For a volume of the kubelet: a directory above it keeps everybody but root out.
    pub sheltered: bool,
}

/// Who would undo a change, or why there is none to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldKind {
    /// The kubelet, from a ConfigMap that all nodes share.
    ConfigMap,
    /// The kubelet, from what this kind of volume holds (`projected`, `secret`, ..).
    OtherVolume(String),
    /// Nobody, but it lies in a container: of this process, when it runs.
    Container(Option<u32>),
    /// Nobody, but it lies in a container's image or in a root directory of its own.
    Image,
    /// A distribution's own agent: who, and where the change belongs.
    Controller(&'static str, &'static str),
    /// kube-proxy runs as this user, who must be able to read it: only mode and owner are held.
    ReadBy(String),
}

/// Files that an agent writes anew when it starts: where they lie, who it is, where changes belong.
const CONTROLLERS: &[(&str, &str, &str)] = &[
    (
        "/var/lib/rancher/k3s",
        "k3s",
        "kube-proxy-arg in /etc/rancher/k3s/config.yaml",
    ),
    (
        "/var/lib/rancher/rke2",
        "RKE2",
        "kube-proxy-arg in /etc/rancher/rke2/config.yaml",
    ),
    (
        "/var/lib/rancher",
        "Rancher's agent",
        "kube-proxy-arg in /etc/rancher/*/config.yaml",
    ),
    (
        "/var/snap/microk8s",
        "MicroK8s",
        "/var/snap/microk8s/current/args/kube-proxy",
    ),
];

impl Hold {
    /// For a file of the node: what its path tells.
    pub fn by_path(path: &NodePath) -> Option<Hold> {
        let mut parts = path.components();
        let kind = match parts.find_map(|part| part.strip_prefix("kubernetes.io~")) {
            Some("configmap") => HoldKind::ConfigMap,
            Some(kind) => HoldKind::OtherVolume(kind.to_string()),
            None => CONTROLLERS.iter().find_map(|(directory, who, instead)| {
                let below = NodePath::new(directory).is_some_and(|base| path.is_below(&base));
                below.then_some(HoldKind::Controller(who, instead))
            })?,
        };
        Some(Hold::new(path.clone(), kind))
    }

    /// For a file that the platform's own start-up writes: what its path and the platform tell.
    pub fn by_platform(proxy: &KubeProxy, role: Role, path: &NodePath) -> Option<Hold> {
        let (who, instead) = match proxy.recognised.platform? {
            // The kubeconfig and what it names, wherever k3s was told to keep its files.
            Platform::K3s if role != Role::ProxyUnit && role != Role::ProxyConfig => {
                let given = flags::last(&proxy.flags, "kubeconfig")?;
                let own = given.origin.kind == OriginKind::Default;
                let instead = "kube-proxy-arg in its configuration";
                let kind = HoldKind::Controller("k3s", instead);
                return own.then(|| Hold::new(path.clone(), kind));
            }
            Platform::Kops => ("nodeup", "the Cluster spec (kops edit cluster)"),
            Platform::Gke => (
                "the node's start-up",
                "the cluster, where it has a setting for it (unsure)",
            ),
            _ => return None,
        };
        let written = NodePath::new("/var/lib/kube-proxy")?;
        let below = path.is_below(&written);
        below.then(|| Hold::new(path.clone(), HoldKind::Controller(who, instead)))
    }

    /// For a file at a path.
    pub fn new(path: NodePath, kind: HoldKind) -> Hold {
        Hold {
            path,
            kind,
            sheltered: false,
        }
    }

    /// What to say instead of setting a value that may be the same on every node. `None`: it can be set.
    pub fn of_value(&self) -> Option<String> {
        let path = &self.path;
        Some(match &self.kind {
            HoldKind::ConfigMap => format!(
                "{path} is a ConfigMap volume, and the kubelet would undo an edit on the node: change the ConfigMap"
            ),
            HoldKind::Controller(who, instead) => {
                format!("{path} is written anew by {who}: change {instead}")
            }
            HoldKind::ReadBy(_) => return None,
            _ => self.to_string(),
        })
    }

    /// What to say instead of setting a value that is another on each node, as bindAddress is. `None`: it
    /// can be set.
    pub fn of_node_value(&self) -> Option<String> {
        match &self.kind {
            HoldKind::ConfigMap => Some(format!(
                "{} comes from a ConfigMap that all nodes share, which must not hold one node's address: a wildcard is right there",
                self.path
            )),
            _ => self.of_value(),
        }
    }

    /// What to say instead of setting mode or owner.
    pub fn of_attributes(&self) -> String {
        let path = &self.path;
        match &self.kind {
            HoldKind::ConfigMap | HoldKind::OtherVolume(_) => {
                format!("{path}: the kubelet sets its mode and owner (defaultMode of the volume)")
            }
            HoldKind::Controller(who, _) => format!("{path}: {who} sets its mode and owner"),
            _ => self.to_string(),
        }
    }

    /// True for a file of the kubelet.
    pub fn is_kubelets(&self) -> bool {
        matches!(self.kind, HoldKind::ConfigMap | HoldKind::OtherVolume(_))
    }

    /// True for a file of the kubelet that only root can reach: its mode and owner are no finding.
    pub fn is_sheltered(&self) -> bool {
        self.is_kubelets() && self.sheltered
    }

    /// True for a file that lies in a container: that the node does not see it says nothing.
    pub fn is_inside(&self) -> bool {
        matches!(
            self.kind,
            HoldKind::Container(_) | HoldKind::Image | HoldKind::OtherVolume(_)
        )
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.kind {
            HoldKind::ConfigMap => write!(
                out,
                "{path} is a ConfigMap volume, which the kubelet writes anew"
            ),
            HoldKind::OtherVolume(kind) => {
                write!(
                    out,
                    "{path} is a {kind} volume, which the kubelet writes anew"
                )
            }
            HoldKind::Container(Some(pid)) => write!(
                out,
                "{path} lies in the container of process {pid}, where an edit would not last"
            ),
            HoldKind::Container(None) => {
                write!(
                    out,
                    "{path} is a path in kube-proxy's container, not on the node"
                )
            }
            HoldKind::Image => write!(
                out,
                "{path} lies in the container's image, or in a file system of its own"
            ),
            HoldKind::Controller(who, _) => write!(out, "{path} is written anew by {who}"),
            HoldKind::ReadBy(user) => {
                write!(
                    out,
                    "kube-proxy runs as {user} and must be able to read {path}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(path: &str) -> Option<Hold> {
        Hold::by_path(&NodePath::new(path).unwrap())
    }

    #[test]
    fn what_is_said_suits_what_was_to_be_changed() {
        let map = hold("/k/pods/u/volumes/kubernetes.io~configmap/kube-proxy/config.conf").unwrap();
        assert!(map.of_value().unwrap().contains("change the ConfigMap"));
        let per_node = map.of_node_value().unwrap();
        assert!(
            per_node.contains("a wildcard is right") && !per_node.contains("change the ConfigMap")
        );
        assert!(map.of_attributes().contains("defaultMode"));
        let user = Hold {
            kind: HoldKind::ReadBy("user kp".into()),
            ..map
        };
        assert_eq!((user.of_value(), user.of_node_value()), (None, None));
        assert!(user.of_attributes().contains("runs as user kp"));
    }

    #[test]
    fn an_agents_own_files_are_held() {
        let value = |path: &str| {
            hold(path)
                .and_then(|hold| hold.of_value())
                .unwrap_or_default()
        };
        assert!(
            value("/var/lib/rancher/k3s/agent/kubeproxy.kubeconfig").contains("/etc/rancher/k3s/")
        );
        assert!(value("/var/lib/rancher/rke2/agent/x").contains("/etc/rancher/rke2/"));
        assert!(value("/var/snap/microk8s/1/args/kube-proxy").contains("current/args"));
        assert_eq!(hold("/var/lib/rancherx/k3s"), None);
        assert_eq!(hold("/var/lib/kube-proxy/config.conf"), None);
    }
}
