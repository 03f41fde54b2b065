//! `tighten prune`: remove old transactions, after settling one that was interrupted as every command
//! does that changes something; else the node is neither read nor changed.

use serde_json::{Value, json};

use super::context::Context;
use super::{print_json, settle};
use crate::cli::Format;
use crate::failure::{Exit, Failure};
use crate::report;
use crate::transaction::{Interrupt, Pruned, Why, prune as remove_old};

/// Removes all but the newest.
pub fn prune(context: &Context, keep: usize) -> Result<Exit, Failure> {
    let mut pruned = Pruned::default();
    let ended = run(context, keep, &mut pruned);
    for (_, why) in &pruned.beyond {
        if let Why::Unusable(failure) | Why::ForeignDirectory(failure) = why {
            let failure = context.hinted(failure.clone());
            context.tell(&settle::warning(&failure));
        }
    }
    if context.format == Format::Json {
        let (exit, failure) = match ended {
            Ok(exit) => (exit, None),
            Err(failure) => (failure.exit, Some(context.hinted(failure))),
        };
        if let Some(failure) = &failure {
            context.tell(&format!("{failure}\n"));
        }
        print_json(&report::document("prune", body(&pruned, failure.as_ref())));
        return Ok(exit);
    }
    match ended {
        Ok(exit) => {
            context.say(&report::pruned(&pruned, keep, context.style));
            Ok(exit)
        }
        Err(failure) => {
            if !pruned.removed.is_empty() {
                context.say(&report::removed(&pruned));
            }
            Err(failure)
        }
    }
}

fn run(context: &Context, keep: usize, pruned: &mut Pruned) -> Result<Exit, Failure> {
    let Some(state) = context.existing_state()? else {
        return Ok(Exit::Done);
    };
    let interrupt = Interrupt::hold_to_the_end()?;
    let state = state.lock()?;
    let left = settle::with(&state, context)?;
    settle::tell_left(&left, context);
    remove_old(&state, &interrupt, keep, pruned)?;
    Ok(if left.is_empty() {
        Exit::Done
    } else {
        Exit::Refused
    })
}

fn body(pruned: &Pruned, failure: Option<&Failure>) -> Value {
    let not_removed: Vec<Value> = pruned
        .beyond
        .iter()
        .map(|(id, why)| {
            json!({
                "id": id.as_str(),
                "reason": reason(why),
                "detail": report::why_kept(why),
            })
        })
        .collect();
    json!({
        "removed": pruned.removed.iter().map(|id| id.as_str()).collect::<Vec<_>>(),
        // Not known when it did not come to its end.
        "kept": failure.is_none().then_some(pruned.kept),
        "not_removed": not_removed,
        "error": failure.map(report::error),
    })
}

fn reason(why: &Why) -> &'static str {
    match why {
        Why::NewestCommitted => "newest-committed",
        Why::Unsettled => "unsettled",
        Why::Incomplete => "incomplete",
        Why::Unusable(_) => "unusable",
        Why::ForeignDirectory(_) => "foreign-directory",
    }
}
