//! No event of kube-proxy, and what the audit policy has to do with it.

use super::*;
use crate::unusual::{Heard, Kind, PolicyFile, Silent};

const LOGS: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n";
const HIDES: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n  users: [alice]\n- level: None\n  verbs: [list, watch, get]\n- level: Metadata\n  omitStages: [RequestReceived, ResponseStarted, ResponseComplete]\n";
const HIDES_ONE: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n  users: [system:kube-proxy]\n- level: None\n";
const HIDES_WATCHES: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None\n  verbs: [watch]\n- level: Metadata\n";

/// What the built-in rule, 15 minutes, says of a log from noon on.
fn said(heard: Heard, seconds: Option<u64>, policy: Option<&str>) -> Option<Silent> {
    let rules = Rules::load(&[]).unwrap().rules;
    let silence = rules.iter().find_map(|rule| match &rule.unusual {
        Kind::Silence(silence) => Some(silence.clone()),
        _ => None,
    });
    let end = End {
        log_first: seconds.map(|_| noon(0)),
        log_last: seconds.map(noon),
        policy: policy.map(|text| PolicyFile {
            path: "/etc/p.yaml",
            bytes: text.as_bytes(),
        }),
        ..End::default()
    };
    silence.unwrap().judge(&known(), heard, &end)
}

fn unusual(policy: Option<&str>, seconds: u64) -> String {
    match said(Heard::Never, Some(seconds), policy) {
        Some(Silent::Unusual(observed)) => observed,
        other => panic!("{other:?}"),
    }
}

fn not_judged(policy: Option<&str>, seconds: Option<u64>) -> String {
    match said(Heard::Never, seconds, policy) {
        Some(Silent::NotJudged(reason)) => reason.reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_policy_that_hides_everything_is_told_with_its_rules_however_short_the_log() {
    let expected = "by /etc/p.yaml, 34 of 34 requests of kube-proxy are not logged: rules[1] in line 6 has level None (list services, watch services, list endpoints and 8 more as system:kube-proxy; list services, watch services, list endpoints and 8 more as system:serviceaccount:kube-system:kube-proxy), rules[2] in line 8 leaves out every stage (create events, patch events, update events and 3 more as system:kube-proxy; create events, patch events, update events and 3 more as system:serviceaccount:kube-system:kube-proxy)";
    let hidden = unusual(Some(HIDES), 7200);
    assert_eq!(hidden, format!("no event of kube-proxy in 2h: {expected}"));
    assert!(unusual(Some(HIDES), 3).starts_with("no event of kube-proxy in 3s: by /etc/p.yaml"));
    // An empty log.
    let empty = said(Heard::Never, None, Some(HIDES));
    assert!(matches!(empty, Some(Silent::Unusual(_))), "{empty:?}");
}

#[test]
fn a_policy_that_would_log_says_that_kube_proxy_is_not_here_once_the_log_is_long_enough() {
    assert_eq!(
        unusual(Some(LOGS), 900),
        "no event of kube-proxy in 15m: the audit policy /etc/p.yaml would log what kube-proxy asks, so that kube-proxy does not run, or asks another API server"
    );
    assert_eq!(
        not_judged(Some(LOGS), Some(899)),
        "no event of kube-proxy in 14m 59s, but only a log of 15m or more would tell; the audit policy /etc/p.yaml would log what kube-proxy asks"
    );
    // Watches alone are hidden: the lists and events would still be there.
    let partly = unusual(Some(HIDES_WATCHES), 900);
    assert!(
        partly.contains("rules[0] in line 4 has level None (watch services"),
        "{partly}"
    );
    assert!(
        partly.ends_with("so that kube-proxy does not run, or asks another API server"),
        "{partly}"
    );
}

#[test]
fn a_policy_that_hides_one_identity_may_be_why() {
    let observed = unusual(Some(HIDES_ONE), 900);
    assert!(
        observed.contains("rules[1] in line 6 has level None"),
        "{observed}"
    );
    assert!(
        observed.ends_with(&format!("more as {PROXY})")),
        "{observed}"
    );
    let reason = not_judged(Some(HIDES_ONE), Some(60));
    assert!(
        reason.contains("rules[1] in line 6 has level None"),
        "{reason}"
    );
}

#[test]
fn without_a_policy_a_long_log_tells_and_a_short_one_does_not() {
    assert_eq!(
        unusual(None, 900),
        "no event of kube-proxy in 15m: the API server's audit policy is not known"
    );
    assert!(not_judged(None, Some(60)).starts_with("no event of kube-proxy in 1m, but only"));
    assert!(not_judged(None, None).starts_with("no event of kube-proxy, but only"));
    let refused = unusual(Some("kind: Policy\nrules: []\n"), 900);
    assert!(
        refused.contains("the audit policy /etc/p.yaml:1 is not one: "),
        "{refused}"
    );
}

#[test]
fn events_that_stop_before_the_end_are_silence_too() {
    let last = |at: u64, end: u64| said(Heard::Last(noon(at)), Some(end), Some(HIDES));
    assert_eq!(last(0, 899), None);
    assert_eq!(last(100, 99), None);
    assert_eq!(
        last(0, 900),
        Some(Silent::Unusual(
            "the last event of kube-proxy is of 2026-11-23T12:00:00.000000Z, and the log goes on for 15m".into()
        ))
    );
    assert_eq!(said(Heard::Sometime, Some(9000), None), None);
    assert_eq!(said(Heard::Last(noon(0)), None, None), None);
}

#[test]
fn a_judge_tells_silence_with_the_others() {
    let rules = Rules::load(&[]).unwrap();
    let end = End {
        log_first: Some(noon(0)),
        log_last: Some(noon(7200)),
        ..End::default()
    };
    let judge = Judge::new(&rules, known());
    let found = one(judge.finish(&end));
    assert_eq!(
        (found.rule.as_str(), found.events, found.requests),
        ("silence", 0, 0)
    );
    assert_eq!(found.first, None);
    let judge = Judge::new(&rules, known());
    let judged = judge.finish(&End::default());
    assert_eq!(judged.unusual, []);
    assert_eq!(judged.not_judged[0].rule, "silence");
}
