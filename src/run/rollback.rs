//! `tighten rollback`: undo a committed transaction by another one.

use serde_json::{Value, json};

use super::apply::outcome_word;
use super::context::Context;
use super::{print_json, prompt, settle};
use crate::cli::Format;
use crate::failure::{Exit, Failure};
use crate::report;
use crate::report::style::{err, out};
use crate::transaction::{Change, Interrupt, Rollback, StateDir};

/// Undoes the newest committed transaction, or the named one.
pub fn rollback(
    context: &Context,
    id: Option<&str>,
    yes: bool,
    force: bool,
) -> Result<Exit, Failure> {
    match run(context, id, yes, force) {
        Err(failure) if context.format == Format::Json && failure.exit != Exit::Usage => {
            err(&format!("{}\n", report::printable(&failure.to_string())));
            let body = body(outcome_word(&failure), None, &[], Some(&failure));
            print_json(&report::document("rollback", body));
            Ok(failure.exit)
        }
        other => other,
    }
}

fn run(context: &Context, id: Option<&str>, yes: bool, force: bool) -> Result<Exit, Failure> {
    settle::ask_or_yes("rollback", yes)?;
    settle::earlier(context)?;
    let state = existing(context)?;
    let rollback = Rollback::plan(&state, &context.root, id, force)?;
    let of = rollback.of().as_str().to_string();
    if context.format == Format::Text {
        out(&preview(&rollback, context));
    }
    if !yes && !prompt::yes("Roll this back?")? {
        return Err(Failure::refused("declined").state("nothing was written"));
    }
    let interrupt = Interrupt::hold()?;
    let state = existing(context)?.lock()?;
    settle::with(&state, context)?;
    // Looked at again under the lock: what was shown must still be what is done.
    let again = Rollback::plan(&state, &context.root, Some(&of), force)?;
    if again.changes() != rollback.changes() || again.drift() != rollback.drift() {
        return Err(
            Failure::refused("files changed while the question was open")
                .state("nothing was written")
                .help("run tighten rollback again"),
        );
    }
    let changes = again.changes().to_vec();
    let committed = again
        .begin(&state, &context.root, &interrupt, Context::user())?
        .stage(&mut |_, _| Ok(()))?
        .carry_out()?
        .verify(&mut || Ok(()))?
        .commit()?;
    drop(interrupt);
    let new = committed.id.to_string();
    match context.format {
        Format::Json => print_json(&report::document(
            "rollback",
            body("applied", Some((&new, &of)), &changes, None),
        )),
        Format::Text => {
            let files = committed.files.len();
            let word = if files == 1 { "file is" } else { "files are" };
            let mut text = format!(
                "Rolled back: transaction {of}; {files} {word} as before. This is transaction {new}.\n"
            );
            if edits(&changes) {
                text.push_str(&format!(
                    "Left to you: restart kube-proxy, because {RESTART_BECAUSE}.\n"
                ));
            }
            out(&report::printable(&text));
        }
    }
    Ok(Exit::Done)
}

/// kube-proxy reads its files once, when it starts.
const RESTART_BECAUSE: &str = "its configuration changes";

fn edits(changes: &[Change]) -> bool {
    changes.iter().any(|change| change.action == "edit")
}

fn existing(context: &Context) -> Result<StateDir, Failure> {
    context.existing_state()?.ok_or_else(|| {
        Failure::refused("there is no committed transaction to roll back")
            .state("nothing was written")
            .help("tighten history lists what there is")
    })
}

fn preview(rollback: &Rollback, context: &Context) -> String {
    let style = context.style;
    let mut text = format!("Rolling back {}\n\n", style.bold(rollback.of().as_str()));
    for change in rollback.changes() {
        text.push_str(&format!(
            "  {} {}  {}  {}\n",
            style.warn("~"),
            report::printable(&change.path),
            report::printable(&change.summary),
            change.check
        ));
    }
    for drift in rollback.drift() {
        text.push_str(&format!(
            "  {} {}  {}; it is overwritten, and backed up\n",
            style.bad("!"),
            report::printable(drift.path.as_str()),
            report::printable(&drift.differs)
        ));
    }
    text.push('\n');
    text
}

fn body(
    outcome: &str,
    ids: Option<(&str, &str)>,
    changed: &[Change],
    failure: Option<&Failure>,
) -> Value {
    let changes: Vec<Value> = changed
        .iter()
        .map(|change| {
            json!({
                "id": change.id,
                "check": change.check,
                "path": change.path,
                "action": change.action,
                "outcome": if outcome == "applied" { "rolled-back" } else { outcome },
            })
        })
        .collect();
    let effects = if outcome == "applied" && edits(changed) {
        vec![json!({
            "kind": "restart",
            "target": "kube-proxy",
            "outcome": "left-to-you",
            "detail": RESTART_BECAUSE,
        })]
    } else {
        Vec::new()
    };
    json!({
        "transaction": ids.map(|(new, _)| new),
        "rollback_of": ids.map(|(_, of)| of),
        "outcome": outcome,
        "changes": changes,
        "effects": effects,
        "error": failure.map(report::error),
    })
}
