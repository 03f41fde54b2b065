//! Removals: an item of a list or an entry of a mapping goes, with the comments that are its own.

use std::ops::Range;

use crate::yaml::{Node, Value};

use super::belonging::starts;
use super::place::{self, Place, content_end};
use super::source::Source;
use super::splice::{LineAfter, Splice, line_after};
use super::{Refused, Step};

/// The splice that takes away what the path leads to.
pub(super) fn remove(source: &Source<'_>, path: &[Step]) -> Result<Splice, Refused> {
    let place = place::find(&source.root, path)?;
    let refuse = |what: &str| {
        let reason = format!("{} {what}", place.spelled);
        Err(Refused::at(place.node.line, reason))
    };
    let Some((_, way)) = path.split_last() else {
        return refuse("is the document, which is not removed");
    };
    if !place.missing.is_empty() {
        return refuse("is not there");
    }
    let collection = place::find(&source.root, way)?;
    let spans = spans(source, collection.node);
    let Some(index) = position(collection.node, place.node) else {
        return refuse("is not there");
    };
    let is_flow = is_flow(collection.node);
    match (spans.len(), is_flow) {
        (1, true) => Ok(Splice {
            range: collection.node.span.start + 1..collection.node.span.end.saturating_sub(1),
            text: String::new(),
        }),
        (1, false) => emptied(source, &collection, &place),
        (_, true) => from_flow(source, collection.node, &spans, index),
        (_, false) => from_block(source, &place, &spans, index),
    }
}

/// True inside braces or brackets.
fn is_flow(node: &Node) -> bool {
    matches!(
        node.value,
        Value::Sequence(_, true) | Value::Mapping(_, true)
    )
}

/// Which item or entry of the collection the node is.
pub(super) fn position(collection: &Node, node: &Node) -> Option<usize> {
    match &collection.value {
        Value::Mapping(entries, _) => {
            let mut entries = entries.iter();
            entries.position(|(_, value)| std::ptr::eq(value, node))
        }
        _ => {
            let mut items = collection.items().iter();
            items.position(|item| std::ptr::eq(item, node))
        }
    }
}

/// Where each item or entry stands: from its dash, key or first byte to the end of its content.
pub(super) fn spans(source: &Source<'_>, collection: &Node) -> Vec<Range<usize>> {
    let ends: Vec<usize> = match &collection.value {
        Value::Mapping(entries, _) => entries
            .iter()
            .map(|(key, value)| content_end(value).max(key.span.end))
            .collect(),
        _ => collection.items().iter().map(content_end).collect(),
    };
    let starts = starts(source, collection);
    starts
        .into_iter()
        .zip(ends)
        .map(|(start, end)| start..end)
        .collect()
}

/// The start of the first line that goes with what starts at this byte: with the comments directly above
/// it, in its column.
pub(super) fn lead(source: &Source<'_>, start: usize) -> usize {
    let column = source.line_before(start).len();
    let mut lead = source.line_start(start);
    while let Some(newline) = lead.checked_sub(1) {
        let above = source.line_start(newline);
        let is_own = source.line_before(above + column).trim().is_empty();
        if above + column >= lead || !is_own || !source.is_comment(above + column) {
            break;
        }
        lead = above;
    }
    lead
}

/// The line that starts here is empty; false behind the last one.
fn is_blank(source: &Source<'_>, start: usize) -> bool {
    start < source.text.len() && source.line_after(start).trim().is_empty()
}

/// Takes whole lines out of a block collection that keeps others.
fn from_block(
    source: &Source<'_>,
    place: &Place<'_>,
    spans: &[Range<usize>],
    index: usize,
) -> Result<Splice, Refused> {
    let refuse = |what: &str| {
        Err(Refused::at(
            place.node.line,
            format!("{} {what}", place.spelled),
        ))
    };
    let Some(start) = spans.get(index).map(|span| span.start) else {
        return refuse("is not there");
    };
    if !source.line_before(start).trim().is_empty() {
        // The first entry of a mapping behind a dash: the next one takes its place there.
        let is_entry = place.parent.is_some_and(|parent| parent.key.is_some());
        return match spans.get(index + 1) {
            Some(next) if is_entry => Ok(cut(start..next.start)),
            _ => refuse("starts behind the dash of another list"),
        };
    }
    let mut from = lead(source, start);
    let mut to = match line_after(source, place.node)? {
        LineAfter::Start(at) => at,
        // The line before it becomes the last one, which has no line end either.
        LineAfter::End(at) => return Ok(cut(from.saturating_sub(source.line_end.len())..at)),
    };
    // Empty lines behind a block of text stay, unless they would follow empty lines.
    while let Some(newline) = to.checked_sub(1) {
        let line = source.line_start(newline);
        if line <= from || !is_blank(source, line) {
            break;
        }
        to = line;
    }
    let above = |at: usize| Some(source.line_start(at.checked_sub(1)?));
    let is_apart = |at: usize| above(at).is_none_or(|line| is_blank(source, line));
    if index == 0 || is_apart(from) {
        while is_blank(source, to) {
            to += source.line_after(to).len() + source.line_end.len();
        }
        to = to.min(source.text.len());
    }
    if to == source.text.len() {
        while let Some(line) = above(from).filter(|line| is_blank(source, *line)) {
            from = line;
        }
    }
    Ok(cut(from..to))
}

fn cut(range: Range<usize>) -> Splice {
    Splice {
        range,
        text: String::new(),
    }
}

/// Leaves `[]` or `{}` of a block collection.
fn emptied(
    source: &Source<'_>,
    collection: &Place<'_>,
    place: &Place<'_>,
) -> Result<Splice, Refused> {
    let node = collection.node;
    let refuse = |what: &str| {
        Err(Refused::at(
            place.node.line,
            format!("{} {what}", place.spelled),
        ))
    };
    let nothing = match node.value {
        Value::Mapping(..) => "{}",
        _ => "[]",
    };
    let Some(parent) = collection.parent else {
        return refuse("is all that the document holds");
    };
    let before = source.line_before(node.span.start);
    if !before.trim().is_empty() {
        return Ok(Splice {
            range: node.span.start..content_end(node),
            text: nothing.to_owned(),
        });
    }
    let Some(key) = parent.key else {
        return refuse("is all that an item on lines of its own holds");
    };
    let colon = source.slice(key.span.end..source.text.len());
    let colon = colon.len() - colon.trim_start_matches([' ', '\t']).len();
    let behind = key.span.end + colon + 1;
    if !source.slice(key.span.end + colon..behind).starts_with(':')
        || !source.line_ends_after(behind)
    {
        return refuse("does not stand on lines of its own");
    }
    let note = source.line_after(behind);
    let below = behind + note.len() + source.line_end.len();
    let between = source.slice(below..lead(source, node.span.start));
    let text = format!(" {nothing}{note}{}{between}", source.line_end);
    Ok(match line_after(source, place.node)? {
        LineAfter::Start(at) => Splice {
            range: behind..at,
            text,
        },
        LineAfter::End(at) => Splice {
            range: behind..at,
            text: text
                .strip_suffix(source.line_end)
                .unwrap_or(&text)
                .to_owned(),
        },
    })
}

/// The byte behind the comma that follows on the line.
pub(super) fn behind_comma(source: &Source<'_>, end: usize) -> Option<usize> {
    let rest = source.line_after(end);
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let comma = rest.get(blanks..)?.starts_with(',');
    comma.then_some(end + blanks + 1)
}

/// Takes an entry and one comma out of a flow collection that keeps others.
fn from_flow(
    source: &Source<'_>,
    collection: &Node,
    spans: &[Range<usize>],
    index: usize,
) -> Result<Splice, Refused> {
    let refuse = || {
        let reason = "an entry whose comma is not plain to see";
        Err(Refused::at(collection.line, reason))
    };
    let previous = index.checked_sub(1).and_then(|before| spans.get(before));
    let next = spans.get(index + 1);
    let Some(own) = spans.get(index) else {
        return refuse();
    };
    let comma = behind_comma(source, own.end);
    let end = comma.unwrap_or(own.end);
    let own_lines = source.line_before(own.start).trim().is_empty() && source.line_ends_after(end);
    if !own_lines {
        return match (previous, next) {
            (Some(previous), _) => Ok(cut(previous.end..own.end)),
            (None, Some(next)) => Ok(cut(own.start..next.start)),
            (None, None) => refuse(),
        };
    }
    let line_end = end + source.line_after(end).len();
    if comma.is_some() {
        return Ok(cut(
            lead(source, own.start)..line_end + source.line_end.len()
        ));
    }
    // The last entry: the one before it loses its comma, and keeps the comment behind that.
    let Some(previous) = previous else {
        return refuse();
    };
    let between = source.slice(previous.end..lead(source, own.start));
    let kept = between.trim_start_matches([' ', '\t']).strip_prefix(',');
    let kept = kept.and_then(|kept| kept.strip_suffix(source.line_end));
    match kept {
        Some(kept) => Ok(Splice {
            range: previous.end..line_end,
            text: kept.to_owned(),
        }),
        None => refuse(),
    }
}
