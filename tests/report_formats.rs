//! A scan in the formats that programs read: each says the same as the JSON, and is what its readers demand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;
use support::Node;
use support::markup::xml;
use support::metrics::metrics;
use support::tools::{judged, validated};

const WAIVERS: &str = "waivers:
- check: metrics-exposed
  justification: \"scraped on purpose: <b> & ]]> \\\"quoted\\\"\"
  expires: 2999-12-31
- check: profiling-enabled
  justification: long ago
  expires: 2020-01-01
";

/// The demo node with a waiver that counts, one that has expired, and a check that cannot be judged.
fn mixed() -> Node {
    let node = Node::demo();
    node.write("/etc/tighten/waivers.yaml", WAIVERS);
    let ca = node.path("/var/lib/kube-proxy/ca.crt");
    fs::remove_file(&ca).unwrap();
    fs::create_dir(&ca).unwrap();
    node
}

/// The document of the scan, and its verdicts by check.
fn document(node: &Node) -> (Value, BTreeMap<String, Value>) {
    let (_, document) = node.json(&["scan"]);
    let verdicts = document["verdicts"].as_array().unwrap();
    let by_check = verdicts
        .iter()
        .map(|one| (one["check"].as_str().unwrap().to_string(), one.clone()))
        .collect();
    (document, by_check)
}

fn report(node: &Node, format: &str) -> String {
    let ran = node.run(&["scan", "--format", format]);
    assert_eq!((ran.code, ran.err.as_str()), (2, ""), "{format}");
    ran.out
}

#[test]
fn the_mixed_node_has_a_verdict_of_every_kind() {
    let (document, _) = document(&mixed());
    let counts = document["summary"].as_object().unwrap();
    assert!(counts.values().all(|count| *count != 0), "{counts:?}");
    let at = document["scanned_at"].as_str().unwrap();
    let age = humantime::parse_rfc3339(at).unwrap().elapsed().unwrap();
    assert!(age.as_secs() < 600, "{at}");
}

#[test]
fn metrics_have_one_series_for_each_check_and_say_when_the_scan_was() {
    let node = mixed();
    let (document, verdicts) = document(&node);
    let text = report(&node, "prometheus");
    let found = metrics(&text);
    let version = env!("CARGO_PKG_VERSION").to_string();
    let [(labels, 1.0)] = found["tighten_build_info"].as_slice() else {
        panic!("{text}");
    };
    assert_eq!(*labels, BTreeMap::from([("version".into(), version)]));
    assert_eq!(found["tighten_scan_success"], [(BTreeMap::new(), 1.0)]);
    let (none, at) = &found["tighten_scan_timestamp_seconds"][0];
    let told = humantime::parse_rfc3339(document["scanned_at"].as_str().unwrap()).unwrap();
    let told = told.duration_since(std::time::UNIX_EPOCH).unwrap();
    assert!(none.is_empty() && (at - told.as_secs_f64()).abs() < 600.0);
    let checks = &found["tighten_scan_check"];
    assert_eq!(checks.len(), verdicts.len());
    for (labels, value) in checks {
        let verdict = &verdicts[&labels["check"]];
        assert_eq!((labels.len(), *value), (3, 1.0));
        assert_eq!(verdict["verdict"], labels["verdict"].as_str());
        assert_eq!(verdict["severity"], labels["severity"].as_str());
    }
    let numbers = &found["tighten_scan_checks"];
    assert_eq!(numbers.len(), 3 * 5);
    for (labels, number) in numbers {
        let both = |one: &&Value| {
            one["severity"] == labels["severity"].as_str()
                && one["verdict"] == labels["verdict"].as_str()
        };
        assert_eq!(
            verdicts.values().filter(both).count() as f64,
            *number,
            "{labels:?}"
        );
    }
    let waivers: BTreeMap<&str, f64> = found["tighten_scan_waivers"]
        .iter()
        .map(|(labels, number)| (labels["state"].as_str(), *number))
        .collect();
    assert_eq!(
        (waivers["used"], waivers["expired"], waivers["unused"]),
        (1.0, 1.0, 0.0)
    );
    if let Some(said) = judged("promtool", &["check", "metrics"], &text) {
        assert_eq!(said, Ok(()));
    }
}

#[test]
fn no_value_of_the_node_becomes_a_label() {
    let node = Node::demo();
    node.write("/etc/hostname", "hostile\"} 1\nname\n");
    let config = node.read("/var/lib/kube-proxy/kube-proxy-config.yaml");
    node.write(
        "/var/lib/kube-proxy/kube-proxy-config.yaml",
        config.replace("0.0.0.0:10249", "\"0.0.0.0:10249\\\"} 1\""),
    );
    let text = report(&node, "prometheus");
    metrics(&text);
    assert!(
        !text.contains("hostile") && !text.contains("0.0.0.0"),
        "{text}"
    );
}

#[test]
fn the_example_alerts_name_metrics_that_there_are() {
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tighten.rules.yaml");
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    let (rules_text, page) = (
        fs::read_to_string(rules).unwrap(),
        fs::read_to_string(page).unwrap(),
    );
    let found = metrics(&report(&Node::demo(), "prometheus"));
    let words = |text: &str| -> BTreeSet<String> {
        let parts = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let ours = parts.filter(|word| word.starts_with("tighten_"));
        ours.map(String::from).collect()
    };
    let all: BTreeSet<String> = found.into_keys().collect();
    assert_eq!(
        words(&page),
        all,
        "docs/metrics.md names each metric, and no other"
    );
    let used = words(&rules_text);
    assert!(!used.is_empty() && used.is_subset(&all), "{used:?}");
    if let Some(said) = judged("promtool", &["check", "rules", rules], "") {
        assert_eq!(said, Ok(()));
    }
}

#[test]
fn junit_has_a_case_for_each_check_and_says_why_it_did_not_pass() {
    let node = mixed();
    let (document, verdicts) = document(&node);
    let root = xml(&report(&node, "junit"));
    assert_eq!(root.name, "testsuites");
    let [suite] = root.children.as_slice() else {
        panic!("{root:?}");
    };
    assert_eq!(
        (suite.get("name"), suite.get("hostname")),
        ("controlplane", "controlplane")
    );
    let counts = &document["summary"];
    let number = |name: &str| suite.get(name).parse::<u64>().unwrap();
    assert_eq!(number("tests"), verdicts.len() as u64);
    assert_eq!(number("failures"), counts["fail"]);
    assert_eq!(number("errors"), counts["unknown"]);
    let skipped = counts["not_applicable"].as_u64().unwrap() + counts["waived"].as_u64().unwrap();
    assert_eq!(number("skipped"), skipped);
    let cases: Vec<_> = suite.all("testcase").collect();
    assert_eq!(cases.len(), verdicts.len());
    for case in cases {
        let verdict = &verdicts[case.get("name")];
        let expected = match verdict["verdict"].as_str().unwrap() {
            "pass" => None,
            "fail" => Some("failure"),
            "unknown" => Some("error"),
            _ => Some("skipped"),
        };
        let told = case.children.first();
        assert_eq!(told.map(|told| told.name.as_str()), expected, "{case:?}");
        for seen in verdict["instances"].as_array().unwrap() {
            let same = seen["verdict"] == verdict["verdict"] && expected.is_some();
            if let (true, Some(observed)) = (same, seen["observed"].as_str()) {
                assert!(told.unwrap().text.contains(observed), "{case:?}");
            }
        }
        if case.get("name") == "metrics-exposed" {
            assert_eq!(
                told.unwrap().get("message"),
                "waived until 2999-12-31: scraped on purpose: <b> & ]]> \"quoted\" (/etc/tighten/waivers.yaml:2)"
            );
        }
    }
    let warned = &suite.all("system-err").next().unwrap().text;
    assert!(
        warned.contains("the waiver of profiling-enabled expired"),
        "{warned}"
    );
}

#[test]
fn junit_is_xml_whatever_the_values_of_the_node_are() {
    for hostile in [
        "<![CDATA[",
        "]]>",
        "\u{1}\u{1b}[31m",
        "\u{202e}",
        "&amp;<x y='\">",
        "\u{fffe}\u{ffff}",
    ] {
        let node = Node::demo();
        node.write("/etc/hostname", format!("n{hostile}n\n"));
        let config = node.read("/var/lib/kube-proxy/kube-proxy-config.yaml");
        let value = serde_json::to_string(&format!("0.0.0.0:1{hostile}")).unwrap();
        node.write(
            "/var/lib/kube-proxy/kube-proxy-config.yaml",
            config.replace("0.0.0.0:10249", &value),
        );
        let ran = node.run(&["scan", "--format", "junit"]);
        assert!(ran.code == 2, "{ran:?}");
        let root = xml(&ran.out);
        assert!(root.children[0].get("name").starts_with('n'), "{root:?}");
        if let Some(said) = judged("xmllint", &["--noout", "-"], &ran.out) {
            assert_eq!(said, Ok(()), "{hostile:?}");
        }
    }
}

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

#[test]
fn a_command_without_the_format_says_which_it_has() {
    let node = Node::demo();
    for (arguments, told) in [
        (
            &["plan"][..],
            "plan has no format FORMAT\nhelp: it has: text, json\n",
        ),
        (
            &["demo", "/nowhere"],
            "demo has no format FORMAT\nhelp: it has: text, json\n",
        ),
        (
            &["history"],
            "history has no format FORMAT\nhelp: it has: text, json\n",
        ),
    ] {
        for format in ["prometheus", "sarif", "junit", "html", "oscal"] {
            let ran = node.run(&[arguments, &["--format", format]].concat());
            assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{arguments:?}");
            assert_eq!(
                ran.err,
                format!("error: {}", told.replace("FORMAT", format))
            );
        }
    }
    for format in ["prometheus", "sarif", "oscal"] {
        let ran = node.run(&["report", "merge", "--format", format, "x.json"]);
        let told = format!(
            "error: report merge has no format {format}\nhelp: it has: text, json, html, junit\n"
        );
        assert_eq!((ran.code, ran.err), (64, told));
    }
    let ran = node.run(&["scan", "--format", "yaml"]);
    assert_eq!(ran.code, 64);
    for known in [
        "text",
        "json",
        "prometheus",
        "sarif",
        "junit",
        "html",
        "oscal",
    ] {
        assert!(ran.err.contains(known), "{}", ran.err);
    }
}
