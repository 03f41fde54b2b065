//! A switch of the proxy configuration.

use serde::Deserialize;

use super::config_address::split;
use super::config_value::{placed, set, values};
use super::{Instance, Kind, Mend, fix_or_by_hand};
use crate::baseline::{Check, Fix, Written};
use crate::edit::Scalar;
use crate::facts::Facts;
use crate::proxyconfig::Effective;

/// `config-flag: {key, be, in-mode, when-addresses-exist}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConfigFlag {
    key: String,
    be: bool,
    /// Only judged when kube-proxy works in this mode.
    in_mode: Option<String>,
    /// Only fixed where the addresses of the health and metrics endpoints exist on the node.
    #[serde(default)]
    when_addresses_exist: bool,
}

/// Whether the node has the addresses on which kube-proxy listens.
enum Listening {
    Exist,
    Missing(String),
    Unknown(String),
}

fn listening(facts: &Facts, values: &Effective) -> Listening {
    for key in ["healthzBindAddress", "metricsBindAddress"] {
        let Some((address, _)) = values.text(key).and_then(split) else {
            return Listening::Unknown(format!("{key} cannot be read"));
        };
        let address = address.to_canonical();
        if address.is_unspecified() || address.is_loopback() {
            continue;
        }
        match &facts.local_addresses {
            Some(local) if local.contains(&address) => {}
            Some(_) => {
                return Listening::Missing(format!(
                    "{key} is {address}, which this node does not have"
                ));
            }
            None => {
                return Listening::Unknown(format!(
                    "{key} is {address}, and an offline tree does not tell whether the node has it"
                ));
            }
        }
    }
    Listening::Exist
}

impl Kind for ConfigFlag {
    fn expected(&self) -> String {
        format!("{}: {}", self.key, self.be)
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let values = match values(facts) {
            Ok(values) => values,
            Err(instance) => return vec![*instance],
        };
        if let Some(wanted) = &self.in_mode {
            let mode = values.text("mode").unwrap_or_default();
            if mode != wanted {
                let instance = Instance::not_applicable(format!("kube-proxy works in mode {mode}"));
                return vec![placed(instance, facts, values, &self.key)];
            }
        }
        let Some(found) = values.flag(&self.key) else {
            return vec![Instance::unknown(format!("{} is not a switch", self.key))];
        };
        let mut reason = None;
        let instance = Instance::judged(found == self.be, format!("{}: {found}", self.key), || {
            if self.when_addresses_exist {
                match listening(facts, values) {
                    Listening::Exist => {}
                    Listening::Missing(why) | Listening::Unknown(why) => {
                        reason = Some(why.clone());
                        let hint = check.by_hand.as_deref().unwrap_or_default();
                        return Mend::ByHand(format!("{why}; {hint}"));
                    }
                }
            }
            fix_or_by_hand(check, |_| {
                set(facts, check, &self.key, Scalar::Bool(self.be))
            })
        });
        let instance = match reason {
            Some(reason) => instance.because(reason),
            None => instance,
        };
        vec![placed(instance, facts, values, &self.key)]
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match fix.value {
            Some(Written::Bool(value)) if value == self.be => Ok(()),
            _ => Err(format!("the fix does not set {}", self.expected())),
        }
    }
}
