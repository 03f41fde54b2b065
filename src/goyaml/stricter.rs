//! Where libyaml, and with it go-yaml, refuses what a YAML 1.2 parser takes.

use std::ops::Range;

use super::Trouble;
use crate::yaml::{Node, Style, Value};

/// Refuses what go-yaml v2 is known to refuse in a text that was parsed.
pub(super) fn check(text: &str, root: &Node) -> Result<(), Trouble> {
    let mut inside = Vec::new();
    visit(root, false, &mut inside)?;
    inside.sort_by_key(|range| range.start);
    tabs(text, root, &inside)
}

/// Collects the bytes of scalars and flow collections, inside of which a tab is white space.
fn visit(node: &Node, flow: bool, inside: &mut Vec<Range<usize>>) -> Result<(), Trouble> {
    match &node.value {
        Value::Scalar(text, style) => {
            // In flow style libyaml takes every ":" that starts a word for an indicator.
            if flow && *style == Style::Plain && text.starts_with(':') {
                let line = node.line;
                let message = format!("yaml: line {line}: did not find expected node content");
                return Err(Trouble::refused(message, line));
            }
            inside.push(node.span.clone());
        }
        Value::Sequence(items, is_flow) => {
            if *is_flow {
                inside.push(node.span.clone());
            }
            for item in items {
                visit(item, flow || *is_flow, inside)?;
            }
        }
        Value::Mapping(entries, is_flow) => {
            if *is_flow {
                inside.push(node.span.clone());
            }
            for (key, value) in entries {
                visit(key, flow || *is_flow, inside)?;
                visit(value, flow || *is_flow, inside)?;
            }
        }
        Value::Alias(_) => {}
    }
    Ok(())
}

/// A line may not start with a tab, not even when nothing follows it, nor may a tab be part of the
/// indentation of anything.
fn tabs(text: &str, root: &Node, inside: &[Range<usize>]) -> Result<(), Trouble> {
    let (mut start, mut covered) = (0, 0);
    let mut ranges = inside.iter().peekable();
    // An indented document ends before the first line that is indented less.
    let head = text.get(..root.span.start).unwrap_or_default();
    let indented = head.ends_with([' ', '\t']);
    for (index, line) in text.split('\n').enumerate() {
        let content = line.trim_start_matches('\u{feff}');
        let ends = content.starts_with("...") || content.starts_with("---");
        if ends && start > root.span.start || indented && start >= root.span.end {
            return Ok(());
        }
        while let Some(range) = ranges.next_if(|range| range.start < start) {
            covered = covered.max(range.end);
        }
        let indent = line
            .split(|letter| letter != ' ' && letter != '\t')
            .next()
            .unwrap_or_default();
        let rest = line
            .get(indent.len()..)
            .unwrap_or_default()
            .trim_end_matches('\r');
        // Behind a plain scalar, a tab further in is passed over up to a comment or the end of the line.
        let refused = indent.starts_with('\t')
            || indent.contains('\t') && !rest.is_empty() && !rest.starts_with('#')
            || tab_behind_indicator(rest);
        if refused && start >= covered {
            let number = index + 1;
            let message =
                format!("yaml: line {number}: found character that cannot start any token");
            return Err(Trouble::refused(message, number));
        }
        start += line.len() + 1;
    }
    Ok(())
}

/// `-` and `?` may open a key, so what follows them is indentation.
fn tab_behind_indicator(line: &str) -> bool {
    let mut rest = line;
    while let Some(after) = rest.strip_prefix(['-', '?']) {
        if !after.starts_with([' ', '\t']) {
            return false;
        }
        rest = after.trim_start_matches([' ', '\t']);
        let blanks = after.get(..after.len() - rest.len()).unwrap_or_default();
        if blanks.contains('\t') {
            return true;
        }
    }
    false
}
