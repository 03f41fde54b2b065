//! The page of one scan: verdicts by severity, the plan, the history.

use std::fmt::Write;

use super::frame::{frame, plural, severity, tag, word};
use super::plan;
use crate::baseline::Severity;
use crate::failure::Failure;
use crate::kinds::Verdict;
use crate::plan::Plan;
use crate::report::escape::escaped;
use crate::report::place;
use crate::report::scanned::{Judged, NotScanned, Scan, Scanned, Seen};
use crate::report::with_flags;
use crate::transaction::Summary;

const SEVERITIES: [Severity; 3] = [Severity::High, Severity::Medium, Severity::Low];

/// What the page shows. What could not be had says why.
pub struct Page<'a> {
    /// The verdicts.
    pub scan: &'a Scan,
    /// The changes; `None` for a node that was not scanned.
    pub plan: Option<Result<&'a Plan, Failure>>,
    /// What was done on the node; `None` where it is not known which node it is.
    pub history: Option<Result<History, Failure>>,
    /// The flags in use, for commands that the page names.
    pub flags: &'a str,
}

/// The newest transactions.
#[derive(Default)]
pub struct History {
    /// Newest first.
    pub newest: Vec<Summary>,
    /// There are more.
    pub more: bool,
    /// Journals that cannot be used.
    pub unusable: Vec<Failure>,
}

/// The whole page.
pub fn page(page: &Page) -> String {
    let name = page.scan.name().unwrap_or("This node");
    let mut body = String::new();
    match page.scan {
        Scan::Scanned(scanned) => scanned_body(&mut body, name, scanned, page),
        Scan::NotScanned(not) => not_scanned_body(&mut body, name, not),
    }
    history(&mut body, page);
    body.push_str("</main>\n");
    let title = format!("{name} · tighten scan");
    frame(&title, false, "", &body, &page.scan.tool().version)
}

fn scanned_body(body: &mut String, name: &str, scanned: &Scanned, page: &Page) {
    head(body, name, &lede(scanned));
    about(body, scanned);
    let of = |verdict: Verdict| -> Vec<&Judged> {
        let all = scanned.verdicts.iter();
        let mut found: Vec<&Judged> = all.filter(|judged| judged.verdict == verdict).collect();
        found.sort_by_key(|judged| std::cmp::Reverse(judged.severity));
        found
    };
    let sections = [
        ("findings", "Findings", of(Verdict::Fail)),
        ("unknown", "Could not be judged", of(Verdict::Unknown)),
        ("waived", "Waived", of(Verdict::Waived)),
    ];
    let rest = [of(Verdict::Pass), of(Verdict::NotApplicable)].concat();
    contents(body, &sections, page);
    body.push_str("<main id=\"main\">\n");
    glance(body, scanned);
    for warning in &scanned.warnings {
        let _ = writeln!(
            body,
            "<div class=\"box warn after\"><p><strong>Warning:</strong> {}</p></div>",
            escaped(warning)
        );
    }
    for (id, title, judged) in sections.iter().filter(|(.., judged)| !judged.is_empty()) {
        heading(body, id, title, Some(judged.len()));
        judged.iter().for_each(|judged| card(body, judged));
    }
    if let Some(plan) = &page.plan {
        heading(body, "plan", "Plan", None);
        match plan {
            Ok(plan) => plan::changes(body, plan, page.flags),
            Err(failure) => told(body, "There is no plan.", failure, page.flags),
        }
        if let Ok(plan) = plan {
            plan::manual(body, plan, page.flags);
        }
    }
    if !rest.is_empty() {
        heading(
            body,
            "passed",
            "Passed and not applicable",
            Some(rest.len()),
        );
        passed(body, &rest);
    }
}

fn not_scanned_body(body: &mut String, name: &str, not: &NotScanned) {
    head(
        body,
        name,
        "This node was not scanned. Nothing is known of it.",
    );
    let _ = write!(
        body,
        "<main id=\"main\">\n<h2 id=\"error\">Why</h2>\n<div class=\"box bad\"><p>{}</p>",
        escaped(&not.error.message)
    );
    for more in [&not.error.state, &not.error.help].into_iter().flatten() {
        let _ = write!(body, "<p>{}</p>", escaped(more));
    }
    body.push_str("</div>\n");
    if let Some(at) = not.scanned_at {
        let _ = writeln!(body, "<p class=\"soft\">Tried at {at}.</p>");
    }
}

fn head(body: &mut String, name: &str, lede: &str) {
    let _ = write!(
        body,
        "<header>\n<p class=\"eyebrow\">tighten scan</p>\n<h1>{}</h1>\n<p class=\"lede\">{}</p>\n</header>\n",
        escaped(name),
        escaped(lede)
    );
}

/// The node in a sentence or two.
fn lede(scanned: &Scanned) -> String {
    let counts = &scanned.summary;
    let by = |severity: Severity| {
        let of_it =
            |judged: &&Judged| judged.severity == severity && judged.verdict == Verdict::Fail;
        let number = scanned.verdicts.iter().filter(of_it).count();
        (number > 0).then(|| format!("{number} {severity}"))
    };
    let parts: Vec<String> = SEVERITIES.into_iter().filter_map(by).collect();
    let mut text = match counts.fail {
        0 => "No findings.".to_string(),
        number => format!("{}: {}.", plural(number, "finding"), parts.join(", ")),
    };
    match counts.unknown {
        0 => {}
        1 => text.push_str(" One check could not be judged."),
        number => text.push_str(&format!(" {number} checks could not be judged.")),
    }
    if counts.waived > 0 {
        text.push_str(&format!(" {} waived.", counts.waived));
    }
    text
}

fn about(body: &mut String, scanned: &Scanned) {
    let proxy = &scanned.node.kube_proxy;
    let version = proxy.version.as_deref().unwrap_or("version not known");
    let at = scanned.scanned_at.map(|at| at.to_string());
    let rows = [
        ("kube-proxy", Some(version.to_string())),
        ("Started by", proxy.managed_by.clone()),
        ("Platform", proxy.platform.clone()),
        (
            "Configuration",
            proxy.config.as_ref().map(ToString::to_string),
        ),
        (
            "Kubeconfig",
            proxy.kubeconfig.as_ref().map(ToString::to_string),
        ),
        (
            "Root",
            Some(scanned.node.root.clone()).filter(|root| root != "/"),
        ),
        ("Scanned", at),
    ];
    body.push_str("<dl class=\"about\">\n");
    for (name, value) in rows {
        if let Some(value) = value {
            let _ = writeln!(body, "<dt>{name}</dt><dd>{}</dd>", escaped(&value));
        }
    }
    body.push_str("</dl>\n");
}

fn contents(body: &mut String, sections: &[(&str, &str, Vec<&Judged>)], page: &Page) {
    body.push_str("<nav aria-label=\"Sections\"><ul>\n");
    let mut link = |id: &str, title: &str| {
        let _ = writeln!(body, "<li><a href=\"#{id}\">{title}</a></li>");
    };
    for (id, title, _) in sections.iter().filter(|(.., judged)| !judged.is_empty()) {
        link(id, title);
    }
    if let Some(plan) = &page.plan {
        link("plan", "Plan");
        if plan.as_ref().is_ok_and(|plan| !plan.manual.is_empty()) {
            link("manual", "Left to you");
        }
    }
    link("passed", "Passed");
    link("history", "History");
    body.push_str("</ul></nav>\n");
}

fn heading(body: &mut String, id: &str, title: &str, count: Option<usize>) {
    let count = count.map_or(String::new(), |count| {
        format!(" <span class=\"count\">{count}</span>")
    });
    let _ = writeln!(body, "<h2 id=\"{id}\">{title}{count}</h2>");
}

/// How many there are of each, by severity.
fn glance(body: &mut String, scanned: &Scanned) {
    const COLUMNS: [Verdict; 5] = [
        Verdict::Fail,
        Verdict::Unknown,
        Verdict::Waived,
        Verdict::Pass,
        Verdict::NotApplicable,
    ];
    heading(body, "glance", "At a glance", None);
    body.push_str(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"glance\"><table class=\"glance\">\n\
         <thead><tr><th scope=\"col\">Severity</th>",
    );
    for verdict in COLUMNS {
        let short = match verdict {
            Verdict::Unknown => "not judged",
            Verdict::NotApplicable => "n/a",
            verdict => word(verdict),
        };
        let _ = write!(body, "<th scope=\"col\" class=\"num\">{short}</th>");
    }
    body.push_str("</tr></thead>\n<tbody>\n");
    for of in SEVERITIES {
        let _ = write!(body, "<tr><th scope=\"row\">{}</th>", severity(of));
        for verdict in COLUMNS {
            let both = |judged: &&Judged| judged.severity == of && judged.verdict == verdict;
            let number = scanned.verdicts.iter().filter(both).count();
            let zero = if number == 0 { " zero" } else { "" };
            let _ = write!(body, "<td class=\"num{zero}\">{number}</td>");
        }
        body.push_str("</tr>\n");
    }
    body.push_str("</tbody></table></div>\n");
}

fn card(body: &mut String, judged: &Judged) {
    let _ = write!(
        body,
        "<article class=\"card\"><header><h3>{}</h3>{}</header>\n<ul class=\"seen\">\n",
        escaped(&judged.title),
        severity(judged.severity),
    );
    for seen in place::telling(judged) {
        instance(body, judged, seen);
    }
    body.push_str("</ul>\n");
    if !judged.why.is_empty() {
        let _ = writeln!(
            body,
            "<p>{}.</p>",
            escaped(judged.why.trim_end_matches('.'))
        );
    }
    if let Some(fix) = &judged.fix {
        let _ = writeln!(
            body,
            "<p class=\"fix\"><strong>Fix</strong> ({}): {}</p>",
            fix.risk,
            escaped(&fix.summary)
        );
    }
    let refs: Vec<&str> = [judged.check.as_str()]
        .into_iter()
        .chain(judged.refs.iter().map(String::as_str))
        .collect();
    let _ = writeln!(
        body,
        "<p class=\"id mono\">{}</p></article>",
        escaped(&refs.join(" · "))
    );
}

fn instance(body: &mut String, judged: &Judged, seen: &Seen) {
    body.push_str("<li>");
    if let Some(place) = place::place(seen) {
        let _ = write!(body, "<span class=\"mono\">{}</span>", escaped(&place));
    }
    let _ = writeln!(body, "{}</li>", escaped(&place::observed(judged, seen)));
}

fn passed(body: &mut String, rest: &[&Judged]) {
    body.push_str(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"passed\"><table>\n<thead><tr>\
         <th scope=\"col\">Check</th><th scope=\"col\">Severity and verdict</th></tr></thead>\n<tbody>\n",
    );
    for judged in rest {
        let _ = writeln!(
            body,
            "<tr><th scope=\"row\">{}<br><span class=\"soft mono\">{}</span></th><td class=\"tags\">{} {}</td></tr>",
            escaped(&judged.title),
            escaped(&judged.check),
            // Quiet: nothing is wrong here.
            tag("", &judged.severity.to_string()),
            tag(judged.verdict.word(), word(judged.verdict)),
        );
    }
    body.push_str("</tbody></table></div>\n");
}

fn history(body: &mut String, page: &Page) {
    let Some(history) = &page.history else {
        return;
    };
    heading(body, "history", "History", None);
    let history = match history {
        Ok(history) => history,
        Err(failure) => {
            return told(body, "The history could not be read.", failure, page.flags);
        }
    };
    for failure in &history.unusable {
        told(body, "A transaction cannot be read.", failure, page.flags);
    }
    if history.newest.is_empty() {
        body.push_str("<p class=\"soft\">No transactions yet.</p>\n");
        return;
    }
    body.push_str(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"history\"><table>\n<thead><tr>\
         <th scope=\"col\">Transaction</th><th scope=\"col\">Kind</th><th scope=\"col\">State</th>\
         <th scope=\"col\">Started</th><th scope=\"col\">Changes</th><th scope=\"col\">By</th></tr></thead>\n<tbody>\n",
    );
    for summary in &history.newest {
        transaction(body, summary);
    }
    body.push_str("</tbody></table></div>\n");
    if history.more {
        let more = with_flags("Older ones: tighten history", page.flags);
        let _ = writeln!(body, "<p class=\"soft\">{}</p>", escaped(&more));
    }
}

fn transaction(body: &mut String, summary: &Summary) {
    use crate::transaction::State;
    let class = match summary.state {
        State::Committed => "pass",
        State::RolledBack => "",
        State::Interrupted | State::Incomplete => "fail",
    };
    let of = match &summary.rollback_of {
        Some(id) => format!(
            "<br><span class=\"soft\">of {}</span>",
            escaped(id.as_str())
        ),
        None => String::new(),
    };
    // To the second: the rest is in the id.
    let started = summary.started_at.split('.').next().unwrap_or_default();
    let _ = writeln!(
        body,
        "<tr><th scope=\"row\" class=\"mono\">{}{of}</th><td>{}</td><td>{}</td><td>{}</td><td>{} in {}</td><td>{}</td></tr>",
        escaped(summary.id.as_str()),
        summary.kind,
        tag(class, summary.state.as_str()),
        escaped(&started.replace('T', " ")),
        plural(summary.changes, "change"),
        plural(summary.files, "file"),
        escaped(&summary.user),
    );
}

/// A failure where a part of the page should be.
fn told(body: &mut String, what: &str, failure: &Failure, flags: &str) {
    let _ = write!(
        body,
        "<div class=\"box bad\"><p><strong>{what}</strong> {}</p>",
        escaped(&failure.message)
    );
    if let Some(help) = &failure.help {
        let _ = write!(body, "<p>{}</p>", escaped(&with_flags(help, flags)));
    }
    body.push_str("</div>\n");
}
