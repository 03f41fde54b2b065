//! Configurations of kube-proxy in the volumes that the kubelet made for its pods: on a tree that does not
//! run they are all that shows a DaemonSet.

use crate::root::{NodePath, Root};

/// Where the kubelet keeps the pods' volumes: its own default, and k0s' (its --data-dir's).
const PODS: &[&str] = &["/var/lib/kubelet/pods", "/var/lib/k0s/kubelet/pods"];
/// Most pods that are looked at; the kubelet itself runs 110 unless it is told otherwise.
const MAX_PODS: usize = 4096;
/// The keys under which installers put the configuration into a ConfigMap.
const KEYS: &[&str] = &["config.conf", "config", "kube-proxy-config.yaml"];

/// All of them, by path.
pub fn configurations(root: &Root) -> Vec<NodePath> {
    let below = |path: &NodePath| -> Vec<NodePath> {
        let names = root.list(path).unwrap_or_default();
        names.iter().filter_map(|name| path.join(name)).collect()
    };
    let pods = PODS.iter().filter_map(|path| NodePath::new(path));
    let pods = pods.flat_map(|path| below(&path));
    let volumes = pods.take(MAX_PODS).flat_map(|pod| {
        let maps = pod.join("volumes/kubernetes.io~configmap");
        maps.map_or(Vec::new(), |maps| below(&maps))
    });
    volumes
        .flat_map(|volume| KEYS.iter().filter_map(move |key| volume.join(key)))
        .filter(|path| is_configuration(root, path))
        .collect()
}

/// Other programs' ConfigMaps have such keys too.
fn is_configuration(root: &Root, path: &NodePath) -> bool {
    let bytes = root
        .open(path)
        .ok()
        .and_then(|(_, opened)| opened.read().ok());
    let kind = b"KubeProxyConfiguration";
    bytes.is_some_and(|bytes| bytes.windows(kind.len()).any(|part| part == kind))
}
