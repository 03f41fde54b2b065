//! What the scheduler keeps free for kube-proxy on each node.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::workload::{Found, each_workload};
use super::{Instance, Kind, Mend, fix_or_by_hand};
use crate::baseline::{Check, Fix, Written};
use crate::edit::{Alteration, Scalar};
use crate::facts::Facts;
use crate::yaml::{Node, Value};

/// `pod-resources: {requests}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PodResources {
    /// The resources of which something has to be requested, each with the amount that the fix asks for, as
    /// Kubernetes writes quantities: `100m`, `64Mi`.
    requests: BTreeMap<String, String>,
}

const REQUESTS: &[&str] = &["resources", "requests"];

impl PodResources {
    fn judged(&self, check: &Check, found: &Found) -> Instance {
        let resources = found.in_container(&["resources"]);
        let requests = found.in_container(REQUESTS);
        if let Some(odd) = resources.into_iter().chain(requests).find(is_no_mapping) {
            return Instance::unknown("resources are no mapping").line(Some(odd.line));
        }
        // What is limited alone is requested as much as its limit (core/v1, ResourceRequirements).
        let limits = found.in_container(&["resources", "limits"]);
        let amount = |list: Option<&'_ Node>, name: &str| {
            let amount = list.and_then(|list| list.get(name));
            amount.filter(|amount| !amount.is_null()).map(is_some)
        };
        let asked = |name: &str| amount(requests, name).or(amount(limits, name)) == Some(true);
        let missing: Vec<(&String, &String)> = self
            .requests
            .iter()
            .filter(|(name, _)| !asked(name))
            .collect();
        let names: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).collect();
        let observed = match names.as_slice() {
            [] => self.expected(),
            names => format!("no request of {}", names.join(", ")),
        };
        let instance = Instance::judged(missing.is_empty(), observed, || {
            fix_or_by_hand(check, |_| {
                let set = |(name, amount): &(&String, &String)| {
                    let keys: Vec<&str> = REQUESTS.iter().copied().chain([name.as_str()]).collect();
                    let way = found.workload.in_container(&keys);
                    Alteration::set(way, Scalar::Text((*amount).clone()))
                };
                // Nothing may be requested beyond its limit.
                let limited = |(name, _): &&(&String, &String)| amount(limits, name).is_some();
                if let Some((name, _)) = missing.iter().find(limited) {
                    return Mend::ByHand(format!(
                        "its request of {name} is 0, below a limit: raise it by hand"
                    ));
                }
                found.object.mend(missing.iter().map(set).collect())
            })
        });
        let line = requests.or(resources).unwrap_or(found.container).line;
        instance.line(Some(line))
    }
}

/// True for an amount other than zero, as Kubernetes writes quantities: `100m`, `0.5`, `1e3`.
fn is_some(amount: &Node) -> bool {
    let text = amount.text().unwrap_or_default();
    let number = text.split(|c: char| c.is_ascii_alphabetic()).next();
    number.is_some_and(|number| number.contains(|c: char| matches!(c, '1'..='9')))
}

fn is_no_mapping(node: &&Node) -> bool {
    !matches!(node.value, Value::Mapping(..))
}

impl Kind for PodResources {
    fn expected(&self) -> String {
        let names: Vec<&str> = self.requests.keys().map(String::as_str).collect();
        format!("requests of {}", names.join(", "))
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_workload(facts, |found| self.judged(check, found))
    }

    fn sound(&self) -> Result<(), String> {
        let quantity = |text: &&String| {
            let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        match self.requests.values().find(|text| !quantity(text)) {
            Some(text) => Err(format!("not an amount such as 100m or 64Mi: {text:?}")),
            None => Ok(()),
        }
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match fix.value {
            Some(Written::Bool(true)) => Ok(()),
            _ => Err("the fix is value: true, which asks for the expected amounts".into()),
        }
    }
}
