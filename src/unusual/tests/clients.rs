//! Who asks from where: `address`, `user-agent`, `impersonation`, and lines that are no events.

use super::*;
use crate::auditlog::block::Placed;
use crate::auditlog::caller::Caller;
use crate::auditlog::event::Event;
use crate::auditlog::order::Place;
use crate::auditlog::who::Standing;
use crate::unusual::{NotJudged, OwnNode};

fn from(address: &str) -> Value {
    event(&[("/sourceIPs", json!([address]))])
}

fn rules_of(known: Known, events: &[Value]) -> Vec<String> {
    let found = judged(known, lines(events)).unusual;
    found.into_iter().map(|found| found.rule).collect()
}

#[test]
fn an_address_that_is_no_nodes_is_told() {
    assert_eq!(
        breaks(&[("/sourceIPs", json!(["203.0.113.9"]))]),
        ["foreign-address"]
    );
    assert_eq!(
        breaks(&[("/sourceIPs", json!(["10.0.1.0"]))]),
        ["foreign-address"]
    );
    assert_eq!(breaks(&[("/sourceIPs", json!(["10.0.0.255"]))]), [""; 0]);
    assert_eq!(
        breaks(&[("/sourceIPs", json!(["::ffff:10.0.0.7"]))]),
        [""; 0]
    );
    // What stands before the last is what the client says.
    assert_eq!(
        breaks(&[("/sourceIPs", json!(["10.0.0.1", "203.0.113.9"]))]),
        ["foreign-address"]
    );
    assert_eq!(
        breaks(&[("/sourceIPs", json!(["203.0.113.9", "10.0.0.1"]))]),
        [""; 0]
    );
}

#[test]
fn loopback_is_the_nodes_only_where_the_api_server_runs_on_it() {
    assert_eq!(rules_of(known(), &[from("127.0.0.1")]), ["foreign-address"]);
    let beside = || Known {
        loopback: true,
        ..known()
    };
    assert_eq!(
        rules_of(beside(), &[from("127.0.0.1"), from("::1")]),
        [""; 0]
    );
    assert_eq!(
        rules_of(beside(), &[from("128.0.0.1")]),
        ["foreign-address"]
    );
}

#[test]
fn without_addresses_nothing_is_told_but_that_it_could_not_be_judged() {
    let found = judged(known_without_addresses(), lines(&[from("203.0.113.9")]));
    assert_eq!(found.unusual, []);
    let rules: Vec<&str> = found
        .not_judged
        .iter()
        .map(|held| held.rule.as_str())
        .collect();
    assert_eq!(rules, ["foreign-address", "two-addresses"]);
    assert!(found.not_judged[0].help.contains("--node-address"));
    let found = judged(known(), lines(&[from("10.0.0.1")]));
    assert_eq!(found.not_judged, []);
}

#[test]
fn events_without_an_address_are_said_to_be_unjudged() {
    let found = judged(known(), lines(&[event(&[("/sourceIPs", json!([]))])]));
    assert_eq!(found.unusual, []);
    let NotJudged { rule, reason, .. } = &found.not_judged[0];
    assert_eq!(rule, "foreign-address");
    assert_eq!(
        reason,
        "events that do not say from which address they came: 1"
    );
}

#[test]
fn a_token_of_the_own_node_comes_from_it_alone() {
    let own = || Known {
        node: Some(OwnNode {
            name: "node1".into(),
            addresses: vec!["10.0.0.1".parse().unwrap()],
        }),
        ..known()
    };
    let of = |node: &str, address: &str| {
        let extra = json!({"authentication.kubernetes.io/node-name": [node]});
        event(&[("/user/extra", extra), ("/sourceIPs", json!([address]))])
    };
    assert_eq!(
        rules_of(own(), &[of("node1", "10.0.0.2")]),
        ["foreign-address"]
    );
    assert_eq!(rules_of(own(), &[of("node1", "10.0.0.1")]), [""; 0]);
    assert_eq!(rules_of(own(), &[of("node2", "10.0.0.2")]), [""; 0]);
    // Where the range of all nodes is not known, too.
    let alone = || Known {
        addresses: None,
        ..own()
    };
    assert_eq!(
        rules_of(alone(), &[of("node1", "10.0.0.2")]),
        ["foreign-address"]
    );
}

#[test]
fn another_user_agent_or_none_is_told() {
    assert_eq!(
        breaks(&[("/userAgent", json!("kubectl/v1.36.0"))]),
        ["foreign-user-agent"]
    );
    assert_eq!(
        breaks(&[("/userAgent", json!("Kube-Proxy/v1"))]),
        ["foreign-user-agent"]
    );
    assert_eq!(
        breaks(&[("/userAgent", json!("kube-proxy"))]),
        ["foreign-user-agent"]
    );
    assert_eq!(
        breaks(&[("/userAgent", json!("xkube-proxy/v1"))]),
        ["foreign-user-agent"]
    );
    assert_eq!(
        breaks(&[("/userAgent", Value::Null)]),
        ["foreign-user-agent"]
    );
    for own in [
        "kube-proxy/",
        "k3s/v1.33.1+k3s1",
        "kubelite/v1.33.0",
        "hyperkube/v1.18.0",
    ] {
        assert_eq!(breaks(&[("/userAgent", json!(own))]), [""; 0], "{own}");
    }
}

#[test]
fn what_a_client_calls_itself_stays_printable_and_short() {
    let agent = format!("curl\u{1b}[31m\n{}", "x".repeat(100_000));
    let audit_id = "y".repeat(100_000);
    let changes = [("/userAgent", json!(agent)), ("/auditID", json!(audit_id))];
    let found = one(judged(known(), lines(&[event(&changes)])));
    let first = found.first.unwrap();
    for text in [&found.observed, &first.what, &first.audit_id] {
        assert!(text.len() < 500, "{text}");
        assert!(!text.contains(|c: char| c.is_control()), "{text:?}");
    }
    assert!(
        found.observed.starts_with("curl\\u{1b}[31m\\nxxx"),
        "{}",
        found.observed
    );
}

#[test]
fn acting_as_somebody_else_is_told_in_both_directions() {
    let admin = json!({"username": "kubernetes-admin", "groups": ["system:masters"]});
    let posed = event(&[
        ("/user", admin.clone()),
        ("/impersonatedUser", json!({"username": PROXY})),
        ("/sourceIPs", json!(["203.0.113.9"])),
        ("/userAgent", json!("kubectl/v1")),
    ]);
    // The client is another one, so that its address and user agent say nothing of kube-proxy.
    let found = one(judged(known(), lines(std::slice::from_ref(&posed))));
    assert_eq!(found.rule, "impersonation");
    assert_eq!(
        found.observed,
        format!("list services (200) posing as {PROXY}, as kubernetes-admin, from 203.0.113.9")
    );
    // What it does as kube-proxy counts as if kube-proxy did it.
    let mut reads = posed;
    reads["objectRef"]["resource"] = json!("secrets");
    assert_eq!(
        rules_of(known(), &[reads]),
        ["credential-asked", "impersonation"]
    );
    let changes = [("/impersonatedUser", json!({"username": "system:masters"}))];
    assert_eq!(breaks(&changes), ["impersonation"]);
    assert_eq!(breaks(&[("/impersonatedUser", Value::Null)]), [""; 0]);
    // As somebody else, and by somebody else.
    let other = event(&[
        ("/user", admin),
        ("/impersonatedUser", json!({"username": "alice"})),
    ]);
    assert_eq!(broken(&[other]), []);
}

#[test]
fn lines_that_are_no_events_are_told_with_the_first_place() {
    let mut log = lines(&[event(&[])]);
    let offset = log.len() as u64;
    log.extend_from_slice(b"{\"kind\":\"Event\",\n\n[1]\nnot json\n");
    log.extend(lines(&[event(&[])]));
    let found = one(judged(known(), log));
    assert_eq!(found.rule, "unreadable-lines");
    assert_eq!((found.events, found.requests), (3, 0));
    assert_eq!(
        found.observed,
        "3 lines are no event, the first: cut off in the middle"
    );
    let place = found.first.unwrap().place;
    assert_eq!((place.line, place.offset), (2, offset));
    assert_eq!(judged(known(), lines(&[event(&[])])).unusual, []);
}

/// Sees one event, and tells which rules are news.
fn news(judge: &mut Judge, standing: Standing, event: &Value) -> Vec<String> {
    let line = event.to_string();
    let (event, ids) = (Event::read(line.as_bytes()).unwrap(), Ids::default());
    let placed = Placed {
        standing,
        caller: Caller::of(&event, &ids),
        asked: event.asked(&ids),
        event,
        line: 0,
        at: 0,
    };
    let place = Place {
        file: 0,
        line: 1,
        offset: 0,
    };
    judge.see(&[placed], place);
    let news = judge.news();
    news.into_iter().map(|found| found.rule).collect()
}

#[test]
fn a_rule_is_news_once() {
    let mut judge = Judge::new(&Rules::load(&[]).unwrap(), known());
    let mut see = |event: &Value| news(&mut judge, Standing::Theirs, event);
    assert_eq!(see(&event(&[])), [""; 0]);
    let mut secrets = asks("list", "secrets", "", "", "");
    assert_eq!(see(&secrets), ["credential-asked"]);
    assert_eq!(see(&secrets), [""; 0]);
    secrets["userAgent"] = json!("curl/8");
    assert_eq!(see(&secrets), ["foreign-user-agent"]);
    assert_eq!(judge.finish(&End::default()).unusual.len(), 2);
}

#[test]
fn what_others_do_is_not_judged_even_when_their_events_are_asked_for() {
    let mut judge = Judge::new(&Rules::load(&[]).unwrap(), known());
    let mut secrets = asks("list", "secrets", "", "", "");
    secrets["user"]["username"] = json!("alice");
    assert_eq!(news(&mut judge, Standing::Theirs, &secrets), [""; 0]);
    secrets["impersonatedUser"] = json!({"username": "bob"});
    assert_eq!(news(&mut judge, Standing::Posed, &secrets), [""; 0]);
    secrets["impersonatedUser"]["username"] = json!("system:kube-proxy");
    assert_eq!(
        news(&mut judge, Standing::Posed, &secrets),
        ["credential-asked", "impersonation"]
    );
}

#[test]
fn who_kube_proxy_is_comes_from_the_baseline() {
    let known = known();
    let users: Vec<&str> = known
        .identities
        .iter()
        .map(|(user, _)| user.as_str())
        .collect();
    assert_eq!(users, ["system:kube-proxy", PROXY]);
    assert_eq!(known.requests.len(), 34);
    let failure = Known::of(&[]).unwrap_err();
    assert!(failure.help.unwrap().contains("audit-requests"));
}
