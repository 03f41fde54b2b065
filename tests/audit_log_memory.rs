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
    let (_small, small) = file("audit.log", lines(0..3));
    let grown = one.peak.saturating_sub(on(&small, &["--format=json"]).peak);
    // Workers and their buffers, and nothing of the line.
    assert!(grown < 8 * 1024, "{grown} KiB more");
}

#[test]
fn a_million_names_take_no_more_memory_than_some_thousand() {
    // What the debug build takes a minute for says no more.
    let number: u32 = if cfg!(debug_assertions) {
        30_000
    } else {
        1_000_000
    };
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, number: u32| {
        let path = directory.path().join(name);
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
            event["sourceIPs"] = json!([format!(
                "10.{}.{}.{}",
                one >> 16 & 255,
                one >> 8 & 255,
                one & 255
            )]);
            writeln!(out, "{event}").unwrap();
        }
        path.to_str().unwrap().to_string()
    };
    let (few, many) = (write("few.log", 8000), write("many.log", number));
    for arguments in [&["--format=json"][..], &["--format=json", "--all-users"]] {
        let (few, many) = (on(&few, arguments), on(&many, arguments));
        let found = document(&many.ran);
        let expected = if arguments.len() == 1 {
            number / 2
        } else {
            number
        };
        assert_eq!(
            (found["events"].as_u64(), found["requests"].as_u64()),
            (Some(u64::from(expected)), Some(u64::from(expected)))
        );
        let by = &found["by"]["user_agent"];
        assert_eq!(by.as_array().unwrap().len(), 2048);
        assert_eq!(found["by"]["user_agent_others"]["events"], expected - 2048);
        // 65,536 open requests are held beside the names.
        let grown = many.peak.saturating_sub(few.peak);
        assert!(grown < 6 * 1024, "{grown} KiB more, {} KiB", many.peak);
        if !cfg!(debug_assertions) {
            assert!(many.peak < 12_000, "{} KiB", many.peak);
        }
    }
}

#[test]
fn the_size_of_a_log_and_how_it_is_packed_do_not_matter() {
    let text = lines(0..30_000);
    let (_small, small) = file("audit.log", lines(0..10));
    let least = on(&small, &["--format=json"]).peak;
    for bytes in [text.repeat(2).into_bytes(), gzip(&text), zstd(&text)] {
        let (_held, path) = file("audit.log", bytes);
        for arguments in [&["--format=json"][..], &["--format=json", "--all-users"]] {
            let large = on(&path, arguments);
            assert!(document(&large.ran)["events"].as_u64().unwrap() >= 30_000);
            let grown = large.peak.saturating_sub(least);
            assert!(grown < 6 * 1024, "{grown} KiB more");
            if !cfg!(debug_assertions) {
                assert!(large.peak < 12_000, "{} KiB", large.peak);
            }
        }
    }
}
