//! The kube-apiserver of this node: a static pod, a process, a systemd service.

use super::credentials::of_api_server;
use super::{ApiServer, Origin, PolicyPath};
use crate::discover::flags::{self, Flag};
use crate::discover::pod::StaticPod;
use crate::discover::process::{self, Process};
use crate::discover::{Survey, systemd};
use crate::root::{LookError, NodePath, Root};

const PROGRAM: &str = "kube-apiserver";
/// Where the audit policy is installed when no flag names one.
const DEFAULT_POLICY: &str = "/etc/kubernetes/audit-policy.yaml";

/// Where the kubelet reads static pods unless it is told otherwise.
const DEFAULT_PODS: &str = "/etc/kubernetes/manifests";

/// How the API server sees the node's files.
enum View {
    /// As they are.
    Node,
    /// Through the mounts of its static pod.
    Pod(StaticPod),
    /// Through the mounts of its process.
    Process(u32),
}

impl View {
    fn on_node(&self, path: &NodePath) -> Option<NodePath> {
        match self {
            View::Node => Some(path.clone()),
            View::Pod(pod) => pod.on_node(path),
            View::Process(pid) => process::on_node(*pid, path),
        }
    }
}

/// What was found: in words, its flags, how it sees files.
struct Found {
    described: String,
    flags: Vec<Flag>,
    view: View,
    problem: Option<String>,
}

/// Finds it, and the audit policy that it names.
pub(super) fn find(root: &Root, survey: &Survey) -> Option<ApiServer> {
    let found = static_pod(survey)
        .or_else(|| running(&survey.processes))
        .or_else(|| service(root))?;
    let policy = match flags::last(&found.flags, "audit-policy-file") {
        Some(flag) => {
            let value = flag.value.clone().unwrap_or_default();
            match NodePath::new(&value).and_then(|path| found.view.on_node(&path)) {
                Some(path) => PolicyPath::Named(path, flag.origin.clone()),
                None => PolicyPath::Unreachable(value, flag.origin.clone()),
            }
        }
        None => PolicyPath::Default(NodePath::new(DEFAULT_POLICY)?),
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
        policy_bytes: match &opened {
            Ok((_, opened)) => opened.read(),
            Err(error) => Err(error.clone()),
        },
        policy_seen: opened.map(|(_, opened)| opened.meta),
        directory: directory.map(|(_, opened)| opened.meta),
        problem: found.problem,
        policy,
    })
}

fn static_pod(survey: &Survey) -> Option<Found> {
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
        described: format!("static pod {}", pod.path),
        flags: flags::parse(&pod.arguments, &pod.origin),
        view: View::Pod(pod),
        problem,
    })
}

fn running(processes: &[Process]) -> Option<Found> {
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
    Some(Found {
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
    })
}
