//! nodePortAddresses: set, and not to all addresses in another spelling.

use serde::Deserialize;

use super::config_address::split;
use super::config_value::{placed, set, values};
use super::{Instance, Kind, fix_or_by_hand};
use crate::baseline::{Check, Fix, Written};
use crate::facts::Facts;

/// `node-ports: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodePorts {}

/// Why a list means all addresses; `None` when it does not.
fn means_all(list: &[&str], bind_address: &str) -> Option<&'static str> {
    if list.is_empty() {
        return Some("unset means all addresses");
    }
    if list.iter().any(|entry| entry.ends_with("/0")) {
        return Some("a /0 means all addresses");
    }
    let loopback =
        split(bind_address).is_some_and(|(address, _)| address.to_canonical().is_loopback());
    if loopback && list.contains(&"primary") {
        // Seen on 1.36.2: the loopback node IP is dropped, and an empty list means all.
        return Some("primary with a loopback bindAddress means all addresses");
    }
    None
}

fn texts(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

impl Kind for NodePorts {
    fn expected(&self) -> String {
        "chosen addresses".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let values = match values(facts) {
            Ok(values) => values,
            Err(instance) => return vec![*instance],
        };
        let key = "nodePortAddresses";
        let list = values.list(key).unwrap_or_default();
        let bind_address = values.text("bindAddress").unwrap_or_default();
        let all = means_all(&list, bind_address);
        let observed = match list.as_slice() {
            [] => format!("{key} is not set"),
            list => format!("{key}: {}", list.join(", ")),
        };
        let instance = Instance::judged(all.is_none(), observed, || {
            fix_or_by_hand(check, |fix| {
                let value = fix.value.clone().unwrap_or(Written::List(Vec::new()));
                set(facts, check, key, value.into())
            })
        });
        let instance = match all {
            Some(reason) => instance.because(reason),
            None => instance,
        };
        vec![placed(instance, facts, values, key)]
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match &fix.value {
            Some(Written::List(list)) => match means_all(&texts(list), "192.0.2.10") {
                None => Ok(()),
                Some(why) => Err(format!("the fix leaves all addresses open: {why}")),
            },
            _ => Err("a fix of node-ports gives a list".into()),
        }
    }
}
