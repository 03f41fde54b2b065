use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

fn ranges(texts: &[&str]) -> Vec<IpNetwork> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// What nft 1.0.6 lists of the ruleset of `GUARDED`.
const LISTED: &str = r##"{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}}, {"table": {"family": "inet", "name": "tighten", "handle": 5}}, {"set": {"family": "inet", "name": "allowed4", "table": "tighten", "type": "ipv4_addr", "handle": 2, "flags": ["interval"], "elem": [{"prefix": {"addr": "10.0.0.0", "len": 8}}, "192.0.2.1"]}}, {"set": {"family": "inet", "name": "allowed6", "table": "tighten", "type": "ipv6_addr", "handle": 3, "flags": ["interval"]}}, {"chain": {"family": "inet", "table": "tighten", "name": "input", "handle": 1, "type": "filter", "hook": "input", "prio": -10, "policy": "accept"}}, {"rule": {"family": "inet", "table": "tighten", "chain": "input", "handle": 4, "expr": [{"match": {"op": "==", "left": {"meta": {"key": "iif"}}, "right": "lo"}}, {"accept": null}]}}, {"rule": {"family": "inet", "table": "tighten", "chain": "input", "handle": 5, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 10249}}, {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@allowed4"}}, {"accept": null}]}}, {"rule": {"family": "inet", "table": "tighten", "chain": "input", "handle": 6, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 10249}}, {"match": {"op": "==", "left": {"payload": {"protocol": "ip6", "field": "saddr"}}, "right": "@allowed6"}}, {"accept": null}]}}, {"rule": {"family": "inet", "table": "tighten", "chain": "input", "handle": 7, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 10249}}, {"drop": null}]}}]}"##;

fn guarded() -> Ruleset {
    Ruleset::new([10249], ranges(&["10.0.0.0/8", "192.0.2.1"]))
}

#[test]
fn the_file_is_read_again_as_it_was_written_and_no_other_is() {
    for ruleset in [
        Ruleset::new([], []),
        guarded(),
        Ruleset::new(
            [10256, 10249],
            ranges(&["fd00::/64", "10.0.0.5", "2001:db8::7"]),
        ),
    ] {
        assert_eq!(Ruleset::parse(&ruleset.text()).unwrap(), ruleset);
    }
    let text = guarded().text();
    for (from, to) in [
        ("policy accept", "policy drop"),
        ("tcp dport 10249 drop", "tcp dport 10249 accept"),
        ("10.0.0.0/8", "10.0.0.1/8"),
        ("iif \"lo\" accept\n", ""),
        ("delete table inet tighten", "flush ruleset"),
    ] {
        assert!(text.contains(from), "{from}");
        assert!(Ruleset::parse(&text.replace(from, to)).is_err(), "{to}");
    }
    for other in ["", "table inet tighten {}\n", &text.repeat(2)] {
        assert!(Ruleset::parse(other).is_err(), "{other}");
    }
}

#[test]
fn what_nft_lists_is_known_again_and_what_was_changed_by_hand_is_not() {
    assert_eq!(listed(LISTED).unwrap(), guarded());
    assert_eq!(listed(&format!("a warning\n{LISTED}")).unwrap(), guarded());
    let drop = r#"{"drop": null}"#;
    for (from, to) in [
        (r#""prio": -10"#, r#""prio": 10"#),
        (r#""policy": "accept""#, r#""policy": "drop""#),
        (r#""hook": "input""#, r#""hook": "forward""#),
        (drop, r#"{"accept": null}"#),
        (r#""right": "lo""#, r#""right": "eth0""#),
        (r#""op": "==""#, r#""op": "!=""#),
        (
            r#"{"accept": null}"#,
            r#"{"counter": null}, {"accept": null}"#,
        ),
        ("\"@allowed4\"", "\"@allowed6\""),
        (r#""name": "tighten""#, r#""name": "other""#),
        (
            r#", "handle": 5}}"#,
            r#", "handle": 5, "flags": ["dormant"]}}"#,
        ),
        ("192.0.2.1", "192.0.2.1-192.0.2.9"),
        ("nftables", "other"),
    ] {
        assert!(LISTED.contains(from), "{from}");
        assert!(listed(&LISTED.replacen(from, to, 1)).is_err(), "{to}");
    }
    for broken in ["", "{", "{}", "[]", "null", LISTED.get(..900).unwrap()] {
        assert!(listed(broken).is_err(), "{broken}");
    }
}

#[test]
fn a_range_within_another_is_left_out_and_each_is_named_by_its_first_address() {
    let given = [
        "10.1.0.0/16",
        "10.9.8.7/8",
        "10.0.0.0/8",
        "fd00::1",
        "fd00::9/64",
    ];
    let ruleset = Ruleset::new([1], ranges(&given));
    let shown: Vec<String> = ruleset.allowed().iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["10.0.0.0/8", "fd00::/64"]);
}

/// Few bits, so that ranges meet.
fn address() -> impl Strategy<Value = IpAddr> {
    (any::<bool>(), 0_u8..8, 0_u8..8).prop_map(|(ipv4, high, low)| match ipv4 {
        true => IpAddr::from([10, high << 5, 0, low]),
        false => IpAddr::from([0xfd00, 0, 0, u16::from(high) << 13, 0, 0, 0, u16::from(low)]),
    })
}

fn range() -> impl Strategy<Value = IpNetwork> {
    (address(), 1_u8..=32, 1_u8..=128).prop_map(|(address, four, six)| {
        let length = if address.is_ipv4() { four } else { six };
        format!("{address}/{length}").parse().unwrap()
    })
}

proptest! {
    #[test]
    fn who_is_allowed_is_who_was_named_and_no_range_lies_within_another(
        named in prop::collection::vec(range(), 0..12),
        ports in prop::collection::btree_set(any::<u16>(), 0..4),
        asked in prop::collection::vec(address(), 1..24),
    ) {
        let ruleset = Ruleset::new(ports.clone(), named.clone());
        for address in asked {
            let naive = named.iter().any(|range| range.contains(address));
            let found = ruleset.allowed().iter().filter(|range| range.contains(address)).count();
            // Twice would be a range within another, which nft refuses.
            prop_assert_eq!(found, usize::from(naive), "{} in {:?}", address, named);
        }
        prop_assert!(ports.iter().all(|port| ruleset.guards(*port)));
        prop_assert_eq!(Ruleset::parse(&ruleset.text()), Ok(ruleset));
    }
}
