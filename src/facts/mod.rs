//! What was found on the node, each value with where it comes from. Data only: judging is `check`'s.

mod api_embedded;
mod api_log;
mod api_server;
mod credentials;
mod gather;
mod hold;
mod hostname;
mod list;
mod network;
mod origin;
pub mod sysctl;

use std::net::IpAddr;

pub use credentials::{ClientAuthority, Credentials, Given, NoBundle, Opens};
pub use gather::{gather, gather_config, gather_pod, nothing_yet};
pub use hold::{Hold, HoldKind};
pub use hostname::hostname;
pub use list::{Fact, list};
pub use network::{Firewall, Guard, Network, Table, Unseen, nft_program};
pub use origin::{Origin, OriginKind};
pub use sysctl::{RouteLocalnet, Setting};

use crate::certificates::Moment;
use crate::discover::drop_in::DropIn;
use crate::discover::flag_file::FlagFile;
use crate::discover::flags::Flag;
use crate::discover::systemd::Unit;
use crate::discover::{KubeProxy, flags};
use crate::kubeconfig::{self, Kubeconfig};
use crate::objects::Objects;
use crate::proxyconfig::Reading;
use crate::root::{FileKind, LookError, Meta, NodePath};

/// What a file is to kube-proxy. Checks name files by their role, never by a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The KubeProxyConfiguration that `--config` names.
    ProxyConfig,
    /// The kubeconfig with which kube-proxy reaches the API server.
    ProxyKubeconfig,
    /// Key and token files that the kubeconfig names.
    ProxyCredential,
    /// CA and certificate files that the kubeconfig names.
    ProxyCertificate,
    /// The systemd unit and its drop-ins.
    ProxyUnit,
    /// A file of manifests.
    Manifest,
}

impl Role {
    /// In words, for messages.
    pub fn describe(self) -> &'static str {
        match self {
            Role::ProxyConfig => "proxy configuration",
            Role::ProxyKubeconfig => "proxy kubeconfig",
            Role::ProxyCredential => "credential file",
            Role::ProxyCertificate => "certificate file",
            Role::ProxyUnit => "unit file",
            Role::Manifest => "manifest",
        }
    }
}

/// A file that was looked at.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The path with every symlink resolved: this is what a change names.
    pub path: NodePath,
    /// Its metadata.
    pub meta: Meta,
    /// Its contents, where a check needs them. Of credential files nothing is kept.
    pub bytes: Option<Vec<u8>>,
}

impl Seen {
    /// Why there are no contents.
    pub fn unread(&self) -> LookError {
        match self.meta.kind {
            FileKind::File => LookError::Denied,
            other => LookError::Kind(other),
        }
    }
}

/// A file in its role.
#[derive(Clone, Debug)]
pub struct Target {
    /// What it is to kube-proxy.
    pub role: Role,
    /// Its path as it is named, seen from the node.
    pub path: NodePath,
    /// What names it.
    pub origin: Origin,
    /// The file, or why it could not be looked at.
    pub seen: Result<Seen, LookError>,
    /// Why it is never changed here: its owner would undo it.
    pub hold: Option<Hold>,
}

impl Target {
    /// Why nothing can be said of it: it lies in a container, where the node does not see it.
    pub fn hidden(&self) -> Option<&Hold> {
        let missing = matches!(self.seen, Err(LookError::Missing));
        self.hold
            .as_ref()
            .filter(|hold| missing && hold.is_inside())
    }
}

/// A directory above the targets.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Its path, resolved.
    pub path: NodePath,
    /// Its metadata, or why it could not be looked at.
    pub seen: Result<Meta, LookError>,
    /// The roles of the files that lie directly in it; empty for a directory further above.
    pub holds: Vec<Role>,
    /// The roles of all files below it.
    pub above: Vec<Role>,
    /// Why it is never changed here.
    pub hold: Option<Hold>,
}

/// The kube-apiserver of this node, as far as the audit policy needs it.
#[derive(Clone, Debug)]
pub struct ApiServer {
    /// Where it was found, in words.
    pub described: String,
    /// Why its flags are not known, so that nothing else here is to be believed.
    pub problem: Option<String>,
    /// The policy that `--audit-policy-file` names, as the node sees it.
    pub policy: PolicyPath,
    /// The policy's path with every symlink resolved: this is what a change names.
    pub policy_resolved: Option<NodePath>,
    /// Whether the policy file, or the one we would install, exists.
    pub policy_seen: Result<Meta, LookError>,
    /// Its contents, or why they could not be read.
    pub policy_bytes: Result<Vec<u8>, LookError>,
    /// Where the policy's path leads when a symlink lies there.
    pub policy_link: Option<String>,
    /// True when the policy lies where the kubelet takes every file for a pod.
    pub policy_among_pods: bool,
    /// True when the audit log does.
    pub log_among_pods: bool,
    /// Metadata of the directory that holds it, or why it could not be looked at.
    pub directory: Result<Meta, LookError>,
    /// Its version without a leading `v`, when its image tells it.
    pub version: Option<String>,
    /// All of its flags.
    pub flags: Vec<Flag>,
    /// What starts it, and so where its flags are set.
    pub source: ServerSource,
    /// The systemd service that starts it, when one does.
    pub unit: Option<Unit>,
    /// As whom it runs, when a unit says so: it must stay able to write its log.
    pub user: Option<String>,
    /// Its audit log.
    pub log: AuditLog,
    /// The CAs whose clients it takes; `None` when no flag names any.
    pub client_authority: Option<ClientAuthority>,
}

impl ApiServer {
    /// The file in which its flags are changed: a static pod's manifest, a service's drop-in.
    pub fn flags_path(&self) -> Option<&NodePath> {
        match &self.source {
            ServerSource::StaticPod(manifest) => Some(&manifest.path),
            ServerSource::Unit(drop_in) => Some(&drop_in.as_ref()?.path),
            ServerSource::Controller(..) | ServerSource::Process => None,
        }
    }
}

/// What starts the API server.
#[derive(Clone, Debug)]
pub enum ServerSource {
    /// The kubelet, from a manifest.
    StaticPod(PodManifest),
    /// systemd: the drop-in for its flags, when it has a command of its own.
    Unit(Option<Box<DropIn>>),
    /// A distribution's agent, which would undo a change: who it is, and where its flags belong.
    Controller(&'static str, &'static str),
    /// Nobody knows.
    Process,
}

/// The manifest of the API server's static pod.
#[derive(Clone, Debug)]
pub struct PodManifest {
    /// Its path as the kubelet finds it.
    pub path: NodePath,
    /// The file, or why it could not be looked at.
    pub seen: Result<Seen, LookError>,
    /// Which of its containers is the API server, counted from 0.
    pub container: usize,
}

/// Where the API server's audit events go.
#[derive(Clone, Debug)]
pub struct AuditLog {
    /// What its flags say.
    pub path: LogPath,
    /// Where it lies on the node, or will once its pod mounts it.
    pub place: Option<NodePath>,
    /// The log, resolved, or why it could not be looked at. It is never read.
    pub seen: Result<(NodePath, Meta), LookError>,
    /// The directory that holds it.
    pub directory: Result<(NodePath, Meta), LookError>,
    /// The log that auditd writes, when auditd is on the node.
    pub auditd: Option<NodePath>,
}

/// Where the audit log lies.
#[derive(Clone, Debug)]
pub enum LogPath {
    /// `--audit-log-path` names it: as the API server sees it, and as the node does.
    Named(NodePath, Option<NodePath>, Origin),
    /// It is `-`.
    StandardOutput(Origin),
    /// It is relative to a directory that is not known.
    Relative(String, Origin),
    /// No flag names one: where it would be put, as the API server and as the node see it.
    Default(NodePath, NodePath),
}

impl LogPath {
    /// The log as the node sees it.
    pub fn on_node(&self) -> Option<&NodePath> {
        match self {
            LogPath::Named(_, node, _) => node.as_ref(),
            LogPath::Default(_, node) => Some(node),
            LogPath::StandardOutput(_) | LogPath::Relative(..) => None,
        }
    }
}

/// Where the audit policy lies.
#[derive(Clone, Debug)]
pub enum PolicyPath {
    /// `--audit-policy-file` names it.
    Named(NodePath, Origin),
    /// No flag names one: the path where it is installed.
    Default(NodePath),
    /// A flag names one that the node does not see.
    Unreachable(String, Origin),
}

/// Everything that checks may look at.
#[derive(Debug)]
pub struct Facts {
    /// Which kube-proxy, or the files that the operator named.
    pub proxy: KubeProxy,
    /// The node's host name.
    pub hostname: Option<String>,
    /// The node's own InternalIP, or why it is not known.
    pub node_ip: Result<(IpAddr, Origin), String>,
    /// The addresses of the node's interfaces; `None` where they cannot be known.
    pub local_addresses: Option<Vec<IpAddr>>,
    /// The files.
    pub targets: Vec<Target>,
    /// The directories above them.
    pub directories: Vec<Directory>,
    /// The file in which its flags last, or why there is none.
    pub flag_file: Result<FlagFile, String>,
    /// The effective configuration, from the file or from flags.
    pub config: Option<Reading>,
    /// The kubeconfig, or why there is none: client-go refuses it, or it could not be read here.
    pub kubeconfig: Option<Result<Kubeconfig, kubeconfig::Problem>>,
    /// The certificates and the key that the kubeconfig gives.
    pub credentials: Credentials,
    /// The time by which certificates are judged: the machine's, read once.
    pub clock: (Moment, Origin),
    /// The API server, when this node has one.
    pub api_server: Option<ApiServer>,
    /// The CAs whose clients the API server takes, where that is known.
    pub client_authority: Option<ClientAuthority>,
    /// What the network shows of it; looked at only where a check asks for it.
    pub network: Option<Network>,
    /// The objects of the cluster, where manifests tell of them.
    pub objects: Option<Objects>,
}

impl Facts {
    /// The files in a role.
    pub fn targets(&self, role: Role) -> impl Iterator<Item = &Target> {
        self.targets
            .iter()
            .filter(move |target| target.role == role)
    }

    /// The only file of a role that has one file at most.
    pub fn target(&self, role: Role) -> Option<&Target> {
        self.targets(role).next()
    }

    /// The URL that `--master` names.
    pub fn master(&self) -> Option<(String, Origin)> {
        let flag = flags::last(&self.proxy.flags, "master")?;
        let url = flag.value.clone().filter(|url| !url.is_empty())?;
        Some((url, flag.origin.clone()))
    }

    /// The API server's URL: `--master` counts before the kubeconfig's server.
    pub fn api_server_url(&self) -> Option<(String, Origin)> {
        self.master().or_else(|| {
            let server = self.kubeconfig.as_ref()?.as_ref().ok()?.server()?;
            let target = self.target(Role::ProxyKubeconfig)?;
            let origin = Origin::at(OriginKind::File, &target.path, Some(server.line));
            Some((server.value.clone(), origin))
        })
    }
}
