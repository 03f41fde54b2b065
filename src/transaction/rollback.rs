//! Undoes a committed transaction by a transaction of its own, from the journal alone.

use crate::failure::Failure;
use crate::root::{FileKind, LookError, NodePath, Root};

use super::begin::{Change, Description, KernelState, Purpose, Restart, begin};
use super::directory::is_filled;
use super::disk;
use super::flow::Prepared;
use super::form::{Found, differences, look};
use super::history::newest_committed;
use super::id::TransactionId;
use super::interrupt::Interrupt;
use super::inverse::{backup, inverse};
use super::judge::cannot_look;
use super::operation::{Action, Operation};
use super::state_dir::{Locked, StateDir};
use super::step::{Step, Work};
use super::story::{self, Reached};
use super::uptime::Uptime;

/// A file that is not as a transaction left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The file.
    pub path: NodePath,
    /// What differs, in a few words.
    pub differs: String,
}

/// What a rollback would do.
#[derive(Debug)]
#[must_use = "a rollback does nothing until it is begun"]
pub struct Rollback {
    of: TransactionId,
    drift: Vec<Drift>,
    skipped: Vec<NodePath>,
    filled: Vec<NodePath>,
    changes: Vec<Change>,
    operations: Vec<Operation>,
    kernel: Vec<KernelState>,
    began: Option<Uptime>,
}

const BY_HAND: &str = "put this file back by hand";

impl Rollback {
    /// Works out how to undo a transaction (the newest committed one when `id` is `None`; else any
    /// unique beginning of an id), and changes nothing.
    ///
    /// With `force`, files that changed since are overwritten (the transaction backs them up), and
    /// a copy of the tree at another place is accepted.
    ///
    /// # Errors
    /// Exit 1: there is no such transaction, it did not commit, it changed another tree, or files
    /// changed since and `force` is not given.
    pub fn plan(
        state: &StateDir,
        root: &Root,
        id: Option<&str>,
        force: bool,
    ) -> Result<Rollback, Failure> {
        let nothing = || {
            Failure::refused("there is no committed transaction to roll back")
                .help("list the transactions with: tighten history")
        };
        let id = match id {
            Some(prefix) => state.find(prefix)?,
            None => newest_committed(state)?.ok_or_else(nothing)?,
        };
        let story = story::read_sound(state, &id)?;
        if story.reached != Reached::Committed {
            return Err(Failure::refused(format!("transaction {id} did not commit"))
                .state("nothing was written")
                .help("list the committed ones with: tighten history"));
        }
        if !force && !story.is_of(root)? {
            return Err(story.other_root());
        }
        let mut rollback = Rollback {
            of: id.clone(),
            drift: Vec::new(),
            skipped: Vec::new(),
            filled: Vec::new(),
            changes: story.begin.changes.iter().rev().map(undone).collect(),
            operations: Vec::new(),
            kernel: story.begin.kernel.iter().map(KernelState::from).collect(),
            began: story.begin.uptime.clone(),
        };
        for step in story.steps.iter().rev() {
            rollback.add(state, root, &id, step, force)?;
        }
        if !force && !rollback.drift.is_empty() {
            return Err(rollback.refusal());
        }
        Ok(rollback)
    }

    /// The transaction that is undone.
    pub fn of(&self) -> &TransactionId {
        &self.of
    }

    /// Files that changed since, and would be overwritten.
    pub fn drift(&self) -> &[Drift] {
        &self.drift
    }

    /// Files that are gone, or already as they were, and for which nothing is done.
    pub fn skipped(&self) -> &[NodePath] {
        &self.skipped
    }

    /// Directories that the transaction made and that stay, since somebody put something into them. They
    /// are among the skipped.
    pub fn filled(&self) -> &[NodePath] {
        &self.filled
    }

    /// The changes that will be undone, in order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The files and what is done to each, in order.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// What the kernel had before the transaction that is undone told it otherwise, and when that was.
    pub fn kernel(&self) -> (&[KernelState], Option<&Uptime>) {
        (&self.kernel, self.began.as_ref())
    }

    /// Begins the rollback as a transaction; it goes on like any other.
    ///
    /// # Errors
    /// As [`super::Transaction::begin`].
    pub fn begin<'a>(
        self,
        state: &'a Locked,
        root: &'a Root,
        interrupt: &'a Interrupt,
        user: String,
        (restarts, kernel): (Vec<Restart>, Vec<KernelState>),
    ) -> Result<Prepared<'a>, Failure> {
        let description = Description {
            user,
            changes: self.changes,
            plan: None,
            restarts,
            kernel,
        };
        let purpose = Purpose::RollbackOf(self.of);
        begin(
            state,
            root,
            interrupt,
            description,
            self.operations,
            purpose,
        )
    }

    fn refusal(&self) -> Failure {
        let list: Vec<String> = self
            .drift
            .iter()
            .map(|drift| format!("{}: {}", drift.path, drift.differs))
            .collect();
        Failure::refused(format!(
            "files changed since transaction {}: {}",
            self.of,
            list.join("; ")
        ))
        .state("nothing was written")
        .help("--force puts the former files back nevertheless, and backs up what it overwrites")
    }

    fn add(
        &mut self,
        state: &StateDir,
        root: &Root,
        id: &TransactionId,
        step: &Step,
        force: bool,
    ) -> Result<(), Failure> {
        let refused = |why: &dyn std::fmt::Display| {
            Failure::refused(format!("{}: {why}", step.path))
                .state("nothing was written")
                .help(BY_HAND)
        };
        let found = match root
            .locate_exactly(&step.path)
            .and_then(|place| look(&place, step.has_contents()))
        {
            Ok(found) => found,
            Err(LookError::Missing) => None,
            Err(error) => return Err(cannot_look(&step.path, error, BY_HAND)),
        };
        let stays = match &found {
            Some(found) if found.form.kind == FileKind::Directory => match step.work {
                Work::MakeDirectory => self.holds_more(&step.path, found).map_err(|error| {
                    let failure = refused(&error);
                    failure.because(error)
                })?,
                // It was made again, or never went away.
                Work::RemoveDirectory => true,
                _ => false,
            },
            _ => false,
        };
        if stays {
            if step.work == Work::MakeDirectory {
                self.filled.push(step.path.clone());
            }
            self.skipped.push(step.path.clone());
            return Ok(());
        }
        let form = found.as_ref().map(|found| &found.form);
        let differs = differences(step.post.as_ref(), form);
        if !differs.is_empty() {
            if force && differences(step.pre.as_ref(), form).is_empty() {
                self.skipped.push(step.path.clone());
                return Ok(());
            }
            self.drift.push(Drift {
                path: step.path.clone(),
                differs: differs.join(", "),
            });
            if !force {
                return Ok(());
            }
        }
        let content = match &step.backup {
            None => None,
            Some(name) => Some(backup(state, id, step, name)?),
        };
        match inverse(step, found.as_ref(), content).map_err(|why| refused(&why))? {
            Some(operation) => self.operations.push(operation),
            None => self.skipped.push(step.path.clone()),
        }
        Ok(())
    }
}

impl Rollback {
    /// Whether a directory holds anything besides what this rollback takes away.
    fn holds_more(&self, path: &NodePath, found: &Found) -> std::io::Result<bool> {
        let goes = |name: &std::ffi::CString| {
            let own = name.to_str().ok().and_then(|name| path.join(name));
            self.operations.iter().any(|operation| {
                let removes = matches!(operation.action, Action::Remove | Action::RemoveDirectory);
                removes && own.as_ref() == Some(&operation.path)
            })
        };
        let names = disk::names(&found.opened.handle)?;
        Ok(found.opened.meta.mount_point || !names.iter().all(goes))
    }
}

/// The words for a change that is undone.
fn undone(change: &super::record::ChangeNote) -> Change {
    const UNDO: &str = "undo: ";
    let summary = match change.summary.strip_prefix(UNDO) {
        Some(original) => original.to_string(),
        None => format!("{UNDO}{}", change.summary),
    };
    Change {
        id: change.id.clone(),
        check: change.check.clone(),
        path: change.path.clone(),
        action: change.action.clone(),
        risk: change.risk.clone(),
        summary,
    }
}

/// Which files are no longer as the newest committed transaction left them, with its id; `None`
/// when there is no such transaction.
///
/// # Errors
/// When the journal cannot be used, or speaks of another tree.
pub fn left_as(
    state: &StateDir,
    root: &Root,
) -> Result<Option<(TransactionId, Vec<Drift>)>, Failure> {
    let Some(id) = newest_committed(state)? else {
        return Ok(None);
    };
    let story = story::read_sound(state, &id)?;
    if !story.is_of(root)? {
        return Err(story.other_root());
    }
    let mut drift = Vec::new();
    for step in &story.steps {
        let looked = root
            .locate_exactly(&step.path)
            .and_then(|place| look(&place, step.has_contents()));
        let differs = match looked {
            // It was to go away, and stays with what lies in it.
            Ok(Some(found))
                if step.work == Work::RemoveDirectory
                    && is_filled(&found.opened).unwrap_or_default() =>
            {
                Vec::new()
            }
            Ok(found) => differences(step.post.as_ref(), found.as_ref().map(|found| &found.form)),
            Err(LookError::Missing) => differences(step.post.as_ref(), None),
            Err(error) => vec![error.to_string()],
        };
        if !differs.is_empty() {
            drift.push(Drift {
                path: step.path.clone(),
                differs: differs.join(", "),
            });
        }
    }
    Ok(Some((id, drift)))
}
