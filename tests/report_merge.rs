//! The scans of many nodes as one report: worst first, no node dropped.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::Node;
use support::markup::{page, xml};
use support::scans::{Scans, clean, names, not_scanned};

#[test]
fn the_worst_node_stands_first_and_one_that_was_not_scanned_before_all() {
    let scans = Scans::new();
    let clean = clean(&scans.scan);
    let but = |kept: &[(&'static str, &'static str)]| [&clean[..], kept].concat();
    scans.write("clean.json", &scans.node("clean", &clean));
    let one_low = scans.node(
        "low",
        &clean
            .iter()
            .copied()
            .filter(|(check, _)| *check != "healthz-exposed")
            .collect::<Vec<_>>(),
    );
    scans.write("low.json", &one_low);
    let one_high = scans.node(
        "high",
        &clean
            .iter()
            .copied()
            .filter(|(check, _)| *check != "metrics-exposed")
            .collect::<Vec<_>>(),
    );
    scans.write("high.json", &one_high);
    scans.write(
        "unknown.json",
        &scans.node("unknown", &but(&[("api-ca-missing", "unknown")])),
    );
    scans.write("all.json", &scans.node("all", &[]));
    let not = not_scanned();
    scans.write("failed.json", &not);
    let files = [
        "clean.json",
        "low.json",
        "high.json",
        "unknown.json",
        "all.json",
        "failed.json",
    ];
    let document = scans.json(&files);
    assert_eq!(
        names(&document),
        ["failed", "all", "high", "low", "unknown", "clean"]
    );
    let expected = json!({
        "nodes": 6, "scanned": 5, "not_scanned": 1, "with_findings": 3,
        "verdicts": document["summary"]["verdicts"],
    });
    assert_eq!(document["summary"], expected);
    assert_eq!(document["schema"], "tighten.report/v1");
    let failed = &document["nodes"][0];
    assert_eq!(
        (&failed["status"], &failed["summary"]),
        (&json!("not-scanned"), &Value::Null)
    );
    assert_eq!(failed["error"], not["error"]);
    let high = &document["nodes"][2];
    assert_eq!(high["findings"], json!({"high": 1, "medium": 0, "low": 0}));
    assert_eq!(high["details"][0]["check"], "metrics-exposed");
    let checks = document["checks"].as_array().unwrap();
    assert_eq!(
        (&checks[0]["check"], &checks[0]["summary"]["fail"]),
        (&json!("metrics-exposed"), &json!(2))
    );
    for check in checks {
        let all: u64 = check["summary"]
            .as_object()
            .unwrap()
            .values()
            .map(|n| n.as_u64().unwrap())
            .sum();
        assert_eq!(all, 5, "{check}");
    }
    // The text says the same, and that a clean node is there.
    let text = scans.merge(&[], &files);
    let at = |word: &str| {
        text.out
            .find(&format!("\n  {word} "))
            .unwrap_or_else(|| panic!("{word}: {}", text.out))
    };
    assert!(
        text.out
            .starts_with("Not scanned:\n  failed  no kube-proxy"),
        "{}",
        text.out
    );
    assert!(at("all") < at("high") && at("high") < at("low") && at("low") < at("unknown"));
    assert!(
        text.out
            .contains("\n  and 1 node without findings; -v shows it\n")
    );
    assert!(
        text.out
            .ends_with("\nReport: 6 nodes, 5 scanned, 1 not scanned, 3 with findings.\n")
    );
    assert!(scans.merge(&["-v"], &files).out.contains("\n  clean "));
}

#[test]
fn a_thousand_nodes_are_one_page_with_a_word_in_every_cell() {
    let scans = Scans::new();
    let clean = clean(&scans.scan);
    let mut files = Vec::new();
    for number in 0..1000 {
        let name = format!("node-{number:04}.example");
        let file = format!("{number:04}.json");
        match number {
            7 => scans.write(&file, &not_scanned()),
            _ => {
                let passed = &clean[..number % (clean.len() + 1)];
                scans.write(&file, &scans.node(&name, passed));
            }
        }
        files.push(file);
    }
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let ran = scans.merge(&["--format", "html", "--out", "page.html"], &files);
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (
            0,
            "Written to page.html. Report: 1,000 nodes, 999 scanned, 1 not scanned, 933 with findings.\n"
        )
    );
    let text = fs::read_to_string(scans.path("page.html")).unwrap();
    assert!(text.len() < 1 << 20, "{} bytes", text.len());
    let (shown, links) = page(&text);
    assert_eq!(links, ["main", "missing", "checks", "nodes"]);
    let checks = scans.scan["verdicts"].as_array().unwrap().len();
    let (_, table) = text.split_once("class=\"scroll matrix\"").unwrap();
    let (_, body) = table.split_once("<tbody>").unwrap();
    let rows: Vec<&str> = body.split("<tr>").skip(1).collect();
    assert_eq!(rows.len(), 1000);
    assert!(
        rows[0].contains("<th scope=\"row\">0007<td class=\"u\"")
            && rows[0].contains("not scanned")
    );
    for row in &rows[1..] {
        let cells: Vec<&str> = row.split("<td").skip(2).collect();
        assert_eq!(cells.len(), checks);
        for cell in cells {
            let word = cell.split_once('>').unwrap().1.split('<').next().unwrap();
            assert!(
                ["fail", "pass", "unknown", "waived", "n/a"].contains(&word.trim()),
                "{cell}"
            );
        }
    }
    // Worst first: no row has more findings of high severity than the one before.
    let document = scans.json(&files);
    let high = |node: &Value| node["findings"]["high"].as_u64().unwrap_or(u64::MAX);
    let nodes = document["nodes"].as_array().unwrap();
    assert!(nodes.windows(2).all(|two| high(&two[0]) >= high(&two[1])));
    assert_eq!(names(&document).iter().collect::<BTreeSet<_>>().len(), 1000);
    // What many nodes have in common stands there once.
    assert!(
        shown.contains("and 9") && shown.matches("metricsBindAddress: 0.0.0.0:10249").count() == 1
    );
    let suites = xml(&scans.merge(&["--format", "junit"], &files).out);
    assert_eq!(suites.children.len(), 1000);
}

#[test]
fn of_two_scans_of_one_node_the_newer_counts_and_a_note_says_so() {
    let scans = Scans::new();
    let at = |time: &str| {
        let mut scan = scans.node("twin", &clean(&scans.scan));
        scan["scanned_at"] = json!(time);
        scan
    };
    let mut older = scans.node("twin", &[]);
    older["scanned_at"] = json!("2026-01-01T00:00:00Z");
    scans.write("older.json", &older);
    scans.write("newer.json", &at("2026-01-02T00:00:00Z"));
    let note = "twin is there twice: newer.json (2026-01-02T00:00:00Z) counts, older.json (2026-01-01T00:00:00Z) does not.";
    for files in [["older.json", "newer.json"], ["newer.json", "older.json"]] {
        let document = scans.json(&files);
        assert_eq!(
            (names(&document), &document["notes"]),
            (vec!["twin"], &json!([note]))
        );
        assert_eq!(document["nodes"][0]["summary"]["fail"], 0);
        assert!(
            scans
                .merge(&[], &files)
                .out
                .contains(&format!("Note: {note}\n"))
        );
        let (shown, _) = page(&scans.merge(&["--format", "html"], &files).out);
        assert!(shown.contains(note));
    }
    // A scan that failed is newer, too: what is known of the node is old.
    let empty = Node::empty();
    empty.write("/etc/hostname", "twin\n");
    let (_, mut failed) = empty.json(&["scan"]);
    failed["scanned_at"] = json!("2026-01-03T00:00:00Z");
    scans.write("failed.json", &failed);
    let document = scans.json(&["newer.json", "failed.json", "older.json"]);
    assert_eq!(document["nodes"][0]["status"], "not-scanned");
    // A scan of before the time was told is older than any other; the later of two at the same time counts.
    older.as_object_mut().unwrap().remove("scanned_at");
    scans.write("untold.json", &older);
    assert_eq!(
        scans.json(&["newer.json", "untold.json"])["nodes"][0]["file"],
        "newer.json"
    );
    scans.write("same.json", &at("2026-01-02T00:00:00Z"));
    assert_eq!(
        scans.json(&["newer.json", "same.json"])["nodes"][0]["file"],
        "same.json"
    );
}

#[test]
fn a_node_whose_waivers_or_baseline_are_refused_is_known_by_its_hostname_all_the_same() {
    let scans = Scans::new();
    let node = Node::demo();
    let scan = |name: &str, code: i32, arguments: &[&str]| {
        let path = scans.path(name);
        let out = ["scan", "--format", "json", "--out", path.to_str().unwrap()];
        assert_eq!(node.run(&[arguments, &out].concat()).code, code);
    };
    scan("yesterday.json", 2, &[]);
    node.write("/etc/tighten/waivers.yaml", "waivers: [{");
    scan("today.json", 1, &[]);
    let baseline = ["--no-waivers", "--baseline", "/no/such/file"];
    scan("tomorrow.json", 1, &baseline);
    for file in ["today.json", "tomorrow.json"] {
        let document = scans.json(&["yesterday.json", file]);
        assert_eq!(names(&document), ["controlplane"]);
        assert_eq!(document["nodes"][0]["status"], "not-scanned");
    }
}

#[test]
fn a_node_without_a_name_of_its_own_has_its_files_and_is_never_dropped() {
    let scans = Scans::new();
    scans.write("one.json", &scans.node("localhost", &[]));
    let mut nameless = scans.node("", &[]);
    nameless["node"]["hostname"] = Value::Null;
    scans.write("two.json", &nameless);
    fs::create_dir(scans.path("other")).unwrap();
    scans.write("other/two.json", &nameless);
    scans.write("three.json", &scans.node("one", &[]));
    let document = scans.json(&["one.json", "two.json", "other/two.json", "three.json"]);
    let found: BTreeSet<&str> = names(&document).into_iter().collect();
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(
        found.contains("one") && found.contains("one (one.json)"),
        "{found:?}"
    );
}

#[test]
fn scans_of_different_versions_and_baselines_stand_beside_each_other() {
    let scans = Scans::new();
    let mut other = scans.node("other", &[]);
    other["tool"]["version"] = json!("9.9.9");
    let mut own = other["verdicts"][0].clone();
    own["check"] = json!("our-own");
    other["verdicts"] = json!([own]);
    scans.write("a.json", &scans.node("first", &[]));
    scans.write("b.json", &other);
    let document = scans.json(&["a.json", "b.json"]);
    let version = env!("CARGO_PKG_VERSION");
    let note =
        format!("The scans were made by different versions of tighten: {version} (1), 9.9.9 (1).");
    assert_eq!(document["notes"], json!([note]));
    let by_name: BTreeMap<&str, usize> = document["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| {
            (
                node["name"].as_str().unwrap(),
                node["verdicts"].as_object().unwrap().len(),
            )
        })
        .collect();
    assert_eq!(by_name, BTreeMap::from([("first", 36), ("other", 1)]));
    let (shown, _) = page(
        &scans
            .merge(&["--format", "html"], &["a.json", "b.json"])
            .out,
    );
    assert_eq!(
        shown.matches("not run").count(),
        37,
        "a check that was not run is not shown as passed"
    );
}

#[test]
fn a_merge_needs_no_node_and_obeys_out_as_a_scan_does() {
    let scans = Scans::new();
    scans.write("a.json", &scans.scan);
    let ran = scans.merge(&["--root", "/no/such/root"], &["a.json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    std::os::unix::fs::symlink("a.json", scans.path("link")).unwrap();
    let ran = scans.merge(&["--out", "link"], &["a.json"]);
    assert!(
        ran.code == 1 && ran.err.contains("it is a symbolic link"),
        "{ran:?}"
    );
    let ran = scans.merge(&["--out", "report.txt"], &["a.json"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&metadata(&scans.path("report.txt")).permissions());
    assert_eq!(mode & 0o7777, 0o600);
}

fn metadata(path: &Path) -> fs::Metadata {
    fs::symlink_metadata(path).unwrap()
}
