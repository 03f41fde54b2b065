//! A node in a network of its own, with machines beside it, and what is done to its nft.

use std::fs;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::peers::{Peer, own_network};
use super::stage::{PATIENCE, SYSTEMCTL, Stage, wait_for};
use super::stand_in::{self, CONFIG};
use super::support::{self, Ran};

/// The program without which nothing of this can be tried.
pub fn missing() -> Option<&'static str> {
    let there = |program: &&&str| {
        let mut places = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].iter();
        places.any(|place| Path::new(place).join(program).exists())
    };
    let programs: &[&'static str] = &["nft", "ip"];
    programs.iter().find(|program| !there(program)).copied()
}

pub const FILE: &str = "/etc/tighten/nftables.nft";
/// Somebody else's table, which must stay as it is.
pub const OTHER: &str = "table inet other {
	set mine {
		type ipv4_addr
		elements = { 192.0.2.9 }
	}

	chain input {
		type filter hook input priority filter; policy accept;
		tcp dport 22 ip saddr @mine accept
	}
}
";

/// A node in a network of its own, with somebody else's table, and kube-proxy open to all.
pub struct Node {
    pub stage: Stage,
    pub allowed: Peer,
    pub denied: Peer,
}

impl Node {
    pub fn new() -> Node {
        Node::listening("[::]")
    }

    /// Metrics and health listen there.
    pub fn listening(address: &str) -> Node {
        let stage = Stage::new();
        own_network();
        etc_of_its_own();
        let node = Node {
            allowed: Peer::beside(1),
            denied: Peer::beside(2),
            stage,
        };
        fs::write("/run/other.nft", OTHER).unwrap();
        nft(&["-f", "/run/other.nft"]);
        node.configure(address, "");
        stand_in::start();
        wait_for(node.stage.healthz);
        wait_for(node.stage.metrics);
        node
    }

    pub fn configure(&self, address: &str, more: &str) {
        let (metrics, healthz) = (self.stage.metrics, self.stage.healthz);
        let text = format!(
            "apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection:
  kubeconfig: kubeconfig
healthzBindAddress: \"{address}:{healthz}\"
metricsBindAddress: \"{address}:{metrics}\"
{more}"
        );
        fs::write(CONFIG, text).unwrap();
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = support::tighten();
        command.args([
            "--state-dir",
            "/run/state",
            "--baseline",
            "kube-proxy-network",
        ]);
        command.args(arguments).output().unwrap().into()
    }

    /// Applies the table for the machine that is allowed.
    pub fn apply(&self, more: &[&str]) -> Ran {
        self.apply_for("10.9.1.0/24,fd00:9:1::/64", more)
    }

    /// The same for others.
    pub fn apply_for(&self, ranges: &str, more: &[&str]) -> Ran {
        let words = ["apply", "--yes", "--only", "firewall-missing"];
        self.run(&[&words[..], &["--allow-from", ranges], more].concat())
    }

    pub fn rollback(&self) -> Ran {
        let words = [
            "rollback",
            "--yes",
            "--systemctl",
            SYSTEMCTL,
            "--unit-timeout",
        ];
        self.run(&[&words[..], &[PATIENCE]].concat())
    }

    /// Who gets through: the allowed machine, the other, the node itself over its own address and loopback.
    pub fn through(&mut self) -> Vec<(bool, u16, [bool; 4])> {
        let mut found = Vec::new();
        for port in [self.stage.metrics, self.stage.healthz] {
            for ipv4 in [true, false] {
                let loopback: IpAddr = if ipv4 {
                    [127, 0, 0, 1].into()
                } else {
                    "::1".parse().unwrap()
                };
                let own = self.denied.node(ipv4);
                let itself = |ip| {
                    let address = SocketAddr::new(ip, port);
                    TcpStream::connect_timeout(&address, Duration::from_secs(5)).is_ok()
                };
                let reached = [
                    self.allowed.reaches(ipv4, port),
                    self.denied.reaches(ipv4, port),
                    itself(own),
                    itself(loopback),
                ];
                found.push((ipv4, port, reached));
            }
        }
        found
    }

    pub fn all_get_through(&mut self, expected: [bool; 4]) {
        for (ipv4, port, reached) in self.through() {
            assert_eq!(reached, expected, "ipv4 {ipv4} port {port}");
        }
    }

    pub fn verdicts(&self, more: &[&str]) -> Vec<Value> {
        let ran = self.run(&[&["--format", "json", "scan"], more].concat());
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        document["verdicts"].as_array().unwrap().clone()
    }

    /// Verdict and words of a check, the first instance of it.
    pub fn verdict(&self, check: &str) -> (String, String) {
        let found = self.verdicts(&["--only", check]);
        let text = |key: &str| found[0][key].as_str().unwrap_or_default().to_string();
        (text("verdict"), text("observed") + &text("reason"))
    }
}

/// The node's /etc, with room for what is written there, gone with the stage's /run.
pub fn etc_of_its_own() {
    for directory in ["/run/etc", "/run/work"] {
        support::make_directory(directory.as_ref());
    }
    let over = "lowerdir=/etc,upperdir=/run/etc,workdir=/run/work";
    let mounted = Command::new("mount")
        .args(["-t", "overlay", "-o", over, "none", "/etc"])
        .status();
    assert!(mounted.unwrap().success());
}

pub fn nft(words: &[&str]) -> String {
    let ran: Ran = Command::new("nft").args(words).output().unwrap().into();
    assert_eq!(ran.code, 0, "{words:?} {ran:?}");
    ran.out
}

pub fn tables() -> Vec<String> {
    nft(&["list", "tables"]).lines().map(String::from).collect()
}

pub const BOTH: [&str; 2] = ["table inet other", "table inet tighten"];
pub const ALL: [bool; 4] = [true; 4];
pub const GUARDED: [bool; 4] = [true, false, true, true];

/// Something else stands at nft's place.
pub fn stands_for_nft(script: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write("/run/nft", format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions("/run/nft", fs::Permissions::from_mode(0o755)).unwrap();
    fs::copy("/usr/sbin/nft", "/run/real-nft").unwrap();
    let place = fs::canonicalize("/usr/sbin/nft").unwrap();
    let mounted = Command::new("mount")
        .args(["--bind", "/run/nft"])
        .arg(place)
        .status();
    assert!(mounted.unwrap().success());
}

pub fn nft_again() {
    // Lazily: whoever was left behind may still run it.
    let place = fs::canonicalize("/usr/sbin/nft").unwrap();
    let gone = Command::new("umount").arg("--lazy").arg(place).status();
    assert!(gone.unwrap().success());
}
