//! The kube-apiserver of this node: a static pod, a process, a systemd service.

use super::credentials::of_api_server;
use super::{
    ApiServer, Origin, PodManifest, PolicyPath, Seen, ServerSource, api_embedded, api_log,
};
use crate::discover::flags::{self, Flag};
use crate::discover::pod::StaticPod;
use crate::discover::process::{self, Process};
use crate::discover::systemd::Unit;
use crate::discover::{Survey, drop_in, systemd};
use crate::root::{LookError, NodePath, Root};

pub(super) const PROGRAM: &str = "kube-apiserver";
/// Where the audit policy is installed when no flag names one.
const DEFAULT_POLICY: &str = "/etc/kubernetes/audit-policy.yaml";

/// Where the kubelet reads static pods unless it is told otherwise.
const DEFAULT_PODS: &str = "/etc/kubernetes/manifests";

/// How the API server sees the node's files.
pub(super) enum View {
    /// As they are.
    Node,
    /// Through the mounts of its static pod.
    Pod(StaticPod),
    /// Through the mounts of its process.
    Process(u32),
}

impl View {
    pub(super) fn on_node(&self, path: &NodePath) -> Option<NodePath> {
        match self {
            View::Node => Some(path.clone()),
            View::Pod(pod) => pod.on_node(path),
            View::Process(pid) => process::on_node(*pid, path),
        }
    }

    /// The same for a file that the API server is told of: what its pod does not mount yet is mounted from
    /// the same path of the node, and so it is the one to judge.
    pub(super) fn once_mounted(&self, path: &NodePath) -> Option<NodePath> {
        let missing = || match self {
            View::Pod(pod) => pod.in_image(path).then(|| path.clone()),
            View::Node | View::Process(_) => None,
        };
        self.on_node(path).or_else(missing)
    }
}

/// What was found: in words, its flags, how it sees files.
pub(super) struct Found {
    pub(super) described: String,
    pub(super) flags: Vec<Flag>,
    pub(super) view: View,
    pub(super) problem: Option<String>,
    pub(super) version: Option<String>,
    pub(super) source: ServerSource,
    pub(super) unit: Option<Unit>,
    pub(super) user: Option<String>,
}

impl Found {
    fn is_service(&self) -> bool {
        matches!(self.source, ServerSource::Unit(_))
    }
}

/// Finds it, and the audit policy that it names.
pub(super) fn find(root: &Root, survey: &Survey) -> Option<ApiServer> {
    let found = static_pod(root, survey)
        // What a distribution left behind must not hide a service; what it runs has none of its own.
        .or_else(|| running(root, &survey.processes).filter(Found::is_service))
        .or_else(|| service(root))
        .or_else(|| api_embedded::find(root))
        .or_else(|| running(root, &survey.processes))?;
    let log = api_log::look(root, &found.flags, &found.view)?;
    let named = flags::last(&found.flags, "audit-policy-file");
    let value = named.and_then(|flag| flag.value.clone());
    let policy = match named.zip(value.filter(|value| !value.is_empty())) {
        Some((flag, value)) => {
            match NodePath::new(&value).and_then(|path| found.view.once_mounted(&path)) {
                Some(path) => PolicyPath::Named(path, flag.origin.clone()),
                None => PolicyPath::Unreachable(value, flag.origin.clone()),
            }
        }
        None => {
            let path = NodePath::new(DEFAULT_POLICY)?;
            PolicyPath::Default(found.view.on_node(&path).unwrap_or(path))
        }
    };
    let path = match &policy {
        PolicyPath::Named(path, _) | PolicyPath::Default(path) => Some(path),
        PolicyPath::Unreachable(..) => None,
    };
    let opened = path.map_or(Err(LookError::Missing), |path| root.open(path));
    let directory = path.map_or(Err(LookError::Missing), |path| root.open(&path.parent()));
    let pods = match &found.view {
        View::Pod(pod) => Some(pod.path.parent()),
        _ => NodePath::new(DEFAULT_PODS),
    };
    let pods = pods.map(|path| root.open(&path).map_or(path, |(resolved, _)| resolved));
    let client_authority = of_api_server(&found.flags, |path| {
        let seen = NodePath::new(path).and_then(|path| found.view.on_node(&path));
        let seen = seen.ok_or_else(|| format!("{path} is not visible on the node"))?;
        let read = root.open(&seen).and_then(|(_, opened)| opened.read());
        read.map_err(|error| format!("{path} {error}"))
    });
    Some(ApiServer {
        client_authority,
        described: found.described,
        policy_link: path.and_then(|path| root.link(path)),
        policy_among_pods: directory
            .as_ref()
            .is_ok_and(|(resolved, _)| Some(resolved) == pods.as_ref()),
        log_among_pods: log
            .directory
            .as_ref()
            .is_ok_and(|(resolved, _)| Some(resolved) == pods.as_ref()),
        policy_bytes: match &opened {
            Ok((_, opened)) => opened.read(),
            Err(error) => Err(error.clone()),
        },
        policy_resolved: opened.as_ref().ok().map(|(resolved, _)| resolved.clone()),
        policy_seen: opened.map(|(_, opened)| opened.meta),
        directory: directory.map(|(_, opened)| opened.meta),
        problem: found.problem,
        policy,
        version: found.version,
        flags: found.flags,
        source: found.source,
        unit: found.unit,
        user: found.user,
        log,
    })
}

fn static_pod(root: &Root, survey: &Survey) -> Option<Found> {
    let mut pods = survey.manifests.running(PROGRAM);
    let all: Vec<String> = pods.iter().map(|pod| pod.path.to_string()).collect();
    let pod = pods.pop()?;
    let problem = match all.len() {
        1 => pod
            .problem
            .as_ref()
            .map(|problem| format!("its flags are not known: {problem}")),
        _ => Some(format!(
            "more than one static pod runs {PROGRAM}, and which one counts is not defined: {}; the kubelet runs every file in that directory, whatever its ending",
            all.join(", ")
        )),
    };
    Some(Found {
        unit: None,
        described: format!("static pod {}", pod.path),
        flags: flags::parse(&pod.arguments, &pod.origin),
        version: pod.version.clone(),
        source: ServerSource::StaticPod(PodManifest {
            seen: manifest(root, &pod.path),
            path: pod.path.clone(),
            container: pod.container,
        }),
        view: View::Pod(pod),
        problem,
        user: None,
    })
}

fn in_unit(root: &Root, unit: &systemd::Unit) -> ServerSource {
    ServerSource::Unit(drop_in::of(root, unit, PROGRAM).map(Box::new))
}

/// The manifest, with its contents: what is changed is what was judged.
fn manifest(root: &Root, path: &NodePath) -> Result<Seen, LookError> {
    let (path, opened) = root.open(path)?;
    let bytes = opened.read()?;
    Ok(Seen {
        path,
        meta: opened.meta,
        bytes: Some(bytes),
    })
}

fn running(root: &Root, processes: &[Process]) -> Option<Found> {
    let all: Vec<&Process> = processes
        .iter()
        .filter(|process| process.program == PROGRAM)
        .collect();
    let process = *all.first()?;
    let several = || {
        let pids: Vec<String> = all.iter().map(|process| process.pid.to_string()).collect();
        let pids = pids.join(", ");
        format!("more than one {PROGRAM} runs here: processes {pids}")
    };
    let unit = process.unit.as_ref().filter(|_| !process.other_mounts);
    let unit = unit.and_then(|name| systemd::load(root, name));
    let shared = unit.as_ref().and_then(|unit| agent(unit, processes));
    let user = unit.as_ref().and_then(|unit| unit.user.clone());
    let unit = unit.filter(|_| shared.is_none());
    let source = unit.as_ref().map(|unit| in_unit(root, unit));
    Some(Found {
        version: None,
        user,
        source: shared.or(source).unwrap_or(ServerSource::Process),
        unit,
        described: format!("process {}", process.pid),
        flags: flags::parse(&process.arguments, &Origin::flag(None)),
        view: if process.other_mounts {
            View::Process(process.pid)
        } else {
            View::Node
        },
        problem: (all.len() > 1).then(several),
    })
}

/// A service that is never restarted for the API server's sake, because it may run the kubelet too: k0s'
/// own, and any that does. Without a worker k0s runs none, and all of the control plane instead.
fn agent(unit: &Unit, processes: &[Process]) -> Option<ServerSource> {
    let program = unit
        .command
        .first()
        .and_then(|word| word.rsplit('/').next());
    if program == Some("k0s") {
        return Some(ServerSource::Controller(
            "k0s",
            "spec.api.extraArgs of the ClusterConfig (/etc/k0s/k0s.yaml), without the dashes, and restart k0s",
        ));
    }
    let kubelet = processes.iter().any(|process| {
        process.program == "kubelet" && process.unit.as_deref() == Some(unit.name.as_str())
    });
    kubelet.then_some(ServerSource::Controller(
        "its service",
        "what that service starts it with, and restart the service",
    ))
}

fn service(root: &Root) -> Option<Found> {
    let mut units = systemd::running(root, PROGRAM);
    let all: Vec<String> = units.iter().map(|unit| unit.name.clone()).collect();
    let unit = units.pop()?;
    let given = unit.flags(PROGRAM);
    let several = || format!("more than one unit runs {PROGRAM}: {}", all.join(", "));
    Some(Found {
        described: format!("systemd unit {}", unit.name),
        flags: given.flags,
        view: View::Node,
        problem: match all.len() {
            1 => given.problem,
            _ => Some(several()),
        },
        version: None,
        user: given.user,
        source: in_unit(root, &unit),
        unit: Some(unit),
    })
}
