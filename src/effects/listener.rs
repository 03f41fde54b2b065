//! Whether the process that is asked is the one that listens.
//!
//! kube-proxy's ports are above 1023 and free while it is started anew, and it goes on without them
//! (facts page, bindAddressHardFail): any local user can listen there first and answer what he likes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::discover::sockets::{self, Listener};

/// Makes sure that a connection to this address reaches the process. `Err` says who listens instead.
pub(super) fn is_its(pid: u32, address: SocketAddr) -> Result<(), String> {
    let listeners = sockets::listeners("self")?;
    // As the kernel looks: the very address before all of its family, and those before all of IPv6.
    let everywhere = match address.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let all = [address.ip(), everywhere, IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let reached = all.into_iter().find_map(|ip| {
        let its = |one: &&Listener| (one.ip, one.port) == (ip, address.port());
        let found: Vec<Listener> = listeners.iter().filter(its).cloned().collect();
        (!found.is_empty()).then_some(found)
    });
    let Some(reached) = reached else {
        return Err(format!("nothing listens on {address}"));
    };
    let number = reached.len();
    let own = sockets::held(pid, reached).map_err(|_| format!("process {pid} is gone"))?;
    match own.len() == number {
        true => Ok(()),
        false => Err(format!(
            "another program listens on {address} in place of process {pid}"
        )),
    }
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
