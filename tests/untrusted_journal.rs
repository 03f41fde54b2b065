//! A journal that is cut, damaged or forged is refused and never half executed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../fuzz/properties/mod.rs"]
mod properties;
mod untrusted_support;

use std::os::unix::fs::symlink;

use properties::journal::sealed_anew;
use untrusted_support::{Case, interrupted, settled};

/// Exit code while a transaction is open: files of the node may be half changed.
const OPEN: i32 = 4;

#[test]
fn an_interrupted_journal_that_is_cut_anywhere_is_refused_and_whole_it_is_undone() {
    let Some(case) = interrupted() else { return };
    let mut end = 0;
    for line in case.lines() {
        for cut in [end, end + 1, end + line.len() / 2, end + line.len() - 1] {
            case.write(&case.written[..cut]);
            let what = format!("cut at {cut}");
            case.refused(OPEN, &case.journal, "journal", &what);
        }
        end += line.len();
    }
    case.write(&case.written);
    assert_eq!(case.node.run(&["recover"]).code, 0);
    assert!(case.node.snapshot() == case.before);
}

#[test]
fn a_settled_journal_that_lost_its_end_is_refused() {
    let case = settled();
    let lines = case.lines();
    let mut end = 0;
    for (index, line) in lines.iter().enumerate() {
        // Up to its first intent nothing tells a cut journal from one that was never finished.
        for cut in [end, end + line.len() / 2, end + line.len() - 1] {
            if index > 1 {
                case.write(&case.written[..cut]);
                let what = format!("cut at {cut}");
                case.refused(1, &case.journal, "its end is missing", &what);
            }
        }
        end += line.len();
    }
}

fn flipped_bits_are_refused(case: &Case, code: i32) {
    let bits = case.written.len() * 8;
    for sample in 0..40 {
        let bit = (sample * bits / 40 + sample * 13) % bits;
        let mut bytes = case.written.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        case.write(&bytes);
        let what = format!("bit {bit}");
        case.refused(code, &case.journal, "journal", &what);
    }
}

#[test]
fn an_interrupted_journal_with_a_flipped_bit_is_refused() {
    let Some(case) = interrupted() else { return };
    flipped_bits_are_refused(&case, OPEN);
}

#[test]
fn a_settled_journal_with_a_flipped_bit_is_refused() {
    flipped_bits_are_refused(&settled(), 1);
}

#[test]
fn lines_that_are_swapped_doubled_or_left_out_are_refused() {
    let Some(case) = interrupted() else { return };
    let lines = case.lines();
    for at in 0..lines.len() - 1 {
        let mut swapped = lines.clone();
        swapped.swap(at, at + 1);
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at].clone());
        let mut less = lines.clone();
        less.remove(at);
        for (what, lines) in [("swapped", swapped), ("doubled", doubled), ("out", less)] {
            case.write(lines.concat().as_bytes());
            let what = format!("line {at} {what}");
            case.refused(OPEN, &case.journal, "journal", &what);
        }
    }
}

#[test]
fn a_journal_of_a_newer_format_is_refused_by_its_number() {
    let Some(case) = interrupted() else { return };
    let newer = case
        .text()
        .replace("tighten-journal-2 ", "tighten-journal-4 ");
    case.write(newer.as_bytes());
    let said = "has format 4, written by a newer tighten; this one reads up to 3";
    case.refused(OPEN, &case.journal, said, "newer lines");
    let newer = case.text().replace("\"format\":2", "\"format\":4");
    case.write(&sealed_anew(newer.as_bytes()));
    case.refused(OPEN, &case.journal, said, "newer begin");
}

/// What is replaced, by what: in the first place where it stands.
const NONSENSE: &[(&str, &str, &str)] = &[
    ("another format", "\"format\":2", "\"format\":0"),
    (
        "a format that is not its lines'",
        "\"format\":2",
        "\"format\":1",
    ),
    (
        "a directory in a file's place",
        "\"operation\":\"create\"",
        "\"operation\":\"make-directory\"",
    ),
    (
        "a directory that is removed and was not there",
        "\"operation\":\"make-directory\"",
        "\"operation\":\"remove-directory\"",
    ),
    (
        "a directory, which format 1 does not know",
        "tighten-journal-2 ",
        "tighten-journal-1 ",
    ),
    (
        "a rollback of nothing",
        "\"kind\":\"apply\"",
        "\"kind\":\"rollback\"",
    ),
    ("a foreign id", "\"id\":\"20", "\"id\":\"19"),
    ("no id", "\"id\":\"20", "\"id\":\"../20"),
    ("more intents than there are", "\"files\":", "\"files\":1"),
    ("a negative number", "\"files\":", "\"files\":-"),
    (
        "a huge number",
        "\"index\":0",
        "\"index\":99999999999999999999999",
    ),
    ("another order", "\"index\":0", "\"index\":1"),
    ("a fraction", "\"index\":0", "\"index\":0.5"),
    ("..", "\"path\":\"/var/", "\"path\":\"/var/../../"),
    ("a relative path", "\"path\":\"/var/", "\"path\":\"var/"),
    ("a NUL byte", "\"path\":\"/var/", "\"path\":\"/\\u0000var/"),
    ("a raw NUL byte", "\"path\":\"/var/", "\"path\":\"/\0var/"),
    (
        "a temp name elsewhere",
        "\"temp\":\".tighten-",
        "\"temp\":\"../.tighten-",
    ),
    (
        "a backup elsewhere",
        "\"backup\":\"pre.",
        "\"backup\":\"../pre.",
    ),
    (
        "no backup",
        "\"operation\":\"replace\"",
        "\"operation\":\"set-meta\"",
    ),
    (
        "a replace that creates",
        "\"operation\":\"replace\"",
        "\"operation\":\"create\"",
    ),
    (
        "a kind that is none",
        "\"operation\":\"replace\"",
        "\"operation\":\"run\"",
    ),
    (
        "contents of a directory",
        "\"kind\":\"file\"",
        "\"kind\":\"directory\"",
    ),
    ("a mode that is none", "\"mode\":\"0", "\"mode\":\"7777777"),
    ("no checksum", "\"sha256\":\"", "\"sha256\":\"x"),
    (
        "a time that is none",
        "\"mtime\":{\"seconds\":",
        "\"mtime\":{\"nanoseconds\":1000000000,\"seconds\":",
    ),
    (
        "an attribute without name",
        "\"xattrs\":{",
        "\"xattrs\":{\"\":\"YQ==\"",
    ),
    (
        "an attribute that is not base64",
        "\"xattrs\":{",
        "\"xattrs\":{\"user.a\":\"*\"",
    ),
    ("a doubled key", "\"index\":0", "\"index\":0,\"index\":0"),
    (
        "an unknown field",
        "\"index\":0",
        "\"index\":0,\"run\":\"sh\"",
    ),
    ("an unknown record", "\"prepared\"", "\"done\""),
];

#[test]
fn a_forged_journal_that_makes_no_sense_is_refused_before_anything_is_done() {
    let Some(case) = interrupted() else { return };
    let text = case.text();
    for (what, find, put) in NONSENSE {
        // Behind the begin record, where it stands in an intent as well.
        let from = if find.starts_with("\"path\"") || find.starts_with("\"kind\":\"file") {
            text.find("{\"intent\"").unwrap()
        } else {
            0
        };
        let (head, tail) = text.split_at(from);
        assert!(tail.contains(find), "{what}");
        case.write(&sealed_anew(
            (head.to_owned() + &tail.replacen(find, put, 1)).as_bytes(),
        ));
        case.refused(OPEN, &case.journal, "journal", what);
    }
}

/// Only the JSON of a line: the rest is made to fit.
fn json(line: &str) -> &str {
    line.trim_end().splitn(4, ' ').nth(3).unwrap()
}

#[test]
fn forged_records_in_an_order_in_which_they_are_never_written_are_refused() {
    let Some(case) = interrupted() else { return };
    let lines = case.lines();
    let records: Vec<&str> = lines.iter().map(|line| json(line)).collect();
    let (begin, intents) = (records[0], &records[1..records.len() - 1]);
    let committed = "{\"committed\":{\"at\":\"2026-01-01T00:00:00Z\"}}";
    let two = intents.len() - 1;
    let twice = intents[two].replace(
        &format!("\"index\":{two}"),
        &format!("\"index\":{}", intents.len()),
    );
    let deep = format!(
        "{{\"begin\":{}1{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let orders: Vec<(&str, Vec<&str>)> = vec![
        ("no begin", records[1..].to_vec()),
        ("two begins", [&[begin], &records[..]].concat()),
        (
            "prepared first",
            [&[begin, "\"prepared\""], intents].concat(),
        ),
        (
            "an intent less",
            [&[begin], &intents[1..], &["\"prepared\""]].concat(),
        ),
        (
            "the last intent less",
            [&[begin], &intents[..two], &["\"prepared\""]].concat(),
        ),
        (
            "an intent twice",
            [&records[..records.len() - 1], &[&twice, "\"prepared\""]].concat(),
        ),
        (
            "committed, not prepared",
            [&[begin], intents, &[committed]].concat(),
        ),
        (
            "committed twice",
            [&records[..], &[committed, committed]].concat(),
        ),
        ("prepared twice", [&records[..], &["\"prepared\""]].concat()),
        (
            "a record behind the end",
            [&records[..], &[committed, "\"prepared\""]].concat(),
        ),
        ("deep nesting", vec![begin, &deep, "\"prepared\""]),
    ];
    for (what, records) in orders {
        case.write(&sealed_anew(records.join("\n").as_bytes()));
        case.refused(OPEN, &case.journal, "journal", what);
    }
    let mut large = case.written.clone();
    large.resize((16 << 20) + 1, b' ');
    case.write(&large);
    case.refused(OPEN, &case.journal, "larger than it can be", "16 MiB");
}

#[test]
fn a_forged_intent_for_a_symlink_is_not_followed_out_of_the_root() {
    let Some(case) = interrupted() else { return };
    let outside = case.node.outside().join("precious");
    std::fs::write(&outside, "precious\n").unwrap();
    let config = "/var/lib/kube-proxy/kube-proxy-config.yaml";
    let link = case.node.path("/var/lib/kube-proxy/link.yaml");
    symlink(&outside, &link).unwrap();
    let forged = case.text().replace(config, "/var/lib/kube-proxy/link.yaml");
    assert!(forged != case.text());
    case.write(&sealed_anew(forged.as_bytes()));
    let ran = case.node.run(&["recover"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("/var/lib/kube-proxy/link.yaml"), "{ran:?}");
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "precious\n");
    assert_eq!(std::fs::read_link(&link).unwrap(), outside);
}
