//! Who has to go first when a node has too little for all of its pods.

use serde::Deserialize;

use super::workload::{Found, each_workload};
use super::{Instance, Kind, fix_or_by_hand};
use crate::baseline::{Check, Fix, Written};
use crate::edit::{Alteration, Scalar};
use crate::facts::Facts;

/// `pod-priority: {classes}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PodPriority {
    classes: Vec<String>,
}

const KEY: &str = "priorityClassName";

impl PodPriority {
    fn judged(&self, check: &Check, found: &Found) -> Instance {
        let node = found.pod.get(KEY).filter(|node| !node.is_null());
        let name = match node.map(|node| (node, node.text())) {
            Some((node, None)) => {
                return Instance::unknown(format!("{KEY} is no text")).line(Some(node.line));
            }
            Some((_, name)) => name.filter(|name| !name.is_empty()),
            None => None,
        };
        let passes = name.is_some_and(|name| self.classes.iter().any(|class| class == name));
        let observed = match name {
            Some(name) => format!("{KEY}: {name}"),
            None => format!("no {KEY}"),
        };
        let instance = Instance::judged(passes, observed, || {
            fix_or_by_hand(check, |fix| {
                let way = found.workload.in_pod(&[KEY]);
                let value = fix.value.clone().map(Scalar::from);
                let set = value.map(|value| Alteration::set(way, value));
                found.object.mend(set.into_iter().collect())
            })
        });
        instance.line(Some(node.unwrap_or(found.pod).line))
    }
}

impl Kind for PodPriority {
    fn expected(&self) -> String {
        format!("{KEY}: {}", self.classes.join(" or "))
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_workload(facts, |found| self.judged(check, found))
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match &fix.value {
            Some(Written::Text(name)) if self.classes.contains(name) => Ok(()),
            _ => Err(format!("the fix does not set {}", self.expected())),
        }
    }
}
