//! Makes one file what it was, from its backup and the metadata in the journal.

use std::io;
use std::os::fd::OwnedFd;

use crate::root::{FileKind, Place};

use super::attributes;
use super::directory;
use super::disk;
use super::form::{Form, Found};
use super::id::TransactionId;
use super::operation::sha256;
use super::step::{Step, Work};

/// The names beside a target under which carrying out and undoing write.
pub(super) fn temps(id: &TransactionId, step: &Step) -> Vec<String> {
    let restored = step
        .backup
        .as_ref()
        .map(|_| Step::restore_name(id, step.index));
    step.temp.iter().cloned().chain(restored).collect()
}

/// Takes away what staging and an earlier undoing left beside a target.
pub(super) fn take_temps_away(place: &Place, id: &TransactionId, step: &Step) -> io::Result<()> {
    for temp in temps(id, step) {
        disk::unlink(&place.directory, &temp)?;
    }
    Ok(())
}

/// Makes what is there durable, but for its name; a directory is noted by the caller.
pub(super) fn settle(found: Option<&Found>) -> io::Result<()> {
    match found {
        Some(found) if found.form.kind != FileKind::Directory => disk::flush(&found.opened),
        _ => Ok(()),
    }
}

/// Whether this is what a change of metadata, or the undoing of a directory's removal, leaves when it is
/// cut off.
pub(super) fn half_done(step: &Step, found: Option<&Form>) -> bool {
    if step.work == Work::RemoveDirectory {
        return found.is_some_and(|found| directory::half_made(step, found));
    }
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
pub(super) fn keep_aside(
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
                    // An earlier process may have been killed before it flushed the copy, or failed to.
                    disk::write_again(directory, &name, &found.bytes)?;
                    disk::flush_directory(directory)?;
                    return Ok(Some(name));
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many kept copies"))
}

/// Whether a step can be undone without anything that the target itself still holds.
pub(super) fn restores_name(step: &Step) -> bool {
    step.pre.is_none() || step.backup.is_some()
}

/// Makes a file what it was, and durable but for its name; a directory is noted by the caller.
/// `taken` when its name is, if only by something that is no file.
pub(super) fn restore(
    place: &Place,
    id: &TransactionId,
    directory: &OwnedFd,
    step: &Step,
    found: Option<&Found>,
    taken: bool,
) -> io::Result<()> {
    let Some(pre) = &step.pre else {
        return disk::unlink(&place.directory, &place.name);
    };
    if step.work == Work::RemoveDirectory && found.is_none() {
        return directory::make(place, pre).map(drop);
    }
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
        return settle(Some(found));
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
        disk::rename_over(&place.directory, &temp, &place.name)
    } else {
        disk::rename_new(&place.directory, &temp, &place.name)
    }
}

fn attributes_of(found: &Found, pre: &Form) -> io::Result<()> {
    let wanted = Form {
        xattrs: attributes::with_mode(&found.form.xattrs, pre.mode),
        ..pre.clone()
    };
    disk::set_metadata(&found.opened, &found.form, &wanted, false)
}
