//! Where the demo node keeps what most tests are about.

pub const DIRECTORY: &str = "/var/lib/kube-proxy";
/// Edited, with a new mode.
pub const CONFIG: &str = "/var/lib/kube-proxy/kube-proxy-config.yaml";
/// Given a new mode and owner.
pub const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig";
/// Given a new mode.
pub const KEY: &str = "/var/lib/kube-proxy/kube-proxy.key";
/// Created.
pub const POLICY: &str = "/etc/kubernetes/audit-policy.yaml";
