//! A scan as OSCAL says the same as the JSON, and is what its readers demand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use support::Node;
use support::mixed::{document, mixed, report};
use support::tools::validated;

#[test]
fn oscal_refers_to_nothing_that_is_not_there_and_accepts_only_what_is_waived() {
    let node = mixed();
    let text = report(&node, "oscal");
    let (_, verdicts) = document(&node);
    let document: Value = serde_json::from_str(&text).unwrap();
    let results = &document["assessment-results"];
    let mut ids = Vec::new();
    let mut references = Vec::new();
    collect(results, &mut ids, &mut references);
    let known: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(known.len(), ids.len(), "an id is there twice");
    for id in &ids {
        let (version, variant) = (&id[14..15], &id[19..20]);
        assert!(id.len() == 36 && version == "5" && variant == "a", "{id}");
    }
    assert!(references.len() > verdicts.len() && references.iter().all(|id| known.contains(id)));
    let result = &results["results"][0];
    let findings = result["findings"].as_array().unwrap();
    let judged = verdicts
        .values()
        .filter(|one| one["verdict"] != "not-applicable");
    assert_eq!(findings.len(), judged.count());
    for finding in findings {
        let check = finding["target"]["target-id"].as_str().unwrap();
        let passed = verdicts[check]["verdict"] == "pass";
        let state = if passed { "satisfied" } else { "not-satisfied" };
        assert_eq!(finding["target"]["status"]["state"], state, "{check}");
        assert_eq!(finding["related-risks"].is_null(), passed, "{check}");
    }
    let accepted: Vec<&Value> = result["risks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|risk| risk["status"] != "open")
        .collect();
    let [accepted] = accepted.as_slice() else {
        panic!("{accepted:?}");
    };
    assert_eq!(accepted["status"], "deviation-approved");
    assert!(
        accepted["description"]
            .as_str()
            .unwrap()
            .contains("scraped on purpose")
    );
    if let Some(said) = validated("oscal", &text) {
        assert_eq!(said, Ok(()));
    }
}

#[test]
fn oscal_is_valid_whatever_a_baseline_of_ones_own_calls_its_checks() {
    let node = Node::demo();
    let baseline = node.outside().join("own.yaml");
    let check = |id: &str, title: &str| {
        format!(
            "- id: {id}\n  title: {title}\n  severity: high\n  why: \"\"\n  \
             expect: {{file-mode: {{target: proxy-config, at-most: \"0400\"}}}}\n"
        )
    };
    let checks = check("4-1-mode", r#"" Two\nlines ""#) + &check("-dash", r#""""#);
    fs::write(
        &baseline,
        format!("name: own\ntitle: own\nchecks:\n{checks}"),
    )
    .unwrap();
    let scan = ["--baseline", baseline.to_str().unwrap(), "scan"];
    let ran = node.run(&[&scan[..], &["--format", "oscal"]].concat());
    assert_eq!((ran.code, ran.err.as_str()), (2, ""));
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let result = &document["assessment-results"]["results"][0];
    for (at, id, title) in [(0, "_4-1-mode", "Two lines"), (1, "_-dash", "-dash")] {
        let (finding, risk) = (&result["findings"][at], &result["risks"][at]);
        assert_eq!(finding["target"]["target-id"], id);
        assert_eq!(
            (&finding["title"], &risk["title"]),
            (&title.into(), &title.into())
        );
        assert_ne!(risk["statement"], "");
    }
    if let Some(said) = validated("oscal", &ran.out) {
        assert_eq!(said, Ok(()));
    }
}

/// Each id that is given, and each that is referred to.
fn collect(value: &Value, ids: &mut Vec<String>, references: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, ids, references)),
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str() {
                    Some(text) if key == "uuid" => ids.push(text.into()),
                    Some(text) if key.ends_with("-uuid") => references.push(text.into()),
                    Some(text) if key == "href" => {
                        references.push(text.trim_start_matches('#').into())
                    }
                    _ => collect(value, ids, references),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn the_same_scan_gives_the_same_oscal_document() {
    let node = mixed();
    for _ in 0..20 {
        let (one, other) = (report(&node, "oscal"), report(&node, "oscal"));
        let at = |text: &str| {
            let document: Value = serde_json::from_str(text).unwrap();
            document["assessment-results"]["metadata"]["last-modified"].to_string()
        };
        // The time is part of the scan.
        if at(&one) == at(&other) {
            assert_eq!(one, other);
            return;
        }
    }
    panic!("no two scans within one second");
}
