//! What a command's document says, as the reply to a call by Ansible returns it.

use serde_json::{Map, Value, json};

use super::own::Ended;
use crate::ansible::Reply;
use crate::failure::Failure;
use crate::plan::NEEDS_ROOT;
use crate::report;

/// A part of a document; null where there is none.
pub fn part<'a>(of: &'a Value, key: &str) -> &'a Value {
    const NONE: &Value = &Value::Null;
    of.get(key).unwrap_or(NONE)
}

/// A list of a document, which is empty where a command came to none.
pub fn list(told: &Value) -> Value {
    match told {
        Value::Null => json!([]),
        list => list.clone(),
    }
}

/// What was, or would be, changed, without the texts that stand in the diff.
pub fn brief(changes: &Value, outcome: &str) -> Vec<Value> {
    const KEYS: [&str; 6] = ["id", "check", "path", "action", "risk", "summary"];
    let one = |change: &Value| {
        let keys = KEYS.iter().chain(&["outcome"]);
        let told = keys.filter_map(|key| Some(((*key).to_string(), change.get(key)?.clone())));
        let mut one: Map<String, Value> = told.collect();
        one.entry("outcome").or_insert_with(|| outcome.into());
        Value::Object(one)
    };
    changes.as_array().into_iter().flatten().map(one).collect()
}

/// The verdicts that are findings, and those that nobody could reach.
pub fn findings(scan: &Value) -> Vec<Value> {
    let verdicts = part(scan, "verdicts").as_array();
    let remain = |one: &&Value| part(one, "verdict") == "fail" || part(one, "verdict") == "unknown";
    verdicts
        .into_iter()
        .flatten()
        .filter(remain)
        .cloned()
        .collect()
}

/// The warnings of the document and those on stderr.
pub fn warnings(reply: &mut Reply, ended: &Ended) {
    let told = part(&ended.document, "warnings").as_array();
    for warning in told.into_iter().flatten().filter_map(Value::as_str) {
        reply.warn(warning);
    }
    let mut lines = ended.messages.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(warning) = line.strip_prefix("warning: ") {
            match lines.next_if(|next| next.starts_with("help: ")) {
                Some(help) => reply.warn(&format!("{warning}; {help}")),
                None => reply.warn(warning),
            }
        } else if line.starts_with("Recovered: ") || line.starts_with("Left to you: ") {
            reply.warn(line);
        }
    }
}

/// The error of a command: from its document, or from what stands on stderr where it has none.
pub fn said(ended: &Ended) -> String {
    let error = part(&ended.document, "error");
    let text = |key: &str| part(error, key).as_str().map(String::from);
    if let Some(message) = text("message") {
        let mut failure = Failure::refused(message);
        failure.state = text("state");
        failure.help = text("help");
        return Reply::sentence(&failure);
    }
    let lines = ended.messages.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("For more information"));
    let lines: Vec<&str> = lines.collect();
    let text = lines.join("; ");
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    match text {
        "" => format!("tighten ended with {}", ended.code),
        text => report::printable(text),
    }
}

/// Warns where findings are left only because this is not root: a task that forgot `become` is no task
/// on a node on which there is nothing to do.
pub fn warn_without_root(reply: &mut Reply, manual: &Value) {
    let entries = manual.as_array().into_iter().flatten();
    let reasons = entries.filter_map(|entry| part(entry, "reason").as_str());
    let number = reasons.filter(|reason| reason.contains(NEEDS_ROOT)).count();
    if number > 0 {
        reply.warn(&format!(
            "left to you because this is not root: {number} of the findings; run the task with become"
        ));
    }
}

pub fn count(list: &Value, one: &str, more: &str) -> String {
    match list.as_array().map_or(0, Vec::len) {
        1 => format!("1 {one}"),
        number => format!("{number} {more}"),
    }
}
