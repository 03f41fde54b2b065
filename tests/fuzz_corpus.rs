//! A short run of the fuzz targets, the same every time: each kept input, and inputs made from them by
//! a generator with a fixed seed. fuzz/README.md says how to run the long one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../fuzz/properties/mod.rs"]
mod properties;

use std::fs;
use std::path::Path;

/// Enough to meet every kind of damage at every kind of place, few enough for seconds without
/// optimisation. `TIGHTEN_FUZZ_CASES` asks for more.
const CASES: usize = 2_000;
/// A mutation may double its input; what is longer than the longest kept file by more is cut.
const LONGEST: usize = 32 << 10;

/// Numbers without a pattern, the same in every run (xorshift64, Marsaglia 2003).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % bound.max(1)
    }
}

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut found: Vec<(String, Vec<u8>)> = fs::read_dir(directory.join(target))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    found.sort();
    found
}

/// One to three kinds of damage, one after the other.
fn damaged(corpus: &[(String, Vec<u8>)], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = corpus[numbers.below(corpus.len())].1.clone();
    for _ in 0..=numbers.below(3) {
        let from = numbers.below(bytes.len());
        let to = (from + 1 + numbers.below(64)).min(bytes.len());
        let piece = bytes[from.min(to)..to].to_vec();
        let at = numbers.below(bytes.len() + 1);
        match numbers.below(8) {
            0 | 1 if !bytes.is_empty() => bytes[from] ^= 1 << numbers.below(8),
            2 => bytes.truncate(at),
            3 => drop(bytes.splice(at..at, piece)),
            4 => drop(bytes.drain(from.min(to)..to)),
            5 => {
                let other = &corpus[numbers.below(corpus.len())].1;
                let start = numbers.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend(&other[start..]);
            }
            6 => {
                // A line put in the place of another.
                let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
                let (one, other) = (numbers.below(lines.len()), numbers.below(lines.len()));
                if !lines.is_empty() {
                    lines[one] = lines[other];
                }
                bytes = lines.concat();
            }
            _ => {
                let odd: &[&[u8]] = &[
                    b"\0", b"\n", b"\xff", b" ", b"/../", b"-1", b"null", b"{", b"\"", b": ",
                ];
                bytes.splice(at..at, odd[numbers.below(odd.len())].iter().copied());
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

/// Runs the property over the kept files and over damaged ones; gives the names of the kept ones that
/// were accepted, and how many of the damaged.
fn run(target: &str, holds: fn(&[u8]) -> bool) -> (Vec<String>, usize) {
    let corpus = corpus(target);
    let mut accepted = Vec::new();
    for (name, bytes) in &corpus {
        println!("{target}: {name}");
        if holds(bytes) {
            accepted.push(name.clone());
        }
    }
    let asked = std::env::var("TIGHTEN_FUZZ_CASES").ok();
    let cases = asked.map_or(CASES, |cases| cases.parse().expect("a number of cases"));
    let mut numbers = Numbers(0x5eed_0123_4567_89ab);
    let mut survived = 0;
    for _ in 0..cases {
        let bytes = damaged(&corpus, &mut numbers);
        let held = std::panic::catch_unwind(|| holds(&bytes));
        match held {
            Ok(held) => survived += usize::from(held),
            Err(_) => panic!("{target}: {:?}", String::from_utf8_lossy(&bytes)),
        }
    }
    println!(
        "{target}: {} kept files, {} accepted; {cases} damaged, {survived} accepted",
        corpus.len(),
        accepted.len()
    );
    // A parser that refuses everything proves nothing, and one that takes everything neither.
    assert!(survived > cases / 50, "hardly any was accepted");
    (accepted, survived)
}

fn is_in(accepted: &[String], names: &[&str]) {
    for name in names {
        assert!(accepted.iter().any(|one| one == name), "{name} is refused");
    }
}

fn is_not_in(accepted: &[String], names: &[&str]) {
    for name in names {
        assert!(
            !accepted.iter().any(|one| one == name),
            "{name} is accepted"
        );
    }
}

#[test]
fn no_record_comes_out_of_a_journal_that_was_not_written() {
    let (accepted, _) = run("journal", properties::journal::holds);
    is_in(
        &accepted,
        &[
            "kept-format-1",
            "interrupted-apply",
            "recovered-apply",
            "committed-apply",
            "committed-rollback",
            "torn-in-the-last-line",
            "conflict",
            "removed",
            "directories-apply",
            "directories-rollback",
        ],
    );
    is_not_in(&accepted, &["outside", "two-for-one-file"]);
}

#[test]
fn a_journal_that_was_written_here_is_written_again_to_the_same_bytes() {
    use tighten::transaction::{TransactionId, read_journal};
    for (name, bytes) in corpus("journal") {
        if !name.contains("-apply") && !name.contains("-rollback") && name != "kept-format-1" {
            continue;
        }
        let text = String::from_utf8(bytes).unwrap();
        let (_, rest) = text.split_once("\"id\":\"").unwrap();
        let id = TransactionId::parse(rest.split('"').next().unwrap()).unwrap();
        let read = read_journal(&id, text.as_bytes()).unwrap();
        assert!(read.told.is_ok(), "{name}");
        assert_eq!(read.rewritten, text, "{name}");
    }
}

#[test]
fn a_saved_plan_is_refused_or_means_the_same_when_it_is_saved_again() {
    let (accepted, _) = run("saved_plan", properties::saved_plan::holds);
    is_in(&accepted, &["whole", "nothing-to-do", "inserts-a-rule"]);
    is_not_in(
        &accepted,
        &[
            "cut",
            "newer",
            "doubled-key",
            "huge-number",
            "no-utf8",
            "deep",
        ],
    );
}

#[test]
fn an_edit_of_any_bytes_is_exact_or_refused() {
    let (accepted, _) = run("yaml_edit", properties::yaml_edit::holds);
    is_in(
        &accepted,
        &[
            "kubeadm-config",
            "kubeadm-manifest",
            "crlf",
            "json-pretty",
            "insert-rule",
            "insert-flag",
            "insert-where-no-list-is",
            "insert-in-brackets",
            "insert-under-a-comment",
        ],
    );
    is_not_in(
        &accepted,
        &["anchors", "doubled", "block-with-blanks-at-the-end"],
    );
}

#[test]
fn a_command_line_is_read_the_same_however_it_is_spelled() {
    let (accepted, _) = run("flags", properties::flags::holds);
    is_in(&accepted, &["plain", "spaced", "short", "secrets"]);
}

#[test]
fn certificates_and_keys_of_any_bytes_are_read_or_refused() {
    let (accepted, _) = run("certificates", properties::certificates::holds);
    is_in(
        &accepted,
        &[
            "bundle",
            "ed25519",
            "key-ed25519",
            "key-p256",
            "key-rsa",
            "p384",
            "rsa",
            "version-1",
        ],
    );
    is_not_in(&accepted, &["empty", "nested", "key-encrypted", "year-0"]);
}

#[test]
fn waivers_are_refused_or_mean_the_same_when_they_are_written_again() {
    let (accepted, _) = run("waivers", properties::waivers::holds);
    is_in(&accepted, &["whole", "json", "none", "crlf", "block"]);
    is_not_in(
        &accepted,
        &[
            "cut",
            "unknown-key",
            "doubled-key",
            "empty-path",
            "unknown-check",
            "no-such-day",
            "two-documents",
            "no-utf8",
            "deep",
        ],
    );
}

#[test]
fn a_scan_of_another_node_is_refused_or_only_text_in_every_report() {
    let (accepted, _) = run("scan", properties::scan::holds);
    is_in(
        &accepted,
        &["whole", "line", "old", "hostile", "not-scanned"],
    );
    is_not_in(&accepted, &["cut", "newer", "twice", "no-schema", "deep"]);
}

#[test]
fn a_log_of_any_bytes_is_read_the_same_wherever_it_is_cut() {
    let (accepted, _) = run("auditlog", properties::auditlog::holds);
    is_in(
        &accepted,
        &[
            "watch",
            "forbidden",
            "body",
            "plain",
            "crlf",
            "no-end",
            "cut",
            "spaces",
            "escapes",
            "escapes-later",
            "surrogates",
            "doubled-keys",
            "posed",
            "words",
            "nul",
            "no-utf8",
            "deep",
            "number",
        ],
    );
    is_not_in(&accepted, &["empty", "no-log", "misfits"]);
}
