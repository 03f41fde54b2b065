//! `two-addresses`: one credential within five minutes.

use super::*;

const CREDENTIAL: &str = "authentication.kubernetes.io/credential-id";
const POD: &str = "authentication.kubernetes.io/pod-uid";
const NODE: &str = "authentication.kubernetes.io/node-name";

fn used(extra: &[(&str, &str)], address: &str, second: u32) -> Value {
    let extra: serde_json::Map<String, Value> = extra
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!([value])))
        .collect();
    let changes = [
        ("/user/extra", json!(extra)),
        ("/sourceIPs", json!([address])),
    ];
    at(event(&changes), second)
}

fn token(address: &str, second: u32) -> Value {
    used(&[(CREDENTIAL, "JTI=6029b5a5")], address, second)
}

fn found(known: Known, events: &[Value]) -> Vec<(String, u64, u64)> {
    counts(&judged(known, lines(events)))
}

fn two(events: u64) -> Vec<(String, u64, u64)> {
    vec![("two-addresses".into(), events, events)]
}

#[test]
fn a_token_from_two_addresses_at_once_is_told_even_between_nodes() {
    let events = [token("10.0.0.1", 0), token("10.0.0.2", 300)];
    assert_eq!(found(known(), &events), two(1));
    let unusual = one(judged(known(), lines(&events)));
    assert_eq!(
        unusual.observed,
        format!("JTI=6029b5a5 from 10.0.0.1 and 10.0.0.2, as {PROXY}, from 10.0.0.2")
    );
    assert_eq!(unusual.first.unwrap().place.line, 2);
    // A second later it is no longer at once.
    assert_eq!(
        found(known(), &[token("10.0.0.1", 0), token("10.0.0.2", 301)]),
        []
    );
    // To and fro each one counts.
    let to_and_fro = [
        token("10.0.0.1", 0),
        token("10.0.0.2", 10),
        token("10.0.0.1", 20),
        token("10.0.0.2", 30),
    ];
    assert_eq!(found(known(), &to_and_fro), two(3));
    assert_eq!(found(known_without_addresses(), &to_and_fro), two(3));
}

#[test]
fn other_tokens_and_the_same_address_are_as_usual() {
    let other = |address, second| used(&[(CREDENTIAL, "JTI=another")], address, second);
    assert_eq!(
        found(known(), &[token("10.0.0.1", 0), other("10.0.0.2", 0)]),
        []
    );
    assert_eq!(
        found(known(), &[token("10.0.0.1", 0), token("10.0.0.1", 1)]),
        []
    );
    assert_eq!(
        found(
            known(),
            &[token("10.0.0.1", 0), token("::ffff:10.0.0.1", 1)]
        ),
        []
    );
}

#[test]
fn a_node_of_both_families_is_in_one_place() {
    let six = || Known {
        addresses: Some(vec![
            "10.0.0.0/24".parse().unwrap(),
            "fd00::/64".parse().unwrap(),
        ]),
        ..known()
    };
    let both = [
        token("10.0.0.1", 0),
        token("fd00::1", 1),
        token("10.0.0.1", 2),
        token("fd00::1", 3),
    ];
    assert_eq!(found(six(), &both), []);
    assert_eq!(
        found(
            six(),
            &[
                token("10.0.0.1", 0),
                token("fd00::1", 1),
                token("fd00::2", 2)
            ]
        ),
        two(1)
    );
}

#[test]
fn the_end_of_a_watch_tells_nothing_of_where_its_token_is() {
    // Asked at noon, ended when the node had another address already.
    let mut watch = token("10.0.0.1", 0);
    watch["stage"] = json!("ResponseComplete");
    watch["stageTimestamp"] = json!("2026-11-23T12:09:00.000000Z");
    assert_eq!(found(known(), &[token("10.0.0.2", 540), watch]), []);
}

#[test]
fn a_certificate_may_be_on_all_nodes_and_nowhere_else() {
    let certificate = |address, second| used(&[(CREDENTIAL, "X509SHA256=aa")], address, second);
    let nodes = [
        certificate("10.0.0.1", 0),
        certificate("10.0.0.2", 1),
        certificate("10.0.0.3", 2),
    ];
    assert_eq!(found(known(), &nodes), []);
    let stolen = [certificate("10.0.0.1", 0), certificate("203.0.113.9", 1)];
    assert_eq!(
        found(known(), &stolen),
        [
            ("foreign-address".into(), 1, 1),
            ("two-addresses".into(), 1, 1)
        ]
    );
    // Nobody says that they are nodes.
    assert_eq!(found(known_without_addresses(), &nodes), two(2));
}

#[test]
fn without_an_id_the_pod_stands_for_the_token() {
    let pod = |pod, address, second| used(&[(POD, pod)], address, second);
    assert_eq!(
        found(
            known(),
            &[pod("p1", "10.0.0.1", 0), pod("p1", "10.0.0.2", 1)]
        ),
        two(1)
    );
    assert_eq!(
        found(
            known(),
            &[pod("p1", "10.0.0.1", 0), pod("p2", "10.0.0.2", 1)]
        ),
        []
    );
}

#[test]
fn two_tokens_of_one_node_are_in_one_place_too() {
    let of = |id, address, second| used(&[(CREDENTIAL, id), (NODE, "node1")], address, second);
    let events = [of("JTI=old", "10.0.0.1", 0), of("JTI=new", "10.0.0.2", 1)];
    let unusual = one(judged(known_without_addresses(), lines(&events)));
    assert!(
        unusual.observed.starts_with(
            "tokens of the node node1, the last one JTI=new, from 10.0.0.1 and 10.0.0.2"
        ),
        "{}",
        unusual.observed
    );
    // One of them in both places says more than the last one does.
    let events = [
        of("JTI=one", "10.0.0.1", 0),
        of("JTI=two", "10.0.0.2", 1),
        of("JTI=one", "10.0.0.3", 2),
    ];
    let unusual = one(judged(known_without_addresses(), lines(&events)));
    assert_eq!(unusual.events, 2);
    let told = "JTI=one from 10.0.0.1 and 10.0.0.3";
    assert!(unusual.observed.contains(told), "{}", unusual.observed);
    assert_eq!(
        found(
            known(),
            &[of("JTI=old", "10.0.0.1", 0), of("JTI=new", "10.0.0.1", 1)]
        ),
        []
    );
}

#[test]
fn a_cluster_of_five_thousand_nodes_has_room() {
    let line = used(&[(CREDENTIAL, "JTI=ID"), (NODE, "nodeID")], "10.0.0.1", 0).to_string();
    let of = |number: usize| line.replace("ID", &number.to_string());
    let all: Vec<String> = (0..5000).map(of).collect();
    let log = format!("{}\n", all.join("\n")).into_bytes();
    let outcome = judged(known_without_addresses(), log);
    assert_eq!(counts(&outcome), []);
    assert_eq!(outcome.not_judged.len(), 1, "{:?}", outcome.not_judged);
    assert_eq!(outcome.not_judged[0].rule, "foreign-address");
}

#[test]
fn where_the_user_alone_is_known_the_nodes_have_to_be_known_too() {
    let nameless = |address, second| used(&[], address, second);
    let nodes = [nameless("10.0.0.1", 0), nameless("10.0.0.2", 1)];
    assert_eq!(found(known(), &nodes), []);
    let outcome = judged(known_without_addresses(), lines(&nodes));
    assert_eq!(outcome.unusual, []);
    let unjudged = outcome
        .not_judged
        .iter()
        .find(|held| held.rule == "two-addresses");
    assert!(
        unjudged
            .unwrap()
            .reason
            .starts_with("events that do not say with which credential")
    );
    let stolen = [nameless("10.0.0.1", 0), nameless("203.0.113.9", 1)];
    assert_eq!(
        found(known(), &stolen),
        [
            ("foreign-address".into(), 1, 1),
            ("two-addresses".into(), 1, 1)
        ]
    );
}

#[test]
fn more_tokens_than_are_held_are_forgotten_when_they_are_old_and_told_when_they_are_not() {
    let line = used(&[(CREDENTIAL, "JTI=ID")], "10.0.0.1", 0).to_string();
    let many = |seconds: u32| -> Vec<u8> {
        let one = |number: u32| {
            let second = number * seconds / 20_000;
            let time = format!("12:{:02}:{:02}", second / 60, second % 60);
            let line = line.replace("12:00:00", &time);
            line.replace("JTI=ID", &format!("JTI={number}"))
        };
        let all: Vec<String> = (0..20_000).map(one).collect();
        let mut log = format!("{}\n", all.join("\n")).into_bytes();
        let last = used(&[(CREDENTIAL, "JTI=19999")], "10.0.0.2", seconds);
        log.extend(lines(&[last]));
        log
    };
    // Within an hour the tokens of each last five minutes have room.
    let outcome = judged(known(), many(3500));
    assert_eq!(counts(&outcome), two(1));
    assert_eq!(outcome.not_judged, []);
    // Within a minute they have not.
    let outcome = judged(known(), many(60));
    assert_eq!(outcome.not_judged.len(), 1);
    assert!(
        outcome.not_judged[0]
            .reason
            .contains("with more credentials of none, at once")
    );
}
