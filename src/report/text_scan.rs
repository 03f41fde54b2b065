//! Scan, facts and explanations as text.

use std::fmt::Write;

use super::scanned::Counts;
use super::style::Style;
use super::text_waivers::{Remarks, grounds};
use super::{one_line, printable};
use crate::baseline::Check;
use crate::check::Outcome;
use crate::discover::Source;
use crate::facts::{Fact, Facts, Role};
use crate::kinds::{Instance, Verdict};

/// Which kube-proxy this is about, in one line.
pub fn header(facts: &Facts, style: Style) -> String {
    let proxy = &facts.proxy;
    let files = [Role::ProxyConfig, Role::ProxyKubeconfig];
    let named = files.iter().any(|role| facts.target(*role).is_some());
    if let (Source::Named, false, Some(server)) = (&proxy.source, named, &facts.api_server) {
        let server = format!("kube-apiserver, {}", server.described);
        return [style.bold("no kube-proxy"), printable(&server)].join(" · ");
    }
    let name = match &proxy.version {
        Some(version) => format!("kube-proxy {version}"),
        None => "kube-proxy".to_string(),
    };
    let started = proxy.managed_by();
    let by = started.or_else(|| proxy.pid().map(|pid| format!("process {pid}")));
    let manifests = facts.objects.as_ref().filter(|objects| objects.alone);
    let config = match (facts.target(Role::ProxyConfig), manifests) {
        (_, Some(objects)) => objects.described(),
        (Some(target), None) => format!("config {}", target.path),
        (None, None) => "no --config".into(),
    };
    let mut parts = vec![style.bold(&printable(&name))];
    parts.extend(by.iter().chain([&config]).map(|part| printable(part)));
    parts.join(" · ")
}

/// The verdicts, findings first by default; all with `verbose`.
pub fn scan(
    facts: &Facts,
    outcomes: &[Outcome],
    remarks: &Remarks,
    style: Style,
    verbose: bool,
    quiet: bool,
) -> String {
    let mut out = String::new();
    if !quiet {
        let _ = writeln!(out, "{}\n", header(facts, style));
    }
    let shown: Vec<&Outcome> = outcomes
        .iter()
        .filter(|outcome| match outcome.verdict() {
            Verdict::Fail | Verdict::Unknown => true,
            Verdict::Waived => !quiet,
            Verdict::Pass | Verdict::NotApplicable => verbose,
        })
        .collect();
    let width = shown
        .iter()
        .map(|outcome| outcome.check.id.len())
        .max()
        .unwrap_or(0);
    for outcome in &shown {
        let verdict = outcome.verdict();
        let _ = writeln!(
            out,
            "  {}  {}  {}  {}",
            style.verdict(verdict, &format!("{:<14}", verdict.word())),
            style.bold(&format!("{:<width$}", outcome.check.id)),
            style.severity(
                outcome.check.severity,
                &format!("{:<6}", outcome.check.severity)
            ),
            references(outcome.check),
        );
        // What still fails stands before what is waived.
        let is_waived = |instance: &&Instance| instance.verdict == Verdict::Waived;
        let instances = || outcome.instances.iter();
        let waived = instances().filter(is_waived);
        for instance in instances().filter(|one| !is_waived(one)).chain(waived) {
            let waived = is_waived(&instance) && !quiet;
            if verbose || waived || instance.verdict == verdict {
                for line in evidence(outcome.check, instance) {
                    let _ = writeln!(out, "      {}", one_line(&line));
                }
            }
        }
    }
    if !shown.is_empty() {
        out.push('\n');
    }
    out.push_str(&remarks.text(style, verbose));
    out.push_str(&totals(outcomes));
    if outcomes
        .iter()
        .any(|outcome| outcome.verdict() == Verdict::Fail)
    {
        out.push_str(" See the changes with: tighten plan");
    }
    out.push('\n');
    out
}

/// How many there are of each, in a sentence.
pub fn totals(outcomes: &[Outcome]) -> String {
    let counts = Counts::of(outcomes.iter().map(Outcome::verdict));
    let waived = match counts.waived {
        0 => String::new(),
        number => format!(", {number} waived"),
    };
    format!(
        "Scan: {} passed, {} failed, {} could not be judged, {} not applicable{waived}.",
        counts.pass, counts.fail, counts.unknown, counts.not_applicable
    )
}

fn references(check: &Check) -> String {
    check.refs.join(", ")
}

/// What is there, where it comes from and what was expected.
fn evidence(check: &Check, instance: &Instance) -> Vec<String> {
    let mut lines = Vec::new();
    let place = match (&instance.path, instance.line) {
        (Some(path), Some(line)) => format!("{path}:{line}: "),
        (Some(path), None) => format!("{path}: "),
        (None, _) => String::new(),
    };
    let origin = match &instance.origin {
        Some(origin) => {
            let shown = origin.to_string();
            let told = instance
                .path
                .as_ref()
                .is_some_and(|path| shown.starts_with(path.as_str()));
            if told {
                String::new()
            } else {
                format!(" [{shown}]")
            }
        }
        None => String::new(),
    };
    match (&instance.observed, instance.verdict) {
        (Some(observed), Verdict::Fail | Verdict::Waived) => lines.push(format!(
            "{place}{observed}{origin}, expected {}",
            check.expect.expected()
        )),
        (Some(observed), _) => lines.push(format!("{place}{observed}{origin}")),
        (None, _) => lines.push(format!(
            "{place}{}{origin}",
            instance.reason.as_deref().unwrap_or_default()
        )),
    }
    if let (Some(reason), Some(_)) = (&instance.reason, &instance.observed) {
        lines.push(reason.clone());
    }
    lines.extend(instance.waiver.as_deref().map(grounds));
    lines
}

/// The facts as a table.
pub fn facts(facts: &Facts, list: &[Fact], style: Style) -> String {
    let mut out = format!("{}\n", header(facts, style));
    let evidence = &facts.proxy.recognised.evidence;
    if !evidence.is_empty() {
        let told = format!("{}: {}", facts.proxy.platform(), evidence.join("; "));
        let columns = style.width.map_or(usize::MAX, |columns| columns - 2);
        for line in wrapped(&told, columns) {
            let _ = writeln!(out, "  {}", style.dim(&one_line(&line)));
        }
    }
    out.push('\n');
    let width = list.iter().map(|fact| fact.name.len()).max().unwrap_or(0);
    let values: Vec<String> = list.iter().map(|fact| fact.value.to_string()).collect();
    let widest = values
        .iter()
        .map(String::len)
        .filter(|len| *len <= 48)
        .max()
        .unwrap_or(0);
    for (fact, value) in list.iter().zip(&values) {
        let line = format!("{:<width$}  {value:<widest$}", fact.name);
        let _ = writeln!(
            out,
            "  {}  {}",
            one_line(&line),
            style.dim(&printable(&fact.origin.to_string()))
        );
    }
    out
}

/// Breaks a text at its white space.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}
