//! What a long history costs: `cargo bench --bench history` (`-- 10 10000` for other numbers).
//!
//! Lays out that many transactions, each a sound copy of a real one, and prints the wall time and the
//! peak memory of `tighten history` as text and as JSON, and of `tighten prune`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

#[path = "../../tests/support/many.rs"]
#[allow(dead_code)]
mod many;
#[path = "../floor/measure.rs"]
#[allow(dead_code)]
mod measure;

use std::path::Path;
use std::process::Command;

use measure::Series;

const TIGHTEN: &str = env!("CARGO_BIN_EXE_tighten");
const ROUNDS: usize = 5;

fn main() {
    let given: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let mut numbers = match given.as_slice() {
        [] => vec![10, 10_000, 50_000],
        given => given.to_vec(),
    };
    numbers.sort_unstable();
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let node = directory.path().join("node");
    let state = directory.path().join("state");
    measure::run(Command::new(TIGHTEN).arg("demo").arg(&node));
    let tighten = |arguments: &[&str]| {
        let mut command = Command::new(TIGHTEN);
        command
            .arg("--root")
            .arg(&node)
            .arg("--state-dir")
            .arg(&state);
        command.args(arguments);
        command
    };
    measure::run(&mut tighten(&["apply", "--yes"]));
    let all = many::transactions(&state);
    let one = all.join(&many::names(&all)[0]);

    println!("median of {ROUNDS} runs, the names and journals in the page cache\n");
    println!(
        "{:>12}  {:<24} {:>10} {:>10}",
        "transactions", "command", "median", "peak"
    );
    let mut laid_out = 1;
    for number in numbers {
        many::copies(&one, laid_out, number);
        laid_out = laid_out.max(number);
        assert_eq!(many::names(&all).len() as u64, laid_out);
        let mut table = [
            Series::new("history", tighten(&["history"])),
            Series::new(
                "history --format json",
                tighten(&["--format", "json", "history"]),
            ),
        ];
        measure::in_turn(&mut table, ROUNDS, &mut || {});
        measure::weigh(&mut table, &mut || {});
        for series in &table {
            print(laid_out, series);
        }
    }
    prune(laid_out, &all, tighten(&["prune", "--keep", "10"]));
}

fn prune(number: u64, all: &Path, command: Command) {
    let mut once = [Series::new("prune --keep 10, once", command)];
    measure::in_turn(&mut once, 1, &mut || {});
    print(number, &once[0]);
    assert_eq!(many::names(all).len() as u64, number.min(10));
}

fn print(number: u64, series: &Series) {
    let peak = match series.peak {
        0.0 => "-".to_string(),
        peak => format!("{peak:.2} MB"),
    };
    println!(
        "{number:>12}  {:<24} {:>7.1} ms {peak:>10}",
        series.name,
        series.median()
    );
}
