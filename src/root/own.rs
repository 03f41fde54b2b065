//! A file that the operator keeps on this machine and that decides what is done as root.

use std::io::{ErrorKind, Read};
use std::path::Path;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use super::meta::{FileKind, Meta};
use crate::failure::Failure;

/// What a file is for, as messages call it.
#[derive(Clone, Copy, Debug)]
pub struct Purpose {
    /// `baseline`
    pub name: &'static str,
    /// The page that says what such a file looks like.
    pub page: &'static str,
    /// Largest size, in bytes.
    pub limit: u64,
}

/// Reads it whole. It is opened first and then judged by the handle: a regular file of root's or of the
/// user who runs the tool, which nobody else may write.
///
/// # Errors
/// When it cannot be read, is not such a file, is larger than the limit, or is not UTF-8.
pub fn read_own(path: &Path, purpose: Purpose) -> Result<String, Failure> {
    let shown = path.display();
    let refuse = |why: String| {
        Failure::refused(format!("the {} {shown} {why}", purpose.name))
            .state("nothing was read from it")
    };
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let handle = open(path, flags, Mode::empty())
        .map_err(|errno| refuse(format!("cannot be opened: {}", errno.desc())).unopened(errno))?;
    let meta = Meta::of(&handle)
        .map_err(|errno| refuse(format!("cannot be looked at: {errno}")).because(errno))?;
    if meta.kind != FileKind::File {
        return Err(
            refuse(format!("is {}, not a regular file", meta.kind.describe())).help(format!(
                "name a file that holds one; {} says what it looks like",
                purpose.page
            )),
        );
    }
    let user = nix::unistd::geteuid().as_raw();
    if meta.uid != 0 && meta.uid != user {
        return Err(refuse(format!("belongs to user {}, not to root", meta.uid))
            .help(format!("chown root {shown}")));
    }
    if meta.mode & 0o022 != 0 {
        return Err(
            refuse(format!("is writable by others (mode {:04o})", meta.mode))
                .help(format!("chmod go-w {shown}")),
        );
    }
    let mut text = String::new();
    std::fs::File::from(handle)
        .take(purpose.limit + 1)
        .read_to_string(&mut text)
        .map_err(|error| match error.kind() {
            // The disk is not to blame for what was written there.
            ErrorKind::InvalidData => refuse("is not text (UTF-8)".into())
                .help(format!("{} says what it looks like", purpose.page)),
            _ => refuse(format!("cannot be read: {error}")).because(error),
        })?;
    if text.len() as u64 > purpose.limit {
        return Err(refuse(format!(
            "is larger than {} KiB",
            purpose.limit >> 10
        )));
    }
    Ok(text)
}
