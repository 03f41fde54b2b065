//! Which item of a list or entry of a mapping a comment belongs to, so that an insertion does not come
//! between the two and a removal does not part them.
//!
//! A comment behind something on its line belongs to the item that it stands in. One on a line of its own
//! belongs to the item that follows directly, with no empty line between, unless it is indented deeper than
//! that item's dash; otherwise to the item before it.

use std::collections::{BTreeMap, BTreeSet};

use crate::yaml::{Node, Value};

use super::Step;
use super::place::content_end;
use super::source::Source;

/// True when every comment belongs to the same item of the list at the path as before, and none to the
/// items that were put in.
pub(super) fn kept(
    before: &Source<'_>,
    after: &Source<'_>,
    path: &[Step],
    at: Option<usize>,
    added: usize,
) -> bool {
    let list = |root| follow(root, path).filter(|node| matches!(node.value, Value::Sequence(..)));
    let (Some(old), Some(new)) = (list(&before.root), list(&after.root)) else {
        // There was no list, so that no comment can have belonged to one of its items: it is enough
        // that none belongs to the new ones.
        return match list(&after.root) {
            Some(new) => owned(after, new).into_values().all(|owner| owner.is_none()),
            // No list at all: the comparison of the trees says so.
            None => true,
        };
    };
    let at = at.unwrap_or(old.items().len());
    let shifted =
        |owner: Option<usize>| owner.map(|index| if index < at { index } else { index + added });
    // Comments keep their order, so that the first before is the first after.
    let then: Vec<Option<usize>> = owned(before, old).into_values().map(shifted).collect();
    let now: Vec<Option<usize>> = owned(after, new).into_values().collect();
    then == now
}

/// True when of the comments only those that belong to the removed item or entry are gone, and every other
/// one belongs at each level to the same as before. `removed` is its position in the collection at the way.
pub(super) fn left(
    before: &Source<'_>,
    after: &Source<'_>,
    way: &[Step],
    removed: usize,
    gone: &BTreeSet<usize>,
) -> bool {
    (0..=way.len()).all(|depth| {
        let way_here = way.get(..depth).unwrap_or_default();
        let here = |root| follow(root, way_here);
        let (Some(old), Some(new)) = (here(&before.root), here(&after.root)) else {
            return false;
        };
        let is_last = depth == way.len();
        let deepest = first_column(before, old);
        let (mut then, mut apart) = (Vec::new(), BTreeSet::new());
        for (at, owner) in owned(before, old) {
            let goes = gone.contains(&at);
            let own = is_last && owner == Some(removed);
            let free = own && !goes && is_apart(before, at, deepest, &apart);
            if free {
                apart.insert(before.line_start(at));
            }
            if is_last && goes != own && !free {
                return false;
            }
            if !goes {
                let moves = |index: &usize| is_last && *index > removed;
                let owner = owner.map(|index| index - usize::from(moves(&index)));
                then.push((!free).then_some(owner));
            }
        }
        let now: Vec<Option<usize>> = owned(after, new).into_values().collect();
        then.len() == now.len()
            && then
                .iter()
                .zip(&now)
                .all(|(then, now)| then.is_none_or(|then| then == *now))
    })
}

/// The column of the items' dashes or the entries' keys.
fn first_column(source: &Source<'_>, list: &Node) -> usize {
    let starts = starts(source, list);
    let first = starts.first();
    first.map_or(0, |first| source.line_before(*first).len())
}

/// True for a comment that is indented no deeper than this, with an empty line above it, or a line that is
/// apart: it speaks of a part of the file, and of none of the items alone.
fn is_apart(source: &Source<'_>, comment: usize, deepest: usize, apart: &BTreeSet<usize>) -> bool {
    let indentation = source.line_before(comment);
    let Some(newline) = source.line_start(comment).checked_sub(1) else {
        return false;
    };
    let above = source.line_start(newline);
    indentation.trim().is_empty()
        && indentation.len() <= deepest
        && (apart.contains(&above) || source.line_after(above).trim().is_empty())
}

/// The node that the path leads to.
pub(super) fn follow<'a>(node: &'a Node, path: &[Step]) -> Option<&'a Node> {
    path.iter().try_fold(node, |node, step| match step {
        Step::Key(key) => node.get(key),
        Step::Index(index) => node.items().get(*index),
    })
}

/// For each comment, by where it stands, the item that it belongs to.
fn owned(source: &Source<'_>, list: &Node) -> BTreeMap<usize, Option<usize>> {
    let is_flow = matches!(
        list.value,
        Value::Sequence(_, true) | Value::Mapping(_, true)
    );
    let starts = starts(source, list);
    let (end, reach) = if is_flow {
        (list.span.end, list.span.end)
    } else {
        let end = content_end(list);
        (end, reach(source, end))
    };
    let dash = first_column(source, list);
    let lines: BTreeMap<usize, usize> = starts
        .iter()
        .enumerate()
        // What stands above the dash of a list's item leads that, not the first entry behind the dash.
        .filter(|(_, start)| source.line_before(**start).trim().is_empty())
        .map(|(index, start)| (source.line_start(*start), index))
        .collect();
    let mut owners = BTreeMap::new();
    // From the last to the first: whether the comment below leads an item is known by then.
    let mut below: Option<(usize, Option<usize>)> = None;
    for comment in source.document.comments.iter().rev() {
        let at = comment.span.start;
        let before = source.line_before(at);
        let above = starts.partition_point(|start| *start < at).checked_sub(1);
        if !before.trim().is_empty() {
            let inside = if is_flow {
                at < end
            } else {
                source.line_start(at) < end
            };
            owners.insert(at, above.filter(|_| inside));
            continue;
        }
        let rest = source.line_after(comment.span.end);
        let next_line = comment.span.end + rest.len() + source.line_end.len();
        let following = match below {
            Some((line, leads)) if line == next_line => leads,
            _ => lines.get(&next_line).copied(),
        };
        let leads = following.filter(|index| is_flow || *index == 0 || before.len() <= dash);
        let inside = at < end || at < reach && before.len() > dash;
        owners.insert(at, leads.or(above.filter(|_| inside)));
        below = Some((source.line_start(at), leads));
    }
    owners
}

/// The first byte behind this one that is neither blank nor part of a comment.
fn reach(source: &Source<'_>, from: usize) -> usize {
    let comments = &source.document.comments;
    let mut at = from;
    let mut next = comments.partition_point(|comment| comment.span.start < from);
    loop {
        let rest = source.slice(at..source.text.len());
        at += rest.len() - rest.trim_start().len();
        match comments.get(next) {
            Some(comment) if comment.span.start == at => at = comment.span.end,
            _ => return at,
        }
        next += 1;
    }
}

/// Where the items start: with their dash, in block style; or the entries, with their key.
pub(super) fn starts(source: &Source<'_>, list: &Node) -> Vec<usize> {
    let items = list.items();
    if let Value::Mapping(entries, _) = &list.value {
        return entries.iter().map(|(key, _)| key.span.start).collect();
    }
    if matches!(list.value, Value::Sequence(_, true)) {
        return items.iter().map(|item| item.span.start).collect();
    }
    let behind = items.iter().map(|item| reach(source, content_end(item)));
    std::iter::once(list.span.start)
        .chain(behind)
        .take(items.len())
        .collect()
}
