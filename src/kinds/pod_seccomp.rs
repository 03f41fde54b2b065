//! Which system calls the container that runs kube-proxy may make.

use serde::Deserialize;

use super::workload::{Found, Odd, each_in_workload, of_another, switch};
use super::{Instance, Kind, fix_or_by_hand};
use crate::baseline::{Check, Fix, Written};
use crate::edit::{Alteration, Scalar};
use crate::facts::Facts;
use crate::yaml::Node;

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
        let (node, name) = match profile(found, found.container) {
            Ok(profile) => profile.unzip(),
            Err(odd) => return odd.unknown(),
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

/// What a container says of its profile, or its pod for all of them: where it stands, and its name.
///
/// # Errors
/// Where it is no text.
fn profile<'a>(found: &Found<'a>, container: &'a Node) -> Result<Option<(&'a Node, &'a str)>, Odd> {
    let said = |node: &'a Node| {
        let node = WAY.iter().try_fold(node, |node, key| node.get(key));
        node.filter(|node| !node.is_null())
    };
    let Some(node) = said(container).or_else(|| said(found.pod)) else {
        return Ok(None);
    };
    let odd = || Odd::of(node, "seccompProfile.type is no text");
    node.text().map(|name| Some((node, name))).ok_or_else(odd)
}

/// Another container of the pod, where it asks for no filter.
fn other(found: &Found, container: &Node) -> Option<Instance> {
    match profile(found, container) {
        Ok(Some((_, "Unconfined"))) => Some(of_another(container, "seccompProfile: Unconfined")),
        Ok(_) => None,
        Err(odd) => Some(odd.unknown()),
    }
}

impl Kind for PodSeccomp {
    fn expected(&self) -> String {
        let names: Vec<&str> = self.profiles.iter().map(|profile| profile.name()).collect();
        format!("seccompProfile: {}", names.join(" or "))
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_in_workload(facts, |found| {
            let others = found.others().filter_map(|one| other(found, one));
            std::iter::once(self.judged(check, found))
                .chain(others)
                .collect()
        })
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match &fix.value {
            // A profile of the node's own needs its path.
            Some(Written::Text(name)) if name == "RuntimeDefault" && self.has(name) => Ok(()),
            _ => Err("the fix is value: RuntimeDefault".into()),
        }
    }
}
