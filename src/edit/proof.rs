//! The proof: the tree after is the tree before with exactly this value written.
//!
//! It knows nothing of how the edit was made. It reads the result again, walks both trees side by
//! side, and compares the comments and all bytes outside the splice.

use crate::yaml::{Node, Style, Value};

use super::source::Source;
use super::splice::Spliced;
use super::tree::Tree;
use super::value::{Scalar, reads_as_other_than_text};
use super::{Operation, Refused, Step, belonging, removed};

/// Refuses the result unless it is the text before with exactly this operation done at this path.
pub(super) fn prove(
    before: &Source<'_>,
    result: &Spliced,
    path: &[Step],
    operation: &Operation,
) -> Result<(), Refused> {
    if *operation == Operation::Remove {
        return removed::prove(before, result, path);
    }
    let after = read_again(before, result)?;
    if !same_comments(before, &after) {
        return unproved("a comment would be lost or changed");
    }
    if let Operation::Insert { before: at, items } = operation
        && !belonging::kept(before, &after, path, *at, items.len())
    {
        return unproved("a comment would stand beside another item");
    }
    if !changed_only(&before.root, &after.root, path, operation) {
        return unproved("the result would not mean what was intended");
    }
    Ok(())
}

/// Refuses the result unless it is the text before with this text in the scalar at this path, written in
/// the same style.
pub(super) fn prove_text(
    before: &Source<'_>,
    result: &Spliced,
    path: &[Step],
    text: &str,
) -> Result<(), Refused> {
    let after = read_again(before, result)?;
    let mut expected = before.root.clone();
    let node = place_in(&mut expected, path);
    match node.map(|node| &mut node.value) {
        Some(Value::Scalar(held, _)) => *held = text.to_owned(),
        _ => return unproved("there is no text at its place"),
    }
    if !same_comments(before, &after) {
        return unproved("a comment would be lost or changed");
    }
    if !is_same(&expected, &after.root) {
        return unproved("the result would not mean what was intended");
    }
    Ok(())
}

/// The node that the path leads to, to be changed.
pub(super) fn place_in<'a>(root: &'a mut Node, path: &[Step]) -> Option<&'a mut Node> {
    path.iter().try_fold(root, |node, step| match step {
        Step::Key(key) => node.get_mut(key),
        Step::Index(index) => match &mut node.value {
            Value::Sequence(items, _) => items.get_mut(*index),
            _ => None,
        },
    })
}

pub(super) fn unproved<T>(what: &str) -> Result<T, Refused> {
    Err(Refused::new(format!(
        "the edit could not be proved to be right: {what}"
    )))
}

/// Reads the result, in which everything must be as before that is no value and no comment.
pub(super) fn read_again<'a>(
    before: &Source<'_>,
    result: &'a Spliced,
) -> Result<Source<'a>, Refused> {
    let after = Source::read(result.text.as_bytes()).map_err(|refused| Refused {
        reason: format!(
            "the edit could not be proved to be right: in the result, {}",
            refused.reason
        ),
        ..refused
    })?;
    if !same_bytes_outside(before.text, result) {
        return unproved("bytes changed outside of it");
    }
    let both_have_some = before.text.contains('\n') && after.text.contains('\n');
    if both_have_some && after.line_end != before.line_end {
        return unproved("the line ends changed");
    }
    if before.text.ends_with('\n') != after.text.ends_with('\n') {
        return unproved("the end of the last line changed");
    }
    if is_json(before.text) && !is_json(after.text) {
        return unproved("the result would no longer be JSON");
    }
    Ok(after)
}

pub(super) fn same_bytes_outside(before: &str, result: &Spliced) -> bool {
    let (before, after) = (before.as_bytes(), result.text.as_bytes());
    let range = &result.splice.range;
    let (Some(head), Some(tail)) = (before.get(..range.start), before.get(range.end..)) else {
        return false;
    };
    after.len() == head.len() + result.splice.text.len() + tail.len()
        && after.starts_with(head)
        && after.ends_with(tail)
}

fn same_comments(before: &Source<'_>, after: &Source<'_>) -> bool {
    let texts = |source: &Source<'_>| -> Vec<String> {
        let comments = source.document.comments.iter();
        comments.map(|comment| comment.text.clone()).collect()
    };
    texts(before) == texts(after)
}

/// True for text that is JSON: then other readers than kube-proxy may count on it.
fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// True when the trees are the same but for the operation at the path.
fn changed_only(before: &Node, after: &Node, path: &[Step], operation: &Operation) -> bool {
    let Some((step, rest)) = path.split_first() else {
        return match operation {
            Operation::Set(value) => value.is_read_from(after),
            Operation::Append(item) => is_appended(before, after, item),
            Operation::Insert { before: at, items } => is_inserted(before, after, *at, items),
            // A copy is proved as the item that it became.
            Operation::Remove | Operation::Copy { .. } => false,
        };
    };
    match (step, &before.value, &after.value) {
        (Step::Index(index), Value::Sequence(old, flow), Value::Sequence(new, flow_after)) => {
            flow == flow_after
                && *index < old.len()
                && old.len() == new.len()
                && old.iter().zip(new).enumerate().all(|(at, (old, new))| {
                    if at == *index {
                        changed_only(old, new, rest, operation)
                    } else {
                        is_same(old, new)
                    }
                })
        }
        (Step::Key(key), Value::Mapping(old, flow), Value::Mapping(new, flow_after)) => {
            flow == flow_after && changed_entry(old, new, key, rest, operation)
        }
        (Step::Key(key), _, Value::Mapping(new, _)) if before.is_null() => {
            is_bare(after) && changed_entry(&[], new, key, rest, operation)
        }
        _ => false,
    }
}

fn changed_entry(
    old: &[(Node, Node)],
    new: &[(Node, Node)],
    key: &str,
    rest: &[Step],
    operation: &Operation,
) -> bool {
    let has_key = |entries: &[(Node, Node)]| {
        let with_key = entries.iter().filter(|(name, _)| name.text() == Some(key));
        with_key.count()
    };
    if has_key(new) != 1 {
        return false;
    }
    if has_key(old) == 1 {
        return old.len() == new.len()
            && old
                .iter()
                .zip(new)
                .all(|((name, value), (name_after, value_after))| {
                    is_same(name, name_after)
                        && if name.text() == Some(key) {
                            changed_only(value, value_after, rest, operation)
                        } else {
                            is_same(value, value_after)
                        }
                });
    }
    match new.split_last() {
        Some(((name, value), kept)) => {
            kept.len() == old.len()
                && old
                    .iter()
                    .zip(kept)
                    .all(|((name, value), (name_after, value_after))| {
                        is_same(name, name_after) && is_same(value, value_after)
                    })
                && is_key(name, key)
                && is_built(value, rest, operation)
        }
        None => false,
    }
}

/// True when the node holds nothing but the rest of the path and, at its end, the value.
fn is_built(node: &Node, path: &[Step], operation: &Operation) -> bool {
    if !is_bare(node) {
        return false;
    }
    match path.split_first() {
        None => match operation {
            Operation::Set(value) => value.is_read_from(node),
            Operation::Append(_) | Operation::Remove | Operation::Copy { .. } => false,
            Operation::Insert { before, items } => is_list_of(node, *before, items),
        },
        Some((Step::Key(key), rest)) => match node.entries() {
            [(name, inner)] => is_key(name, key) && is_built(inner, rest, operation),
            _ => false,
        },
        Some((Step::Index(_), _)) => false,
    }
}

fn is_appended(before: &Node, after: &Node, item: &Scalar) -> bool {
    match (&before.value, &after.value) {
        (Value::Sequence(old, flow), Value::Sequence(new, flow_after)) => {
            let Some((added, kept)) = new.split_last() else {
                return false;
            };
            flow == flow_after
                && old.len() == kept.len()
                && old.iter().zip(kept).all(|(old, new)| is_same(old, new))
                && item.is_read_from(added)
        }
        _ => false,
    }
}

/// True when the new items, and nothing else, stand between the old ones at this position.
fn is_inserted(before: &Node, after: &Node, at: Option<usize>, items: &[Tree]) -> bool {
    let (Value::Sequence(old, flow), Value::Sequence(new, flow_after)) =
        (&before.value, &after.value)
    else {
        return before.is_null() && is_list_of(after, at, items);
    };
    let at = at.unwrap_or(old.len());
    let parts = old.split_at_checked(at).zip(new.split_at_checked(at));
    let Some(((old_head, old_tail), (head, rest))) = parts else {
        return false;
    };
    let Some((added, tail)) = rest.split_at_checked(items.len()) else {
        return false;
    };
    let same = |old: &[Node], new: &[Node]| {
        old.len() == new.len() && old.iter().zip(new).all(|(old, new)| is_same(old, new))
    };
    flow == flow_after
        && before.anchor == after.anchor
        && before.tag == after.tag
        && same(old_head, head)
        && same(old_tail, tail)
        && items
            .iter()
            .zip(added)
            .all(|(item, node)| item.is_read_from(node))
}

/// True for a list that was not there and holds exactly these items.
fn is_list_of(node: &Node, at: Option<usize>, items: &[Tree]) -> bool {
    is_bare(node)
        && at.is_none_or(|at| at == 0)
        && node.items().len() == items.len()
        && matches!(node.value, Value::Sequence(..))
        && items
            .iter()
            .zip(node.items())
            .all(|(item, node)| item.is_read_from(node))
}

/// True for a key that reads as this text with every reader.
fn is_key(node: &Node, key: &str) -> bool {
    match &node.value {
        Value::Scalar(text, style) => {
            is_bare(node)
                && text == key
                && (*style == Style::DoubleQuoted || !reads_as_other_than_text(key))
        }
        _ => false,
    }
}

fn is_bare(node: &Node) -> bool {
    node.anchor == 0 && node.tag.is_none()
}

/// True when two nodes are the same but for where they stand.
pub(super) fn is_same(before: &Node, after: &Node) -> bool {
    before.anchor == after.anchor
        && before.tag == after.tag
        && match (&before.value, &after.value) {
            (Value::Sequence(old, flow), Value::Sequence(new, flow_after)) => {
                flow == flow_after
                    && old.len() == new.len()
                    && old.iter().zip(new).all(|(old, new)| is_same(old, new))
            }
            (Value::Mapping(old, flow), Value::Mapping(new, flow_after)) => {
                flow == flow_after
                    && old.len() == new.len()
                    && old
                        .iter()
                        .zip(new)
                        .all(|(old, new)| is_same(&old.0, &new.0) && is_same(&old.1, &new.1))
            }
            (old, new) => old == new,
        }
}
