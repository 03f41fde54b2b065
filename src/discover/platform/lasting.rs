//! Where a change lasts on each platform that keeps kube-proxy itself, as text to follow.
//!
//! Sources: the facts page, sections 3 and 7, and each platform's own documentation. What is marked
//! "unsure" was not tried on that platform.

use std::fmt::Write;

use super::Platform;
use crate::edit::Scalar;

/// Why flags are not changed on the node.
pub fn why_not_here(platform: Platform) -> &'static str {
    match platform {
        Platform::Kubeadm
        | Platform::Kubespray
        | Platform::Kind
        | Platform::Minikube
        | Platform::Eks => {
            "its flags stand in the DaemonSet kube-proxy, and the kubelet would start it with them again"
        }
        Platform::K3s | Platform::Rke2 | Platform::MicroK8s => {
            "its flags come from the agent's own configuration"
        }
        Platform::Kops => {
            "nodeup writes its manifest from the Cluster spec, and would undo an edit on the node"
        }
        Platform::Aks => "AKS keeps its DaemonSet, and would undo an edit",
        Platform::Gke => {
            "the node's start-up writes its manifest and would undo an edit, and GKE has no setting for it (unsure)"
        }
        Platform::OpenShift => "the network operator keeps its DaemonSet, and would undo an edit",
        Platform::Talos => {
            "Talos makes its DaemonSet from the machine configuration, and would undo an edit"
        }
        Platform::K0s => {
            "k0s' controllers write its ConfigMap and its DaemonSet from the ClusterConfig, and would undo an edit"
        }
    }
}

/// A ConfigMap's key as the node sees it, and what is to be changed in it.
pub struct Shared<'a> {
    /// Who keeps it.
    pub platform: Option<Platform>,
    /// True for the proxy configuration, false for the kubeconfig.
    pub is_config: bool,
    /// The key, which is the file's name.
    pub key: &'a str,
    /// The unified diff, hunks only.
    pub diff: &'a str,
    /// Keys of the configuration and their new values.
    pub settings: &'a [(String, Scalar)],
}

/// The patch of a ConfigMap with the commands; where a controller writes the ConfigMap itself, the same
/// change in what it reads.
pub fn of_config_map(shared: &Shared) -> String {
    let settings = shared.settings;
    match shared.platform {
        Some(Platform::Talos) if shared.is_config => return talos_config(settings),
        Some(Platform::OpenShift) if shared.is_config => return openshift(settings),
        Some(Platform::K0s) if shared.is_config => return k0s(settings),
        _ => {}
    }
    let map = match (shared.platform, shared.is_config) {
        (Some(Platform::Eks), true) => "kube-proxy-config",
        _ => "kube-proxy",
    };
    let key = shared.key;
    let escaped = key.replace('.', "\\.");
    let mut out = format!("--- {key}\n+++ {key}\n{}", shared.diff);
    for line in [
        format!("# {key} of ConfigMap kube-system/{map}; save this as {key}.patch, then:"),
        format!(
            "kubectl -n kube-system get configmap {map} -o jsonpath='{{.data.{escaped}}}' > {key}"
        ),
        format!("patch {key} {key}.patch"),
        format!(
            "kubectl -n kube-system create configmap {map} --from-file={key} --dry-run=client -o yaml > configmap.yaml"
        ),
        format!(
            "kubectl -n kube-system patch configmap {map} --type merge --patch-file configmap.yaml"
        ),
        "kubectl -n kube-system rollout restart daemonset/kube-proxy".into(),
        "kubectl -n kube-system rollout status daemonset/kube-proxy".into(),
    ] {
        let _ = writeln!(out, "{line}");
    }
    if shared.is_config {
        out.push_str(&kept(shared.platform, settings));
    }
    out
}

/// What the installer has to be told too, so that its next run keeps the change.
fn kept(platform: Option<Platform>, settings: &[(String, Scalar)]) -> String {
    let mut out = String::new();
    match platform {
        Some(Platform::Kubespray) => {
            out.push_str("# kubespray writes it at its next run; in the inventory:\n");
            for (key, value) in settings {
                let _ = match kubespray(key) {
                    Some(name) => writeln!(out, "{name}: {value}"),
                    None => writeln!(out, "# {key}: no variable is known (unsure)"),
                };
            }
        }
        Some(Platform::Kind) => {
            out.push_str(
                "# a cluster made anew needs it too; in kind's configuration:\nkubeadmConfigPatches:\n- |\n  kind: KubeProxyConfiguration\n",
            );
            out.push_str(&yaml(settings, 2));
        }
        Some(Platform::Minikube) => {
            out.push_str("# a cluster made anew needs it too:\nminikube start");
            for (key, value) in settings {
                let _ = write!(out, " --extra-config=kube-proxy.{key}={}", plain(value));
            }
            out.push('\n');
        }
        None => out.push_str("# the names of ConfigMap and DaemonSet are kubeadm's; your installer may have others (unsure)\n"),
        Some(Platform::Eks) => out.push_str(
            "# an update of the managed add-on may undo it (unsure): --resolve-conflicts PRESERVE keeps it, or\n# set it where aws eks describe-addon-configuration --addon-name kube-proxy --addon-version VERSION knows it:\n# aws eks update-addon --cluster-name CLUSTER --addon-name kube-proxy --configuration-values JSON\n",
        ),
        _ => {}
    }
    out
}

/// kubespray's variable for a key.
fn kubespray(key: &str) -> Option<&'static str> {
    Some(match key {
        "bindAddress" => "kube_proxy_bind_address",
        "healthzBindAddress" => "kube_proxy_healthz_bind_address",
        "metricsBindAddress" => "kube_proxy_metrics_bind_address",
        "nodePortAddresses" => "kube_proxy_nodeport_addresses",
        _ => return None,
    })
}

/// Flags in an object that a controller keeps: each with its key and value. `None` where there is nothing
/// to change.
pub fn of_flags(platform: Platform, flags: &[(&str, String, Scalar)]) -> Option<String> {
    let settings: Vec<(String, Scalar)> = flags
        .iter()
        .map(|(_, key, value)| (key.clone(), value.clone()))
        .collect();
    let mut out = String::new();
    match platform {
        Platform::Kubeadm
        | Platform::Kubespray
        | Platform::Kind
        | Platform::Minikube
        | Platform::Eks => {
            out.push_str("# in the command of the container kube-proxy:\n");
            out.push_str("kubectl -n kube-system edit daemonset/kube-proxy\n");
            for (flag, _, value) in flags {
                let _ = writeln!(out, "--{flag}={}", plain(value));
            }
        }
        Platform::Aks => {
            out.push_str(
                "# AKS takes enabled, mode and ipvsConfig alone, so these values cannot be set there (unsure):\n# az aks update --resource-group GROUP --name CLUSTER --kube-proxy-config kube-proxy.json\n",
            );
            for (flag, _, value) in flags {
                let _ = writeln!(out, "# --{flag}={}", plain(value));
            }
        }
        Platform::Kops => {
            out.push_str("# kops edit cluster:\nspec:\n  kubeProxy:\n");
            for (key, value) in &settings {
                // The fields that kOps has for these flags; of the others none is known.
                let known = matches!(key.as_str(), "bindAddress" | "metricsBindAddress");
                let mark = if known { "    " } else { "    # unsure: " };
                let _ = writeln!(out, "{mark}{key}: {value}");
            }
            out.push_str("# then:\nkops update cluster --yes\nkops rolling-update cluster --yes\n");
        }
        Platform::Talos => {
            out.push_str("# kube-proxy.yaml\ncluster:\n  proxy:\n    extraArgs:\n");
            for (flag, _, value) in flags {
                let _ = writeln!(out, "      {flag}: {:?}", plain(value));
            }
            out.push_str(TALOS);
        }
        Platform::OpenShift => return Some(openshift(&settings)),
        Platform::K0s => {
            out.push_str("# k0s.yaml, the ClusterConfig:\nspec:\n  network:\n    kubeProxy:\n      extraArgs:\n");
            for (flag, _, value) in flags {
                let _ = writeln!(out, "        {flag}: {:?}", plain(value));
            }
            out.push_str(K0S);
        }
        Platform::Gke | Platform::K3s | Platform::Rke2 | Platform::MicroK8s => return None,
    }
    Some(out)
}

/// What makes Talos use a machine configuration that says something else of kube-proxy.
const TALOS: &str = "# on every control plane node, then once for the cluster (unsure):\ntalosctl --nodes NODE patch machineconfig --patch @kube-proxy.yaml\ntalosctl --nodes NODE upgrade-k8s\n";

/// Talos with a configuration file: flags beside it would be ignored.
fn talos_config(settings: &[(String, Scalar)]) -> String {
    format!(
        "# kube-proxy.yaml; Talos with KubeProxyConfig documents (unsure)\napiVersion: v1alpha1\nkind: KubeProxyConfig\nconfig:\n{}{TALOS}",
        yaml(settings, 2)
    )
}

/// What makes k0s' controllers use another ClusterConfig.
const K0S: &str = "# on every controller, one after the other; with dynamic configuration once, by kubectl edit (unsure):\nk0s stop && k0s start\n# kubectl -n kube-system edit clusterconfig k0s\n";

/// k0s fills its ConfigMap from some fields of the ClusterConfig and leaves no place for the others
/// (k0s, pkg/component/controller/kubeproxy.go). Flags in extraArgs are ignored beside its `--config`.
fn k0s(settings: &[(String, Scalar)]) -> String {
    let takes = |key: &str| {
        let outer = key.split('.').next().unwrap_or_default();
        matches!(
            outer,
            "metricsBindAddress" | "nodePortAddresses" | "mode" | "iptables" | "ipvs" | "nftables"
        )
    };
    let (known, others): (Vec<_>, Vec<_>) =
        settings.iter().cloned().partition(|(key, _)| takes(key));
    let mut out = String::new();
    if !known.is_empty() {
        out.push_str("# k0s.yaml, the ClusterConfig:\nspec:\n  network:\n    kubeProxy:\n");
        out.push_str(&yaml(&known, 6));
    }
    for (key, value) in &others {
        let _ = writeln!(
            out,
            "# {key}: {value} cannot be set: the ClusterConfig has no field for it"
        );
    }
    if !known.is_empty() {
        out.push_str(K0S);
    }
    out
}

/// The network operator's own setting takes flags, each with a list of values.
fn openshift(settings: &[(String, Scalar)]) -> String {
    let arguments: serde_json::Map<String, serde_json::Value> = settings
        .iter()
        .filter_map(|(key, value)| {
            let (flag, _) = crate::proxyconfig::flag_of(key)?;
            Some((flag.to_string(), serde_json::json!([plain(value)])))
        })
        .collect();
    let patch = serde_json::json!({"spec": {"kubeProxyConfig": {"proxyArguments": arguments}}});
    format!(
        "# the network operator writes the rest anew (unsure)\noc patch network.operator.openshift.io cluster --type merge -p '{patch}'\n"
    )
}

/// Settings as YAML, a dot in a key opening a mapping.
fn yaml(settings: &[(String, Scalar)], indent: usize) -> String {
    let mut out = String::new();
    let mut open: Option<&str> = None;
    for (key, value) in settings {
        let margin = " ".repeat(indent);
        let _ = match key.split_once('.') {
            Some((outer, inner)) => {
                if open != Some(outer) {
                    let _ = writeln!(out, "{margin}{outer}:");
                }
                open = Some(outer);
                writeln!(out, "{margin}  {inner}: {value}")
            }
            None => {
                open = None;
                writeln!(out, "{margin}{key}: {value}")
            }
        };
    }
    out
}

/// A value as a flag has it.
fn plain(value: &Scalar) -> String {
    match value {
        Scalar::Text(text) => text.clone(),
        Scalar::List(items) => items.join(","),
        other => other.to_string(),
    }
}
