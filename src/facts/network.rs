//! What kube-proxy's process listens on, and what stands before it: the table that guards its ports.

use std::io;

use super::sysctl::{RouteLocalnet, text};
use crate::discover::sockets::{self, Listener};
use crate::discover::{KubeProxy, Source};
use crate::ip_network::IpNetwork;
use crate::nftables::{self, Ruleset};
use crate::root::{LookError, NodePath, Root, Where};

/// Where nft lies; the caller's PATH is not asked, since it is run as root.
const NFT: &[&str] = &["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"];
/// What is there on a node that systemd booted, as sd_booted(3) tells it.
const SYSTEMD: &str = "/run/systemd/system";

/// What the network shows of kube-proxy.
#[derive(Clone, Debug)]
pub struct Network {
    /// What its process listens on, by port, or why that is not known.
    pub listening: Result<Vec<Listener>, Unseen>,
    /// True when other components listen in the same process, as in k3s.
    pub shared: bool,
    /// The table that guards its ports.
    pub firewall: Firewall,
    /// Whether packets from elsewhere may be routed to loopback.
    pub route_localnet: RouteLocalnet,
}

/// Why the sockets are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// There are none: nothing runs.
    NotRunning(String),
    /// There may be some.
    Unknown(String),
}

/// The table and what makes it last.
#[derive(Clone, Debug)]
pub struct Firewall {
    /// Who may reach the ports, as the command line says; empty when it says nothing.
    pub allow_from: Vec<IpNetwork>,
    /// The table's file; `None` when there is none, `Err` says why nothing can be made of it.
    pub file: Result<Option<Ruleset>, String>,
    /// What is loaded. Looked at only where the file is there, since nft loads modules of the kernel.
    pub table: Table,
    /// The program that loads it.
    pub nft: Option<NodePath>,
    /// The unit's file, and the drop-in that starts it: what they hold, `None` when they are not there.
    pub durable: Vec<(NodePath, Result<Option<String>, LookError>)>,
    /// True when systemd boots this node.
    pub systemd: bool,
}

/// The table in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Table {
    /// It was not looked for.
    NotAsked,
    /// None is loaded.
    Absent,
    /// It is loaded.
    Loaded(Ruleset),
    /// One of this name is loaded that is not as tighten writes it: why.
    Other(String),
    /// It is not known: why.
    Unknown(String),
}

/// What stands between a port and other machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The table, which lets only these in.
    Table(Vec<IpNetwork>),
    /// Nothing of ours.
    None,
}

impl Network {
    /// Looks at the process and at the files. What is loaded is for the caller to tell, who may run programs.
    pub fn gather(root: &Root, proxy: &KubeProxy, allow_from: &[IpNetwork]) -> Network {
        Network {
            listening: listening(root, proxy),
            shared: matches!(proxy.source, Source::Within(_)),
            firewall: Firewall::gather(root, allow_from),
            route_localnet: RouteLocalnet::gather(root),
        }
    }
}

fn listening(root: &Root, proxy: &KubeProxy) -> Result<Vec<Listener>, Unseen> {
    if root.place() != Where::Live {
        let why = "nothing runs in an offline tree, so nothing listens";
        return Err(Unseen::NotRunning(why.into()));
    }
    let Some(pid) = proxy.pid() else {
        return Err(match &proxy.source {
            Source::Unit(_) | Source::StaticPod(_) => {
                Unseen::NotRunning("kube-proxy does not run".into())
            }
            _ => Unseen::Unknown("it is not known which process kube-proxy is".into()),
        });
    };
    let look = |what: &str| {
        let what = format!("process {pid}: {what}");
        move |error: io::Error| match error.kind() {
            io::ErrorKind::PermissionDenied => {
                Unseen::Unknown(format!("{what} can only be looked at by root"))
            }
            _ => Unseen::Unknown(format!("{what}: {error}")),
        }
    };
    // Its tables are those of its own network, which the rest of the node does not see.
    if !sockets::same_network(pid).map_err(look("its network"))? {
        return Err(Unseen::Unknown(format!(
            "process {pid} has a network of its own, which says nothing of the node's"
        )));
    }
    let all = sockets::listeners(&pid.to_string()).map_err(Unseen::Unknown)?;
    sockets::held(pid, all).map_err(look("its sockets"))
}

/// The program that loads tables, where it is installed.
pub fn nft_program(root: &Root) -> Option<NodePath> {
    NFT.iter().find_map(|path| there(root, path))
}

fn there(root: &Root, path: &str) -> Option<NodePath> {
    let path = NodePath::new(path)?;
    root.open(&path).ok().map(|_| path)
}

impl Firewall {
    fn gather(root: &Root, allow_from: &[IpNetwork]) -> Firewall {
        let durable = [nftables::UNIT, nftables::DROP_IN];
        let durable = durable.iter().filter_map(|path| NodePath::new(path));
        Firewall {
            allow_from: allow_from.to_vec(),
            file: ruleset(root),
            table: Table::NotAsked,
            nft: nft_program(root),
            durable: durable
                .map(|path| {
                    let text = text(root, &path);
                    (path, text)
                })
                .collect(),
            systemd: there(root, SYSTEMD).is_some(),
        }
    }

    /// What stands before a port.
    pub fn guard(&self, port: u16) -> Guard {
        match &self.table {
            Table::Loaded(loaded) if loaded.guards(port) => Guard::Table(loaded.allowed().to_vec()),
            _ => Guard::None,
        }
    }
}

/// What the table's file says; it is loaded as root, so that nobody else may have written it.
fn ruleset(root: &Root) -> Result<Option<Ruleset>, String> {
    let path = NodePath::new(nftables::FILE).ok_or("it cannot be named")?;
    let opened = match root.open(&path) {
        Ok((_, opened)) => opened,
        Err(LookError::Missing) => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    if !root.trusts(opened.meta.uid) || opened.meta.mode & 0o022 != 0 {
        return Err("others than root can write it".into());
    }
    let bytes = opened.read().map_err(|error| error.to_string())?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not as tighten writes it")?;
    Ruleset::parse(&text).map(Some)
}
