//! The plan on a page: each change with its diff, what follows, what is left to a person.

use std::fmt::Write;

use super::frame::{diff, plural, severity};
use crate::plan::{Action, Change, Manual, Plan};
use crate::report::escape::escaped;
use crate::report::with_flags;

/// The changes, in the order in which apply makes them, and what follows.
pub fn changes(body: &mut String, plan: &Plan, flags: &str) {
    let Some(command) = command(plan, flags) else {
        body.push_str("<p class=\"soft\">There is nothing that tighten would change.</p>\n");
        notes(body, plan, flags);
        return;
    };
    let _ = writeln!(body, "<p>{command}</p>");
    for change in &plan.changes {
        one(body, change);
    }
    for effect in &plan.effects {
        let what = match effect.kind.as_str() {
            "daemon-reload" => "systemctl daemon-reload".to_string(),
            kind => format!("{kind} {}", effect.target),
        };
        let _ = writeln!(
            body,
            "<div class=\"box\"><p>Then: {}, because {}.</p></div>",
            escaped(&what),
            escaped(&effect.because)
        );
    }
    notes(body, plan, flags);
}

fn command(plan: &Plan, flags: &str) -> Option<String> {
    if plan.changes.is_empty() {
        return None;
    }
    let apply = with_flags("tighten apply", flags);
    Some(format!(
        "{} in {}. Made with <code>{}</code>, and taken back whole with <code>{}</code>.",
        plural(plan.summary.changes, "change"),
        plural(plan.summary.files, "file"),
        escaped(&apply),
        escaped(&with_flags("tighten rollback", flags)),
    ))
}

fn notes(body: &mut String, plan: &Plan, flags: &str) {
    for obstacle in &plan.obstacles {
        let help = obstacle
            .help
            .as_deref()
            .map_or(String::new(), |help| format!("; {help}"));
        let text = with_flags(&format!("{}{help}", obstacle.reason), flags);
        let _ = writeln!(
            body,
            "<div class=\"box bad\"><p><strong>Apply would refuse:</strong> {}</p></div>",
            escaped(&text)
        );
    }
    for warning in &plan.warnings {
        let _ = writeln!(
            body,
            "<div class=\"box warn\"><p><strong>Warning:</strong> {}</p></div>",
            escaped(warning)
        );
    }
}

fn one(body: &mut String, change: &Change) {
    let what = format!(
        "<span class=\"what\"><span class=\"path mono\">{}</span><span>{}</span>{}</span>",
        escaped(change.path.as_str()),
        escaped(&change.summary),
        severity(change.severity),
    );
    let for_check = format!(
        "<span class=\"soft mono\">{}</span>",
        escaped(&change.check)
    );
    if change.diff.is_empty() {
        let _ = writeln!(
            body,
            "<div class=\"change plain\">{what}<br>{for_check}</div>"
        );
        return;
    }
    let _ = writeln!(
        body,
        "<details class=\"change\"{}><summary>{what}<br>{for_check}</summary>\n{}</details>",
        // A whole new file is long, and of this program.
        if change.action == Action::Create {
            ""
        } else {
            " open"
        },
        diff(&change.diff),
    );
}

/// What is left to a person; patches that findings share once.
pub fn manual(body: &mut String, plan: &Plan, flags: &str) {
    if plan.manual.is_empty() {
        return;
    }
    let _ = writeln!(
        body,
        "<h2 id=\"manual\">Left to you <span class=\"count\">{}</span></h2>",
        plan.manual.len()
    );
    let mut shown: Vec<&str> = Vec::new();
    for entry in &plan.manual {
        item(body, entry, flags);
        let Some(patch) = entry
            .patch
            .as_deref()
            .filter(|patch| !shown.contains(patch))
        else {
            continue;
        };
        shown.push(patch);
        let sharing = plan
            .manual
            .iter()
            .filter(|other| other.patch.as_deref() == Some(patch));
        let checks: Vec<&str> = sharing.map(|other| other.check.as_str()).collect();
        let _ = writeln!(
            body,
            "<details class=\"change\" open><summary>Instead, once for all nodes, for {}</summary>\n{}</details>",
            escaped(&checks.join(", ")),
            diff(patch),
        );
    }
}

fn item(body: &mut String, entry: &Manual, flags: &str) {
    let _ = write!(
        body,
        "<article class=\"card\"><header><h3 class=\"mono\">{}</h3></header>",
        escaped(&entry.check)
    );
    if let Some(path) = &entry.path {
        let _ = write!(
            body,
            "<p class=\"mono soft\">{}</p>",
            escaped(path.as_str())
        );
    }
    let _ = write!(
        body,
        "<p>{}</p>",
        escaped(&with_flags(&entry.reason, flags))
    );
    if let Some(help) = entry
        .help
        .as_ref()
        .filter(|help| !entry.reason.contains(help.as_str()))
    {
        let _ = write!(body, "<p>{}</p>", escaped(&with_flags(help, flags)));
    }
    body.push_str("</article>\n");
}
