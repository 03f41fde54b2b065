//! Which kube-proxy runs here, and what it was told.
//!
//! In this order: a process, a systemd service, a static pod, the well-known paths. Where two answers
//! are possible, neither is taken: the operator is told, and names the files.

pub mod address;
pub mod flags;
pub mod pod;
pub mod process;
mod shell;
pub mod systemd;
pub mod words;

use crate::facts::{Origin, OriginKind};
use crate::failure::Failure;
use crate::root::{LookError, NodePath, Root, Where};

use flags::Flag;
use pod::{Manifests, StaticPod};
use process::Process;
use systemd::Unit;

/// Configuration files where installers put them, when nothing else tells (facts page, section 3).
const CONFIG_PATHS: &[&str] = &[
    "/var/lib/kube-proxy/config.conf",
    "/var/lib/kube-proxy/kube-proxy-config.yaml",
    "/var/lib/kube-proxy/config.yaml",
    "/var/lib/kube-proxy-config/config",
    "/etc/kubernetes/kube-proxy-config.yaml",
    "/etc/kubernetes/kube-proxy.yaml",
];
/// Kubeconfigs where installers put them.
const KUBECONFIG_PATHS: &[&str] = &[
    "/var/lib/kube-proxy/kubeconfig.conf",
    "/var/lib/kube-proxy/kubeconfig",
    "/etc/kubernetes/kube-proxy.kubeconfig",
    "/etc/kubernetes/kube-proxy.conf",
    "/etc/kubernetes/proxy.conf",
];

/// How this kube-proxy was found.
#[derive(Clone, Debug)]
pub enum Source {
    /// A running process, and the service that it belongs to.
    Process(Process, Option<Unit>),
    /// A systemd service on a node that is not running, or is not running it.
    Unit(Unit),
    /// A static pod's manifest.
    StaticPod(StaticPod),
    /// Only its files were found.
    Files,
    /// The operator named its files.
    Named,
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
    /// Where `--kubeconfig` leads; it counts only without `--config`.
    pub kubeconfig: Option<(NodePath, Origin)>,
    /// What the operator named as the kubeconfig; it counts always.
    pub named_kubeconfig: Option<NodePath>,
    /// Why its flags could not be read to their end.
    pub problem: Option<String>,
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
        match &self.source {
            Source::Process(_, Some(_)) | Source::Unit(_) => "systemd",
            Source::Process(process, None) if process.other_mounts => "container",
            Source::Process(_, None) => "process",
            Source::StaticPod(_) => "static-pod",
            Source::Files | Source::Named => "files",
        }
    }

    /// Its process, when it runs.
    pub fn pid(&self) -> Option<u32> {
        match &self.source {
            Source::Process(process, _) => Some(process.pid),
            _ => None,
        }
    }

    /// The systemd service, when it is one.
    pub fn unit(&self) -> Option<&Unit> {
        match &self.source {
            Source::Process(_, unit) => unit.as_ref(),
            Source::Unit(unit) => Some(unit),
            _ => None,
        }
    }

    /// Who starts it, in words.
    pub fn managed_by(&self) -> Option<String> {
        match &self.source {
            Source::Process(process, None) if process.other_mounts => {
                Some(format!("a container, process {}", process.pid))
            }
            Source::StaticPod(pod) => Some(format!("static pod {}", pod.path)),
            _ => self
                .unit()
                .map(|unit| format!("systemd unit {}", unit.name)),
        }
    }

    /// Where a path that this kube-proxy names lies on the node.
    pub fn place(&self, root: &Root, path: &NodePath) -> Placed {
        match &self.source {
            Source::Process(process, _) if process.other_mounts => {
                let pid = Some(process.pid);
                let seen =
                    |root: &Root, path: &NodePath| root.open(path).map(|(_, opened)| opened.meta);
                let on_node = process::on_node(process.pid, path).filter(|on_node| {
                    let inside = Root::process(process.pid).and_then(|root| seen(&root, path));
                    let outside = seen(root, on_node);
                    matches!((inside, outside), (Ok(a), Ok(b)) if a.same_inode(&b))
                });
                on_node.map_or_else(|| Placed::Container(path.clone(), pid), Placed::Node)
            }
            Source::StaticPod(pod) => pod
                .on_node(path)
                .map_or_else(|| Placed::Container(path.clone(), None), Placed::Node),
            _ => Placed::Node(path.clone()),
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

/// What runs, or would run, on the node: looked at once.
#[derive(Debug)]
pub struct Survey {
    /// Processes of the components; none for a tree that is not running.
    pub processes: Vec<Process>,
    /// The static pods.
    pub manifests: Manifests,
}

/// Looks at processes and static pods.
pub fn survey(root: &Root) -> Survey {
    Survey {
        processes: match root.place() {
            Where::Live => process::all(),
            // An image has no processes; those of this machine are not its own.
            _ => Vec::new(),
        },
        manifests: Manifests::read(root),
    }
}

/// Finds the kube-proxy of this node.
///
/// # Errors
/// When there is none, or when more than one could be meant.
pub fn find(root: &Root, survey: &Survey, named: &Named) -> Result<KubeProxy, Failure> {
    let mut found = candidates(root, survey);
    if found.len() > 1
        && let Some(path) = &named.config
    {
        found.retain(|proxy| {
            proxy
                .config
                .as_ref()
                .is_some_and(|(config, _)| config == path)
        });
    }
    if found.len() > 1 {
        let all: Vec<String> = found.iter().map(describe).collect();
        return Err(Failure::refused(format!(
            "more than one kube-proxy on this node: {}",
            all.join("; ")
        ))
        .help("name the files of the one that is meant: --config FILE or --kubeconfig FILE"));
    }
    let named_any = named.config.is_some() || named.kubeconfig.is_some();
    let mut proxy = match found.pop() {
        Some(proxy) => proxy,
        None if named_any => KubeProxy {
            source: Source::Named,
            flags: Vec::new(),
            version: None,
            config: None,
            kubeconfig: None,
            named_kubeconfig: None,
            problem: None,
        },
        None => well_known(root)?,
    };
    if let Some(path) = &named.config {
        proxy.config = Some((path.clone(), Origin::flag(None)));
    }
    proxy.named_kubeconfig.clone_from(&named.kubeconfig);
    Ok(proxy)
}

fn describe(proxy: &KubeProxy) -> String {
    let what = match &proxy.source {
        Source::Process(process, _) => format!("process {}", process.pid),
        _ => proxy.managed_by().unwrap_or_default(),
    };
    match &proxy.config {
        Some((path, _)) => format!("{what} (--config={path})"),
        None => format!("{what} (no --config)"),
    }
}

/// Everything that could be the kube-proxy of this node, from the surest source that has any.
fn candidates(root: &Root, survey: &Survey) -> Vec<KubeProxy> {
    let running: Vec<KubeProxy> = survey
        .processes
        .iter()
        .filter(|process| process.program == "kube-proxy")
        .map(|process| {
            let unit = process.unit.as_ref().filter(|_| !process.other_mounts);
            let unit = unit.and_then(|name| systemd::load(root, name));
            let flags = flags::parse(&process.arguments, &Origin::flag(None));
            with_paths(Source::Process(process.clone(), unit), flags, None, None)
        })
        .collect();
    if !running.is_empty() {
        return running;
    }
    let mut installed: Vec<KubeProxy> = systemd::running(root, "kube-proxy")
        .into_iter()
        .map(|unit| {
            let (flags, problem) = unit.flags("kube-proxy");
            with_paths(Source::Unit(unit), flags, None, problem)
        })
        .collect();
    let pods = survey.manifests.running("kube-proxy").into_iter();
    installed.extend(pods.map(|pod| {
        let flags = flags::parse(&pod.arguments, &pod.origin);
        let (version, problem) = (pod.version.clone(), pod.problem.clone());
        with_paths(Source::StaticPod(pod), flags, version, problem)
    }));
    installed
}

fn with_paths(
    source: Source,
    flags: Vec<Flag>,
    version: Option<String>,
    problem: Option<String>,
) -> KubeProxy {
    let mut proxy = KubeProxy {
        source,
        flags,
        version,
        config: None,
        kubeconfig: None,
        named_kubeconfig: None,
        problem,
    };
    let here = proxy.working_directory();
    let path = |name: &str| {
        let flag = flags::last(&proxy.flags, name)?;
        let value = flag.value.as_deref().filter(|value| !value.is_empty())?;
        Some((here.join(value)?, flag.origin.clone()))
    };
    (proxy.config, proxy.kubeconfig) = (path("config"), path("kubeconfig"));
    proxy
}

/// The last resort: files where installers put them. Two configurations are one too many.
fn well_known(root: &Root) -> Result<KubeProxy, Failure> {
    let there = |paths: &[&str]| -> Vec<NodePath> {
        paths
            .iter()
            .filter_map(|path| NodePath::new(path))
            .filter(|path| {
                !matches!(
                    root.open(path),
                    Err(LookError::Missing | LookError::NotDirectory)
                )
            })
            .collect()
    };
    let configs = there(CONFIG_PATHS);
    let kubeconfigs = there(KUBECONFIG_PATHS);
    let none = configs.is_empty() && kubeconfigs.is_empty();
    if none {
        return Err(Failure::refused(format!(
            "no kube-proxy found in {}: no process, no systemd unit, no static pod, none of the well-known files",
            root.host().display()
        ))
        .help("name its files with --config FILE or --kubeconfig FILE, or run tighten where kube-proxy runs"));
    }
    let (config, kubeconfig) = (configs.first(), kubeconfigs.first());
    if configs.len() > 1 || (config.is_none() && kubeconfigs.len() > 1) {
        let all: Vec<&str> = configs
            .iter()
            .chain(&kubeconfigs)
            .map(NodePath::as_str)
            .collect();
        return Err(Failure::refused(format!(
            "no kube-proxy runs here, and its files could be any of {}",
            all.join(", ")
        ))
        .help("name the right ones with --config FILE or --kubeconfig FILE"));
    }
    let found = |path: &NodePath| (path.clone(), Origin::at(OriginKind::File, path, None));
    Ok(KubeProxy {
        source: Source::Files,
        flags: Vec::new(),
        version: None,
        config: config.map(found),
        kubeconfig: kubeconfig.filter(|_| config.is_none()).map(found),
        named_kubeconfig: None,
        problem: None,
    })
}
