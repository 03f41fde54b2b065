//! Which kube-proxy runs here, and what it was told.
//!
//! In this order: a process, a systemd service, a static pod, the well-known paths. Where two answers
//! are possible, neither is taken: the operator is told, and names the files.

pub mod address;
pub mod drop_in;
pub mod environment;
mod find;
pub mod flag_file;
pub mod flags;
mod mounts;
pub mod platform;
pub mod pod;
pub mod process;
pub mod sandbox;
mod settings;
pub mod shell;
pub mod sockets;
pub mod systemd;
mod volumes;
mod within;
pub mod words;

pub use find::find;

use crate::facts::Origin;
use crate::root::{NodePath, Root, Where};

use flags::Flag;
use platform::{FlagPlace, Recognised};
use pod::{Manifests, StaticPod};
use process::{Process, Stranger};
use systemd::Unit;
pub use within::Within;

/// How this kube-proxy was found.
#[derive(Clone, Debug)]
pub enum Source {
    /// A running process, and the service that it belongs to.
    Process(Process, Option<Unit>),
    /// A systemd service on a node that is not running, or is not running it.
    Unit(Unit),
    /// A static pod's manifest.
    StaticPod(StaticPod),
    /// Inside another program: k3s or MicroK8s' kubelite.
    Within(Within),
    /// Only its files were found.
    Files,
    /// The operator named its files.
    Named,
    /// A workload of the cluster, of which manifests tell: its title.
    Workload(String),
}

/// The kube-proxy of this node.
#[derive(Clone, Debug)]
pub struct KubeProxy {
    /// How it was found.
    pub source: Source,
    /// Its flags.
    pub flags: Vec<Flag>,
    /// Its version without a leading `v`, when something names it.
    pub version: Option<String>,
    /// Where `--config` leads, and what says so.
    pub config: Option<(NodePath, Origin)>,
    /// True when the operator named that configuration: a path of the node.
    pub named_config: bool,
    /// Where `--kubeconfig` leads; it counts only without `--config`.
    pub kubeconfig: Option<(NodePath, Origin)>,
    /// What the operator named as the kubeconfig; it counts always.
    pub named_kubeconfig: Option<NodePath>,
    /// Why its flags could not be read to their end, or do not speak of the node's files.
    pub problem: Option<String>,
    /// True for a service in a file system of its own, of which the node sees nothing.
    pub elsewhere: bool,
    /// As whom it runs, when that is not root: it must stay able to read its files.
    pub user: Option<String>,
    /// True when its service runs the kubelet as well.
    pub with_kubelet: bool,
    /// The platform that keeps it, and what tells it.
    pub recognised: Recognised,
    /// Where its flags last.
    pub flag_place: FlagPlace,
}

/// Where a path that kube-proxy names lies.
pub enum Placed {
    /// A file of the node.
    Node(NodePath),
    /// A file that only a container sees: by its process, or not at all.
    Container(NodePath, Option<u32>),
}

/// What the operator named on the command line.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// `--config`
    pub config: Option<NodePath>,
    /// `--kubeconfig`
    pub kubeconfig: Option<NodePath>,
}

impl KubeProxy {
    /// The word for `node.kube_proxy.platform`.
    pub fn platform(&self) -> &'static str {
        if let Some(platform) = self.recognised.platform {
            return platform.word();
        }
        match &self.source {
            Source::Process(_, Some(_)) | Source::Unit(_) => "systemd",
            Source::Process(process, None) if process.other_mounts => "container",
            Source::Process(_, None) => "process",
            Source::StaticPod(_) => "static-pod",
            Source::Within(_) => "process",
            Source::Files | Source::Named => "files",
            Source::Workload(_) => "manifests",
        }
    }

    /// Its process, when it runs.
    pub fn pid(&self) -> Option<u32> {
        match &self.source {
            Source::Process(process, _) => Some(process.pid),
            Source::Within(within) => within.pid,
            _ => None,
        }
    }

    /// The systemd service, when it is one.
    pub fn unit(&self) -> Option<&Unit> {
        match &self.source {
            Source::Process(_, unit) => unit.as_ref(),
            Source::Unit(unit) => Some(unit),
            Source::Within(within) => within.unit.as_ref(),
            _ => None,
        }
    }

    /// Who starts it, in words.
    pub fn managed_by(&self) -> Option<String> {
        let platform = self.recognised.platform;
        let named = |what: String| match platform {
            Some(platform) => format!("{}, {what}", platform.name()),
            None => what,
        };
        match &self.source {
            Source::Process(process, None) if process.other_mounts => Some(match platform {
                Some(platform) => format!("{}, process {}", platform.name(), process.pid),
                None => format!("a container, process {}", process.pid),
            }),
            Source::StaticPod(pod) => Some(named(format!("static pod {}", pod.path))),
            Source::Within(within) => Some(match platform {
                Some(platform) if platform.name() != within.program => named(within.described()),
                _ => within.described(),
            }),
            Source::Files | Source::Named => platform.map(|platform| platform.name().to_string()),
            Source::Workload(title) => Some(title.clone()),
            _ => self
                .unit()
                .map(|unit| format!("systemd unit {}", unit.name)),
        }
    }

    /// Where a path that this kube-proxy names lies on the node.
    pub fn place(&self, root: &Root, path: &NodePath) -> Placed {
        match &self.source {
            Source::Process(process, _) if process.other_mounts => in_process(root, process, path)
                .map_or_else(
                    || Placed::Container(path.clone(), Some(process.pid)),
                    Placed::Node,
                ),
            Source::StaticPod(pod) => pod
                .on_node(path)
                .map_or_else(|| Placed::Container(path.clone(), None), Placed::Node),
            Source::Workload(_) => Placed::Container(path.clone(), None),
            _ if self.elsewhere => Placed::Container(path.clone(), None),
            _ => Placed::Node(path.clone()),
        }
    }

    /// True when its paths are known not to be the node's.
    pub fn has_own_files(&self) -> bool {
        match &self.source {
            Source::Process(process, _) => process.other_mounts,
            Source::StaticPod(_) | Source::Workload(_) => true,
            _ => self.elsewhere,
        }
    }

    /// The directory against which relative paths in its flags are resolved.
    fn working_directory(&self) -> NodePath {
        match &self.source {
            Source::Process(process, _) => std::fs::read_link(format!("/proc/{}/cwd", process.pid))
                .ok()
                .and_then(|path| NodePath::new(path.to_str()?))
                .unwrap_or_else(NodePath::root),
            Source::Unit(unit) => unit.directory.clone().unwrap_or_else(NodePath::root),
            _ => NodePath::root(),
        }
    }
}

/// The file of the node that a process in another mount namespace sees under a path.
fn in_process(root: &Root, process: &Process, path: &NodePath) -> Option<NodePath> {
    let inside = process::root(process.pid).ok()?;
    let seen = |root: &Root, path: &NodePath| root.open(path).map(|(_, opened)| opened.meta);
    // Mounts are told by their real place: /var/run is a link in most images.
    let directory = inside.open(&path.parent()).ok()?.0;
    let on_node = process::on_node(process.pid, &directory.join(path.name())?)?;
    let (inside, outside) = (seen(&inside, path).ok()?, seen(root, &on_node).ok()?);
    inside.same_inode(&outside).then_some(on_node)
}

/// What runs, or would run, on the node: looked at once.
#[derive(Debug)]
pub struct Survey {
    /// Processes of the components; none for a tree that is not running.
    pub processes: Vec<Process>,
    /// Processes under a component's name that are not believed.
    pub strangers: Vec<Stranger>,
    /// The static pods.
    pub manifests: Manifests,
    /// The static pod that RKE2 writes for kube-proxy, in a directory of its own.
    pub agent_pod: Option<StaticPod>,
}

impl Survey {
    /// The static pod that runs kube-proxy, when there is one alone.
    pub fn only_pod(&self) -> Option<StaticPod> {
        let mut pods = self.manifests.running("kube-proxy");
        pods.extend(self.agent_pod.clone());
        pods.dedup_by(|a, b| a.path == b.path);
        let pod = pods.pop()?;
        pods.is_empty().then_some(pod)
    }
}

/// Looks at processes and static pods.
pub fn survey(root: &Root) -> Survey {
    let (processes, strangers) = match root.place() {
        Where::Live => process::all(),
        // An image has no processes; those of this machine are not its own.
        _ => (Vec::new(), Vec::new()),
    };
    Survey {
        processes,
        strangers,
        manifests: Manifests::read(root),
        agent_pod: platform::agent::pod(root),
    }
}
