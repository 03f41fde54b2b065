//! What a file is, as far as it is remembered and compared.

use crate::root::{FileKind, LookError, Meta, Opened, Place, Time, Xattrs};

use super::attributes;
use super::operation::{Expected, sha256};

/// Everything about a file that a transaction restores or compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) kind: FileKind,
    /// `None`: the contents are not part of this change (directories, and files of which only the
    /// metadata change and whose contents may change at any time).
    pub(super) sha256: Option<String>,
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Restored, never compared: a `touch` is no change of a file.
    pub(super) mtime: Option<Time>,
    pub(super) xattrs: Xattrs,
}

/// Which inode it was and when it was last changed: for the last look before a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) dev: u64,
    pub(super) ino: u64,
    pub(super) nlink: u32,
    pub(super) ctime: Time,
}

/// A file that is there.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) opened: Opened,
    pub(super) form: Form,
    /// Empty where the contents were not asked for.
    pub(super) bytes: Vec<u8>,
}

/// Looks at a place; `None` when nothing is there.
pub(super) fn look(place: &Place, contents: bool) -> Result<Option<Found>, LookError> {
    let opened = match place.open() {
        Ok(opened) => opened,
        Err(LookError::Missing) => return Ok(None),
        Err(error) => return Err(error),
    };
    let is_file = match opened.meta.kind {
        FileKind::File => true,
        FileKind::Directory => false,
        other => return Err(LookError::Kind(other)),
    };
    let bytes = if contents && is_file {
        opened.read()?
    } else {
        Vec::new()
    };
    let meta = opened.meta;
    let form = Form {
        kind: meta.kind,
        sha256: (contents && is_file).then(|| sha256(&bytes)),
        size: if is_file { meta.size } else { 0 },
        mode: meta.mode,
        uid: meta.uid,
        gid: meta.gid,
        mtime: Some(meta.mtime),
        xattrs: opened.xattrs()?,
    };
    Ok(Some(Found {
        opened,
        form,
        bytes,
    }))
}

impl Identity {
    pub(super) fn of(meta: &Meta) -> Identity {
        Identity {
            dev: meta.dev,
            ino: meta.ino,
            nlink: meta.nlink,
            ctime: meta.ctime,
        }
    }

    /// Whether it is still the inode that was judged, untouched since. A directory's own times move
    /// with every file staged in it, so there its inode, owner and mode decide.
    pub(super) fn still(&self, form: &Form, now: &Meta) -> bool {
        let same_inode = (self.dev, self.ino) == (now.dev, now.ino) && form.kind == now.kind;
        let same_access = (form.mode, form.uid, form.gid) == (now.mode, now.uid, now.gid);
        let untouched = form.kind == FileKind::Directory
            || form.sha256.is_none()
            || (self.ctime, self.nlink, form.size) == (now.ctime, now.nlink, now.size);
        same_inode && same_access && untouched
    }
}

impl Form {
    /// True when the contents belong to what is compared.
    pub(super) fn has_contents(form: Option<&Form>) -> bool {
        form.is_some_and(|form| form.sha256.is_some())
    }
}

/// What differs between what should be there and what is; empty when nothing does.
pub(super) fn differences(wanted: Option<&Form>, found: Option<&Form>) -> Vec<String> {
    let (wanted, found) = match (wanted, found) {
        (None, None) => return Vec::new(),
        (None, Some(_)) => return vec!["existence (it should not exist)".into()],
        (Some(_), None) => return vec!["existence (it is gone)".into()],
        (Some(wanted), Some(found)) => (wanted, found),
    };
    let mut differs = access_differences(
        (wanted.kind, wanted.mode, wanted.uid, wanted.gid),
        (found.kind, found.mode, found.uid, found.gid),
    );
    if wanted.sha256.is_some() && wanted.sha256 != found.sha256 {
        differs.insert(0, "content".into());
    }
    if !attributes::same(&wanted.xattrs, &found.xattrs) {
        differs.push("extended attributes".into());
    }
    differs
}

/// What differs from what a plan saw.
pub(super) fn stale(expected: &Expected, found: Option<&Form>) -> Vec<String> {
    let Some(found) = found else {
        return if expected.exists {
            vec!["existence (it is gone)".into()]
        } else {
            Vec::new()
        };
    };
    if !expected.exists {
        return vec!["existence (it exists now)".into()];
    }
    let mut differs = access_differences(
        (expected.kind, expected.mode, expected.uid, expected.gid),
        (found.kind, found.mode, found.uid, found.gid),
    );
    if expected.sha256.is_some() && expected.sha256 != found.sha256 {
        differs.insert(0, "content".into());
    }
    differs
}

type Access = (FileKind, u32, u32, u32);

fn access_differences(wanted: Access, found: Access) -> Vec<String> {
    let mut differs = Vec::new();
    if wanted.0 != found.0 {
        differs.push(format!("kind (it is {} now)", found.0.describe()));
    }
    if wanted.1 != found.1 {
        differs.push(format!(
            "mode ({:04o} instead of {:04o})",
            found.1, wanted.1
        ));
    }
    if (wanted.2, wanted.3) != (found.2, found.3) {
        differs.push(format!(
            "owner ({}:{} instead of {}:{})",
            found.2, found.3, wanted.2, wanted.3
        ));
    }
    differs
}
