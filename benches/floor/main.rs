//! How far tighten is from the floor: `cargo bench --bench floor` (needs strace).
//!
//! In one run, wall time and peak memory of an empty Rust program; of programs that make only the
//! system calls that scan, plan, apply and rollback make on the demo node; and of tighten itself.
//! The calls are taken from traces at the start, so floor and tool cannot drift apart.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod measure;
mod replay;
mod trace;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use measure::Series;
use trace::{Kept, Trace};

const TIGHTEN: &str = env!("CARGO_BIN_EXE_tighten");

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // This program is its own floor: a start costs it as much as an empty one, see the figures.
    match arguments.first().map(String::as_str) {
        Some("empty") => {}
        Some("replay") => replay::run(&arguments[1]),
        _ => compare(&arguments),
    }
}

/// Where everything happens: a directory on a disk, since a flush in memory costs nothing.
struct Bench {
    directory: tempfile::TempDir,
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn tighten(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(TIGHTEN);
        command
            .arg("--root")
            .arg(self.path("work/node"))
            .arg("--state-dir")
            .arg(self.path("work/state"))
            .args(arguments);
        command
    }

    /// A fresh demo node and no state.
    fn lay_out(&self) {
        let _ = fs::remove_dir_all(self.path("work"));
        fs::create_dir(self.path("work")).unwrap();
        let mut demo = Command::new(TIGHTEN);
        measure::run(demo.arg("demo").arg(self.path("work/node")));
    }

    /// Traces a command, and keeps the calls of one kind as the floor's script.
    fn trace(&self, name: &str, arguments: &[&str], kept: Kept) -> Traced {
        let trace = Trace::of(&self.tighten(arguments), &self.path("trace"));
        let script = self.path(&format!("{name}.calls"));
        fs::write(&script, trace.script(&self.path("work"), kept)).unwrap();
        Traced {
            script,
            calls: trace.calls(&self.path("work"), kept),
            fsyncs: trace.count("fsync"),
            made: trace.succeeded("mkdirat"),
        }
    }
}

struct Traced {
    script: PathBuf,
    calls: usize,
    fsyncs: usize,
    made: usize,
}

fn itself(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments);
    command
}

fn replay_of(traced: &Traced) -> Command {
    itself(&["replay", traced.script.to_str().unwrap()])
}

const APPLY: &[&str] = &["apply", "--yes"];
const ROLLBACK: &[&str] = &["rollback", "--yes"];

fn compare(arguments: &[String]) {
    let rounds: usize = arguments
        .iter()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(300);
    let bench = Bench {
        directory: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(),
    };

    bench.lay_out();
    let expected = formula(&bench);
    let scan = bench.trace("scan", &["scan"], Kept::Reads);
    let plan = bench.trace("plan", &["plan"], Kept::Reads);
    // The first apply makes the state directory; later ones find it.
    let changing = [
        bench.trace("first", APPLY, Kept::Writes),
        bench.trace("rollback", ROLLBACK, Kept::Writes),
        bench.trace("apply", APPLY, Kept::Writes),
    ];

    bench.lay_out();
    let reading = [
        ("an empty Rust program", itself(&["empty"])),
        ("the calls of scan alone", replay_of(&scan)),
        ("tighten scan", bench.tighten(&["scan"])),
        ("the calls of plan alone", replay_of(&plan)),
        ("tighten plan", bench.tighten(&["plan"])),
    ];
    let mut table: Vec<Series> = reading
        .into_iter()
        .map(|(name, command)| Series::new(name, command))
        .collect();
    measure::in_turn(&mut table, rounds, &mut || {});

    let mut floor: Vec<Series> = ["first apply", "rollback", "apply"]
        .iter()
        .zip(&changing)
        .map(|(name, traced)| Series::new(&format!("the writes of {name}"), replay_of(traced)))
        .collect();
    let mut tool = vec![
        Series::new("tighten apply, the first", bench.tighten(APPLY)),
        Series::new("tighten rollback", bench.tighten(ROLLBACK)),
        Series::new("tighten apply", bench.tighten(APPLY)),
    ];
    for _ in 0..rounds.div_ceil(5) {
        measure::in_turn(&mut floor, 1, &mut || bench.lay_out());
        measure::in_turn(&mut tool, 1, &mut || bench.lay_out());
    }
    measure::weigh(&mut table, &mut || {});
    measure::weigh(&mut floor, &mut || bench.lay_out());
    measure::weigh(&mut tool, &mut || bench.lay_out());

    let replayed: Vec<usize> = {
        bench.lay_out();
        changing
            .iter()
            .map(|traced| Trace::of(&replay_of(traced), &bench.path("trace")).count("fsync"))
            .collect()
    };

    println!(
        "{} rounds (a fifth of them for apply and rollback, each on a fresh node), on {}",
        rounds,
        file_system(bench.directory.path())
    );
    println!("whole processes from start to end; ratios are of medians\n");
    println!(
        "{:<28} {:>9} {:>9} {:>9} {:>8} {:>8} {:>9}",
        "program", "least", "median", "p90", "x empty", "x calls", "peak"
    );
    let empty = table[0].median();
    let row = |series: &Series, calls: Option<&Series>| {
        let of_calls = calls.map_or("-".to_string(), |calls| {
            format!("{:.2}", series.median() / calls.median())
        });
        println!(
            "{:<28} {:>6.2} ms {:>6.2} ms {:>6.2} ms {:>8.2} {:>8} {:>6.2} MB",
            series.name,
            series.least(),
            series.median(),
            series.p90(),
            series.median() / empty,
            of_calls,
            series.peak,
        );
    };
    row(&table[0], None);
    for pair in table[1..].chunks(2) {
        row(&pair[0], None);
        row(&pair[1], Some(&pair[0]));
    }
    for (floor, tool) in floor.iter().zip(&tool) {
        row(floor, None);
        row(tool, Some(floor));
    }

    println!(
        "\nfile calls: scan {}, plan {}; changing calls: first apply {}, rollback {}, apply {}",
        scan.calls, plan.calls, changing[0].calls, changing[1].calls, changing[2].calls
    );
    // The transaction's own directory is made each time.
    let made = changing[0].made - changing[2].made;
    println!(
        "fsyncs: apply {} (its floor {}, the formula {expected}); the first apply {} (its floor {}), one more for each of {made} directories made; rollback {} (its floor {})",
        changing[2].fsyncs,
        replayed[2],
        changing[0].fsyncs,
        replayed[0],
        changing[1].fsyncs,
        replayed[1],
    );
    println!(
        "binary: {:.2} MB stripped; Cargo.lock: {} crates besides tighten",
        fs::metadata(TIGHTEN).unwrap().len() as f64 / 1e6,
        crates()
    );
    for (traced, replayed) in changing.iter().zip(&replayed) {
        assert_eq!(traced.fsyncs, *replayed, "the floor flushes as often");
    }
    assert_eq!(changing[2].fsyncs, expected, "fsyncs of an apply");
    assert_eq!(changing[0].fsyncs, expected + made, "fsyncs of the first");
}

/// Two for an edit, one for a new file, one for a change of mode or owner alone, one for a directory
/// in which a name changed, six for the rest.
fn formula(bench: &Bench) -> usize {
    let output = bench
        .tighten(&["--format", "json", "plan"])
        .output()
        .unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let paths = |actions: &[&str]| -> std::collections::BTreeSet<String> {
        plan["changes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|change| actions.contains(&change["action"].as_str().unwrap()))
            .map(|change| change["path"].as_str().unwrap().to_string())
            .collect()
    };
    let (edited, created) = (paths(&["edit"]), paths(&["create"]));
    let metadata = paths(&["set-mode", "set-owner"]);
    let directories: std::collections::BTreeSet<_> = edited
        .union(&created)
        .filter_map(|path| Path::new(path).parent())
        .collect();
    2 * edited.len() + created.len() + metadata.difference(&edited).count() + directories.len() + 6
}

fn crates() -> usize {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap();
    lock.lines().filter(|line| *line == "[[package]]").count() - 1
}

/// The file system's type: a figure with flushes means nothing without it.
fn file_system(path: &Path) -> String {
    let output = Command::new("stat")
        .args(["-f", "-c", "%T"])
        .arg(path)
        .output();
    let name = output
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok());
    name.map_or("an unknown file system".into(), |name| {
        name.trim().to_string()
    })
}
