//! Kills an apply, a failing apply, a rollback and a recovery before each of their system calls, and
//! shows that a new process finds all before or all after, and can go on.
//!
//! `cargo test --test transaction_crash` takes every ninth call; `TIGHTEN_CRASH=all` takes each one.
//! It runs without the test harness: the killed process is this program itself, with one thread.
#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod transaction_support;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use tighten::root::Root;
use tighten::transaction::{Resolution, StateDir, history, recover};
use transaction_support::{
    Snapshot, apply, apply_with, lay_out, leftovers, rollback, snapshot, without_times,
};

const CHILD: &str = "TIGHTEN_TRANSACTION_CHILD";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let Ok(work) = std::env::var(CHILD) {
        return child(&work, Path::new(&arguments[1]), Path::new(&arguments[2]));
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let strace = Command::new("strace").arg("-V").output();
    if !strace.is_ok_and(|output| output.status.success()) {
        println!("skipped: strace is not installed");
        return ExitCode::SUCCESS;
    }
    let step = match std::env::var("TIGHTEN_CRASH").as_deref() {
        Ok("all") => 1,
        _ => 9,
    };
    let mut bench = Bench::new();
    bench.count_fsyncs();
    bench.all_at_once(50);
    let mut points = 0;
    let mut torn = 0;
    for work in ["apply", "apply-fail", "rollback", "recover"] {
        let (tried, bad) = bench.crash(work, step);
        println!("{work}: {tried} crash points, {} torn", bad.len());
        for line in bad.iter().take(5) {
            println!("  {line}");
        }
        points += tried;
        torn += bad.len();
    }
    for signal in ["TERM", "INT", "HUP"] {
        let (tried, bad) = bench.interrupt(signal, step * 3);
        println!("SIG{signal}: {tried} points, {} mixed", bad.len());
        for line in bad.iter().take(5) {
            println!("  {line}");
        }
        torn += bad.len();
    }
    println!("crash points {points}, torn {torn}");
    if torn == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// One command in a process of its own.
fn child(work: &str, root: &Path, state: &Path) -> ExitCode {
    let result = match work {
        "layout" => {
            lay_out(root);
            let root = Root::directory(root).unwrap();
            StateDir::open(state, &root)
                .and_then(StateDir::lock)
                .map(drop)
        }
        "apply" => apply(root, state).map(drop),
        "apply-fail" => apply_with(root, state, &mut || Err("as asked".into())).map(drop),
        "rollback" => rollback(root, state, None, false).map(drop),
        "recover" => {
            let root = Root::directory(root).unwrap();
            let locked = StateDir::open(state, &root).and_then(StateDir::lock);
            locked.and_then(|state| recover(&state, &root, Resolution::Stop).map(drop))
        }
        other => panic!("{other}"),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Not `eprintln!`, which panics when the write fails.
            let _ = writeln!(std::io::stderr(), "{failure}");
            failure.exit.into()
        }
    }
}

struct Bench {
    base: tempfile::TempDir,
    before: Snapshot,
    after: Snapshot,
}

impl Bench {
    fn new() -> Bench {
        let base = tempfile::tempdir().unwrap();
        let mut bench = Bench {
            base,
            before: Snapshot::new(),
            after: Snapshot::new(),
        };
        bench.prepare("apply");
        bench.before = snapshot(&bench.root());
        assert_eq!(bench.run("apply", &[]).0, 0);
        bench.after = without_times(snapshot(&bench.root()));
        bench
    }

    fn root(&self) -> PathBuf {
        self.base.path().join("root")
    }

    fn state(&self) -> PathBuf {
        self.base.path().join("state")
    }

    /// The tree and state in which the work begins.
    fn prepare(&self, work: &str) {
        for path in [self.root(), self.state()] {
            let _ = std::fs::remove_dir_all(path);
        }
        lay_out(&self.root());
        let root = Root::directory(&self.root()).unwrap();
        drop(
            StateDir::open(&self.state(), &root)
                .unwrap()
                .lock()
                .unwrap(),
        );
        match work {
            "rollback" => assert_eq!(self.run("apply", &[]).0, 0),
            // Killed at the fsync of `committed`, before it: everything is changed, nothing final.
            "recover" => {
                self.run("apply", &["-e", "inject=fsync:signal=KILL:when=19"]);
                assert_eq!(without_times(snapshot(&self.root())), self.after);
                self.cut_last_record();
            }
            _ => {}
        }
    }

    /// Takes the record that was written but never flushed away, as a power cut may.
    fn cut_last_record(&self) {
        for transaction in transaction_support::transactions(&self.state()) {
            let journal = transaction.join("journal");
            let text = std::fs::read_to_string(&journal).unwrap();
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            let kept = lines[..lines.len() - 1].concat();
            assert!(lines.last().unwrap().contains("committed"));
            std::fs::write(&journal, kept).unwrap();
        }
    }

    fn run(&self, work: &str, strace: &[&str]) -> (i32, String) {
        let own = std::env::current_exe().unwrap();
        let mut command = if strace.is_empty() {
            Command::new(&own)
        } else {
            let mut command = Command::new("strace");
            command
                .args(["-f", "-qq", "-o"])
                .arg(self.base.path().join("trace"));
            command.args(strace).arg(&own);
            command
        };
        let output = command
            .arg(self.root())
            .arg(self.state())
            .env(CHILD, work)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap_or(-1), text)
    }

    /// The names of all calls of one run, in order.
    fn calls(&self, work: &str) -> Vec<String> {
        self.prepare(work);
        self.run(work, &["-e", "trace=all"]);
        let trace = std::fs::read_to_string(self.base.path().join("trace")).unwrap();
        trace
            .lines()
            .filter_map(|line| line.split_once(' ')?.1.trim_start().split_once('('))
            .map(|(name, _)| name.to_string())
            .filter(|name| {
                name.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            })
            .collect()
    }

    fn count_fsyncs(&mut self) {
        let calls = self.calls("apply");
        let fsyncs = calls
            .iter()
            .filter(|name| *name == "fsync" || *name == "fdatasync")
            .count();
        println!(
            "apply of seven changes: {} calls, {fsyncs} fsyncs",
            calls.len()
        );
        assert_eq!(fsyncs, 19);
        assert!(
            !calls
                .iter()
                .any(|name| matches!(name.as_str(), "syncfs" | "sync" | "clone" | "clone3"))
        );
    }

    /// Many applies at the same moment: one is done, and the others say why not.
    fn all_at_once(&self, number: usize) {
        self.prepare("apply");
        let own = std::env::current_exe().unwrap();
        let started: Vec<_> = (0..number)
            .map(|_| {
                let mut command = Command::new(&own);
                command
                    .arg(self.root())
                    .arg(self.state())
                    .env(CHILD, "apply");
                command
                    .stderr(std::process::Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let mut applied = 0;
        for child in started {
            let output = child.wait_with_output().unwrap();
            let text = String::from_utf8_lossy(&output.stderr);
            match output.status.code() {
                Some(0) => applied += 1,
                Some(1) => assert!(
                    text.contains("is held by another") || text.contains("there is a regular file"),
                    "{text}"
                ),
                other => panic!("{other:?}: {text}"),
            }
        }
        println!("{number} applies at once: {applied} applied");
        assert_eq!(applied, 1);
        assert_eq!(without_times(snapshot(&self.root())), self.after);
    }

    fn crash(&self, work: &str, step: usize) -> (usize, Vec<String>) {
        let calls = self.calls(work);
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut tried, mut bad) = (0, Vec::new());
        for (index, name) in calls.iter().enumerate() {
            let count = seen.entry(name).or_default();
            *count += 1;
            if index % step != 0 || matches!(name.as_str(), "execve" | "exit_group") {
                continue;
            }
            tried += 1;
            self.prepare(work);
            self.run(
                work,
                &["-e", &format!("inject={name}:signal=KILL:when={count}")],
            );
            if let Err(why) = self.goes_on() {
                bad.push(format!("{work} killed before {name} number {count}: {why}"));
            }
        }
        (tried, bad)
    }

    fn interrupt(&self, signal: &str, step: usize) -> (usize, Vec<String>) {
        let calls = self.calls("apply");
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut tried, mut bad) = (0, Vec::new());
        // Before the signals are held back, the process has done nothing and simply ends.
        let mut held = false;
        for (index, name) in calls.iter().enumerate() {
            let count = seen.entry(name).or_default();
            *count += 1;
            held |= name == "signalfd4";
            if !held || index % step != 0 || name == "exit_group" {
                continue;
            }
            tried += 1;
            self.prepare("apply");
            let inject = format!("inject={name}:signal={signal}:when={count}");
            let (code, text) = self.run("apply", &["-e", &inject]);
            let now = snapshot(&self.root());
            let sound = match code {
                0 => without_times(now) == self.after,
                1 | 3 => now == self.before,
                // Ended by the signal itself, before it was held back or after it was let go.
                _ => now == self.before || without_times(now) == self.after,
            };
            if !sound || code == 4 || !leftovers(&self.root()).is_empty() {
                bad.push(format!(
                    "SIG{signal} at {name} number {count}: exit {code}: {text}"
                ));
            } else if let Err(why) = self.goes_on() {
                bad.push(format!("SIG{signal} at {name} number {count}: {why}"));
            }
        }
        (tried, bad)
    }

    /// Recovers in a new process; then everything is as before or as after, and work goes on.
    fn goes_on(&self) -> Result<(), String> {
        let (code, text) = self.run("recover", &[]);
        if code != 0 {
            return Err(format!("recover: exit {code}: {text}"));
        }
        let now = snapshot(&self.root());
        let is_before = now == self.before;
        if !is_before && without_times(now) != self.after {
            return Err("torn".into());
        }
        if let [first, ..] = leftovers(&self.root()).as_slice() {
            return Err(format!("left behind: {}", first.display()));
        }
        let root = Root::directory(&self.root()).unwrap();
        let state = StateDir::open_existing(&self.state(), &root)
            .unwrap()
            .unwrap();
        for summary in history(&state).unwrap() {
            let summary = summary.map_err(|failure| failure.to_string())?;
            if matches!(summary.state.as_str(), "interrupted" | "incomplete") {
                return Err(format!("not settled: {summary:?}"));
            }
        }
        let (next, expected) = if is_before {
            ("apply", &self.after)
        } else {
            ("rollback", &self.before)
        };
        let (code, text) = self.run(next, &[]);
        let now = snapshot(&self.root());
        let now = if is_before { without_times(now) } else { now };
        if code != 0 || now != *expected {
            return Err(format!("the next {next}: exit {code}: {text}"));
        }
        Ok(())
    }
}
