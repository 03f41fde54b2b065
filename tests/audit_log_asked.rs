//! What `tighten audit` can be asked: when, by which rules, from which addresses; and wrong usage.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use serde_json::json;
use support::logged::{broken, document, event, file, lines, recorded, run};

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
