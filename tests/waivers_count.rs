//! Which waivers count: on which node, for which file, until when, and from which file of waivers.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use support::waived::{CONFIG, METRICS, OWN, demo, file, plain, states, waive};

fn days_from_now(days: i64) -> String {
    let now = SystemTime::now();
    let day = Duration::from_secs(86_400 * days.unsigned_abs());
    let then = if days < 0 { now - day } else { now + day };
    let text = humantime::format_rfc3339_seconds(then).to_string();
    text.split('T').next().unwrap().to_string()
}

#[test]
fn a_path_is_the_one_that_scan_shows_or_the_one_that_plan_shows() {
    let real = "/var/lib/kube-proxy/real.yaml";
    for path in [CONFIG, real] {
        let node = demo(&format!(
            "- {{check: metrics-exposed, path: {path}, justification: x}}\n"
        ));
        fs::rename(node.path(CONFIG), node.path(real)).unwrap();
        std::os::unix::fs::symlink("real.yaml", node.path(CONFIG)).unwrap();
        let (code, scan) = node.json(&["scan", "--only", "metrics-exposed"]);
        assert_eq!((code, states(&scan)), (0, vec!["used"]), "{path}: {scan:#}");
    }
}

#[test]
fn an_expired_waiver_counts_as_none_and_says_so() {
    for (day, counts) in [
        ("2020-02-29".to_string(), false),
        (days_from_now(-1), false),
        (days_from_now(1), true),
        ("9999-12-31".to_string(), true),
    ] {
        let node = demo(&format!(
            "- check: metrics-exposed\n  justification: x\n  expires: {day}\n"
        ));
        let only = ["--only", "metrics-exposed"];
        let scan = node.run(&[&["scan"], &only[..]].concat());
        let (code, document) = node.json(&[&["scan"], &only[..]].concat());
        let (_, plan) = node.json(&[&["plan"], &only[..]].concat());
        let warning = format!(
            "{OWN}:2: the waiver of metrics-exposed expired after {day} and counts as none; give it a new day, or take it out"
        );
        if counts {
            assert_eq!((scan.code, code, states(&document)), (0, 0, vec!["used"]));
            assert_eq!(plan["changes"], json!([]));
            assert!(!scan.out.contains("Warning"), "{scan:?}");
            continue;
        }
        assert_eq!(
            (scan.code, code, states(&document)),
            (2, 2, vec!["expired"])
        );
        assert!(
            scan.out.contains(&format!("\nWarning: {warning}\n")),
            "{scan:?}"
        );
        assert_eq!(document["warnings"], json!([warning]));
        assert_eq!(document["verdicts"][0]["waiver"], Value::Null);
        assert_eq!(plan["warnings"], json!([warning]));
        assert_eq!(plan["summary"]["changes"], 1);
        // Who wants to see nothing else still sees that.
        let ran = node.run(&[&["apply", "--yes", "--quiet"], &only[..]].concat());
        assert_eq!((ran.code, ran.err), (0, format!("warning: {warning}\n")));
    }
}

#[test]
fn what_could_not_be_judged_is_not_waived() {
    let node = demo(METRICS);
    node.write(CONFIG, "[");
    let (code, scan) = node.json(&["scan", "--only", "metrics-exposed"]);
    assert_eq!(
        (code, &scan["verdicts"][0]["verdict"]),
        (2, &json!("unknown"))
    );
    assert_eq!(states(&scan), ["unjudged"]);
    let shown = node.run(&["scan", "-v", "--only", "metrics-exposed"]).out;
    assert!(
        shown.contains(&format!(
            "Note: {OWN}:2: the waiver of metrics-exposed does not help: what could not be judged is not waived\n"
        )),
        "{shown}"
    );
    // Nor does a waiver of the refusal make a plan beside what cannot be understood.
    waive(&node, "- {check: config-refused, justification: x}\n");
    let before = node.snapshot();
    let ran = node.run(&["apply", "--yes"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains(CONFIG), "{ran:?}");
    assert!(node.snapshot() == before);
}

#[test]
fn a_waiver_can_be_for_some_nodes_by_their_hostname() {
    for (hostname, pattern, state, code) in [
        ("worker-1\n", "worker-*", "used", 0),
        ("WORKER-1\n", "worker-?", "used", 0),
        ("worker-1.example.org\n", "worker-1", "other-node", 2),
        ("control-1\n", "worker-*", "other-node", 2),
        ("", "worker-*", "unknown-node", 2),
        ("", "*", "unknown-node", 2),
    ] {
        let node = demo(&format!(
            "- {{check: metrics-exposed, node: \"{pattern}\", justification: x}}\n"
        ));
        node.write("/etc/hostname", hostname);
        let (found, scan) = node.json(&["scan", "--only", "metrics-exposed"]);
        assert_eq!(
            (found, states(&scan)),
            (code, vec![state]),
            "{hostname} {pattern}"
        );
        let warned = !scan["warnings"].as_array().unwrap().is_empty();
        assert_eq!(warned, state == "unknown-node", "{scan:#}");
    }
}

#[test]
fn a_waiver_without_effect_is_noted_only_when_more_is_asked_for() {
    let node = demo(
        "- {check: metrics-exposed, path: /elsewhere, justification: x}\n- {check: proxy-unit-mode, justification: x}\n",
    );
    let only = ["--only", "metrics-exposed,proxy-unit-mode"];
    let brief = node.run(&[&["scan"], &only[..]].concat());
    assert!(
        !brief.out.contains("Note") && !brief.out.contains("Warning"),
        "{brief:?}"
    );
    let more = node.run(&[&["scan", "-v"], &only[..]].concat());
    let note = |line, check| {
        format!("Note: {OWN}:{line}: the waiver of {check} finds nothing to waive here\n")
    };
    let both = note(2, "metrics-exposed") + &note(3, "proxy-unit-mode");
    assert!(more.out.contains(&both), "{more:?}");
    // Of a check that is not run nothing is said.
    let (_, scan) = node.json(&["scan", "--skip", "metrics-exposed"]);
    assert_eq!(states(&scan), ["not-selected", "unused"]);
}

#[test]
fn of_several_waivers_the_one_that_lasts_longest_is_shown() {
    let entry = |day: &str| {
        format!("- {{check: metrics-exposed, justification: to {day}, expires: {day}}}\n")
    };
    let node = demo(
        &[
            entry("2998-01-01"),
            entry("2999-01-01"),
            entry("2000-01-01"),
        ]
        .concat(),
    );
    let (_, scan) = node.json(&["scan", "--only", "metrics-exposed"]);
    assert_eq!(scan["verdicts"][0]["waiver"]["expires"], "2999-01-01");
    assert_eq!(scan["verdicts"][0]["waiver"]["line"], 3);
    assert_eq!(states(&scan), ["used", "used", "expired"]);
    waive(
        &node,
        &[
            entry("2999-01-01"),
            "- {check: metrics-exposed, justification: x}\n".into(),
        ]
        .concat(),
    );
    let (_, scan) = node.json(&["scan", "--only", "metrics-exposed"]);
    assert_eq!(scan["verdicts"][0]["waiver"]["expires"], Value::Null);
}

#[test]
fn files_that_are_named_take_the_place_of_the_nodes_own() {
    let node = demo(METRICS);
    let first = file(
        &node,
        "first.yaml",
        "- {check: profiling-enabled, justification: a}\n",
    );
    let second = file(
        &node,
        "second.yaml",
        "- {check: bind-failure-ignored, justification: b}\n",
    );
    let only = [
        "--only",
        "metrics-exposed,profiling-enabled,bind-failure-ignored",
    ];
    let waived = |arguments: &[&str]| -> Vec<(String, String)> {
        let (_, scan) = node.json(&[arguments, &["scan"], &only[..]].concat());
        let verdicts = scan["verdicts"].as_array().unwrap().iter();
        verdicts
            .filter(|verdict| verdict["verdict"] == "waived")
            .map(|verdict| {
                let text = |value: &Value| value.as_str().unwrap().to_string();
                (text(&verdict["check"]), text(&verdict["waiver"]["file"]))
            })
            .collect()
    };
    let of = |check: &str, file: &str| (check.to_string(), file.to_string());
    assert_eq!(waived(&[]), [of("metrics-exposed", OWN)]);
    assert_eq!(
        waived(&["--waivers", &first]),
        [of("profiling-enabled", &first)]
    );
    assert_eq!(
        waived(&["--waivers", &first, "--waivers", &second]),
        [
            of("profiling-enabled", &first),
            of("bind-failure-ignored", &second)
        ]
    );
    assert_eq!(waived(&["--no-waivers"]), []);
    let ran = node.run(&["--no-waivers", "--waivers", &first, "scan"]);
    assert_eq!(ran.code, 64, "{ran:?}");
    // What a message says to run judges as this run did.
    let ran = node.run(&["--waivers", &first, "scan", "--only", "metrics-exposed"]);
    let hint = format!("with: tighten --waivers {first} plan\n");
    assert!(plain(&node, &ran.out).ends_with(&hint), "{ran:?}");
    let ran = node.run(&["--no-waivers", "scan", "--only", "metrics-exposed"]);
    assert!(
        plain(&node, &ran.out).ends_with("with: tighten --no-waivers plan\n"),
        "{ran:?}"
    );
}
