//! JSON documents: one for each run, with schema and tool.

use serde_json::{Map, Value, json};

use super::scanned::{Node, Refusal, Tool};
use crate::facts::Facts;
use crate::failure::Failure;
use crate::plan::Plan;
use crate::root::Root;

/// A document of a command: schema, tool, and what the body holds.
pub fn document(command: &str, body: Value) -> Value {
    let mut fields = Map::new();
    fields.insert("schema".into(), json!(format!("tighten.{command}/v1")));
    fields.insert("tool".into(), json!(Tool::own()));
    if let Value::Object(body) = body {
        fields.extend(body);
    }
    Value::Object(fields)
}

/// What a command prints with `--format json` when it could not do its work.
pub fn error_document(command: &str, failure: &Failure) -> Value {
    document(command, json!({"error": error(failure)}))
}

/// The `error` of a document.
pub fn error(failure: &Failure) -> Value {
    json!(Refusal::of(failure))
}

/// The `node` of a document.
pub fn node(root: &Root, facts: Option<&Facts>) -> Value {
    json!(Node::of(root, facts))
}

/// The body of a plan.
pub fn plan(root: &Root, facts: &Facts, plan: &Plan) -> Value {
    let mut body = Map::new();
    body.insert("node".into(), node(root, Some(facts)));
    if let Ok(Value::Object(fields)) = serde_json::to_value(plan) {
        body.extend(fields);
    }
    Value::Object(body)
}
