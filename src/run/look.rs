//! The commands that only look, beside the scan: plan, verify, explain.

use std::path::Path;

use serde_json::json;

use super::context::Context;
use super::{malformed, manifests, print_json};
use crate::check::Outcome;
use crate::cli::Format;
use crate::facts::Facts;
use crate::failure::{Exit, Failure};
use crate::plan;
use crate::report;
use crate::root::NodePath;
use crate::transaction::{State, Summary, history, left_as};

/// `tighten plan`
pub fn plan(context: &Context, save_to: Option<&Path>, detailed: bool) -> Result<Exit, Failure> {
    warn_of_interrupted(context);
    let facts = context.facts()?;
    let outcomes = context.outcomes(&facts);
    if let Err(failure) = malformed::refuse(&facts, &outcomes) {
        return no_plan(context, &facts, &outcomes, failure);
    }
    let planned = context.plan(&facts, &outcomes);
    let document = || {
        let body = report::plan_body(&context.root, &facts, &planned.plan);
        report::document("plan", body)
    };
    let lasting = manifests::lasting(&context.inputs.manifests);
    if let Some(path) = save_to {
        lasting.clone()?;
        plan::save(path, &document())?;
    }
    match context.format {
        Format::Json => print_json(&context.hinted_document(document())),
        Format::Text => {
            let mut text = report::plan(
                &facts,
                &planned.plan,
                context.style,
                context.verbose,
                context.quiet,
            );
            if !planned.plan.changes.is_empty() && lasting.is_ok() {
                text.truncate(text.trim_end().len());
                text.push_str(" Apply with: tighten apply\n");
            }
            context.say(&text);
            if let Some(path) = save_to {
                let shown = path.display();
                context.say(&format!(
                    "Saved to {shown}. Apply exactly this with: tighten apply {shown}\n"
                ));
            }
        }
    }
    let pending = detailed && !planned.plan.changes.is_empty();
    Ok(if pending { Exit::Findings } else { Exit::Done })
}

/// The document of a plan that is refused: no change, all that is left to a person, and why.
fn no_plan(
    context: &Context,
    facts: &Facts,
    outcomes: &[Outcome],
    failure: Failure,
) -> Result<Exit, Failure> {
    if context.format == Format::Text {
        return Err(failure);
    }
    let failure = context.hinted(failure);
    context.tell(&format!("{failure}\n"));
    let empty = context
        .planner(facts, outcomes)
        .plan(context.inputs.clone(), &|_| false);
    let mut body = report::plan_body(&context.root, facts, &empty.plan);
    if let Some(fields) = body.as_object_mut() {
        fields.insert("error".into(), report::error(&failure));
    }
    print_json(&report::document("plan", body));
    Ok(failure.exit)
}

/// `tighten verify`
pub fn verify(context: &Context) -> Result<Exit, Failure> {
    let facts = context.facts()?;
    let outcomes = context.outcomes(&facts);
    malformed::refuse(&facts, &outcomes)?;
    let plan = context.plan(&facts, &outcomes).plan;
    let pending = plan.changes;
    let state = context.existing_state()?;
    let left = match &state {
        Some(state) => left_as(state, &context.root)?,
        None => None,
    };
    let interrupted = state.as_ref().map(unsettled).transpose()?.flatten();
    let (id, drift) = left.map_or((None, Vec::new()), |(id, drift)| (Some(id), drift));
    let as_left = pending.is_empty() && drift.is_empty() && interrupted.is_none();
    match context.format {
        Format::Json => {
            let pending: Vec<_> = pending
                .iter()
                .map(|change| json!({"check": change.check, "path": change.path, "summary": change.summary}))
                .collect();
            let drift: Vec<_> = drift
                .iter()
                .map(|drift| json!({"path": drift.path, "differs": drift.differs}))
                .collect();
            print_json(&report::document(
                "verify",
                json!({
                    "node": report::node(&context.root, Some(&facts)),
                    "as_left": as_left,
                    "transaction": id.as_ref().map(|id| id.as_str()),
                    "unsettled": interrupted,
                    "pending": pending,
                    "drift": drift,
                    "waived": plan.waived,
                    "warnings": plan.warnings,
                }),
            ));
        }
        Format::Text => {
            let mut text = String::new();
            for change in &pending {
                text.push_str(&format!(
                    "  pending  {}  {} ({})\n",
                    change.path, change.summary, change.check
                ));
            }
            for drift in &drift {
                text.push_str(&format!("  drift    {}  {}\n", drift.path, drift.differs));
            }
            if let Some(id) = &interrupted {
                text.push_str(&format!(
                    "  unsettled  transaction {id}; settle it with: tighten recover\n"
                ));
            }
            for waived in plan.waived.iter().filter(|_| !context.quiet) {
                let path = waived.path.as_ref().map_or("", NodePath::as_str);
                let why = report::grounds(&waived.waiver);
                text.push_str(&format!("  waived   {path}  {}, {why}\n", waived.check));
            }
            for warning in &plan.warnings {
                text.push_str(&format!("  warning  {warning}\n"));
            }
            text.push_str(if as_left {
                "Verify: nothing to do, and every file is as it was left.\n"
            } else {
                "Verify: the node is not as it should be.\n"
            });
            context.say(&report::printable(&text));
        }
    }
    Ok(if as_left { Exit::Done } else { Exit::Findings })
}

/// A transaction that recovery has still to settle.
fn unsettled(state: &crate::transaction::StateDir) -> Result<Option<String>, Failure> {
    // One that ended with files kept on the operator's word is incomplete, and settled.
    let open = |newest: &Summary| {
        let done = matches!(newest.state, State::Committed | State::RolledBack);
        !done && newest.finished_at.is_none()
    };
    let newest = history(state)?.next().transpose()?;
    Ok(newest.filter(open).map(|newest| newest.id.to_string()))
}

/// A look at a node in the middle of a transaction says so.
pub fn warn_of_interrupted(context: &Context) {
    let Ok(Some(state)) = context.existing_state() else {
        return;
    };
    match unsettled(&state) {
        Ok(None) => {}
        Ok(Some(id)) => context.tell(&format!(
            "warning: transaction {id} is not settled, so files may be half changed\nhelp: tighten recover\n"
        )),
        // What is to be done about it, the commands that change something say.
        Err(failure) => context.tell(&format!(
            "warning: {}, so files may be half changed\nhelp: tighten recover\n",
            failure.message
        )),
    }
}
