//! Whether the process that is asked is the one that listens.
//!
//! kube-proxy's ports are above 1023 and free while it is started anew, and it goes on without them
//! (facts page, bindAddressHardFail): any local user can listen there first and answer what he likes.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A socket that listens.
struct Listener {
    ip: IpAddr,
    port: u16,
    inode: u64,
}

/// Makes sure that a connection to this address reaches the process. `Err` says who listens instead.
pub(super) fn is_its(pid: u32, address: SocketAddr) -> Result<(), String> {
    let listeners = listeners();
    // As the kernel looks: the very address before all of its family, and those before all of IPv6.
    let everywhere = match address.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let all = [address.ip(), everywhere, IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let reached = all.into_iter().find_map(|ip| {
        let its = |one: &&Listener| (one.ip, one.port) == (ip, address.port());
        let found: Vec<&Listener> = listeners.iter().filter(its).collect();
        (!found.is_empty()).then_some(found)
    });
    let Some(reached) = reached else {
        return Err(format!("nothing listens on {address}"));
    };
    let sockets = sockets(pid).ok_or_else(|| format!("process {pid} is gone"))?;
    match reached.iter().all(|one| sockets.contains(&one.inode)) {
        true => Ok(()),
        false => Err(format!(
            "another program listens on {address} in place of process {pid}"
        )),
    }
}

/// What listens in this network namespace, from proc_pid_net(5).
fn listeners() -> Vec<Listener> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let texts = tables.map(|path| fs::read_to_string(path).unwrap_or_default());
    texts
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(listener)
        .collect()
}

fn listener(line: &str) -> Option<Listener> {
    let mut fields = line.split_whitespace().skip(1);
    let (ip, port) = fields.next()?.split_once(':')?;
    // TCP_LISTEN.
    if fields.nth(1)? != "0A" {
        return None;
    }
    Some(Listener {
        ip: address(ip)?,
        port: u16::from_str_radix(port, 16).ok()?,
        inode: fields.nth(5)?.parse().ok()?,
    })
}

/// The kernel prints the address as words of the machine, whose bytes are in the order of the network.
fn address(text: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let part = text.get(at * 8..(at + 1) * 8)?;
        Some(u32::from_str_radix(part, 16).ok()?.to_ne_bytes())
    };
    if text.len() == 8 {
        return Some(IpAddr::from(word(0)?));
    }
    let mut bytes = [0; 16];
    for (at, four) in bytes.chunks_exact_mut(4).enumerate() {
        four.copy_from_slice(&word(at)?);
    }
    Some(IpAddr::from(bytes).to_canonical())
}

/// The sockets that a process holds; `None` when it is gone.
fn sockets(pid: u32) -> Option<Vec<u64>> {
    let handles = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let socket = |entry: fs::DirEntry| {
        let link = fs::read_link(entry.path()).ok()?;
        let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        inode.parse().ok()
    };
    Some(handles.flatten().filter_map(socket).collect())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn only_who_holds_the_socket_listens() {
        let own = std::process::id();
        let mut other = std::process::Command::new("/bin/sleep")
            .arg("60")
            .spawn()
            .unwrap();
        for (bound, asked) in [
            ("127.0.0.1:0", "127.0.0.1"),
            ("0.0.0.0:0", "127.0.0.1"),
            ("[::]:0", "127.0.0.1"),
            ("[::]:0", "::1"),
        ] {
            // A machine may have no IPv6.
            let Ok(listener) = TcpListener::bind(bound) else {
                continue;
            };
            let port = listener.local_addr().unwrap().port();
            let asked = SocketAddr::new(asked.parse().unwrap(), port);
            assert_eq!(is_its(own, asked), Ok(()), "{bound}");
            let why = is_its(other.id(), asked).unwrap_err();
            assert!(why.starts_with("another program listens on "), "{why}");
            drop(listener);
            let why = is_its(own, asked).unwrap_err();
            assert!(why.starts_with("nothing listens on "), "{why}");
        }
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
