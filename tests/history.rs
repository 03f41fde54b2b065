//! `tighten history` of many transactions: all of them, in order, in the memory of a few.

// A test that cannot go on should stop there.
#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

#[path = "../benches/floor/measure.rs"]
mod measure;
mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use measure::Series;
use support::Node;
use support::many::{copies, names, transactions};
use support::traced::can_trace;

/// A node with this many transactions besides a real one; their ids, oldest first.
fn with_copies(number: u64) -> (Node, Vec<String>) {
    let node = Node::demo();
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    let all = transactions(&node.state());
    let real = names(&all).remove(0);
    let mut ids = copies(&all.join(&real), 0, number);
    ids.push(real);
    (node, ids)
}

#[test]
fn a_long_history_lists_each_transaction_once_and_the_newest_first() {
    // More than two batches of names.
    let (node, mut ids) = with_copies(2500);
    ids.reverse();
    let ran = node.run(&["history"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let lines: Vec<&str> = ran.out.lines().collect();
    let first = |line: &&str| line.split(' ').next().unwrap().to_string();
    assert!(lines.iter().map(first).eq(ids.iter().cloned()));
    for line in lines {
        let (_, rest) = line.split_once("  ").unwrap();
        assert!(rest.starts_with("apply     committed    "), "{line}");
    }
    let (code, document) = node.json(&["history"]);
    assert_eq!(code, 0);
    let listed = document["transactions"].as_array().unwrap();
    assert!(
        listed
            .iter()
            .map(|one| one["id"].as_str().unwrap())
            .eq(&ids)
    );
    // The newest of all is found for the next one, for a rollback, and by its beginning.
    let newest = ids[0].as_str();
    let shown = node.run(&["history", &newest[..20]]);
    assert!(shown.out.starts_with(newest), "{shown:?}");
    let shown = node.run(&["history", ids[2000].as_str()]);
    assert!(shown.out.starts_with(ids[2000].as_str()), "{shown:?}");
    let shared = node.run(&["history", "2017"]);
    assert_eq!(shared.code, 1);
    assert!(shared.err.contains("more than one transaction begins with"));
    assert_eq!(node.run(&["rollback", "--yes"]).code, 0);
    let (_, document) = node.json(&["history"]);
    assert_eq!(document["transactions"][0]["rollback_of"], newest);
}

#[test]
fn the_document_of_a_history_looks_like_any_other_document() {
    let (node, _) = with_copies(3);
    let list = node.run(&["--format", "json", "history"]);
    assert_eq!(list.code, 0, "{list:?}");
    let document: serde_json::Value = serde_json::from_str(&list.out).unwrap();
    assert_eq!(list.out, format!("{document:#}\n"));
    let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["schema", "tool", "transactions"]);
    assert_eq!(document["schema"], "tighten.history/v1");
    let none = Node::demo().run(&["--format", "json", "history"]);
    let document: serde_json::Value = serde_json::from_str(&none.out).unwrap();
    assert_eq!(none.out, format!("{document:#}\n"));
    assert_eq!(document["transactions"], serde_json::json!([]));
}

#[test]
fn a_damaged_journal_in_the_middle_hides_no_other_and_leaves_the_document_whole() {
    let (node, ids) = with_copies(1200);
    let all = transactions(&node.state());
    let journal = all.join(&ids[600]).join("journal");
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.replacen("apply", "apple", 1)).unwrap();
    let (code, document) = node.json(&["history"]);
    assert_eq!(code, 1);
    assert_eq!(document["transactions"].as_array().unwrap().len(), 1200);
    let ran = node.run(&["history"]);
    assert_eq!((ran.code, ran.out.lines().count()), (1, 1200));
    let says = format!("error: {}: is damaged in line 1: ", journal.display());
    assert!(ran.err.starts_with(&says), "{}", ran.err);
    // Nothing but the damaged one: there are transactions, so it does not say that there are none.
    for id in ids.iter().filter(|id| **id != ids[600]) {
        fs::remove_dir_all(all.join(id)).unwrap();
    }
    let ran = node.run(&["history"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
}

#[test]
fn a_transaction_directory_that_others_may_write_is_not_believed() {
    let (node, ids) = with_copies(3);
    let forged = transactions(&node.state()).join(&ids[1]);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o770);
    fs::set_permissions(&forged, mode).unwrap();
    let ran = node.run(&["history"]);
    assert_eq!((ran.code, ran.out.lines().count()), (1, 3), "{ran:?}");
    let says = format!(
        "error: {}: not used as state directory: others may write to it (mode 0770)",
        forged.display()
    );
    assert!(ran.err.starts_with(&says), "{ran:?}");
}

#[test]
fn a_reader_that_goes_away_ends_a_long_history_without_an_error() {
    // More than a pipe holds.
    let (node, ids) = with_copies(1100);
    for format in ["text", "json"] {
        let mut child = node
            .command()
            .args(["--format", format, "history"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        drop(out);
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{format}");
        assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
        if format == "text" {
            assert!(line.starts_with(ids.last().unwrap()), "{line}");
        }
    }
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let lost = node.command().arg("history").stdout(full).output().unwrap();
    assert_eq!(lost.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(lost.stderr).unwrap(),
        "error: the output could not be written to its end\n"
    );
}

#[test]
fn a_long_history_takes_no_more_memory_than_a_short_one() {
    if !can_trace() {
        return;
    }
    let (node, ids) = with_copies(100);
    let peak = |format: &str| {
        let mut command = node.command();
        command.args(["--format", format, "history"]);
        let mut series = [Series::new("history", command)];
        measure::weigh(&mut series, &mut || {});
        series[0].peak
    };
    let short = [peak("text"), peak("json")];
    let all = transactions(&node.state());
    copies(&all.join(ids.last().unwrap()), 100, 3000);
    let long = [peak("text"), peak("json")];
    for (short, long) in short.iter().zip(long) {
        // In megabytes; all 3,000 at a time would take more than 1.
        assert!(long - short < 0.5, "{short} MB, then {long} MB");
    }
}
