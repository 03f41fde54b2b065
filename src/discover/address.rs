//! The node's own InternalIP, without asking the API server.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use nix::net::if_::InterfaceFlags;

use crate::facts::{Origin, OriginKind};
use crate::root::{NodePath, Root, Where};

use super::environment::environment_file;
use super::platform::{Agent, agent, microk8s};
use super::process::Process;
use super::{flags, systemd};

/// Files that hold the kubelet's flags when no unit is there to name them.
const KUBELET_FLAG_FILES: &[&str] = &[
    "/var/lib/kubelet/kubeadm-flags.env",
    "/etc/default/kubelet",
    "/etc/sysconfig/kubelet",
];

/// An address that can stand for a node: not unspecified, not loopback, not multicast, not link-local.
pub fn usable(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    let loopback = address.is_loopback() || address.to_canonical().is_loopback();
    !(address.is_unspecified() || loopback || address.is_multicast() || link_local)
}

/// The kubelet's `--node-ip`, where it is written down: of a pair the first, which is the primary.
pub fn from_kubelet(root: &Root, processes: &[Process]) -> Option<(IpAddr, Origin)> {
    let running = processes
        .iter()
        .filter(|process| process.program == "kubelet")
        .flat_map(|process| flags::parse(&process.arguments, &Origin::flag(None)));
    if let Some(found) = node_ip(&running.collect::<Vec<_>>()) {
        return Some(found);
    }
    if let Some(unit) = systemd::load(root, "kubelet.service")
        && let Some(found) = node_ip(&unit.flags("kubelet").flags)
    {
        return Some(found);
    }
    if let Some(found) = in_agent(root) {
        return Some(found);
    }
    KUBELET_FLAG_FILES.iter().find_map(|file| {
        let path = NodePath::new(file)?;
        let bytes = root.open(&path).ok()?.1.read().ok()?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        environment_file(&text).iter().find_map(|(_, value)| {
            let words: Vec<String> = value.split_whitespace().map(String::from).collect();
            let line = text.lines().position(|line| line.contains("--node-ip"))? + 1;
            node_ip(&flags::parse(
                &words,
                &Origin::at(OriginKind::File, &path, Some(line)),
            ))
        })
    })
}

/// What k3s, RKE2 or MicroK8s gives the kubelet that it runs.
fn in_agent(root: &Root) -> Option<(IpAddr, Origin)> {
    let told = [Agent::K3s, Agent::Rke2].into_iter().find_map(|one| {
        let (value, origin) = agent::read(root, one, None)?.node_ip?;
        Some(flags::Flag {
            name: "node-ip".into(),
            value: Some(value),
            origin,
        })
    });
    let in_kubelite = || microk8s::read_flags(root, "kubelet").map(|read| read.flags);
    node_ip(&told.map(|flag| vec![flag]).or_else(in_kubelite)?)
}

fn node_ip(flags: &[flags::Flag]) -> Option<(IpAddr, Origin)> {
    let flag = flags::last(flags, "node-ip")?;
    let address: IpAddr = flag
        .value
        .as_deref()?
        .split(',')
        .next()?
        .trim()
        .parse()
        .ok()?;
    usable(address).then(|| (address, flag.origin.clone()))
}

/// The source address that the kernel would use towards the API server. No packet is sent: connecting
/// a datagram socket only looks up the route.
///
/// # Errors
/// In words, why it cannot be known this way.
pub fn from_route(root: &Root, server: Option<&str>) -> Result<(IpAddr, Origin), String> {
    if root.place() != Where::Live {
        return Err("an offline tree has no routes to ask".into());
    }
    let server = server.ok_or("the kubeconfig names no API server")?;
    let (host, port) = host_and_port(server).ok_or("the API server's address cannot be read")?;
    let address = match host.parse() {
        Ok(address) => address,
        Err(_) => in_hosts(root, &host).ok_or_else(|| {
            format!("the API server's name {host:?} is not in /etc/hosts, and DNS is not asked")
        })?,
    };
    let any: SocketAddr = if address.is_ipv4() {
        (IpAddr::from([0; 4]), 0).into()
    } else {
        (IpAddr::from([0; 16]), 0).into()
    };
    let source = UdpSocket::bind(any)
        .and_then(|socket| {
            socket.connect((address, port))?;
            socket.local_addr()
        })
        .map_err(|error| format!("the kernel has no route to {address}: {error}"))?;
    if !usable(source.ip()) {
        return Err(format!(
            "the API server at {address} is reached from {}, which is not the node's own address",
            source.ip()
        ));
    }
    // The API server's address is on this node: its own, or one that wanders between several.
    if source.ip() == address && !is_only(&interfaces().unwrap_or_default(), address) {
        return Err(format!(
            "the API server's address {address} is on this node, and could be one that wanders between nodes"
        ));
    }
    Ok((source.ip(), Origin::KERNEL))
}

/// An address of an interface.
struct Assigned {
    interface: String,
    address: IpAddr,
    /// Loopback or a dummy, which carries no traffic of its own.
    idle: bool,
}

fn interfaces() -> Option<Vec<Assigned>> {
    let idle = InterfaceFlags::IFF_LOOPBACK | InterfaceFlags::IFF_NOARP;
    let assigned = nix::ifaddrs::getifaddrs().ok()?.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|found| IpAddr::V4(found.ip()));
        let v6 = || Some(IpAddr::V6(address.as_sockaddr_in6()?.ip()));
        Some(Assigned {
            address: v4.or_else(v6)?,
            idle: interface.flags.intersects(idle),
            interface: interface.interface_name,
        })
    });
    Some(assigned.collect())
}

/// Whether an address is the only one of its family on the interface that has it.
fn is_only(assigned: &[Assigned], address: IpAddr) -> bool {
    let mut holders = assigned.iter().filter(|found| found.address == address);
    let (Some(own), None) = (holders.next(), holders.next()) else {
        return false;
    };
    let beside = |found: &&Assigned| {
        found.interface == own.interface
            && found.address.is_ipv4() == address.is_ipv4()
            && usable(found.address)
    };
    !own.idle && assigned.iter().filter(beside).count() == 1
}

/// Host and port out of a URL: `https://10.0.0.1:6443`, `https://[fd00::1]`, `10.0.0.1:6443`.
fn host_and_port(url: &str) -> Option<(String, u16)> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next()?;
    let default = if scheme == "http" { 80 } else { 443 };
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        let port = port
            .strip_prefix(':')
            .map_or(Some(default), |port| port.parse().ok())?;
        return Some((host.into(), port));
    }
    match authority.split_once(':') {
        Some((host, port)) => Some((host.into(), port.parse().ok()?)),
        None if authority.is_empty() => None,
        None => Some((authority.into(), default)),
    }
}

fn in_hosts(root: &Root, name: &str) -> Option<IpAddr> {
    let path = NodePath::new("/etc/hosts")?;
    let bytes = root.open(&path).ok()?.1.read().ok()?;
    String::from_utf8_lossy(&bytes).lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address = words.next()?.parse().ok()?;
        words
            .any(|word| word.eq_ignore_ascii_case(name))
            .then_some(address)
    })
}

/// The addresses of all interfaces. `None` for a tree that is not running.
pub fn local(root: &Root) -> Option<Vec<IpAddr>> {
    if root.place() != Where::Live {
        return None;
    }
    Some(interfaces()?.iter().map(|found| found.address).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_wildcards_never_stand_for_a_node() {
        for bad in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "169.254.1.1",
            "fe80::1",
            "::ffff:127.0.0.1",
        ] {
            assert!(!usable(bad.parse().unwrap()), "{bad}");
        }
        for good in ["10.0.0.10", "fd00::10", "203.0.113.7"] {
            assert!(usable(good.parse().unwrap()), "{good}");
        }
    }

    #[test]
    fn an_address_that_may_wander_does_not_stand_for_a_node() {
        let assigned = |list: &[(&str, &str, bool)]| -> Vec<Assigned> {
            let one = |(interface, address, idle): &(&str, &str, bool)| Assigned {
                interface: (*interface).into(),
                address: address.parse().unwrap(),
                idle: *idle,
            };
            list.iter().map(one).collect()
        };
        let only = |list: &[_], address: &str| is_only(&assigned(list), address.parse().unwrap());
        let lo = ("lo", "127.0.0.1", true);
        let own = ("eth0", "10.0.0.5", false);
        let six = [("eth0", "fe80::1", false), ("eth0", "fd00::5", false)];
        assert!(only(&[lo, own, six[0], six[1]], "10.0.0.5"));
        assert!(only(&[lo, own, six[0], six[1]], "fd00::5"));
        // A second address beside the node's own, on an interface of its own, on loopback.
        let vip = "10.0.0.100";
        assert!(!only(&[lo, own, ("eth0", vip, false)], vip));
        assert!(!only(&[lo, own, ("eth0", vip, false)], "10.0.0.5"));
        assert!(!only(&[lo, own, ("kube-ipvs0", vip, true)], vip));
        assert!(!only(&[lo, own, ("lo", vip, true)], vip));
        assert!(!only(&[lo, own, ("a", vip, false), ("b", vip, false)], vip));
        assert!(!only(&[lo, own], vip));
    }

    #[test]
    fn a_server_url_is_taken_apart() {
        let read = |url| host_and_port(url);
        assert_eq!(
            read("https://10.0.0.10:6443"),
            Some(("10.0.0.10".into(), 6443))
        );
        assert_eq!(read("https://[fd00::1]/x"), Some(("fd00::1".into(), 443)));
        assert_eq!(read("http://u@host/x"), Some(("host".into(), 80)));
        assert_eq!(read("https://host:x"), None);
    }
}
