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

use serde_json::{Value, json};
use support::waived::{CONFIG, METRICS, OWN, demo, file, plain, states, waive};
use support::{Node, Ran};

const CA: &str = "/var/lib/kube-proxy/ca.crt";
const CERTIFICATE: &str = "/var/lib/kube-proxy/kube-proxy.crt";

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

#[test]
fn a_saved_plan_whose_list_of_what_is_waived_was_edited_is_refused() {
    type Edit = fn(&mut Value);
    let edits: [(&str, Edit); 5] = [
        ("none", |plan| plan["waived"] = json!([])),
        ("another check", |plan| {
            plan["waived"][0]["check"] = json!("profiling-enabled")
        }),
        ("another file", |plan| {
            plan["waived"][0]["path"] = json!("/etc/passwd")
        }),
        ("the figures", |plan| plan["summary"]["waived"] = json!(7)),
        ("a field", |plan| {
            plan["waived"][0]["waiver"]["run"] = json!("sh")
        }),
    ];
    for (what, edit) in edits {
        let node = demo(METRICS);
        let saved = node.outside().join("plan.json");
        let saved = saved.to_str().unwrap();
        assert_eq!(node.run(&["plan", "--out", saved]).code, 0);
        let mut plan: Value = serde_json::from_slice(&fs::read(saved).unwrap()).unwrap();
        edit(&mut plan);
        fs::write(saved, plan.to_string()).unwrap();
        let before = node.snapshot();
        let ran = node.run(&["apply", "--yes", saved]);
        assert_eq!(ran.code, 1, "{what}: {ran:?}");
        assert!(node.snapshot() == before, "{what}");
    }
}

#[test]
fn a_saved_plan_of_before_there_were_waivers_is_applied() {
    let node = Node::demo();
    let saved = node.outside().join("plan.json");
    let saved = saved.to_str().unwrap();
    assert_eq!(node.run(&["plan", "--out", saved]).code, 0);
    let mut plan: Value = serde_json::from_slice(&fs::read(saved).unwrap()).unwrap();
    assert!(plan.as_object_mut().unwrap().remove("waived").is_some());
    assert!(
        plan["summary"]
            .as_object_mut()
            .unwrap()
            .remove("waived")
            .is_some()
    );
    fs::write(saved, plan.to_string()).unwrap();
    assert_eq!(node.run(&["apply", "--yes", saved]).code, 0);
}

#[test]
fn a_justification_is_shown_on_one_line_and_without_what_a_terminal_would_obey() {
    let node = demo(
        "- check: metrics-exposed\n  justification: \"a\\e[2K\\rb\\u202ec\\n\\n  d\"\n  node: \"*\"\n",
    );
    for command in ["scan", "plan", "verify"] {
        let ran = node.run(&[command, "--only", "metrics-exposed"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let shown = ran
            .out
            .lines()
            .find(|line| line.contains("waived without"))
            .unwrap();
        assert!(shown.ends_with(&format!(" d ({OWN}:2)")), "{shown:?}");
        assert!(!ran.out.contains(['\u{1b}', '\r', '\u{202e}']), "{ran:?}");
    }
    let (_, scan) = node.json(&["scan", "--only", "metrics-exposed"]);
    let whole = "a\u{1b}[2K\rb\u{202e}c\n\n  d";
    assert_eq!(scan["verdicts"][0]["waiver"]["justification"], whole);
}
