//! Nodes that have no kube-proxy because another program does its work.

use crate::discover::Survey;
use crate::root::{LookError, NodePath, Root};

/// A program that can stand in for kube-proxy.
struct Replacement {
    name: &'static str,
    /// Its process.
    program: &'static str,
    /// The network configuration that it leaves on each node.
    files: &'static [&'static str],
    /// The flag that has it do kube-proxy's work, where that is said by a flag.
    flag: Option<&'static str>,
    /// True when it stands in for kube-proxy wherever it is installed.
    always: bool,
}

/// Sources: the facts page, section 3.2, and each project's own manifests.
const REPLACEMENTS: &[Replacement] = &[
    Replacement {
        name: "Cilium",
        program: "cilium-agent",
        files: &[
            "/etc/cni/net.d/05-cilium.conflist",
            "/etc/cni/net.d/05-cilium.conf",
        ],
        flag: Some("kube-proxy-replacement"),
        always: false,
    },
    Replacement {
        name: "OVN-Kubernetes",
        program: "ovnkube",
        files: &[
            "/etc/cni/net.d/10-ovn-kubernetes.conf",
            "/etc/kubernetes/cni/net.d/10-ovn-kubernetes.conf",
        ],
        flag: None,
        always: true,
    },
    Replacement {
        name: "kube-router",
        program: "kube-router",
        files: &["/etc/cni/net.d/10-kuberouter.conflist"],
        flag: Some("run-service-proxy"),
        always: false,
    },
    Replacement {
        name: "Antrea",
        program: "antrea-agent",
        files: &["/etc/cni/net.d/10-antrea.conflist"],
        flag: None,
        always: false,
    },
    Replacement {
        name: "Calico",
        program: "calico-node",
        files: &["/etc/cni/net.d/10-calico.conflist"],
        flag: None,
        always: false,
    },
];

/// What on this node can stand in for kube-proxy, each with what shows it.
pub fn evidence(root: &Root, survey: &Survey) -> Vec<String> {
    let absent = |error| matches!(error, LookError::Missing | LookError::NotDirectory);
    let there =
        |file: &&&str| NodePath::new(file).is_some_and(|path| !root.open(&path).is_err_and(absent));
    let mut found = Vec::new();
    for replacement in REPLACEMENTS {
        let name = replacement.name;
        let does = match replacement.always {
            true => "does the work of kube-proxy",
            false => "can do the work of kube-proxy",
        };
        let mut processes = survey.processes.iter();
        let running = processes.find(|process| process.program == replacement.program);
        if let Some(process) = running {
            let flag = replacement.flag.and_then(|flag| {
                let mut words = process.arguments.iter();
                words.find(|word| word.trim_start_matches('-').starts_with(flag))
            });
            found.push(match flag {
                Some(flag) => format!("process {} is {name} with {flag}", process.pid),
                None => format!("process {} is {name}, which {does}", process.pid),
            });
        }
        let mut files = replacement.files.iter();
        if let Some(file) = files.find(|file| there(file)) {
            found.push(format!("{file} is there: {name} {does}"));
        }
    }
    found
}
