//! The proof that a transaction is all or nothing: the built program is killed, failed, lied to, cut off
//! from power and raced at each of its system calls, and what is left must be all before or all after.
//!
//! `cargo test --release --test proof -- --all` tries every point and prints the table of
//! docs/failures.md; without `--all` it takes a sample. `--every 10` tries each tenth point,
//! `--only crash,power` picks parts.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod call;
mod crash;
mod crowd;
mod disk;
mod faults;
mod figure;
mod fsyncs;
mod ground;
mod lint;
mod power;
mod race;
mod seven;
mod signals;
mod sound;
#[path = "../transaction_support/mod.rs"]
mod transaction_support;
mod tree;
mod yaml;

use std::process::{Command, ExitCode};

use figure::{Figure, Part, Table};

const PARTS: [Part; 11] = [
    Part {
        name: "crash",
        figure: "crash points / torn",
        at_least: 1_000,
        sampled: true,
        measure: crash::every_call,
    },
    Part {
        name: "recovery",
        figure: "crash points of the recovery of a crash / torn",
        at_least: 1_000,
        sampled: true,
        measure: crash::recovery_again,
    },
    Part {
        name: "errors",
        figure: "error injections / torn, or told wrongly",
        at_least: 1_500,
        sampled: true,
        measure: faults::errors,
    },
    Part {
        name: "lies",
        figure: "calls that claim success and do nothing / torn after recovery",
        at_least: 100,
        sampled: true,
        measure: faults::lies,
    },
    Part {
        name: "power",
        figure: "power cuts / torn",
        at_least: 300,
        sampled: true,
        measure: power::cuts,
    },
    Part {
        name: "lint",
        figure: "fsyncs taken out / unnoticed, and traces / misread",
        at_least: 50,
        sampled: true,
        measure: fsyncs::fsyncs,
    },
    Part {
        name: "signals",
        figure: "signals at every call / a mix left",
        at_least: 1_000,
        sampled: true,
        measure: signals::at_every_call,
    },
    Part {
        name: "race",
        figure: "symlink race, tries / escapes",
        at_least: 20_000,
        sampled: false,
        measure: race_outside,
    },
    Part {
        name: "crowd",
        figure: "at once / not one at a time",
        at_least: 100,
        sampled: true,
        measure: crowd::all,
    },
    Part {
        name: "yaml",
        figure: "random YAML edits and hostile texts / wrong, over 1 s or over 100 MB",
        at_least: 100_000,
        sampled: false,
        measure: yaml::all,
    },
    Part {
        name: "fsyncs",
        figure: "fsyncs for the plan of seven changes / more or fewer than expected",
        at_least: 18,
        sampled: true,
        measure: seven::fsyncs,
    },
];

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    Sample,
    /// Every so-manieth point; 1 is all of them.
    Every(usize),
}

impl Extent {
    /// All points, or about so many of them.
    fn take<P>(self, points: Vec<P>, sample: usize) -> Vec<P> {
        let step = match self {
            Extent::Every(step) => step,
            Extent::Sample => points.len().div_ceil(sample.max(1)),
        };
        evenly(points, step)
    }

    /// So many when everything is tried, else fewer.
    fn number(self, all: usize, sample: usize) -> usize {
        match self {
            Extent::Every(step) => (all / step).max(sample),
            Extent::Sample => sample,
        }
    }
}

fn race_outside(extent: Extent) -> Vec<Figure> {
    let (tries, escapes) = race::run(extent.number(20_000, 1_000));
    vec![Figure::new(
        "names exchanged with symlinks out of the root",
        tries,
        escapes,
    )]
}

/// Each so-manieth, and not the first: that would always be the start of the program.
fn evenly<P>(points: Vec<P>, step: usize) -> Vec<P> {
    let step = step.max(1);
    points.into_iter().skip(step / 2).step_by(step).collect()
}

fn main() -> ExitCode {
    race::exchange_when_asked();
    if let Some(directory) = std::env::var_os(seven::INSIDE) {
        return seven::inside(directory.as_ref());
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS;
    }
    let after = |flag: &str| {
        let index = words.iter().position(|word| word == flag)?;
        words.get(index + 1)
    };
    let extent = match after("--every") {
        Some(step) => Extent::Every(step.parse().expect("--every takes a number")),
        None if words.iter().any(|word| word == "--all") => Extent::Every(1),
        None => Extent::Sample,
    };
    let only: Option<Vec<&str>> = after("--only").map(|only| only.split(',').collect());
    let names = PARTS.map(|part| part.name);
    // A word that names nothing would print an empty table, which nothing contradicts.
    for name in only.iter().flatten() {
        assert!(
            names.contains(name),
            "--only {name}: the parts are {names:?}"
        );
    }
    // As the harness of other tests has it: `cargo test NAME` is for those that have it in their name.
    let filter = words.first().filter(|word| !word.starts_with('-'));
    let wanted = |part: &str| {
        only.as_ref().is_none_or(|only| only.contains(&part))
            && filter.is_none_or(|filter| part.contains(filter.as_str()))
    };
    if !names.into_iter().any(wanted) {
        return ExitCode::SUCCESS;
    }
    let strace = Command::new("strace").arg("-V").output();
    if !strace.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: strace is not installed");
        return ExitCode::SUCCESS;
    }
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: needs root, since a node's files belong to root");
        return ExitCode::SUCCESS;
    }
    let mut table = Table::default();
    for part in &PARTS {
        let due = part.sampled || extent != Extent::Sample;
        if due && wanted(part.name) {
            table.add(part, extent);
        }
    }
    table.print();
    if table.is_right() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
