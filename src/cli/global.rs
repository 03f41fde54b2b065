//! What every command understands.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use super::{Color, Format, Output};
use crate::check::MaxRisk;
use crate::discover::address::usable;
use crate::ip_network::IpNetwork;
use crate::report::quoted;
use crate::root::NodePath;

/// The baseline that is used when none is named.
const DEFAULT_BASELINE: &str = "kube-proxy";
/// The one that is used besides where manifests are judged.
const DEFAULT_FOR_MANIFESTS: &str = "kube-proxy-workload";

/// What every command understands.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options for every command")]
pub struct Global {
    /// Take DIR as the node's file system, such as an image or a mounted disk
    #[arg(long, global = true, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Where transactions are kept [default: /var/lib/tighten; without root ~/.local/state/tighten]
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Checks to run: a built-in baseline's name or a file (repeatable) [default: kube-proxy; with
    /// --manifests also kube-proxy-workload]
    #[arg(long, global = true, value_name = "NAME|FILE")]
    pub baseline: Vec<String>,
    /// Only these checks
    #[arg(long, global = true, value_name = "ID,..", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Not these checks
    #[arg(long, global = true, value_name = "ID,..", value_delimiter = ',')]
    pub skip: Vec<String>,
    /// Leave fixes of a higher risk to you [default: disruptive]
    #[arg(long, global = true, value_enum, value_name = "RISK")]
    pub max_risk: Option<MaxRisk>,
    /// Accepted findings: a file (repeatable) [default: the node's own /etc/tighten/waivers.yaml]
    #[arg(long, global = true, value_name = "FILE")]
    pub waivers: Vec<PathBuf>,
    /// Judge as if nothing were waived
    #[arg(long, global = true, conflicts_with = "waivers")]
    pub no_waivers: bool,
    /// The node's own InternalIP, where tighten cannot find it
    #[arg(long, global = true, value_name = "IP", value_parser = node_ip)]
    pub node_ip: Option<IpAddr>,
    /// Who may reach kube-proxy's open ports from other machines: addresses or ranges, for firewall-missing
    #[arg(long, global = true, value_name = "CIDR,..", value_delimiter = ',')]
    pub allow_from: Vec<IpNetwork>,
    /// kube-proxy's configuration, where tighten cannot find it
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// kube-proxy's kubeconfig, where tighten cannot find it
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Judge the objects of these manifests rather than this node: a file, a directory, or - for stdin (repeatable)
    #[arg(long, global = true, value_name = "PATH", conflicts_with_all = ["config", "kubeconfig", "node_ip"])]
    pub manifests: Vec<PathBuf>,
    /// The digest to pin kube-proxy's image to, sha256:...
    #[arg(long, global = true, value_name = "DIGEST", value_parser = image_digest)]
    pub image_digest: Option<String>,
    /// Output format; every command knows text and json
    #[arg(long = "format", global = true, value_enum, value_name = "FORMAT", default_value_t = Output::Text)]
    pub output: Output,
    /// Colour the text
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Show more: passed checks, whole diffs
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Show less: only what needs attention
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

impl Global {
    /// How a command prints that has no further format.
    pub fn format(&self) -> Format {
        match self.output {
            Output::Json => Format::Json,
            _ => Format::Text,
        }
    }

    /// The flags that decide which tree and which state a command works on, and how far it goes, as they
    /// would be typed.
    pub fn flags(&self) -> String {
        let mut words = Vec::new();
        for (name, value) in [("--root", &self.root), ("--state-dir", &self.state_dir)] {
            if let Some(value) = value {
                words.push(name.to_string());
                words.push(quoted(&value.to_string_lossy()));
            }
        }
        for baseline in &self.baseline {
            if self.baseline != [DEFAULT_BASELINE] || !self.manifests.is_empty() {
                words.push("--baseline".into());
                words.push(quoted(baseline));
            }
        }
        for path in &self.manifests {
            words.push("--manifests".into());
            words.push(quoted(&path.to_string_lossy()));
        }
        if let Some(digest) = &self.image_digest {
            words.push(format!("--image-digest {digest}"));
        }
        if let Some(max_risk) = self.max_risk {
            words.push(format!("--max-risk {}", max_risk.word()));
        }
        if !self.allow_from.is_empty() {
            let ranges: Vec<String> = self.allow_from.iter().map(ToString::to_string).collect();
            words.push(format!("--allow-from {}", ranges.join(",")));
        }
        for waivers in &self.waivers {
            words.push("--waivers".into());
            words.push(quoted(&waivers.to_string_lossy()));
        }
        if self.no_waivers {
            words.push("--no-waivers".into());
        }
        words.join(" ")
    }

    /// The baselines to judge by: those that are named, or else those that suit what is judged.
    pub fn baselines(&self) -> Vec<String> {
        let defaults: &[&str] = match (self.baseline.is_empty(), self.manifests.is_empty()) {
            (false, _) => return self.baseline.clone(),
            (true, true) => &[DEFAULT_BASELINE],
            (true, false) => &[DEFAULT_BASELINE, DEFAULT_FOR_MANIFESTS],
        };
        defaults.iter().map(ToString::to_string).collect()
    }

    /// A path of the command line as the node sees it: below --root when that is given, else on this
    /// machine, relative to the working directory.
    pub fn node_path(&self, path: &std::path::Path) -> Option<NodePath> {
        let text = path.to_str()?;
        if self.root.is_some() {
            return NodePath::root().join(text);
        }
        machine_path(path)
    }
}

/// An address that can be the node's own: loopback and wildcards are refused, since kube-proxy opens
/// NodePorts on every address when it takes loopback for the node's.
pub fn node_ip(text: &str) -> Result<IpAddr, String> {
    let address: IpAddr = text.parse().map_err(|_| "not an IP address".to_string())?;
    if usable(address) {
        Ok(address)
    } else {
        Err(
            "loopback, wildcard, link-local and multicast addresses cannot be a node's InternalIP"
                .into(),
        )
    }
}

/// The digest of an image: any other hash than SHA-256 is none that a registry of today gives.
pub fn image_digest(text: &str) -> Result<String, String> {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if hex.len() == 64 && hex.bytes().all(plain) {
        Ok(text.into())
    } else {
        Err("not sha256: and 64 hexadecimal digits in lower case".into())
    }
}

/// A path of this machine, whatever --root says, relative to the working directory.
pub fn machine_path(path: &std::path::Path) -> Option<NodePath> {
    let here = std::env::current_dir().ok()?;
    NodePath::new(here.to_str()?)?.join(path.to_str()?)
}
