//! What was found in a log as text.

use std::fmt::Write;

use super::super::printable;
use super::super::style::Style;
use super::Activity;
use super::plot::sparkline;
use crate::auditlog::json::Damage;
use crate::auditlog::names::Count;
use crate::auditlog::tally::By;
use crate::auditlog::time::{Instant, MINUTE};

/// Names of a kind that are shown without -v.
const SHOWN: usize = 8;
/// Lines that are no events which are shown without -v.
const BROKEN: usize = 3;
/// Columns of a plot where there is no terminal.
const COLUMNS: usize = 72;

/// The summary: what was asked, how often, when, and what could not be read.
pub fn text(activity: &Activity, style: Style, verbose: bool, quiet: bool) -> String {
    let mut out = String::new();
    let total = activity.tally.total();
    if !quiet {
        let _ = writeln!(out, "{}\n", header(activity, style));
        if total != Count::default() {
            when(activity, style, &mut out);
            for by in By::ALL {
                names(activity, by, style, verbose, &mut out);
            }
        }
    }
    unreadable(activity, style, verbose, &mut out);
    out
}

/// `kube-proxy · audit.log · 614 lines, 568 KiB`
fn header(activity: &Activity, style: Style) -> String {
    let files = match activity.files {
        [] => "no log".to_string(),
        [file] => printable(&file.path),
        [first, .., last] => format!(
            "{} logs, {} to {}",
            activity.files.len(),
            printable(&first.path),
            printable(&last.path)
        ),
    };
    let lines = number(activity.lines);
    format!(
        "{} · {files} · {lines} lines, {}",
        style.bold(&printable(&activity.whose())),
        indicatif::BinaryBytes(activity.bytes)
    )
}

fn when(activity: &Activity, style: Style, out: &mut String) {
    let tally = activity.tally;
    let total = tally.total();
    let rough = if tally.is_rough() { "about " } else { "" };
    let _ = write!(
        out,
        "  {rough}{} requests in {} events",
        number(total.requests),
        number(total.events)
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
    let (all, others) = activity.tally.ranked(by);
    let asked_for = all.len() == 1 && by == By::User && activity.who.users.len() == 1;
    let empty = all.iter().all(|(name, _)| name.is_empty());
    if all.is_empty() || asked_for || empty {
        return;
    }
    let most = if verbose { all.len() } else { SHOWN };
    let (shown, rest) = all.split_at(most.min(all.len()));
    let shown: Vec<(String, Count)> = shown
        .iter()
        .map(|(name, count)| {
            let name = printable(name).replace('\n', "\\n");
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
    let width = width.chain([by.title().len(), 24]).max().unwrap_or(24);
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
            (more, true) => format!("{more} more; -v shows them"),
            (_, false) => "others, which are not told apart".into(),
        };
        row(out, &name, left);
    }
    out.push('\n');
}

fn unreadable(activity: &Activity, style: Style, verbose: bool, out: &mut String) {
    let unreadable = activity.unreadable();
    if unreadable > 0 {
        let reasons: Vec<String> = Damage::ALL
            .into_iter()
            .zip(activity.damaged)
            .filter(|(_, count)| **count > 0)
            .map(|(damage, count)| format!("{} {damage}", number(*count)))
            .collect();
        let heading = format!("{} lines could not be read", number(unreadable));
        let _ = writeln!(out, "{}: {}", style.warn(&heading), reasons.join(", "));
        let most = if verbose {
            activity.broken.len()
        } else {
            BROKEN
        };
        for broken in activity.broken.iter().take(most) {
            let _ = writeln!(
                out,
                "  {}: {}",
                place(activity, broken.place),
                broken.damage
            );
        }
        let told = activity.broken.len().min(most) as u64;
        if unreadable > told {
            let _ = writeln!(out, "  and {} more", number(unreadable - told));
        }
        out.push('\n');
    }
    if activity.half_written {
        out.push_str("The last line is half-written; it is not counted.\n\n");
    }
}

/// `/var/log/kubernetes/audit/audit.log:12 (byte 8120)`
pub fn place(activity: &Activity, place: crate::auditlog::order::Place) -> String {
    let file = printable(activity.file(place.file));
    let offset = place.offset;
    if activity.numbered {
        format!("{file}:{} (byte {offset})", place.line)
    } else {
        format!("{file} (byte {offset})")
    }
}

/// `1,234,567`
pub fn number(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}
