//! The page of many nodes: the checks, what they found where, and every verdict in one table.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write;

use super::frame::{frame, plural, severity, tag, word};
use crate::kinds::Verdict;
use crate::report::escape::escaped;
use crate::report::grouped;
use crate::report::merge::{Group, Merged, MergedCheck, MergedNode};
use crate::report::scanned::Scan;

const STYLE: &str = include_str!("merged.css");
/// Most groups that are shown of one check.
const GROUPS: usize = 8;
/// Most names that are shown of one group.
const NAMES: usize = 12;
/// Longest text that is shown of what was found, in characters: it stands there for many nodes.
const FOUND: usize = 600;

/// The whole page.
pub fn merged(merged: &Merged, version: &str) -> String {
    let mut body = String::new();
    let title = plural(merged.nodes.len(), "node");
    let _ = write!(
        body,
        "<div class=\"read\">\n<header>\n<p class=\"eyebrow\">tighten report</p>\n<h1>{title}</h1>\n\
         <p class=\"lede\">{}</p>\n</header>\n",
        lede(merged)
    );
    let missing: Vec<&MergedNode> = merged
        .nodes
        .iter()
        .filter(|node| node.badness().is_none())
        .collect();
    contents(&mut body, merged, !missing.is_empty());
    body.push_str("</div>\n<main id=\"main\">\n<div class=\"read\">\n");
    not_scanned(&mut body, &missing);
    checks(&mut body, merged);
    body.push_str("</div>\n");
    nodes(&mut body, merged);
    if !merged.notes.is_empty() {
        body.push_str("<div class=\"read\"><h2 id=\"notes\">Notes</h2>\n");
        for note in &merged.notes {
            let _ = writeln!(
                body,
                "<div class=\"box warn\"><p>{}</p></div>",
                escaped(note)
            );
        }
        body.push_str("</div>\n");
    }
    body.push_str("</main>\n");
    frame(
        &format!("{title} · tighten report"),
        true,
        STYLE,
        &body,
        version,
    )
}

fn lede(merged: &Merged) -> String {
    let missing = merged.nodes.len() - merged.scanned();
    let found = match merged.with_findings() {
        0 => "No findings".to_string(),
        number => format!("{} with findings", plural(number, "node")),
    };
    match missing {
        0 => format!("{found}; all were scanned."),
        missing => format!(
            "{found}; {} not scanned, so nothing is known there.",
            plural(missing, "node")
        ),
    }
}

fn contents(body: &mut String, merged: &Merged, missing: bool) {
    let all = [
        (missing, "missing", "Not scanned"),
        (true, "checks", "Checks"),
        (true, "nodes", "Nodes"),
        (!merged.notes.is_empty(), "notes", "Notes"),
    ];
    body.push_str("<nav aria-label=\"Sections\"><ul>\n");
    for (_, id, title) in all.iter().filter(|(there, ..)| *there) {
        let _ = writeln!(body, "<li><a href=\"#{id}\">{title}</a></li>");
    }
    body.push_str("</ul></nav>\n");
}

fn not_scanned(body: &mut String, missing: &[&MergedNode]) {
    if missing.is_empty() {
        return;
    }
    let _ = writeln!(
        body,
        "<h2 id=\"missing\">Not scanned <span class=\"count\">{}</span></h2>",
        missing.len()
    );
    // A thousand nodes can fail for one reason.
    let mut reasons: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for node in missing {
        if let Scan::NotScanned(not) = &node.scan {
            let help = not.error.help.as_deref().unwrap_or_default();
            let nodes = reasons.entry((&not.error.message, help)).or_default();
            nodes.push(&node.name);
        }
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, nodes)| Reverse(nodes.len()));
    for ((message, help), nodes) in reasons {
        let _ = writeln!(
            body,
            "<div class=\"box bad\"><p>{}</p><p><strong>{}</strong></p><p class=\"soft\">{}</p></div>",
            escaped(message),
            names(&nodes),
            escaped(help)
        );
    }
}

/// The first names, and how many there are besides.
fn names(all: &[&str]) -> String {
    let shown: Vec<String> = all.iter().take(NAMES).map(|name| escaped(name)).collect();
    match all.len().saturating_sub(NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), grouped(more)),
    }
}

/// A row for each check; what was found, and where, behind it.
fn checks(body: &mut String, merged: &Merged) {
    let _ = write!(
        body,
        "<h2 id=\"checks\">Checks <span class=\"count\">{}</span></h2>\n<div class=\"scroll\" tabindex=\"0\" \
         role=\"region\" aria-labelledby=\"checks\"><table class=\"checks\"><thead><tr>\
         <th scope=\"col\">Check</th><th scope=\"col\">Severity</th><th scope=\"col\">Nodes that fail</th>\
         <th scope=\"col\" class=\"num\">Not judged</th><th scope=\"col\" class=\"num\">Waived</th>\
         <th scope=\"col\" class=\"num\">Passed</th></tr></thead>\n<tbody>\n",
        merged.checks.len()
    );
    for check in &merged.checks {
        let counts = &check.counts;
        let all = counts.pass + counts.fail + counts.unknown + counts.waived;
        // Of those on which it could have passed.
        let share = (counts.fail * 100).checked_div(all).unwrap_or_default();
        let number = |number: usize| {
            let zero = if number == 0 { " zero" } else { "" };
            format!("<td class=\"num{zero}\">{}</td>", grouped(number))
        };
        let _ = write!(body, "<tr><th scope=\"row\">");
        found(body, merged, check);
        let bar = match counts.fail {
            0 => String::new(),
            _ => format!("<span class=\"bar\"><span style=\"width:{share}%\"></span></span>"),
        };
        let zero = if counts.fail == 0 { " zero" } else { "" };
        let _ = writeln!(
            body,
            "</th><td>{}</td><td class=\"share{zero}\">{}{bar}</td>{}{}{}</tr>",
            severity(check.severity),
            grouped(counts.fail),
            number(counts.unknown),
            number(counts.waived),
            number(counts.pass),
        );
    }
    body.push_str("</tbody></table></div>\n");
}

fn found(body: &mut String, merged: &Merged, check: &MergedCheck) {
    let title = format!(
        "{}<br><span class=\"soft mono\">{}</span>",
        escaped(&check.title),
        escaped(&check.check)
    );
    if check.groups.is_empty() {
        body.push_str(&title);
        return;
    }
    let _ = write!(
        body,
        "<details><summary>{title}</summary><ul class=\"found\">"
    );
    for group in check.groups.iter().take(GROUPS) {
        self::group(body, merged, group);
    }
    if check.groups.len() > GROUPS {
        let _ = write!(
            body,
            "<li class=\"soft\">and {} more that differ</li>",
            check.groups.len() - GROUPS
        );
    }
    body.push_str("</ul></details>");
}

fn group(body: &mut String, merged: &Merged, group: &Group) {
    let nodes: Vec<&str> = group
        .nodes
        .iter()
        .filter_map(|index| merged.nodes.get(*index))
        .map(|node| node.name.as_str())
        .collect();
    let mut told: String = group.found.chars().take(FOUND).collect();
    if told.len() < group.found.len() {
        told.push_str(" ...");
    }
    let _ = write!(
        body,
        "<li>{} on {}: <span class=\"mono\">{}</span><br><span class=\"soft\">{}</span></li>",
        tag(group.verdict.word(), word(group.verdict)),
        plural(group.nodes.len(), "node"),
        escaped(&told).replace('\n', "<br>"),
        names(&nodes)
    );
}

/// Every verdict: nodes down, checks across. The closing tags of cells may be left out, which makes a third of
/// the page of a thousand nodes.
fn nodes(body: &mut String, merged: &Merged) {
    body.push_str(
        "<h2 id=\"nodes\" class=\"read\">Nodes, worst first</h2>\n<div class=\"scroll matrix\" tabindex=\"0\" \
         role=\"region\" aria-labelledby=\"nodes\"><table><thead><tr><th scope=\"col\" class=\"name\">Node\
         <th scope=\"col\" class=\"num sum\">Findings",
    );
    for check in &merged.checks {
        let _ = write!(
            body,
            "<th scope=\"col\" class=\"v\"><span class=\"t{}\">{}</span>",
            check.severity,
            escaped(&check.check)
        );
    }
    body.push_str("</tr></thead>\n<tbody>\n");
    for node in &merged.nodes {
        let _ = write!(body, "<tr><th scope=\"row\">{}", escaped(&node.name));
        let Some(bad) = node.badness() else {
            let _ = writeln!(
                body,
                "<td class=\"u\" colspan=\"{}\">not scanned",
                merged.checks.len() + 1
            );
            continue;
        };
        let _ = write!(body, "<td class=\"num\">{}", bad.findings());
        let verdicts = node.verdicts();
        for check in &merged.checks {
            body.push_str(match verdicts.get(check.check.as_str()) {
                Some(Verdict::Fail) => "<td class=f>fail",
                Some(Verdict::Unknown) => "<td class=u>unknown",
                Some(Verdict::Waived) => "<td class=w>waived",
                Some(Verdict::Pass) => "<td class=p>pass",
                Some(Verdict::NotApplicable) => "<td>n/a",
                None => "<td>not run",
            });
        }
        body.push('\n');
    }
    body.push_str("</tbody></table></div>\n");
}
