//! Where state may lie, and under which name the state of one root is kept apart.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};

use crate::failure::Failure;
use crate::root::{FileKind, Meta, Root, Where};

use super::operation::sha256;

/// A state that others could have written would have its forged journal replayed.
pub(super) fn judge(handle: &OwnedFd, shown: &Path, kind: FileKind) -> Result<(), Failure> {
    let meta = Meta::of(handle).map_err(|error| {
        let error = io::Error::from(error);
        Failure::refused(format!("{}: cannot be looked at: {error}", shown.display()))
            .because(error)
    })?;
    distrust(&meta, kind).map_or(Ok(()), |why| Err(unfit(shown, &why)))
}

/// Why a part of the state is not believed, if it is not.
pub(super) fn distrust(meta: &Meta, kind: FileKind) -> Option<String> {
    let user = nix::unistd::geteuid().as_raw();
    if meta.kind != kind {
        return Some(format!("it is {}", meta.kind.describe()));
    }
    if meta.uid != user {
        return Some(format!(
            "it belongs to user {}, and this is user {user}",
            meta.uid
        ));
    }
    (meta.mode & 0o022 != 0).then(|| format!("others may write to it (mode {:04o})", meta.mode))
}

/// Whoever prepared a tree must not be able to put a journal into it.
pub(super) fn not_inside(handle: &OwnedFd, shown: &Path, root: &Root) -> Result<(), Failure> {
    let failed = |error: rustix::io::Errno| {
        let error = io::Error::from(error);
        Failure::refused(format!("{}: cannot be looked at: {error}", shown.display()))
            .because(error)
    };
    if root.place() == Where::Live {
        return Ok(());
    }
    let guarded = Meta::of(root.handle()).map_err(failed)?;
    let mut here = handle
        .try_clone()
        .map_err(|error| unfit(shown, &error.to_string()))?;
    loop {
        let now = Meta::of(&here).map_err(failed)?;
        if now.same_inode(&guarded) {
            return Err(unfit(shown, "it lies inside the root that it belongs to"));
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let above = rustix::fs::openat(&here, "..", flags, Mode::empty()).map_err(failed)?;
        if Meta::of(&above).map_err(failed)?.same_inode(&now) {
            return Ok(());
        }
        here = above;
    }
}

/// A name for a root that a person recognises and that no other root has.
pub(super) fn key_of(root: &Root) -> Result<String, Failure> {
    let (readable, unique) = if let Where::Process(_) = root.place() {
        let meta = Meta::of(root.handle()).map_err(|error| {
            let error = io::Error::from(error);
            Failure::refused(format!("the root cannot be looked at: {error}")).because(error)
        })?;
        ("process".to_string(), format!("{}:{}", meta.dev, meta.ino))
    } else {
        let host = root.host();
        let host = host.canonicalize().map_err(|error| {
            Failure::refused(format!("{}: cannot be resolved: {error}", host.display()))
                .because(error)
        })?;
        let parts: Vec<String> = host
            .components()
            .filter_map(|part| match part {
                std::path::Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
                _ => None,
            })
            .collect();
        let tail = parts
            .iter()
            .rev()
            .take(2)
            .rev()
            .cloned()
            .collect::<Vec<_>>();
        let unique = host.to_string_lossy().into_owned();
        // Images are mounted in turn at one path, and the root of each has the same inode number.
        (tail.join("-"), unique + &origin(root)?)
    };
    let mut readable: String = readable
        .chars()
        .map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => letter,
            _ => '_',
        })
        .take(60)
        .collect();
    if readable.is_empty() {
        readable.push_str("root");
    }
    let hash: String = sha256(unique.as_bytes()).chars().take(12).collect();
    Ok(format!("{readable}-{hash}"))
}

/// File systems whose id in statfs(2) is made from their UUID, and so stays the same: ext4 and btrfs.
/// XFS makes it from the number of the device.
const STABLE: [u64; 2] = [0xEF53, 0x9123_683E];

/// What tells trees apart that lie at one path one after the other: the file system's id, and when the
/// root directory was made, as far as either is known and stays.
fn origin(root: &Root) -> Result<String, Failure> {
    let failed = |error: rustix::io::Errno| {
        let (host, error) = (root.host().display(), io::Error::from(error));
        Failure::refused(format!("{host}: cannot be looked at: {error}")).because(error)
    };
    let wanted = StatxFlags::BTIME;
    let meta = rustix::fs::statx(root.handle(), "", AtFlags::EMPTY_PATH, wanted).map_err(failed)?;
    let mut origin = String::new();
    if StatxFlags::from_bits_retain(meta.stx_mask).contains(wanted) {
        let born = meta.stx_btime;
        origin.push_str(&format!("\nborn {}.{:09}", born.tv_sec, born.tv_nsec));
    }
    let system = rustix::fs::fstatfs(root.handle()).map_err(failed)?;
    if STABLE.contains(&(system.f_type as u64 & 0xFFFF_FFFF)) {
        let id = rustix::fs::fstatvfs(root.handle()).map_err(failed)?.f_fsid;
        origin.push_str(&format!("\non {id:016x}"));
    }
    Ok(origin)
}

pub(super) fn unfit(path: &Path, why: &str) -> Failure {
    Failure::refused(format!(
        "{}: not used as state directory: {why}",
        path.display()
    ))
    .state("nothing was written")
    .help("its owner must be you and its mode 0700; or name another one with --state-dir")
}
