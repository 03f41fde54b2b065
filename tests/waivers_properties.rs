//! With any set of waivers a plan is the one without them, less what they waive.
//! `TIGHTEN_WAIVER_CASES=1000 cargo test --release --test waivers_properties` tries more of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/random.rs"]
mod random;
mod support;

use std::cell::Cell;
use std::fs;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use support::Node;
use support::waived::{OWN, waive};

/// Enough for every finding of the node to be waived and not to be waived, few enough for ten seconds.
const CASES: u32 = 24;

fn runner() -> TestRunner {
    TestRunner::new(random::config(random::cases("TIGHTEN_WAIVER_CASES", CASES)))
}

/// A node on which many checks fail, some of them for several files.
fn node() -> Node {
    let node = Node::demo();
    for (path, mode) in [
        ("/var/lib/kube-proxy/ca.crt", 0o664),
        ("/var/lib/kube-proxy/kube-proxy.crt", 0o666),
        ("/etc/systemd/system/kube-proxy.service", 0o664),
    ] {
        node.chmod(path, mode);
    }
    let drop_ins = "/etc/systemd/system/kube-proxy.service.d";
    for name in ["one", "two"] {
        let path = format!("{drop_ins}/{name}.conf");
        node.write(&path, "[Service]\nNice=1\n");
        node.chmod(&path, 0o666);
    }
    node
}

fn list<'a>(document: &'a Value, key: &str) -> &'a [Value] {
    document[key].as_array().unwrap()
}

/// The findings of a scan: the check, and the file.
fn findings(scan: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for verdict in list(scan, "verdicts") {
        for instance in list(verdict, "instances") {
            if instance["verdict"] == "fail" {
                let check = verdict["check"].as_str().unwrap();
                let path = instance["path"].as_str().unwrap();
                found.push((check.to_string(), path.to_string()));
            }
        }
    }
    found
}

#[test]
fn waivers_of_whole_checks_plan_what_skipping_these_checks_plans() {
    let node = node();
    let (_, scan) = node.json(&["scan"]);
    let mut checks: Vec<String> = findings(&scan)
        .into_iter()
        .map(|(check, _)| check)
        .collect();
    checks.dedup();
    assert!(checks.len() > 14, "{checks:?}");
    let some = proptest::sample::subsequence(checks.clone(), 1..=checks.len());
    let planned = Cell::new(0);
    runner()
        .run(&some, |waived| {
            let entry = |check: &String| format!("- {{check: {check}, justification: x}}\n");
            waive(&node, &waived.iter().map(entry).collect::<String>());
            let (_, with) = node.json(&["plan"]);
            let (_, without) = node.json(&["--no-waivers", "plan", "--skip", &waived.join(",")]);
            for key in ["changes", "effects", "manual", "obstacles", "warnings"] {
                prop_assert_eq!(&with[key], &without[key], "{}", key);
            }
            let (code, scan) = node.json(&["scan"]);
            let summary = &scan["summary"];
            prop_assert_eq!(&summary["waived"], waived.len());
            prop_assert_eq!(&summary["fail"], checks.len() - waived.len());
            prop_assert_eq!(code, if waived.len() == checks.len() { 0 } else { 2 });
            planned.set(planned.get() + list(&with, "changes").len());
            Ok(())
        })
        .unwrap();
    assert!(planned.get() > 50, "{} changes in all", planned.get());
}

#[test]
fn waivers_of_single_files_take_exactly_their_changes_out_of_the_plan() {
    let node = node();
    // No change of what is left needs another one.
    fs::remove_dir_all(node.path("/etc/kubernetes/manifests")).unwrap();
    let (_, scan) = node.json(&["scan"]);
    let findings = findings(&scan);
    assert!(findings.len() > 14, "{findings:?}");
    let pick = |change: &Value| {
        let text = |key: &str| change[key].as_str().unwrap().to_string();
        (text("check"), text("path"))
    };
    let picks = |plan: &Value| -> Vec<(String, String)> {
        list(plan, "changes").iter().map(pick).collect()
    };
    let (_, all) = node.json(&["plan"]);
    let all = picks(&all);
    let some = proptest::sample::subsequence(findings.clone(), 0..=findings.len());
    let planned = Cell::new(0);
    runner()
        .run(&some, |waived| {
            let entry = |(check, path): &(String, String)| {
                format!("- {{check: {check}, path: {path}, justification: x}}\n")
            };
            let entries: String = waived.iter().map(entry).collect();
            match waived.is_empty() {
                true => node.write(OWN, "waivers: []\n"),
                false => waive(&node, &entries),
            }
            let (_, plan) = node.json(&["plan"]);
            let left: Vec<_> = all
                .iter()
                .filter(|pick| !waived.contains(pick))
                .cloned()
                .collect();
            prop_assert_eq!(picks(&plan), left.clone());
            prop_assert_eq!(list(&plan, "waived").len(), waived.len());
            for entry in list(&plan, "manual") {
                prop_assert!(!waived.contains(&pick(entry)), "{}", entry);
            }
            // What is waived stays as it is, and the rest is as good as without waivers.
            let before = node.snapshot();
            prop_assert_eq!(node.run(&["apply", "--yes"]).code, 0);
            prop_assert_eq!(node.run(&["verify"]).code, 0);
            let after = node.snapshot();
            for (path, entry) in &before {
                let changes = left.iter().any(|(_, changed)| changed == path);
                prop_assert!(changes || after.get(path) == Some(entry), "{}", path);
            }
            if !left.is_empty() {
                prop_assert_eq!(node.run(&["rollback", "--yes"]).code, 0);
            }
            prop_assert!(node.snapshot() == before);
            planned.set(planned.get() + left.len());
            Ok(())
        })
        .unwrap();
    assert!(planned.get() > 50, "{} changes in all", planned.get());
}
