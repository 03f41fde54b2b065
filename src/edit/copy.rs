//! An item of a list that is much like another one of the same document.
//!
//! What is the same is named and not quoted: the operation is printed and saved, and the values stay in
//! their file.

use serde::{Deserialize, Serialize};

use super::place::{self, Place};
use super::tree::Tree;
use super::{Operation, Refused, Step};
use crate::yaml::Node;

/// One entry of the new item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Entry {
    /// What the model has under this key.
    Same,
    /// The model's list under this key, with these words behind its last one.
    With(Vec<String>),
    /// This value, whatever the model has.
    Given(Tree),
}

impl Entry {
    fn of(&self, key: &str, model: &Place<'_>) -> Result<Tree, Refused> {
        let node = model.node;
        let held = || {
            let held = node.get(key).and_then(Tree::of);
            let why = || {
                let place = &model.spelled;
                Refused::at(node.line, format!("{place} has no {key} to copy"))
            };
            held.ok_or_else(why)
        };
        match self {
            Entry::Same => held(),
            Entry::Given(tree) => Ok(tree.clone()),
            Entry::With(words) => match held()? {
                Tree::List(mut items) => {
                    items.extend(words.iter().map(Tree::text));
                    Ok(Tree::List(items))
                }
                _ => Err(Refused::at(
                    node.line,
                    format!("{key} of {} is not a list", model.spelled),
                )),
            },
        }
    }
}

/// The operation with every value in it, made from the document itself; the others are what they are.
pub(super) fn resolved(root: &Node, operation: &Operation) -> Result<Option<Operation>, Refused> {
    let Operation::Copy { from, entries } = operation else {
        return Ok(None);
    };
    let model = model(root, from)?;
    let entry = |(key, entry): &(String, Entry)| Ok((key.clone(), entry.of(key, &model)?));
    let entries: Result<Vec<_>, Refused> = entries.iter().map(entry).collect();
    Ok(Some(Operation::Insert {
        before: None,
        items: vec![Tree::Map(entries?)],
    }))
}

fn model<'a>(root: &'a Node, from: &'a [Step]) -> Result<Place<'a>, Refused> {
    let place = place::find(root, from)?;
    match place.missing.is_empty() {
        true => Ok(place),
        false => Err(Refused::at(
            place.node.line,
            format!("there is no {}", place.spelled),
        )),
    }
}
