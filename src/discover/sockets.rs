//! Who listens for TCP connections, from the tables of a process's network namespace.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::IpAddr;

/// How much of one table is read, in bytes: some 100,000 lines. What listens stands first in it (the
/// kernel's tcp_seq_start), so that a node with more connections than that is judged all the same.
const MAX_TABLE: u64 = 16 << 20;
/// Longest line that is read, in bytes; the kernel's own have less than 200.
const MAX_LINE: u64 = 4 << 10;
/// How many sockets that listen are kept; a node has some hundred.
const MAX_LISTENERS: usize = 65_536;
/// `st` of a socket that listens: TCP_LISTEN of the kernel.
const LISTEN: &str = "0A";

/// A socket that listens for TCP connections.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// The address on which it listens. `::` stands for IPv4 as well, unless the socket is for IPv6 only,
    /// which the table does not tell.
    pub ip: IpAddr,
    /// The socket's inode, by which a process's handle names it.
    pub inode: u64,
}

/// What listens in the network namespace of a process: `self`, or its id (proc_pid_net(5)).
///
/// # Errors
/// In words, when a table cannot be read, or holds more than a node can have.
pub fn listeners(process: &str) -> Result<Vec<Listener>, String> {
    let mut found = Vec::new();
    for name in ["tcp", "tcp6"] {
        let path = format!("/proc/{process}/net/{name}");
        match fs::File::open(&path) {
            Ok(table) => read(table, &mut found).map_err(|why| format!("{path}: {why}"))?,
            // A kernel without IPv6 has no table for it.
            Err(error) if name == "tcp6" && error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{path}: {error}")),
        }
    }
    found.sort();
    Ok(found)
}

/// Adds what listens in one table.
fn read(table: impl Read, found: &mut Vec<Listener>) -> Result<(), String> {
    let mut table = BufReader::new(table.take(MAX_TABLE));
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = (&mut table)
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .map_err(|error| error.to_string())?;
        if length == 0 {
            return Ok(());
        }
        let Some(one) = std::str::from_utf8(&line).ok().and_then(listener) else {
            continue;
        };
        if found.len() == MAX_LISTENERS {
            return Err(format!("more than {MAX_LISTENERS} sockets listen"));
        }
        found.push(one);
    }
}

fn listener(line: &str) -> Option<Listener> {
    let mut fields = line.split_whitespace().skip(1);
    let (ip, port) = fields.next()?.split_once(':')?;
    if fields.nth(1)? != LISTEN {
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

/// Which of these sockets a process holds.
///
/// # Errors
/// What the kernel returns: the process is gone, or belongs to somebody else.
pub fn held(pid: u32, listeners: Vec<Listener>) -> std::io::Result<Vec<Listener>> {
    let handles = fs::read_dir(format!("/proc/{pid}/fd"))?;
    let mut wanted: Vec<(Listener, bool)> = listeners.into_iter().map(|one| (one, false)).collect();
    for entry in handles {
        // A handle that was closed meanwhile has no link any more.
        let Some(inode) = entry.ok().and_then(|entry| socket(&entry)) else {
            continue;
        };
        for (_, held) in wanted.iter_mut().filter(|(one, _)| one.inode == inode) {
            *held = true;
        }
    }
    let held = wanted.into_iter().filter(|(_, held)| *held);
    Ok(held.map(|(one, _)| one).collect())
}

/// The inode of the socket behind a handle.
fn socket(entry: &fs::DirEntry) -> Option<u64> {
    let link = fs::read_link(entry.path()).ok()?;
    let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
    inode.parse().ok()
}

/// Whether a process has the network of this one.
///
/// # Errors
/// What the kernel returns: the process is gone, or belongs to somebody else.
pub fn same_network(pid: u32) -> std::io::Result<bool> {
    let own = fs::read_link("/proc/self/ns/net")?;
    Ok(fs::read_link(format!("/proc/{pid}/ns/net"))? == own)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn line(address: &str, port: u16, state: &str, inode: u64) -> String {
        format!(
            "   0: {address}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0000000000000000 100 0 0 10 0\n"
        )
    }

    fn found(text: &str) -> Result<Vec<(String, u16, u64)>, String> {
        let mut found = Vec::new();
        read(text.as_bytes(), &mut found)?;
        let plain = |one: Listener| (one.ip.to_string(), one.port, one.inode);
        Ok(found.into_iter().map(plain).collect())
    }

    #[test]
    fn only_what_listens_is_taken_and_nothing_of_what_is_no_line() {
        let loopback = format!("{:08X}", u32::from_ne_bytes([127, 0, 0, 1]));
        let mapped = format!("0000000000000000{:08X}{loopback}", u32::from_be(0xFFFF));
        let text = [
            HEAD.to_string(),
            line(&loopback, 10249, "0A", 7),
            line("00000000", 10256, "0A", 8),
            line("00000000", 10250, "01", 9),
            line(&"0".repeat(32), 10256, "0A", 10),
            line(&mapped, 1, "0A", 11),
            line("0000", 2, "0A", 12),
            "\u{fffd} 0 : : 0A\n\n   1: 00000000\n".to_string(),
            // No number at the end of the last line, which breaks off.
            line("00000000", 3, "0A", 13).chars().take(60).collect(),
        ]
        .concat();
        let expected = [
            ("127.0.0.1", 10249, 7),
            ("0.0.0.0", 10256, 8),
            ("::", 10256, 10),
            ("127.0.0.1", 1, 11),
        ];
        let expected = expected.map(|(ip, port, inode)| (ip.to_string(), port, inode));
        assert_eq!(found(&text).unwrap(), expected);
    }

    #[test]
    fn a_table_without_end_is_read_to_a_bound() {
        let endless = std::io::repeat(b'x');
        let mut none = Vec::new();
        read(endless, &mut none).unwrap();
        assert_eq!(none, []);
        let many: String = (0..=MAX_LISTENERS as u64)
            .map(|inode| line("00000000", 1, "0A", inode))
            .collect();
        let why = found(&many).unwrap_err();
        assert!(why.contains("more than"), "{why}");
    }
}
