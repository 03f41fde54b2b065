//! One step: its file is staged, looked at for the last time, and changed.

use std::io;
use std::os::fd::OwnedFd;

use crate::failure::Failure;
use crate::root::{FileKind, LookError, Meta, NodePath, Opened};

use super::directory::{self, Removal};
use super::disk;
use super::flush::Directories;
use super::preflight::Ready;
use super::step::Work;

/// For a file that did not stay what it was made.
pub(super) const SOMEBODY_ELSE: &str =
    "find out what else writes there (a controller, a configuration tool), then try again";

pub(super) fn failed(path: &NodePath, what: &str, error: impl Into<io::Error>) -> Failure {
    let error = error.into();
    Failure::refused(format!("{path}: cannot be {what}: {error}")).because(error)
}

/// How directories are told of that stay, because something lies in them.
pub fn stays(filled: &[NodePath]) -> String {
    let names: Vec<&str> = filled.iter().map(NodePath::as_str).collect();
    let verb = if names.len() == 1 { "stays" } else { "stay" };
    format!("{} {verb}, with what lies there now", names.join(" and "))
}

pub(super) fn not_right(path: &NodePath, why: &str) -> Failure {
    Failure::refused(format!("{path}: the new contents are not right: {why}"))
        .help("this is a fault of the plan; report it, and --skip the check")
}

/// Writes the new file beside its target, if there is one to write.
pub(super) fn stage_one(one: &mut Ready) -> Result<(), Failure> {
    if let (Some(temp), Some(content), Some(post)) = (&one.step.temp, &one.content, &one.step.post)
    {
        let staged = disk::stage(&one.place.directory, temp, content, post)
            .map_err(|error| failed(&one.step.path, "staged", error))?;
        one.staged = Some(staged);
    }
    Ok(())
}

/// Stages a file in a directory that was made just now, durable and read back like the others.
pub(super) fn stage_within(one: &mut Ready) -> Result<(), Failure> {
    stage_one(one)?;
    if let (Some(temp), Some(post), Some(staged)) = (&one.step.temp, &one.step.post, &one.staged) {
        staged
            .sync_all()
            .and_then(|()| disk::read_back(&one.place.directory, temp, staged, post))
            .map_err(|error| failed(&one.step.path, "staged", error))?;
    }
    Ok(())
}

/// The last look at a target before it is changed: still the inode that was judged, untouched since.
pub(super) fn last_look(one: &Ready) -> Result<Option<Opened>, Failure> {
    let step = &one.step;
    let path = &step.path;
    let changed = || {
        Failure::refused(format!("{path} changed while it was about to be changed"))
            .help(SOMEBODY_ELSE)
    };
    let directory = &one.place.directory;
    let mut opened = None;
    if let (Some(pre), Some(identity)) = (&step.pre, &step.identity) {
        let now = one.place.open().map_err(|error| match error {
            LookError::Missing => changed(),
            error => failed(path, "changed", error),
        })?;
        if !identity.still(pre, &now.meta) {
            return Err(changed());
        }
        opened = Some(now);
    }
    if let (Some(temp), Some(staged)) = (&step.temp, &one.staged) {
        // The directory may have been open to others when the file was staged.
        let held = Meta::of(staged).map_err(|error| failed(path, "changed", error))?;
        let there = Meta::at(directory, temp).map_err(|error| match error {
            rustix::io::Errno::NOENT => changed(),
            error => failed(path, "changed", error),
        })?;
        if held != there || held.nlink != 1 {
            let why = format!("{path}: another file took the place of its successor");
            return Err(Failure::refused(why).help(SOMEBODY_ELSE));
        }
    }
    Ok(opened)
}

/// What carrying out one step led to.
pub(super) enum Changed {
    Plainly,
    /// A new directory, with its handle.
    Made(OwnedFd),
    /// The directory that was to go away holds something, and stays.
    Filled,
}

/// Carries one step out. What it changed is durable afterwards, or its directory is noted.
pub(super) fn change(
    one: &Ready,
    opened: Option<&Opened>,
    changed: &mut Directories,
) -> io::Result<Changed> {
    let step = &one.step;
    let directory = &one.place.directory;
    let name = one.place.name.as_str();
    match (step.work, &step.temp, opened, &step.pre, &step.post) {
        (Work::Create, Some(temp), ..) => disk::rename_new(directory, temp, name)?,
        (Work::Replace, Some(temp), ..) => disk::rename_over(directory, temp, name)?,
        (Work::Remove, ..) => disk::unlink(directory, name)?,
        (Work::MakeDirectory, .., Some(post)) => {
            let made = directory::make(&one.place, post)?;
            changed.note(&made, &step.path)?;
            changed.note(directory, &step.path)?;
            return Ok(Changed::Made(made));
        }
        (Work::RemoveDirectory, _, Some(opened), ..) => {
            if directory::is_filled(opened)? || directory::remove(&one.place)? == Removal::Filled {
                return Ok(Changed::Filled);
            }
            changed.forget(&opened.handle)?;
        }
        (Work::SetMeta, _, Some(opened), Some(pre), Some(post)) => {
            disk::set_metadata(opened, pre, post, one.exact)?;
            if post.kind == FileKind::Directory {
                changed.note(&opened.handle, &step.path)?;
            } else {
                disk::flush(opened)?;
            }
            return Ok(Changed::Plainly);
        }
        _ => return Err(io::Error::other("the step is incomplete")),
    }
    changed.note(directory, &step.path)?;
    Ok(Changed::Plainly)
}
