//! Who keeps kube-proxy on this node, and how we know: a file per family of platforms.
//!
//! Told by what runs and by marker files, so that it works on a tree as on a live node. A platform is
//! named only where kube-proxy is started in that platform's way: a systemd unit on a machine that also
//! has the marks of a cloud is still a systemd unit.

pub mod agent;
pub mod lasting;
mod marks;
pub mod microk8s;
pub mod none;
mod place;
mod replaced;

pub use place::{Agent, AgentConfig, ArgsFile, FlagPlace, Setting};

use super::{KubeProxy, Source, Survey};
use crate::root::Root;

/// A way in which Kubernetes is installed, with its word for `node.kube_proxy.platform`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// kubeadm: a DaemonSet with its configuration in a ConfigMap.
    Kubeadm,
    /// kubespray, which installs with kubeadm.
    Kubespray,
    /// kind, which installs with kubeadm.
    Kind,
    /// minikube, which installs with kubeadm.
    Minikube,
    /// k3s: inside its own process.
    K3s,
    /// RKE2: a static pod that it writes at each start.
    Rke2,
    /// MicroK8s: inside kubelite.
    MicroK8s,
    /// kOps: a static pod that nodeup writes.
    Kops,
    /// EKS: an add-on's DaemonSet.
    Eks,
    /// AKS: a managed DaemonSet with flags.
    Aks,
    /// GKE, and clusters made with kube-up: a static pod.
    Gke,
    /// OpenShift: a DaemonSet of the network operator.
    OpenShift,
    /// Talos: a DaemonSet from the machine configuration.
    Talos,
    /// k0s: a DaemonSet that its controllers keep.
    K0s,
}

impl Platform {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Platform::Kubeadm => "kubeadm",
            Platform::Kubespray => "kubespray",
            Platform::Kind => "kind",
            Platform::Minikube => "minikube",
            Platform::K3s => "k3s",
            Platform::Rke2 => "rke2",
            Platform::MicroK8s => "microk8s",
            Platform::Kops => "kops",
            Platform::Eks => "eks",
            Platform::Aks => "aks",
            Platform::Gke => "gke",
            Platform::OpenShift => "openshift",
            Platform::Talos => "talos",
            Platform::K0s => "k0s",
        }
    }

    /// How people write it.
    pub fn name(self) -> &'static str {
        match self {
            Platform::K3s => "k3s",
            Platform::Rke2 => "RKE2",
            Platform::MicroK8s => "MicroK8s",
            Platform::Kops => "kOps",
            Platform::Eks => "EKS",
            Platform::Aks => "AKS",
            Platform::Gke => "GKE",
            Platform::OpenShift => "OpenShift",
            Platform::Talos => "Talos",
            Platform::Kubeadm
            | Platform::Kubespray
            | Platform::Kind
            | Platform::Minikube
            | Platform::K0s => self.word(),
        }
    }
}

/// What was recognised, and why we think so.
#[derive(Clone, Debug, Default)]
pub struct Recognised {
    /// The platform, where more is known than how kube-proxy is started.
    pub platform: Option<Platform>,
    /// What tells it, in words, each with its file or process.
    pub evidence: Vec<String>,
}

/// How a kube-proxy is started, as far as the platform depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Started {
    /// By a pod that the API server gave the kubelet.
    DaemonSet,
    /// By a manifest on the node.
    StaticPod,
    /// In another way, which is no platform's.
    Otherwise,
}

/// Recognises the platform of a kube-proxy, and where its flags last.
pub fn recognise(root: &Root, survey: &Survey, proxy: &KubeProxy) -> (Recognised, FlagPlace) {
    if let Source::Within(within) = &proxy.source {
        return (within.recognised.clone(), within.place.clone());
    }
    let (started, mut evidence) = started(survey, proxy);
    let found = match started {
        Started::DaemonSet => marks::of_daemon_set(root, proxy),
        Started::StaticPod => marks::of_static_pod(root, survey, proxy),
        Started::Otherwise => None,
    };
    let platform = found.map(|(platform, why)| {
        evidence.extend(why);
        platform
    });
    let recognised = Recognised { platform, evidence };
    let place = place_of(root, survey, proxy, started, platform);
    (recognised, place)
}

/// How it is started, and what shows it.
fn started(survey: &Survey, proxy: &KubeProxy) -> (Started, Vec<String>) {
    let config = proxy.config.as_ref().map(|(path, _)| path);
    match &proxy.source {
        Source::StaticPod(pod) => (
            Started::StaticPod,
            vec![format!("{} is its manifest", pod.path)],
        ),
        Source::Process(process, None) if process.other_mounts => {
            let seen = format!("process {} has a file system of its own", process.pid);
            match survey.manifests.running("kube-proxy").first() {
                Some(pod) => (
                    Started::StaticPod,
                    vec![seen, format!("{} is its manifest", pod.path)],
                ),
                None if survey.agent_pod.is_some() => (Started::StaticPod, vec![seen]),
                None => (Started::DaemonSet, vec![seen]),
            }
        }
        Source::Workload(_) => (Started::DaemonSet, Vec::new()),
        Source::Files | Source::Named => match config {
            Some(path) if path.kubelet_volume().is_some() => (
                Started::DaemonSet,
                vec![format!("{path} is a volume of the kubelet")],
            ),
            _ => (Started::Otherwise, Vec::new()),
        },
        Source::Process(_, Some(unit)) | Source::Unit(unit) => (
            Started::Otherwise,
            vec![match unit.files.first() {
                Some(file) => format!("{file} starts it"),
                None => format!("{} starts it", unit.name),
            }],
        ),
        Source::Process(..) | Source::Within(_) => (Started::Otherwise, Vec::new()),
    }
}

/// Where flags last for a kube-proxy that no other program has inside itself.
fn place_of(
    root: &Root,
    survey: &Survey,
    proxy: &KubeProxy,
    started: Started,
    platform: Option<Platform>,
) -> FlagPlace {
    match (started, platform) {
        (Started::StaticPod, Some(Platform::Rke2)) => match agent::read(root, Agent::Rke2, None) {
            Some(read) => read.place(),
            None => FlagPlace::default(),
        },
        (Started::StaticPod, None) => match (
            &proxy.source,
            survey.manifests.running("kube-proxy").first(),
        ) {
            (Source::StaticPod(pod), _) | (_, Some(pod)) => FlagPlace::Manifest(pod.path.clone()),
            _ => FlagPlace::default(),
        },
        (Started::DaemonSet, None) => FlagPlace::Nowhere(
            "its flags stand in the DaemonSet that starts it, which all nodes share".into(),
        ),
        (_, Some(platform)) => FlagPlace::Nowhere(lasting::why_not_here(platform).into()),
        (Started::Otherwise, None) => match proxy.unit() {
            Some(_) => FlagPlace::Unit,
            None if proxy.pid().is_some() => FlagPlace::Nowhere(
                "nothing on this node is known to start it: change its flags where it is started"
                    .into(),
            ),
            None => FlagPlace::default(),
        },
    }
}
