//! The table of nftables that guards the ports which kube-proxy opens, as a file and as nft lists it. Pure.
//!
//! It is a table of its own, `inet tighten`, so that neither kube-proxy's tables nor anybody else's are
//! touched: in nftables a drop in any table is final, and an accept ends only its own chain.

mod listed;

use std::collections::BTreeSet;
use std::fmt::Write;

pub use listed::listed;

use crate::ip_network::IpNetwork;

/// The table's family and name.
pub const TABLE: [&str; 2] = ["inet", "tighten"];
/// The file that holds it. /etc/nftables.conf is not ours, and not every distribution reads it.
pub const FILE: &str = "/etc/tighten/nftables.nft";
/// The unit that loads the file at boot.
pub const UNIT: &str = "/etc/systemd/system/tighten-nftables.service";
/// What makes systemd start that unit at boot. A drop-in with `Wants=` does what the symlink of `systemctl
/// enable` does, and is a regular file, which a transaction can take back.
pub const DROP_IN: &str = "/etc/systemd/system/sysinit.target.d/90-tighten-nftables.conf";
/// Most ranges that may be named, so that nft's listing of the table is read as a whole.
pub const MAX_RANGES: usize = 256;
/// Before the chains of others at `filter` (0): what is dropped here, nobody has to look at.
const PRIORITY: i64 = -10;

/// Who may reach which ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// The guarded TCP ports.
    ports: BTreeSet<u16>,
    /// Who may reach them from elsewhere: no range holds another, and each is named by its first address.
    allowed: Vec<IpNetwork>,
}

impl Ruleset {
    /// Guards these ports. Loopback, over which the node's own addresses are reached as well, is always let in.
    pub fn new(
        ports: impl IntoIterator<Item = u16>,
        allowed: impl IntoIterator<Item = IpNetwork>,
    ) -> Ruleset {
        let mut all: Vec<IpNetwork> = allowed
            .into_iter()
            .map(|one| one.from_its_first())
            .collect();
        all.sort_unstable();
        all.dedup();
        // nft refuses a set in which one range lies within another.
        let within = |one: &IpNetwork| all.iter().any(|other| other != one && other.holds(one));
        let allowed = all.iter().filter(|one| !within(one)).copied().collect();
        Ruleset {
            ports: ports.into_iter().collect(),
            allowed,
        }
    }

    /// The guarded ports.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.ports.iter().copied()
    }

    /// Who may reach them from elsewhere.
    pub fn allowed(&self) -> &[IpNetwork] {
        &self.allowed
    }

    /// True when it guards this port.
    pub fn guards(&self, port: u16) -> bool {
        self.ports.contains(&port)
    }

    /// The file, which nft loads as a whole or not at all, and again with the same result.
    pub fn text(&self) -> String {
        let [family, name] = TABLE;
        let mut text = format!("{HEAD}{LEAD}");
        let allowed = |ipv4: bool| -> Vec<String> {
            let family = self.allowed.iter().filter(|one| one.is_ipv4() == ipv4);
            family.map(ToString::to_string).collect()
        };
        let _ = writeln!(text, "table {family} {name} {{");
        for (set, kind, ipv4) in SETS {
            let _ = writeln!(
                text,
                "    set {set} {{\n        type {kind}\n        flags interval"
            );
            let elements = allowed(ipv4);
            if !elements.is_empty() {
                let elements = elements.join(",\n            ");
                let _ = writeln!(
                    text,
                    "        elements = {{\n            {elements}\n        }}"
                );
            }
            text.push_str("    }\n");
        }
        let _ = writeln!(
            text,
            "    chain input {{\n        type filter hook input priority {PRIORITY}; policy accept;\n        iif \"lo\" accept"
        );
        for port in &self.ports {
            for (set, _, ipv4) in SETS {
                let family = if ipv4 { "ip" } else { "ip6" };
                let _ = writeln!(
                    text,
                    "        tcp dport {port} {family} saddr @{set} accept"
                );
            }
            let _ = writeln!(text, "        tcp dport {port} drop");
        }
        text.push_str("    }\n}\n");
        text
    }

    /// Reads the file again.
    ///
    /// # Errors
    /// When it is not, byte for byte, what is written here.
    pub fn parse(text: &str) -> Result<Ruleset, String> {
        let (mut ports, mut allowed) = (Vec::new(), Vec::new());
        for line in text.lines().map(str::trim) {
            let mut words = line.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some("tcp"), Some("dport"), Some(port)) => {
                    ports.extend(port.parse::<u16>().ok());
                }
                (Some(range), None, None) => {
                    allowed.extend(range.trim_end_matches(',').parse::<IpNetwork>().ok());
                }
                _ => {}
            }
        }
        let read = Ruleset::new(ports, allowed);
        if read.allowed.len() <= MAX_RANGES && read.text() == text {
            Ok(read)
        } else {
            Err("it is not as tighten writes it".into())
        }
    }
}

/// The sets of allowed addresses: name, type, whether it is for IPv4.
const SETS: [(&str, &str, bool); 2] = [
    ("allowed4", "ipv4_addr", true),
    ("allowed6", "ipv6_addr", false),
];

const HEAD: &str = "\
# Written by tighten, which reads it again: --allow-from changes it, and a rollback takes it back. It guards what
# kube-proxy opens to other machines. Loopback, and so the node's own addresses, are always let in. Connections
# are not tracked: who is not allowed is cut off at once, and a node without tracking is guarded as well.

";

/// nft knows no way to replace a table: the first line makes sure that there is a table for the second to take away.
const LEAD: &str = "table inet tighten\ndelete table inet tighten\n";

/// The unit's file: after whoever may empty the whole ruleset at boot, before there is a network.
pub fn unit(nft: &str) -> String {
    format!(
        "\
# Written by tighten; a rollback takes it back.
[Unit]
Description=Guards the ports that kube-proxy opens
Documentation=man:nft(8)
DefaultDependencies=no
ConditionPathExists={FILE}
# /etc/nftables.conf begins by emptying the ruleset on most systems.
After=nftables.service
ReloadPropagatedFrom=nftables.service
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={nft} -f {FILE}
ExecReload={nft} -f {FILE}
"
    )
}

/// The drop-in for sysinit.target.
pub const DROP_IN_TEXT: &str = "\
# Written by tighten; a rollback takes it back.
[Unit]
Wants=tighten-nftables.service
";

#[cfg(test)]
mod tests;
