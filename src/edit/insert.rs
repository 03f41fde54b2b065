//! Items that are put into a list at a position, each a tree of values, written as the items beside it.

use crate::yaml::{Node, Value};

use super::Refused;
use super::block::{self, column, whole_lines};
use super::flow;
use super::manner::Manner;
use super::place::{Place, content_end};
use super::source::Source;
use super::splice::{LineAfter, Splice, behind_indicator, line_after};
use super::tree::Tree;

/// The splice that puts items before the one with this position, or behind the last one. A list that is
/// missing is made.
pub(super) fn insert(
    source: &Source<'_>,
    place: &Place<'_>,
    before: Option<usize>,
    items: &[Tree],
) -> Result<Splice, Refused> {
    let node = place.node;
    let refuse = |what: String| Err(Refused::at(node.line, what));
    if items.is_empty() {
        return refuse("no item to insert".into());
    }
    let key = place.parent.and_then(|parent| parent.key);
    let key = key.and_then(Node::text);
    match &node.value {
        Value::Sequence(there, is_flow) if place.missing.is_empty() => {
            let at = before.unwrap_or(there.len());
            if at > there.len() {
                return refuse(format!("{} has no item {at}", place.spelled));
            }
            let manner = Manner::of(source, node, key);
            if *is_flow {
                let texts: Vec<String> = items
                    .iter()
                    .map(|item| manner.flow_item(item, key))
                    .collect();
                flow::insert_items(source, node, there, at, &texts)
            } else {
                into_block(source, place, there, at, items, &manner)
            }
        }
        _ if before.is_some_and(|at| at > 0) => refuse(format!("{} is not a list", place.spelled)),
        Value::Mapping(entries, _) if !place.missing.is_empty() => {
            add_list(source, place, entries, items)
        }
        Value::Scalar(..) if node.is_null() => fill_null(source, place, items),
        _ => refuse(format!("{} is not a list", place.spelled)),
    }
}

/// The entry for the missing keys, the last of them with the list: its key and its value.
fn missing(keys: &[&str], items: &[Tree]) -> Option<(String, Tree)> {
    let (first, rest) = keys.split_first()?;
    let list = Tree::List(items.to_vec());
    let value = rest.iter().rev().fold(list, |inner, key| {
        Tree::Map(vec![((*key).to_owned(), inner)])
    });
    Some(((*first).to_owned(), value))
}

/// Adds the missing key with its list behind the last entry of the mapping.
fn add_list(
    source: &Source<'_>,
    place: &Place<'_>,
    entries: &[(Node, Node)],
    items: &[Tree],
) -> Result<Splice, Refused> {
    let mapping = place.node;
    let nothing = || Refused::at(mapping.line, "an empty mapping without braces");
    let (key, value) = missing(&place.missing, items).ok_or_else(nothing)?;
    let manner = Manner::of(source, mapping, None);
    if matches!(mapping.value, Value::Mapping(_, true)) {
        let value = manner.on_one_line(&value, Some(&key));
        return flow::add_keys(source, mapping, entries, &[&key], &value);
    }
    let (first, _) = entries.first().ok_or_else(nothing)?;
    let column = column(source, first)?;
    let lines = manner.entry(&key, &value, column).join(source.line_end);
    let at = behind_comments(source, line_after(source, mapping)?, column + 1);
    Ok(whole_lines(source, at, &lines))
}

/// Puts the list where a null is, written (`~`) or not (`key:`).
fn fill_null(source: &Source<'_>, place: &Place<'_>, items: &[Tree]) -> Result<Splice, Refused> {
    let node = place.node;
    let Some(parent) = place.parent else {
        return Err(Refused::at(node.line, "the root is not a mapping"));
    };
    let key = parent.key.and_then(Node::text);
    let manner = Manner::of(source, parent.node, None);
    let inner = missing(&place.missing, items);
    if let (Some(name), Some(text), false) = (parent.key, key, parent.is_flow())
        && source.line_start(name.span.start) == source.line_start(node.span.start)
    {
        let column = column(source, name)?;
        let value = match inner {
            Some(entry) => Tree::Map(vec![entry]),
            None => Tree::List(items.to_vec()),
        };
        // The key itself is there already.
        let lines = manner.below(text, &value, column).join(source.line_end);
        return block::unfold(source, name, node, &lines);
    }
    let value = match inner {
        Some((key, value)) => Tree::Map(vec![(key, value)]),
        None => Tree::List(items.to_vec()),
    };
    let text = manner.on_one_line(&value, key);
    if node.span.is_empty() {
        return behind_indicator(source, node, &text);
    }
    Ok(Splice {
        range: node.span.clone(),
        text,
    })
}

/// Puts items into a block sequence as lines of their own.
fn into_block(
    source: &Source<'_>,
    place: &Place<'_>,
    there: &[Node],
    at: usize,
    items: &[Tree],
    manner: &Manner<'_, '_>,
) -> Result<Splice, Refused> {
    let list = place.node;
    let before = source.line_before(list.span.start);
    let dashed = source.slice(list.span.clone()).starts_with('-');
    if !dashed || !before.bytes().all(|byte| matches!(byte, b' ' | b'-')) {
        return Err(Refused::at(
            list.line,
            "a list whose first dash is not plain to see",
        ));
    }
    if at == 0 && before.contains('-') {
        return Err(Refused::at(
            list.line,
            "a list that starts behind the dash of another one",
        ));
    }
    let dash = before.len();
    let key = place.parent.and_then(|parent| parent.key);
    let name = key.and_then(Node::text);
    let lines: Vec<Vec<String>> = items
        .iter()
        .map(|item| manner.item(item, name, dash))
        .collect();
    let set_apart = apart(source, list, there, at, dash)?;
    let gap = if set_apart { source.line_end } else { "" };
    let blocks: Vec<String> = lines
        .iter()
        .map(|lines| lines.join(source.line_end))
        .collect();
    let text = blocks.join(&format!("{}{gap}", source.line_end));
    if at < there.len() {
        let start = lead(source, list, there, at, dash)?;
        return Ok(Splice::insert(
            start,
            format!("{text}{}{gap}", source.line_end),
        ));
    }
    let end = behind_comments(source, line_after(source, list)?, dash + 1);
    Ok(whole_lines(source, end, &format!("{gap}{text}")))
}

/// Whether the items beside the place are set apart by an empty line.
fn apart(
    source: &Source<'_>,
    list: &Node,
    there: &[Node],
    at: usize,
    dash: usize,
) -> Result<bool, Refused> {
    let beside = at.clamp(1, there.len().saturating_sub(1).max(1));
    if beside >= there.len() {
        return Ok(false);
    }
    let start = lead(source, list, there, beside, dash)?;
    let above = source.slice(0..start);
    let above = above.strip_suffix('\n').unwrap_or(above);
    let above = above.rsplit('\n').next().unwrap_or_default();
    Ok(above.trim().is_empty())
}

/// Where the lines of an item start: with the comments that stand directly above it.
fn lead(
    source: &Source<'_>,
    list: &Node,
    there: &[Node],
    at: usize,
    dash: usize,
) -> Result<usize, Refused> {
    let previous = at.checked_sub(1).and_then(|index| there.get(index));
    let mut start = match previous {
        None => source.line_start(list.span.start),
        Some(previous) => dash_line(source, content_end(previous), dash)
            .ok_or_else(|| Refused::at(previous.line, "an item whose end is not plain to see"))?,
    };
    while let Some(newline) = start.checked_sub(1) {
        let above = source.line_start(newline);
        let line = source.slice(above..newline);
        let column = line.len() - line.trim_start_matches([' ', '\t']).len();
        let is_note = source.is_comment(above + column) && (at == 0 || column <= dash);
        if !is_note {
            break;
        }
        start = above;
    }
    Ok(start)
}

/// The start of the first line behind this byte that has a dash in this column, with nothing but comments
/// and blanks before it.
fn dash_line(source: &Source<'_>, end: usize, dash: usize) -> Option<usize> {
    let mut start = match source.byte_before(end) {
        Some(b'\n') => end,
        _ => end + source.slice(end..source.text.len()).find('\n')? + 1,
    };
    loop {
        let rest = source.slice(start..source.text.len());
        let line = rest.split('\n').next().unwrap_or_default();
        let content = line.trim_start_matches(' ');
        if content.starts_with('-') && line.len() - content.len() == dash {
            return Some(start);
        }
        if !(line.trim().is_empty() || content.trim_start().starts_with('#')) {
            return None;
        }
        start += rest.find('\n')? + 1;
    }
}

/// The place behind the comments that follow and stand at least this deep: they belong to what is above.
fn behind_comments(source: &Source<'_>, at: LineAfter, deep: usize) -> LineAfter {
    let LineAfter::Start(first) = at else {
        return at;
    };
    let (mut end, mut line) = (LineAfter::Start(first), first);
    loop {
        let rest = source.slice(line..source.text.len());
        let content = rest.split('\n').next().unwrap_or_default();
        let column = content.len() - content.trim_start_matches([' ', '\t']).len();
        let is_note = source.is_comment(line + column);
        if !(content.trim().is_empty() || is_note && column >= deep) {
            return end;
        }
        match rest.find('\n') {
            Some(newline) => line += newline + 1,
            None if is_note => return LineAfter::End(source.text.len()),
            None => return end,
        }
        if is_note {
            end = LineAfter::Start(line);
        }
    }
}
