//! The proof of a removal: the tree after is the tree before without exactly this item or entry, and only
//! its own comments are gone.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::yaml::Value;

use super::belonging::{self, follow};
use super::proof::{is_same, place_in, read_again, unproved};
use super::remove::{behind_comma, lead, position, spans};
use super::source::Source;
use super::splice::Spliced;
use super::{Refused, Step};

/// Refuses the result unless it is the text before without what the path leads to.
pub(super) fn prove(before: &Source<'_>, result: &Spliced, path: &[Step]) -> Result<(), Refused> {
    let after = read_again(before, result)?;
    let mut expected = before.root.clone();
    let Some((last, way)) = path.split_last() else {
        return unproved("the document would be gone");
    };
    let fewer = place_in(&mut expected, way).is_some_and(|node| match (last, &mut node.value) {
        (Step::Index(index), Value::Sequence(items, flow)) if *index < items.len() => {
            items.remove(*index);
            *flow |= items.is_empty();
            true
        }
        (Step::Key(key), Value::Mapping(entries, flow)) => {
            let count = entries.len();
            entries.retain(|(name, _)| name.text() != Some(key));
            *flow |= entries.is_empty();
            entries.len() + 1 == count
        }
        _ => false,
    });
    if !fewer || !is_same(&expected, &after.root) {
        return unproved("the result would not mean what was intended");
    }
    let (Some(collection), Some(node)) = (follow(&before.root, way), follow(&before.root, path))
    else {
        return unproved("there is nothing at its place");
    };
    let Some(index) = position(collection, node) else {
        return unproved("there is nothing at its place");
    };
    let gone = own_comments(before, &spans(before, collection), index);
    let kept = before.document.comments.iter();
    let kept = kept.filter(|comment| !gone.contains(&comment.span.start));
    let kept: Vec<&str> = kept.map(|comment| comment.text.as_str()).collect();
    let comments = after.document.comments.iter();
    if kept
        != comments
            .map(|comment| comment.text.as_str())
            .collect::<Vec<&str>>()
    {
        return unproved("a comment would be lost or changed");
    }
    if !belonging::left(before, &after, way, index, &gone) {
        return unproved("a comment would stand beside another item");
    }
    Ok(())
}

/// Where the comments start that go with the item or entry: those on its lines, and those directly above
/// it in its column. What shares its lines with others takes along only what stands inside it.
fn own_comments(source: &Source<'_>, spans: &[Range<usize>], index: usize) -> BTreeSet<usize> {
    let Some(own) = spans.get(index) else {
        return BTreeSet::new();
    };
    let end = behind_comma(source, own.end).unwrap_or(own.end);
    let ended = source.byte_before(own.end) == Some(b'\n');
    let own_lines =
        source.line_before(own.start).trim().is_empty() && (ended || source.line_ends_after(end));
    let range = match (own_lines, ended) {
        (false, _) => own.clone(),
        (true, true) => lead(source, own.start)..own.end,
        (true, false) => lead(source, own.start)..end + source.line_after(end).len(),
    };
    let comments = source.document.comments.iter();
    let starts = comments.map(|comment| comment.span.start);
    starts.filter(|start| range.contains(start)).collect()
}
