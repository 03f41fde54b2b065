//! Which paths of the node kube-proxy can write through its mounts.

use serde::Deserialize;

use super::pod_mounts::{Mount, is_within, mounts};
use super::workload::{Found, each_in_workload, of_another};
use super::{Instance, Kind, Mend, fix_or_by_hand};
use crate::baseline::{Check, Fix, Written};
use crate::edit::{Alteration, Scalar, Step};
use crate::facts::Facts;
use crate::yaml::Node;

/// `pod-host-paths: {writable, only-read}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PodHostPaths {
    /// Paths of the node that kube-proxy has to write.
    writable: Vec<String>,
    /// Paths of the node below which kube-proxy is known to read only: the fix is for these alone.
    only_read: Vec<String>,
}

impl PodHostPaths {
    fn judged(&self, check: &Check, found: &Found) -> Vec<Instance> {
        let own = match mounts(found, found.container) {
            Ok(mounts) => mounts,
            Err(odd) => return vec![odd.unknown()],
        };
        let mut all = self.own(check, found, &own);
        for container in found.others() {
            all.extend(self.others(found, container, &[]));
        }
        // What prepares the node is privileged, and ends: it may have what kube-proxy's own container has.
        for (_, container) in found.init_containers() {
            if found.is_init_only(container) {
                all.extend(self.others(found, container, &own));
            }
        }
        if all.is_empty() {
            all.push(Instance::judged(true, self.expected(), || Mend::None));
        }
        all
    }

    /// The container that runs kube-proxy.
    fn own(&self, check: &Check, found: &Found, mounts: &[Mount]) -> Vec<Instance> {
        let wrong = mounts.iter().filter_map(|mount| {
            let (observed, host) = (self.wrong(mount)?, mount.host?);
            Some(self.failed(check, found, mount, host, observed))
        });
        wrong.collect()
    }

    /// Another container of the pod, which may have what is mounted in this one.
    fn others(&self, found: &Found, container: &Node, own: &[Mount]) -> Vec<Instance> {
        let mounts = match mounts(found, container) {
            Ok(mounts) => mounts,
            Err(odd) => return vec![odd.unknown()],
        };
        let more = mounts
            .iter()
            .filter(|mount| own.iter().all(|own| own.host != mount.host));
        let wrong = more.filter_map(|mount| {
            let observed = self.wrong(mount)?;
            Some(of_another(container, &observed).line(Some(mount.line)))
        });
        wrong.collect()
    }

    /// What is wrong about a mount.
    fn wrong(&self, mount: &Mount) -> Option<String> {
        let host = mount.host?;
        if mount.writable {
            let may = self.writable.iter().any(|path| path == host);
            return (!may).then(|| format!("{host} of the node can be written"));
        }
        (mount.is_socket || holds_sockets(host)).then(|| {
            format!("{host} of the node can be reached: a socket takes commands even where it is read-only")
        })
    }

    fn failed(
        &self,
        check: &Check,
        found: &Found,
        mount: &Mount,
        host: &str,
        observed: String,
    ) -> Instance {
        let known = self.only_read.iter().any(|path| is_within(host, path));
        let instance = Instance::judged(false, observed, || {
            fix_or_by_hand(check, |_| {
                if !mount.writable {
                    return Mend::ByHand(format!(
                        "readOnly keeps no program from a socket: take {host} away from its mounts by hand"
                    ));
                }
                if !known {
                    return Mend::ByHand(format!(
                        "whether kube-proxy, or what starts it, writes below {host} is not known: set readOnly: true on its mount by hand"
                    ));
                }
                let mut way = found.workload.in_container(&["volumeMounts"]);
                way.extend([Step::Index(mount.index), Step::Key("readOnly".into())]);
                found
                    .object
                    .mend(vec![Alteration::set(way, Scalar::Bool(true))])
            })
        });
        instance.line(Some(mount.line))
    }
}

/// Directories of the node in which sockets lie that give who reaches them rights on the node: those of
/// container runtimes, of systemd and D-Bus, of the kubelet; in /proc, through the root of another process.
const WITH_SOCKETS: &[&str] = &[
    "/",
    "/proc",
    "/run",
    "/run/containerd",
    "/run/crio",
    "/run/dbus",
    "/run/docker",
    "/run/k3s",
    "/run/k3s/containerd",
    "/run/systemd",
    "/var",
    "/var/lib",
    "/var/lib/kubelet",
    "/var/lib/kubelet/device-plugins",
    "/var/lib/kubelet/pod-resources",
    "/var/lib/kubelet/pods",
];

/// True for a path of the node that is a socket by its name, or a directory known to have one.
fn holds_sockets(host: &str) -> bool {
    let parts = host.split('/').filter(|part| !matches!(*part, "" | "."));
    let path: String = parts.map(|part| format!("/{part}")).collect();
    // On every node with systemd the one is a symlink to the other.
    let path = match path.strip_prefix("/var/run") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("/run{rest}"),
        _ => path,
    };
    let path = if path.is_empty() { "/" } else { path.as_str() };
    path.ends_with(".sock") || path.ends_with(".socket") || WITH_SOCKETS.contains(&path)
}

impl Kind for PodHostPaths {
    fn expected(&self) -> String {
        format!(
            "hostPath mounts read-only but for {}",
            self.writable.join(", ")
        )
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_in_workload(facts, |found| self.judged(check, found))
    }

    fn sound(&self) -> Result<(), String> {
        let all = self.writable.iter().chain(&self.only_read);
        match all
            .into_iter()
            .find(|path| !path.starts_with('/') || path.ends_with('/'))
        {
            Some(path) => Err(format!("not a path without a slash at its end: {path:?}")),
            None => Ok(()),
        }
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match fix.value {
            Some(Written::Bool(true)) => Ok(()),
            _ => Err("the fix is value: true".into()),
        }
    }
}
