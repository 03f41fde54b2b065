//! What is waived, as text.

use std::fmt::Write;

use super::printable;
use super::style::Style;
use super::text_scan::wrapped;
use crate::plan::Waived;
use crate::waivers::{self, Grounds, State, Waiver};

/// What is said of the waivers of a scan.
#[derive(Debug, Default)]
pub struct Remarks {
    /// Waivers that count as none although they were meant to.
    pub warnings: Vec<String>,
    /// Waivers without effect; shown with -v.
    pub notes: Vec<String>,
}

impl Remarks {
    /// Of what became of each waiver.
    pub fn of(states: &[(&Waiver, State)]) -> Remarks {
        Remarks {
            warnings: waivers::warnings(states),
            notes: waivers::notes(states),
        }
    }

    /// As they stand above the figures; empty without any.
    pub(super) fn text(&self, style: Style, verbose: bool) -> String {
        let mut out = String::new();
        for warning in &self.warnings {
            let _ = writeln!(out, "{} {}", style.bad("Warning:"), printable(warning));
        }
        for note in self.notes.iter().filter(|_| verbose) {
            let _ = writeln!(out, "Note: {}", printable(note));
        }
        if !out.is_empty() {
            out.push('\n');
        }
        out
    }
}

/// `waived until 2027-03-31: why (FILE:LINE)`, on one line.
pub fn grounds(grounds: &Grounds) -> String {
    let words: Vec<&str> = grounds.justification.split_whitespace().collect();
    let (until, why, place) = (grounds.until(), words.join(" "), grounds.place());
    format!("waived {until}: {why} ({place})")
}

/// What a plan leaves alone since it is waived; empty without any.
pub(super) fn waived(all: &[Waived], style: Style) -> String {
    let mut out = String::new();
    if !all.is_empty() {
        out.push_str("Waived:\n");
    }
    for one in all {
        let place = match (&one.path, one.line) {
            (Some(path), Some(line)) => format!("{path}:{line}: "),
            (Some(path), None) => format!("{path}: "),
            (None, _) => String::new(),
        };
        let observed = one.observed.as_deref().unwrap_or("fails");
        let why = grounds(&one.waiver);
        let text = printable(&format!("{} {place}{observed}; {why}", one.check));
        let mut indent = "  ";
        for line in wrapped(&text, style.width.map_or(usize::MAX, |columns| columns - 4)) {
            // The check stands first; its name is what to look for.
            let line = match line.strip_prefix(one.check.as_str()) {
                Some(rest) if indent.len() == 2 => format!("{}{rest}", style.bold(&one.check)),
                _ => line,
            };
            let _ = writeln!(out, "{indent}{line}");
            indent = "    ";
        }
    }
    out
}
