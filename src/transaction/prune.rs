//! Removes old transactions, each as a whole.
//!
//! ```text
//! rename to a name that is no id -> flush the directory of the transactions -> empty -> remove
//! ```
//!
//! The rename takes a transaction out of the history in one step, and nothing in it is touched before
//! that is durable: whenever this is cut off, a transaction is all there or not in the history. What
//! is left under such a name is removed by [`sweep`], in the next prune or recovery.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType};

use crate::failure::Failure;

use super::disk;
use super::id::TransactionId;
use super::interrupt::Interrupt;
use super::journal::Unusable;
use super::listing::ASIDE;
use super::state_dir::{Locked, StateDir};
use super::story::{self, Reached, Story};

/// How many transactions one flush takes out of the history.
const BATCH: usize = 128;

/// What a prune did, also when it failed or was stopped on its way.
#[derive(Clone, Debug, Default)]
pub struct Pruned {
    /// Those that are no longer in the history, oldest first.
    pub removed: Vec<TransactionId>,
    /// How many stay; known when the prune came to its end.
    pub kept: usize,
    /// Those among them that stay although they are older than what was to be kept, oldest first.
    pub beyond: Vec<(TransactionId, Why)>,
}

/// Why a transaction stays although it is old.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is what a rollback would undo, and what verify compares with.
    NewestCommitted,
    /// It did not end, so its backups may be needed.
    Unsettled,
    /// Some of its files were left as somebody else had changed them: their backups are only here.
    Incomplete,
    /// Its journal or its directory cannot be used, so nobody knows what it holds.
    Unusable(Failure),
    /// Somebody made a directory in it.
    ForeignDirectory(Failure),
}

/// What became of the transactions that an earlier prune had set aside and not removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many were removed.
    pub removed: usize,
    /// Why something is still there.
    pub left: Vec<Failure>,
}

/// Removes all transactions but the `keep` newest, the newest that committed, and those that are not
/// settled or cannot be judged. Between two of them it stops when a signal came; those that left the
/// history until then are removed.
///
/// # Errors
/// Exit 1, with what was done until then in `pruned`: a signal came, or the state directory cannot be
/// read or written. The node is never touched.
pub fn prune(
    state: &Locked,
    interrupt: &Interrupt,
    keep: usize,
    pruned: &mut Pruned,
) -> Result<(), Failure> {
    let newest = newest(state, keep)?;
    pruned.kept = newest.number;
    let mut aside = Vec::new();
    let ended = set_all_aside(state, interrupt, newest, pruned, &mut aside);
    // Also after a failure: what has left the history does not stay behind.
    let emptied = empty_all(state, &mut aside, pruned);
    ended.and(emptied)
}

/// The transactions that are kept for being new.
struct Newest {
    number: usize,
    /// The oldest of them.
    oldest: Option<TransactionId>,
    committed: Option<TransactionId>,
}

fn newest(state: &StateDir, keep: usize) -> Result<Newest, Failure> {
    let mut newest = Newest {
        number: 0,
        oldest: None,
        committed: None,
    };
    for id in state.newest_first()? {
        let id = id?;
        if newest.committed.is_none()
            && let Ok((_, story)) = whole(state, &id)
            && story.reached == Reached::Committed
        {
            newest.committed = Some(id.clone());
        }
        if newest.number < keep {
            newest.number += 1;
            newest.oldest = Some(id);
        } else if newest.committed.is_some() {
            break;
        }
    }
    Ok(newest)
}

fn set_all_aside(
    state: &Locked,
    interrupt: &Interrupt,
    newest: Newest,
    pruned: &mut Pruned,
    aside: &mut Vec<TransactionId>,
) -> Result<(), Failure> {
    // Oldest first: wherever this ends, what remains is the newer part of the history.
    for id in state.oldest_first(newest.oldest)? {
        let id = id?;
        interrupt.check().map_err(|failure| {
            failure
                .state("every transaction is still whole, or removed")
                .help("prune again to go on")
        })?;
        if let Some(why) = kept(state, &id, newest.committed.as_ref()) {
            pruned.kept += 1;
            pruned.beyond.push((id, why));
            continue;
        }
        disk::rename_over(state.transactions(), id.as_str(), &name_aside(&id))
            .map_err(|error| not_removed(state, id.as_str(), "cannot be renamed", &error))?;
        aside.push(id);
        if aside.len() == BATCH {
            empty_all(state, aside, pruned)?;
        }
    }
    Ok(())
}

/// Why a transaction is not removed; `None` when it is.
fn kept(state: &StateDir, id: &TransactionId, committed: Option<&TransactionId>) -> Option<Why> {
    let (directory, story) = match whole(state, id) {
        Ok(whole) => whole,
        Err(failure) => return Some(Why::Unusable(failure)),
    };
    if committed == Some(id) {
        return Some(Why::NewestCommitted);
    }
    match &story.reached {
        Reached::Committed => {}
        Reached::RolledBack(end) if end.kept.is_empty() => {}
        Reached::RolledBack(_) => return Some(Why::Incomplete),
        Reached::Begun | Reached::Prepared | Reached::Conflict => return Some(Why::Unsettled),
    }
    match directory_in(&directory) {
        Ok(None) => None,
        Ok(Some(name)) => Some(Why::ForeignDirectory(foreign(state, id.as_str(), &name))),
        Err(error) => {
            let path = state.path_of(id);
            let why = format!("{}: cannot be listed: {error}", path.display());
            let failure = Failure::refused(why).state(LEFT).because(error);
            Some(Why::Unusable(failure))
        }
    }
}

const LEFT: &str = "it was not removed";

/// A transaction whose journal is sound from its first line to its last.
fn whole(state: &StateDir, id: &TransactionId) -> Result<(OwnedFd, Story), Failure> {
    let directory = state
        .open_transaction(id)
        .map_err(|failure| failure.state(LEFT))?;
    match story::read_in(&directory, id) {
        Ok(story) => Ok((directory, story)),
        Err(why) => {
            let failure = story::unusable(state, id, &why).state(LEFT);
            Err(match why {
                Unusable::Newer(_) => failure,
                why if why.passing().is_some() => failure,
                _ => failure.help(format!(
                    "its backups are {0}/pre.*; when nothing of it is needed, remove {0} by hand",
                    state.path_of(id).display()
                )),
            })
        }
    }
}

/// Makes it durable that these left the history, and only then removes what they hold.
fn empty_all(
    state: &Locked,
    aside: &mut Vec<TransactionId>,
    pruned: &mut Pruned,
) -> Result<(), Failure> {
    if aside.is_empty() {
        return Ok(());
    }
    if let Err(error) = disk::flush_directory(state.transactions()) {
        // What failed to reach the disk once is never written again by a second flush: only new
        // renames make sure that history and disk agree.
        let mut all_back = true;
        for id in aside.drain(..) {
            let back = disk::rename_over(state.transactions(), &name_aside(&id), id.as_str());
            all_back &= back.is_ok();
        }
        let path = state.path_of_name("");
        let failure = Failure::refused(format!("{}: cannot be flushed: {error}", path.display()));
        return Err(failure
            .state(if all_back {
                "the transactions that were to be removed are whole and in the history"
            } else {
                "the transactions that were to be removed are whole, some out of the history"
            })
            .help(MEND));
    }
    pruned.removed.extend(aside.iter().cloned());
    for id in aside.drain(..) {
        if let Some(foreign) = empty(state, &name_aside(&id))? {
            return Err(foreign);
        }
    }
    Ok(())
}

const MEND: &str = "look at the file system that holds the state directory, then prune again";

/// Removes what a prune that was cut off had set aside. Nothing in it is a reason to fail: whoever
/// calls has something of his own to do.
pub(super) fn sweep(state: &Locked) -> Swept {
    let mut swept = Swept::default();
    if let Err(failure) = sweep_all(state, &mut swept) {
        swept.left.push(failure);
    }
    swept
}

fn sweep_all(state: &Locked, swept: &mut Swept) -> Result<(), Failure> {
    // Killed before its flush, a prune leaves names that are not yet durable.
    disk::flush_directory(state.transactions()).map_err(|error| {
        let path = state.path_of_name("");
        Failure::refused(format!("{}: cannot be flushed: {error}", path.display())).help(MEND)
    })?;
    for id in state.set_aside()? {
        match empty(state, &name_aside(&id?))? {
            None => swept.removed += 1,
            Some(left) => swept.left.push(left),
        }
    }
    Ok(())
}

/// Empties and removes a directory that was set aside; it says why when something in it is not ours.
fn empty(state: &Locked, name: &str) -> Result<Option<Failure>, Failure> {
    let directory = match state.entered(name) {
        Ok(Some(directory)) => directory,
        Ok(None) => return Ok(None),
        Err(failure) => return Ok(Some(failure.state(LEFT))),
    };
    let failed = |below: &str, error: io::Error| {
        not_removed(
            state,
            &format!("{name}{below}"),
            "cannot be removed",
            &error,
        )
    };
    match directory_in(&directory) {
        Ok(None) => {}
        Ok(Some(within)) => return Ok(Some(foreign(state, name, &within))),
        Err(error) => return Err(failed("", error)),
    }
    let entries = Dir::read_from(&directory).map_err(|error| failed("", error.into()))?;
    for entry in entries {
        let entry = entry.map_err(|error| failed("", error.into()))?;
        let within = entry.file_name();
        if matches!(within.to_bytes(), b"." | b"..") {
            continue;
        }
        // By name in a directory that is open: it takes a symlink away and never what it names, and
        // it fails on a directory.
        rustix::fs::unlinkat(&directory, within, AtFlags::empty())
            .map_err(|error| failed(&format!("/{}", within.to_string_lossy()), error.into()))?;
    }
    match rustix::fs::unlinkat(state.transactions(), name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(error) => Err(failed("", error.into())),
    }
}

/// The name of a directory in a transaction's own; nothing of ours is one.
fn directory_in(handle: impl AsFd) -> io::Result<Option<String>> {
    let handle = handle.as_fd();
    for entry in Dir::read_from(handle)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => {
                let stat = rustix::fs::statat(handle, name, AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(stat.st_mode)
            }
            known => known,
        };
        if kind == FileType::Directory {
            return Ok(Some(name.to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}

fn name_aside(id: &TransactionId) -> String {
    format!("{id}{ASIDE}")
}

fn foreign(state: &StateDir, name: &str, within: &str) -> Failure {
    let path = state.path_of_name(name).join(within);
    Failure::refused(format!(
        "{}: a directory that tighten did not make",
        path.display()
    ))
    .state("it was left alone, and so was what holds it")
    .help("move it away, then prune again")
}

fn not_removed(state: &StateDir, name: &str, what: &str, error: &io::Error) -> Failure {
    let path = state.path_of_name(name);
    Failure::refused(format!("{}: {what}: {error}", path.display()))
        .state("every transaction in the history is whole")
        .help(MEND)
}
