//! Additions in flow style and JSON: behind the last entry, set apart as the ones before it.

use std::ops::Range;

use crate::yaml::Node;

use super::Refused;
use super::place::content_end;
use super::source::Source;
use super::splice::{Splice, is_double_quoted};
use super::value::key_spelling;

/// Adds keys behind the last entry of a flow mapping.
pub(super) fn add_keys(
    source: &Source<'_>,
    mapping: &Node,
    entries: &[(Node, Node)],
    keys: &[&str],
    value: &str,
) -> Result<Splice, Refused> {
    let quotes = match entries {
        [] => source.is_flow(),
        some => some.iter().all(|(key, _)| is_double_quoted(key)),
    };
    // `"a":1` reads as a pair only because the key is in quotes.
    let tight = quotes
        && entries
            .last()
            .is_some_and(|(key, value)| source.slice(key.span.end..value.span.start) == ":");
    let colon = if tight { ":" } else { ": " };
    let spans: Vec<Range<usize>> = entries
        .iter()
        .map(|(key, value)| key.span.start..content_end(value).max(key.span.end))
        .collect();
    let text = pair(keys, value, quotes, colon);
    behind_last(source, mapping, &spans, tight, &[text])
}

/// Adds an item behind the last one of a flow sequence.
pub(super) fn add_item(
    source: &Source<'_>,
    sequence: &Node,
    items: &[Node],
    item: String,
) -> Result<Splice, Refused> {
    insert_items(source, sequence, items, items.len(), &[item])
}

/// Puts items before the one with this position of a flow sequence, or behind the last one.
pub(super) fn insert_items(
    source: &Source<'_>,
    sequence: &Node,
    items: &[Node],
    at: usize,
    texts: &[String],
) -> Result<Splice, Refused> {
    let spans: Vec<Range<usize>> = items
        .iter()
        .map(|item| item.span.start..content_end(item))
        .collect();
    let Some(next) = spans.get(at) else {
        return behind_last(source, sequence, &spans, false, texts);
    };
    let indentation = source.line_before(next.start);
    let own_line =
        !indentation.is_empty() && indentation.bytes().all(|byte| matches!(byte, b' ' | b'\t'));
    if !own_line {
        let comma = comma(source, &spans, false);
        let text = texts.join(comma) + comma;
        return Ok(Splice::insert(next.start, text));
    }
    // A comment that stands above an item stays above it.
    let mut start = source.line_start(next.start);
    while let Some(newline) = start.checked_sub(1) {
        let above = source.line_start(newline);
        let line = source.slice(above..newline);
        let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
        if !source.is_comment(above + blanks) {
            break;
        }
        start = above;
    }
    let line = |text: &String| format!("{indentation}{text},{}", source.line_end);
    Ok(Splice::insert(start, texts.iter().map(line).collect()))
}

/// `a: {b: value}` for the keys a and b.
pub(super) fn pair(keys: &[&str], value: &str, quotes: bool, colon: &str) -> String {
    let keys: Vec<String> = keys.iter().map(|key| key_spelling(key, quotes)).collect();
    let depth = keys.len().saturating_sub(1);
    format!(
        "{}{colon}{}{}",
        keys.join(&format!("{colon}{{")),
        value,
        "}".repeat(depth)
    )
}

/// Writes an entry behind the last one, on a line of its own where the last one has one.
fn behind_last(
    source: &Source<'_>,
    collection: &Node,
    entries: &[Range<usize>],
    tight: bool,
    texts: &[String],
) -> Result<Splice, Refused> {
    let open = collection.span.start + 1;
    let close = collection.span.end.saturating_sub(1);
    let Some(last) = entries.last() else {
        let inside = source.slice(open..close);
        let blank = inside.bytes().all(|byte| byte.is_ascii_whitespace());
        return Ok(Splice {
            range: if blank { open..close } else { open..open },
            text: texts.join(", "),
        });
    };
    let behind = source.slice(last.end..close);
    if behind.trim_start().starts_with(',') {
        return Err(Refused::at(
            collection.line,
            "a comma behind the last entry",
        ));
    }
    let indentation = source.line_before(last.start);
    if !indentation.is_empty() && indentation.bytes().all(|byte| matches!(byte, b' ' | b'\t')) {
        return Ok(on_own_line(source, last.end, indentation, texts));
    }
    let comma = comma(source, entries, tight);
    let text: String = texts.iter().map(|text| format!("{comma}{text}")).collect();
    Ok(Splice::insert(last.end, text))
}

/// What sets the last two entries apart.
fn comma(source: &Source<'_>, entries: &[Range<usize>], tight: bool) -> &'static str {
    let between = match entries {
        [.., previous, last] => Some(source.slice(previous.end..last.start)),
        _ => None,
    };
    match between {
        Some(",") => ",",
        None if tight => ",",
        _ => ", ",
    }
}

/// The comma goes behind the last entry, the new ones below its comment.
fn on_own_line(source: &Source<'_>, end: usize, indentation: &str, texts: &[String]) -> Splice {
    let (rest, line_end) = (source.line_after(end), source.line_end);
    let comment = if source.line_ends_after(end) {
        rest
    } else {
        ""
    };
    Splice {
        range: end..end + comment.len(),
        text: format!(
            ",{comment}{line_end}{indentation}{}",
            texts.join(&format!(",{line_end}{indentation}"))
        ),
    }
}
