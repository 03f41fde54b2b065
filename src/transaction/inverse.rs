//! The operation that takes one step back.

use crate::failure::Failure;
use crate::root::{FileKind, Time};

use super::disk;
use super::form::{Form, Found};
use super::id::TransactionId;
use super::operation::{Action, Exact, Expected, Operation, sha256};
use super::state_dir::StateDir;
use super::step::{Step, Work};

/// The former contents, as they were when the journal was written.
pub(super) fn backup(
    state: &StateDir,
    id: &TransactionId,
    step: &Step,
    name: &str,
) -> Result<Vec<u8>, Failure> {
    let shown = state.path_of(id).join(name);
    let directory = state.open_transaction(id)?;
    let bytes = disk::read(directory, name, crate::root::MAX_FILE).map_err(|error| {
        Failure::refused(format!(
            "{}: the backup cannot be read: {error}",
            shown.display()
        ))
        .state("nothing was written")
        .because(error)
    })?;
    let recorded = step.pre.as_ref().and_then(|pre| pre.sha256.as_deref());
    if recorded != Some(sha256(&bytes).as_str()) {
        return Err(
            Failure::refused(format!("{}: the backup is damaged", shown.display()))
                .state("nothing was written")
                .help("put this file back by hand, from another copy"),
        );
    }
    Ok(bytes)
}

/// The operation that brings a file back; `None` when there is nothing left to do.
pub(super) fn inverse(
    step: &Step,
    found: Option<&Found>,
    content: Option<Vec<u8>>,
) -> Result<Option<Operation>, String> {
    let expected = match found {
        None => Expected::absent(),
        Some(found) => Expected {
            exists: true,
            kind: found.form.kind,
            sha256: found.form.sha256.clone(),
            mode: found.form.mode,
            uid: found.form.uid,
            gid: found.form.gid,
        },
    };
    if let Some(found) = found {
        let kind = step
            .pre
            .as_ref()
            .or(step.post.as_ref())
            .map(|form| form.kind);
        if kind.is_some_and(|kind| kind != found.form.kind) {
            return Err(format!("it is {} now", found.form.kind.describe()));
        }
    }
    let action = match (&step.pre, content, found) {
        (None, _, None) => return Ok(None),
        (None, _, Some(_)) if step.work == Work::MakeDirectory => Action::RemoveDirectory,
        (Some(pre), _, None) if step.work == Work::RemoveDirectory => Action::MakeDirectory {
            mode: pre.mode,
            uid: pre.uid,
            gid: pre.gid,
        },
        (None, _, Some(_)) => Action::Remove,
        (Some(pre), Some(content), found) => {
            let (mode, uid, gid) = (pre.mode, pre.uid, pre.gid);
            if found.is_some() {
                Action::Replace {
                    content,
                    mode,
                    uid,
                    gid,
                }
            } else {
                Action::Create {
                    content,
                    mode,
                    uid,
                    gid,
                }
            }
        }
        // Only mode and owner were ours, and they went with the file.
        (Some(_), None, None) => return Ok(None),
        (Some(pre), None, Some(_)) => Action::SetMeta {
            mode: pre.mode,
            uid: pre.uid,
            gid: pre.gid,
        },
    };
    let exact = step.pre.as_ref().map(|pre| exact(step.work, pre, found));
    Ok(Some(Operation {
        path: step.path.clone(),
        expected,
        action,
        exact: exact.flatten(),
    }))
}

fn exact(work: Work, pre: &Form, found: Option<&Found>) -> Option<Exact> {
    let now: Option<Time> = found.and_then(|found| found.form.mtime);
    // A change of metadata leaves the time of the contents alone, and so does its undoing.
    let mtime = if work == Work::RemoveDirectory {
        pre.mtime?
    } else if work == Work::SetMeta || pre.kind == FileKind::Directory {
        now?
    } else {
        pre.mtime?
    };
    Some(Exact {
        xattrs: pre.xattrs.clone(),
        mtime,
    })
}
