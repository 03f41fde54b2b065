//! From prepared to committed. Each state is a type, and each step uses the one before up.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::{fmt, io};

use crate::failure::{Exit, Failure};
use crate::root::{LookError, NodePath, Root};

use super::begin::now;
use super::carry::{
    Changed, SOMEBODY_ELSE, change, failed, last_look, not_right, stage_one, stage_within, stays,
};
use super::disk;
use super::flush::Directories;
use super::form::{differences, look};
use super::id::TransactionId;
use super::interrupt::Interrupt;
use super::journal::Journal;
use super::preflight::Ready;
use super::record::{Aborting, Ended, Record};
use super::state_dir::Locked;
use super::step::Work;
use super::undo::{Aftermath, Resolution, Undoing, Undone, put_back};

/// Judges the new contents of one file as they were read back; `Err` says what is wrong with them.
pub type CheckStaged<'c> = dyn FnMut(&NodePath, &[u8]) -> Result<(), String> + 'c;

/// A transaction under way.
pub(super) struct Open<'a> {
    pub(super) state: &'a Locked,
    pub(super) root: &'a Root,
    pub(super) interrupt: &'a Interrupt,
    pub(super) id: TransactionId,
    pub(super) directory: OwnedFd,
    pub(super) journal: Journal,
    pub(super) ready: Vec<Ready>,
    /// How many steps may have touched their target; the others' targets are none of our doing.
    pub(super) attempted: usize,
    /// Directories that were to go away and hold something that somebody else put there.
    pub(super) filled: Vec<NodePath>,
    /// What must follow when files are put back that may have been read meanwhile.
    pub(super) aftermath: Option<Box<Aftermath<'a>>>,
}

impl fmt::Debug for Open<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "transaction {}", self.id)
    }
}

/// Backups and journal are durable; the node is as it was.
#[derive(Debug)]
#[must_use = "a transaction must be carried on or put back"]
pub struct Prepared<'a>(pub(super) Open<'a>);

/// The new files lie beside the old ones, checked.
#[derive(Debug)]
#[must_use = "a transaction must be carried on or put back"]
pub struct Staged<'a>(Open<'a>);

/// All changes are in place and durable.
#[derive(Debug)]
#[must_use = "a transaction must be carried on or put back"]
pub struct CarriedOut<'a>(Open<'a>);

/// Everything was read again and is as it should be.
#[derive(Debug)]
#[must_use = "a transaction must be committed or put back"]
pub struct Verified<'a>(Open<'a>);

/// A transaction that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its name.
    pub id: TransactionId,
    /// The files that it changed, in order.
    pub files: Vec<NodePath>,
    /// Directories among them that stay, since somebody put something into them.
    pub filled: Vec<NodePath>,
}

impl<'a> Prepared<'a> {
    /// The transaction's name.
    pub fn id(&self) -> &TransactionId {
        &self.0.id
    }

    /// Sets what must follow whenever files that may have been read are put back.
    pub fn then(mut self, aftermath: Box<Aftermath<'a>>) -> Prepared<'a> {
        self.0.aftermath = Some(aftermath);
        self
    }

    /// Writes the new files beside the old ones and reads them back; `check` judges each.
    ///
    /// # Errors
    /// Everything was put back (exit 3), or not (exit 4).
    pub fn stage(mut self, check: &mut CheckStaged<'_>) -> Result<Staged<'a>, Failure> {
        match self.0.stage(check) {
            Ok(()) => Ok(Staged(self.0)),
            Err(why) => Err(self.0.put_back("stage", why)),
        }
    }

    /// Gives up: nothing has been changed yet, and nothing will be.
    pub fn put_back(self, why: Failure) -> Failure {
        self.0.put_back("prepared", why)
    }
}

impl<'a> Staged<'a> {
    /// The transaction's name.
    pub fn id(&self) -> &TransactionId {
        &self.0.id
    }

    /// Carries the changes out, in order.
    ///
    /// # Errors
    /// Everything was put back (exit 3), or not (exit 4).
    pub fn carry_out(mut self) -> Result<CarriedOut<'a>, Failure> {
        match self.0.carry_out() {
            Ok(()) => Ok(CarriedOut(self.0)),
            Err(why) => Err(self.0.put_back("carry-out", why)),
        }
    }

    /// Gives up and takes the staged files away.
    pub fn put_back(self, why: Failure) -> Failure {
        self.0.put_back("staged", why)
    }
}

impl<'a> CarriedOut<'a> {
    /// The transaction's name.
    pub fn id(&self) -> &TransactionId {
        &self.0.id
    }

    /// Resolves and reads everything again; `check` judges the node as a whole.
    ///
    /// # Errors
    /// Everything was put back (exit 3), or not (exit 4).
    pub fn verify(
        self,
        check: &mut dyn FnMut() -> Result<(), String>,
    ) -> Result<Verified<'a>, Failure> {
        match self.0.verify(check) {
            Ok(()) => Ok(Verified(self.0)),
            Err(why) => Err(self.0.put_back("verify", why)),
        }
    }

    /// Gives up and puts everything back.
    pub fn put_back(self, why: Failure) -> Failure {
        self.0.put_back("carried-out", why)
    }
}

impl Verified<'_> {
    /// The transaction's name.
    pub fn id(&self) -> &TransactionId {
        &self.0.id
    }

    /// Gives up and puts everything back: when an effect fails or the node is not healthy after it.
    pub fn put_back(self, why: Failure) -> Failure {
        self.0.put_back("effects", why)
    }

    /// Makes the changes final.
    ///
    /// # Errors
    /// Exit 4, in doubt: from the first byte of the record on, only recovery may decide, since a
    /// record that was reported as failed can still be on the disk.
    pub fn commit(self) -> Result<Committed, Failure> {
        let mut open = self.0;
        if let Err(why) = open.interrupt.check() {
            return Err(open.put_back("commit", why));
        }
        if let Err(error) = open.journal.append(Record::Committed(Ended { at: now() })) {
            return Err(Failure::refused(format!(
                "transaction {} is in doubt: its journal cannot be written: {error}",
                open.id
            ))
            .exit(Exit::Incomplete)
            .state(format!(
                "all changes are in place, and the former files lie in {}",
                open.state.path_of(&open.id).display()
            ))
            .help("once the disk is well again, let the journal decide with: tighten recover"));
        }
        // When this fails, the name that stays behind names a settled transaction.
        let _ = open.state.clear_active();
        Ok(Committed {
            id: open.id,
            files: open.ready.into_iter().map(|one| one.step.path).collect(),
            filled: open.filled,
        })
    }
}

impl Open<'_> {
    fn stage(&mut self, check: &mut CheckStaged<'_>) -> Result<(), Failure> {
        for one in &mut self.ready {
            self.interrupt.check()?;
            match (one.inside, &one.content) {
                // The directory for it is still to be made: only what will be written is judged.
                (Some(_), Some(content)) => {
                    check(&one.step.path, content)
                        .map_err(|why| not_right(&one.step.path, &why))?;
                }
                _ => stage_one(one)?,
            }
        }
        for one in &self.ready {
            if let Some(staged) = &one.staged {
                self.interrupt.check()?;
                staged
                    .sync_all()
                    .map_err(|error| failed(&one.step.path, "staged", error))?;
            }
        }
        for one in &self.ready {
            if let (Some(temp), Some(post), Some(staged)) =
                (&one.step.temp, &one.step.post, &one.staged)
            {
                let bytes = disk::read_back(&one.place.directory, temp, staged, post)
                    .map_err(|error| failed(&one.step.path, "staged", error))?;
                check(&one.step.path, &bytes).map_err(|why| not_right(&one.step.path, &why))?;
            }
        }
        Ok(())
    }

    fn carry_out(&mut self) -> Result<(), Failure> {
        let mut changed = Directories::default();
        // The directories that were made so far, by the step that made them.
        let mut made: BTreeMap<usize, OwnedFd> = BTreeMap::new();
        for one in &mut self.ready {
            self.interrupt.check()?;
            if let Some(directory) = one.inside.and_then(|maker| made.get(&maker)) {
                one.place.directory = directory
                    .try_clone()
                    .map_err(|error| failed(&one.step.path, "changed", error))?;
                stage_within(one)?;
            }
            let one = &*one;
            let opened = last_look(one)?;
            self.attempted += 1;
            match change(one, opened.as_ref(), &mut changed) {
                Ok(Changed::Plainly) => {}
                Ok(Changed::Made(directory)) => {
                    made.insert(one.step.index, directory);
                }
                Ok(Changed::Filled) => self.filled.push(one.step.path.clone()),
                Err(error) => {
                    // The one error that says for certain that this target was not touched.
                    let makes = matches!(one.step.work, Work::Create | Work::MakeDirectory);
                    if makes && error.kind() == io::ErrorKind::AlreadyExists {
                        self.attempted -= 1;
                    }
                    return Err(failed(&one.step.path, "changed", error));
                }
            }
        }
        if let Some((path, error)) = changed.flush().into_iter().next() {
            return Err(failed(&path, "made durable", error));
        }
        self.interrupt.check()
    }

    fn verify(&self, check: &mut dyn FnMut() -> Result<(), String>) -> Result<(), Failure> {
        for one in &self.ready {
            self.interrupt.check()?;
            let step = &one.step;
            let found = self
                .root
                .locate_exactly(&step.path)
                .and_then(|place| look(&place, step.has_contents()));
            let found = match found {
                // Its directory went away with it.
                Err(LookError::Missing) if step.post.is_none() => None,
                other => other.map_err(|error| failed(&step.path, "verified", error))?,
            };
            if self.filled.contains(&step.path) {
                continue;
            }
            let differs = differences(step.post.as_ref(), found.as_ref().map(|found| &found.form));
            if !differs.is_empty() {
                let path = &step.path;
                let differs = differs.join(", ");
                let message = format!("{path}: is not as it was to become: {differs}");
                return Err(Failure::refused(message).help(SOMEBODY_ELSE));
            }
        }
        check().map_err(|why| {
            Failure::refused(format!("the changes did not have their effect: {why}"))
                .help("look for checks that contradict each other, and for what else writes these files; --skip leaves a check out")
        })?;
        self.interrupt.check()
    }

    /// Undoes whatever was done, and turns the reason into the failure that the operator reads.
    fn put_back(mut self, step: &str, why: Failure) -> Failure {
        // Best effort: without this record recovery does the same.
        let _ = self.journal.append(Record::Aborting(Aborting {
            at: now(),
            step: step.into(),
        }));
        let steps: Vec<_> = self.ready.into_iter().map(|one| one.step).collect();
        let mut nothing: Box<Aftermath<'_>> = Box::new(|| Ok(None));
        // Before the first rename nobody can have read anything new.
        let aftermath = match &mut self.aftermath {
            Some(aftermath) if self.attempted > 0 => aftermath,
            _ => &mut nothing,
        };
        let undone = put_back(
            self.state,
            self.root,
            &self.id,
            &self.directory,
            &mut self.journal,
            Undoing {
                steps: &steps,
                attempted: self.attempted,
                resolution: Resolution::Stop,
            },
            aftermath,
        );
        let help = why.help.clone();
        match undone {
            Ok(Undone {
                filled, came_back, ..
            }) => Failure {
                help,
                ..Failure::refused(why.message)
                    .exit(Exit::PutBack)
                    .state(as_before(&filled, came_back.as_deref()))
            },
            Err(left) => Failure {
                message: format!("{}; then {}", why.message, left.message),
                ..left
            },
        }
    }
}

/// The state of the node after a put-back, in words.
fn as_before(filled: &[NodePath], came_back: Option<&str>) -> String {
    let mut text = String::from("everything was put back");
    if let Some(what) = came_back {
        text.push_str(&format!(", and {what}"));
    }
    if !filled.is_empty() {
        text.push_str(&format!("; {}", stays(filled)));
    }
    text
}
