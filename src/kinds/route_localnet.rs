//! net.ipv4.conf.all.route_localnet: back at 0 once kube-proxy does not need it.

use serde::Deserialize;

use super::config_value::values;
use super::network::{network, seen};
use super::node_ports::on_loopback;
use super::{Edit, Instance, Kind, Mend, fix_or_by_hand};
use crate::baseline::{Check, Fix, Written};
use crate::facts::sysctl::{FILE, NAME, TEXT};
use crate::facts::{Facts, Origin, OriginKind, RouteLocalnet as Found};
use crate::proxyconfig::Effective;
use crate::root::NodePath;

/// `route-localnet: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteLocalnet {}

/// Why kube-proxy does not set it (facts page, section 9); `None` where it does, at each start.
fn unneeded(values: &Effective) -> Option<String> {
    let mode = values.text("mode").unwrap_or_default();
    if mode != "iptables" {
        return Some(format!(
            "kube-proxy works in mode {mode}, which never needs it"
        ));
    }
    if values.flag("iptables.localhostNodePorts") == Some(false) {
        return Some("iptables.localhostNodePorts is off".into());
    }
    let list = values.list("nodePortAddresses").unwrap_or_default();
    let bind_address = values.text("bindAddress").unwrap_or_default();
    (!on_loopback(&list, bind_address)).then(|| "nodePortAddresses leaves loopback out".into())
}

/// What turns it off, for good.
fn mend(check: &Check, found: &Found) -> Mend {
    if let Some(later) = found.behind_ours() {
        let (path, line) = (&later.path, later.line);
        return Mend::ByHand(format!(
            "{path}:{line} sets it again behind {FILE}: take that line away"
        ));
    }
    match &found.own {
        Ok(None) => {}
        Ok(Some(text)) if text == TEXT => {
            return Mend::ByHand(format!("{FILE} has it at 0, and somebody set it since"));
        }
        Ok(Some(_)) => {
            return Mend::ByHand(format!("{FILE} is not as tighten writes it: move it away"));
        }
        Err(error) => return Mend::ByHand(format!("{FILE}: {error}")),
    }
    fix_or_by_hand(check, |_| match NodePath::new(FILE) {
        Some(path) => Mend::Edit(path, Edit::Whole { text: TEXT.into() }),
        None => Mend::None,
    })
}

fn judged(check: &Check, found: &Found) -> Instance {
    if let Err(why) = &found.settings {
        return Instance::unknown(why);
    }
    let now = match &found.now {
        Some(Err(why)) => return Instance::unknown(why),
        Some(Ok(on)) => Some(*on),
        None => None,
    };
    let at_boot = found.deciding().filter(|one| one.on == Some(true));
    let observed = match (now, at_boot) {
        (Some(on), None) => format!("{NAME} is {}", u8::from(on)),
        (Some(on), Some(_)) => format!("{NAME} is {}, and set to 1 at boot", u8::from(on)),
        (None, Some(_)) => format!("{NAME} is set to 1 at boot"),
        (None, None) => format!("no file sets {NAME} to 1"),
    };
    let passes = now != Some(true) && at_boot.is_none();
    let instance = Instance::judged(passes, observed, || mend(check, found));
    match at_boot {
        Some(line) => {
            let origin = Origin::at(OriginKind::File, &line.path, Some(line.line));
            instance.at(&line.path).line(Some(line.line)).from(&origin)
        }
        None if now.is_some() => seen(instance),
        None => instance,
    }
}

impl Kind for RouteLocalnet {
    fn expected(&self) -> String {
        format!("{NAME} at 0 where kube-proxy does not need it")
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let judge = || {
            let found = &network(facts)?.route_localnet;
            let instance = match unneeded(values(facts)?) {
                Some(why) => {
                    let instance = judged(check, found);
                    match instance.reason {
                        Some(_) => instance,
                        None => instance.because(why),
                    }
                }
                None => Instance::not_applicable(
                    "kube-proxy sets it itself, for NodePorts on loopback; localhost-node-ports judges that",
                ),
            };
            Ok(instance)
        };
        let found: Result<Instance, Box<Instance>> = judge();
        vec![found.unwrap_or_else(|instance| *instance)]
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match fix.value {
            Some(Written::Int(0)) => Ok(()),
            _ => Err("a fix of route-localnet is value: 0".into()),
        }
    }
}
