//! What only a running node tells, given as facts: its addresses, and the route to the API server.

use std::net::IpAddr;

use super::{Edit, Mend, Verdict};
use crate::baseline;
use crate::certificates::Moment;
use crate::check::{self, Selection};
use crate::discover::{KubeProxy, Source};
use crate::edit::Operation;
use crate::facts::{Credentials, Directory, Facts, Origin, OriginKind, Role, Seen, Target};
use crate::proxyconfig;
use crate::root::{FileKind, Meta, NodePath};

mod held;
mod network;
mod validity;

const HEAD: &str = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";
const KERNEL: Origin = Origin::KERNEL;

fn path(text: &str) -> NodePath {
    NodePath::new(text).unwrap()
}

fn meta(kind: FileKind, mode: u32) -> Meta {
    let sample = Meta::of(std::fs::File::open("/").unwrap()).unwrap();
    Meta {
        kind,
        mode,
        uid: 0,
        gid: 0,
        ..sample
    }
}

/// A configuration on a node whose address is told by `node_ip` and which has the `local` ones.
fn facts(config: &str, node_ip: Option<(&str, Origin)>, local: Option<&[&str]>) -> Facts {
    let bytes = format!("{HEAD}{config}\n").into_bytes();
    let parse = |text: &str| -> IpAddr { text.parse().unwrap() };
    let config = proxyconfig::read(&bytes);
    assert!(config.accepted, "{:?}", config.error);
    let place = path("/var/lib/kube-proxy/config.yaml");
    Facts {
        proxy: KubeProxy {
            source: Source::Named,
            flags: Vec::new(),
            version: Some("1.36.2".into()),
            config: Some((place.clone(), Origin::flag(None))),
            kubeconfig: None,
            named_config: true,
            named_kubeconfig: None,
            problem: None,
            elsewhere: false,
            user: None,
            with_kubelet: false,
            recognised: Default::default(),
            flag_place: Default::default(),
        },
        hostname: None,
        flag_file: Err("not looked for".into()),
        node_ip: node_ip
            .map(|(address, origin)| (parse(address), origin))
            .ok_or_else(|| "not told".into()),
        local_addresses: local.map(|all| all.iter().map(|text| parse(text)).collect()),
        targets: vec![Target {
            role: Role::ProxyConfig,
            path: place.clone(),
            origin: Origin::flag(None),
            seen: Ok(Seen {
                path: place,
                meta: meta(FileKind::File, 0o644),
                bytes: Some(bytes),
            }),
            hold: None,
        }],
        directories: Vec::new(),
        config: Some(config),
        kubeconfig: None,
        credentials: Credentials::default(),
        clock: (Moment(0), Origin::KERNEL),
        api_server: None,
        client_authority: None,
        objects: None,
        network: None,
    }
}

/// The verdict of a check, and what it would do: the value, or `by hand` with the reason.
fn judged(id: &str, facts: &Facts) -> (Verdict, String) {
    let names = ["kube-proxy", "kube-proxy-network"].map(String::from);
    let baselines = baseline::load(&names).unwrap();
    let only = Selection {
        only: vec![id.into()],
        ..Selection::default()
    };
    let outcomes = check::run(&baselines, &only, facts);
    let instance = outcomes.first().unwrap().decisive().unwrap();
    let mend = match &instance.mend {
        Mend::None => instance.reason.clone().unwrap_or_default(),
        Mend::Edit(_, Edit::Values(alterations)) => match alterations.as_slice() {
            [only] => match &only.operation {
                Operation::Set(value) => format!("{value:?}"),
                other => format!("{other:?}"),
            },
            several => format!("{several:?}"),
        },
        Mend::ByHand(why) => format!("by hand: {why}"),
        other => format!("{other:?}"),
    };
    (instance.verdict, mend)
}

/// A configuration, the node's address and its origin, its interfaces, the verdict, part of the mend.
type Case<'a> = (
    &'a str,
    Option<(&'a str, Origin)>,
    Option<&'a [&'a str]>,
    Verdict,
    &'a str,
);

fn each(id: &str, cases: &[Case]) {
    for (config, node_ip, local, verdict, said) in cases {
        let (found, mend) = judged(id, &facts(config, node_ip.clone(), *local));
        assert!(
            found == *verdict && mend.contains(said),
            "{config} {node_ip:?} {local:?}: {found:?} {mend}"
        );
    }
}

const LOCAL: Option<&[&str]> = Some(&["127.0.0.1", "::1", "10.0.0.10", "10.0.0.20", "fd00::10"]);

fn told() -> Origin {
    Origin::flag(None)
}

fn kubelet() -> Origin {
    Origin::at(OriginKind::File, &path("/etc/default/kubelet"), Some(1))
}

#[test]
fn a_chosen_bind_address_is_never_overruled_by_a_guess() {
    use Verdict::{Fail, Pass, Unknown};
    each(
        "bind-address-wildcard",
        &[
            (
                "bindAddress: 10.0.0.20",
                Some(("10.0.0.10", KERNEL)),
                LOCAL,
                Pass,
                "",
            ),
            (
                "bindAddress: fd00::10",
                Some(("10.0.0.10", KERNEL)),
                LOCAL,
                Pass,
                "",
            ),
            (
                "bindAddress: 10.0.0.99",
                Some(("10.0.0.10", KERNEL)),
                LOCAL,
                Pass,
                "no interface",
            ),
            (
                "bindAddress: 10.0.0.20",
                Some(("10.0.0.10", told())),
                LOCAL,
                Fail,
                "10.0.0.10",
            ),
            (
                "bindAddress: fd00::10",
                Some(("10.0.0.10", told())),
                LOCAL,
                Unknown,
                "yours to say",
            ),
            (
                "bindAddress: 127.0.0.1",
                Some(("10.0.0.10", KERNEL)),
                LOCAL,
                Fail,
                "Text",
            ),
            (
                "bindAddress: ::1",
                Some(("10.0.0.10", KERNEL)),
                LOCAL,
                Fail,
                "by hand",
            ),
        ],
    );
}

#[test]
fn a_guess_does_not_choose_the_family_either() {
    use Verdict::Fail;
    each(
        "bind-address-wildcard",
        &[
            ("", Some(("10.0.0.10", KERNEL)), LOCAL, Fail, "Text"),
            ("", Some(("fd00::10", KERNEL)), LOCAL, Fail, "by hand"),
            ("", Some(("fd00::10", kubelet())), LOCAL, Fail, "Text"),
            (
                "bindAddress: '::'",
                Some(("10.0.0.10", told())),
                LOCAL,
                Fail,
                "by hand",
            ),
            (
                "clusterCIDR: 10.2.0.0/16",
                Some(("fd00::10", told())),
                LOCAL,
                Fail,
                "clusterCIDR",
            ),
        ],
    );
}

#[test]
fn an_address_that_the_node_lacks_is_never_written() {
    use Verdict::Fail;
    for id in ["bind-address-wildcard", "healthz-exposed"] {
        each(
            id,
            &[
                (
                    "",
                    Some(("10.0.0.99", told())),
                    LOCAL,
                    Fail,
                    "not an address of this node",
                ),
                (
                    "",
                    Some(("10.0.0.99", kubelet())),
                    LOCAL,
                    Fail,
                    "not an address of this node",
                ),
                ("", Some(("10.0.0.20", told())), LOCAL, Fail, "Text"),
                ("", Some(("10.0.0.99", told())), None, Fail, "Text"),
            ],
        );
    }
}

#[test]
fn hard_failure_waits_until_every_address_is_sure() {
    use Verdict::Fail;
    let cases: &[Case] = &[
        ("", None, LOCAL, Fail, "Bool(true)"),
        ("", None, None, Fail, "Bool(true)"),
        ("", Some(("10.0.0.10", told())), LOCAL, Fail, "Bool(true)"),
        // Not on the node, so it is not written to healthzBindAddress either.
        ("", Some(("10.0.0.99", told())), LOCAL, Fail, "Bool(true)"),
        (
            "",
            Some(("10.0.0.10", told())),
            None,
            Fail,
            "may be changed to 10.0.0.10",
        ),
        ("", Some(("10.0.0.10", kubelet())), None, Fail, "Bool(true)"),
        (
            "healthzBindAddress: 10.0.0.20",
            None,
            LOCAL,
            Fail,
            "Bool(true)",
        ),
        (
            "healthzBindAddress: 10.0.0.99",
            None,
            LOCAL,
            Fail,
            "does not have",
        ),
        (
            "healthzBindAddress: 10.0.0.20",
            None,
            None,
            Fail,
            "does not tell",
        ),
        (
            "metricsBindAddress: '[fd00::10]:1'",
            None,
            LOCAL,
            Fail,
            "Bool(true)",
        ),
        (
            "metricsBindAddress: 127.0.0.9",
            None,
            LOCAL,
            Fail,
            "Bool(true)",
        ),
        // A node without IPv6 has no ::1.
        (
            "metricsBindAddress: ::1",
            None,
            Some(&["127.0.0.1"]),
            Fail,
            "does not have",
        ),
    ];
    each("bind-failure-ignored", cases);
}

#[test]
fn node_ports_of_the_other_family_are_open_where_the_node_has_it() {
    use Verdict::{Fail, Pass};
    each(
        "node-ports-on-all-addresses",
        &[
            (
                "nodePortAddresses: [10.0.0.0/8]",
                None,
                LOCAL,
                Fail,
                "fd00::10",
            ),
            (
                "nodePortAddresses: [10.0.0.0/8]",
                None,
                Some(&["10.0.0.1", "fe80::1"]),
                Pass,
                "",
            ),
            (
                "nodePortAddresses: [10.0.0.0/8]",
                None,
                None,
                Pass,
                "IPv6 stays open",
            ),
            (
                "nodePortAddresses: ['fd00::/8']",
                None,
                None,
                Pass,
                "IPv4 stays open",
            ),
            ("nodePortAddresses: [0.0.0.0/0]", None, LOCAL, Fail, "List"),
            ("mode: nftables", None, LOCAL, Pass, ""),
            (
                "mode: nftables\nbindAddress: 127.0.0.1",
                None,
                LOCAL,
                Fail,
                "mend bindAddress",
            ),
        ],
    );
}

#[test]
fn an_old_kube_proxy_does_not_know_primary() {
    for (config, said) in [
        ("nodePortAddresses: [primary]", "does not start"),
        ("mode: nftables", "needs kube-proxy 1.31"),
    ] {
        let mut facts = facts(config, None, None);
        facts.proxy.version = Some("1.30.9".into());
        let (verdict, why) = judged("node-ports-on-all-addresses", &facts);
        assert_eq!(verdict, Verdict::Fail, "{config}");
        assert!(why.contains(said), "{config}: {why}");
        facts.proxy.version = None;
        let (verdict, _) = judged("node-ports-on-all-addresses", &facts);
        assert_eq!(verdict, Verdict::Pass, "{config}");
    }
}
