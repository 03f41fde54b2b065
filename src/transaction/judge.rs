//! What makes a change unsafe or impossible, told from metadata alone.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;

use crate::failure::Failure;
use crate::root::{FileKind, LookError, Meta, NodePath, Place, Root};

use super::step::{Step, Work};

/// Who runs the tool; without root, less is possible.
pub(super) struct User {
    uid: u32,
    groups: Vec<u32>,
}

pub(super) fn refuse(path: &NodePath, why: impl std::fmt::Display, help: &str) -> Failure {
    Failure::refused(format!("{path}: {why}"))
        .state("nothing was written")
        .help(help)
}

/// The refusal of what could not be looked at: a limit or a disk has a help of its own, since neither
/// file nor plan is at fault.
pub(super) fn cannot_look(path: &NodePath, error: LookError, help: &str) -> Failure {
    match error {
        LookError::Handles | LookError::System(_) => Failure::refused(format!("{path}: {error}"))
            .state("nothing was written")
            .because(error),
        _ => refuse(path, error, help),
    }
}

/// Why a transaction would refuse to change what lies at a path, as far as metadata tells: a plan
/// leaves such findings to a person. `replaces` tells an edit from a change of mode or owner alone;
/// `tightened` names directories that the same transaction makes safe first; `judged` keeps those that
/// were found to be safe.
pub fn obstacle(
    root: &Root,
    path: &NodePath,
    meta: Option<&Meta>,
    replaces: bool,
    tightened: &dyn Fn(&NodePath) -> bool,
    judged: &mut BTreeSet<NodePath>,
) -> Option<Failure> {
    let work = match (meta, replaces) {
        (None, _) => Work::Create,
        (Some(_), true) => Work::Replace,
        (Some(_), false) => Work::SetMeta,
    };
    let mut judge = || {
        if let Some(meta) = meta {
            judge_target(path, meta, work)?;
        }
        judge_directories(root, path, tightened, judged)?;
        // What cannot be looked at any more, apply says.
        let Ok(place) = root.locate(path) else {
            return Ok(());
        };
        if meta.is_some_and(|meta| meta.mount_point)
            && let Ok(opened) = place.open()
        {
            judge_writable(path, &opened.handle)?;
        }
        judge_directory(path, &place, work)
    };
    judge().err()
}

/// Nobody else may be able to put a file where the tool works, unless an earlier step of the same
/// transaction sees to it, by tightening the directory or by making it.
pub(super) fn judge_directories(
    root: &Root,
    path: &NodePath,
    tightened: &dyn Fn(&NodePath) -> bool,
    judged: &mut BTreeSet<NodePath>,
) -> Result<(), Failure> {
    for directory in path.parent().ancestors() {
        // First, since one that the transaction makes cannot be looked at yet.
        if judged.contains(&directory) || tightened(&directory) {
            continue;
        }
        let failed = |error: LookError| cannot_look(&directory, error, "run tighten plan again");
        let meta = if directory == NodePath::root() {
            Meta::of(root.handle()).map_err(|error| failed(error.into()))?
        } else {
            let place = root.locate_exactly(&directory).map_err(failed)?;
            place.open().map_err(failed)?.meta
        };
        let safe = root.trusts(meta.uid) && meta.mode & 0o022 == 0;
        if !safe {
            let why = if meta.mode & 0o022 == 0 {
                format!(
                    "this directory belongs to user {}, who could put files into it",
                    meta.uid
                )
            } else {
                format!(
                    "others may put files into this directory (mode {:04o})",
                    meta.mode
                )
            };
            let help =
                format!("give it to root and take the write bits away, since {path} lies below it");
            return Err(refuse(&directory, why, &help));
        }
        judged.insert(directory);
    }
    Ok(())
}

pub(super) fn judge_target(path: &NodePath, meta: &Meta, work: Work) -> Result<(), Failure> {
    if meta.immutable || meta.append_only {
        let flag = if meta.immutable { "i" } else { "a" };
        let why = format!("its flag {flag} forbids the change");
        return Err(refuse(
            path,
            why,
            &format!("take the flag away with: chattr -{flag} {path}"),
        ));
    }
    if meta.kind != FileKind::File {
        return Ok(());
    }
    if meta.nlink != 1 {
        let why = format!(
            "has {} hard links, and the change would reach or lose the others",
            meta.nlink
        );
        return Err(refuse(
            path,
            why,
            "find them with find -samefile, and leave one",
        ));
    }
    if meta.mount_point && work != Work::SetMeta {
        let why = "is a mount point of its own, so that it cannot be replaced in one step";
        return Err(refuse(
            path,
            why,
            "unmount it, or change it where it is mounted from",
        ));
    }
    Ok(())
}

/// The directory's file system and, where something is mounted on the target itself, that one.
pub(super) fn judge_writable(path: &NodePath, handle: &OwnedFd) -> Result<(), Failure> {
    let failed =
        |error: rustix::io::Errno| cannot_look(path, error.into(), "look at its file system");
    let space = rustix::fs::fstatvfs(handle).map_err(failed)?;
    if space.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        return Err(refuse(
            path,
            "lies on a file system that is mounted read-only",
            "mount it read-write",
        ));
    }
    Ok(())
}

pub(super) fn judge_directory(path: &NodePath, place: &Place, work: Work) -> Result<(), Failure> {
    let failed =
        |error: rustix::io::Errno| cannot_look(path, error.into(), "look at its directory");
    judge_writable(path, &place.directory)?;
    let meta = Meta::of(&place.directory).map_err(failed)?;
    if work != Work::SetMeta && (meta.immutable || meta.append_only) {
        let why = "its directory's flags (chattr) forbid new names in it";
        return Err(refuse(
            path,
            why,
            "take the flags away with: chattr -ia on the directory",
        ));
    }
    Ok(())
}

impl User {
    pub(super) fn current() -> User {
        let mut groups = vec![nix::unistd::getegid().as_raw()];
        groups.extend(
            nix::unistd::getgroups()
                .unwrap_or_default()
                .iter()
                .map(|gid| gid.as_raw()),
        );
        User {
            uid: nix::unistd::geteuid().as_raw(),
            groups,
        }
    }
}

/// What needs root is said, not tried.
pub(super) fn judge_rights(
    path: &NodePath,
    place: &Place,
    step: &Step,
    user: &User,
) -> Result<(), Failure> {
    if user.uid == 0 {
        return Ok(());
    }
    let root_only = |why: &str| Err(refuse(path, why, "run tighten as root"));
    if let Some(post) = &step.post {
        let from = step
            .pre
            .as_ref()
            .map_or((user.uid, u32::MAX), |pre| (pre.uid, pre.gid));
        if post.uid != from.0 || post.uid != user.uid {
            return root_only("only root may change what belongs, or will belong, to another user");
        }
        if post.gid != from.1 && !user.groups.contains(&post.gid) {
            return root_only("only root may give a file to a group that one is not in");
        }
    }
    if step.work != Work::SetMeta {
        let needed = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
        let flags = rustix::fs::AtFlags::EACCESS;
        if rustix::fs::accessat(&place.directory, ".", needed, flags).is_err() {
            return root_only("its directory cannot be written to");
        }
    }
    Ok(())
}
