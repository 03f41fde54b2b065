//! The table before kube-proxy's ports and route_localnet, in a network of the test's own: real connections from
//! a machine that is allowed and from one that is not, over IPv4 and IPv6.

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

type Test = (&'static str, fn());

pub const TESTS: &[Test] = &[
    (
        "the table lets in whom it names and nobody else, and is taken back",
        guarded,
    ),
    (
        "an open connection of who is not allowed is cut off",
        cut_off,
    ),
    ("other ranges replace the table at once", other_ranges),
    ("a port on loopback needs no table", on_loopback),
    ("without a range it is left to you", nobody_named),
    ("without nft it is left to you", no_nft),
    ("a table that nft refuses is not written", refused),
    ("a table that cannot be loaded is put back", not_loaded),
    (
        "a table of this name that no file holds is left alone",
        foreign_table,
    ),
    (
        "a table that was changed by hand, or is gone, is found",
        changed_by_hand,
    ),
    ("without effects the kernel is left to you", no_effects),
    (
        "what was killed in between is recovered with the table",
        killed,
    ),
    (
        "route_localnet is set back, and what it let in with it",
        route_localnet,
    ),
    (
        "route_localnet is left alone where kube-proxy needs it",
        needed,
    ),
    (
        "what listens otherwise than its configuration says is told",
        not_as_configured,
    ),
    (
        "a process with a network of its own is not judged",
        own_network_of_the_process,
    ),
    ("without root the sockets are not known", no_root),
];

/// The program without which a test of this file cannot be tried.
pub fn missing(name: &str) -> Option<&'static str> {
    let own = TESTS.iter().any(|(own, _)| *own == name);
    let there = |program: &&&str| {
        let mut places = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].iter();
        places.any(|place| Path::new(place).join(program).exists())
    };
    let programs: &[&'static str] = &["nft", "ip"];
    programs
        .iter()
        .find(|program| own && !there(program))
        .copied()
}

const FILE: &str = "/etc/tighten/nftables.nft";
const ROUTE_LOCALNET: &str = "/proc/sys/net/ipv4/conf/all/route_localnet";
/// Somebody else's table, which must stay as it is.
const OTHER: &str = "table inet other {
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
struct Node {
    stage: Stage,
    allowed: Peer,
    denied: Peer,
}

impl Node {
    fn new() -> Node {
        Node::listening("[::]")
    }

    /// Metrics and health listen there.
    fn listening(address: &str) -> Node {
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

    fn configure(&self, address: &str, more: &str) {
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

    fn run(&self, arguments: &[&str]) -> Ran {
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
    fn apply(&self, more: &[&str]) -> Ran {
        let words = [
            "apply",
            "--yes",
            "--only",
            "firewall-missing",
            "--allow-from",
        ];
        self.run(&[&words[..], &["10.9.1.0/24,fd00:9:1::/64"], more].concat())
    }

    fn rollback(&self) -> Ran {
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
    fn through(&mut self) -> Vec<(bool, u16, [bool; 4])> {
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

    fn all_get_through(&mut self, expected: [bool; 4]) {
        for (ipv4, port, reached) in self.through() {
            assert_eq!(reached, expected, "ipv4 {ipv4} port {port}");
        }
    }

    fn verdicts(&self, more: &[&str]) -> Vec<Value> {
        let ran = self.run(&[&["--format", "json", "scan"], more].concat());
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        document["verdicts"].as_array().unwrap().clone()
    }

    /// Verdict and words of a check, the first instance of it.
    fn verdict(&self, check: &str) -> (String, String) {
        let found = self.verdicts(&["--only", check]);
        let text = |key: &str| found[0][key].as_str().unwrap_or_default().to_string();
        (text("verdict"), text("observed") + &text("reason"))
    }
}

/// The node's /etc, with room for what is written there, gone with the stage's /run.
fn etc_of_its_own() {
    for directory in ["/run/etc", "/run/work"] {
        support::make_directory(directory.as_ref());
    }
    let over = "lowerdir=/etc,upperdir=/run/etc,workdir=/run/work";
    let mounted = Command::new("mount")
        .args(["-t", "overlay", "-o", over, "none", "/etc"])
        .status();
    assert!(mounted.unwrap().success());
}

fn nft(words: &[&str]) -> String {
    let ran: Ran = Command::new("nft").args(words).output().unwrap().into();
    assert_eq!(ran.code, 0, "{words:?} {ran:?}");
    ran.out
}

fn tables() -> Vec<String> {
    nft(&["list", "tables"]).lines().map(String::from).collect()
}

const BOTH: [&str; 2] = ["table inet other", "table inet tighten"];
const ALL: [bool; 4] = [true; 4];
const GUARDED: [bool; 4] = [true, false, true, true];

fn guarded() {
    let mut node = Node::new();
    let before = nft(&["list", "ruleset"]);
    assert_eq!(before, OTHER);
    node.all_get_through(ALL);
    for check in [
        "metrics-port-exposed",
        "healthz-port-exposed",
        "firewall-missing",
    ] {
        assert_eq!(node.verdict(check).0, "fail", "{check}");
    }
    let ran = node.apply(&[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out
            .contains("Told the kernel: load table inet tighten.\n"),
        "{ran:?}"
    );
    assert_eq!(nft(&["list", "table", "inet", "other"]), OTHER);
    assert_eq!(tables(), BOTH);
    node.all_get_through(GUARDED);
    for check in [
        "metrics-port-exposed",
        "healthz-port-exposed",
        "firewall-missing",
    ] {
        let (verdict, told) = node.verdict(check);
        assert_eq!(verdict, "pass", "{check}: {told}");
        assert!(
            told.contains("10.9.1.0/24, fd00:9:1::/64"),
            "{check}: {told}"
        );
    }
    let ran = node.apply(&[]);
    assert!(ran.out.contains("Plan: nothing to do."), "{ran:?}");
    assert_eq!(node.run(&["verify", "--only", "firewall-missing"]).code, 0);
    let ran = node.rollback();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out
            .contains("Told the kernel: unload table inet tighten.\n"),
        "{ran:?}"
    );
    assert_eq!(nft(&["list", "ruleset"]), before);
    for path in [
        FILE,
        "/etc/tighten",
        "/etc/systemd/system/tighten-nftables.service",
        "/etc/systemd/system/sysinit.target.d",
    ] {
        assert!(!Path::new(path).exists(), "{path}");
    }
    node.all_get_through(ALL);
    // And the rollback itself is taken back.
    let ran = node.rollback();
    assert_eq!(ran.code, 0, "{ran:?}");
    node.all_get_through(GUARDED);
}

fn cut_off() {
    let mut node = Node::new();
    let (metrics, healthz) = (node.stage.metrics, node.stage.healthz);
    // The one who plays kube-proxy answers one connection after the other, on each of its ports.
    node.denied.keeps(true, healthz);
    assert!(node.denied.speaks());
    node.denied.keeps(true, healthz);
    node.allowed.keeps(true, metrics);
    assert_eq!(node.apply(&[]).code, 0);
    assert!(!node.denied.speaks());
    assert!(node.allowed.speaks());
}

fn other_ranges() {
    let mut node = Node::new();
    assert_eq!(node.apply(&[]).code, 0);
    let file = fs::read(FILE).unwrap();
    let words = [
        "apply",
        "--yes",
        "--only",
        "firewall-missing",
        "--allow-from",
        "10.9.2.0/24",
    ];
    let ran = node.run(&words);
    assert_eq!(ran.code, 0, "{ran:?}");
    let port = node.stage.metrics;
    assert!(node.denied.reaches(true, port));
    assert!(!node.denied.reaches(false, port));
    assert!(!node.allowed.reaches(true, port));
    // Back to the first ranges, not to no table.
    assert_eq!(node.rollback().code, 0);
    assert_eq!(fs::read(FILE).unwrap(), file);
    node.all_get_through(GUARDED);
}

fn on_loopback() {
    let node = Node::listening("127.0.0.1");
    for check in [
        "metrics-port-exposed",
        "firewall-missing",
        "listener-not-as-configured",
    ] {
        assert_eq!(node.verdict(check).0, "pass", "{check}");
    }
    let ran = node.apply(&[]);
    assert!(ran.out.contains("Plan: nothing to do."), "{ran:?}");
    assert_eq!(tables(), ["table inet other"]);
}

fn nobody_named() {
    let node = Node::new();
    let ran = node.run(&["apply", "--yes", "--only", "firewall-missing"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = "--only firewall-missing --allow-from CIDR,..";
    assert!(ran.out.contains(told), "{ran:?}");
    assert!(!Path::new(FILE).exists());
    for everybody in ["0.0.0.0/0", "::/0", "10.0.0.0/8,::/0"] {
        let ran = node.run(&["plan", "--allow-from", everybody]);
        assert_eq!(ran.code, 64, "{ran:?}");
        assert!(ran.err.contains("that is everybody"), "{ran:?}");
    }
}

/// Something else stands at nft's place.
fn stands_for_nft(script: &str) {
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

fn nft_again() {
    // Lazily: whoever was left behind may still run it.
    let place = fs::canonicalize("/usr/sbin/nft").unwrap();
    let gone = Command::new("umount").arg("--lazy").arg(place).status();
    assert!(gone.unwrap().success());
}

fn no_nft() {
    let node = Node::new();
    let empty = "/run/empty";
    support::make_directory(empty.as_ref());
    for place in ["/usr/sbin"] {
        assert!(
            Command::new("mount")
                .args(["--bind", empty, place])
                .status()
                .unwrap()
                .success()
        );
    }
    let ran = node.apply(&[]);
    assert!(
        Command::new("umount")
            .arg("/usr/sbin")
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("there is no nft on this node"), "{ran:?}");
    assert!(!Path::new(FILE).exists());
}

fn refused() {
    let node = Node::new();
    stands_for_nft(
        "case \"$1\" in --check) echo \"$3:1:1-2: Error: played\" >&2; exit 1;; esac\nexec /run/real-nft \"$@\"",
    );
    let ran = node.apply(&[]);
    nft_again();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err.contains("the table:1:1-2: Error: played"),
        "{ran:?}"
    );
    assert!(ran.err.contains("nothing was written"), "{ran:?}");
    assert!(!Path::new(FILE).exists());
    assert_eq!(tables(), ["table inet other"]);
}

fn not_loaded() {
    let mut node = Node::new();
    for (script, told) in [
        (
            "case \"$1\" in -f) echo played >&2; exit 1;; esac",
            "load table inet tighten: nft -f",
        ),
        (
            "case \"$1\" in -f) exit 0;; esac",
            "what is loaded is not what its file says",
        ),
    ] {
        stands_for_nft(&format!("{script}\nexec /run/real-nft \"$@\""));
        let ran = node.apply(&[]);
        nft_again();
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.err.contains(told), "{ran:?}");
        let state = "everything was put back, and table inet tighten is as before";
        assert!(ran.err.contains(state), "{ran:?}");
        assert!(!Path::new("/etc/tighten").exists());
        assert_eq!(nft(&["list", "ruleset"]), OTHER);
        node.all_get_through(ALL);
    }
}

fn foreign_table() {
    let node = Node::new();
    nft(&["add", "table", "inet", "tighten"]);
    let ran = node.apply(&[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err.contains("a table inet tighten is loaded"),
        "{ran:?}"
    );
    assert!(ran.err.contains("nft delete table inet tighten"), "{ran:?}");
    assert!(!Path::new(FILE).exists());
    assert_eq!(tables(), BOTH);
}

fn changed_by_hand() {
    let node = Node::new();
    assert_eq!(node.apply(&[]).code, 0);
    let check = "firewall-missing";
    nft(&["insert", "rule", "inet", "tighten", "input", "accept"]);
    let (verdict, told) = node.verdict(check);
    assert_eq!(verdict, "fail", "{told}");
    assert_eq!(node.verdict("metrics-port-exposed").0, "fail");
    nft(&["flush", "ruleset"]);
    let (verdict, told) = node.verdict(check);
    assert_eq!(
        (verdict.as_str(), told.as_str()),
        ("fail", "the table is not loaded")
    );
    let ran = node.run(&["plan", "--only", check]);
    assert!(
        ran.out
            .contains("load it with: nft -f /etc/tighten/nftables.nft"),
        "{ran:?}"
    );
    nft(&["-f", FILE]);
    assert_eq!(node.verdict(check).0, "pass");
    // The file is loaded as root, and is believed only as long as nobody else could have written it.
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(FILE, fs::Permissions::from_mode(0o666)).unwrap();
    let ran = node.run(&["plan", "--only", check]);
    assert!(ran.out.contains("others than root can write it"), "{ran:?}");
}

fn no_effects() {
    let mut node = Node::new();
    let ran = node.apply(&["--no-effects"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = "Left to you: load table inet tighten, because its file changes: nft -f /etc/tighten/nftables.nft.\n";
    assert!(ran.out.contains(told), "{ran:?}");
    assert_eq!(tables(), ["table inet other"]);
    nft(&["-f", FILE]);
    node.all_get_through(GUARDED);
    // What was loaded by hand goes with its file.
    assert_eq!(node.rollback().code, 0);
    assert_eq!(tables(), ["table inet other"]);
}

fn killed() {
    let mut node = Node::new();
    // Killed while nft has loaded the table and not come back yet.
    stands_for_nft(
        "/run/real-nft \"$@\" || exit 1\ncase \"$1\" in -f) kill -9 $PPID; sleep 1;; esac",
    );
    let ran = node.apply(&[]);
    nft_again();
    assert_eq!(ran.code, -1, "{ran:?}");
    assert!(Path::new(FILE).exists());
    node.all_get_through(GUARDED);
    let ran = node.run(&["recover"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("table inet tighten is as before"),
        "{ran:?}"
    );
    assert!(!Path::new("/etc/tighten").exists());
    assert_eq!(nft(&["list", "ruleset"]), OTHER);
    node.all_get_through(ALL);
}

fn localnet() -> String {
    fs::read_to_string(ROUTE_LOCALNET)
        .unwrap()
        .trim()
        .to_string()
}

fn route_localnet() {
    let mut node = Node::listening("127.0.0.1");
    node.configure("127.0.0.1", "iptables:\n  localhostNodePorts: false\n");
    let loopback = SocketAddr::from(([127, 0, 0, 1], node.stage.metrics));
    node.denied.sends_loopback_to_the_node();
    assert!(!node.denied.connects(loopback));
    fs::write(ROUTE_LOCALNET, "1\n").unwrap();
    assert!(
        node.denied.connects(loopback),
        "a neighbour reaches loopback"
    );
    let check = "route-localnet-left-on";
    assert_eq!(node.verdict(check).0, "fail");
    let ran = node.run(&["apply", "--yes", "--only", check]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(localnet(), "0");
    assert!(!node.denied.connects(loopback));
    assert_eq!(node.verdict(check).0, "pass");
    let file = "/etc/sysctl.d/99-tighten.conf";
    assert!(Path::new(file).exists());
    // Somebody sets it again: the file is right, and the kernel is left to you.
    fs::write(ROUTE_LOCALNET, "1\n").unwrap();
    let ran = node.run(&["plan", "--only", check]);
    assert!(
        ran.out
            .contains("sysctl -w net.ipv4.conf.all.route_localnet=0"),
        "{ran:?}"
    );
    fs::write(ROUTE_LOCALNET, "0\n").unwrap();
    let ran = node.rollback();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(localnet(), "1");
    assert!(!Path::new(file).exists());
}

fn needed() {
    let node = Node::new();
    fs::write(ROUTE_LOCALNET, "1\n").unwrap();
    let check = "route-localnet-left-on";
    for (more, expected) in [
        ("", "not-applicable"),
        ("iptables:\n  localhostNodePorts: false\n", "fail"),
        ("mode: nftables\n", "fail"),
        ("nodePortAddresses: [10.9.0.0/16]\n", "fail"),
        (
            "nodePortAddresses: [10.9.0.0/16, 127.0.0.0/8]\n",
            "not-applicable",
        ),
    ] {
        node.configure("[::]", more);
        assert_eq!(node.verdict(check).0, expected, "{more}");
    }
    fs::write(ROUTE_LOCALNET, "0\n").unwrap();
}

fn not_as_configured() {
    let node = Node::new();
    let check = "listener-not-as-configured";
    assert_eq!(node.verdict(check).0, "pass");
    node.configure("127.0.0.1", "");
    let (verdict, told) = node.verdict(check);
    assert_eq!(verdict, "fail");
    assert!(told.contains("all addresses"), "{told}");
    assert!(
        told.contains("kube-proxy was not restarted since that changed"),
        "{told}"
    );
    // What listens counts for who can reach it, whatever is written.
    assert_eq!(node.verdict("metrics-port-exposed").0, "fail");
    let node = Node::listening("127.0.0.1");
    node.configure("0.0.0.0", "");
    let (verdict, told) = node.verdict(check);
    assert_eq!(verdict, "fail");
    assert!(told.contains("loopback"), "{told}");
    assert_eq!(node.verdict("metrics-port-exposed").0, "pass");
    let text = fs::read_to_string(CONFIG).unwrap();
    let text = text.replace(&node.stage.metrics.to_string(), "10249");
    fs::write(CONFIG, text).unwrap();
    let (verdict, told) = node.verdict(check);
    assert_eq!(verdict, "fail");
    assert!(
        told.contains("nothing of kube-proxy listens on port 10249"),
        "{told}"
    );
    // The port that it still has is none that its configuration shows.
    assert_eq!(node.verdict("other-port-exposed").0, "pass");
}

fn own_network_of_the_process() {
    let node = Node::new();
    own_network();
    for check in ["metrics-port-exposed", "firewall-missing"] {
        let (verdict, told) = node.verdict(check);
        assert_eq!(verdict, "unknown", "{check}");
        assert!(told.contains("a network of its own"), "{told}");
    }
}

fn no_root() {
    let node = Node::new();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    let program = "/run/bin/tighten";
    fs::copy(support::tighten().get_program(), program).unwrap();
    let words = [
        "--baseline",
        "kube-proxy-network",
        "--only",
        "metrics-port-exposed",
        "--config",
        CONFIG,
        "scan",
    ];
    let ran: Ran = command.arg(program).args(words).output().unwrap().into();
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.out.contains("can only be looked at by root"), "{ran:?}");
    drop(node);
}
