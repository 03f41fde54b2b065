//! Opening and reading, judged by the handle.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;

use super::meta::{FileKind, Meta, Xattrs};
use super::path::NodePath;
use super::resolve::{Place, Root};

/// Largest set of extended attributes that is read, in bytes; the kernel's own limit.
const MAX_XATTR: usize = 64 << 10;

/// Why something could not be looked at. Never the same as "looked, and it is bad".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookError {
    /// Nothing is there.
    Missing,
    /// The user who runs the tool may not look.
    Denied,
    /// Something else than a regular file.
    Kind(FileKind),
    /// A directory on the way is not a directory.
    NotDirectory,
    /// Too many symlinks.
    Loop,
    /// A symlink that somebody without root could have planted, with its path.
    Planted(String),
    /// A link of /proc, which leads elsewhere than its text says, with its path.
    Magic(String),
    /// A symlink whose target is not UTF-8.
    NotText,
    /// Larger than what a configuration can be, in bytes.
    TooLarge(u64),
    /// It changed each time that it was read.
    Changing,
    /// No more file handles.
    Handles,
    /// Anything else that the kernel returned.
    System(Errno),
}

impl fmt::Display for LookError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LookError::Missing => out.write_str("does not exist"),
            LookError::Denied => out.write_str("permission denied"),
            LookError::Kind(kind) => write!(out, "is {}, not a regular file", kind.describe()),
            LookError::NotDirectory => {
                out.write_str("cannot be reached: a component of its path is not a directory")
            }
            LookError::Loop => out.write_str("too many levels of symbolic links"),
            LookError::Planted(link) => write!(
                out,
                "the symlink {link} is not followed, because others than root could have put it there"
            ),
            LookError::Magic(link) => write!(
                out,
                "the link {link} is the kernel's own, and its text does not say where it leads"
            ),
            LookError::NotText => out.write_str("a symlink's target is not UTF-8"),
            LookError::TooLarge(size) => write!(
                out,
                "is {size} bytes; more than {} MiB is not read",
                super::MAX_FILE >> 20
            ),
            LookError::Changing => out.write_str("changed while it was being read"),
            LookError::Handles => out.write_str("no more file handles"),
            LookError::System(errno) => out.write_str(errno.desc()),
        }
    }
}

impl From<Errno> for LookError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::ENOENT => LookError::Missing,
            Errno::EACCES | Errno::EPERM => LookError::Denied,
            Errno::ENOTDIR => LookError::NotDirectory,
            Errno::ELOOP => LookError::Loop,
            Errno::EMFILE | Errno::ENFILE => LookError::Handles,
            other => LookError::System(other),
        }
    }
}

impl From<rustix::io::Errno> for LookError {
    fn from(errno: rustix::io::Errno) -> Self {
        Errno::from_raw(errno.raw_os_error()).into()
    }
}

impl From<LookError> for std::io::Error {
    fn from(error: LookError) -> Self {
        match error {
            LookError::System(errno) => errno.into(),
            LookError::Denied => Errno::EACCES.into(),
            LookError::Handles => Errno::EMFILE.into(),
            LookError::Missing => Errno::ENOENT.into(),
            other => std::io::Error::other(other.to_string()),
        }
    }
}

/// An open handle to whatever a place holds, and what it was when it was opened.
#[derive(Debug)]
pub struct Opened {
    /// The handle, opened with O_PATH: it pins the inode and can do nothing.
    pub handle: OwnedFd,
    /// The inode's metadata.
    pub meta: Meta,
}

impl Place {
    /// Opens what is there without following a symlink and without side effects on devices.
    ///
    /// # Errors
    /// [`LookError::Missing`] when nothing is there, and what the kernel returns.
    pub fn open(&self) -> Result<Opened, LookError> {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let handle = openat(&self.directory, self.name.as_str(), flags, Mode::empty())?;
        let meta = Meta::of(&handle)?;
        Ok(Opened { handle, meta })
    }
}

impl Opened {
    /// A handle for reading the same inode, which must be a regular file.
    ///
    /// # Errors
    /// For anything but a regular file, and what the kernel returns.
    pub fn reader(&self) -> Result<File, LookError> {
        if self.meta.kind != FileKind::File {
            return Err(LookError::Kind(self.meta.kind));
        }
        let path = format!("/proc/self/fd/{}", self.handle.as_raw_fd());
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        Ok(File::from(open(path.as_str(), flags, Mode::empty())?))
    }

    /// The whole contents, when they do not change meanwhile.
    ///
    /// # Errors
    /// [`LookError::TooLarge`] past [`super::MAX_FILE`], [`LookError::Changing`] when three attempts
    /// each met a change, and what the kernel returns.
    pub fn read(&self) -> Result<Vec<u8>, LookError> {
        let limit = super::MAX_FILE;
        if self.meta.kind == FileKind::File && self.meta.size > limit {
            return Err(LookError::TooLarge(self.meta.size));
        }
        let mut before = self.meta;
        for _ in 0..3 {
            let mut bytes =
                Vec::with_capacity(usize::try_from(before.size).unwrap_or(0).min(1 << 20));
            self.reader()?
                .take(limit + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))?;
            if bytes.len() as u64 > limit {
                return Err(LookError::TooLarge(bytes.len() as u64));
            }
            let after = Meta::of(&self.handle)?;
            if (before.size, before.mtime, before.ctime) == (after.size, after.mtime, after.ctime) {
                return Ok(bytes);
            }
            before = after;
        }
        Err(LookError::Changing)
    }

    /// The extended attributes that the user may see; empty where the file system has none.
    ///
    /// # Errors
    /// What the kernel returns.
    pub fn xattrs(&self) -> Result<Xattrs, LookError> {
        let path = format!("/proc/self/fd/{}", self.handle.as_raw_fd());
        read_xattrs(&path)
    }
}

/// Reads all extended attributes behind a path that is a handle's own (`/proc/self/fd/N`).
fn read_xattrs(path: &str) -> Result<Xattrs, LookError> {
    let mut names = Vec::with_capacity(MAX_XATTR);
    match rustix::fs::listxattr(path, rustix::buffer::spare_capacity(&mut names)) {
        Ok(_) => {}
        Err(rustix::io::Errno::OPNOTSUPP) => return Ok(Xattrs::new()),
        Err(error) => return Err(error.into()),
    }
    let mut found = Xattrs::new();
    for name in names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
    {
        let name = String::from_utf8(name.to_vec()).map_err(|_| LookError::NotText)?;
        let mut value = Vec::with_capacity(MAX_XATTR);
        match rustix::fs::getxattr(
            path,
            name.as_str(),
            rustix::buffer::spare_capacity(&mut value),
        ) {
            Ok(_) => {
                value.shrink_to_fit();
                found.insert(name, value);
            }
            // Gone in between, or not for this user.
            Err(
                rustix::io::Errno::NODATA | rustix::io::Errno::PERM | rustix::io::Errno::ACCESS,
            ) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

impl Root {
    /// Resolves and opens in one step. Returns the path with every symlink resolved, too.
    ///
    /// # Errors
    /// As [`Root::locate`] and [`Place::open`].
    pub fn open(&self, path: &NodePath) -> Result<(NodePath, Opened), LookError> {
        match self.open_plain(path) {
            Ok(handle) => {
                let meta = Meta::of(&handle)?;
                Ok((path.clone(), Opened { handle, meta }))
            }
            Err(LookError::Loop) => {
                let place = self.locate_linked(path)?;
                let opened = place.open()?;
                if opened.meta.kind == FileKind::Symlink {
                    // It was no symlink when the path was resolved.
                    return Err(LookError::Changing);
                }
                Ok((place.path, opened))
            }
            Err(error) => Err(error),
        }
    }

    /// What the last component of a path points to, when it is a symlink.
    pub fn link(&self, path: &NodePath) -> Option<String> {
        let (_, directory) = self.open(&path.parent()).ok()?;
        let target = rustix::fs::readlinkat(&directory.handle, path.name(), Vec::new()).ok()?;
        target.into_string().ok()
    }

    /// The names in a directory, sorted, without `.` and `..`; names that are not UTF-8 are left out.
    ///
    /// # Errors
    /// As [`Root::open`]; [`LookError::NotDirectory`] for anything else than a directory.
    pub fn list(&self, path: &NodePath) -> Result<Vec<String>, LookError> {
        let (_, opened) = self.open(path)?;
        if opened.meta.kind != FileKind::Directory {
            return Err(LookError::NotDirectory);
        }
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let handle = openat(&opened.handle, ".", flags, Mode::empty())?;
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::new(handle)? {
            if let Ok(name) = entry?.file_name().to_str()
                && !matches!(name, "." | "..")
            {
                names.push(name.to_string());
            }
        }
        names.sort_unstable();
        Ok(names)
    }
}
