//! What the kinds share that judge what kube-proxy's process listens on.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Instance;
use super::config_address::split;
use super::config_value::values;
use crate::discover::sockets::Listener;
use crate::facts::{Facts, Network, Origin, Unseen};
use crate::ip_network::IpNetwork;

/// What kube-proxy serves besides Services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    /// Metrics and the configuration, 10249 by default.
    Metrics,
    /// Health, 10256 by default.
    Healthz,
}

impl Endpoint {
    /// Both.
    pub const ALL: [Endpoint; 2] = [Endpoint::Metrics, Endpoint::Healthz];

    /// The key of the configuration that says where it listens.
    pub fn key(self) -> &'static str {
        match self {
            Endpoint::Metrics => "metricsBindAddress",
            Endpoint::Healthz => "healthzBindAddress",
        }
    }

    /// Where it is to listen; `None` where it is switched off.
    ///
    /// # Errors
    /// The instance that says why that is not known.
    pub fn configured(self, facts: &Facts) -> Result<Option<(IpAddr, u16)>, Box<Instance>> {
        let text = values(facts)?.text(self.key()).unwrap_or_default();
        if text.is_empty() {
            return Ok(None);
        }
        match split(text) {
            Some((address, Some(port))) => Ok(Some((address.to_canonical(), port))),
            _ => Err(Box::new(Instance::unknown(format!(
                "{} is {text:?}, which is no address with a port",
                self.key()
            )))),
        }
    }
}

/// What the network shows, and the sockets of kube-proxy's process.
///
/// # Errors
/// The instance that says why they are not known.
pub fn listening(facts: &Facts) -> Result<(&Network, &[Listener]), Box<Instance>> {
    let network = network(facts)?;
    match &network.listening {
        Ok(listeners) => Ok((network, listeners)),
        Err(Unseen::NotRunning(why)) => Err(Box::new(Instance::not_applicable(why))),
        Err(Unseen::Unknown(why)) => Err(Box::new(Instance::unknown(why))),
    }
}

/// What the network shows.
///
/// # Errors
/// The instance that says that it was not looked at.
pub fn network(facts: &Facts) -> Result<&Network, Box<Instance>> {
    let missing = || Box::new(Instance::unknown("the network was not looked at"));
    facts.network.as_ref().ok_or_else(missing)
}

/// The sockets on a port.
pub fn on_port(listeners: &[Listener], port: u16) -> Vec<&Listener> {
    listeners.iter().filter(|one| one.port == port).collect()
}

/// True for a socket that other machines may reach. Where route_localnet is on, loopback is no boundary either;
/// that has a check of its own.
pub fn is_open(listener: &Listener) -> bool {
    !listener.ip.is_loopback()
}

/// The ports of metrics and health that other machines may reach.
///
/// # Errors
/// The instance that says why they are not known.
pub fn open_ports(facts: &Facts, listeners: &[Listener]) -> Result<BTreeSet<u16>, Box<Instance>> {
    let mut ports = BTreeSet::new();
    for endpoint in Endpoint::ALL {
        if let Some((_, port)) = endpoint.configured(facts)? {
            let found = on_port(listeners, port);
            ports.extend(found.iter().any(|one| is_open(one)).then_some(port));
        }
    }
    Ok(ports)
}

/// `listens on 0.0.0.0:10256, all addresses`, for the sockets of one port.
pub fn told(listeners: &[&Listener]) -> String {
    let one = |listener: &&Listener| {
        let (ip, port) = (listener.ip, listener.port);
        let reach = match ip {
            IpAddr::V4(ip) if ip.is_unspecified() => "all IPv4 addresses",
            IpAddr::V6(ip) if ip.is_unspecified() => "all addresses",
            ip if ip.is_loopback() => "loopback",
            _ => "one address",
        };
        format!("{}, {reach}", std::net::SocketAddr::new(ip, port))
    };
    let all: Vec<String> = listeners.iter().map(one).collect();
    format!("listens on {}", all.join("; "))
}

/// `10.0.0.0/8, fd00::/64`
pub fn ranges(ranges: &[IpNetwork]) -> String {
    let texts: Vec<String> = ranges.iter().map(ToString::to_string).collect();
    match texts.is_empty() {
        true => "nobody".into(),
        false => texts.join(", "),
    }
}

/// An instance of what the kernel shows.
pub fn seen(instance: Instance) -> Instance {
    instance.from(&Origin::KERNEL)
}
