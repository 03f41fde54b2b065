//! Puts files back, driven by what is there and not by what should be. Can be repeated at any point.

use std::io;
use std::os::fd::OwnedFd;

use crate::failure::{Exit, Failure};
use crate::root::{LookError, NodePath, Place, Root};

use super::attributes;
use super::begin::now;
use super::disk;
use super::form::{Form, Found, differences, look};
use super::id::TransactionId;
use super::journal::Journal;
use super::operation::sha256;
use super::record::{Conflict, PutBack, Record};
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

/// How one file ended.
enum Ending {
    AsBefore,
    Accepted,
}

/// Undoes the steps in reverse, records the end, and says that nothing is open any more.
///
/// Gives the paths that were left as they are on the operator's word.
pub(super) fn put_back(
    state: &Locked,
    root: &Root,
    id: &TransactionId,
    directory: &OwnedFd,
    journal: &mut Journal,
    undoing: Undoing<'_>,
) -> Result<Vec<NodePath>, Failure> {
    let mut left = Vec::new();
    let mut kept = Vec::new();
    for step in undoing.steps.iter().rev() {
        match undo(root, id, directory, step, undoing) {
            Ok(Ending::AsBefore) => {}
            Ok(Ending::Accepted) => kept.push(step.path.clone()),
            Err(one) => left.push(one),
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
    let ended = Record::RolledBack(PutBack {
        at: now(),
        kept: kept.clone(),
    });
    // When the record fails, `active` stays and the next run looks again, finding all as before.
    if journal.append(ended).is_ok() {
        let _ = state.clear_active();
    }
    Ok(kept)
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
        return disk::flush_directory(&place.directory)
            .map(|()| Ending::AsBefore)
            .map_err(|error| failed(&error));
    }
    let found = match look(&place, step.has_contents()) {
        Ok(found) => found,
        // A link, a pipe, a socket or a device has no contents to keep, and what takes its name away
        // does not reach through it.
        Err(LookError::Kind(_)) if resolution == Resolution::Force && restores_name(step) => {
            return restore(&place, id, directory, step, None, true)
                .map(|()| Ending::AsBefore)
                .map_err(|error| failed(&error));
        }
        Err(error @ (LookError::Kind(_) | LookError::TooLarge(_) | LookError::Changing)) => {
            if resolution == Resolution::AcceptCurrent {
                return Ok(Ending::Accepted);
            }
            return Err(left(step, error.to_string(), true));
        }
        Err(error) => return Err(failed(&error)),
    };
    let form = found.as_ref().map(|found| &found.form);
    if differences(step.pre.as_ref(), form).is_empty() {
        // Equal here, perhaps not on the disk: it could be the cache that shows the former state.
        return settle(&place, found.as_ref())
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
        .map(|()| Ending::AsBefore)
        .map_err(|error| failed(&error))
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

fn take_temps_away(place: &Place, id: &TransactionId, step: &Step) -> io::Result<()> {
    if let Some(temp) = &step.temp {
        disk::unlink(&place.directory, temp)?;
    }
    if step.backup.is_some() {
        disk::unlink(&place.directory, &Step::restore_name(id, step.index))?;
    }
    Ok(())
}

/// Makes what is there durable: the inode and its name.
fn settle(place: &Place, found: Option<&Found>) -> io::Result<()> {
    if let Some(found) = found {
        disk::flush(&found.opened)?;
    }
    disk::flush_directory(&place.directory)
}

/// Whether this is what a change of metadata leaves when it is cut off.
fn half_done(step: &Step, found: Option<&Form>) -> bool {
    let (Work::SetMeta, Some(pre), Some(post), Some(found)) =
        (step.work, &step.pre, &step.post, found)
    else {
        return false;
    };
    let owners = [(pre.uid, pre.gid), (post.uid, post.gid)];
    let narrow = pre.mode & post.mode;
    // While an ACL changes, the group has no bits; the ACL brings all bits but the special ones.
    let shut = narrow & !0o070;
    let with_acl = (narrow & 0o7000) | (post.mode & 0o777);
    let modes = [pre.mode, post.mode, narrow, shut, with_acl];
    let reached = |mode: u32| found.mode == mode || found.mode == mode & 0o1777;
    found.kind == pre.kind
        && found.sha256 == pre.sha256
        && owners.contains(&(found.uid, found.gid))
        && modes.into_iter().any(reached)
}

/// Keeps a copy of what somebody else wrote, before anything can overwrite it.
fn keep_aside(
    directory: &OwnedFd,
    step: &Step,
    found: Option<&Found>,
) -> io::Result<Option<String>> {
    let Some(found) = found.filter(|found| found.form.sha256.is_some()) else {
        return Ok(None);
    };
    for attempt in 0..100 {
        let name = format!("kept.{:04}.{attempt}", step.index);
        match disk::create(directory, &name, &found.bytes) {
            Ok(file) => {
                file.sync_all()?;
                disk::flush_directory(directory)?;
                return Ok(Some(name));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if disk::read(directory, &name, crate::root::MAX_FILE)
                    .is_ok_and(|old| old == found.bytes)
                {
                    return Ok(Some(name));
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many kept copies"))
}

/// Whether a step can be undone without anything that the target itself still holds.
fn restores_name(step: &Step) -> bool {
    step.pre.is_none() || step.backup.is_some()
}

/// Makes a file what it was; `taken` when its name is, if only by something that is no file.
fn restore(
    place: &Place,
    id: &TransactionId,
    directory: &OwnedFd,
    step: &Step,
    found: Option<&Found>,
    taken: bool,
) -> io::Result<()> {
    let Some(pre) = &step.pre else {
        disk::unlink(&place.directory, &place.name)?;
        return disk::flush_directory(&place.directory);
    };
    let Some(backup) = &step.backup else {
        let found = found.ok_or_else(|| {
            io::Error::other("it is gone, and only its mode and owner were noted")
        })?;
        if found.form.kind != pre.kind {
            return Err(io::Error::other(format!(
                "it is {} now",
                found.form.kind.describe()
            )));
        }
        if found.form.sha256 != pre.sha256 {
            // Forced: the contents are somebody else's and stay; only mode and owner were ours.
            attributes_of(found, pre)?;
        } else {
            disk::set_metadata(&found.opened, &found.form, pre, true)?;
        }
        return disk::flush(&found.opened);
    };
    let bytes = disk::read(directory, backup, crate::root::MAX_FILE)?;
    if pre.sha256.as_deref() != Some(sha256(&bytes).as_str()) {
        return Err(io::Error::other("its backup is damaged"));
    }
    let temp = Step::restore_name(id, step.index);
    let file = disk::stage(&place.directory, &temp, &bytes, pre)?;
    file.sync_all()?;
    disk::read_back(&place.directory, &temp, &file, pre)?;
    if taken {
        disk::rename_over(&place.directory, &temp, &place.name)?;
    } else {
        disk::rename_new(&place.directory, &temp, &place.name)?;
    }
    disk::flush_directory(&place.directory)
}

fn attributes_of(found: &Found, pre: &Form) -> io::Result<()> {
    let wanted = Form {
        xattrs: attributes::with_mode(&found.form.xattrs, pre.mode),
        ..pre.clone()
    };
    disk::set_metadata(&found.opened, &found.form, &wanted, false)
}
