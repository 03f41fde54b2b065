//! Transactions as text.

use std::fmt::Write;

use super::printable;
use super::style::Style;
use crate::transaction::{Details, State, Summary};

/// One transaction of the list. The columns have fixed widths: no line waits for the others.
pub fn line(summary: &Summary, style: Style) -> String {
    let state = format!("{:<11}", summary.state.as_str());
    let state = match summary.state {
        State::Committed => style.good(&state),
        State::RolledBack => style.dim(&state),
        State::Interrupted | State::Incomplete => style.bad(&state),
    };
    let plural =
        |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let of = match &summary.rollback_of {
        Some(id) => format!(" of {id}"),
        None => String::new(),
    };
    printable(&format!("{}  {:<8}  ", summary.id, summary.kind))
        + &state
        + &printable(&format!(
            "  {} in {}  by {}{of}",
            plural(summary.changes, "change"),
            plural(summary.files, "file"),
            summary.user
        ))
}

/// One transaction with its changes.
pub fn transaction(details: &Details, style: Style) -> String {
    let summary = &details.summary;
    let mut out = format!("{}\n", line(summary, style));
    let finished = summary.finished_at.as_deref().unwrap_or("not finished");
    let _ = writeln!(
        out,
        "started {}, finished {finished}, tighten {}\n",
        summary.started_at, summary.tool_version
    );
    for change in &details.changes {
        let _ = writeln!(
            out,
            "  {}",
            printable(&format!(
                "{}  {}  {}",
                change.path, change.summary, change.check
            ))
        );
    }
    out
}
