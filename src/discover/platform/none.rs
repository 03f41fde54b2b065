//! What a node shows on which no kube-proxy was found: why there may be none, or where it hides.

use super::{Agent, agent, replaced};
use crate::discover::Survey;
use crate::root::{NodePath, Root};

/// Marks of installers that run kube-proxy in a way that shows no file, or not at all.
const MARKS: &[(&str, &str)] = &[
    (
        "/var/lib/rancher/k3s",
        "k3s runs kube-proxy inside itself, and neither its service nor its configuration is there",
    ),
    (
        "/var/lib/rancher/rke2",
        "RKE2 writes kube-proxy's static pod when it starts, and none is there",
    ),
    (
        "/var/snap/microk8s",
        "MicroK8s runs kube-proxy inside kubelite, and no file of flags for it is there",
    ),
    (
        "/etc/kubernetes/azure.json",
        "AKS runs kube-proxy from a DaemonSet, whose flags only a running node shows",
    ),
    (
        "/etc/machine-config-daemon",
        "OpenShift with OVN-Kubernetes runs no kube-proxy",
    ),
    (
        "/home/kubernetes/bin",
        "GKE with Dataplane V2 runs no kube-proxy (unsure)",
    ),
];

/// Everything that speaks of it, in words.
pub fn evidence(root: &Root, survey: &Survey) -> Vec<String> {
    let mut found = replaced::evidence(root, survey);
    let mut marks: Vec<&(&str, &str)> = MARKS.iter().collect();
    for one in [Agent::K3s, Agent::Rke2] {
        if let Some(read) = agent::read(root, one, None)
            && let Some(place) = &read.disabled
        {
            found.push(format!("{place} tells {} to run no kube-proxy", one.name()));
            marks.retain(|(path, _)| !path.ends_with(one.program()));
        }
    }
    let there = |path: &str| NodePath::new(path).is_some_and(|path| root.open(&path).is_ok());
    let marks = marks.into_iter().filter(|(path, _)| there(path));
    found.extend(marks.map(|(path, what)| format!("{path} is there: {what}")));
    found
}
