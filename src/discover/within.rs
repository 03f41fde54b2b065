//! kube-proxy inside another program: k3s and MicroK8s' kubelite. No process bears its name there, and
//! its flags stand in the program's own files.

use super::flags::Flag;
use super::platform::{Agent, FlagPlace, Platform, Recognised, agent, microk8s};
use super::systemd::{self, Unit};
use super::{Source, Survey};
use crate::root::{LookError, NodePath, Root};

/// The program that has kube-proxy inside.
#[derive(Clone, Debug)]
pub struct Within {
    /// `k3s` or `kubelite`.
    pub program: &'static str,
    /// Its process, when it runs.
    pub pid: Option<u32>,
    /// The service that starts it.
    pub unit: Option<Unit>,
    /// The platform, and what tells it.
    pub recognised: Recognised,
    /// Where kube-proxy's flags last.
    pub place: FlagPlace,
}

impl Within {
    /// Which program, and who starts it.
    pub fn described(&self) -> String {
        let inside = format!("inside {}", self.program);
        match (&self.unit, self.pid) {
            (Some(unit), _) => format!("{inside} of systemd unit {}", unit.name),
            (None, Some(pid)) => format!("{inside}, process {pid}"),
            (None, None) => inside,
        }
    }
}

/// One that was found: where, its flags, and why they are not known.
pub(super) struct Found {
    pub source: Source,
    pub flags: Vec<Flag>,
    pub problem: Option<String>,
    /// True when its files are not the node's.
    pub elsewhere: bool,
}

/// All that run, or would run, on the node.
pub(super) fn all(root: &Root, survey: &Survey) -> Vec<Found> {
    let running = |program: &str| {
        let mut found = survey.processes.iter();
        found.find(|process| process.program == program)
    };
    let mut found = Vec::new();
    found.extend(k3s(root, running("k3s")));
    found.extend(microk8s(root, running("kubelite")));
    found
}

fn there(root: &Root, path: &str) -> bool {
    let absent = |error| matches!(error, LookError::Missing | LookError::NotDirectory);
    NodePath::new(path).is_some_and(|path| !root.open(&path).is_err_and(absent))
}

fn k3s(root: &Root, process: Option<&super::process::Process>) -> Option<Found> {
    let named = process.and_then(|process| process.unit.as_deref());
    let read = agent::read(root, Agent::K3s, named)?;
    let mut evidence = Vec::new();
    evidence.extend(process.map(|process| format!("process {} is k3s", process.pid)));
    evidence.extend(read.unit.as_ref().and_then(|unit| {
        let file = unit.files.first()?;
        Some(format!("{file} starts k3s"))
    }));
    let kubeconfig = format!("{}/agent/kubeproxy.kubeconfig", read.data);
    let files = read.config.files.iter().map(NodePath::as_str);
    let marks = files.chain(there(root, &kubeconfig).then_some(kubeconfig.as_str()));
    evidence.extend(marks.map(|path| format!("{path} is there")));
    // A directory alone may be what an uninstalled k3s left.
    if evidence.is_empty() || read.disabled.is_some() {
        return None;
    }
    // Its files are a container's own then, and the node's would be judged in their place.
    let elsewhere = process
        .filter(|process| process.other_mounts)
        .map(|process| {
            format!(
                "k3s runs in a container of its own, process {}: run tighten inside it",
                process.pid
            )
        });
    let is_elsewhere = elsewhere.is_some();
    let problem = elsewhere.or_else(|| read.problem.clone());
    let place = match &problem {
        Some(problem) => FlagPlace::Nowhere(problem.clone()),
        None => read.place(),
    };
    Some(Found {
        flags: read.flags(&read.defaults()),
        problem,
        elsewhere: is_elsewhere,
        source: Source::Within(Within {
            program: "k3s",
            pid: process.map(|process| process.pid),
            unit: read.unit,
            recognised: Recognised {
                platform: Some(Platform::K3s),
                evidence,
            },
            place,
        }),
    })
}

fn microk8s(root: &Root, process: Option<&super::process::Process>) -> Option<Found> {
    let read = microk8s::read(root)?;
    let mut evidence = Vec::new();
    evidence.extend(process.map(|process| format!("process {} is kubelite", process.pid)));
    evidence.push(format!("{} is there", read.file.path));
    let named = process.and_then(|process| process.unit.as_deref());
    let unit = systemd::load(root, named.unwrap_or(microk8s::SERVICE));
    let place = match &read.problem {
        Some(problem) => FlagPlace::Nowhere(problem.clone()),
        None => FlagPlace::ArgsFile(read.file),
    };
    Some(Found {
        flags: read.flags,
        problem: read.problem,
        elsewhere: false,
        source: Source::Within(Within {
            program: "kubelite",
            pid: process.map(|process| process.pid),
            unit,
            recognised: Recognised {
                platform: Some(Platform::MicroK8s),
                evidence,
            },
            place,
        }),
    })
}
