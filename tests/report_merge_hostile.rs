//! What is merged comes from other machines: no file is believed, and nothing of it is more than shown.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::Node;
use support::markup::{page, xml};
use support::scans::{Scans, not_scanned};

#[test]
fn a_file_that_is_no_scan_is_named_with_what_is_wrong_and_no_report_is_made() {
    let scans = Scans::new();
    let whole = scans.scan.to_string();
    scans.write("good.json", &scans.scan);
    let cut = |at: usize| whole.as_bytes()[..at].to_vec();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let (_, plan) = Node::demo().json(&["plan"]);
    let mut newer = scans.scan.clone();
    newer["schema"] = json!("tighten.scan/v2");
    let mut twice = scans.scan.clone();
    let first = twice["verdicts"][0].clone();
    twice["verdicts"]
        .as_array_mut()
        .unwrap()
        .push(first.clone());
    // Each would be a column of a thousand rows.
    let mut wide = scans.scan.clone();
    let column = |number: usize| {
        let mut one = first.clone();
        one["check"] = json!(format!("c{number}"));
        one
    };
    wide["verdicts"] = (0..1_001).map(column).collect();
    let mut word = scans.scan.clone();
    word["verdicts"][0]["verdict"] = json!("<b>fine</b>");
    let mut time = scans.scan.clone();
    time["scanned_at"] = json!("yesterday");
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", Vec::new(), "is empty"),
        (
            "cut",
            cut(whole.len() / 2),
            "ends in the middle of line 1: it was cut off",
        ),
        (
            "cut-at-the-end",
            cut(whole.len() - 1),
            "ends in the middle of line 1: it was cut off",
        ),
        (
            "binary",
            vec![0xff, 0, 0x1b],
            "is not JSON: line 1, column 1",
        ),
        (
            "text",
            b"Scan: 3 passed\n".to_vec(),
            "is not JSON: line 1, column 1",
        ),
        ("deep", deep.into_bytes(), "is not "),
        ("number", b"7".to_vec(), "is not a scan: "),
        ("object", b"{}".to_vec(), "is not a scan: it has no schema"),
        (
            "plan",
            plan.to_string().into_bytes(),
            "is a document \"tighten.plan/v1\", not tighten.scan/v1",
        ),
        (
            "newer",
            newer.to_string().into_bytes(),
            "has the format tighten.scan/v2, written by a newer tighten; this one reads tighten.scan/v1",
        ),
        (
            "twice",
            twice.to_string().into_bytes(),
            "is not a scan: the check \"config-refused\" is in it twice",
        ),
        (
            "wide",
            wide.to_string().into_bytes(),
            "is not a scan: it has 1001 checks, and at most 1000 are read",
        ),
        (
            "word",
            word.to_string().into_bytes(),
            "is not a scan: unknown variant `<b>fine</b>`",
        ),
        (
            "time",
            time.to_string().into_bytes(),
            "is not a scan: not a time such as 2026-01-31T12:00:00Z: \"yesterday\"",
        ),
    ];
    for (name, bytes, why) in &cases {
        fs::write(scans.path(name), bytes).unwrap();
        let ran = scans.merge(
            &["--out", "report.html", "--format", "html"],
            &["good.json", name],
        );
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{name}");
        assert!(
            ran.err.starts_with(&format!("error: {name}: {why}")),
            "{}",
            ran.err
        );
        assert!(
            ran.err.contains("\n  no report was made\nhelp: "),
            "{}",
            ran.err
        );
        assert!(!scans.path("report.html").exists());
    }
    // Every bad file is named at once, as far as there is room.
    let all: Vec<&str> = cases.iter().map(|(name, ..)| *name).collect();
    let ran = scans.merge(&[], &all);
    for (name, _, why) in &cases[..5] {
        assert!(ran.err.contains(&format!("{name}: {why}")), "{}", ran.err);
    }
    assert!(
        ran.err.contains("\n       and 9 more files\n"),
        "{}",
        ran.err
    );
    // As JSON, too.
    let ran = scans.merge(&["--format", "json"], &["cut"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(
        document["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("cut: ends in the middle")
    );
}

#[test]
fn what_is_no_regular_file_is_refused_without_waiting_for_it() {
    let scans = Scans::new();
    nix::unistd::mkfifo(&scans.path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::create_dir(scans.path("directory")).unwrap();
    let huge = fs::File::create(scans.path("huge")).unwrap();
    huge.set_len(1 << 40).unwrap();
    for (name, why) in [
        ("missing", "cannot be opened: No such file or directory"),
        ("pipe", "is a named pipe, not a regular file"),
        ("directory", "is a directory\n"),
        ("huge", "is larger than 16 MiB, so it is no scan"),
        ("/dev/zero", "is a device, not a regular file"),
    ] {
        let ran = scans.merge(&[], &[name]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{name}");
        assert!(
            ran.err.starts_with(&format!("error: {name}: {why}")),
            "{}",
            ran.err
        );
    }
    let ran = scans.merge(&[], &[]);
    assert_eq!(ran.code, 64, "{ran:?}");
}

#[test]
fn what_other_nodes_wrote_is_only_shown() {
    let scans = Scans::new();
    let evil = "</td></table><script>alert(1)</script><img src=x onerror=y>\u{1b}[31m\u{202e}\"'&";
    let mut scan = scans.node(evil, &[]);
    for (number, one) in scan["verdicts"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .enumerate()
    {
        for key in ["title", "observed", "expected", "reason", "why"] {
            one[key] = json!(evil);
        }
        one["check"] = json!(format!("{evil}{number}"));
        one["path"] = json!(format!("/{evil}"));
        for seen in one["instances"].as_array_mut().unwrap() {
            for key in ["observed", "reason"] {
                seen[key] = json!(evil);
            }
            seen["path"] = json!(format!("/{evil}"));
        }
    }
    scan["tool"]["version"] = json!(evil);
    scan["unknown key"] = json!({"deep": [1]});
    // Its own figures are not believed.
    scan["summary"] =
        json!({"pass": 99, "fail": 0, "not_applicable": 0, "unknown": 0, "waived": 0});
    scans.write("evil.json", &scan);
    let mut failed = not_scanned();
    failed["error"] = json!({"message": evil, "help": evil});
    let failed_file = "<b>&.json";
    scans.write(failed_file, &failed);
    let files = ["evil.json", failed_file];
    let (shown, _) = page(&scans.merge(&["--format", "html"], &files).out);
    assert!(shown.contains("<script>alert(1)</script>") && !shown.contains('\u{1b}'));
    xml(&scans.merge(&["--format", "junit"], &files).out);
    let text = scans.merge(&["-v"], &files).out;
    assert!(
        !text.contains('\u{1b}') && !text.contains('\u{202e}'),
        "{text:?}"
    );
    let document = scans.json(&files);
    assert_eq!(document["nodes"][1]["summary"]["fail"], 14);
}

#[test]
fn a_name_of_any_length_costs_no_line_but_its_own() {
    let scans = Scans::new();
    scans.write("short.json", &scans.node("worker-1", &[]));
    let usual = scans.merge(&["-v"], &["short.json"]);
    // A format's width ends at 65,535.
    let long = "n".repeat(70_000);
    let mut scan = scans.node(&long, &[]);
    scan["verdicts"][0]["check"] = json!("c".repeat(70_000));
    scans.write("long.json", &scan);
    let ran = scans.merge(&["-v"], &["short.json", "long.json"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains(&long));
    let node = |text: &str| {
        let mut lines = text.lines();
        lines
            .find(|line| line.trim_start().starts_with("worker-1 "))
            .unwrap()
            .to_string()
    };
    assert_eq!(node(&ran.out), node(&usual.out));
    let longest = |line: &&str| line.len() > 200;
    assert_eq!(ran.out.lines().filter(longest).count(), 2);
}
