//! `tighten audit`: the summary of a log of a real API server, exact in text and JSON.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::Command;

use serde_json::{Value, json};
use support::logged::{ADDRESSES, IDENTITIES, audit, document, recorded, run};

/// How often, counted by the test itself: audit ids, and events.
#[derive(Default)]
struct Count(BTreeSet<String>, u64);

/// What the test counts of the recorded log.
struct Counted {
    events: Vec<Value>,
}

impl Counted {
    fn of(wanted: impl Fn(&Value) -> bool) -> Counted {
        let text = std::fs::read_to_string(recorded()).unwrap();
        let events = text.lines().map(|line| serde_json::from_str(line).unwrap());
        Counted {
            events: events.filter(|event| wanted(event)).collect(),
        }
    }

    fn by_kube_proxy() -> Counted {
        Counted::of(|event| IDENTITIES.contains(&text(&event["user"]["username"]).as_str()))
    }

    fn requests(&self) -> usize {
        let ids = self.events.iter().map(|event| text(&event["auditID"]));
        ids.collect::<BTreeSet<_>>().len()
    }

    fn times(&self) -> (String, String) {
        let times = self
            .events
            .iter()
            .map(|event| text(&event["stageTimestamp"]));
        let times: BTreeSet<String> = times.collect();
        (
            times.first().unwrap().clone(),
            times.last().unwrap().clone(),
        )
    }

    /// Requests whose end is not in the log.
    fn open(&self) -> usize {
        let ended =
            |event: &&Value| event["stage"] == "ResponseComplete" || event["stage"] == "Panic";
        let ended = self.events.iter().filter(ended);
        let ended: BTreeSet<String> = ended.map(|event| text(&event["auditID"])).collect();
        self.requests() - ended.len()
    }

    /// The names of a kind with requests and events, the most frequent first.
    fn by(&self, name: impl Fn(&Value) -> String) -> Vec<(String, usize, u64)> {
        let mut counts: BTreeMap<String, Count> = BTreeMap::new();
        for event in &self.events {
            let count = counts.entry(name(event)).or_default();
            count.0.insert(text(&event["auditID"]));
            count.1 += 1;
        }
        let mut all: Vec<_> = counts
            .into_iter()
            .map(|(name, Count(ids, events))| (name, ids.len(), events))
            .collect();
        all.sort_by(|(a, r, e), (b, s, f)| (s, f, a).cmp(&(r, e, b)));
        all
    }

    fn json(&self, name: impl Fn(&Value) -> String) -> Value {
        let all = self.by(name).into_iter();
        all.map(|(name, requests, events)| {
            json!({"name": name, "requests": requests, "events": events})
        })
        .collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

fn resource(event: &Value) -> String {
    let object = &event["objectRef"];
    if object.is_null() {
        return text(&event["requestURI"]).split('?').next().unwrap().into();
    }
    let mut all = text(&object["resource"]);
    for (sign, key) in [(".", "apiGroup"), ("/", "subresource")] {
        if let Some(more) = object[key].as_str() {
            all += &format!("{sign}{more}");
        }
    }
    all
}

fn code(event: &Value) -> String {
    event["responseStatus"]["code"].to_string()
}

type Name = fn(&Value) -> String;

/// What is counted: the key, the heading, and where it stands in an event.
const KINDS: [(&str, &str, Name); 7] = [
    ("user", "user", |event| text(&event["user"]["username"])),
    ("verb", "verb", |event| text(&event["verb"])),
    ("resource", "resource", resource),
    ("namespace", "namespace", |event| {
        text(&event["objectRef"]["namespace"])
    }),
    ("code", "response code", code),
    ("source_ip", "source IP", |event| {
        text(&event["sourceIPs"][0])
    }),
    ("user_agent", "user agent", |event| {
        text(&event["userAgent"])
    }),
];

/// A path that the test runs with, so that what is printed is the same everywhere.
fn here(arguments: &[&str]) -> Command {
    let mut command = audit(arguments);
    command.current_dir(recorded().parent().unwrap());
    command
}

const LOG: &str = "events-1.36.jsonl";

const UNUSUAL: &str = "  high    credential-asked      A Secret, a token or a certificate was asked for
      list secrets in kube-system (403), as system:serviceaccount:kube-system:kube-proxy, from 127.0.0.1
      1 request in 1 event, first 2026-11-23T16:14:48.169121Z in events-1.36.jsonl:569 (byte 536654), audit id 613080b1-d112-4ce3-be33-7b825c9235b7
      help: look at the first event's address and user agent; take the credential out of use (delete the pod whose token it is, or issue another certificate), and look at what else came from that address
  medium  foreign-user-agent    A client other than kube-proxy used its credential
      kubectl/v0.0.0 (linux/amd64) kubernetes/$Format, as system:serviceaccount:kube-system:kube-proxy, from 127.0.0.1
      2 requests in 2 events, first 2026-11-23T16:14:48.169121Z in events-1.36.jsonl:569 (byte 536654), audit id 613080b1-d112-4ce3-be33-7b825c9235b7
      help: where a wrapper of your own starts kube-proxy under another name, copy this rule into rules of your own and add it; else look at who holds the credential

";
const TOTALS: &str = "Audit: 15 requests of kube-proxy, 2 things unusual (1 high, 1 medium).\n";

fn tables(counted: &Counted) -> String {
    let mut out = String::new();
    for (_, title, name) in KINDS {
        let all = counted.by(name);
        let name = |name: &str| {
            if name.is_empty() {
                "(none)".into()
            } else {
                name.to_string()
            }
        };
        let width = all
            .iter()
            .map(|row| name(&row.0).len())
            .max()
            .unwrap()
            .max(24);
        let _ = writeln!(out, "  {title:<width$}    requests      events");
        for (text, requests, events) in &all {
            let text = name(text);
            let _ = writeln!(out, "  {text:<width$}  {requests:>10}  {events:>10}");
        }
        out.push('\n');
    }
    out
}

#[test]
fn the_summary_of_a_real_log_is_what_the_test_counts_itself() {
    let counted = Counted::by_kube_proxy();
    let (first, last) = counted.times();
    let (requests, events) = (counted.requests(), counted.events.len());
    let expected = format!(
        "kube-proxy · {LOG} · 614 lines, 568.05 KiB\n\n  {requests} requests in {events} events, first seen {first}, last seen {last}\n\n{}{UNUSUAL}{ADDRESSES}\n{TOTALS}",
        tables(&counted)
    );
    let ran: support::Ran = here(&[LOG]).output().unwrap().into();
    assert_eq!((ran.code, ran.err.as_str()), (2, ""));
    assert_eq!(ran.out, expected);
    // The same, searched or not, and with colours that are not asked for.
    for more in ["--thorough", "--color=never"] {
        let ran: support::Ran = here(&[LOG, more]).output().unwrap().into();
        assert_eq!(ran.out, expected);
    }
}

#[test]
fn quiet_shows_what_is_unusual_and_verbose_tells_why() {
    let ran: support::Ran = here(&[LOG, "-q"]).output().unwrap().into();
    assert_eq!((ran.code, ran.out), (2, format!("{UNUSUAL}{TOTALS}")));
    let ran: support::Ran = here(&[LOG, "-v"]).output().unwrap().into();
    let why = "      kube-proxy reads no Secret and asks for no token: the kubelet puts its own where it is needed. Who asks holds kube-proxy's credential and looks for a better one. That it was refused (403) does not make it harmless.\n      help: ";
    assert!(ran.out.contains(why), "{}", ran.out);
}

#[test]
fn the_document_is_what_the_test_counts_itself() {
    let counted = Counted::by_kube_proxy();
    let (first, last) = counted.times();
    let ran: support::Ran = here(&[LOG, "--format", "json"]).output().unwrap().into();
    assert_eq!((ran.code, ran.err.as_str()), (2, ""));
    let mut found = document(&ran);
    let by: serde_json::Map<String, Value> = KINDS
        .iter()
        .map(|(key, _, name)| ((*key).into(), counted.json(name)))
        .collect();
    let unusual = found["unusual"].take();
    let expected = json!({
        "schema": "tighten.audit/v1",
        "tool": {"name": "tighten", "version": env!("CARGO_PKG_VERSION")},
        "who": {"kube_proxy": true, "everybody": false, "users": IDENTITIES, "groups": []},
        "files": [{"path": LOG, "bytes": 581_687}],
        "since": null, "until": null,
        "lines": 614, "each_line_parsed": true, "bytes": 581_687,
        "events": counted.events.len(), "requests": counted.requests(),
        "open_requests": counted.open(), "requests_exact": true,
        "first_seen": first, "last_seen": last,
        "by": by,
        "over_time": {"start": "2026-11-23T16:14:00.000000Z", "minutes": 1, "requests": [counted.requests()]},
        "unreadable": {"lines": 0, "reasons": {}, "first": [], "help": null},
        "half_written": false,
        "not_read": [],
        "unusual": null,
        "not_judged": [{
            "rule": "foreign-address",
            "reason": "the log holds the kube-proxies of all nodes, and the nodes' addresses are not known",
            "help": "name them with --node-address ADDRESS or --node-address RANGE, such as 10.0.0.0/16",
        }],
    });
    assert_eq!(found, expected);
    assert_eq!(unusual.as_array().unwrap().len(), 2);
    let one = unusual[0].as_object().unwrap();
    let told = ["rule", "severity", "events", "requests", "requests_exact"].map(|key| &one[key]);
    assert_eq!(json!(told), json!(["credential-asked", "high", 1, 1, true]));
    assert_eq!(
        one["first"],
        json!({
            "file": LOG, "line": 569, "offset": 536_654, "time": "2026-11-23T16:14:48.169121Z",
            "audit_id": "613080b1-d112-4ce3-be33-7b825c9235b7",
            "what": "list secrets in kube-system (403), as system:serviceaccount:kube-system:kube-proxy, from 127.0.0.1, with kubectl/v0.0.0 (linux/amd64) kubernetes/$Format",
        })
    );
    // The offset is the place of that line.
    let log = std::fs::read(recorded()).unwrap();
    let line = log[536_654..].split(|byte| *byte == b'\n').next().unwrap();
    let line: Value = serde_json::from_slice(line).unwrap();
    assert_eq!(line["auditID"], one["first"]["audit_id"]);
}

#[test]
fn users_groups_and_everybody_can_be_asked_for() {
    let user = |name: &'static str| move |event: &Value| event["user"]["username"] == name;
    let group = |name: &'static str| {
        move |event: &Value| {
            let groups = event["user"]["groups"].as_array();
            groups.is_some_and(|groups| groups.iter().any(|group| group == name))
        }
    };
    let apiserver = "system:apiserver";
    let masters = "system:masters";
    let asked: [(&[&str], Counted); 6] = [
        (&["--user", apiserver], Counted::of(user(apiserver))),
        (&["--group", masters], Counted::of(group(masters))),
        (
            &["--user", IDENTITIES[1], "--group", masters],
            Counted::of(|event| user(IDENTITIES[1])(event) || group(masters)(event)),
        ),
        (
            &["--user", IDENTITIES[1], "--user", apiserver],
            Counted::of(|event| user(IDENTITIES[1])(event) || user(apiserver)(event)),
        ),
        (&["--all-users"], Counted::of(|_| true)),
        (&["--user", "nobody"], Counted::of(|_| false)),
    ];
    let log = recorded();
    let log = log.to_str().unwrap();
    for (arguments, counted) in asked {
        let ran = run(&[&[log, "--format=json"], arguments].concat());
        let found = document(&ran);
        assert_eq!(found["events"], counted.events.len(), "{arguments:?}");
        assert_eq!(found["requests"], counted.requests(), "{arguments:?}");
        assert_eq!(found["open_requests"], counted.open(), "{arguments:?}");
        for (key, _, name) in KINDS {
            assert_eq!(found["by"][key], counted.json(name), "{key} {arguments:?}");
        }
        let thorough = run(&[&[log, "--format=json", "--thorough"], arguments].concat());
        assert_eq!(document(&thorough), found);
        // What others than kube-proxy do is not judged by kube-proxy's rules.
        let judged = arguments
            .iter()
            .any(|one| *one == "--all-users" || *one == IDENTITIES[1]);
        assert_eq!(ran.code, if judged { 2 } else { 0 }, "{arguments:?}");
    }
    let ran = run(&[log, "--user", "nobody"]);
    let expected = format!(
        "nobody · {log} · 614 lines, 568.05 KiB\n\nAudit: 0 requests of nobody, nothing unusual.\n"
    );
    assert_eq!(ran.out, expected);
}
