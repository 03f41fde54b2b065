//! What an edit writes: one range of bytes and the text that takes its place.

use std::ops::Range;

use crate::yaml::{Node, Style, Value};

use super::place::{Parent, Place, content_end};
use super::source::Source;
use super::value::Scalar;
use super::{Refused, block, flow};

/// A range of the text, and what is written there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Splice {
    /// The bytes that go; empty for an insertion.
    pub range: Range<usize>,
    /// What comes in their place.
    pub text: String,
}

/// The text after a splice, with what the proof must know of it.
pub(super) struct Spliced {
    /// All of it.
    pub text: String,
    /// The splice that led to it.
    pub splice: Splice,
}

impl Splice {
    /// Text that is written between two bytes.
    pub fn insert(at: usize, text: String) -> Self {
        Splice {
            range: at..at,
            text,
        }
    }

    /// The text after this splice.
    pub fn into_text(self, before: &str) -> Result<Spliced, Refused> {
        let head = before.get(..self.range.start);
        let tail = before.get(self.range.end..);
        let (Some(head), Some(tail)) = (head, tail) else {
            return Err(Refused::new("the place to write to is not in the text"));
        };
        let mut text = String::with_capacity(before.len() + self.text.len());
        text.push_str(head);
        text.push_str(&self.text);
        text.push_str(tail);
        Ok(Spliced { text, splice: self })
    }
}

/// The splice that sets the value at the place.
pub(super) fn set(
    source: &Source<'_>,
    place: &Place<'_>,
    value: &Scalar,
) -> Result<Splice, Refused> {
    if !place.missing.is_empty() {
        return add(source, place, value);
    }
    let node = place.node;
    let refuse = |reason: &str| {
        Err(Refused::at(
            node.line,
            format!("{} {reason}", place.spelled),
        ))
    };
    match (&node.value, value) {
        (Value::Scalar(_, Style::Block), _) => refuse("is a block of text, which is not replaced"),
        (Value::Scalar(..), _) if node.span.is_empty() => {
            behind_indicator(source, node, &value.spelling())
        }
        (Value::Scalar(..), _) | (Value::Sequence(_, true), Scalar::List(_)) => Ok(Splice {
            range: node.span.clone(),
            text: value.spelling(),
        }),
        (Value::Sequence(_, false), Scalar::List(_)) => block::replace_list(source, place, value),
        (Value::Mapping(..), _) => refuse("is a mapping, which is not replaced"),
        (Value::Sequence(..), _) => refuse("is a list, which only a list replaces"),
        (Value::Alias(_), _) => refuse("is an alias"),
    }
}

/// The splice that adds an item behind the last one of the list at the place.
pub(super) fn append(
    source: &Source<'_>,
    place: &Place<'_>,
    item: &Scalar,
) -> Result<Splice, Refused> {
    match &place.node.value {
        Value::Sequence(items, is_flow) if place.missing.is_empty() => {
            if *is_flow {
                flow::add_item(source, place.node, items, item.spelling())
            } else {
                block::add_item(source, place.node, &item.spelling())
            }
        }
        _ => Err(Refused::at(
            place.node.line,
            format!("{} is not a list", place.spelled),
        )),
    }
}

/// Adds the missing keys, the last of them with the value.
fn add(source: &Source<'_>, place: &Place<'_>, value: &Scalar) -> Result<Splice, Refused> {
    let node = place.node;
    match (&node.value, place.parent) {
        (Value::Mapping(entries, true), _) => {
            flow::add_keys(source, node, entries, &place.missing, &value.spelling())
        }
        (Value::Mapping(entries, false), _) => {
            block::add_keys(source, node, entries, &place.missing, value)
        }
        (_, Some(parent)) => unfold(source, place, parent, value),
        (_, None) => Err(Refused::at(node.line, "the root is not a mapping")),
    }
}

/// Makes a mapping of a null, written (`~`) or not (`key:`).
fn unfold(
    source: &Source<'_>,
    place: &Place<'_>,
    parent: Parent<'_>,
    value: &Scalar,
) -> Result<Splice, Refused> {
    let node = place.node;
    if let Some(key) = parent.key
        && !parent.is_flow()
        && source.line_start(key.span.start) == source.line_start(node.span.start)
    {
        let lines = block::below(source, key, &place.missing, value)?;
        return block::unfold(source, key, node, &lines);
    }
    let quotes = source.is_flow() || parent.key.is_some_and(is_double_quoted);
    let mapping = format!(
        "{{{}}}",
        flow::pair(&place.missing, &value.spelling(), quotes, ": ")
    );
    if node.span.is_empty() {
        behind_indicator(source, node, &mapping)
    } else {
        Ok(Splice {
            range: node.span.clone(),
            text: mapping,
        })
    }
}

/// Writes a value where none is written yet: behind the `:` or `-` that calls for it.
pub(super) fn behind_indicator(
    source: &Source<'_>,
    node: &Node,
    text: &str,
) -> Result<Splice, Refused> {
    match source.byte_before(node.span.start) {
        Some(b':' | b'-') => Ok(Splice::insert(node.span.start, format!(" {text}"))),
        _ => Err(Refused::at(
            node.line,
            "a value is left out, and where it would stand is not plain to see",
        )),
    }
}

/// True for a node in double quotes.
pub(super) fn is_double_quoted(node: &Node) -> bool {
    matches!(node.value, Value::Scalar(_, Style::DoubleQuoted))
}

/// Where lines can be added behind a node: at the start of a line, or at the end of the text when
/// its last line is not ended.
pub(super) enum LineAfter {
    /// At the start of the next line.
    Start(usize),
    /// At the end of the text, which has no line end.
    End(usize),
}

/// The start of the line after the node's content. Refused when something follows on the same line.
pub(super) fn line_after(source: &Source<'_>, node: &Node) -> Result<LineAfter, Refused> {
    let end = content_end(node);
    if source.byte_before(end) == Some(b'\n') {
        return Ok(LineAfter::Start(end));
    }
    if !source.line_ends_after(end) {
        return Err(Refused::at(
            node.line,
            "something follows the value on its line",
        ));
    }
    let line = end + source.line_after(end).len();
    Ok(if line == source.text.len() {
        LineAfter::End(line)
    } else {
        LineAfter::Start(line + source.line_end.len())
    })
}
