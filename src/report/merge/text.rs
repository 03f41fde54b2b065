//! Many nodes as text: the checks, then the nodes, worst first.

use std::fmt::Write;

use super::{Merged, MergedNode};
use crate::report::grouped;
use crate::report::printable;
use crate::report::scanned::Scan;
use crate::report::style::Style;

/// Widest column of names, in characters. A longer name, which only somebody's own document has, pushes its own
/// line and no other.
const WIDEST: usize = 64;

/// The width of a column of such names.
fn width<'a>(names: impl Iterator<Item = &'a String>) -> usize {
    let lengths = names.map(|name| name.chars().count());
    lengths
        .filter(|length| *length <= WIDEST)
        .max()
        .unwrap_or(0)
}

/// The table of checks, and a line for each node that has findings, or for all with `verbose`.
pub fn text(merged: &Merged, style: Style, verbose: bool) -> String {
    let mut out = String::new();
    let missing: Vec<&MergedNode> = merged
        .nodes
        .iter()
        .filter(|node| node.badness().is_none())
        .collect();
    if !missing.is_empty() {
        let _ = writeln!(out, "{}", style.bold("Not scanned:"));
        for node in &missing {
            if let Scan::NotScanned(not) = &node.scan {
                let why = not.error.message.lines().next().unwrap_or_default();
                let _ = writeln!(
                    out,
                    "  {}  {}",
                    style.bad(&printable(&node.name)),
                    printable(why)
                );
            }
        }
        out.push('\n');
    }
    checks(&mut out, merged, style, verbose);
    nodes(&mut out, merged, style, verbose);
    for note in &merged.notes {
        let _ = writeln!(out, "Note: {}", printable(note));
    }
    let _ = writeln!(out, "{}", totals(merged));
    out
}

/// How many nodes there are of each, in a sentence.
pub fn totals(merged: &Merged) -> String {
    let nodes = match merged.nodes.len() {
        1 => "1 node".to_string(),
        number => format!("{} nodes", grouped(number)),
    };
    let missing = grouped(merged.nodes.len() - merged.scanned());
    let (scanned, found) = (grouped(merged.scanned()), grouped(merged.with_findings()));
    format!("Report: {nodes}, {scanned} scanned, {missing} not scanned, {found} with findings.")
}

fn checks(out: &mut String, merged: &Merged, style: Style, verbose: bool) {
    let shown: Vec<_> = merged
        .checks
        .iter()
        .filter(|check| verbose || check.counts.fail + check.counts.unknown > 0)
        .collect();
    if shown.is_empty() {
        return;
    }
    let ids: Vec<String> = shown.iter().map(|check| printable(&check.check)).collect();
    let width = width(ids.iter());
    let head = format!(
        "  {:<width$}  {:<8}  {:>6}  {:>7}  {:>6}  {:>6}  {:>14}",
        "check", "severity", "failed", "unknown", "waived", "passed", "not applicable"
    );
    let _ = writeln!(out, "{}", style.dim(&head));
    for (check, id) in shown.iter().zip(ids) {
        let counts = &check.counts;
        let _ = writeln!(
            out,
            "  {}  {}  {:>6}  {:>7}  {:>6}  {:>6}  {:>14}",
            style.bold(&format!("{id:<width$}")),
            style.severity(check.severity, &format!("{:<8}", check.severity)),
            counts.fail,
            counts.unknown,
            counts.waived,
            counts.pass,
            counts.not_applicable,
        );
    }
    out.push('\n');
}

fn nodes(out: &mut String, merged: &Merged, style: Style, verbose: bool) {
    let bad = |node: &&MergedNode| {
        node.badness()
            .is_some_and(|bad| verbose || bad.findings() + bad.unknown > 0)
    };
    let shown: Vec<&MergedNode> = merged.nodes.iter().filter(bad).collect();
    if !shown.is_empty() {
        let names: Vec<String> = shown.iter().map(|node| printable(&node.name)).collect();
        let width = width(names.iter()).max(4);
        let head = format!(
            "  {:<width$}  {:>4}  {:>6}  {:>4}  {:>7}  scanned",
            "node", "high", "medium", "low", "unknown"
        );
        let _ = writeln!(out, "{}", style.dim(&head));
        for (node, name) in shown.iter().zip(names) {
            let bad = node.badness().unwrap_or_default();
            let at = node
                .scan
                .at()
                .map_or("not told".into(), |at| at.to_string());
            let _ = writeln!(
                out,
                "  {}  {:>4}  {:>6}  {:>4}  {:>7}  {at}",
                style.bold(&format!("{name:<width$}")),
                bad.high,
                bad.medium,
                bad.low,
                bad.unknown,
            );
        }
    }
    match merged.scanned() - shown.len() {
        0 => {}
        1 => out.push_str("  and 1 node without findings; -v shows it\n"),
        more => {
            let _ = writeln!(out, "  and {more} nodes without findings; -v shows them");
        }
    }
    if merged.scanned() > 0 {
        out.push('\n');
    }
}
