//! An address of the proxy configuration: bindAddress, metricsBindAddress, healthzBindAddress.

use std::net::IpAddr;

use serde::Deserialize;

use super::config_value::{placed, set, values};
use super::{Instance, Kind, Mend, fix_or_by_hand};
use crate::baseline::{AddressChoice, Check, Fix};
use crate::discover::address::usable;
use crate::edit::Scalar;
use crate::facts::Facts;
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

impl ConfigAddress {
    fn passes(&self, address: IpAddr, node_ip: Option<IpAddr>) -> bool {
        match self.must_be {
            // A specific address is believed where nothing tells the node's own.
            MustBe::NodeIp => usable(address) && node_ip.is_none_or(|known| known == address),
            MustBe::Loopback => address.to_canonical().is_loopback(),
            MustBe::NotAllAddresses => !address.to_canonical().is_unspecified(),
        }
    }

    fn mend(&self, check: &Check, facts: &Facts, values: &Effective) -> Mend {
        fix_or_by_hand(check, |fix| {
            let address = match fix.address {
                Some(AddressChoice::NodeIp) => match &facts.node_ip {
                    Ok((address, _)) => *address,
                    Err(why) => {
                        let hint = check
                            .by_hand
                            .as_deref()
                            .unwrap_or("name it with --node-ip IP");
                        return Mend::ByHand(format!(
                            "the node's InternalIP is not known: {why}; {hint}"
                        ));
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
/// Kubernetes reads leading zeros of an IPv4 address as decimal.
pub fn split(text: &str) -> Option<(IpAddr, Option<u16>)> {
    let address = |text: &str| -> Option<IpAddr> {
        text.parse().ok().or_else(|| {
            let parts: Option<Vec<u8>> = text.split('.').map(|part| part.parse().ok()).collect();
            <[u8; 4]>::try_from(parts?).ok().map(IpAddr::from)
        })
    };
    if let Some(address) = address(text) {
        return Some((address, None));
    }
    let (host, port) = text.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some((address(host)?, Some(port.parse().ok()?)))
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
        let instance = match split(text) {
            Some((address, _)) => {
                let node_ip = facts.node_ip.as_ref().ok().map(|(address, _)| *address);
                Instance::judged(
                    self.passes(address, node_ip),
                    format!("{key}: {text}"),
                    || self.mend(check, facts, values),
                )
            }
            None => Instance::unknown(format!("{key} is {text:?}, which is no address")),
        };
        vec![placed(instance, facts, values, key)]
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        let sample = match fix.address {
            Some(AddressChoice::NodeIp) => IpAddr::from([192, 0, 2, 10]),
            Some(AddressChoice::Loopback) => IpAddr::from([127, 0, 0, 1]),
            None => return Err("a fix of config-address gives an address".into()),
        };
        if self.passes(sample, None) {
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
        assert_eq!(read("localhost:1"), None);
    }
}
