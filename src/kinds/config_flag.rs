//! A switch of the proxy configuration.

use serde::Deserialize;

use super::config_address::split;
use super::config_value::{EMPTY, placed, set, values};
use super::presence::{Presence, presence};
use super::{Instance, Kind, Mend, elsewhere, fix_or_by_hand};
use crate::baseline::{Check, Fix, Written};
use crate::edit::Scalar;
use crate::facts::Facts;
use crate::proxyconfig::{self, Effective};

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

/// The default of a switch; `None` for what is no switch.
fn switch_default(key: &str) -> Option<bool> {
    proxyconfig::read(EMPTY.as_bytes()).values?.flag(key)
}

/// Why kube-proxy might not be able to listen where it is told to, now or after the same plan.
fn cannot_listen(facts: &Facts, values: &Effective) -> Option<String> {
    for key in ["healthzBindAddress", "metricsBindAddress"] {
        let text = values.text(key).unwrap_or_default();
        // --healthz-port=0 switches the endpoint off.
        if text.is_empty() {
            continue;
        }
        let Some((address, _)) = split(text) else {
            return Some(format!("{key} cannot be read"));
        };
        match presence(facts, address) {
            Presence::There => {}
            Presence::NotThere => {
                return Some(format!("{key} is {address}, which this node does not have"));
            }
            Presence::Unknown => {
                return Some(format!(
                    "{key} is {address}, and an offline tree does not tell whether the node has it"
                ));
            }
        }
        // What listens everywhere may be told in the same plan to listen on the node's address. One
        // that the node is known not to have is never written, and no node's into what nodes share.
        if address.is_unspecified()
            && !elsewhere::is_shared(facts)
            && let Ok((next, _)) = &facts.node_ip
            && presence(facts, *next) == Presence::Unknown
        {
            return Some(format!(
                "{key} may be changed to {next}, and an offline tree does not tell whether the node has it"
            ));
        }
    }
    None
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
            if self.when_addresses_exist
                && let Some(why) = cannot_listen(facts, values)
            {
                reason = Some(why.clone());
                return Mend::ByHand(why);
            }
            if self.when_addresses_exist
                && let Some(why) = elsewhere::of_others(facts, values)
            {
                reason = Some(why.clone());
                return Mend::ByHand(why);
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

    fn sound(&self) -> Result<(), String> {
        if switch_default(&self.key).is_none() {
            return Err(format!("{} is not a switch of kube-proxy", self.key));
        }
        match self.in_mode.as_deref() {
            None | Some("iptables" | "ipvs" | "nftables") => Ok(()),
            Some(mode) => Err(format!("kube-proxy has no mode {mode}")),
        }
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        if self.key == "bindAddressHardFail" && self.be && !self.when_addresses_exist {
            return Err("a fix of bindAddressHardFail needs when-addresses-exist".into());
        }
        match fix.value {
            Some(Written::Bool(value)) if value == self.be => Ok(()),
            _ => Err(format!("the fix does not set {}", self.expected())),
        }
    }
}
