//! Marker files: what each installer leaves on a node.

use super::{Platform, Survey};
use crate::discover::{KubeProxy, Source};
use crate::root::{NodePath, Root};

/// Files and directories that only one installer leaves. Where several are there, the first counts: kind,
/// minikube and kubespray install with kubeadm and leave its files too.
///
/// Sources: the facts page, section 3, and the installers' own file layouts.
const OF_DAEMON_SETS: &[(&str, Platform)] = &[
    ("/etc/machine-config-daemon", Platform::OpenShift),
    ("/etc/eks", Platform::Eks),
    ("/etc/kubernetes/azure.json", Platform::Aks),
    ("/opt/azure/containers", Platform::Aks),
    ("/home/kubernetes/bin", Platform::Gke),
    ("/var/lib/k0s", Platform::K0s),
    ("/kind", Platform::Kind),
    ("/var/lib/minikube", Platform::Minikube),
    ("/etc/kubernetes/kubelet.env", Platform::Kubespray),
    ("/var/lib/kubelet/kubeadm-flags.env", Platform::Kubeadm),
    ("/etc/kubernetes/kubelet.conf", Platform::Kubeadm),
];

/// What marks an installer that writes a static pod for kube-proxy.
const OF_STATIC_PODS: &[(&str, Platform)] = &[
    ("/opt/kops", Platform::Kops),
    ("/var/cache/nodeup", Platform::Kops),
    (
        "/etc/systemd/system/kops-configuration.service",
        Platform::Kops,
    ),
    (
        "/lib/systemd/system/kops-configuration.service",
        Platform::Kops,
    ),
    ("/home/kubernetes/bin", Platform::Gke),
    ("/etc/srv/kubernetes", Platform::Gke),
];

/// `ID=` of /etc/os-release, for systems that are made for one platform.
const SYSTEMS: &[(&str, Platform)] = &[
    ("talos", Platform::Talos),
    ("rhcos", Platform::OpenShift),
    ("scos", Platform::OpenShift),
];

/// Where EKS mounts the configuration in kube-proxy's pod.
const EKS_CONFIG: &str = "/var/lib/kube-proxy-config/config";

/// The platform of a kube-proxy in a DaemonSet's pod, and what tells it.
pub fn of_daemon_set(root: &Root, proxy: &KubeProxy) -> Option<(Platform, Option<String>)> {
    if let Some((id, platform)) = system(root) {
        return Some((platform, Some(format!("/etc/os-release has ID={id}"))));
    }
    let told = proxy.config.as_ref().map(|(path, _)| path.as_str());
    if told == Some(EKS_CONFIG) {
        let why = format!("--config={EKS_CONFIG} is where EKS mounts it");
        return Some((Platform::Eks, Some(why)));
    }
    marked(root, OF_DAEMON_SETS)
}

/// The platform of a kube-proxy in a static pod, and what tells it.
pub fn of_static_pod(
    root: &Root,
    survey: &Survey,
    proxy: &KubeProxy,
) -> Option<(Platform, Option<String>)> {
    let own = match &proxy.source {
        Source::StaticPod(pod) => Some(pod.path.clone()),
        _ => None,
    };
    if let Some(pod) = &survey.agent_pod
        && own.is_none_or(|path| path == pod.path)
    {
        let why = format!("{} is there, which RKE2 writes", pod.path);
        return Some((Platform::Rke2, Some(why)));
    }
    marked(root, OF_STATIC_PODS)
}

fn marked(root: &Root, marks: &[(&str, Platform)]) -> Option<(Platform, Option<String>)> {
    marks.iter().find_map(|(path, platform)| {
        root.open(&NodePath::new(path)?).ok()?;
        Some((*platform, Some(format!("{path} is there"))))
    })
}

fn system(root: &Root) -> Option<(&'static str, Platform)> {
    let bytes =
        NodePath::new("/etc/os-release").and_then(|path| root.open(&path).ok()?.1.read().ok())?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let id = text.lines().find_map(|line| line.strip_prefix("ID="))?;
    let id = id.trim().trim_matches(['"', '\'']);
    SYSTEMS.iter().copied().find(|(known, _)| *known == id)
}
