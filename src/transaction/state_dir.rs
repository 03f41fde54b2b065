//! The state directory: where journals and backups lie, reached by handles and judged by them.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::sys::stat::umask;
use rustix::fs::{AtFlags, CWD, Mode, OFlags};

use crate::failure::Failure;
use crate::root::{FileKind, Meta, Root, Where};

use super::disk;
use super::id::TransactionId;
use super::location::{judge, key_of, not_inside, unfit};

const LOCK: &str = "lock";
const ACTIVE: &str = "active";
/// What to do about a note that is not one.
const ACTIVE_IS: &str =
    "a file of yours with mode 0600 and one line, the id of the open transaction, belongs there";
const TRANSACTIONS: &str = "tx";
const ROOTS: &str = "roots";
/// Only the owner may enter.
const PRIVATE: u32 = 0o700;

/// The state that belongs to one root.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    handle: OwnedFd,
    transactions: OwnedFd,
}

/// The state while this process alone may change it.
#[derive(Debug)]
#[must_use = "the lock is held only while this lives"]
pub struct Locked {
    state: StateDir,
    /// Closing it gives the lock back. The file itself stays: unlinking it would let two hold it.
    _lock: File,
    umask: nix::sys::stat::Mode,
}

impl StateDir {
    /// Opens the state of a root below `base`, and creates what is missing.
    ///
    /// # Errors
    /// When it cannot be created, is a symlink, belongs to another user, can be written by others,
    /// or lies inside the root that it would guard.
    pub fn open(base: &Path, root: &Root) -> Result<StateDir, Failure> {
        if let Some(parent) = base
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            create_above(parent).map_err(|error| cannot_create(parent, &error))?;
        }
        let handle = enter(CWD, base, base, true)?
            .ok_or_else(|| cannot_create(base, &io::ErrorKind::NotFound.into()))?;
        not_inside(&handle, base, root)?;
        let Some(opened) = StateDir::of_root(base, handle, root, true)? else {
            return Err(cannot_create(base, &io::ErrorKind::NotFound.into()));
        };
        Ok(opened)
    }

    /// Opens the state of a root without creating anything; `None` where there is none.
    ///
    /// # Errors
    /// As [`StateDir::open`].
    pub fn open_existing(base: &Path, root: &Root) -> Result<Option<StateDir>, Failure> {
        let Some(handle) = enter(CWD, base, base, false)? else {
            return Ok(None);
        };
        not_inside(&handle, base, root)?;
        StateDir::of_root(base, handle, root, false)
    }

    fn of_root(
        base: &Path,
        base_handle: OwnedFd,
        root: &Root,
        create: bool,
    ) -> Result<Option<StateDir>, Failure> {
        let (path, handle) = match root.place() {
            Where::Live => (base.to_path_buf(), base_handle),
            _ => {
                let key = key_of(root)?;
                let roots = base.join(ROOTS);
                let path = roots.join(&key);
                let Some(all) = enter(&base_handle, Path::new(ROOTS), &roots, create)? else {
                    return Ok(None);
                };
                let Some(own) = enter(&all, Path::new(&key), &path, create)? else {
                    return Ok(None);
                };
                (path, own)
            }
        };
        let shown = path.join(TRANSACTIONS);
        let found = enter(&handle, Path::new(TRANSACTIONS), &shown, create)?;
        Ok(found.map(|transactions| StateDir {
            path,
            handle,
            transactions,
        }))
    }

    /// Takes the lock, without waiting.
    ///
    /// # Errors
    /// When another process holds it; the message names that process.
    pub fn lock(self) -> Result<Locked, Failure> {
        let path = self.path.join(LOCK);
        let failed = |error: io::Error| {
            Failure::refused(format!("{}: cannot be locked: {error}", path.display()))
                .state("nothing was written")
                .because(error)
        };
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(&self.handle, LOCK, flags, Mode::from_raw_mode(0o600))
            .map_err(|error| match error {
                rustix::io::Errno::LOOP => {
                    unfit(&path, "it is a symlink, and none is followed here")
                }
                error => failed(error.into()),
            })?;
        judge(&handle, &path, FileKind::File)?;
        let mut lock = File::from(handle);
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(held(&path, &mut lock)),
            Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
        let since = humantime::format_rfc3339_seconds(std::time::SystemTime::now());
        let text = format!("process {} since {since}\n", std::process::id());
        let noted = lock
            .seek(SeekFrom::Start(0))
            .and_then(|_| lock.write_all(text.as_bytes()))
            .and_then(|()| lock.set_len(text.len() as u64));
        noted.map_err(failed)?;
        Ok(Locked {
            state: self,
            _lock: lock,
            umask: umask(nix::sys::stat::Mode::from_bits_truncate(0o077)),
        })
    }

    /// The directory's own path on this machine, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a transaction's journal and backups lie, for messages.
    pub(super) fn path_of(&self, id: &TransactionId) -> PathBuf {
        self.path_of_name(id.as_str())
    }

    /// Where a name in the directory of the transactions lies, for messages.
    pub(super) fn path_of_name(&self, name: &str) -> PathBuf {
        self.path.join(TRANSACTIONS).join(name)
    }

    /// The directory that holds the transactions.
    pub(super) fn transactions(&self) -> &OwnedFd {
        &self.transactions
    }

    /// A transaction's own directory; `None` where there is none of that id.
    pub(super) fn transaction(&self, id: &TransactionId) -> Result<Option<OwnedFd>, Failure> {
        self.entered(id.as_str())
    }

    /// A directory among the transactions, judged like all of the state; `None` where there is none.
    pub(super) fn entered(&self, name: &str) -> Result<Option<OwnedFd>, Failure> {
        let shown = self.path_of_name(name);
        enter(&self.transactions, Path::new(name), &shown, false)
    }

    /// A transaction's own directory.
    pub(super) fn open_transaction(&self, id: &TransactionId) -> Result<OwnedFd, Failure> {
        self.transaction(id)?.ok_or_else(|| {
            Failure::refused(format!("there is no transaction {id}"))
                .help("list what is there with: tighten history")
        })
    }

    /// The content of `active`: `None` when it does not exist, an empty id when it names nothing.
    pub(super) fn active(&self) -> Result<Option<Option<TransactionId>>, Failure> {
        match disk::read_own(&self.handle, ACTIVE, 4096) {
            Ok(bytes) => Ok(Some(
                std::str::from_utf8(&bytes)
                    .ok()
                    .and_then(|text| TransactionId::parse(text.trim_end())),
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                let path = self.path.join(ACTIVE);
                let refused =
                    Failure::refused(format!("{}: cannot be read: {error}", path.display()))
                        .state("nothing was written");
                Err(match error.raw_os_error() {
                    Some(_) => refused.because(error),
                    None => refused.help(ACTIVE_IS),
                })
            }
        }
    }

    /// The network file system that it lies on, if it is one.
    pub fn network(&self) -> Option<&'static str> {
        crate::root::network(&self.handle).ok().flatten()
    }

    pub(super) fn handle(&self) -> &OwnedFd {
        &self.handle
    }
}

impl Locked {
    /// A new transaction's directory, its name already durable or not.
    pub(super) fn create_transaction(&self, id: &TransactionId) -> io::Result<OwnedFd> {
        let transactions = &self.state.transactions;
        rustix::fs::mkdirat(transactions, id.as_str(), Mode::from_raw_mode(PRIVATE))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(
            transactions,
            id.as_str(),
            flags,
            Mode::empty(),
        )?)
    }

    /// Takes away a transaction that never touched the node.
    pub(super) fn discard_transaction(&self, id: &TransactionId) -> io::Result<()> {
        let transactions = &self.state.transactions;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let own = match rustix::fs::openat(transactions, id.as_str(), flags, Mode::empty()) {
            Ok(own) => own,
            Err(rustix::io::Errno::NOENT) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for entry in rustix::fs::Dir::read_from(&own)? {
            let entry = entry?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                rustix::fs::unlinkat(&own, entry.file_name(), AtFlags::empty())?;
            }
        }
        Ok(rustix::fs::unlinkat(
            transactions,
            id.as_str(),
            AtFlags::REMOVEDIR,
        )?)
    }

    /// Says that a transaction is open, and makes all three directories durable.
    pub(super) fn set_active(&self, id: &TransactionId, own: &OwnedFd) -> io::Result<()> {
        let file = disk::create(&self.state.handle, ACTIVE, format!("{id}\n").as_bytes())?;
        file.sync_all()?;
        disk::flush_directory(own)?;
        disk::flush_directory(&self.state.transactions)?;
        disk::flush_directory(&self.state.handle)
    }

    /// Makes the names of the state directory and of all above it durable, as far as they lie on its
    /// file system. Whoever made them may have been killed before he could.
    pub(super) fn flush_above(&self) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut here = self.state.handle.try_clone()?;
        loop {
            let now = Meta::of(&here)?;
            let above = match rustix::fs::openat(&here, "..", flags, Mode::empty()) {
                Ok(above) => above,
                // Without root, what is above may be closed; then it was not made by us.
                Err(rustix::io::Errno::ACCESS) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let meta = Meta::of(&above)?;
            if meta.same_inode(&now) || meta.dev != now.dev {
                return Ok(());
            }
            rustix::fs::fsync(&above)?;
            here = above;
        }
    }

    /// Says that nothing is open. Not flushed: a name that comes back names a settled transaction.
    pub(super) fn clear_active(&self) -> io::Result<()> {
        disk::unlink(&self.state.handle, ACTIVE)
    }
}

impl std::ops::Deref for Locked {
    type Target = StateDir;

    fn deref(&self) -> &StateDir {
        &self.state
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        umask(self.umask);
    }
}

/// Directories above the state directory, as `mkdir -p` makes them.
fn create_above(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if path.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(PRIVATE)
        .create(path)
}

/// Opens one directory, creating it when asked to, and judges what was opened.
fn enter(
    from: impl AsFd,
    name: &Path,
    shown: &Path,
    create: bool,
) -> Result<Option<OwnedFd>, Failure> {
    let from = from.as_fd();
    if create {
        match rustix::fs::mkdirat(from, name, Mode::from_raw_mode(PRIVATE)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(cannot_create(shown, &error.into())),
        }
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = match rustix::fs::openat(from, name, flags, Mode::empty()) {
        Ok(handle) => handle,
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR) => {
            return Err(unfit(
                shown,
                "it is not a directory (a symlink is not followed here)",
            ));
        }
        Err(error) => {
            let error = io::Error::from(error);
            let refused = format!("{}: cannot be opened: {error}", shown.display());
            return Err(Failure::refused(refused).because(error));
        }
    };
    judge(&handle, shown, FileKind::Directory)?;
    Ok(Some(handle))
}

fn held(path: &Path, lock: &mut File) -> Failure {
    let mut text = String::new();
    let holder = match lock.take(200).read_to_string(&mut text) {
        Ok(_) if text.starts_with("process ") => text.trim_end().to_string(),
        _ => "another process".to_string(),
    };
    Failure::refused(format!(
        "{} is held by another tighten: {holder}",
        path.display()
    ))
    .state("nothing was written")
    .help("wait until it has ended, then try again")
}

fn cannot_create(path: &Path, error: &io::Error) -> Failure {
    Failure::refused(format!("{}: cannot be created: {error}", path.display()))
        .state("nothing was written")
        .help("name another state directory with --state-dir")
}
