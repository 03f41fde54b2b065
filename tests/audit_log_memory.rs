//! `tighten audit` takes no more memory for more: lines, names, bytes of a line.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::fs;
use std::io::Write as _;

use serde_json::json;
use support::logged::{IDENTITIES, audit, document, event, file, gzip, lines, run, zstd};
use support::watched::{Watched, watched};

/// Runs it on one file, in time.
fn on(path: &str, arguments: &[&str]) -> Watched {
    let ran = watched(audit(&[path]).args(arguments));
    assert!(!ran.late, "{ran:?}");
    ran
}

/// Below 12 MB, in KiB.
const MOST: u64 = 12_000_000 / 1024;

/// What it holds for a log as it should be, in KiB: most of it the program itself.
fn usual() -> u64 {
    // So many that it is seen at work.
    let (_held, path) = file("audit.log", lines(0..20_000));
    let peaks = (0..3).map(|_| on(&path, &["--format=json"]).peak);
    peaks.max().unwrap()
}

/// It has not grown much; nor is the release build large, the one that is used.
fn is_small(ran: &Watched, usual: u64, what: &str) {
    let grown = ran.peak.saturating_sub(usual);
    assert!(grown < 5 * 1024, "{what}: {grown} KiB more");
    if !cfg!(debug_assertions) {
        assert!(ran.peak < MOST, "{what}: {} KiB", ran.peak);
    }
}

#[test]
fn a_line_without_end_is_one_half_written_line() {
    let text = format!("{}{{\"auditID\":\"{}", lines(0..3), "a".repeat(100_000_000));
    let (_held, path) = file("audit.log", text);
    let one = on(&path, &["--format=json"]);
    let found = document(&one.ran);
    assert_eq!((one.ran.code, found["events"].as_u64()), (0, Some(3)));
    assert_eq!(found["half_written"], true);
    let ran = run(&[&path, "-q"]);
    assert_eq!(
        ran.out,
        "The last line is half-written; it is not counted.\n\nAudit: 3 requests of kube-proxy, nothing unusual.\n"
    );
    // Nothing of the line.
    is_small(&one, usual(), "a line without end");
}

#[test]
fn a_million_names_take_no_more_memory_than_a_few() {
    // What the debug build takes a minute for says no more.
    let number: u32 = if cfg!(debug_assertions) {
        30_000
    } else {
        1_000_000
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.log");
    let mut out = std::io::BufWriter::new(fs::File::create(&path).unwrap());
    for one in 0..number {
        let mut event = event(one % 86_400);
        let long = "n".repeat(60);
        event["auditID"] = json!(format!("id-{one}"));
        event["stage"] = json!("ResponseStarted");
        event["userAgent"] = json!(format!("agent-{one}-{long}"));
        event["objectRef"]["namespace"] = json!(format!("ns-{one}-{long}"));
        event["objectRef"]["resource"] = json!(format!("resource-{one}-{long}"));
        event["verb"] = json!(format!("verb-{one}-{long}"));
        event["user"]["username"] = json!(if one % 2 == 0 {
            IDENTITIES[0].to_string()
        } else {
            format!("user-{one}-{long}")
        });
        event["sourceIPs"] = json!([address(one)]);
        writeln!(out, "{event}").unwrap();
    }
    out.flush().unwrap();
    let (path, usual) = (path.to_str().unwrap(), usual());
    for (arguments, expected) in [
        (&["--format=json"][..], number / 2),
        (&["--format=json", "--all-users"], number),
    ] {
        let many = on(path, arguments);
        let found = document(&many.ran);
        assert_eq!(
            (found["events"].as_u64(), found["requests"].as_u64()),
            (Some(u64::from(expected)), Some(u64::from(expected)))
        );
        let by = &found["by"]["user_agent"];
        assert_eq!(by.as_array().unwrap().len(), 2048);
        assert_eq!(found["by"]["user_agent_others"]["events"], expected - 2048);
        is_small(&many, usual, &arguments.join(" "));
    }
    is_small(&on(path, &["--all-users", "-v"]), usual, "as text");
}

/// One of many.
fn address(number: u32) -> String {
    let [_, a, b, c] = number.to_be_bytes();
    format!("10.{a}.{b}.{c}")
}

/// An event that no kube-proxy should cause.
fn unusual(at: u32, request: u32, stage: &str, credential: u32, second: u32) -> String {
    let extra = json!({
        "authentication.kubernetes.io/credential-id": [format!("JTI={credential}")],
        "authentication.kubernetes.io/node-name": [format!("n{credential}")],
    });
    let mut event = event(second % 86_400);
    event["auditID"] = json!(format!("id-{request}"));
    event["stage"] = json!(stage);
    event["verb"] = json!(format!("delete{at}"));
    event["user"] = json!({"username": IDENTITIES[1], "extra": extra});
    event["sourceIPs"] = json!([address(at)]);
    event["userAgent"] = json!(at.to_string());
    event["responseStatus"]["code"] = json!(403);
    event.to_string()
}

#[test]
fn no_lines_take_much_memory() {
    let size = if cfg!(debug_assertions) { 4 } else { 64 } << 20;
    let user = r#""user":{"username":"system:kube-proxy"}"#;
    let head = r#""kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata""#;
    let time = r#""requestReceivedTimestamp":"2026-11-23T16:14:35.011937Z""#;
    type Line<'a> = &'a dyn Fn(u32) -> String;
    let kinds: [(&str, Line); 9] = [
        ("no events", &|_| "x".into()),
        ("empty ones", &|_| "{}".into()),
        ("little of an event", &|_| {
            format!(r#"{{{user},"stage":"Panic"}}"#)
        }),
        ("somebody else's", &|_| {
            r#"{"user":{"username":"a"},"stage":"Panic"}"#.into()
        }),
        ("open requests", &|at| {
            format!(r#"{{"auditID":"{at}","stage":"ResponseStarted",{user}}}"#)
        }),
        ("long clients", &|at| {
            let agent = "u".repeat(3000);
            format!(
                r#"{{{head},"auditID":"{at}","stage":"Panic","requestURI":"/","verb":"get",{user},"sourceIPs":["10.0.0.1"],"userAgent":"{agent}{at}",{time}}}"#
            )
        }),
        ("long lines", &|at| {
            let (uri, object) = ("x".repeat(60_000), "y".repeat(at as usize % 5 * 200_000));
            format!(r#"{{"stage":"Panic",{user},"requestURI":"{uri}","requestObject":"{object}"}}"#)
        }),
        ("all that is unusual", &|at| {
            // Of each credential four events, from four addresses.
            unusual(at, at, "ResponseStarted", at / 4 % 20_000, 0)
        }),
        ("all that is unusual, which comes and goes", &|at| {
            let credential = match at {
                ..21_504 => at / 4,
                _ => 5376 + (at - 21_504) / 8,
            };
            let second = at.saturating_sub(21_504) / 16;
            let (request, stage) = match at.checked_sub(22_528) {
                None => (at, "ResponseStarted"),
                Some(more) if more % 2 == 0 => (more / 2, "ResponseComplete"),
                Some(more) => (22_528 + more / 2, "ResponseStarted"),
            };
            unusual(at, request, stage, credential, second)
        }),
    ];
    let usual = usual();
    for (what, line) in kinds {
        let mut text = String::with_capacity(size);
        let mut number = 0;
        while text.len() < size {
            text += &line(number);
            text.push('\n');
            number += 1;
        }
        let (_held, path) = file("audit.log", text);
        for arguments in [&["--format=json"][..], &["--format=json", "--all-users"]] {
            let ran = on(&path, arguments);
            let found = document(&ran.ran);
            assert_eq!(found["lines"], number, "{what}");
            is_small(&ran, usual, what);
        }
    }
}

#[test]
fn the_size_of_a_log_and_how_it_is_packed_do_not_matter() {
    let text = lines(0..30_000);
    let usual = usual();
    for (bytes, what) in [
        (text.repeat(2).into_bytes(), "plain"),
        (gzip(&text), "gzip"),
        (zstd(&text), "zstd"),
    ] {
        let (_held, path) = file("audit.log", bytes);
        for arguments in [&["--format=json"][..], &["--format=json", "--all-users"]] {
            let large = on(&path, arguments);
            assert!(document(&large.ran)["events"].as_u64().unwrap() >= 30_000);
            is_small(&large, usual, what);
        }
    }
}
