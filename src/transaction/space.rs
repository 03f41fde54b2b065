//! Whether what is to be written fits, with as much again to spare.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};

use crate::failure::Failure;
use crate::root::{LookError, Meta};

use super::preflight::Ready;
use super::state_dir::StateDir;
use super::step::Work;

/// What one journal takes, besides its plan.
const JOURNAL: u64 = 64 << 10;
/// What a file takes at least.
const BLOCK: u64 = 4096;

struct Need<'a> {
    handle: BorrowedFd<'a>,
    bytes: u64,
    files: u64,
    shown: String,
}

/// Fails when a file system has less than twice the space and inodes that are needed.
pub(super) fn judge(ready: &[Ready], state: &StateDir, plan: usize) -> Result<(), Failure> {
    let mut needs: BTreeMap<u64, Need<'_>> = BTreeMap::new();
    let mut add = |handle, bytes: u64, shown: &str| -> Result<(), Failure> {
        let meta = Meta::of(handle).map_err(|error| cannot_tell(shown, error))?;
        let need = needs.entry(meta.dev).or_insert_with(|| Need {
            handle,
            bytes: 0,
            files: 0,
            shown: shown.into(),
        });
        need.bytes += bytes.next_multiple_of(BLOCK);
        need.files += 1;
        Ok(())
    };
    let own = format!("the state directory {}", state.path().display());
    let (own, state) = (own.as_str(), state.handle().as_fd());
    add(state, JOURNAL, own)?;
    add(state, plan as u64, own)?;
    for one in ready {
        if let Some(former) = &one.former {
            add(state, former.len() as u64, own)?;
        }
        if one.step.work == Work::MakeDirectory {
            let shown = one.place.path.parent();
            add(one.place.directory.as_fd(), BLOCK, shown.as_str())?;
        }
        if let Some(content) = &one.content {
            let shown = one.place.path.parent();
            add(
                one.place.directory.as_fd(),
                content.len() as u64,
                shown.as_str(),
            )?;
        }
    }
    for need in needs.values() {
        let space =
            rustix::fs::fstatvfs(need.handle).map_err(|error| cannot_tell(&need.shown, error))?;
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        let short = if space.f_blocks > 0 && free < 2 * need.bytes {
            format!("{free} bytes are free, {} are asked for", 2 * need.bytes)
        } else if space.f_files > 0 && space.f_favail < 2 * need.files {
            format!(
                "{} inodes are free, {} are asked for",
                space.f_favail,
                2 * need.files
            )
        } else {
            continue;
        };
        return Err(Failure::refused(format!(
            "not enough space on the file system of {}: {short}",
            need.shown
        ))
        .state("nothing was written")
        .help("make room there (twice of what will be written is asked for), then try again"));
    }
    Ok(())
}

fn cannot_tell(shown: &str, error: rustix::io::Errno) -> Failure {
    let error = LookError::from(error);
    Failure::refused(format!("{shown}: its free space cannot be told: {error}"))
        .state("nothing was written")
        .because(error)
}
