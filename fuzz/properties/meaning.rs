//! What an edit does to a document's meaning, by a reading that shares nothing with the editor.

use serde_json::{Value as Json, json};
use tighten::edit::{Operation, Scalar, Step, Tree};

/// What the value means.
pub fn written(value: &Scalar) -> Json {
    match value {
        Scalar::Bool(value) => json!(value),
        Scalar::Int(value) => json!(value),
        Scalar::Text(value) => json!(value),
        Scalar::List(values) => json!(values),
    }
}

/// What the tree means.
pub fn grown(tree: &Tree) -> Json {
    match tree {
        Tree::Scalar(value) => written(value),
        Tree::Map(entries) => {
            let entries = entries.iter();
            let entries = entries.map(|(key, value)| (key.clone(), grown(value)));
            Json::Object(entries.collect())
        }
        Tree::List(items) => items.iter().map(grown).collect(),
    }
}

/// Does to the meaning what the edit is to do to the text.
pub fn perform(meaning: &mut Json, path: &[Step], operation: &Operation) {
    match (path.split_first(), operation) {
        (None, Operation::Set(value)) => *meaning = written(value),
        (None, Operation::Append(item)) => meaning.as_array_mut().unwrap().push(written(item)),
        (None, Operation::Insert { before, items }) => {
            if meaning.is_null() {
                *meaning = json!([]);
            }
            let list = meaning.as_array_mut().unwrap();
            let at = before.unwrap_or(list.len());
            list.splice(at..at, items.iter().map(grown));
        }
        (None, Operation::Remove) => unreachable!("the document itself is never removed"),
        (None, Operation::Copy { .. }) => unreachable!("no random edit copies from elsewhere"),
        (Some((Step::Index(index), [])), Operation::Remove) => {
            meaning.as_array_mut().unwrap().remove(*index);
        }
        (Some((Step::Key(key), [])), Operation::Remove) => {
            meaning.as_object_mut().unwrap().remove(key).unwrap();
        }
        (Some((Step::Index(index), rest)), _) => {
            perform(
                &mut meaning.as_array_mut().unwrap()[*index],
                rest,
                operation,
            );
        }
        (Some((Step::Key(key), rest)), _) => {
            if meaning.is_null() {
                *meaning = json!({});
            }
            let entries = meaning.as_object_mut().unwrap();
            perform(entries.entry(key).or_insert(Json::Null), rest, operation);
        }
    }
}
