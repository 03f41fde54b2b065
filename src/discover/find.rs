//! Choosing the kube-proxy that is meant.

use super::flags::{self, Flag};
use super::platform::{self, Agent, FlagPlace, Recognised, none};
use super::process::{Process, Stranger};
use super::{KubeProxy, Named, Placed, Source, Survey, systemd, volumes, within};
use crate::facts::{Origin, OriginKind};
use crate::failure::Failure;
use crate::root::{LookError, NodePath, Root};

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

/// Finds the kube-proxy of this node.
///
/// # Errors
/// When there is none, or when more than one could be meant.
pub fn find(root: &Root, survey: &Survey, named: &Named) -> Result<KubeProxy, Failure> {
    let mut found = candidates(root, survey);
    // Whichever is meant, its user must stay able to read its files.
    let user = found.iter().find_map(|proxy| proxy.user.clone());
    let named_any = named.config.is_some() || named.kubeconfig.is_some();
    if found.len() > 1 && named_any {
        found.retain(|proxy| match (&named.config, &named.kubeconfig) {
            (Some(config), _) => is_told(
                root,
                proxy,
                proxy.config.as_ref().map(|(path, _)| path),
                config,
            ),
            (None, Some(kubeconfig)) => {
                let own = match &proxy.config {
                    Some((config, _)) => in_config(root, proxy, config),
                    None => proxy.kubeconfig.clone().map(|(path, _)| path),
                };
                is_told(root, proxy, own.as_ref(), kubeconfig)
            }
            (None, None) => true,
        });
        // None of them, or still several: the files that were named count, and nothing else.
        if found.len() > 1 {
            found.clear();
        }
    }
    if found.len() > 1 {
        let all: Vec<String> = found.iter().map(describe).collect();
        return Err(Failure::refused(format!(
            "more than one kube-proxy on this node: {}",
            all.join("; ")
        ))
        .help("name the files of the one that is meant: --config FILE or --kubeconfig FILE"));
    }
    let mut proxy = match found.pop() {
        Some(proxy) => proxy,
        None if named_any => KubeProxy {
            user,
            ..known_by(Source::Named)
        },
        None => well_known(root, survey)?,
    };
    if let Some(path) = &named.config {
        proxy.config = Some((path.clone(), Origin::flag(None)));
        proxy.named_config = true;
    }
    proxy.named_kubeconfig.clone_from(&named.kubeconfig);
    // It may well be the one whose files these are, and then root alone must not read them.
    if proxy.user.is_none() && !matches!(proxy.source, Source::Process(..)) {
        proxy.user = strangers(survey)
            .next()
            .map(|stranger| format!("uid {}, if it is process {}", stranger.user, stranger.pid));
    }
    (proxy.recognised, proxy.flag_place) = platform::recognise(root, survey, &proxy);
    Ok(proxy)
}

impl KubeProxy {
    /// Stands for the kube-proxy of a node that has none, where nothing is asked of it.
    pub fn absent() -> KubeProxy {
        known_by(Source::Named)
    }

    /// The kube-proxy that a workload of the cluster starts on each node, with these flags.
    pub fn of_workload(title: String, flags: Vec<Flag>, version: Option<String>) -> KubeProxy {
        let path = |name: &str| {
            let flag = flags::last(&flags, name)?;
            let path = NodePath::root().join(flag.value.as_deref()?)?;
            Some((path, flag.origin.clone()))
        };
        KubeProxy {
            config: path("config"),
            kubeconfig: path("kubeconfig"),
            version,
            flag_place: FlagPlace::Nowhere("its flags stand in the workload's manifest".into()),
            ..known_by(Source::Workload(title))
        }
        .with_flags(flags)
    }

    fn with_flags(mut self, flags: Vec<Flag>) -> KubeProxy {
        self.flags = flags;
        self
    }
}

/// A kube-proxy of which nothing but the source is known.
fn known_by(source: Source) -> KubeProxy {
    KubeProxy {
        source,
        flags: Vec::new(),
        version: None,
        config: None,
        named_config: false,
        kubeconfig: None,
        named_kubeconfig: None,
        problem: None,
        elsewhere: false,
        user: None,
        with_kubelet: false,
        recognised: Recognised::default(),
        flag_place: FlagPlace::default(),
    }
}

/// Whether a path that a kube-proxy was told leads to the file of the node that the operator named.
fn is_told(root: &Root, proxy: &KubeProxy, told: Option<&NodePath>, named: &NodePath) -> bool {
    let Some(Placed::Node(told)) = told.map(|told| proxy.place(root, told)) else {
        return false;
    };
    let inode = |path: &NodePath| root.open(path).map(|(_, opened)| opened.meta);
    told == *named || matches!((inode(&told), inode(named)), (Ok(a), Ok(b)) if a.same_inode(&b))
}

/// The kubeconfig that a kube-proxy's configuration names, as that kube-proxy sees it.
fn in_config(root: &Root, proxy: &KubeProxy, config: &NodePath) -> Option<NodePath> {
    let Placed::Node(path) = proxy.place(root, config) else {
        return None;
    };
    let bytes = root.open(&path).ok()?.1.read().ok()?;
    let values = crate::proxyconfig::read(&bytes).values?;
    let named = values.text("clientConnection.kubeconfig")?;
    config.parent().join(named).filter(|_| !named.is_empty())
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
    let agents = within::all(root, survey).into_iter().map(|found| {
        let proxy = KubeProxy {
            problem: found.problem,
            elsewhere: found.elsewhere,
            ..known_by(found.source)
        };
        with_paths(proxy, found.flags)
    });
    let agents: Vec<KubeProxy> = agents.collect();
    let mut running: Vec<KubeProxy> = survey
        .processes
        .iter()
        .filter(|process| process.program == "kube-proxy")
        .map(|process| {
            let unit = process.unit.as_ref();
            let unit = unit.and_then(|name| systemd::load(root, name));
            let flags = flags::parse(&process.arguments, &Origin::flag(None));
            let of_agent = process.other_mounts && survey.agent_pod.is_some();
            let version = process.other_mounts.then(|| survey.only_pod()?.version);
            let (flags, problem) = with_agent(root, of_agent, flags);
            let user = unit.as_ref().and_then(|unit| unit.flags("kube-proxy").user);
            let beside = |other: &&Process| other.program == "kubelet" && other.unit.is_some();
            let mut kubelets = survey.processes.iter().filter(beside);
            let proxy = KubeProxy {
                user,
                problem,
                with_kubelet: kubelets.any(|kubelet| kubelet.unit == process.unit),
                version: version.flatten(),
                ..known_by(Source::Process(process.clone(), unit))
            };
            with_paths(proxy, flags)
        })
        .collect();
    let runs = |proxy: &&KubeProxy| proxy.pid().is_some();
    running.extend(agents.iter().filter(runs).cloned());
    if !running.is_empty() {
        return running;
    }
    let mut installed: Vec<KubeProxy> = systemd::running(root, "kube-proxy")
        .into_iter()
        .map(|unit| {
            let given = unit.flags("kube-proxy");
            let proxy = KubeProxy {
                problem: given.problem,
                elsewhere: given.elsewhere,
                user: given.user,
                ..known_by(Source::Unit(unit))
            };
            with_paths(proxy, given.flags)
        })
        .collect();
    let mut pods = survey.manifests.running("kube-proxy");
    let of_agent = survey.agent_pod.as_ref().map(|pod| pod.path.clone());
    pods.retain(|pod| Some(&pod.path) != of_agent.as_ref());
    pods.extend(survey.agent_pod.clone());
    installed.extend(pods.into_iter().map(|pod| {
        let flags = flags::parse(&pod.arguments, &pod.origin);
        let (flags, problem) = with_agent(root, of_agent.as_ref() == Some(&pod.path), flags);
        let proxy = KubeProxy {
            version: pod.version.clone(),
            problem: problem.or_else(|| pod.problem.clone()),
            ..known_by(Source::StaticPod(pod))
        };
        with_paths(proxy, flags)
    }));
    installed.extend(agents);
    installed
}

/// The flags of RKE2's static pod as its next start will have them, and why they are not known: the
/// manifest is written anew from the configuration.
fn with_agent(root: &Root, of_agent: bool, flags: Vec<Flag>) -> (Vec<Flag>, Option<String>) {
    let read = match of_agent {
        true => platform::agent::read(root, Agent::Rke2, None),
        false => None,
    };
    match read {
        Some(read) => (read.flags(&flags), read.problem),
        None => (flags, None),
    }
}

fn with_paths(mut proxy: KubeProxy, flags: Vec<Flag>) -> KubeProxy {
    proxy.flags = flags;
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
fn well_known(root: &Root, survey: &Survey) -> Result<KubeProxy, Failure> {
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
    let mut configs = there(CONFIG_PATHS);
    configs.extend(volumes::configurations(root));
    let kubeconfigs = there(KUBECONFIG_PATHS);
    let none = configs.is_empty() && kubeconfigs.is_empty();
    if none {
        let disbelieved = strangers(survey).map(|stranger| {
            format!(
                "process {} of uid {} is not believed, because anybody could have started it",
                stranger.pid, stranger.user
            )
        });
        let seen: Vec<String> = disbelieved.chain(none::evidence(root, survey)).collect();
        let seen = match seen.is_empty() {
            true => String::new(),
            false => format!(" ({})", seen.join("; ")),
        };
        return Err(Failure::refused(format!(
            "no kube-proxy found in {}: no process, no systemd unit, no static pod, none of the well-known files{seen}",
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
        config: config.map(found),
        kubeconfig: kubeconfig.filter(|_| config.is_none()).map(found),
        ..known_by(Source::Files)
    })
}

/// Processes under the name that are not taken for it.
fn strangers(survey: &Survey) -> impl Iterator<Item = &Stranger> {
    let strangers = survey.strangers.iter();
    strangers.filter(|stranger| stranger.program == "kube-proxy")
}
