//! Additions in block style: lines of their own, indented as their neighbours.

use crate::yaml::{Node, Value};

use super::Refused;
use super::place::{Place, content_end};
use super::source::Source;
use super::splice::{LineAfter, Splice, is_double_quoted, line_after};
use super::value::{Scalar, key_spelling};

/// How much deeper a nested mapping stands where the text has none to go by.
const DEFAULT_STEP: usize = 2;
/// The widest step that is taken over from the text.
const WIDEST_STEP: usize = 16;

/// Adds keys behind the last entry of a block mapping.
pub(super) fn add_keys(
    source: &Source<'_>,
    mapping: &Node,
    entries: &[(Node, Node)],
    keys: &[&str],
    value: &Scalar,
) -> Result<Splice, Refused> {
    let Some((first, _)) = entries.first() else {
        return Err(Refused::at(mapping.line, "an empty mapping without braces"));
    };
    let column = column(source, first)?;
    let quotes = entries.iter().all(|(key, _)| is_double_quoted(key));
    let lines = nested(source, keys, value, column, quotes);
    Ok(whole_lines(source, line_after(source, mapping)?, &lines))
}

/// The keys one below the other, a step deeper than the key that is there.
pub(super) fn below(
    source: &Source<'_>,
    key: &Node,
    keys: &[&str],
    value: &Scalar,
) -> Result<String, Refused> {
    let column = column(source, key)? + step(source);
    Ok(nested(source, keys, value, column, is_double_quoted(key)))
}

/// Puts lines below `key:` or `key: ~` in place of the null. A comment stays on the key's line.
pub(super) fn unfold(
    source: &Source<'_>,
    key: &Node,
    null: &Node,
    lines: &str,
) -> Result<Splice, Refused> {
    if null.span.is_empty() {
        return Ok(whole_lines(source, line_after(source, null)?, lines));
    }
    let between = source.slice(key.span.end..null.span.start);
    if between.trim_matches([' ', '\t']) != ":" || !source.line_ends_after(null.span.end) {
        return Err(Refused::at(
            null.line,
            "a null that does not stand directly behind its key",
        ));
    }
    let start = key.span.end + between.trim_end_matches([' ', '\t']).len();
    let rest = source.line_after(null.span.end);
    Ok(Splice {
        range: start..null.span.end + rest.len(),
        text: format!("{rest}{}{lines}", source.line_end),
    })
}

/// Adds an item behind the last one of a block sequence.
pub(super) fn add_item(
    source: &Source<'_>,
    sequence: &Node,
    item: &str,
) -> Result<Splice, Refused> {
    let before = source.line_before(sequence.span.start);
    let dashed = source.slice(sequence.span.clone()).starts_with('-');
    if !dashed || !before.bytes().all(|byte| matches!(byte, b' ' | b'-')) {
        return Err(Refused::at(
            sequence.line,
            "a list whose first dash is not plain to see",
        ));
    }
    let line = format!("{}- {item}", " ".repeat(before.len()));
    Ok(whole_lines(source, line_after(source, sequence)?, &line))
}

/// Puts a list on the key's line in place of a block sequence. Comments inside do not survive it, so
/// the proof refuses a list that has some.
pub(super) fn replace_list(
    source: &Source<'_>,
    place: &Place<'_>,
    value: &Scalar,
) -> Result<Splice, Refused> {
    let node = place.node;
    let refuse = |reason: &str| {
        Err(Refused::at(
            node.line,
            format!("{} {reason}", place.spelled),
        ))
    };
    let Some(key) = place.parent.and_then(|parent| parent.key) else {
        return refuse("is a list inside a list, which is not replaced");
    };
    let end = content_end(node);
    let colon = source.slice(key.span.end..node.span.start);
    let dashed = source.slice(node.span.start..end).starts_with('-');
    if !colon.trim_start_matches([' ', '\t']).starts_with(':')
        || !dashed
        || source.byte_before(end) == Some(b'\n')
        || !source.line_ends_after(end)
    {
        return refuse("is a list that cannot be replaced with certainty");
    }
    let start = key.span.end + colon.find(':').map_or(0, |at| at + 1);
    Ok(Splice {
        range: start..end,
        text: format!(" {}", value.spelling()),
    })
}

/// The column of a key: the width of what stands before it, blanks and the dashes of list items.
pub(super) fn column(source: &Source<'_>, key: &Node) -> Result<usize, Refused> {
    let before = source.line_before(key.span.start);
    if before.bytes().all(|byte| matches!(byte, b' ' | b'-')) {
        Ok(before.len())
    } else {
        Err(Refused::at(
            key.line,
            "a key whose indentation is not made of blanks",
        ))
    }
}

/// The keys one below the other, each a step deeper, the last with the value. Without a last line end.
fn nested(
    source: &Source<'_>,
    keys: &[&str],
    value: &Scalar,
    column: usize,
    quotes: bool,
) -> String {
    let step = step(source);
    let mut out = String::new();
    for (depth, key) in keys.iter().enumerate() {
        if depth > 0 {
            out.push_str(source.line_end);
        }
        out.push_str(&" ".repeat(column + depth * step));
        out.push_str(&key_spelling(key, quotes));
        out.push(':');
    }
    out.push(' ');
    out.push_str(&value.spelling());
    out
}

/// How much deeper the text's own nested mappings stand.
pub(super) fn step(source: &Source<'_>) -> usize {
    first_step(source, &source.root).unwrap_or(DEFAULT_STEP)
}

fn first_step(source: &Source<'_>, node: &Node) -> Option<usize> {
    let Value::Mapping(entries, false) = &node.value else {
        return node
            .items()
            .iter()
            .find_map(|item| first_step(source, item));
    };
    entries.iter().find_map(|(key, value)| {
        let own = match &value.value {
            Value::Mapping(inner, false) => inner.first().and_then(|(first, _)| {
                let outer = column(source, key).ok()?;
                column(source, first).ok()?.checked_sub(outer)
            }),
            _ => None,
        };
        own.filter(|step| (1..=WIDEST_STEP).contains(step))
            .or_else(|| first_step(source, value))
    })
}

/// Puts lines where they belong, with the text's own line end, and keeps a missing last one missing.
pub(super) fn whole_lines(source: &Source<'_>, at: LineAfter, lines: &str) -> Splice {
    match at {
        LineAfter::Start(at) => Splice::insert(at, format!("{lines}{}", source.line_end)),
        LineAfter::End(at) => Splice::insert(at, format!("{}{lines}", source.line_end)),
    }
}
