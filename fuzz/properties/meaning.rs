//! What an edit does to a document's meaning, by a reading that shares nothing with the editor.

use serde_json::{Value as Json, json};
use tighten::edit::{Operation, Scalar, Step};

/// What the value means.
pub fn written(value: &Scalar) -> Json {
    match value {
        Scalar::Bool(value) => json!(value),
        Scalar::Int(value) => json!(value),
        Scalar::Text(value) => json!(value),
        Scalar::List(values) => json!(values),
    }
}

/// Does to the meaning what the edit is to do to the text.
pub fn perform(meaning: &mut Json, path: &[Step], operation: &Operation) {
    match (path.split_first(), operation) {
        (None, Operation::Set(value)) => *meaning = written(value),
        (None, Operation::Append(item)) => meaning.as_array_mut().unwrap().push(written(item)),
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
