//! Rules never panic, whatever a log holds, and what they say is bounded and printable.

use proptest::prelude::*;

use super::*;
use crate::unusual::OwnNode;

/// Texts that rules look for, and any others.
fn text(likely: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => proptest::sample::select(likely).prop_map(|text| json!(text)),
        1 => any::<String>().prop_map(|text| json!(text)),
        1 => proptest::sample::select(vec![json!(null), json!(7), json!([]), json!({})]),
    ]
}

fn changed() -> impl Strategy<Value = Value> {
    let resources = &["services", "secrets", "pods", "events", "nodes", "*", ""];
    let groups = &[
        "",
        "authentication.k8s.io",
        "events.k8s.io",
        "rbac.authorization.k8s.io",
    ];
    let addresses = &[
        "10.0.0.1",
        "10.0.0.2",
        "::1",
        "fd00::1",
        "::ffff:10.0.0.1",
        "x",
        "",
    ];
    let times = &[
        "2026-11-23T12:00:00Z",
        "2026-11-23T12:00:01.5Z",
        "1970-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
    ];
    let who = (
        text(&[PROXY, "system:kube-proxy", "alice", ""]),
        text(&[PROXY, "alice"]),
        text(addresses),
        text(&["kube-proxy/v1", "curl", ""]),
        text(&["JTI=a", "JTI=b", "X509SHA256=c"]),
        text(&["node1", "node2"]),
    );
    let what = (
        text(&["get", "list", "create", "post", ""]),
        text(resources),
        text(groups),
        text(&["", "exec", "token"]),
        text(&["/version", "/x", "?", ""]),
        any::<u16>().prop_map(|code| [200, 401, 403, code][usize::from(code % 4)]),
    );
    let when = (
        text(&["ResponseStarted", "ResponseComplete", "Panic", "Later"]),
        text(&["a", "b", "c"]),
        text(times),
        text(times),
    );
    (who, what, when).prop_map(|(who, what, when)| {
        let mut event = event(&[
            ("/user/username", who.0),
            ("/sourceIPs", json!([who.2])),
            ("/userAgent", who.3),
            (
                "/user/extra",
                json!({
                    "authentication.kubernetes.io/credential-id": [who.4],
                    "authentication.kubernetes.io/node-name": [who.5],
                }),
            ),
            ("/verb", what.0),
            (
                "/objectRef",
                json!({"resource": what.1, "apiGroup": what.2, "subresource": what.3}),
            ),
            ("/requestURI", what.4),
            ("/responseStatus/code", json!(what.5)),
            ("/stage", when.0),
            ("/auditID", when.1),
            ("/requestReceivedTimestamp", when.2),
            ("/stageTimestamp", when.3),
        ]);
        if what.5 % 2 == 1 {
            event["impersonatedUser"] = json!({"username": who.1});
        }
        event
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_log_makes_them_panic(
        events in proptest::collection::vec(changed(), 0..60),
        garbage in proptest::collection::vec(any::<u8>(), 0..40),
        addresses in any::<bool>(),
    ) {
        let known = Known {
            addresses: addresses.then(|| vec!["10.0.0.1".parse().unwrap()]),
            node: Some(OwnNode { name: "node1".into(), addresses: vec!["fd00::1".parse().unwrap()] }),
            ..known()
        };
        let mut log = lines(&events);
        log.extend(garbage);
        let rules = Rules::load(&[]).unwrap();
        let found = judged_by(&rules, known, log);
        for unusual in &found.unusual {
            let first = unusual.first.iter().flat_map(|first| [&first.what, &first.audit_id]);
            for said in first.chain([&unusual.observed]) {
                prop_assert!(said.len() < 20_000);
                prop_assert!(!said.contains(|c: char| c.is_control()), "{said:?}");
            }
            prop_assert!(unusual.requests <= unusual.events);
            prop_assert!(unusual.rule == "silence" || unusual.first.is_some());
        }
        for pair in found.unusual.windows(2) {
            prop_assert!((pair[0].severity, pair[0].events) >= (pair[1].severity, pair[1].events));
        }
    }

    #[test]
    fn clients_that_are_known_again_are_judged_as_if_they_were_new(
        events in proptest::collection::vec(changed(), 0..30),
    ) {
        let again: Vec<Value> = events.iter().chain(&events).cloned().collect();
        for known in [known(), known_without_addresses()] {
            // No client is known again where fields stand elsewhere.
            let rules = Rules::load(&[]).unwrap();
            let found = judged_by(&rules, known.clone(), lines(&again));
            let expected = judged_by(&rules, known, lines_in_disorder(&again));
            prop_assert_eq!(found, expected);
        }
    }
}
