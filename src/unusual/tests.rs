//! Each kind of rule: what breaks it, what does not, and its edge. The lines go through the reader of logs.

mod asked;
mod clients;
mod credentials;
mod random;
mod refused;
mod rules;
mod sample;
mod silence;

use serde_json::{Value, json};

use super::{End, Judge, Judged, Known, Rules, Unusual};
use crate::auditlog::block::{HandOn, Query};
use crate::auditlog::counted::Counted;
use crate::auditlog::fields::FIELDS;
use crate::auditlog::open::Ids;
use crate::auditlog::order::Log;
use crate::auditlog::read::{self, Source};
use crate::auditlog::time::Instant;
use crate::auditlog::who::Who;
use crate::auditlog::worker::Worker;

const PROXY: &str = "system:serviceaccount:kube-system:kube-proxy";

/// What the built-in baseline says, of a node at 10.0.0.1 beside others.
fn known() -> Known {
    let baselines = crate::baseline::load(&["kube-proxy".into()]).unwrap();
    Known {
        addresses: Some(vec!["10.0.0.0/24".parse().unwrap()]),
        ..Known::of(&baselines).unwrap()
    }
}

/// Nobody named addresses.
fn known_without_addresses() -> Known {
    Known {
        addresses: None,
        ..known()
    }
}

/// An event of kube-proxy, as usual but for what is given by its place: `/user/username`.
fn event(changes: &[(&str, Value)]) -> Value {
    let mut event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
        "auditID": "a", "stage": "ResponseComplete",
        "requestURI": "/api/v1/services", "verb": "list",
        "user": {"username": PROXY, "groups": ["system:serviceaccounts"], "extra": {}},
        "sourceIPs": ["10.0.0.1"], "userAgent": "kube-proxy/v1.36.0 (linux/amd64) kubernetes/abc",
        "objectRef": {"resource": "services", "apiVersion": "v1"},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": "2026-11-23T12:00:00.000000Z",
        "stageTimestamp": "2026-11-23T12:00:00.000000Z",
    });
    for (place, value) in changes {
        let (parent, key) = place.rsplit_once('/').unwrap();
        let parent = event.pointer_mut(parent).unwrap();
        parent[key] = value.clone();
    }
    event
}

/// The same event at another second after noon, with an id of its own.
fn at(mut event: Value, second: u32) -> Value {
    let time = format!(
        "2026-11-23T12:{:02}:{:02}.000000Z",
        second / 60,
        second % 60
    );
    for key in ["requestReceivedTimestamp", "stageTimestamp"] {
        event[key] = json!(time);
    }
    event["auditID"] = json!(format!("{}-{second}", event["auditID"].as_str().unwrap()));
    event
}

fn noon(second: u64) -> Instant {
    let noon = Instant::read(b"2026-11-23T12:00:00Z").unwrap();
    Instant(noon.0 + second * 1_000_000)
}

/// With the fields in the API server's order, in which clients are known again.
fn line(event: &Value) -> String {
    let fields = event.as_object().unwrap();
    let known = FIELDS
        .iter()
        .map(|field| std::str::from_utf8(field.name()).unwrap());
    let known: Vec<&str> = known.collect();
    let others = fields.keys().map(String::as_str);
    let others = others.filter(|key| !known.contains(key));
    let field = |key: &str| Some(format!("\"{key}\":{}", fields.get(key)?));
    let fields: Vec<String> = known
        .iter()
        .copied()
        .chain(others)
        .filter_map(field)
        .collect();
    format!("{{{}}}", fields.join(","))
}

fn lines(events: &[Value]) -> Vec<u8> {
    let lines: Vec<String> = events.iter().map(line).collect();
    format!("{}\n", lines.join("\n")).into_bytes()
}

/// With the fields in another order.
fn lines_in_disorder(events: &[Value]) -> Vec<u8> {
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    format!("{}\n", lines.join("\n")).into_bytes()
}

/// What the built-in rules say of a log, but for silence.
fn judged(known: Known, log: Vec<u8>) -> Judged {
    let rules = Rules::load(&[]).unwrap();
    let rules = rules.select(&[], &["silence".into()]).unwrap();
    judged_by(&rules, known, log)
}

fn judged_by(rules: &Rules, known: Known, log: Vec<u8>) -> Judged {
    let who = Who {
        users: known
            .identities
            .iter()
            .map(|(user, _)| user.clone())
            .collect(),
        agents: vec!["kube-proxy/".into()],
        ..Who::default()
    };
    let query = Query::new(who, true, HandOn::All);
    let mut judge = Judge::new(rules, known);
    let ids = Ids::default();
    let counted = || Counted::beside(&ids);
    let mut log_read = Log::new(Worker::for_few(&query, counted()), &mut judge);
    let source = Source::Stream(Box::new(std::io::Cursor::new(log)));
    read::read(source, &query, &mut log_read, false, &counted, None).unwrap();
    let totals = log_read.close();
    let end = End {
        unreadable: totals.unreadable(),
        first_unreadable: totals.broken.first().copied(),
        ..End::default()
    };
    judge.finish(&end)
}

/// The rules that events break, with counts of events and requests.
fn broken(events: &[Value]) -> Vec<(String, u64, u64)> {
    counts(&judged(known(), lines(events)))
}

fn counts(judged: &Judged) -> Vec<(String, u64, u64)> {
    let each = judged.unusual.iter();
    each.map(|found| (found.rule.clone(), found.events, found.requests))
        .collect()
}

/// The rule that one event breaks.
fn breaks(changes: &[(&str, Value)]) -> Vec<String> {
    let found = broken(&[event(changes)]);
    found.into_iter().map(|(rule, _, _)| rule).collect()
}

fn one(judged: Judged) -> Unusual {
    let mut unusual = judged.unusual;
    assert_eq!(unusual.len(), 1, "{unusual:#?}");
    unusual.remove(0)
}

/// What is asked: verb, resource, group, subresource, namespace.
fn asks(verb: &str, resource: &str, group: &str, subresource: &str, namespace: &str) -> Value {
    let mut event = event(&[("/verb", json!(verb))]);
    event["objectRef"] = json!({
        "resource": resource, "apiGroup": group, "subresource": subresource, "namespace": namespace,
    });
    event
}

#[test]
fn kube_proxys_own_requests_break_nothing() {
    let mut events = Vec::new();
    for (verb, resource, group, namespace) in [
        ("list", "services", "", ""),
        ("watch", "services", "", ""),
        ("watch", "endpointslices", "discovery.k8s.io", ""),
        ("get", "nodes", "", ""),
        ("list", "servicecidrs", "networking.k8s.io", ""),
        ("create", "events", "", "default"),
        ("create", "events", "events.k8s.io", "default"),
        ("patch", "events", "events.k8s.io", "default"),
    ] {
        events.push(asks(verb, resource, group, "", namespace));
    }
    events.push(event(&[("/user/username", json!("system:kube-proxy"))]));
    assert_eq!(broken(&events), []);
}
