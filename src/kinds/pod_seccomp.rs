//! Which system calls the container that runs kube-proxy may make.

use serde::Deserialize;

use super::workload::{Found, each_workload, switch};
use super::{Instance, Kind, fix_or_by_hand};
use crate::baseline::{Check, Fix, Written};
use crate::edit::{Alteration, Scalar};
use crate::facts::Facts;

/// `pod-seccomp: {profiles}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PodSeccomp {
    profiles: Vec<Profile>,
}

/// The profiles that filter anything (core/v1, SeccompProfile).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Profile {
    RuntimeDefault,
    Localhost,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Profile::RuntimeDefault => "RuntimeDefault",
            Profile::Localhost => "Localhost",
        }
    }
}

const WAY: &[&str] = &["securityContext", "seccompProfile", "type"];

impl PodSeccomp {
    fn has(&self, name: &str) -> bool {
        self.profiles.iter().any(|profile| profile.name() == name)
    }

    fn judged(&self, check: &Check, found: &Found) -> Instance {
        let of_pod = || {
            let node = WAY.iter().try_fold(found.pod, |node, key| node.get(key));
            node.filter(|node| !node.is_null())
        };
        let node = found.in_container(WAY).or_else(of_pod);
        let name = match node.map(|node| (node, node.text())) {
            Some((node, None)) => {
                let why = "seccompProfile.type is no text";
                return Instance::unknown(why).line(Some(node.line));
            }
            Some((_, Some(name))) => Some(name),
            None => None,
        };
        let privileged = match switch(found.in_container(&["securityContext"]), "privileged") {
            Ok(privileged) => privileged.unwrap_or(false),
            Err(odd) => return odd.unknown(),
        };
        let observed = match name {
            // What is no word of the API is not repeated.
            Some(name) if self.has(name) || name == "Unconfined" => {
                format!("seccompProfile: {name}")
            }
            Some(_) => "an unknown seccompProfile".into(),
            None => "no seccompProfile".into(),
        };
        let instance = Instance::judged(name.is_some_and(|name| self.has(name)), observed, || {
            fix_or_by_hand(check, |fix| {
                let way = found.workload.in_container(WAY);
                let value = fix.value.clone().map(Scalar::from);
                let set = value.map(|value| Alteration::set(way, value));
                found.object.mend(set.into_iter().collect())
            })
        });
        let line = node.or(found.in_container(&["securityContext"]));
        let instance = instance.line(Some(line.unwrap_or(found.container).line));
        match privileged {
            true => instance.because("a privileged container runs without any filter, whatever is set: see workload-privileged"),
            false => instance,
        }
    }
}

impl Kind for PodSeccomp {
    fn expected(&self) -> String {
        let names: Vec<&str> = self.profiles.iter().map(|profile| profile.name()).collect();
        format!("seccompProfile: {}", names.join(" or "))
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_workload(facts, |found| self.judged(check, found))
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match &fix.value {
            // A profile of the node's own needs its path.
            Some(Written::Text(name)) if name == "RuntimeDefault" && self.has(name) => Ok(()),
            _ => Err("the fix is value: RuntimeDefault".into()),
        }
    }
}
