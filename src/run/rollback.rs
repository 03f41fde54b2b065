//! `tighten rollback`: undo a committed transaction by another one.

use serde_json::{Value, json};

use super::context::Context;
use super::settle::{self, Go};
use super::{look, print_json, prompt, told_change, told_failure, transact, undone};
use crate::cli::Format;
use crate::effects::{self, Component, Due, Part, Tell, To, Way};
use crate::failure::{Exit, Failure};
use crate::plan;
use crate::report;
use crate::root::NodePath;
use crate::transaction::{
    Action, Change, Interrupt, Operation, Rollback, Staged, StateDir, Uptime, newest_below, stays,
};

/// Undoes the newest committed transaction, or the named one.
pub fn rollback(context: &Context, id: Option<&str>, go: Go, force: bool) -> Result<Exit, Failure> {
    let mut told = Told::default();
    run(context, id, go, force, &mut told).or_else(|failure| {
        told_failure(context, "rollback", failure, |outcome, failure| {
            told.body(outcome, Some(failure))
        })
    })
}

/// How far a rollback came, for its document.
#[derive(Default)]
struct Told {
    transaction: Option<String>,
    of: Option<String>,
    changes: Vec<Change>,
    skipped: Vec<String>,
    effects: Vec<effects::Told>,
    files: Vec<Value>,
    /// What a dry run says of the effects.
    due: Vec<Value>,
}

fn run(
    context: &Context,
    id: Option<&str>,
    go: Go,
    force: bool,
    told: &mut Told,
) -> Result<Exit, Failure> {
    settle::ask_or_yes("rollback", go)?;
    // While somebody is asked, Ctrl-C is an answer.
    let early = (go == Go::Yes)
        .then(Interrupt::hold_to_the_end)
        .transpose()?;
    match go {
        Go::Not => look::warn_of_interrupted(context),
        Go::Ask | Go::Yes => settle::earlier(context)?,
    }
    let state = existing(context)?;
    let own = match id {
        None => of_manifests(context, &state)?,
        Some(_) => None,
    };
    let id = id.or(own.as_deref());
    let rollback = Rollback::plan(&state, &context.root, id, force)?;
    let of = rollback.of().as_str().to_string();
    told.of = Some(of.clone());
    told.changes = rollback.changes().to_vec();
    if context.format == Format::Json {
        told.files = undone::files(&context.root, rollback.operations());
    }
    told.skipped = rollback.skipped().iter().map(NodePath::to_string).collect();
    match context.format {
        // As in apply: who asked for quiet and is not asked sees only what needs attention.
        Format::Text if go == Go::Yes && context.quiet => {
            context.say(&exceptions(&rollback, context))
        }
        Format::Text => context.say(&preview(&rollback, context)),
        // Who is asked sees what for.
        Format::Json if go.asks() => context.tell_report(&preview(&rollback, context)),
        Format::Json => {}
    }
    if rollback.operations().is_empty() {
        match context.format {
            Format::Json => {
                print_json(&report::document(
                    "rollback",
                    told.body("nothing-to-do", None),
                ));
            }
            Format::Text => context.say("Nothing to do: every file is as it was before.\n"),
        }
        return Ok(Exit::Done);
    }
    if go == Go::Not {
        match context.format {
            Format::Json => {
                let due = due(context, &rollback);
                told.due = due.iter().map(planned).collect();
                told.due.extend(to_tell(&rollback).iter().map(planned_tell));
                print_json(&report::document("rollback", told.body("planned", None)));
            }
            Format::Text => context.say("Nothing was written (--dry-run).\n"),
        }
        return Ok(Exit::Done);
    }
    if go.asks() && !prompt::yes("Roll this back?")? {
        return Err(Failure::refused("declined").state("nothing was written"));
    }
    let interrupt = match early {
        Some(early) => early,
        None => Interrupt::hold_to_the_end()?,
    };
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
    let (due, tell) = (due(context, &again), to_tell(&again));
    let look = || context.facts();
    let work = effects::Work::prepare(
        &context.effects,
        &context.root,
        due,
        &look,
        context.progress(),
    )?
    .telling(&tell)?;
    let user = Context::user();
    let prepared = again.begin(&state, &context.root, &interrupt, user, work.noted())?;
    told.transaction = Some(prepared.id().to_string());
    let committed = prepared
        .then(Box::new(|| work.put_back()))
        .stage(&mut |_, _| Ok(()))
        .and_then(Staged::carry_out)
        .and_then(|done| done.verify(&mut || Ok(())))
        .and_then(|verified| match work.carry_out(&interrupt) {
            Ok(()) => verified.commit(),
            Err(failure) => Err(verified.put_back(failure)),
        });
    told.effects = work.told();
    let committed = committed?;
    let filled = &committed.filled;
    told.skipped.extend(filled.iter().map(NodePath::to_string));
    match context.format {
        Format::Json => print_json(&report::document("rollback", told.body("applied", None))),
        Format::Text => {
            let files = settle::files_are(committed.files.len() - filled.len());
            let mut text = format!(
                "Rolled back: transaction {of}; {files} as before. This is transaction {}.\n",
                committed.id
            );
            if !filled.is_empty() {
                text.push_str(&format!("Kept: {}.\n", stays(filled)));
            }
            text.push_str(&transact::told_effects(&told.effects));
            context.say(&report::printable(&text));
        }
    }
    Ok(Exit::Done)
}

/// The newest transaction of the manifests that are named; `None` where none are.
fn of_manifests(context: &Context, state: &StateDir) -> Result<Option<String>, Failure> {
    let named = &context.inputs.manifests;
    if named.is_empty() {
        return Ok(None);
    }
    let real = named.iter().filter_map(|path| context.root.open(path).ok());
    let mut paths: Vec<NodePath> = named.clone();
    paths.extend(real.map(|(real, _)| real));
    // A kustomization has files elsewhere as well.
    if let Ok(Some(objects)) = context.facts().map(|facts| facts.objects) {
        paths.extend(objects.files.into_iter().map(|file| file.seen.path));
    }
    match newest_below(state, &paths)? {
        Some(id) => Ok(Some(id.to_string())),
        None => Err(Failure::refused(
            "there is no committed transaction of these manifests alone to roll back",
        )
        .state("nothing was written")
        .help("tighten history lists what there is, and tighten rollback ID takes one of it back")),
    }
}

/// The restarts that the former contents call for.
fn due(context: &Context, rollback: &Rollback) -> Vec<Due> {
    let contents = |operation: &&Operation| !matches!(operation.action, Action::SetMeta { .. });
    let operations = rollback.operations().iter().filter(contents);
    let paths: Vec<&NodePath> = operations.map(|operation| &operation.path).collect();
    if paths.is_empty() {
        return Vec::new();
    }
    match context.facts() {
        Ok(facts) => effects::due(&facts, &paths),
        // The way back is open on a node that nobody understands any more.
        Err(_) => vec![Due {
            component: Component::KubeProxy,
            way: Way::ByHand("what runs here cannot be told now".into()),
            because: "files that it may read change".into(),
        }],
    }
}

/// What the kernel is to be told once the former files are back: what it had before, as far as the journal
/// knows and the machine was not started anew since.
fn to_tell(rollback: &Rollback) -> Vec<Tell> {
    let (states, began) = rollback.kernel();
    let same_boot = began.and_then(Uptime::in_this_boot).is_some();
    let tell = |part: Part| {
        let mut operations = rollback.operations().iter();
        let operation = operations.find(|operation| operation.path.as_str() == part.file())?;
        let state = states.iter().find(|state| state.part == part.name());
        let former = state.filter(|_| same_boot).map(|state| state.former);
        let to = match (part, &operation.action, former) {
            (_, Action::SetMeta { .. }, _) => return None,
            (Part::Table, Action::Remove, _) => To::Off,
            (_, _, Some(true)) => To::On,
            (_, _, Some(false)) => To::Off,
            (Part::Table, ..) => To::AsItIs,
            (Part::RouteLocalnet, ..) => return None,
        };
        Some(Tell { part, to })
    };
    Part::ALL.into_iter().filter_map(tell).collect()
}

/// The same as a dry run tells it.
fn planned_tell(tell: &Tell) -> Value {
    let (kind, target, because) = tell.told();
    transact::due_body(&plan::Effect {
        kind: kind.into(),
        target,
        because: because.into(),
    })
}

/// A restart as a dry run tells it.
fn planned(due: &Due) -> Value {
    transact::due_body(&plan::Effect {
        kind: due.kind().into(),
        target: due.target(),
        because: due.because.clone(),
    })
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
    text + &exceptions(rollback, context) + "\n"
}

/// The files that somebody changed since, which only --force takes back, and the directories that stay.
fn exceptions(rollback: &Rollback, context: &Context) -> String {
    let style = context.style;
    let mut text = String::new();
    for drift in rollback.drift() {
        text.push_str(&format!(
            "  {} {}  {}; it is overwritten, and backed up\n",
            style.bad("!"),
            report::printable(drift.path.as_str()),
            report::printable(&drift.differs)
        ));
    }
    if !rollback.filled().is_empty() {
        let stays = report::printable(&stays(rollback.filled()));
        text.push_str(&format!("  {} {stays}\n", style.warn("!")));
    }
    text
}

impl Told {
    fn body(&self, outcome: &str, failure: Option<&Failure>) -> Value {
        let outcome_of = |change: &Change| match outcome {
            // Gone already, or as it was before: nothing was done to it.
            "applied" if self.skipped.contains(&change.path) => "nothing-to-do",
            "applied" => "rolled-back",
            other => other,
        };
        let changes: Vec<Value> = self
            .changes
            .iter()
            .map(|change| {
                let outcome = outcome_of(change);
                told_change(
                    &change.id,
                    &change.check,
                    &change.path,
                    &change.action,
                    outcome,
                )
            })
            .collect();
        let effects = match outcome {
            "planned" => self.due.clone(),
            _ => transact::effects_body(&self.effects),
        };
        json!({
            "transaction": self.transaction,
            "rollback_of": self.of,
            "outcome": outcome,
            "changes": changes,
            "files": self.files,
            "effects": effects,
            "error": failure.map(report::error),
        })
    }
}
