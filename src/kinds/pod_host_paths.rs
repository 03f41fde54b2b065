//! Which paths of the node kube-proxy can write through its mounts.

use serde::Deserialize;

use super::pod_mounts::{Mount, is_within, mounts};
use super::workload::{Found, each_in_workload};
use super::{Instance, Kind, Mend, fix_or_by_hand};
use crate::baseline::{Check, Fix, Written};
use crate::edit::{Alteration, Scalar, Step};
use crate::facts::Facts;

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
        let mounts = match mounts(found) {
            Ok(mounts) => mounts,
            Err(odd) => return vec![odd.unknown()],
        };
        let may = |host: &str| self.writable.iter().any(|path| path == host);
        let written = mounts.iter().filter_map(|mount| {
            let host = mount.host.filter(|host| mount.writable && !may(host))?;
            Some(self.failed(check, found, mount, host))
        });
        let written: Vec<Instance> = written.collect();
        match written.as_slice() {
            [] => vec![Instance::judged(true, self.expected(), || Mend::None)],
            _ => written,
        }
    }

    fn failed(&self, check: &Check, found: &Found, mount: &Mount, host: &str) -> Instance {
        let known = self.only_read.iter().any(|path| is_within(host, path));
        let instance = Instance::judged(
            false,
            format!("{host} of the node can be written"),
            || {
                fix_or_by_hand(check, |_| {
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
            },
        );
        instance.line(Some(mount.line))
    }
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
