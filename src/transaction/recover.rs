//! Settles what an earlier process left, by its journal's last valid record.

use crate::failure::{Exit, Failure};
use crate::root::{LookError, NodePath, Root};

use super::begin::{KernelState, Restart};
use super::form::{differences, look};
use super::id::TransactionId;
use super::journal::{Journal, Unusable};
use super::listing::Survey;
use super::prune::{self, Swept};
use super::state_dir::Locked;
use super::step::Step;
use super::story::{self, Reached, Story};
use super::undo::{Resolution, Undoing, put_back};
use super::uptime::Uptime;

/// What recovery did, one entry per transaction that it settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Empty when there was nothing to do.
    pub settled: Vec<(TransactionId, Settlement)>,
    /// What became of the transactions that a prune had taken out of the history and not yet
    /// removed.
    pub swept: Swept,
}

/// How a transaction was settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It had not touched the node; its traces were taken away.
    Discarded,
    /// All its files are as before, except those that were kept on the operator's word.
    PutBack {
        /// The files that it had set out to change.
        files: Vec<NodePath>,
        /// Those that were left as they are.
        kept: Vec<NodePath>,
        /// What was started anew and came back, in words.
        came_back: Option<String>,
        /// Directories among them that stay, since somebody put something into them.
        filled: Vec<NodePath>,
    },
    /// It had committed: its changes stay.
    Kept,
    /// It had put everything back itself.
    AlreadyPutBack,
}

/// An interrupted transaction whose files are as before again.
#[derive(Clone, Debug)]
pub struct Began {
    /// When it began; `None` when that is not known.
    pub at: Option<Uptime>,
    /// What it may have started anew with the new files.
    pub restarts: Vec<Restart>,
    /// What the kernel had before, of which it may have been told otherwise.
    pub kernel: Vec<KernelState>,
}

/// What must follow when an interrupted transaction was put back; see [`super::Aftermath`].
pub type Follow<'f> = dyn FnMut(&Began) -> Result<Option<String>, Failure> + 'f;

/// Settles an interrupted transaction, if there is one. Can be repeated and interrupted itself.
///
/// # Errors
/// Exit 4 when files could not be put back, each listed with its backup; exit 1 when the journal
/// cannot be trusted or speaks of another tree, in which case nothing is changed.
pub fn recover(
    state: &Locked,
    root: &Root,
    resolution: Resolution,
    follow: &mut Follow<'_>,
) -> Result<Recovered, Failure> {
    let mut recovered = Recovered::default();
    let active = state.active()?;
    let Survey { newest, pruned } = state.survey()?;
    let is_active = active.is_some();
    let named = active.flatten();
    if let Some(id) = &named
        && newest.as_ref() != Some(id)
    {
        settle(state, root, id, true, resolution, follow, &mut recovered)?;
    }
    if let Some(id) = &newest {
        // An `active` that names nothing was cut off while it was written, by the newest one.
        let open = is_active && named.as_ref().is_none_or(|named| named == id);
        settle(state, root, id, open, resolution, follow, &mut recovered)?;
    }
    if is_active {
        state.clear_active().map_err(|error| {
            let path = state.path().join("active");
            let refused =
                Failure::refused(format!("{}: cannot be removed: {error}", path.display()))
                    .help("mend the file system of the state directory, then: tighten recover");
            let put_back = recovered
                .settled
                .iter()
                .any(|(_, settlement)| matches!(settlement, Settlement::PutBack { .. }));
            if put_back {
                refused
                    .exit(Exit::Incomplete)
                    .state("every file is as before; only this note of it is left")
            } else {
                refused
            }
        })?;
    }
    if pruned {
        recovered.swept = prune::sweep(state);
    }
    Ok(recovered)
}

fn settle(
    state: &Locked,
    root: &Root,
    id: &TransactionId,
    open: bool,
    resolution: Resolution,
    follow: &mut Follow<'_>,
    recovered: &mut Recovered,
) -> Result<(), Failure> {
    let directory = state.transaction(id)?;
    let exists = directory.is_some();
    let story = match directory {
        Some(directory) => story::read_in(directory, id),
        None => Err(Unusable::Empty),
    };
    let story = match story {
        Ok(story) => story,
        Err(Unusable::Empty) if !(open && exists) => return discard(state, id, recovered),
        Err(why) => {
            let failure = story::unusable(state, id, &why);
            return Err(if open {
                failure.exit(Exit::Incomplete)
            } else {
                failure
            });
        }
    };
    let settlement = match &story.reached {
        // `active` is written after the whole of this was durable: it was there, and is lost.
        Reached::Begun if open => {
            let missing = end_is_missing(state, id, story.steps.len() + 2);
            return Err(missing.exit(Exit::Incomplete));
        }
        Reached::Begun => {
            // A file that is as an intent leaves it: this was no beginning, its end was taken away.
            if looks(root, &story.steps).1 {
                return Err(end_is_missing(state, id, story.steps.len() + 2));
            }
            return discard(state, id, recovered);
        }
        Reached::Committed if open => {
            make_durable(state, id)?;
            Settlement::Kept
        }
        Reached::RolledBack(_) if open => {
            make_durable(state, id)?;
            Settlement::AlreadyPutBack
        }
        Reached::Committed | Reached::RolledBack(_) => return Ok(()),
        Reached::Prepared | Reached::Conflict => {
            if !story.is_of(root)? && resolution != Resolution::Force {
                return Err(story.other_root());
            }
            if !open {
                return never_active(state, root, id, &story, recovered);
            }
            undo(state, root, id, &story, resolution, follow)?
        }
    };
    recovered.settled.push((id.clone(), settlement));
    Ok(())
}

/// An earlier process wrote the last record and perhaps never flushed it, or failed to: a power cut
/// could take back what recovery is about to report, and `active` with it.
fn make_durable(state: &Locked, id: &TransactionId) -> Result<(), Failure> {
    let directory = state.open_transaction(id)?;
    let again = Journal::reopen(&directory).and_then(|mut journal| journal.write_again());
    again.map_err(|error| {
        let path = state.path_of(id);
        Failure::refused(format!(
            "{}: its journal cannot be made durable: {error}",
            path.display()
        ))
        .exit(Exit::Incomplete)
        .state("the last record of the transaction is in doubt; no file was changed")
        .help("mend the file system of the state directory, then: tighten recover")
    })
}

fn undo(
    state: &Locked,
    root: &Root,
    id: &TransactionId,
    story: &Story,
    resolution: Resolution,
    follow: &mut Follow<'_>,
) -> Result<Settlement, Failure> {
    let steps = &story.steps;
    let directory = state.open_transaction(id)?;
    let mut journal = Journal::reopen(&directory).map_err(|error| {
        let path = state.path_of(id);
        Failure::refused(format!(
            "{}: its journal cannot be opened: {error}",
            path.display()
        ))
        .exit(Exit::Incomplete)
        .help("mend the file system of the state directory, then: tighten recover")
    })?;
    let began = Began {
        at: story.begin.uptime.clone(),
        restarts: story.begin.restarts.iter().map(Restart::from).collect(),
        kernel: story.begin.kernel.iter().map(KernelState::from).collect(),
    };
    let undone = put_back(
        state,
        root,
        id,
        &directory,
        &mut journal,
        Undoing {
            steps,
            attempted: steps.len(),
            resolution,
        },
        &mut || match began.restarts.is_empty() && began.kernel.is_empty() {
            true => Ok(None),
            false => follow(&began),
        },
    )?;
    Ok(Settlement::PutBack {
        files: steps.iter().map(|step| step.path.clone()).collect(),
        kept: undone.kept,
        filled: undone.filled,
        came_back: undone.came_back,
    })
}

/// A journal that is prepared, with no `active`: cut off before the node was touched, or the end of
/// a settled journal was damaged later. The node tells which.
fn never_active(
    state: &Locked,
    root: &Root,
    id: &TransactionId,
    story: &Story,
    recovered: &mut Recovered,
) -> Result<(), Failure> {
    let (untouched, touched) = looks(root, &story.steps);
    if untouched {
        return discard(state, id, recovered);
    }
    if touched {
        return Err(end_is_missing(state, id, story.steps.len() + 3));
    }
    // Somebody changed the files since; they are not ours to judge, and the backups stay.
    Ok(())
}

fn end_is_missing(state: &Locked, id: &TransactionId, line: usize) -> Failure {
    let why = Unusable::Corrupt {
        line,
        why: "its end is missing".into(),
    };
    story::unusable(state, id, &why)
}

/// Whether every file is as before its step, and whether any is as after it.
fn looks(root: &Root, steps: &[Step]) -> (bool, bool) {
    let (mut untouched, mut touched) = (true, false);
    for step in steps {
        let found = root
            .locate_exactly(&step.path)
            .and_then(|place| look(&place, step.has_contents()));
        let found = match found {
            // The directory for it was never made.
            Err(LookError::Missing) => Ok(None),
            other => other,
        };
        let Ok(found) = found else {
            untouched = false;
            continue;
        };
        let form = found.as_ref().map(|found| &found.form);
        if !differences(step.pre.as_ref(), form).is_empty() {
            untouched = false;
            touched |= differences(step.post.as_ref(), form).is_empty();
        }
    }
    (untouched, touched)
}

fn discard(state: &Locked, id: &TransactionId, recovered: &mut Recovered) -> Result<(), Failure> {
    state
        .clear_active()
        .and_then(|()| state.discard_transaction(id))
        .map_err(|error| {
            let path = state.path_of(id);
            Failure::refused(format!("{}: cannot be removed: {error}", path.display()))
                .state("nothing outside the state directory was touched")
                .help("mend the file system of the state directory, then: tighten recover")
        })?;
    recovered.settled.push((id.clone(), Settlement::Discarded));
    Ok(())
}
