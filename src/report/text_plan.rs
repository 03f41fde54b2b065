//! A plan as text: the shape of a diff.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::printable;
use super::style::Style;
use super::text_scan::{header, wrapped};
use super::text_waivers::waived;
use crate::facts::Facts;
use crate::plan::{Action, Change, Manual, Plan};

/// Lines of a new file that are shown without -v.
const SHOWN_LINES: usize = 6;

/// The whole plan.
pub fn plan(facts: &Facts, plan: &Plan, style: Style, verbose: bool, quiet: bool) -> String {
    let mut out = String::new();
    if !quiet {
        let _ = writeln!(out, "{}\n", header(facts, style));
    }
    let widths = Widths::of(plan, style);
    for change in &plan.changes {
        out.push_str(&block(change, &widths, style, verbose));
    }
    if !plan.changes.is_empty() {
        out.push('\n');
    }
    for effect in &plan.effects {
        let what = match effect.kind.as_str() {
            "daemon-reload" => "systemctl daemon-reload".into(),
            kind => format!("{kind} {}", printable(&effect.target)),
        };
        let _ = writeln!(out, "Then: {what}, because {}.", effect.because);
    }
    if !plan.manual.is_empty() && !quiet {
        out.push_str("Left to you:\n");
        for manual in &plan.manual {
            let help = match &manual.help {
                Some(help) if !manual.reason.contains(help.as_str()) => format!("; {help}"),
                _ => String::new(),
            };
            let text = printable(&format!("{} ({}{help})", manual.check, manual.reason));
            let mut indent = "  ";
            for line in wrapped(&text, style.width.map_or(usize::MAX, |columns| columns - 4)) {
                // The check stands first; its name is what to look for.
                let line = match line.strip_prefix(manual.check.as_str()) {
                    Some(rest) if indent.len() == 2 => {
                        format!("{}{rest}", style.bold(&manual.check))
                    }
                    _ => line,
                };
                let _ = writeln!(out, "{indent}{line}");
                indent = "    ";
            }
        }
        out.push_str(&patches(&plan.manual, style));
    }
    if !quiet {
        out.push_str(&waived(&plan.waived, style));
    }
    for obstacle in &plan.obstacles {
        let help = obstacle.help.as_deref().unwrap_or_default();
        let _ = writeln!(
            out,
            "{} {}; {}",
            style.bad("Apply would refuse:"),
            printable(&obstacle.reason),
            printable(help)
        );
    }
    for warning in &plan.warnings {
        let _ = writeln!(out, "{} {}", style.bad("Warning:"), printable(warning));
    }
    let bare = plan.effects.is_empty() && plan.obstacles.is_empty() && plan.warnings.is_empty();
    let left = plan.manual.is_empty() && plan.waived.is_empty();
    if !(bare && (left || quiet)) {
        out.push('\n');
    }
    let _ = writeln!(out, "{}", totals(plan));
    out
}

/// Each patch once, with the checks that share it.
fn patches(manual: &[Manual], style: Style) -> String {
    let mut out = String::new();
    let mut shown: Vec<&str> = Vec::new();
    for patch in manual.iter().filter_map(|entry| entry.patch.as_deref()) {
        if shown.contains(&patch) {
            continue;
        }
        shown.push(patch);
        let of_it = manual
            .iter()
            .filter(|entry| entry.patch.as_deref() == Some(patch));
        let checks: Vec<&str> = of_it.map(|entry| entry.check.as_str()).collect();
        let title = format!("Instead, once for all nodes, for {}:", checks.join(", "));
        for line in wrapped(
            &title,
            style.width.map_or(usize::MAX, |columns| columns - 2),
        ) {
            let _ = writeln!(out, "  {line}");
        }
        for line in patch.lines() {
            let _ = writeln!(out, "      {}", style.diff_line(&printable(line)));
        }
    }
    out
}

/// One change with its diff, as the prompt shows it.
pub fn change_block(plan: &Plan, change: &Change, style: Style) -> String {
    block(change, &Widths::of(plan, style), style, true)
}

struct Widths {
    path: usize,
    what: usize,
    check: usize,
    /// Too narrow for one line a change: the check goes on a line of its own.
    narrow: bool,
}

impl Widths {
    fn of(plan: &Plan, style: Style) -> Widths {
        let widest = |of: &dyn Fn(&Change) -> usize| plan.changes.iter().map(of).max().unwrap_or(0);
        let path = widest(&|change| change.path.as_str().len());
        let what = widest(&|change| shown(change).len());
        let check = widest(&|change| change.check.len());
        let all = path + what + check + 16;
        Widths {
            path,
            what,
            check,
            narrow: style.width.is_some_and(|columns| columns < all),
        }
    }
}

/// What stands beside the path: an edit speaks through its diff.
fn shown(change: &Change) -> &str {
    match change.action {
        Action::Edit => "",
        _ => &change.summary,
    }
}

fn block(change: &Change, widths: &Widths, style: Style, verbose: bool) -> String {
    let mut out = String::new();
    let sign = match change.action {
        Action::Create => style.good("+"),
        _ => style.warn("~"),
    };
    let path = printable(change.path.as_str());
    let check = format!("{:<1$}", change.check, widths.check);
    let severity = style.severity(change.severity, &change.severity.to_string());
    if widths.narrow {
        let _ = writeln!(out, "  {sign} {path}");
        let _ = writeln!(out, "      {}  {check}  {severity}", shown(change));
    } else {
        let _ = writeln!(
            out,
            "  {sign} {path:<0$}  {what:<1$}  {check}  {severity}",
            widths.path,
            widths.what,
            what = shown(change),
        );
    }
    let lines: Vec<&str> = change.diff.lines().collect();
    let cut = change.action == Action::Create && !verbose && lines.len() > SHOWN_LINES + 1;
    let end = if cut { SHOWN_LINES } else { lines.len() };
    for line in lines.iter().take(end) {
        let _ = writeln!(out, "      {}", style.diff_line(&printable(line)));
    }
    if cut {
        let rest = lines.len() - end;
        let _ = writeln!(
            out,
            "      {}",
            style.dim(&format!("... {rest} more lines; -v shows them"))
        );
    }
    out
}

/// `Plan: 1 to create, 3 to change in 2 files, 1 restart.`
fn totals(plan: &Plan) -> String {
    let created = plan
        .changes
        .iter()
        .filter(|change| change.action == Action::Create)
        .count();
    let changed = plan.changes.len() - created;
    let waived = plan.waived.len();
    if plan.changes.is_empty() {
        let mut text = "Plan: nothing to do".to_string();
        match plan.manual.len() {
            0 => {}
            1 => text.push_str(" for tighten; 1 finding is left to you"),
            more => {
                let _ = write!(text, " for tighten; {more} findings are left to you");
            }
        }
        match waived {
            0 => {}
            1 => text.push_str("; 1 is waived"),
            more => {
                let _ = write!(text, "; {more} are waived");
            }
        }
        return text + ".";
    }
    // A file that the plan makes can be changed by it too.
    let changes = plan.changes.iter();
    let files: BTreeSet<_> = changes
        .filter(|change| change.action != Action::Create)
        .map(|change| &change.path)
        .collect();
    let files = files.len();
    let mut parts = Vec::new();
    if created > 0 {
        parts.push(format!("{created} to create"));
    }
    if changed > 0 {
        let word = if files == 1 { "file" } else { "files" };
        parts.push(format!("{changed} to change in {files} {word}"));
    }
    let restarts = plan
        .effects
        .iter()
        .filter(|effect| effect.kind == "restart");
    match restarts.count() {
        0 => {}
        1 => parts.push("1 restart".into()),
        more => parts.push(format!("{more} restarts")),
    }
    if waived > 0 {
        parts.push(format!("{waived} waived"));
    }
    format!("Plan: {}.", parts.join(", "))
}
