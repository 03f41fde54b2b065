//! Puts files back, driven by what is there and not by what should be. Can be repeated at any point.

use std::io;
use std::os::fd::OwnedFd;

use crate::failure::{Exit, Failure};
use crate::root::{FileKind, LookError, Meta, NodePath, Place, Root};

use super::begin::now;
use super::directory::{self, Removal};
use super::flush::Directories;
use super::form::{Found, differences, look};
use super::id::TransactionId;
use super::journal::Journal;
use super::record::{Conflict, PutBack, Record};
use super::restore::{
    half_done, keep_aside, restore, restores_name, settle, take_temps_away, temps,
};
use super::state_dir::Locked;
use super::step::{Step, Work};

/// What is to become of a file that somebody else changed in the middle of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Leave it, and let nobody start before it is decided.
    Stop,
    /// Put the backup in its place; the contents of what was there are kept in the transaction's directory.
    Force,
    /// Keep what is there.
    AcceptCurrent,
}

/// What must follow when the former files are in place again, before that is recorded: whatever runs
/// may have read the new ones. Gives what came back, in words that go behind "everything was put back",
/// or nothing; `Err` says what did not, with the files as before all the same.
pub type Aftermath<'a> = dyn FnMut() -> Result<Option<String>, Failure> + 'a;

/// A file that is not as it was.
#[derive(Debug)]
struct Left {
    path: NodePath,
    why: String,
    backup: Option<String>,
    /// Under which name the transaction's directory keeps what was there.
    kept: Option<String>,
    conflict: bool,
}

/// What is to be undone, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Undoing<'a> {
    pub(super) steps: &'a [Step],
    /// The first so many steps may have touched their targets. After a crash nobody knows: all.
    pub(super) attempted: usize,
    pub(super) resolution: Resolution,
}

/// What undoing left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Undone {
    /// Left as they are on the operator's word.
    pub(super) kept: Vec<NodePath>,
    /// Directories of ours that stay, since somebody put something into them.
    pub(super) filled: Vec<NodePath>,
    /// What the aftermath brought back.
    pub(super) came_back: Option<String>,
}

/// How one file ended.
enum Ending {
    AsBefore,
    Accepted,
    Filled,
}

/// Undoes the steps in reverse, lets the aftermath follow, records the end, and says that nothing is
/// open any more. A crash in the aftermath finds a transaction that is still open.
///
/// # Errors
/// Exit 4: a file could not be put back, or what ran with the new ones did not come back.
pub(super) fn put_back(
    state: &Locked,
    root: &Root,
    id: &TransactionId,
    directory: &OwnedFd,
    journal: &mut Journal,
    undoing: Undoing<'_>,
    aftermath: &mut Aftermath<'_>,
) -> Result<Undone, Failure> {
    let mut left = Vec::new();
    let mut undone = Undone::default();
    let mut changed = Directories::default();
    for step in undoing.steps.iter().rev() {
        match undo(root, id, directory, step, undoing, &mut changed) {
            Ok(Ending::AsBefore) => {}
            Ok(Ending::Accepted) => undone.kept.push(step.path.clone()),
            Ok(Ending::Filled) => undone.filled.push(step.path.clone()),
            Err(one) => left.push(one),
        }
    }
    for (path, error) in changed.flush() {
        let step = undoing.steps.iter().find(|step| step.path == path);
        left.extend(step.map(|step| self::left(step, error.to_string(), false)));
    }
    // A call can claim success and do nothing: what is said to be as before was seen to be.
    for step in undoing.steps {
        let mut stays = undone.kept.iter().chain(&undone.filled);
        let decided =
            stays.any(|path| *path == step.path) || left.iter().any(|one| one.path == step.path);
        if !decided && let Err(why) = look_again(root, id, step, undoing) {
            left.push(Left {
                path: step.path.clone(),
                why,
                backup: step.backup.clone(),
                kept: None,
                conflict: false,
            });
        }
    }
    if !left.is_empty() {
        let paths: Vec<NodePath> = left
            .iter()
            .filter(|one| one.conflict)
            .map(|one| one.path.clone())
            .collect();
        if !paths.is_empty() {
            // Best effort: recovery finds the same files again.
            let _ = journal.append(Record::Conflict(Conflict { at: now(), paths }));
        }
        return Err(report(state, id, &left));
    }
    let came_back = aftermath();
    let ended = Record::RolledBack(PutBack {
        at: now(),
        kept: undone.kept.clone(),
    });
    // When the record fails, `active` stays and the next run looks again, finding all as before.
    if journal.append(ended).is_ok() {
        let _ = state.clear_active();
    }
    undone.came_back = came_back?;
    Ok(undone)
}

fn report(state: &Locked, id: &TransactionId, left: &[Left]) -> Failure {
    let directory = state.path_of(id);
    let mut list = String::from("not put back:");
    for one in left {
        list.push_str(&format!("\n    {}: {}", one.path, one.why));
        if let Some(backup) = &one.backup {
            list.push_str(&format!(
                "; its backup is {}",
                directory.join(backup).display()
            ));
        }
        if let Some(kept) = &one.kept {
            list.push_str(&format!(
                "; a copy of what is there is {}",
                directory.join(kept).display()
            ));
        }
    }
    let conflict = left.iter().any(|one| one.conflict);
    let help = if conflict {
        "tighten recover --force puts the former files back over these; tighten recover --accept-current keeps what is there"
    } else {
        "once the cause is mended, finish with: tighten recover"
    };
    let number = left.len();
    let files = if number == 1 { "file" } else { "files" };
    Failure::refused(format!(
        "{number} {files} of transaction {id} could not be put back"
    ))
    .exit(Exit::Incomplete)
    .state(list)
    .help(help)
}

fn undo(
    root: &Root,
    id: &TransactionId,
    directory: &OwnedFd,
    step: &Step,
    undoing: Undoing<'_>,
    changed: &mut Directories,
) -> Result<Ending, Left> {
    let resolution = undoing.resolution;
    let failed = |error: &dyn std::fmt::Display| left(step, error.to_string(), false);
    let place = match root.locate_exactly(&step.path) {
        Ok(place) => place,
        // Without a directory there is no file in it, as before.
        Err(LookError::Missing) if step.pre.is_none() => return Ok(Ending::AsBefore),
        Err(LookError::Missing | LookError::NotDirectory | LookError::Loop)
            if resolution == Resolution::AcceptCurrent =>
        {
            return Ok(Ending::Accepted);
        }
        Err(error @ (LookError::Missing | LookError::NotDirectory | LookError::Loop)) => {
            return Err(left(step, error.to_string(), true));
        }
        Err(error) => return Err(failed(&error)),
    };
    take_temps_away(&place, id, step).map_err(|error| failed(&error))?;
    if step.index >= undoing.attempted {
        return changed
            .note(&place.directory, &step.path)
            .map(|()| Ending::AsBefore)
            .map_err(|error| failed(&error));
    }
    let found = match look(&place, step.has_contents()) {
        Ok(found) => found,
        // Our directory is gone, and this is somebody else's.
        Err(LookError::Kind(_)) if step.work == Work::MakeDirectory => return Ok(Ending::Filled),
        // A link, a pipe, a socket or a device has no contents to keep, and what takes its name away
        // does not reach through it.
        Err(LookError::Kind(_)) if resolution == Resolution::Force && restores_name(step) => {
            return restore(&place, id, directory, step, None, true)
                .and_then(|()| note(changed, &place, step, None))
                .map(|()| Ending::AsBefore)
                .map_err(|error| failed(&error));
        }
        Err(error @ (LookError::Kind(_) | LookError::TooLarge(_) | LookError::Changing)) => {
            if resolution == Resolution::AcceptCurrent {
                return Ok(Ending::Accepted);
            }
            let mut why = error.to_string();
            if matches!(error, LookError::TooLarge(_)) {
                // Nothing is overwritten of which no copy was kept.
                why.push_str("; move it away by hand before recover --force");
            }
            return Err(left(step, why, true));
        }
        Err(error) => return Err(failed(&error)),
    };
    if let (Work::MakeDirectory, Some(found)) = (step.work, &found) {
        return unmake(&place, step, found, changed).map_err(|error| failed(&error));
    }
    let form = found.as_ref().map(|found| &found.form);
    if differences(step.pre.as_ref(), form).is_empty() {
        // Equal here, perhaps not on the disk: it could be the cache that shows the former state.
        return settle(found.as_ref())
            .and_then(|()| note(changed, &place, step, found.as_ref()))
            .map(|()| Ending::AsBefore)
            .map_err(|error| failed(&error));
    }
    let ours = differences(step.post.as_ref(), form).is_empty() || half_done(step, form);
    if !ours {
        match resolution {
            Resolution::AcceptCurrent => return Ok(Ending::Accepted),
            Resolution::Stop | Resolution::Force => {
                let kept = keep_aside(directory, step, found.as_ref()).map_err(|e| failed(&e))?;
                if resolution == Resolution::Stop {
                    let differs = differences(step.pre.as_ref(), form).join(", ");
                    let why =
                        format!("somebody else changed it; it differs from before in {differs}");
                    let mut one = left(step, why, true);
                    one.kept = kept;
                    return Err(one);
                }
            }
        }
    }
    restore(&place, id, directory, step, found.as_ref(), found.is_some())
        .and_then(|()| note(changed, &place, step, found.as_ref()))
        .map(|()| Ending::AsBefore)
        .map_err(|error| failed(&error))
}

/// Takes a directory away that was made, if nothing lies in it.
fn unmake(
    place: &Place,
    step: &Step,
    found: &Found,
    changed: &mut Directories,
) -> io::Result<Ending> {
    match directory::unmake(place, step, found)? {
        Removal::Filled => Ok(Ending::Filled),
        Removal::Gone => {
            changed.forget(&found.opened.handle)?;
            changed.note(&place.directory, &step.path)?;
            Ok(Ending::AsBefore)
        }
    }
}

/// Notes what a step leaves to be made durable: the directory that holds the name, or the directory
/// that it changed itself.
fn note(
    changed: &mut Directories,
    place: &Place,
    step: &Step,
    found: Option<&Found>,
) -> io::Result<()> {
    match (step.work, found) {
        (Work::SetMeta, Some(found)) if found.form.kind == FileKind::Directory => {
            changed.note(&found.opened.handle, &step.path)
        }
        (Work::SetMeta, _) => Ok(()),
        (Work::RemoveDirectory, _) => {
            let now = place.open()?;
            changed.note(&now.handle, &step.path)?;
            changed.note(&place.directory, &step.path)
        }
        _ => changed.note(&place.directory, &step.path),
    }
}

/// Whether a file that was put back is as before, and nothing of ours lies beside it.
fn look_again(
    root: &Root,
    id: &TransactionId,
    step: &Step,
    undoing: Undoing<'_>,
) -> Result<(), String> {
    let place = match root.locate_exactly(&step.path) {
        Ok(place) => place,
        Err(LookError::Missing) if step.pre.is_none() => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    for temp in temps(id, step) {
        if Meta::at(&place.directory, &temp) != Err(rustix::io::Errno::NOENT) {
            return Err(format!("{temp} still lies beside it"));
        }
    }
    if step.index >= undoing.attempted {
        return Ok(());
    }
    let found = look(&place, step.has_contents()).map_err(|error| error.to_string())?;
    let form = found.as_ref().map(|found| &found.form);
    let mut pre = step.pre.clone();
    if undoing.resolution == Resolution::Force
        && step.backup.is_none()
        && let (Some(pre), Some(form)) = (&mut pre, form)
        && pre.sha256 != form.sha256
    {
        // Forced: contents and attributes are somebody else's and stay.
        pre.sha256 = None;
        pre.xattrs.clone_from(&form.xattrs);
    }
    let differs = differences(pre.as_ref(), form);
    if differs.is_empty() {
        Ok(())
    } else {
        let differs = differs.join(", ");
        Err(format!("it was put back and still differs in {differs}"))
    }
}

fn left(step: &Step, why: String, conflict: bool) -> Left {
    Left {
        path: step.path.clone(),
        why,
        backup: step.backup.clone(),
        kept: None,
        conflict,
    }
}
