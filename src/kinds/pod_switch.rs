//! A switch of the pod that runs kube-proxy.

use serde::Deserialize;

use super::workload::{Found, each_workload, switch};
use super::{Instance, Kind, fix_or_by_hand};
use crate::baseline::{Check, Fix, Written};
use crate::edit::{Alteration, Scalar};
use crate::facts::Facts;

/// `pod-switch: {key, be}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PodSwitch {
    key: Key,
    be: bool,
}

/// The switches, all of them off by default (core/v1, PodSpec).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Key {
    #[serde(rename = "hostPID")]
    HostPid,
    #[serde(rename = "hostIPC")]
    HostIpc,
}

impl Key {
    fn name(self) -> &'static str {
        match self {
            Key::HostPid => "hostPID",
            Key::HostIpc => "hostIPC",
        }
    }
}

impl PodSwitch {
    fn judged(&self, check: &Check, found: &Found) -> Instance {
        let name = self.key.name();
        let on = match switch(Some(found.pod), name) {
            Ok(on) => on.unwrap_or(false),
            Err(odd) => return odd.unknown(),
        };
        Instance::judged(on == self.be, format!("{name}: {on}"), || {
            fix_or_by_hand(check, |_| {
                let way = found.workload.in_pod(&[name]);
                let set = Alteration::set(way, Scalar::Bool(self.be));
                found.object.mend(vec![set])
            })
        })
        .line(found.pod.get(name).map(|value| value.line))
    }
}

impl Kind for PodSwitch {
    fn expected(&self) -> String {
        format!("{}: {}", self.key.name(), self.be)
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_workload(facts, |found| self.judged(check, found))
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match fix.value {
            Some(Written::Bool(value)) if value == self.be => Ok(()),
            _ => Err(format!("the fix does not set {}", self.expected())),
        }
    }
}
