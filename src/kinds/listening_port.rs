//! A port on which kube-proxy's process listens, and who can reach it.

use serde::Deserialize;

use super::network::{Endpoint, is_open, listening, on_port, ranges, seen, told};
use super::{Instance, Kind, Mend, by_hand};
use crate::baseline::Check;
use crate::discover::sockets::Listener;
use crate::facts::{Facts, Guard, Network};

/// Where Services get their NodePorts and the checks of their health, unless the API server's
/// --service-node-port-range says otherwise, which a node does not tell.
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;

/// `listening-port: {of}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListeningPort {
    of: Of,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Of {
    Metrics,
    Healthz,
    Others,
}

impl Of {
    fn endpoint(self) -> Option<Endpoint> {
        match self {
            Of::Metrics => Some(Endpoint::Metrics),
            Of::Healthz => Some(Endpoint::Healthz),
            Of::Others => None,
        }
    }
}

/// Judges the sockets of one port.
fn judged(check: &Check, network: &Network, sockets: &[&Listener]) -> Instance {
    let open = sockets.iter().find(|one| is_open(one));
    let guard = open.map(|one| network.firewall.guard(one.port));
    let guarded = match guard {
        None => None,
        Some(Guard::None) => {
            return seen(Instance::judged(false, told(sockets), || by_hand(check)));
        }
        Some(Guard::Table(allowed)) => Some(allowed),
    };
    let instance = seen(Instance::judged(true, told(sockets), || Mend::None));
    match guarded {
        Some(allowed) => {
            let who = ranges(&allowed);
            instance.because(format!(
                "the table inet tighten lets {who} reach it from elsewhere"
            ))
        }
        None => instance,
    }
}

/// Every port that is neither that of metrics nor that of health.
fn others(check: &Check, facts: &Facts) -> Result<Vec<Instance>, Box<Instance>> {
    let (network, listeners) = listening(facts)?;
    if network.shared {
        return Err(Box::new(Instance::not_applicable(
            "other components listen in the same process",
        )));
    }
    let mut known = Vec::new();
    for endpoint in Endpoint::ALL {
        known.extend(endpoint.configured(facts)?.map(|(_, port)| port));
    }
    let mut ports: Vec<u16> = listeners.iter().map(|one| one.port).collect();
    ports.dedup();
    ports.retain(|port| !known.contains(port));
    if ports.is_empty() {
        let nothing = Instance::judged(true, "listens on no other port", || Mend::None);
        return Ok(vec![seen(nothing)]);
    }
    let one = |port: u16| {
        let sockets = on_port(listeners, port);
        if !NODE_PORTS.contains(&port) {
            return judged(check, network, &sockets);
        }
        let listed = Instance::judged(true, told(&sockets), || Mend::None);
        seen(listed).because(
            "in the range of NodePorts: a load balancer may ask there for the health of a Service, at the addresses of nodePortAddresses",
        )
    };
    Ok(ports.into_iter().map(one).collect())
}

/// The port of one endpoint.
fn of_endpoint(
    check: &Check,
    facts: &Facts,
    endpoint: Endpoint,
) -> Result<Vec<Instance>, Box<Instance>> {
    let (network, listeners) = listening(facts)?;
    let Some((_, port)) = endpoint.configured(facts)? else {
        return Err(Box::new(Instance::not_applicable(format!(
            "{} is off",
            endpoint.key()
        ))));
    };
    let sockets = on_port(listeners, port);
    if sockets.is_empty() {
        return Err(Box::new(Instance::not_applicable(format!(
            "kube-proxy listens on no port {port}"
        ))));
    }
    Ok(vec![judged(check, network, &sockets)])
}

impl Kind for ListeningPort {
    fn expected(&self) -> String {
        match self.of {
            Of::Metrics | Of::Healthz => {
                "its socket on loopback, or behind the table inet tighten".into()
            }
            Of::Others => "no other socket beyond loopback, but for NodePorts".into(),
        }
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let found = match self.of.endpoint() {
            Some(endpoint) => of_endpoint(check, facts, endpoint),
            None => others(check, facts),
        };
        found.unwrap_or_else(|instance| vec![*instance])
    }
}
