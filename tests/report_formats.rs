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
use support::mixed::{document, mixed, report};
use support::tools::judged;

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
