//! Where a path leads.

use crate::yaml::{Node, Value};

use super::{Refused, Step, spelled};

/// The end of a path, as far as it is there.
pub(super) struct Place<'tree> {
    /// The last node on the path that exists.
    pub node: &'tree Node,
    /// The collection that holds it, with its key if that is a mapping.
    pub parent: Option<Parent<'tree>>,
    /// The keys that are missing from there on; none when the node is the value itself.
    pub missing: Vec<&'tree str>,
    /// The whole path, for messages.
    pub spelled: String,
}

/// The collection that holds a node.
#[derive(Clone, Copy)]
pub(super) struct Parent<'tree> {
    /// The collection.
    pub node: &'tree Node,
    /// The node's key; `None` in a sequence.
    pub key: Option<&'tree Node>,
}

impl Parent<'_> {
    /// True inside braces or brackets.
    pub fn is_flow(&self) -> bool {
        matches!(
            self.node.value,
            Value::Mapping(_, true) | Value::Sequence(_, true)
        )
    }
}

/// Follows the path from the root as far as it goes.
pub(super) fn find<'tree>(root: &'tree Node, path: &'tree [Step]) -> Result<Place<'tree>, Refused> {
    let mut place = Place {
        node: root,
        parent: None,
        missing: Vec::new(),
        spelled: spelled(path),
    };
    for (depth, step) in path.iter().enumerate() {
        let here = place.node;
        let spelled_so_far = || spelled(path.get(..depth).unwrap_or_default());
        let next = match (step, &here.value) {
            (Step::Key(key), Value::Mapping(..)) => {
                here.entry(key).map(|(name, value)| (Some(name), value))
            }
            (Step::Key(_), Value::Scalar(..)) if here.is_null() => None,
            (Step::Key(_), _) => {
                return Err(Refused::at(
                    here.line,
                    format!("{} is not a mapping", spelled_so_far()),
                ));
            }
            (Step::Index(index), Value::Sequence(items, _)) => match items.get(*index) {
                Some(item) => Some((None, item)),
                None => {
                    return Err(Refused::at(
                        here.line,
                        format!("{} has no item {index}", spelled_so_far()),
                    ));
                }
            },
            (Step::Index(_), _) => {
                return Err(Refused::at(
                    here.line,
                    format!("{} is not a list", spelled_so_far()),
                ));
            }
        };
        match next {
            Some((key, node)) => {
                place.parent = Some(Parent { node: here, key });
                place.node = node;
            }
            None => {
                place.missing = missing(path.get(depth..).unwrap_or_default())?;
                break;
            }
        }
    }
    Ok(place)
}

fn missing(rest: &[Step]) -> Result<Vec<&str>, Refused> {
    rest.iter()
        .map(|step| match step {
            Step::Key(key) => Ok(key.as_str()),
            Step::Index(_) => Err(Refused::new(format!(
                "the list on the way to {} does not exist",
                spelled(rest)
            ))),
        })
        .collect()
}

/// Where a node's content ends. A block collection's own span may reach past its last line, over
/// comments that belong to what follows.
pub(super) fn content_end(node: &Node) -> usize {
    match &node.value {
        Value::Mapping(entries, false) => entries.last().map_or(node.span.end, |(key, value)| {
            content_end(value).max(key.span.end)
        }),
        Value::Sequence(items, false) => items.last().map_or(node.span.end, content_end),
        _ => node.span.end,
    }
}
