//! `tighten history`.

use serde_json::{Value, json};

use super::context::Context;
use super::print_json;
use crate::cli::Format;
use crate::failure::{Exit, Failure};
use crate::report;
use crate::transaction::{Details, Summary, history as all, show};

/// Lists the transactions, or shows one.
pub fn history(context: &Context, id: Option<&str>) -> Result<Exit, Failure> {
    let state = context.existing_state()?;
    if let Some(id) = id {
        let missing = || {
            Failure::refused(format!("there is no transaction {id}"))
                .help("tighten history lists them")
        };
        let details = show(&state.ok_or_else(missing)?, id)?;
        match context.format {
            Format::Json => print_json(&report::document("history", detailed(&details))),
            Format::Text => context.say(&report::transaction(&details, context.style)),
        }
        return Ok(Exit::Done);
    }
    let mut readable = Vec::new();
    let mut damaged = false;
    if let Some(state) = &state {
        for one in all(state)? {
            match one {
                Ok(summary) => readable.push(summary),
                // One journal that cannot be trusted does not hide the others.
                Err(failure) => {
                    damaged = true;
                    context.tell(&format!("{}\n", context.hinted(failure)));
                }
            }
        }
    }
    match context.format {
        Format::Json => {
            let list: Vec<Value> = readable.iter().map(summary).collect();
            print_json(&report::document("history", json!({"transactions": list})));
        }
        Format::Text => context.say(&report::history(&readable, context.style)),
    }
    Ok(if damaged { Exit::Refused } else { Exit::Done })
}

fn summary(summary: &Summary) -> Value {
    json!({
        "id": summary.id.as_str(),
        "kind": summary.kind,
        "state": summary.state.as_str(),
        "started_at": summary.started_at,
        "finished_at": summary.finished_at,
        "tool_version": summary.tool_version,
        "user": summary.user,
        "changes": summary.changes,
        "files": summary.files,
        "rollback_of": summary.rollback_of.as_ref().map(|id| id.as_str()),
    })
}

/// One transaction: as in the list, with its changes and files written out beside it.
fn detailed(details: &Details) -> Value {
    let changes: Vec<Value> = details
        .changes
        .iter()
        .map(|change| {
            json!({
                "id": change.id,
                "check": change.check,
                "path": change.path,
                "action": change.action,
                "risk": change.risk,
                "summary": change.summary,
            })
        })
        .collect();
    json!({
        "transactions": [summary(&details.summary)],
        "changes": changes,
        "files": details.files,
    })
}
