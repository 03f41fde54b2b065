//! Directories in which something changed: each is made durable once, however much changed in it.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use crate::root::{Meta, NodePath};

use super::disk;

/// The directories so far, each with the first file for which it must be durable.
#[derive(Debug, Default)]
pub(super) struct Directories(BTreeMap<(u64, u64), (OwnedFd, NodePath)>);

impl Directories {
    /// Notes a directory in which a name changed, or that itself changed.
    pub(super) fn note(&mut self, directory: impl AsFd, path: &NodePath) -> io::Result<()> {
        let directory = directory.as_fd();
        let meta = Meta::of(directory)?;
        if let std::collections::btree_map::Entry::Vacant(new) = self.0.entry((meta.dev, meta.ino))
        {
            new.insert((directory.try_clone_to_owned()?, path.clone()));
        }
        Ok(())
    }

    /// Forgets a directory that is about to go away: there is nothing left of it to be made durable.
    pub(super) fn forget(&mut self, directory: impl AsFd) -> io::Result<()> {
        let meta = Meta::of(directory.as_fd())?;
        self.0.remove(&(meta.dev, meta.ino));
        Ok(())
    }

    /// Makes all of them durable. Gives those for which that failed, by the file they were noted for.
    pub(super) fn flush(self) -> Vec<(NodePath, io::Error)> {
        let directories = self.0.into_values();
        directories
            .filter_map(|(directory, path)| {
                let flushed = disk::flush_directory(&directory);
                flushed.err().map(|error| (path, error))
            })
            .collect()
    }
}
