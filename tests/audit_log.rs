//! `tighten audit`: the summary of a log of a real API server, exact in text and JSON, and what can be asked.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::logged::{
    ADDRESSES, IDENTITIES, audit, broken, document, event, feed, file, lines, recorded, run,
};

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
      1 request in 1 event, first 2026-11-23T16:14:48.169121Z in events-1.36.jsonl:569 (byte 536654)
      list secrets in kube-system (403), as system:serviceaccount:kube-system:kube-proxy, from 127.0.0.1, with kubectl/v0.0.0 (linux/amd64) kubernetes/$Format (audit id 613080b1-d112-4ce3-be33-7b825c9235b7)
      help: look at the first event's address and user agent; take the credential out of use (delete the pod whose token it is, or issue another certificate), and look at what else came from that address
  medium  foreign-user-agent    A client other than kube-proxy used its credential
      kubectl/v0.0.0 (linux/amd64) kubernetes/$Format, as system:serviceaccount:kube-system:kube-proxy, from 127.0.0.1
      2 requests in 2 events, first 2026-11-23T16:14:48.169121Z in events-1.36.jsonl:569 (byte 536654)
      list secrets in kube-system (403), as system:serviceaccount:kube-system:kube-proxy, from 127.0.0.1, with kubectl/v0.0.0 (linux/amd64) kubernetes/$Format (audit id 613080b1-d112-4ce3-be33-7b825c9235b7)
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

#[test]
fn since_and_until_take_a_time_a_day_and_how_long_ago() {
    // From 23:00 on the 23rd until 01:00 on the next day, one a minute; and one of just now.
    let mut log: String = (0..60)
        .map(|minute| lines(23 * 3600 + minute * 60..23 * 3600 + minute * 60 + 1))
        .collect();
    for minute in 0..60 {
        let mut next = event(minute * 60);
        let time = format!("2026-11-24T00:{minute:02}:00.000000Z");
        next["stageTimestamp"] = json!(time);
        next["requestReceivedTimestamp"] = json!(time);
        log += &format!("{next}\n");
    }
    let (_held, path) = file("audit.log", log);
    let count = |arguments: &[&str]| {
        let ran = run(&[&[path.as_str(), "--format=json"], arguments].concat());
        document(&ran)["events"].as_u64().unwrap()
    };
    assert_eq!(count(&[]), 120);
    assert_eq!(count(&["--since", "2026-11-24"]), 60);
    assert_eq!(count(&["--until", "2026-11-24"]), 60);
    assert_eq!(
        count(&[
            "--since",
            "2026-11-23T23:30:00Z",
            "--until",
            "2026-11-24T00:15:00Z"
        ]),
        45
    );
    assert_eq!(count(&["--since", "2026-11-23T23:30:00.000001Z"]), 89);
    assert_eq!(count(&["--since", "1970-01-01"]), 120);
    // The days since that log was written are known when the test runs.
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let midnight = 1_795_478_400;
    if now > midnight + 3600 {
        let ago = now - midnight - 1770;
        assert_eq!(count(&["--since", &format!("{ago}s")]), 30);
        assert_eq!(
            count(&["--until", &format!("{}m{}s", ago / 60, ago % 60)]),
            90
        );
    }
    for wrong in [
        "yesterday",
        "",
        "2026-13-01",
        "2026-11-23T25:00:00Z",
        "-5m",
        "1000000000000000y",
    ] {
        let ran = run(&[&path, &format!("--since={wrong}")]);
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{wrong}");
    }
}

#[test]
fn a_time_that_ends_before_it_begins_is_wrong_usage() {
    let log = recorded();
    for (since, until) in [("2026-11-24", "2026-11-23"), ("2026-11-24", "2026-11-24")] {
        let ran = run(&[log.to_str().unwrap(), "--since", since, "--until", until]);
        assert_eq!((ran.code, ran.out.as_str()), (64, ""));
        let expected = format!(
            "error: nothing lies between --since {since}T00:00:00.000000Z and --until {until}T00:00:00.000000Z\nhelp: the earlier time belongs to --since\n"
        );
        assert_eq!(ran.err, expected);
    }
}

#[test]
fn rules_are_chosen_and_decide_the_exit_code() {
    let log = recorded();
    let log = log.to_str().unwrap();
    let ask = |arguments: &[&str]| {
        let ran = run(&[&[log, "--format=json"], arguments].concat());
        let found = document(&ran);
        let ids: Vec<String> = broken(&found).iter().map(ToString::to_string).collect();
        (ran.code, ids.join(" "))
    };
    let both = "credential-asked foreign-user-agent";
    let cases: [(&[&str], i32, &str); 9] = [
        (&["--fail-on", "high"], 2, both),
        (&["--fail-on", "none"], 0, both),
        (&["--only", "foreign-user-agent"], 2, "foreign-user-agent"),
        (
            &["--only", "foreign-user-agent", "--fail-on", "high"],
            0,
            "foreign-user-agent",
        ),
        (
            &["--only", "foreign-user-agent", "--fail-on", "medium"],
            2,
            "foreign-user-agent",
        ),
        (&["--only", "silence"], 0, ""),
        (
            &["--skip", "credential-asked"],
            2,
            "foreign-user-agent outside-its-requests",
        ),
        (
            &[
                "--skip",
                "credential-asked,foreign-user-agent,outside-its-requests",
            ],
            0,
            "",
        ),
        (&["--node-address", "10.0.0.0/8"], 2, both),
    ];
    for (arguments, code, ids) in cases {
        assert_eq!(ask(arguments), (code, ids.to_string()), "{arguments:?}");
    }
    let ran = run(&[log, "--only", "nonsense"]);
    assert_eq!((ran.code, ran.out.as_str()), (64, ""));
    assert!(
        ran.err.starts_with(
            "error: no rule is called \"nonsense\"\nhelp: there are: credential-asked, "
        ),
        "{}",
        ran.err
    );
}

#[test]
fn the_nodes_addresses_tell_who_is_a_stranger() {
    let mut stranger = event(2);
    stranger["sourceIPs"] = json!(["10.0.0.10", "192.0.2.7"]);
    let (_held, path) = file("audit.log", lines(0..2) + &format!("{stranger}\n"));
    let only = "--only=foreign-address";
    for (arguments, unusual) in [
        (&["--node-address", "10.0.0.0/24"][..], 1),
        (&["--node-address", "10.0.0.0/24,192.0.2.0/24"], 0),
        (
            &["--node-address", "10.0.0.10", "--node-address", "192.0.2.7"],
            0,
        ),
        (&["--node-ip", "10.0.0.10"], 1),
        (&["--node-ip", "10.0.0.11"], 3),
    ] {
        let ran = run(&[&[path.as_str(), only, "--format=json"], arguments].concat());
        let found = document(&ran);
        let events = found["unusual"][0]["events"].as_u64().unwrap_or(0);
        assert_eq!(
            (events, ran.code),
            (unusual, if unusual > 0 { 2 } else { 0 }),
            "{arguments:?}"
        );
        assert_eq!(found["not_judged"], json!([]));
    }
    for wrong in ["10.0.0.0/33", "localhost", ""] {
        let ran = run(&[&path, &format!("--node-address={wrong}")]);
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{wrong}");
    }
}

#[test]
fn own_rules_are_loaded_strictly() {
    let rules = "name: own\ntitle: ours\nrules:\n- id: services-read\n  title: Services were read\n  severity: low\n  unusual: {resource: [services]}\n  why: Because.\n  help: Do.\n";
    let (_rules, own) = file("own.yaml", rules);
    let (_held, log) = file("audit.log", lines(0..3));
    let ran = run(&[&log, "--rules", &own, "--format=json"]);
    let found = document(&ran);
    assert_eq!((ran.code, broken(&found)), (2, vec!["services-read"]));
    assert_eq!(found["unusual"][0]["events"], 3);
    let ran = run(&[
        &log,
        "--rules",
        &own,
        "--rules",
        "kube-proxy-activity",
        "--fail-on=medium",
        "-q",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let (_bad, bad) = file("bad.yaml", rules.replace("why:", "wyh:"));
    for (rules, code) in [
        (bad.as_str(), 1),
        ("/nonexistent/rules.yaml", 1),
        ("nope", 1),
    ] {
        let ran = run(&[&log, "--rules", rules]);
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{rules}");
    }
}

#[test]
fn silence_names_the_rule_of_the_policy_that_hides_kube_proxy() {
    let policy = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None\n  users: [system:kube-proxy, \"system:serviceaccount:kube-system:kube-proxy\"]\n- level: Metadata\n";
    let (_policy, path) = file("policy.yaml", policy);
    let mut other = event(0);
    other["user"]["username"] = json!("alice");
    other["userAgent"] = json!("kubectl/v1.36.2");
    let (_held, log) = file("audit.log", format!("{other}\n"));
    let ran = run(&[&log, "--policy", &path, "-q"]);
    let expected = format!(
        "  medium  silence               Nothing was heard of kube-proxy\n      no event of kube-proxy: by {path}, 34 of 34 requests of kube-proxy are not logged: rules[0] in line 4 has level None ("
    );
    assert_eq!(ran.code, 2);
    assert!(ran.out.starts_with(&expected), "{}", ran.out);
    // One that logs it says nothing of so short a log.
    let (_open, open) = file(
        "open.yaml",
        "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n",
    );
    assert_eq!(run(&[&log, "--policy", &open, "-q"]).code, 0);
    let ran = run(&[&log, "--policy", "/nonexistent/policy.yaml"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert_eq!(
        ran.err,
        "error: /nonexistent/policy.yaml: does not exist\nhelp: name the audit policy\n"
    );
}

#[test]
fn a_plot_shows_the_requests_of_each_minute() {
    // One in the first minute, none in the second, eight in the third.
    let (_held, path) = file("audit.log", lines(0..1) + &lines(120..128));
    let ran = run(&[&path]);
    let expected =
        "  requests per minute, at most 8, from 2026-11-23T00:00Z to 2026-11-23T00:03Z\n    ▁ █\n";
    assert!(ran.out.contains(expected), "{}", ran.out);
    let found = document(&run(&[&path, "--format=json"]));
    let over_time =
        json!({"start": "2026-11-23T00:00:00.000000Z", "minutes": 1, "requests": [1, 0, 8]});
    assert_eq!(found["over_time"], over_time);
}

#[test]
fn wrong_usage_is_told_and_nothing_is_printed() {
    let log = recorded();
    let log = log.to_str().unwrap();
    for arguments in [
        &[log, "--format=prometheus"][..],
        &[log, "--format=sarif"],
        &[log, "--user", ""],
        &[log, "--group="],
        &[log, "--all-users", "--user", "alice"],
        &[log, "--fail-on=all"],
        &[log, "--nonsense"],
        &["-", "-"],
        &[""],
    ] {
        let ran = run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{arguments:?}");
        assert!(ran.err.starts_with("error: "), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn help_names_each_option() {
    let ran = run(&["--help"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for option in [
        "--user",
        "--group",
        "--all-users",
        "--since",
        "--until",
        "--follow",
        "--thorough",
        "--fail-on",
        "--rules",
        "--node-address",
        "--policy",
        "--node-ip",
        "--only",
    ] {
        assert!(ran.out.contains(&format!(" {option}")), "{option}");
    }
    assert!(
        ran.out
            .contains("--only and --skip take the ids of its rules"),
        "{}",
        ran.out
    );
}

#[test]
fn a_closed_pipe_is_no_error_and_a_full_disk_is_one() {
    let log = recorded();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = audit(&[log.to_str().unwrap(), "--all-users", "-v"]);
    let ran: support::Ran = command
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap()
        .into();
    assert_eq!((ran.code, ran.err.as_str()), (2, ""));
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = audit(&[log.to_str().unwrap()]);
    let ran: support::Ran = command
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap()
        .into();
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.err,
        "error: the output could not be written to its end\n"
    );
}

/// Runs on a terminal of so many columns; what it drew, and how it ended.
fn on_terminal(columns: u16, no_color: bool, arguments: &[&str]) -> (String, i32) {
    let size = nix::pty::Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let pty = nix::pty::openpty(&size, None).unwrap();
    let mut command = audit(arguments);
    command.env("TERM", "xterm-256color");
    if no_color {
        command.env("NO_COLOR", "1");
    }
    let slave: OwnedFd = pty.slave;
    command.stdout(slave.try_clone().unwrap()).stderr(slave);
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut drawn = Vec::new();
    let mut master = std::fs::File::from(pty.master);
    // The kernel says EIO when the last slave is closed.
    let _ = std::io::Read::read_to_end(&mut master, &mut drawn);
    let code = child.wait().unwrap().code().unwrap();
    (
        String::from_utf8(drawn).unwrap().replace("\r\n", "\n"),
        code,
    )
}

#[test]
fn a_terminal_gets_colours_and_a_plot_that_fits_and_a_short_log_no_bar() {
    let minutes: String = (0..600)
        .map(|minute| lines(minute * 60..minute * 60 + 1))
        .collect();
    let (_held, path) = file("audit.log", minutes);
    for columns in [40, 80, 200] {
        let (drawn, code) = on_terminal(columns, true, &[&path]);
        assert_eq!(code, 0);
        assert!(!drawn.contains('\x1b'), "{drawn}");
        let plot = drawn.lines().find(|line| line.contains('█')).unwrap();
        let width = plot.chars().count();
        assert!(
            width <= usize::from(columns) && width > usize::from(columns) / 2,
            "{columns}: {plot}"
        );
        assert!(!drawn.contains('%'), "{drawn}");
    }
    let (drawn, _) = on_terminal(80, false, &[&path]);
    assert!(drawn.starts_with("\x1b[1mkube-proxy\x1b[0m · "), "{drawn}");
    let ran = feed(&["-", "--color=always"], lines(0..1).as_bytes());
    assert!(
        ran.out
            .starts_with("\x1b[1mkube-proxy\x1b[0m · - · 1 line, "),
        "{}",
        ran.out
    );
}

#[test]
fn one_long_name_does_not_spread_the_rows_of_the_others() {
    let mut long = event(1);
    long["userAgent"] = json!("x".repeat(120));
    let (_held, path) = file("audit.log", lines(0..1) + &format!("{long}\n"));
    let ran = run(&[&path]);
    let expected = format!(
        "  {:<64}    requests      events\n  {:<64}  {:>10}  {:>10}\n  {}  {:>10}  {:>10}\n",
        "user agent",
        "kube-proxy/v1.36.2",
        1,
        1,
        "x".repeat(120),
        1,
        1
    );
    assert!(ran.out.contains(&expected), "{}", ran.out);
}
