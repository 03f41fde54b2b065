//! `tighten apply`: plan, show, ask, carry out as one transaction.

use std::path::Path;

use serde_json::{Value, json};

use super::context::Context;
use super::prompt::{self, Answer};
use super::settle::{self, Go};
use super::{look, malformed, manifests, print_json, told_change, told_failure, transact};
use crate::check::Outcome;
use crate::cli::Format;
use crate::effects;
use crate::facts::Facts;
use crate::failure::{Exit, Failure};
use crate::kinds::Verdict;
use crate::plan::{self, Pick, Plan, Planned, Planner};
use crate::report;
use crate::root::NodePath;
use crate::transaction::{Interrupt, Staged, Transaction};

/// Applies a saved plan exactly, or plans now, shows, asks and applies.
pub fn apply(context: &mut Context, saved: Option<&Path>, go: Go) -> Result<Exit, Failure> {
    let mut told = Told::default();
    run(context, saved, go, &mut told).or_else(|failure| {
        told_failure(context, "apply", failure, |outcome, failure| {
            told.body(outcome, Some(failure))
        })
    })
}

/// How far an apply came, for its document.
#[derive(Default)]
struct Told {
    transaction: Option<String>,
    changes: Vec<plan::Change>,
    effects: Vec<effects::Told>,
    /// What the plan says beside its changes.
    due: Vec<plan::Effect>,
    manual: Vec<plan::Manual>,
    waived: Vec<plan::Waived>,
    warnings: Vec<String>,
}

fn run(
    context: &mut Context,
    saved: Option<&Path>,
    go: Go,
    told: &mut Told,
) -> Result<Exit, Failure> {
    settle::ask_or_yes("apply", go)?;
    // While somebody is asked, Ctrl-C is an answer.
    let early = (go == Go::Yes)
        .then(Interrupt::hold_to_the_end)
        .transpose()?;
    let saved = saved.map(plan::load).transpose()?;
    if let Some(saved) = &saved {
        context.take_inputs(&saved.inputs)?;
    }
    manifests::lasting(&context.inputs.manifests)?;
    match go {
        Go::Not => look::warn_of_interrupted(context),
        Go::Ask | Go::Yes => settle::earlier(context)?,
    }
    let facts = context.facts()?;
    let outcomes = context.outcomes(&facts);
    let planner = context.planner(&facts, &outcomes);
    let mut planned = planner.plan(context.inputs.clone(), &|_| true);
    if let Some(saved) = &saved {
        plan::compare(saved, &planned.plan)?;
    }
    malformed::refuse(&facts, &outcomes)?;
    told.take(&planned.plan);
    show(context, &facts, &planned.plan, go);
    if planned.plan.changes.is_empty() {
        without_root(&planned.plan, context)?;
        if context.format == Format::Json {
            print_json(&report::document("apply", told.body("nothing-to-do", None)));
        }
        return Ok(Exit::Done);
    }
    if let Some(obstacle) = planned.plan.obstacles.first() {
        let failure = Failure::refused(&obstacle.reason).state("nothing was written");
        return Err(match &obstacle.help {
            Some(help) => failure.help(help),
            None => failure,
        });
    }
    if go == Go::Not {
        told.changes.clone_from(&planned.plan.changes);
        match context.format {
            Format::Json => print_json(&report::document("apply", told.body("planned", None))),
            Format::Text => context.say("Nothing was written (--dry-run).\n"),
        }
        return Ok(Exit::Done);
    }
    if go.asks() {
        match prompt::ask(&planned.plan, context, saved.is_some())? {
            Answer::All => {}
            Answer::Leave => {
                return Err(Failure::refused("declined").state("nothing was written"));
            }
            Answer::Some(chosen) => {
                let part = only(context, &planner, &planned.plan, &chosen);
                if part.plan.changes.len() < chosen.len() {
                    return Err(unmet(&planned.plan, &part.plan));
                }
                planned = part;
            }
        }
    }
    told.take(&planned.plan);
    told.changes.clone_from(&planned.plan.changes);
    let unknown = unknown(&outcomes);
    let interrupt = match early {
        Some(early) => early,
        None => Interrupt::hold_to_the_end()?,
    };
    let id = carry_out(context, &interrupt, &facts, &unknown, &planned, told)?;
    match context.format {
        Format::Json => print_json(&report::document("apply", told.body("applied", None))),
        Format::Text => context.say(&done(&id, &planned, &told.effects)),
    }
    Ok(Exit::Done)
}

/// Nothing is left to do only because this is not root, which is no node on which there is nothing to do. In
/// a tree of one's own only the owners need root, and everything else is done.
fn without_root(plan: &Plan, context: &Context) -> Result<(), Failure> {
    let top = context.root.open(&NodePath::root());
    let user = nix::unistd::geteuid().as_raw();
    if top.is_ok_and(|(_, opened)| opened.meta.uid == user) {
        return Ok(());
    }
    let reasons = plan.manual.iter().map(|left| &left.reason);
    match reasons.filter(|why| why.contains(plan::NEEDS_ROOT)).count() {
        0 => Ok(()),
        number => Err(Failure::refused(format!(
            "this is not root, and nothing of the plan can be done without: {number} of the findings need it"
        ))
        .state("nothing was written")
        .help("run it as root: sudo tighten apply")),
    }
}

/// Who is asked sees what for, on stderr where stdout belongs to JSON; who asked for quiet and does not
/// want to be asked sees nothing but the warnings.
fn show(context: &Context, facts: &Facts, plan: &Plan, go: Go) {
    if !go.asks() && (context.quiet || context.format == Format::Json) {
        for warning in &plan.warnings {
            context.tell(&format!("warning: {warning}\n"));
        }
        return;
    }
    let (style, verbose, quiet) = (context.style, context.verbose, context.quiet);
    let text = report::plan(facts, plan, style, verbose, quiet);
    match context.format {
        Format::Json => context.tell_report(&text),
        Format::Text => context.say(&text),
    }
}

/// One transaction, from the lock to the commit; its id.
fn carry_out(
    context: &Context,
    interrupt: &Interrupt,
    facts: &Facts,
    unknown: &[Unknown],
    planned: &Planned,
    told: &mut Told,
) -> Result<String, Failure> {
    let state = context.state()?.lock()?;
    if let Some(kind) = state.network() {
        let place = format!("the state directory {}", state.path().display());
        context.tell(&format!("warning: {}\n", plan::unpromised(&place, kind)));
    }
    settle::with(&state, context)?;
    let due = planned.plan.due(facts);
    let look = || context.facts();
    let work = effects::Work::prepare(
        &context.effects,
        &context.root,
        due,
        &look,
        context.progress(),
    )?
    .telling(&effects::to_tell(&planned.plan.rewritten()))?;
    let config = transact::config_path(facts);
    told.effects.extend(transact::preflight(
        context,
        facts,
        &planned.works,
        state.path(),
    )?);
    let judged = transact::judge_table(context, &planned.works, state.path())?;
    told.effects.extend(judged);
    let mut description = transact::describe(&planned.plan, context, facts);
    (description.restarts, description.kernel) = work.noted();
    let operations = planned.works.iter().map(transact::operation).collect();
    let prepared = Transaction::begin(&state, &context.root, interrupt, description, operations)?;
    told.transaction = Some(prepared.id().to_string());
    let committed = prepared
        .then(Box::new(|| work.put_back()))
        .stage(&mut |path, bytes| transact::staged(path, bytes, config.as_ref()))
        .and_then(Staged::carry_out)
        .and_then(|done| done.verify(&mut || verified(context, &planned.plan, unknown)))
        // Committed only once what runs is well with the new files.
        .and_then(|verified| match work.carry_out(interrupt) {
            Ok(()) => verified.commit(),
            Err(failure) => Err(verified.put_back(failure)),
        });
    told.effects.extend(work.told());
    Ok(committed?.id.to_string())
}

/// The plan with only the chosen changes, from what was looked at before the question.
fn only(context: &Context, planner: &Planner, plan: &Plan, chosen: &[usize]) -> Planned {
    let wanted: Vec<Pick> = chosen
        .iter()
        .filter_map(|index| plan.changes.get(*index))
        .map(plan::Change::pick)
        .collect();
    planner.plan(context.inputs.clone(), &|pick| wanted.contains(&pick))
}

/// One of the picked changes needs another one that was not picked.
fn unmet(all: &Plan, part: &Plan) -> Failure {
    let new = part.manual.iter().find(|left| !all.manual.contains(left));
    let why = new.map_or("a change of its file was not picked", |left| &left.reason);
    Failure::refused(format!("what was picked cannot be done alone: {why}"))
        .state("nothing was written")
        .help("run tighten apply again, and pick what it needs, too")
}

/// What could not be judged, and why.
struct Unknown {
    check: String,
    path: Option<NodePath>,
    reason: String,
}

fn unknown(outcomes: &[Outcome]) -> Vec<Unknown> {
    let mut found = Vec::new();
    for outcome in outcomes {
        for instance in &outcome.instances {
            if instance.verdict == Verdict::Unknown {
                found.push(Unknown {
                    check: outcome.check.id.clone(),
                    path: instance.path.clone(),
                    reason: instance.reason.clone().unwrap_or_default(),
                });
            }
        }
    }
    found
}

/// A fresh scan of the checks whose changes were carried out: none of the changes may be due again, and
/// nothing that could be judged may have become unknown.
fn verified(context: &Context, plan: &Plan, unknown_before: &[Unknown]) -> Result<(), String> {
    let facts = context.facts().map_err(|failure| failure.message)?;
    let outcomes = context.outcomes(&facts);
    let changed = |id: &str| plan.changes.iter().any(|change| change.check == id);
    for now in unknown(&outcomes) {
        let was = |before: &Unknown| before.check == now.check && before.path == now.path;
        if changed(&now.check) && !unknown_before.iter().any(was) {
            let path = now.path.map_or(String::new(), |path| format!("{path}: "));
            let (check, reason) = (now.check, now.reason);
            return Err(format!("{path}{check} cannot be judged any more: {reason}"));
        }
    }
    let due = context.plan(&facts, &outcomes).plan.changes;
    let same = |one: &&plan::Change| {
        let pick = one.pick();
        plan.changes.iter().any(|change| change.pick() == pick)
    };
    match due.iter().find(same) {
        Some(change) => Err(format!("{}: {} still fails", change.path, change.check)),
        None => Ok(()),
    }
}

fn done(id: &str, planned: &Planned, effects: &[effects::Told]) -> String {
    let count = planned.plan.changes.len();
    let word = if count == 1 { "change" } else { "changes" };
    let mut text = format!(
        "Applied: {count} {word} in transaction {id}. Take it back with: tighten rollback\n"
    );
    text.push_str(&transact::told_effects(effects));
    report::printable(&text)
}

impl Told {
    fn take(&mut self, plan: &Plan) {
        self.due.clone_from(&plan.effects);
        self.manual.clone_from(&plan.manual);
        self.waived.clone_from(&plan.waived);
        self.warnings.clone_from(&plan.warnings);
    }

    fn body(&self, outcome: &str, failure: Option<&Failure>) -> Value {
        let changes: Vec<Value> = self
            .changes
            .iter()
            .map(|change| told(change, outcome))
            .collect();
        let effects = match outcome {
            "planned" => self.due.iter().map(transact::due_body).collect(),
            _ => transact::effects_body(&self.effects),
        };
        json!({
            "transaction": self.transaction,
            "outcome": outcome,
            "changes": changes,
            "effects": effects,
            "manual": self.manual,
            "waived": self.waived,
            "warnings": self.warnings,
            "error": failure.map(report::error),
        })
    }
}

/// A change with what was planned of it, so that the document shows what was done without another plan.
fn told(change: &plan::Change, outcome: &str) -> Value {
    let action = change.action.word();
    let path = change.path.as_str();
    let mut told = told_change(&change.id, &change.check, path, action, outcome);
    if let Some(fields) = told.as_object_mut() {
        fields.insert("risk".into(), json!(change.risk));
        fields.insert("severity".into(), json!(change.severity));
        fields.insert("summary".into(), json!(change.summary));
        fields.insert("before".into(), json!(change.before));
        fields.insert("after".into(), json!(change.after));
        fields.insert("diff".into(), json!(change.diff));
    }
    told
}
