//! What other machines reach of kube-proxy: the sockets of its process, and loopback by way of route_localnet.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::guarded::Node;
use super::peers::own_network;
use super::stand_in::CONFIG;
use super::support::{self, Ran};

type Test = (&'static str, fn());

pub const TESTS: &[Test] = &[
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

pub const SYSCTL: &str = "/etc/sysctl.d/99-tighten.conf";
pub const ROUTE_LOCALNET: &str = "/proc/sys/net/ipv4/conf/all/route_localnet";

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
    assert!(Path::new(SYSCTL).exists());
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
    assert!(!Path::new(SYSCTL).exists());
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
