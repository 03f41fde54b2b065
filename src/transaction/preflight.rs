//! The look before anything is written: every reason for which a change could fail or be unsafe.

use std::collections::{BTreeMap, BTreeSet};

use crate::failure::Failure;
use crate::root::{FileKind, LookError, NodePath, Place, Root};

use super::attributes;
use super::form::{Form, Found, Identity, look, stale};
use super::id::TransactionId;
use super::judge::{
    User, cannot_look, judge_directories, judge_directory, judge_rights, judge_target,
    judge_writable, refuse,
};
use super::operation::{Action, Operation, sha256};
use super::step::{Step, Work};

/// An operation that may be carried out, with everything at hand.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) step: Step,
    pub(super) place: Place,
    /// What will be written.
    pub(super) content: Option<Vec<u8>>,
    /// What the backup will hold.
    pub(super) former: Option<Vec<u8>>,
    /// A rollback brings the attributes back too.
    pub(super) exact: bool,
    /// The staged file, held open so that no other can take its place.
    pub(super) staged: Option<std::fs::File>,
    /// Which step makes the directory that holds it. Until then `place` has the handle of one above.
    pub(super) inside: Option<usize>,
}

/// Looks at all targets and changes nothing.
pub(super) fn examine(
    root: &Root,
    id: &TransactionId,
    operations: Vec<Operation>,
) -> Result<Vec<Ready>, Failure> {
    let user = User::current();
    let mut ready: Vec<Ready> = Vec::with_capacity(operations.len());
    let mut seen = BTreeSet::new();
    let mut safe = BTreeSet::new();
    for (index, operation) in operations.into_iter().enumerate() {
        let one = examine_one(root, id, index, operation, &user, &ready, &mut safe)?;
        if !seen.insert(one.step.path.clone()) {
            let help = "this is a fault of the plan; report it";
            return Err(refuse(&one.step.path, "is to be changed twice", help));
        }
        ready.push(one);
    }
    Ok(ready)
}

fn examine_one(
    root: &Root,
    id: &TransactionId,
    index: usize,
    operation: Operation,
    user: &User,
    before: &[Ready],
    safe: &mut BTreeSet<NodePath>,
) -> Result<Ready, Failure> {
    let path = operation.path.clone();
    let look_failed = |error: LookError| {
        let help = "tighten changes regular files and directories only";
        cannot_look(&path, error, help)
    };
    let inside = before.iter().find(|earlier| {
        earlier.step.work == Work::MakeDirectory && earlier.step.path == path.parent()
    });
    let place = match (root.locate(&path), inside) {
        (Ok(place), _) => place,
        (Err(LookError::Missing), Some(maker)) => new_place(maker, &path)?,
        (Err(LookError::Missing), None) => {
            let help = "run tighten plan again; a directory that is missing is not created";
            return Err(refuse(
                &path,
                "the directory that should hold it does not exist",
                help,
            ));
        }
        (Err(error), _) => return Err(look_failed(error)),
    };
    if place.name == "." {
        return Err(refuse(
            &path,
            "the root itself is not changed",
            "change it by hand",
        ));
    }
    let set_meta = matches!(
        operation.action,
        Action::SetMeta { .. } | Action::RemoveDirectory
    );
    if !set_meta && operation.expected.exists && operation.expected.sha256.is_none() {
        let help = "this is a fault of the plan; report it";
        return Err(refuse(
            &path,
            "is to be replaced without knowing its contents",
            help,
        ));
    }
    let contents = !set_meta || operation.expected.sha256.is_some();
    let found = match inside {
        // What it is to lie in is not there yet.
        Some(_) => None,
        None => look(&place, contents).map_err(look_failed)?,
    };
    let differs = stale(&operation.expected, found.as_ref().map(|found| &found.form));
    if !differs.is_empty() {
        return Err(Failure::refused(format!(
            "{path} changed since the plan was made: {}",
            differs.join(", ")
        ))
        .state("nothing was written")
        .help("run tighten plan again"));
    }
    let (step, content) = to_step(id, index, &place, &operation, found.as_ref())?;
    let tightened = |directory: &NodePath| {
        before.iter().any(|earlier| {
            let post = earlier.step.post.as_ref();
            earlier.step.path == *directory
                && post.is_some_and(|post| root.trusts(post.uid) && post.mode & 0o022 == 0)
        })
    };
    judge_directories(root, &place.path, &tightened, safe)?;
    if let Some(found) = &found {
        judge_target(&path, &found.opened.meta, step.work)?;
        judge_writable(&path, &found.opened.handle)?;
    }
    judge_directory(&path, &place, step.work)?;
    judge_rights(&path, &place, &step, user)?;
    let former = step
        .backup
        .is_some()
        .then(|| found.map(|found| found.bytes));
    Ok(Ready {
        step,
        place,
        content,
        former: former.flatten(),
        exact: operation.exact.is_some(),
        staged: None,
        inside: inside.map(|maker| maker.step.index),
    })
}

/// A place in a directory that an earlier step makes. The handle is that of the directory above, on the
/// same file system.
fn new_place(maker: &Ready, path: &NodePath) -> Result<Place, Failure> {
    let directory = maker.place.directory.try_clone().map_err(|error| {
        Failure::refused(format!("{path}: {error}"))
            .state("nothing was written")
            .because(error)
    })?;
    Ok(Place {
        directory,
        name: path.name().into(),
        path: path.clone(),
    })
}

/// The operation's before and after.
fn to_step(
    id: &TransactionId,
    index: usize,
    place: &Place,
    operation: &Operation,
    found: Option<&Found>,
) -> Result<(Step, Option<Vec<u8>>), Failure> {
    let path = &operation.path;
    let pre = found.map(|found| found.form.clone());
    let exact = operation.exact.as_ref();
    let mut content_of = None;
    let (work, post) = match (&operation.action, &pre) {
        (Action::Remove, Some(pre)) if pre.kind == FileKind::File => (Work::Remove, None),
        (
            Action::Create {
                content,
                mode,
                uid,
                gid,
            },
            None,
        ) => {
            content_of = Some(content.clone());
            let post = file_form(content, (*mode, *uid, *gid));
            (Work::Create, Some(post))
        }
        (
            Action::Replace {
                content,
                mode,
                uid,
                gid,
            },
            Some(pre),
        ) if pre.kind == FileKind::File => {
            content_of = Some(content.clone());
            let mut post = file_form(content, (*mode, *uid, *gid));
            post.xattrs = attributes::with_mode(&pre.xattrs, *mode);
            (Work::Replace, Some(post))
        }
        (Action::RemoveDirectory, Some(pre)) if pre.kind == FileKind::Directory => {
            (Work::RemoveDirectory, None)
        }
        (Action::MakeDirectory { mode, uid, gid }, None) => {
            let post = Form {
                kind: FileKind::Directory,
                sha256: None,
                size: 0,
                ..file_form(&[], (*mode, *uid, *gid))
            };
            (Work::MakeDirectory, Some(post))
        }
        (Action::SetMeta { mode, uid, gid }, Some(pre)) => {
            let mut post = Form {
                mode: *mode,
                uid: *uid,
                gid: *gid,
                ..pre.clone()
            };
            post.xattrs = attributes::with_mode(&pre.xattrs, *mode);
            if (pre.uid, pre.gid) != (*uid, *gid) {
                post.xattrs = attributes::after_chown(post.xattrs);
            }
            (Work::SetMeta, Some(post))
        }
        (_, found) => {
            let is = found
                .as_ref()
                .map_or("nothing", |form| form.kind.describe());
            let help = "run tighten plan again";
            return Err(refuse(
                path,
                format!("there is {is}, where the change needs another"),
                help,
            ));
        }
    };
    let post = post.map(|mut post| {
        if let Some(exact) = exact {
            post.xattrs = exact.xattrs.clone();
            post.mtime = Some(exact.mtime);
        }
        post
    });
    let step = Step {
        index,
        work,
        path: place.path.clone(),
        temp: content_of.as_ref().map(|_| Step::temp_name(id, index)),
        backup: matches!(work, Work::Replace | Work::Remove).then(|| Step::backup_name(index)),
        identity: found.map(|found| Identity::of(&found.opened.meta)),
        pre,
        post,
    };
    Ok((step, content_of))
}

fn file_form(content: &[u8], (mode, uid, gid): (u32, u32, u32)) -> Form {
    Form {
        kind: FileKind::File,
        sha256: Some(sha256(content)),
        size: content.len() as u64,
        mode,
        uid,
        gid,
        mtime: None,
        xattrs: BTreeMap::new(),
    }
}
