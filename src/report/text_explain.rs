//! What checks and rules expect and why, as text.

use std::fmt::Write;

use super::style::Style;
use super::text_scan::wrapped;
use crate::baseline::{Baseline, Check};
use crate::unusual::{Rule, Rules};

/// Every check in one line each.
pub fn explain_all(baselines: &[Baseline], style: Style) -> String {
    let mut out = String::new();
    for baseline in baselines {
        let _ = writeln!(out, "{}: {}\n", style.bold(&baseline.name), baseline.title);
        let width = baseline
            .checks
            .iter()
            .map(|check| check.id.len())
            .max()
            .unwrap_or(0);
        for check in &baseline.checks {
            let _ = writeln!(
                out,
                "  {}  {}  {}",
                style.bold(&format!("{:<width$}", check.id)),
                style.severity(check.severity, &format!("{:<6}", check.severity)),
                check.title
            );
        }
    }
    out
}

/// The rules of what is unusual in the API server's audit log.
pub fn explain_rules(rules: &Rules, style: Style) -> String {
    let mut out = format!("{}: {}\n\n", style.bold(&rules.name), rules.title);
    let width = rules.rules.iter().map(|rule| rule.id.len()).max();
    let width = width.unwrap_or(0);
    for rule in &rules.rules {
        let _ = writeln!(
            out,
            "  {}  {}  {}",
            style.bold(&format!("{:<width$}", rule.id)),
            style.severity(rule.severity, &format!("{:<6}", rule.severity)),
            rule.title
        );
    }
    out
}

/// One rule, whole.
pub fn explain_rule(rule: &Rule, style: Style) -> String {
    let mut out = format!("{}: {}\n\n", style.bold(&rule.id), rule.title);
    let mut row = |name: &str, text: &str| add_row(&mut out, name, text, style);
    row("severity", &rule.severity.to_string());
    row("told by", "tighten audit");
    row("why", &rule.why);
    row("help", &rule.help);
    row("refs", &rule.refs.join(", "));
    out
}

/// A name and a text beside it.
fn add_row(out: &mut String, name: &str, text: &str, style: Style) {
    let mut indent = format!("  {name:<9} ");
    for line in wrapped(text, style.width.unwrap_or(100).clamp(40, 100) - 12) {
        let _ = writeln!(out, "{indent}{line}");
        indent = " ".repeat(12);
    }
}

/// One check, whole.
pub fn explain(check: &Check, style: Style) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}: {}\n", style.bold(&check.id), check.title);
    let mut row = |name: &str, text: &str| add_row(&mut out, name, text, style);
    row("severity", &check.severity.to_string());
    row("expects", &check.expect.expected());
    row("why", &check.why);
    match &check.fix {
        Some(fix) => row(
            "fix",
            &format!(
                "{}{}",
                fix.risk,
                if fix.on_request {
                    ", only when asked for with --only"
                } else {
                    ""
                }
            ),
        ),
        None => row("fix", "none: reported, and left to you"),
    }
    if let Some(breaks) = &check.breaks {
        row("breaks", breaks);
    }
    if let Some(by_hand) = &check.by_hand {
        row("by hand", by_hand);
    }
    row("refs", &check.refs.join(", "));
    out
}
