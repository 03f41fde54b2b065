//! Where a change lasts on each platform that keeps kube-proxy itself.

use super::Platform;

/// Why flags are not changed on the node, and where instead.
pub fn of_flags(platform: Platform) -> &'static str {
    match platform {
        Platform::Kubeadm | Platform::Kubespray | Platform::Kind | Platform::Minikube => {
            "its flags stand in the DaemonSet kube-system/kube-proxy, which all nodes share; the kubelet starts it with them again"
        }
        Platform::K3s | Platform::Rke2 | Platform::MicroK8s => {
            "its flags come from the agent's own configuration"
        }
        Platform::Kops => {
            "nodeup writes its manifest from the Cluster spec, and would undo an edit on the node"
        }
        Platform::Eks => {
            "its flags stand in the DaemonSet of the EKS add-on, which all nodes share; the kubelet starts it with them again"
        }
        Platform::Aks => "AKS manages its DaemonSet, and would undo an edit",
        Platform::Gke => {
            "the node's start-up writes its manifest, and would undo an edit on the node"
        }
        Platform::OpenShift => "the network operator manages its DaemonSet, and would undo an edit",
        Platform::Talos => {
            "Talos makes its DaemonSet from the machine configuration, and would undo an edit"
        }
    }
}
