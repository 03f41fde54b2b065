//! Waivers: an accepted finding stays in sight, is never planned and never counted, until its last day is
//! over.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use support::{Node, Ran};

const CONFIG: &str = "/var/lib/kube-proxy/kube-proxy-config.yaml";
const CA: &str = "/var/lib/kube-proxy/ca.crt";
const CERTIFICATE: &str = "/var/lib/kube-proxy/kube-proxy.crt";
const OWN: &str = "/etc/tighten/waivers.yaml";
const METRICS: &str =
    "- {check: metrics-exposed, justification: Prometheus scrapes it, expires: 2999-12-31}\n";

fn waive(node: &Node, entries: &str) {
    node.write(OWN, format!("waivers:\n{entries}"));
}

fn demo(entries: &str) -> Node {
    let node = Node::demo();
    waive(&node, entries);
    node
}

/// Writes a waivers file of this machine; its path.
fn file(node: &Node, name: &str, entries: &str) -> String {
    let path = node.outside().join(name);
    fs::write(&path, format!("waivers:\n{entries}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_string()
}

/// What was printed, without what differs from run to run.
fn plain(node: &Node, text: &str) -> String {
    let flags = format!(
        " --root {} --state-dir {}",
        node.root().display(),
        node.state().display()
    );
    text.replace(&flags, "")
}

fn days_from_now(days: i64) -> String {
    let now = SystemTime::now();
    let day = Duration::from_secs(86_400 * days.unsigned_abs());
    let then = if days < 0 { now - day } else { now + day };
    humantime::format_rfc3339_seconds(then).to_string()[..10].to_string()
}

fn states(scan: &Value) -> Vec<&str> {
    let waivers = scan["waivers"].as_array().unwrap().iter();
    waivers
        .map(|waiver| waiver["state"].as_str().unwrap())
        .collect()
}

#[test]
fn a_waived_finding_is_shown_with_its_reason_and_neither_planned_nor_counted() {
    let node = demo(METRICS);
    let scan = node.run(&["scan", "--only", "metrics-exposed"]);
    assert_eq!((scan.code, scan.err.as_str()), (0, ""));
    let header = format!("kube-proxy · systemd unit kube-proxy.service · config {CONFIG}\n\n");
    assert_eq!(
        plain(&node, &scan.out),
        format!(
            "{header}  waived          metrics-exposed  high    CIS 4.3.1, facts 1.2
      {CONFIG}:8: metricsBindAddress: 0.0.0.0:10249, expected a loopback address, or unset
      waived until 2999-12-31: Prometheus scrapes it ({OWN}:2)

Scan: 0 passed, 0 failed, 0 could not be judged, 0 not applicable, 1 waived.
"
        )
    );
    let quiet = node.run(&["scan", "--quiet", "--only", "metrics-exposed"]);
    assert_eq!(
        quiet.out,
        "Scan: 0 passed, 0 failed, 0 could not be judged, 0 not applicable, 1 waived.\n"
    );
    let plan = node.run(&["plan", "--detailed-exitcode", "--only", "metrics-exposed"]);
    assert_eq!((plan.code, plan.err.as_str()), (0, ""));
    assert_eq!(
        plain(&node, &plan.out),
        format!(
            "{header}Waived:
  metrics-exposed {CONFIG}:8: metricsBindAddress: 0.0.0.0:10249; waived until 2999-12-31: Prometheus scrapes it ({OWN}:2)

Plan: nothing to do; 1 is waived.
"
        )
    );
    let verify = node.run(&["verify", "--only", "metrics-exposed"]);
    assert_eq!(verify.code, 0, "{verify:?}");

    let grounds = json!({
        "justification": "Prometheus scrapes it",
        "expires": "2999-12-31",
        "file": OWN,
        "line": 2,
    });
    let (code, scan) = node.json(&["scan", "--only", "metrics-exposed,profiling-enabled"]);
    assert_eq!(code, 2);
    let [metrics, profiling] = &scan["verdicts"].as_array().unwrap()[..] else {
        panic!("{scan:#}");
    };
    assert_eq!(metrics["verdict"], "waived");
    assert_eq!(metrics["waiver"], grounds);
    assert_eq!(metrics["instances"][0]["waiver"], grounds);
    assert_eq!(metrics["fix"], Value::Null);
    assert_eq!(profiling["verdict"], "fail");
    assert_eq!(profiling["waiver"], Value::Null);
    assert_eq!(
        scan["summary"],
        json!({"pass": 0, "fail": 1, "not_applicable": 0, "unknown": 0, "waived": 1})
    );
    assert_eq!(states(&scan), ["used"]);
    assert_eq!(scan["warnings"], json!([]));
    let (_, plan) = node.json(&["plan"]);
    assert_eq!(plan["summary"]["waived"], 1);
    assert_eq!(plan["waived"][0]["check"], "metrics-exposed");
    assert_eq!(plan["waived"][0]["waiver"], grounds);
    for list in ["changes", "manual"] {
        for entry in plan[list].as_array().unwrap() {
            assert_ne!(entry["check"], "metrics-exposed", "{list}");
        }
    }
}

#[test]
fn a_waiver_with_a_path_waives_that_file_alone() {
    let node = demo(&format!(
        "- {{check: proxy-certificate-mode, path: {CA}, justification: another daemon writes it}}\n"
    ));
    node.chmod(CA, 0o664);
    node.chmod(CERTIFICATE, 0o666);
    let (code, scan) = node.json(&["scan", "--only", "proxy-certificate-mode"]);
    assert_eq!(code, 2);
    assert_eq!(scan["verdicts"][0]["verdict"], "fail");
    assert_eq!(scan["verdicts"][0]["path"], CERTIFICATE);
    assert_eq!(scan["verdicts"][0]["waiver"], Value::Null);
    assert_eq!(scan["summary"]["fail"], 1);
    assert_eq!(scan["summary"]["waived"], 0);
    let shown = node.run(&["scan", "--only", "proxy-certificate-mode"]).out;
    assert!(
        shown.contains(&format!(
            "waived without an end: another daemon writes it ({OWN}:2)"
        )),
        "{shown}"
    );
    let ran = node.run(&["apply", "--yes", "--only", "proxy-certificate-mode"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!((node.mode(CA), node.mode(CERTIFICATE)), (0o664, 0o644));
    let (code, scan) = node.json(&["scan", "--only", "proxy-certificate-mode"]);
    assert_eq!(
        (code, &scan["verdicts"][0]["verdict"]),
        (0, &json!("waived"))
    );
    // A pattern is for all that it matches.
    node.chmod(CERTIFICATE, 0o666);
    waive(
        &node,
        "- {check: proxy-certificate-mode, path: /var/lib/kube-proxy/*.crt, justification: x}\n",
    );
    assert_eq!(
        node.run(&["scan", "--only", "proxy-certificate-mode"]).code,
        0
    );
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
fn of_two_checks_that_edit_one_file_only_the_one_that_is_not_waived_does() {
    let node = demo(METRICS);
    let before = node.read(CONFIG);
    let both = ["--only", "metrics-exposed,profiling-enabled"];
    let ran = node.run(&[&["apply", "--yes"], &both[..]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        node.read(CONFIG),
        before.replace("enableProfiling: true", "enableProfiling: false")
    );
    let verify = node.run(&[&["verify"], &both[..]].concat());
    assert_eq!(verify.code, 0, "{verify:?}");
    assert_eq!(
        verify.out,
        format!(
            "  waived   {CONFIG}  metrics-exposed, waived until 2999-12-31: Prometheus scrapes it ({OWN}:2)
Verify: nothing to do, and every file is as it was left.\n"
        )
    );
    // Without the waiver it is due again.
    fs::remove_file(node.path(OWN)).unwrap();
    assert_eq!(node.run(&[&["verify"], &both[..]].concat()).code, 2);
    let ran = node.run(&[&["apply", "--yes"], &both[..]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        node.read(CONFIG)
            .contains("metricsBindAddress: \"127.0.0.1:10249\"")
    );
}

#[test]
fn apply_with_everything_waived_has_nothing_to_do() {
    let node = Node::demo();
    let (_, scan) = node.json(&["scan"]);
    let failed = scan["verdicts"].as_array().unwrap().iter();
    let entries: String = failed
        .filter(|verdict| verdict["verdict"] == "fail")
        .map(|verdict| format!("- {{check: {}, justification: x}}\n", verdict["check"]))
        .collect();
    waive(&node, &entries);
    let before = node.snapshot();
    let ran = node.run(&["apply", "--yes"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(
        ran.out.ends_with("Plan: nothing to do; 15 are waived.\n"),
        "{}",
        ran.out
    );
    let (code, document) = node.json(&["apply", "--yes"]);
    assert_eq!((code, &document["outcome"]), (0, &json!("nothing-to-do")));
    assert_eq!(document["waived"].as_array().unwrap().len(), 15);
    assert!(node.snapshot() == before);
    assert!(!node.state().exists());
    assert_eq!(node.run(&["scan"]).code, 0);
    assert_eq!(node.run(&["verify"]).code, 0);
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

#[test]
fn a_saved_plan_is_stale_when_something_else_is_waived_than_when_it_was_made() {
    let node = demo(METRICS);
    let saved = node
        .outside()
        .join("plan.json")
        .to_str()
        .unwrap()
        .to_string();
    let save = |arguments: &[&str]| {
        assert_eq!(
            node.run(&[arguments, &["plan", "--out", &saved]].concat())
                .code,
            0
        );
    };
    let refused = |arguments: &[&str], what: &str| {
        let before = node.snapshot();
        let ran: Ran = node.run(&[arguments, &["apply", "--yes", &saved]].concat());
        assert_eq!(ran.code, 1, "{what}: {ran:?}");
        assert!(
            ran.err.contains("stale") && ran.err.contains(what),
            "{what}: {ran:?}"
        );
        assert!(ran.err.contains("nothing was written"), "{what}: {ran:?}");
        assert!(node.snapshot() == before, "{what}");
    };
    let gone =
        format!("{CONFIG}: metrics-exposed was waived when it was made, and is not any more");
    let new = format!("{CONFIG}: metrics-exposed is waived now, and was not when it was made");
    save(&[]);
    refused(&["--no-waivers"], &gone);
    waive(
        &node,
        "- {check: metrics-exposed, justification: x, expires: 2020-01-01}\n",
    );
    refused(&[], &gone);
    fs::remove_file(node.path(OWN)).unwrap();
    refused(&[], &gone);
    save(&[]);
    waive(&node, METRICS);
    refused(&[], &new);
    // Another reason or another day for the same finding is the same plan.
    save(&[]);
    waive(
        &node,
        "- {check: metrics-exposed, justification: y, expires: 2999-01-01}\n",
    );
    assert_eq!(node.run(&["apply", "--yes", &saved]).code, 0);
    assert_eq!(node.run(&["rollback", "--yes"]).code, 0);
    let named = file(
        &node,
        "named.yaml",
        "- {check: profiling-enabled, justification: a}\n",
    );
    save(&["--waivers", &named]);
    refused(&[], "profiling-enabled was waived when it was made");
    assert_eq!(
        node.run(&["--waivers", &named, "apply", "--yes", &saved])
            .code,
        0
    );
    assert!(node.read(CONFIG).contains("enableProfiling: true"));
}
