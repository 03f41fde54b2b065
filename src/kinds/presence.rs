//! Whether the node has an address.

use std::net::IpAddr;

use crate::facts::{Facts, Origin, OriginKind};

/// What is known about an address on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// A listener can be bound to it.
    There,
    /// The running node does not have it.
    NotThere,
    /// A tree that is not running does not tell.
    Unknown,
}

/// Looks an address up among those of the node. In a tree that is not running only loopback, all
/// addresses, and the address that the kubelet is told to use are known: a kubelet whose node lacks
/// its `--node-ip` never makes the node ready.
pub fn presence(facts: &Facts, address: IpAddr) -> Presence {
    let address = address.to_canonical();
    if address.is_unspecified() {
        return Presence::There;
    }
    match &facts.local_addresses {
        // The whole of 127.0.0.0/8 is there, whatever the interface says.
        _ if address.is_ipv4() && address.is_loopback() => Presence::There,
        Some(local) if local.iter().any(|known| known.to_canonical() == address) => Presence::There,
        Some(_) => Presence::NotThere,
        None if address.is_loopback() => Presence::There,
        None => match &facts.node_ip {
            Ok((told, origin)) if told.to_canonical() == address && by_kubelet(origin) => {
                Presence::There
            }
            _ => Presence::Unknown,
        },
    }
}

/// What tighten or a running kubelet is told on the command line has no path.
fn by_kubelet(origin: &Origin) -> bool {
    origin.path.is_some() && origin.kind != OriginKind::Kernel
}

/// The node's address as tighten or the kubelet was told, not as the route to the API server suggests.
pub fn told(facts: &Facts) -> Option<IpAddr> {
    let (address, origin) = facts.node_ip.as_ref().ok()?;
    (origin.kind != OriginKind::Kernel).then(|| address.to_canonical())
}

/// `IPv4` or `IPv6`.
pub fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}
