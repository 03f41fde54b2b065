//! Whether kube-proxy's process listens where its configuration says.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

use super::config_value::{placed, values};
use super::network::{Endpoint, listening, on_port, told};
use super::{Instance, Kind, by_hand};
use crate::baseline::Check;
use crate::facts::Facts;

/// `listener-address: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerAddress {}

/// True when a socket is where it was asked for. Of all addresses Go makes `::` where the node has IPv6.
fn is_as_asked(found: IpAddr, asked: IpAddr) -> bool {
    found == asked || (found.is_unspecified() && asked.is_unspecified())
}

fn judged(check: &Check, facts: &Facts, endpoint: Endpoint) -> Result<Instance, Box<Instance>> {
    let (_, listeners) = listening(facts)?;
    let key = endpoint.key();
    let Some((address, port)) = endpoint.configured(facts)? else {
        return Ok(Instance::not_applicable(format!("{key} is off")));
    };
    let sockets = on_port(listeners, port);
    let asked = SocketAddr::new(address, port);
    let passes = !sockets.is_empty() && sockets.iter().all(|one| is_as_asked(one.ip, address));
    let (observed, reason) = if sockets.is_empty() {
        (
            format!("nothing of kube-proxy listens on port {port}"),
            format!(
                "{key} says {asked}: kube-proxy was not restarted since, or could not listen there and goes on without"
            ),
        )
    } else {
        (
            told(&sockets),
            format!("{key} says {asked}: kube-proxy was not restarted since that changed"),
        )
    };
    let instance = Instance::judged(passes, observed, || by_hand(check));
    let instance = placed(instance, facts, values(facts)?, key);
    Ok(if passes {
        instance
    } else {
        instance.because(reason)
    })
}

impl Kind for ListenerAddress {
    fn expected(&self) -> String {
        "sockets where the configuration says".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let found: Result<Vec<Instance>, Box<Instance>> = Endpoint::ALL
            .iter()
            .map(|endpoint| judged(check, facts, *endpoint))
            .collect();
        found.unwrap_or_else(|instance| vec![*instance])
    }
}
