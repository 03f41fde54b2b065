//! A prune that is killed, stopped or failed at each of its system calls: every transaction is whole or
//! not in the history, and the next prune finishes. `TIGHTEN_CRASH=all` also takes the calls of its start.

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

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::many::{copies, names, transactions};
use support::traced::{can_trace, injected};
use support::{Entry, Node, Ran, snapshot};

const KEEP: usize = 1;

/// Four transactions, of which a prune keeps the newest, and a way to lay them out again.
struct Bench {
    node: Node,
    /// Oldest first.
    ids: Vec<String>,
    /// Each transaction's files.
    whole: BTreeMap<String, BTreeMap<String, Entry>>,
}

impl Bench {
    /// `None` where nothing can be traced.
    fn new() -> Option<Bench> {
        if !can_trace() {
            return None;
        }
        let node = Node::demo();
        assert_eq!(node.run(&["apply", "--yes"]).code, 0);
        let all = transactions(&node.state());
        let real = names(&all).remove(0);
        let mut ids = copies(&all.join(&real), 0, 3);
        ids.push(real);
        copy(&node.state(), &node.outside().join("kept"));
        let whole = ids
            .iter()
            .map(|id| (id.clone(), snapshot(&all.join(id))))
            .collect();
        Some(Bench { node, ids, whole })
    }

    fn all(&self) -> PathBuf {
        transactions(&self.node.state())
    }

    fn again(&self) {
        fs::remove_dir_all(self.node.state()).unwrap();
        copy(&self.node.outside().join("kept"), &self.node.state());
    }

    /// A prune under strace with these options.
    fn traced(&self, options: &[&str]) -> Ran {
        let plain = self.node.command();
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-qq", "-o"])
            .arg(self.node.outside().join("trace"));
        strace
            .args(options)
            .arg(plain.get_program())
            .args(plain.get_args());
        strace.args(["prune", "--keep", &KEEP.to_string()]);
        strace.stdin(std::process::Stdio::null());
        strace.output().unwrap().into()
    }

    /// Every call of one prune: its name, and the how many-th of that name it is.
    fn calls(&self) -> Vec<(String, usize)> {
        self.again();
        assert_eq!(self.traced(&[]).code, 0);
        let trace = fs::read_to_string(self.node.outside().join("trace")).unwrap();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut calls = Vec::new();
        for line in trace.lines() {
            let Some((name, _)) = line
                .split_once(' ')
                .and_then(|(_, call)| call.trim_start().split_once('('))
            else {
                continue;
            };
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if !name.bytes().all(plain) || matches!(name, "execve" | "exit_group") {
                continue;
            }
            let count = seen.entry(name.into()).or_default();
            *count += 1;
            calls.push((name.to_string(), *count));
        }
        calls
    }

    /// The history as it is now: each one that is there must be whole, and the newest must be there.
    fn sound(&self, when: &str) -> BTreeSet<String> {
        let ran = self.node.run(&["--format", "json", "history"]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{when}");
        let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let listed: BTreeSet<String> = document["transactions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_string())
            .collect();
        let mut there = BTreeSet::new();
        for name in names(&self.all()) {
            match name.strip_suffix(".pruned") {
                Some(id) => assert!(self.whole.contains_key(id), "{when}: {name}"),
                None => {
                    let now = snapshot(&self.all().join(&name));
                    assert!(
                        self.whole.get(&name) == Some(&now),
                        "{when}: {name} is half there"
                    );
                    there.insert(name);
                }
            }
        }
        assert_eq!(listed, there, "{when}");
        assert!(listed.contains(&self.ids[3]), "{when}");
        listed
    }

    /// After whatever happened: sound, then swept, then finished, and usable.
    /// How many the history held at first.
    fn goes_on(&self, when: &str) -> usize {
        let before = self.sound(when);
        let recover = self.node.run(&["recover"]);
        assert_eq!((recover.code, recover.err.as_str()), (0, ""), "{when}");
        assert_eq!(self.sound(when), before, "{when}");
        let left: BTreeSet<String> = names(&self.all()).into_iter().collect();
        assert_eq!(left, before, "{when}: not swept");
        let ran = self.node.run(&["prune", "--keep", &KEEP.to_string()]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{when}");
        assert_eq!(names(&self.all()), self.ids[3..], "{when}");
        before.len()
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

#[test]
fn a_prune_killed_at_any_call_leaves_each_transaction_whole_or_out_of_the_history() {
    let Some(bench) = Bench::new() else { return };
    let calls = bench.calls();
    let renames = calls.iter().filter(|(name, _)| name == "renameat").count();
    let flushes = calls.iter().filter(|(name, _)| name == "fsync").count();
    assert_eq!((renames, flushes), (3, 1), "{calls:?}");
    let mut numbers = BTreeSet::new();
    // Before it holds back the signals, a prune has only looked at how it was called.
    let begins = calls.iter().position(|(name, _)| name == "signalfd4");
    let begins = match std::env::var("TIGHTEN_CRASH").as_deref() {
        Ok("all") => 0,
        _ => begins.unwrap(),
    };
    println!("a prune makes {} calls", calls.len());
    for (name, count) in &calls[begins..] {
        bench.again();
        bench.traced(&["-e", &format!("inject={name}:signal=KILL:when={count}")]);
        let when = format!("killed before {name} number {count}");
        numbers.insert(bench.goes_on(&when));
    }
    // The kills met it before, between and after the renames.
    assert_eq!(numbers, BTreeSet::from([1, 2, 3, 4]));
    let before = bench.node.snapshot();
    assert_eq!(bench.node.run(&["rollback", "--yes"]).code, 0);
    assert!(bench.node.snapshot() != before);
}

#[test]
fn nothing_in_a_transaction_is_removed_before_its_rename_is_durable() {
    let Some(bench) = Bench::new() else { return };
    let order: Vec<String> = bench
        .calls()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| matches!(name.as_str(), "renameat" | "fsync" | "unlinkat"))
        .collect();
    let files: usize = bench.whole.values().take(3).map(BTreeMap::len).sum();
    let mut expected = vec!["renameat"; 3];
    expected.push("fsync");
    // Each file, and each directory.
    expected.extend(vec!["unlinkat"; files + 3]);
    assert_eq!(order, expected);
    // What was left by one that was killed before its flush is flushed before it is removed.
    bench.again();
    bench.traced(&["-e", "inject=fsync:signal=KILL:when=1"]);
    bench.traced(&["-e", "trace=fsync,unlinkat,renameat"]);
    let trace = fs::read_to_string(bench.node.outside().join("trace")).unwrap();
    let first = trace.find("fsync(").unwrap();
    assert!(first < trace.find("unlinkat(").unwrap(), "{trace}");
    assert!(!trace.contains("renameat("), "{trace}");
}

#[test]
fn a_call_that_fails_leaves_a_sound_history_and_names_the_path() {
    let Some(bench) = Bench::new() else { return };
    let calls = bench.calls();
    let mut tried = 0;
    for name in ["renameat", "unlinkat", "fsync"] {
        let last = calls.iter().filter(|(call, _)| call == name).count();
        for (count, error) in
            (1..=last).flat_map(|count| ["EIO", "ENOSPC", "EROFS"].map(move |error| (count, error)))
        {
            for from_then_on in ["", "+"] {
                tried += 1;
                bench.again();
                let fault = format!("inject={name}:error={error}:when={count}{from_then_on}");
                let ran = bench.traced(&["-e", &fault]);
                let when = format!("{fault}: {ran:?}");
                assert_eq!(ran.code, 1, "{when}");
                let all = bench.all().display().to_string();
                let words = match name {
                    "renameat" => "cannot be renamed: ",
                    "unlinkat" => "cannot be removed: ",
                    _ => "cannot be flushed: ",
                };
                let first = ran.err.lines().next().unwrap();
                assert!(first.starts_with(&format!("error: {all}/")), "{when}");
                assert!(first.contains(words), "{when}");
                assert!(
                    ran.err.contains("\nhelp: look at the file system "),
                    "{when}"
                );
                let (said, gone) = (ran.out.clone(), 4 - bench.goes_on(&when));
                let expected = match name {
                    // What had been renamed until then is gone, the others are whole.
                    "renameat" => count - 1,
                    // Nothing may go that is not known to be durable.
                    "fsync" => 0,
                    _ => 3,
                };
                assert_eq!(gone, expected, "{when}");
                let expected = match gone {
                    0 => String::new(),
                    1 => "Pruned: 1 transaction, then it ended early.\n".into(),
                    gone => format!("Pruned: {gone} transactions, then it ended early.\n"),
                };
                assert_eq!(said, expected, "{when}");
            }
        }
    }
    assert!(tried >= 18, "{tried}");
}

#[test]
fn a_signal_stops_a_prune_between_two_transactions() {
    let Some(bench) = Bench::new() else { return };
    for signal in ["TERM", "INT", "HUP"] {
        bench.again();
        let ran = bench.traced(&["-e", &format!("inject=renameat:signal={signal}:when=2")]);
        let when = format!("{signal}: {ran:?}");
        assert_eq!(ran.code, 1, "{when}");
        assert!(
            ran.err.contains(&format!("stopped by SIG{signal}")),
            "{when}"
        );
        assert_eq!(
            ran.out, "Pruned: 2 transactions, then it ended early.\n",
            "{when}"
        );
        // What left the history is gone for good, and the others are whole.
        assert_eq!(names(&bench.all()), bench.ids[2..], "{when}");
        bench.goes_on(&when);
    }
}

#[test]
fn a_prune_settles_an_interrupted_transaction_first() {
    let Some(bench) = Bench::new() else { return };
    assert_eq!(bench.node.run(&["rollback", "--yes"]).code, 0);
    let before = bench.node.snapshot();
    let fault = "renameat:signal=KILL:when=1";
    injected(&bench.node, fault, &["apply", "--yes"]).unwrap();
    assert!(bench.node.snapshot() != before);
    let (_, document) = bench.node.json(&["history"]);
    assert_eq!(document["transactions"][0]["state"], "interrupted");
    let interrupted = document["transactions"][0]["id"].as_str().unwrap();
    let committed = document["transactions"][1]["id"].as_str().unwrap();
    let ran = bench.node.run(&["prune", "--keep", "1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let says = format!("Recovered: transaction {interrupted} was interrupted; ");
    assert!(ran.err.starts_with(&says), "{ran:?}");
    assert!(bench.node.snapshot() == before);
    // The settled one is the newest; the newest that committed stays beside it.
    let mut left = vec![committed.to_string(), interrupted.to_string()];
    left.sort();
    assert_eq!(names(&bench.all()), left);
    assert!(
        ran.out.starts_with("Pruned: 4 transactions, 2 kept.\n"),
        "{ran:?}"
    );
}
