//! What checks and rules expect and why, as text.

use std::fmt::Write;

use super::style::Style;
use super::text_scan::wrapped;
use crate::baseline::{Baseline, Check, Severity};
use crate::unusual::{Rule, Rules};

/// Every check in one line each.
pub fn explain_all(baselines: &[Baseline], style: Style) -> String {
    let list = |baseline: &Baseline| {
        let checks = baseline.checks.iter();
        let rows = checks.map(|check| (check.id.as_str(), check.severity, check.title.as_str()));
        listed(
            &baseline.name,
            &baseline.title,
            &rows.collect::<Vec<_>>(),
            style,
        )
    };
    let lists: Vec<String> = baselines.iter().map(list).collect();
    lists.join("\n")
}

/// The rules of what is unusual in the API server's audit log.
pub fn explain_rules(rules: &Rules, style: Style) -> String {
    let all = rules.rules.iter();
    let rows = all.map(|rule| (rule.id.as_str(), rule.severity, rule.title.as_str()));
    listed(&rules.name, &rules.title, &rows.collect::<Vec<_>>(), style)
}

/// What has a name and a title, and each of its parts in a line.
fn listed(name: &str, title: &str, rows: &[(&str, Severity, &str)], style: Style) -> String {
    let mut out = format!("{}: {title}\n\n", style.bold(name));
    let width = rows.iter().map(|(id, ..)| id.len()).max().unwrap_or(0);
    for (id, severity, title) in rows {
        let id = style.bold(&format!("{id:<width$}"));
        let severity = style.severity(*severity, &format!("{severity:<6}"));
        let _ = writeln!(out, "  {id}  {severity}  {title}");
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
    if let Some(since) = check.since {
        row("holds", &format!("from Kubernetes {since} on"));
    }
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
