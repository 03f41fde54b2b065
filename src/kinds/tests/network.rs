//! What kube-proxy's process listens on, given as sockets.

use std::net::SocketAddr;

use super::*;
use crate::discover::sockets::Listener;
use crate::facts::{Firewall, Network, RouteLocalnet, Table, Unseen};
use crate::ip_network::IpNetwork;
use crate::nftables::Ruleset;

fn networked(config: &str, sockets: &[&str]) -> Facts {
    let listener = |(inode, text): (usize, &&str)| {
        let address: SocketAddr = text.parse().unwrap();
        Listener {
            port: address.port(),
            ip: address.ip(),
            inode: inode as u64,
        }
    };
    let mut listening: Vec<Listener> = sockets.iter().enumerate().map(listener).collect();
    listening.sort();
    let mut facts = facts(config, None, None);
    facts.network = Some(Network {
        listening: Ok(listening),
        shared: false,
        firewall: Firewall {
            allow_from: Vec::new(),
            file: Ok(None),
            table: Table::NotAsked,
            nft: Some(path("/usr/sbin/nft")),
            durable: Vec::new(),
            systemd: true,
        },
        route_localnet: RouteLocalnet {
            now: Some(Ok(false)),
            settings: Ok(Vec::new()),
            own: Ok(None),
        },
    });
    facts
}

fn network(facts: &mut Facts) -> &mut Network {
    facts.network.as_mut().unwrap()
}

const METRICS: &str = "metrics-port-exposed";
const OTHERS: &str = "other-port-exposed";

#[test]
fn who_can_reach_a_port_is_told_by_its_sockets() {
    use Verdict::{Fail, NotApplicable, Pass};
    for (sockets, expected, told) in [
        (&["127.0.0.1:10249"][..], Pass, ""),
        (&["[::1]:10249", "127.0.0.1:10249"], Pass, ""),
        (&["0.0.0.0:10249"], Fail, "metricsBindAddress to 127.0.0.1"),
        (&["[::]:10249"], Fail, "metricsBindAddress to 127.0.0.1"),
        (
            &["192.0.2.7:10249"],
            Fail,
            "metricsBindAddress to 127.0.0.1",
        ),
        (
            &["127.0.0.1:10249", "192.0.2.7:10249"],
            Fail,
            "metricsBindAddress to 127.0.0.1",
        ),
        (
            &["0.0.0.0:10256"],
            NotApplicable,
            "listens on no port 10249",
        ),
    ] {
        let (verdict, why) = judged(METRICS, &networked("", sockets));
        assert_eq!(verdict, expected, "{sockets:?}");
        assert!(why.contains(told), "{sockets:?}: {why}");
    }
}

#[test]
fn a_port_is_guarded_only_by_a_table_that_is_loaded_and_names_it() {
    let ranges: Vec<IpNetwork> = vec!["10.0.0.0/8".parse().unwrap()];
    let table = |port| Ruleset::new([port], ranges.clone());
    for (table, expected) in [
        (Table::Loaded(table(10249)), Verdict::Pass),
        (Table::Loaded(table(10256)), Verdict::Fail),
        (Table::Absent, Verdict::Fail),
        (Table::Other("changed".into()), Verdict::Fail),
        (Table::Unknown("denied".into()), Verdict::Fail),
    ] {
        let mut facts = networked("", &["[::]:10249"]);
        network(&mut facts).firewall.table = table.clone();
        assert_eq!(judged(METRICS, &facts).0, expected, "{table:?}");
    }
}

#[test]
fn other_ports_are_findings_but_for_those_of_services() {
    let known = ["[::]:10249", "[::]:10256"];
    for (socket, expected) in [
        ("127.0.0.1:6060", Verdict::Pass),
        ("[::]:6060", Verdict::Fail),
        ("[::]:29999", Verdict::Fail),
        ("[::]:30000", Verdict::Pass),
        ("0.0.0.0:32767", Verdict::Pass),
        ("[::]:32768", Verdict::Fail),
    ] {
        let facts = networked("", &[known[0], known[1], socket]);
        assert_eq!(judged(OTHERS, &facts).0, expected, "{socket}");
    }
    // Where the configuration names another port, the default is one like any other.
    let facts = networked(
        "metricsBindAddress: 127.0.0.1:9000",
        &["[::]:10249", "127.0.0.1:9000"],
    );
    assert_eq!(judged(OTHERS, &facts).0, Verdict::Fail);
    // In k3s the API server listens in the same process.
    let mut facts = networked("", &["[::]:6443", "[::]:10249"]);
    network(&mut facts).shared = true;
    assert_eq!(judged(OTHERS, &facts).0, Verdict::NotApplicable);
    assert_eq!(judged(METRICS, &facts).0, Verdict::Fail);
}

#[test]
fn what_is_not_known_is_no_pass() {
    for id in [
        METRICS,
        OTHERS,
        "listener-not-as-configured",
        "firewall-missing",
    ] {
        for (unseen, expected) in [
            (Unseen::Unknown("denied".into()), Verdict::Unknown),
            (
                Unseen::NotRunning("it does not run".into()),
                Verdict::NotApplicable,
            ),
        ] {
            let mut facts = networked("", &[]);
            network(&mut facts).listening = Err(unseen);
            assert_eq!(judged(id, &facts).0, expected, "{id}");
        }
    }
    let mut facts = networked("mode: ipvs", &[]);
    network(&mut facts).route_localnet.now = Some(Err("denied".into()));
    assert_eq!(judged("route-localnet-left-on", &facts).0, Verdict::Unknown);
}

#[test]
fn the_table_is_left_to_a_person_where_it_would_not_last() {
    let ready = || {
        let mut facts = networked("", &["[::]:10256"]);
        network(&mut facts).firewall.allow_from = vec!["10.0.0.0/8".parse().unwrap()];
        facts
    };
    let told = |facts: &Facts| judged("firewall-missing", facts).1;
    assert!(!told(&ready()).contains("there is no nft"));
    for (spoil, why) in [
        (
            (|found| found.nft = None) as fn(&mut Firewall),
            "there is no nft on this node",
        ),
        (
            |found| found.systemd = false,
            "systemd does not boot this node",
        ),
        (|found| found.allow_from.clear(), "--allow-from"),
        (
            |found| found.file = Err("others than root can write it".into()),
            "others than root can write it",
        ),
    ] {
        let mut facts = ready();
        spoil(&mut network(&mut facts).firewall);
        let (verdict, told) = judged("firewall-missing", &facts);
        assert_eq!(verdict, Verdict::Fail, "{why}");
        assert!(told.contains(why), "{why}: {told}");
    }
}
