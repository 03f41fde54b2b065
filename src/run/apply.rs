//! `tighten apply`: plan, show, ask, carry out as one transaction.

use std::path::Path;

use serde_json::{Value, json};

use super::context::Context;
use super::look::still_failing;
use super::prompt::{self, Answer};
use super::{print_json, settle};
use crate::check::Outcome;
use crate::cli::Format;
use crate::facts::{Facts, Role};
use crate::failure::{Exit, Failure};
use crate::plan::{self, Plan, Planned, Work};
use crate::proxyconfig;
use crate::report;
use crate::report::style::{err, out};
use crate::root::{FileKind, NodePath};
use crate::transaction::{
    Action, Change, Description, Expected, Interrupt, Operation, Transaction,
};

/// Applies a saved plan exactly, or plans now, shows, asks and applies.
pub fn apply(context: &mut Context, saved: Option<&Path>, yes: bool) -> Result<Exit, Failure> {
    match run(context, saved, yes) {
        Err(failure) if context.format == Format::Json && failure.exit != Exit::Usage => {
            err(&format!("{}\n", report::printable(&failure.to_string())));
            let body = body(outcome_word(&failure), None, None, Some(&failure));
            print_json(&report::document("apply", body));
            Ok(failure.exit)
        }
        other => other,
    }
}

fn run(context: &mut Context, saved: Option<&Path>, yes: bool) -> Result<Exit, Failure> {
    settle::ask_or_yes("apply", yes)?;
    let saved = saved.map(plan::load).transpose()?;
    if let Some(saved) = &saved {
        context.take_inputs(&saved.inputs)?;
    }
    settle::earlier(context)?;
    let facts = context.facts()?;
    let outcomes = context.outcomes(&facts);
    let mut planned = context.plan(&facts, &outcomes);
    if let Some(saved) = &saved {
        plan::compare(saved, &planned.plan)?;
    }
    // Who is asked sees what for; who asked for quiet does not need it twice.
    if context.format == Format::Text && !(yes && context.quiet) {
        out(&report::plan(
            &facts,
            &planned.plan,
            context.style,
            context.verbose,
            context.quiet,
        ));
    }
    if planned.plan.changes.is_empty() {
        if context.format == Format::Json {
            let body = body("nothing-to-do", None, Some(&planned.plan), None);
            print_json(&report::document("apply", body));
        }
        return Ok(Exit::Done);
    }
    if !yes {
        match prompt::ask(&planned.plan, context, saved.is_some())? {
            Answer::All => {}
            Answer::Leave => {
                return Err(Failure::refused("declined").state("nothing was written"));
            }
            Answer::Some(chosen) => {
                planned = only(context, &facts, &outcomes, &planned.plan, &chosen);
            }
        }
    }
    let id = carry_out(context, &facts, &planned)?;
    match context.format {
        Format::Json => {
            let body = body("applied", Some(&id), Some(&planned.plan), None);
            print_json(&report::document("apply", body));
        }
        Format::Text => out(&done(&id, &planned)),
    }
    Ok(Exit::Done)
}

/// One transaction, from the lock to the commit; its id.
fn carry_out(context: &Context, facts: &Facts, planned: &Planned) -> Result<String, Failure> {
    let interrupt = Interrupt::hold()?;
    let state = context.state()?.lock()?;
    settle::with(&state, context)?;
    let description = describe(&planned.plan, context, facts);
    let operations = planned.works.iter().map(operation).collect();
    let config = config_path(facts);
    let committed = Transaction::begin(&state, &context.root, &interrupt, description, operations)?
        .stage(&mut |path, bytes| staged(path, bytes, config.as_ref()))?
        .carry_out()?
        .verify(&mut || verified(context, &planned.plan))?
        .commit()?;
    Ok(committed.id.to_string())
}

/// The plan with only the chosen changes.
fn only(
    context: &Context,
    facts: &Facts,
    outcomes: &[Outcome],
    plan: &Plan,
    chosen: &[usize],
) -> Planned {
    let wanted: Vec<(&str, &NodePath)> = chosen
        .iter()
        .filter_map(|index| plan.changes.get(*index))
        .map(|change| (change.check.as_str(), &change.path))
        .collect();
    context.plan_some(facts, outcomes, &|check, path| {
        wanted.contains(&(check, path))
    })
}

fn operation(work: &Work) -> Operation {
    let expected = if work.before.exists {
        Expected {
            exists: true,
            kind: if work.directory {
                FileKind::Directory
            } else {
                FileKind::File
            },
            sha256: work.before.sha256.clone(),
            mode: work.before.mode_bits().unwrap_or_default(),
            uid: work.before.uid.unwrap_or_default(),
            gid: work.before.gid.unwrap_or_default(),
        }
    } else {
        Expected::absent()
    };
    let (mode, uid, gid) = (
        work.after.mode_bits().unwrap_or_default(),
        work.after.uid.unwrap_or_default(),
        work.after.gid.unwrap_or_default(),
    );
    let action = match (&work.bytes, work.before.exists) {
        (Some(content), true) => Action::Replace {
            content: content.clone(),
            mode,
            uid,
            gid,
        },
        (Some(content), false) => Action::Create {
            content: content.clone(),
            mode,
            uid,
            gid,
        },
        (None, _) => Action::SetMeta { mode, uid, gid },
    };
    Operation::new(work.path.clone(), expected, action)
}

fn describe(plan: &Plan, context: &Context, facts: &Facts) -> Description {
    let document = report::document("plan", report::plan_body(&context.root, facts, plan));
    Description {
        user: Context::user(),
        changes: plan
            .changes
            .iter()
            .map(|change| Change {
                id: change.id.clone(),
                check: change.check.clone(),
                path: change.path.to_string(),
                action: change.action.word().into(),
                risk: change.risk.to_string(),
                summary: change.summary.clone(),
            })
            .collect(),
        plan: Some(document.to_string().into_bytes()),
    }
}

fn config_path(facts: &Facts) -> Option<NodePath> {
    match facts.target(Role::ProxyConfig).map(|target| &target.seen) {
        Some(Ok(seen)) => Some(seen.path.clone()),
        _ => None,
    }
}

/// What lies on the disk beside the configuration must be one that kube-proxy accepts.
fn staged(path: &NodePath, bytes: &[u8], config: Option<&NodePath>) -> Result<(), String> {
    if config != Some(path) {
        return Ok(());
    }
    let reading = proxyconfig::read(bytes);
    match (&reading.error, reading.accepted) {
        (_, true) => Ok(()),
        (Some(problem), _) => Err(format!("kube-proxy would refuse it: {}", problem.message)),
        (None, _) => Err("kube-proxy would refuse it".into()),
    }
}

/// A fresh scan of the checks whose changes were carried out.
fn verified(context: &Context, plan: &Plan) -> Result<(), String> {
    let checks: Vec<&str> = plan
        .changes
        .iter()
        .map(|change| change.check.as_str())
        .collect();
    let paths: Vec<&str> = plan
        .changes
        .iter()
        .map(|change| change.path.as_str())
        .collect();
    still_failing(context, &checks, &paths)
}

fn done(id: &str, planned: &Planned) -> String {
    let count = planned.plan.changes.len();
    let word = if count == 1 { "change" } else { "changes" };
    let mut text = format!(
        "Applied: {count} {word} in transaction {id}. Take it back with: tighten rollback\n"
    );
    for effect in &planned.plan.effects {
        text.push_str(&format!(
            "Left to you: {} {}, because {}.\n",
            effect.kind, effect.target, effect.because
        ));
    }
    report::printable(&text)
}

/// The word of `outcome` for a failure.
pub fn outcome_word(failure: &Failure) -> &'static str {
    match failure.exit {
        Exit::PutBack => "rolled-back",
        Exit::Incomplete => "incomplete",
        _ => "refused",
    }
}

fn body(outcome: &str, id: Option<&str>, plan: Option<&Plan>, failure: Option<&Failure>) -> Value {
    let changes: Vec<Value> = plan
        .map(|plan| &plan.changes)
        .into_iter()
        .flatten()
        .map(|change| {
            json!({
                "id": change.id,
                "check": change.check,
                "path": change.path,
                "action": change.action,
                "outcome": outcome,
            })
        })
        .collect();
    let effects: Vec<Value> = plan
        .map(|plan| &plan.effects)
        .into_iter()
        .flatten()
        .map(|effect| {
            json!({
                "kind": effect.kind,
                "target": effect.target,
                "outcome": "left-to-you",
                "detail": effect.because,
            })
        })
        .collect();
    json!({
        "transaction": id,
        "outcome": outcome,
        "changes": changes,
        "effects": effects,
        "error": failure.map(report::error),
    })
}
