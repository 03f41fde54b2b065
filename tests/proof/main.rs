//! The proof that a transaction is all or nothing: the built program is killed, failed, lied to, cut off
//! from power and raced at each of its system calls, and what is left must be all before or all after.
//!
//! `cargo test --release --test proof -- --all` tries every point and prints the table of
//! docs/failures.md; without `--all` it takes a sample. `--every 10` tries each tenth point, `--only crash,power` picks parts.
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
mod seven;
mod signals;
mod sound;
#[path = "../transaction_support/mod.rs"]
mod transaction_support;
mod tree;
mod yaml;

use std::process::{Command, ExitCode};

use figure::Table;

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

/// Each so-manieth, and not the first: that would always be the start of the program.
fn evenly<P>(points: Vec<P>, step: usize) -> Vec<P> {
    let step = step.max(1);
    points.into_iter().skip(step / 2).step_by(step).collect()
}

fn main() -> ExitCode {
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
    let only = after("--only");
    let wanted = |part: &str| only.is_none_or(|only| only.split(',').any(|one| one == part));
    let strace = Command::new("strace").arg("-V").output();
    if !strace.is_ok_and(|output| output.status.success()) {
        println!("skipped: strace is not installed");
        return ExitCode::SUCCESS;
    }
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: needs root, since a node's files belong to root");
        return ExitCode::SUCCESS;
    }
    let mut table = Table::default();
    if wanted("crash") {
        table.add(|| crash::every_call(extent));
        table.add(|| vec![crash::recovery_again(extent)]);
    }
    if wanted("signals") {
        table.add(|| signals::at_every_call(extent));
    }
    if wanted("errors") {
        table.add(|| faults::errors(extent));
    }
    if wanted("lies") {
        table.add(|| faults::lies(extent));
    }
    if wanted("power") {
        table.add(|| power::cuts(extent));
    }
    if wanted("lint") {
        table.add(|| fsyncs::fsyncs(extent));
    }
    if wanted("crowd") {
        table.add(|| vec![crowd::applies(50), crowd::mixed(50)]);
    }
    if wanted("fsyncs") {
        table.add(|| vec![seven::fsyncs()]);
    }
    // Without --all they are tests of their own.
    if wanted("yaml") && extent != Extent::Sample {
        table.add(|| vec![yaml::edits(extent.number(100_000, 1000)), yaml::hostile()]);
    }
    table.print();
    if table.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
