//! The proof that a transaction is all or nothing: the built program is killed, failed, lied to, cut off
//! from power and raced at each of its system calls, and what is left must be all before or all after.
//!
//! `cargo test --release --test proof -- --all` tries every point and prints the table of
//! docs/failures.md; without `--all` it takes a sample. `--only crash,power` picks parts.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod crash;
mod disk;
mod faults;
mod figure;
mod fsyncs;
mod ground;
mod lint;
mod power;
mod signals;
mod sound;
mod tree;

use std::process::{Command, ExitCode};

use figure::Table;

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    Sample,
    All,
}

impl Extent {
    /// All points, or about so many of them.
    fn take<P>(self, points: Vec<P>, sample: usize) -> Vec<P> {
        self.take_evenly(points, usize::MAX, sample)
    }

    /// About so many points, evenly from all.
    fn take_evenly<P>(self, points: Vec<P>, all: usize, sample: usize) -> Vec<P> {
        let wanted = if self == Extent::All { all } else { sample };
        let step = points.len().div_ceil(wanted.max(1)).max(1);
        // Not the first of each stretch: that would always be the start of the program.
        points.into_iter().skip(step / 2).step_by(step).collect()
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS;
    }
    let extent = if words.iter().any(|word| word == "--all") {
        Extent::All
    } else {
        Extent::Sample
    };
    let only = words
        .iter()
        .position(|word| word == "--only")
        .and_then(|index| words.get(index + 1));
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
    table.print();
    if table.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
