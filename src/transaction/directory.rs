//! Directories that a transaction makes, and takes away again when nothing lies in them.
//!
//! What somebody else put into such a directory meanwhile (the API server's log) is evidence: it is
//! never removed, and the directory then stays, without being a conflict.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;

use crate::root::{FileKind, Opened, Place};

use super::disk;
use super::form::{Form, Found, look};
use super::step::{Step, Work};

/// What became of a directory that was to go away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Removal {
    Gone,
    /// Something lies in it, or is mounted on it.
    Filled,
}

/// Makes a directory with this owner, mode and exactly these attributes, and gives a handle of it. Its
/// inode and its name are still to be made durable.
pub(super) fn make(place: &Place, wanted: &Form) -> io::Result<OwnedFd> {
    // Until it has its owner, nobody else may enter it.
    let private = Mode::from_raw_mode(0o700);
    rustix::fs::mkdirat(&place.directory, place.name.as_str(), private)?;
    let gone = || io::Error::other("it is gone right after it was made");
    let found = look(place, false)?.ok_or_else(gone)?;
    if found.form.kind != FileKind::Directory {
        return Err(io::Error::other("something else took its place"));
    }
    disk::set_metadata(&found.opened, &found.form, wanted, true)?;
    Ok(found.opened.handle)
}

/// Takes a directory away that nothing lies in.
pub(super) fn remove(place: &Place) -> io::Result<Removal> {
    match rustix::fs::unlinkat(&place.directory, place.name.as_str(), AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(Removal::Gone),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(Removal::Filled),
        Err(error) => Err(error.into()),
    }
}

/// Whether something lies in a directory, or is mounted on it.
pub(super) fn is_filled(opened: &Opened) -> io::Result<bool> {
    Ok(opened.meta.mount_point || !disk::names(&opened.handle)?.is_empty())
}

/// Whether this is what a step leaves of a directory when it is cut off: made, and not yet given away.
pub(super) fn half_made(step: &Step, found: &Form) -> bool {
    let wanted = match step.work {
        Work::MakeDirectory => step.post.as_ref(),
        Work::RemoveDirectory => step.pre.as_ref(),
        _ => None,
    };
    let own = nix::unistd::geteuid().as_raw();
    wanted.is_some_and(|wanted| {
        found.kind == FileKind::Directory
            && (found.uid == own || found.uid == wanted.uid)
            // A mode that mkdir gave, with the bit that a directory can inherit, or the last one.
            && (found.mode & !0o2700 == 0 || found.mode & !0o2000 == wanted.mode)
    })
}

/// Undoes the making of a directory: only an empty one that nobody changed goes away.
pub(super) fn unmake(place: &Place, step: &Step, found: &Found) -> io::Result<Removal> {
    if found.opened.meta.mount_point || !half_made(step, &found.form) {
        return Ok(Removal::Filled);
    }
    remove(place)
}
