//! `tighten history`.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use super::context::Context;
use super::print_json;
use crate::cli::Format;
use crate::failure::{Exit, Failure};
use crate::report;
use crate::report::style::Pieces;
use crate::transaction::{Details, Summary, history as all, show};

/// Lists the transactions, or shows one.
pub fn history(context: &Context, id: Option<&str>) -> Result<Exit, Failure> {
    let state = context.existing_state()?;
    if let Some(id) = id {
        let missing = || {
            Failure::refused(format!("there is no transaction {id}"))
                .help("list them with: tighten history")
        };
        let details = show(&state.ok_or_else(missing)?, id)?;
        match context.format {
            Format::Json => print_json(&report::document("history", detailed(&details))),
            Format::Text => context.say(&report::transaction(&details, context.style)),
        }
        return Ok(Exit::Done);
    }
    let Some(state) = state else {
        match context.format {
            Format::Json => {
                print_json(&report::document("history", json!({"transactions": []})));
            }
            Format::Text => context.say(NONE),
        }
        return Ok(Exit::Done);
    };
    let damaged = Cell::new(false);
    let transactions = all(&state)?.filter_map(|one| {
        one.inspect_err(|failure| {
            // One journal that cannot be trusted does not hide the others.
            damaged.set(true);
            context.tell(&format!("{}\n", context.hinted(failure.clone())));
        })
        .ok()
    });
    // What cannot be written any more ends the list: see `Pieces`.
    let _ = match context.format {
        Format::Json => list_json(transactions),
        Format::Text => list_text(transactions, context, &damaged),
    };
    Ok(if damaged.get() {
        Exit::Refused
    } else {
        Exit::Done
    })
}

const NONE: &str = "No transactions yet.\n";

/// One line for each transaction, written as it is read.
fn list_text(
    transactions: impl Iterator<Item = Summary>,
    context: &Context,
    damaged: &Cell<bool>,
) -> io::Result<()> {
    let mut out = Pieces::default();
    let mut none = true;
    for summary in transactions {
        none = false;
        writeln!(out, "{}", report::history_line(&summary, context.style))?;
    }
    if none && !damaged.get() {
        out.write_all(NONE.as_bytes())?;
    }
    out.flush()
}

/// One document, its array written as the transactions are read.
fn list_json(transactions: impl Iterator<Item = Summary>) -> io::Result<()> {
    let mut out = Pieces::default();
    let mut document = report::document("history", json!({}));
    let mut json = serde_json::Serializer::pretty(&mut out);
    let mut fields = json.serialize_map(None)?;
    if let Some(head) = document.as_object_mut() {
        for (name, value) in std::mem::take(head) {
            fields.serialize_entry(&name, &value)?;
        }
    }
    fields.serialize_entry("transactions", &Sequence(RefCell::new(transactions)))?;
    fields.end()?;
    out.write_all(b"\n")?;
    out.flush()
}

/// An array whose items are made when they are written.
struct Sequence<I>(RefCell<I>);

impl<I: Iterator<Item = Summary>> Serialize for Sequence<I> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.borrow_mut().by_ref().map(|one| summary(&one)))
    }
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
