//! What was found in a log as text.

use std::fmt::Write;

use super::super::style::Style;
use super::super::{one_line, printable};
use super::Activity;
use super::plot::sparkline;
use crate::auditlog::json::Damage;
use crate::auditlog::names::Count;
use crate::auditlog::tally::By;
use crate::auditlog::time::{Instant, MINUTE};
use crate::baseline::Severity;
use crate::unusual::{Judged, Unusual};

/// Names of a kind that are shown without -v.
const SHOWN: usize = 8;
/// Lines that are no events which are shown without -v.
const BROKEN: usize = 3;
/// Widest column of names: a client may call itself as long as it likes, and its own row alone sticks out.
const WIDEST: usize = 64;
/// Columns of a plot where there is no terminal.
const COLUMNS: usize = 72;

/// The summary, part by part, since thousands of names take megabytes: what was asked, how often, when, what could not
/// be read, and what is unusual.
pub fn text(
    activity: &Activity,
    judged: &Judged,
    style: Style,
    (verbose, quiet): (bool, bool),
    say: &mut dyn FnMut(&str),
) {
    let mut out = String::new();
    let total = activity.totals.tally.total();
    if !quiet {
        let _ = writeln!(out, "{}\n", header(activity, style));
        if total != Count::default() {
            when(activity, style, &mut out);
            for by in By::ALL {
                names(activity, by, style, verbose, &mut out);
                say(&out);
                out.clear();
            }
        }
    }
    if activity.totals.searched && !quiet {
        let text = "Lines without the name were searched, not parsed; --thorough parses each.";
        let _ = writeln!(out, "{}\n", style.dim(text));
    }
    unreadable(activity, style, verbose, &mut out);
    for found in &judged.unusual {
        out.push_str(&unusual(activity, found, style, verbose));
    }
    if !judged.unusual.is_empty() {
        out.push('\n');
    }
    if !quiet {
        for rule in &judged.not_judged {
            let text = format!(
                "{} was not judged: {}; {}",
                rule.rule, rule.reason, rule.help
            );
            let _ = writeln!(out, "{}", style.dim(&printable(&text)));
        }
        if !judged.not_judged.is_empty() {
            out.push('\n');
        }
    }
    let _ = writeln!(out, "{}", totals(activity, judged));
    say(&out);
}

/// `Audit: 15 requests of kube-proxy, 2 things unusual (1 high, 1 medium).`
fn totals(activity: &Activity, judged: &Judged) -> String {
    let requests = activity.totals.tally.total().requests;
    let unusual = match judged.unusual.len() {
        0 => "nothing unusual".to_string(),
        number => {
            let of = |severity| {
                judged
                    .unusual
                    .iter()
                    .filter(|one| one.severity == severity)
                    .count()
            };
            let each = [Severity::High, Severity::Medium, Severity::Low].map(|one| (of(one), one));
            let each = each.iter().filter(|(count, _)| *count > 0);
            let each: Vec<String> = each.map(|(count, one)| format!("{count} {one}")).collect();
            let plural = if number == 1 { "thing" } else { "things" };
            format!("{number} {plural} unusual ({})", each.join(", "))
        }
    };
    let requests = counted(requests, "request");
    let whose = one_line(&activity.whose());
    format!("Audit: {requests} of {whose}, {unusual}.")
}

/// A rule that was broken: what was seen, how often, and where first.
fn unusual(activity: &Activity, found: &Unusual, style: Style, verbose: bool) -> String {
    let mut out = format!(
        "  {}  {}  {}\n",
        style.severity(found.severity, &format!("{:<6}", found.severity)),
        style.bold(&format!("{:<20}", found.rule)),
        printable(&found.title)
    );
    let mut line = |text: String| {
        let _ = writeln!(out, "      {}", one_line(&text));
    };
    line(found.observed.clone());
    if let Some(first) = &found.first {
        let place = place(activity, first.place);
        let time = first.time.map(|time| format!("{time} "));
        let first_at = format!("first {}in {place}", time.unwrap_or_default());
        if found.requests > 0 {
            let about = if found.rough { "about " } else { "" };
            let requests = counted(found.requests, "request");
            let events = counted(found.events, "event");
            let id = &first.audit_id;
            line(format!(
                "{about}{requests} in {events}, {first_at}, audit id {id}"
            ));
        } else {
            line(first_at);
        }
        if verbose && first.what != found.observed {
            line(first.what.clone());
        }
    }
    if verbose {
        line(found.why.clone());
    }
    line(format!("help: {}", found.help));
    out
}

/// `kube-proxy · audit.log · 614 lines, 568 KiB`
fn header(activity: &Activity, style: Style) -> String {
    let files = match activity.files {
        [] => "no log".to_string(),
        [file] => one_line(&file.path),
        [first, .., last] => format!(
            "{} logs, {} to {}",
            activity.files.len(),
            one_line(&first.path),
            one_line(&last.path)
        ),
    };
    let lines = counted(activity.totals.lines, "line");
    format!(
        "{} · {files} · {lines}, {}",
        style.bold(&one_line(&activity.whose())),
        indicatif::BinaryBytes(activity.totals.bytes)
    )
}

fn when(activity: &Activity, style: Style, out: &mut String) {
    let tally = &activity.totals.tally;
    let total = tally.total();
    let rough = if tally.is_rough() { "about " } else { "" };
    let _ = write!(
        out,
        "  {rough}{} in {}",
        counted(total.requests, "request"),
        counted(total.events, "event")
    );
    if let Some((first, last)) = tally.seen() {
        let _ = write!(out, ", first seen {first}, last seen {last}");
    }
    if tally.open() > 0 {
        let _ = write!(out, ", {} still open", number(tally.open() as u64));
    }
    out.push_str("\n\n");
    let minutes = tally.minutes();
    let counts = minutes.counts();
    if counts.len() > 1 {
        let columns = style.width.unwrap_or(COLUMNS + 4).saturating_sub(4);
        let (bars, each) = sparkline(counts, columns);
        let span = each as u64 * minutes.width();
        let sums = counts.chunks(each).map(|some| some.iter().sum::<u64>());
        let most = sums.max().unwrap_or(0);
        let what = match span {
            1 => "requests per minute".to_string(),
            span => format!("requests per {span} minutes"),
        };
        let start = Instant(minutes.start());
        let length = counts.len() as u64 * minutes.width() * MINUTE;
        let end = Instant(minutes.start().saturating_add(length));
        let _ = writeln!(
            out,
            "  {what}, at most {}, from {} to {}\n    {}\n",
            number(most),
            to_minute(start),
            to_minute(end),
            style.good(&bars)
        );
    }
}

/// `2026-11-23T16:14Z`
fn to_minute(time: Instant) -> String {
    let text = time.to_string();
    format!("{}Z", text.get(..16).unwrap_or(&text))
}

fn names(activity: &Activity, by: By, style: Style, verbose: bool, out: &mut String) {
    let (all, others) = activity.totals.tally.ranked(by);
    let asked_for = all.len() == 1 && by == By::User && activity.who.users.len() == 1;
    let empty = all.iter().all(|(name, _)| name.text().is_empty());
    if all.is_empty() || asked_for || empty {
        return;
    }
    let most = if verbose { all.len() } else { SHOWN };
    let (shown, rest) = all.split_at(most.min(all.len()));
    let shown: Vec<(String, Count)> = shown
        .iter()
        .map(|(name, count)| {
            let name = one_line(&name.text());
            (
                if name.is_empty() {
                    "(none)".into()
                } else {
                    name
                },
                *count,
            )
        })
        .collect();
    let width = shown.iter().map(|(name, _)| name.chars().count());
    let width = width
        .chain([by.title().len(), 24])
        .max()
        .unwrap_or(24)
        .min(WIDEST);
    let heading = format!(
        "  {:<width$}  {:>10}  {:>10}",
        by.title(),
        "requests",
        "events"
    );
    let _ = writeln!(out, "{}", style.dim(&heading));
    let row = |out: &mut String, name: &str, count: Count| {
        let (requests, events) = (number(count.requests), number(count.events));
        let _ = writeln!(out, "  {name:<width$}  {requests:>10}  {events:>10}");
    };
    for (name, count) in &shown {
        row(out, name, *count);
    }
    let mut left = others;
    for (_, count) in rest {
        left += *count;
    }
    if left != Count::default() {
        let name = match (rest.len(), others == Count::default()) {
            (more, true) => format!("{} more; -v shows them", number(more as u64)),
            (0, false) => "others, which are not told apart".into(),
            (more, false) => format!("others; -v shows {} of them", number(more as u64)),
        };
        row(out, &name, left);
    }
    out.push('\n');
}

fn unreadable(activity: &Activity, style: Style, verbose: bool, out: &mut String) {
    let unreadable = activity.totals.unreadable();
    if unreadable > 0 {
        let reasons: Vec<String> = Damage::ALL
            .into_iter()
            .zip(activity.totals.damaged)
            .filter(|(_, count)| *count > 0)
            .map(|(damage, count)| format!("{} {damage}", number(count)))
            .collect();
        let heading = format!("{} could not be read", counted(unreadable, "line"));
        let _ = writeln!(out, "{}: {}", style.warn(&heading), reasons.join(", "));
        let most = if verbose {
            activity.totals.broken.len()
        } else {
            BROKEN
        };
        for broken in activity.totals.broken.iter().take(most) {
            let _ = writeln!(
                out,
                "  {}: {}",
                place(activity, broken.place),
                broken.damage
            );
        }
        let told = activity.totals.broken.len().min(most) as u64;
        if unreadable > told {
            let _ = writeln!(out, "  and {} more", number(unreadable - told));
        }
        if activity.totals.legacy {
            let _ = writeln!(out, "  {}", super::LEGACY);
        }
        out.push('\n');
    }
    if activity.totals.half_written {
        out.push_str("The last line is half-written; it is not counted.\n\n");
    }
}

/// `/var/log/kubernetes/audit/audit.log:12 (byte 8120)`
fn place(activity: &Activity, place: crate::auditlog::order::Place) -> String {
    let file = one_line(activity.file(place.file));
    let offset = place.offset;
    if activity.numbered {
        format!("{file}:{} (byte {offset})", place.line)
    } else {
        format!("{file} (byte {offset})")
    }
}

/// `1 request`, `12,345 requests`
fn counted(count: u64, word: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {word}{plural}", number(count))
}

/// `1,234,567`
fn number(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}
