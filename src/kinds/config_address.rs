//! An address of the proxy configuration: bindAddress, metricsBindAddress, healthzBindAddress.

use std::net::IpAddr;

use serde::Deserialize;

use super::config_value::{placed, set, values};
use super::presence::{Presence, family, presence, told};
use super::{Instance, Kind, Mend, elsewhere, fix_or_by_hand};
use crate::baseline::{AddressChoice, Check, Fix};
use crate::discover::address::usable;
use crate::edit::Scalar;
use crate::facts::{Facts, Role};
use crate::golang::address::{cidr_is_ipv4, ip, split_host_port};
use crate::proxyconfig::Effective;

/// `config-address: {key, must-be}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConfigAddress {
    key: Key,
    must_be: MustBe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Key {
    #[serde(rename = "bindAddress")]
    Node,
    #[serde(rename = "metricsBindAddress")]
    Metrics,
    #[serde(rename = "healthzBindAddress")]
    Healthz,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum MustBe {
    NodeIp,
    Loopback,
    NotAllAddresses,
}

impl Key {
    fn name(self) -> &'static str {
        match self {
            Key::Node => "bindAddress",
            Key::Metrics => "metricsBindAddress",
            Key::Healthz => "healthzBindAddress",
        }
    }
}

/// What is to be said about a value, and whether tighten may write another.
enum Judged {
    Passes(Option<String>),
    Fails,
    Unknown(String),
}

impl ConfigAddress {
    fn judged(&self, facts: &Facts, address: IpAddr) -> Judged {
        let passes = match self.must_be {
            MustBe::NodeIp => return node_address(facts, address),
            MustBe::Loopback => address.to_canonical().is_loopback(),
            MustBe::NotAllAddresses => !address.to_canonical().is_unspecified(),
        };
        if passes {
            Judged::Passes(None)
        } else {
            Judged::Fails
        }
    }

    fn mend(&self, check: &Check, facts: &Facts, values: &Effective, now: IpAddr) -> Mend {
        let hold = facts
            .target(Role::ProxyConfig)
            .and_then(|target| target.hold.as_ref());
        fix_or_by_hand(check, |fix| {
            let held = hold.and_then(|hold| match fix.address {
                Some(AddressChoice::NodeIp) => hold.of_node_value(),
                _ => None,
            });
            if let Some(reason) = held {
                return Mend::ByHand(reason);
            }
            if facts.target(Role::ProxyConfig).is_none()
                && fix.address == Some(AddressChoice::NodeIp)
                && let Some(shared) = elsewhere::of_node_flag(facts)
            {
                return shared;
            }
            let address = match fix.address {
                Some(AddressChoice::NodeIp) => match self.node_ip(facts, values, now) {
                    Ok(address) => address,
                    Err(why) => {
                        let hint = check
                            .by_hand
                            .as_deref()
                            .unwrap_or("name it with --node-ip IP");
                        return Mend::ByHand(format!("{why}; {hint}"));
                    }
                },
                Some(AddressChoice::Loopback) => loopback(values),
                None => return Mend::ByHand("this check has no fix".into()),
            };
            let port = values
                .text(self.key.name())
                .and_then(split)
                .and_then(|(_, port)| port);
            let text = match (self.key, port) {
                (Key::Node, _) | (_, None) => address.to_string(),
                (_, Some(port)) => std::net::SocketAddr::new(address, port).to_string(),
            };
            set(facts, check, self.key.name(), Scalar::Text(text))
        })
    }

    /// The node's address, where it may be written in place of `now`.
    fn node_ip(&self, facts: &Facts, values: &Effective, now: IpAddr) -> Result<IpAddr, String> {
        let (address, _) = facts
            .node_ip
            .as_ref()
            .map_err(|why| format!("the node's InternalIP is not known: {why}"))?;
        let address = address.to_canonical();
        if presence(facts, address) == Presence::NotThere {
            return Err(format!("{address} is not an address of this node"));
        }
        if self.key != Key::Node {
            return Ok(address);
        }
        let (old, new) = (family(now), family(address));
        // 0.0.0.0 is the default on IPv6 nodes too, so it chooses no family; `::` does.
        let chosen = !now.is_unspecified() || now.is_ipv6();
        if old != new && (chosen || told(facts).is_none()) {
            return Err(format!(
                "bindAddress is {old} and the node's address {address} is {new}: which family comes first is yours to say"
            ));
        }
        if other_ranges(values, address) {
            return Err(format!(
                "clusterCIDR has no {new} range, and with {address} as bindAddress kube-proxy would not start"
            ));
        }
        Ok(address)
    }
}

/// Judges a bindAddress. One that somebody chose is overruled by what tighten or the kubelet was told,
/// never by a guess, and never across address families.
fn node_address(facts: &Facts, address: IpAddr) -> Judged {
    if !usable(address) {
        return Judged::Fails;
    }
    match told(facts) {
        Some(told) if told == address => Judged::Passes(None),
        Some(told) if told.is_ipv4() == address.is_ipv4() => Judged::Fails,
        Some(told) => Judged::Unknown(format!(
            "bindAddress {address} is {}, and {told} was named as the node's address: which of the two families comes first is yours to say, with --node-ip",
            family(address)
        )),
        None if presence(facts, address) == Presence::NotThere => {
            Judged::Passes(Some("no interface of this node has the address".into()))
        }
        None => Judged::Passes(None),
    }
}

/// True when kube-proxy tells local traffic by clusterCIDR and has no range of the address's family:
/// it does not start when that is its primary family.
fn other_ranges(values: &Effective, address: IpAddr) -> bool {
    let ranges = values.text("clusterCIDR").unwrap_or_default();
    !ranges.is_empty()
        && values.text("detectLocalMode") == Some("ClusterCIDR")
        && !ranges
            .split(',')
            .any(|range| cidr_is_ipv4(range.trim()) == Some(address.is_ipv4()))
}

/// Loopback of the family that kube-proxy's own defaults would have.
fn loopback(values: &Effective) -> IpAddr {
    let six = values
        .text("bindAddress")
        .and_then(split)
        .is_some_and(|(address, _)| address.is_ipv6());
    if six {
        IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])
    } else {
        IpAddr::from([127, 0, 0, 1])
    }
}

/// Address and port of an effective value: `10.0.0.1`, `::`, `127.0.0.1:10249`, `[::1]:10249`.
pub fn split(text: &str) -> Option<(IpAddr, Option<u16>)> {
    if let Some(address) = ip(text) {
        return Some((address, None));
    }
    let (host, port) = split_host_port(text)?;
    Some((ip(host)?, Some(port.parse().ok()?)))
}

impl Kind for ConfigAddress {
    fn expected(&self) -> String {
        match self.must_be {
            MustBe::NodeIp => "the node's own InternalIP".into(),
            MustBe::Loopback => "a loopback address, or unset".into(),
            MustBe::NotAllAddresses => "not all addresses".into(),
        }
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let values = match values(facts) {
            Ok(values) => values,
            Err(instance) => return vec![*instance],
        };
        let key = self.key.name();
        let text = values.text(key).unwrap_or_default();
        let observed = format!("{key}: {text}");
        let instance = match split(text) {
            Some((address, _)) => match self.judged(facts, address) {
                Judged::Passes(reason) => {
                    let instance = Instance::judged(true, observed, || Mend::None);
                    match reason {
                        Some(reason) => instance.because(reason),
                        None => instance,
                    }
                }
                Judged::Fails => {
                    Instance::judged(false, observed, || self.mend(check, facts, values, address))
                }
                Judged::Unknown(why) => Instance::unknown(why),
            },
            // --healthz-port=0 switches the endpoint off.
            None if text.is_empty() && self.key == Key::Healthz => {
                Instance::judged(true, format!("{key} is off"), || Mend::None)
            }
            None => Instance::unknown(format!("{key} is {text:?}, which is no address")),
        };
        vec![placed(instance, facts, values, key)]
    }

    fn sound(&self) -> Result<(), String> {
        match (self.key, self.must_be) {
            (Key::Node, MustBe::NodeIp) => Ok(()),
            (Key::Node, _) => Err(
                "bindAddress must be node-ip: a loopback address opens NodePorts on all addresses"
                    .into(),
            ),
            (_, MustBe::NodeIp) => Err(format!(
                "{} listens, so it must be loopback or not-all-addresses",
                self.key.name()
            )),
            _ => Ok(()),
        }
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        let passes = match (fix.address, self.must_be) {
            (None, _) => return Err("a fix of config-address gives an address".into()),
            (Some(AddressChoice::NodeIp), must_be) => !matches!(must_be, MustBe::Loopback),
            (Some(AddressChoice::Loopback), must_be) => !matches!(must_be, MustBe::NodeIp),
        };
        if passes {
            Ok(())
        } else {
            Err(format!("the fix does not set {}", self.expected()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn an_address_is_split_from_its_port() {
        let read = |text| split(text).map(|(address, port)| (address.to_string(), port));
        assert_eq!(
            read("127.0.0.1:10249"),
            Some(("127.0.0.1".into(), Some(10249)))
        );
        assert_eq!(read("[::]:10256"), Some(("::".into(), Some(10256))));
        assert_eq!(read("::1"), Some(("::1".into(), None)));
        assert_eq!(read("010.0.0.1"), Some(("10.0.0.1".into(), None)));
        assert_eq!(
            read("[::ffff:127.0.0.1]:10249"),
            Some(("127.0.0.1".into(), Some(10249)))
        );
        assert_eq!(read("localhost:1"), None);
    }
}
