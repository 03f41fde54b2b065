//! What keeps a text from being edited: everything that could make the proof and kube-proxy, which
//! reads YAML 1.1 with go-yaml, see two different documents.

use std::collections::HashSet;
use std::ops::Range;

use crate::yaml::{Document, Node, Style, Value};

use super::Refused;
use super::source::line_of_byte;
use super::value::reads_as_other_than_text;

/// Longest key, in bytes: beyond about 1,000 go-yaml no longer takes it for one.
const LONGEST_KEY: usize = 1000;

/// Refuses characters that go-yaml refuses or, as the line ends of YAML 1.1, takes for a new line.
pub(super) fn characters(text: &str) -> Result<(), Refused> {
    for (index, character) in text.char_indices() {
        let fine = match u32::from(character) {
            0x09 | 0x0a | 0x0d | 0x20..=0x7e => true,
            0xfeff => index == 0,
            0x2028 | 0x2029 | 0xfffe | 0xffff => false,
            code => code >= 0xa0,
        };
        if !fine {
            let before = text.as_bytes().get(..index).unwrap_or_default();
            return Err(Refused::at(
                line_of_byte(before),
                "a control character, a byte order mark or a line separator where YAML has none",
            ));
        }
    }
    Ok(())
}

/// Refuses directives, the end marker, and a document that starts on the line of its marker.
pub(super) fn markers(text: &str) -> Result<(), Refused> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in body.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let reason = if line.starts_with('%') {
            "a directive, or a line that looks like one"
        } else if marker(line, "...").is_some() {
            "an end-of-document marker"
        } else if marker(line, "---").is_some_and(|rest| {
            let content = rest.trim_start_matches([' ', '\t']);
            !(content.is_empty() || content.starts_with('#'))
        }) {
            "the document starts on the line of its marker"
        } else {
            continue;
        };
        return Err(Refused::at(index + 1, reason));
    }
    Ok(())
}

/// What follows the marker, when the line is one.
fn marker<'line>(line: &'line str, marker: &str) -> Option<&'line str> {
    line.strip_prefix(marker)
        .filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// Refuses what shares or converts values, and keys that are not plainly one key each.
pub(super) fn tree(text: &str, root: &Node) -> Result<(), Refused> {
    node(text, root, false)
}

fn node(text: &str, at: &Node, in_flow: bool) -> Result<(), Refused> {
    let refuse = |reason: &str| Err(Refused::at(at.line, reason));
    if at.anchor != 0 {
        return refuse("an anchor: its value counts in more than one place");
    }
    if at.tag.is_some() {
        return refuse("a tag, which readers of YAML take differently");
    }
    match &at.value {
        Value::Alias(_) => refuse("an alias: its value counts in more than one place"),
        Value::Scalar(content, Style::Plain) if readers_differ(content, at, in_flow) => {
            refuse("a value without quotes that readers of YAML take differently")
        }
        // One reader takes the blanks for a line of the block, another for nothing.
        Value::Scalar(_, Style::Block) if ends_in_blanks(text, at.span.end) => {
            refuse("a block of text with blanks behind its last line end")
        }
        Value::Scalar(..) => Ok(()),
        Value::Sequence(items, flow) => items
            .iter()
            .try_for_each(|item| node(text, item, in_flow || *flow)),
        Value::Mapping(entries, flow) => {
            if *flow && text.as_bytes().get(at.span.start) != Some(&b'{') {
                return refuse("a mapping without braces inside brackets");
            }
            let mut seen = HashSet::new();
            for (name, value) in entries {
                key(text, name)?;
                if !name.text().is_some_and(|name| seen.insert(name)) {
                    return Err(Refused::at(name.line, "a key that is there twice"));
                }
                node(text, name, in_flow || *flow)?;
                node(text, value, in_flow || *flow)?;
            }
            Ok(())
        }
    }
}

/// True when nothing but blanks follows, and the text ends with a line of blanks.
fn ends_in_blanks(text: &str, end: usize) -> bool {
    let last_line = text.rsplit('\n').next().unwrap_or_default();
    let rest = text.get(end..).unwrap_or_default();
    !last_line.is_empty() && last_line.trim().is_empty() && rest.trim().is_empty()
}

fn readers_differ(content: &str, at: &Node, in_flow: bool) -> bool {
    let first = content.chars().next();
    if first.is_some_and(|first| "#%@`!&*|>\"',[]{}".contains(first)) {
        return true;
    }
    // In go-yaml `?` ends a value inside brackets and `:` may start another there; a value left
    // out there is told from `a:` by the character behind it only.
    in_flow && (at.span.is_empty() || content.contains('?') || first == Some(':') || content == "-")
}

fn key(text: &str, name: &Node) -> Result<(), Refused> {
    let refuse = |reason: &str| Err(Refused::at(name.line, reason));
    let Value::Scalar(content, style) = &name.value else {
        return refuse("a key that is not a simple text");
    };
    if *style == Style::Plain && content == "<<" {
        return refuse("a merge key");
    }
    if *style == Style::Plain && reads_as_other_than_text(content) {
        return refuse("a key without quotes that does not read as text");
    }
    if name.span.len() > LONGEST_KEY {
        return refuse("a key that is too long");
    }
    let written = text.get(name.span.clone()).unwrap_or_default();
    let before = text.get(..name.span.start).unwrap_or_default();
    let after = text.get(name.span.end..).unwrap_or_default();
    if written.contains('\n')
        || before.trim_end_matches([' ', '\t']).ends_with('?')
        || !after.trim_start_matches([' ', '\t']).starts_with(':')
    {
        return refuse("a key that is not written as `key:` on one line");
    }
    Ok(())
}

/// Refuses a tab in the indentation, where go-yaml stops reading. In JSON it reads on.
pub(super) fn tabs(text: &str, root: &Node) -> Result<(), Refused> {
    let mut inside = Vec::new();
    if matches!(root.value, Value::Mapping(_, true)) {
        inside.push(root.span.clone());
    } else {
        where_tabs_are_content(root, &mut inside);
    }
    let mut start = 0;
    for (index, line) in text.split('\n').enumerate() {
        let content = line.strip_prefix('\u{feff}').unwrap_or(line);
        let mut lead = content
            .bytes()
            .take_while(|byte| matches!(byte, b' ' | b'-' | b'\t'));
        if lead.any(|byte| byte == b'\t') {
            let following = inside.partition_point(|range: &Range<usize>| range.end <= start);
            let range = inside.get(following);
            if !range.is_some_and(|range| range.contains(&start)) {
                return Err(Refused::at(index + 1, "a tab in the indentation"));
            }
        }
        start += line.len() + 1;
    }
    Ok(())
}

/// The ranges, in order and apart from one another, of all text in which a tab is a letter.
fn where_tabs_are_content(node: &Node, ranges: &mut Vec<Range<usize>>) {
    match &node.value {
        Value::Mapping(entries, _) => {
            for (key, value) in entries {
                where_tabs_are_content(key, ranges);
                where_tabs_are_content(value, ranges);
            }
        }
        Value::Sequence(items, _) => {
            for item in items {
                where_tabs_are_content(item, ranges);
            }
        }
        Value::Scalar(_, Style::Plain) | Value::Alias(_) => {}
        Value::Scalar(..) => ranges.push(node.span.clone()),
    }
}

/// Refuses a `#` that follows a value directly: for one reader a comment, for another text.
pub(super) fn comments(text: &str, document: &Document) -> Result<(), Refused> {
    for comment in &document.comments {
        let before = text.get(..comment.span.start).unwrap_or_default();
        if !(before.is_empty() || before.ends_with([' ', '\t', '\n', '\u{feff}'])) {
            return Err(Refused::at(
                line_of_byte(before.as_bytes()),
                "a comment that is not set apart by a blank",
            ));
        }
    }
    Ok(())
}
