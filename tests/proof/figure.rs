//! The table of what was tried, and of what did not hold.

use std::time::Instant;

use crate::Extent;

/// How often something was tried, and where it did not hold.
pub struct Figure {
    pub name: String,
    pub tried: usize,
    pub bad: Vec<String>,
}

impl Figure {
    pub fn new(name: &str, tried: usize, bad: Vec<String>) -> Figure {
        Figure {
            name: name.into(),
            tried,
            bad,
        }
    }
}

/// A part of the proof, with the figure that it must reach.
pub struct Part {
    /// For `--only`.
    pub name: &'static str,
    /// What its figures are together: tries / those that did not hold.
    pub figure: &'static str,
    /// So many tries at least, when everything is tried.
    pub at_least: usize,
    /// False for what is a test of its own, of which no sample is needed.
    pub sampled: bool,
    pub measure: fn(Extent) -> Vec<Figure>,
}

/// The figures so far, as lines of the table.
#[derive(Default)]
pub struct Table {
    lines: Vec<String>,
    wrong: bool,
}

impl Table {
    pub fn add(&mut self, part: &Part, extent: Extent) {
        let start = Instant::now();
        let figures = (part.measure)(extent);
        let seconds = start.elapsed().as_secs();
        let tried = figures.iter().map(|figure| figure.tried).sum();
        let bad: usize = figures.iter().map(|figure| figure.bad.len()).sum();
        // A sample may leave out what this machine cannot do, such as loop devices; a proof may not.
        let few = extent == Extent::Every(1) && tried < part.at_least;
        self.wrong |= bad > 0 || few;
        self.lines.push(format!(
            "| **{}** | {} / 0 | **{} / {bad}** | {seconds} |",
            part.figure,
            grouped(part.at_least),
            grouped(tried),
        ));
        for figure in figures {
            let (name, tried) = (&figure.name, grouped(figure.tried));
            let bad = figure.bad.len();
            println!("{name}: {tried} tried, {bad} bad");
            for line in figure.bad.iter().take(10) {
                println!("  {line}");
            }
            self.lines.push(format!("| {name} | | {tried} / {bad} | |"));
        }
    }

    pub fn print(&self) {
        println!("\n| figure | at least / at most | measured | seconds |\n|---|---|---|---|");
        for line in &self.lines {
            println!("{line}");
        }
    }

    pub fn is_right(&self) -> bool {
        !self.wrong
    }
}

/// 12345 as 12,345.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
