//! What the kernel says of a file, without its contents.

use std::collections::BTreeMap;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, Statx, StatxAttributes, StatxFlags};
use serde::{Deserialize, Serialize};

/// Extended attributes by name, ACLs and the SELinux label among them.
pub type Xattrs = BTreeMap<String, Vec<u8>>;

/// What kind of object a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A block or character device.
    Device,
}

impl FileKind {
    /// With its article, for messages: "a directory".
    pub fn describe(self) -> &'static str {
        match self {
            FileKind::File => "a regular file",
            FileKind::Directory => "a directory",
            FileKind::Symlink => "a symbolic link",
            FileKind::Fifo => "a named pipe",
            FileKind::Socket => "a socket",
            FileKind::Device => "a device",
        }
    }
}

/// A point in time as the file system stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// Seconds since 1970, UTC.
    pub seconds: i64,
    /// Nanoseconds of the second.
    pub nanoseconds: u32,
}

/// The metadata of one inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Kind of object.
    pub kind: FileKind,
    /// Permission bits with setuid, setgid and sticky: `mode & 07777`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Number of hard links.
    pub nlink: u32,
    /// Size in bytes.
    pub size: u64,
    /// Device that the file lies on, major and minor folded into one number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Last change of the inode.
    pub ctime: Time,
    /// Last change of the contents.
    pub mtime: Time,
    /// `chattr +i`: nothing can be changed.
    pub immutable: bool,
    /// `chattr +a`: only appending is possible.
    pub append_only: bool,
    /// Something is mounted exactly here, so a rename over it would fail with EBUSY.
    pub mount_point: bool,
}

impl Meta {
    /// Of an open handle (O_PATH is enough).
    ///
    /// # Errors
    /// What statx returns.
    pub fn of(handle: impl AsFd) -> Result<Meta, rustix::io::Errno> {
        rustix::fs::statx(handle, "", AtFlags::EMPTY_PATH, wanted()).map(Meta::from)
    }

    /// Of a name in a directory, without following a symlink.
    ///
    /// # Errors
    /// What statx returns; ENOENT when there is nothing.
    pub fn at(directory: impl AsFd, name: &str) -> Result<Meta, rustix::io::Errno> {
        rustix::fs::statx(directory, name, AtFlags::SYMLINK_NOFOLLOW, wanted()).map(Meta::from)
    }

    /// True when both speak of the same inode.
    pub fn same_inode(&self, other: &Meta) -> bool {
        (self.dev, self.ino) == (other.dev, other.ino)
    }
}

fn wanted() -> StatxFlags {
    StatxFlags::BASIC_STATS
}

impl From<Statx> for Meta {
    fn from(raw: Statx) -> Meta {
        let kind = match u32::from(raw.stx_mode) & 0o170_000 {
            0o040_000 => FileKind::Directory,
            0o120_000 => FileKind::Symlink,
            0o010_000 => FileKind::Fifo,
            0o140_000 => FileKind::Socket,
            0o020_000 | 0o060_000 => FileKind::Device,
            _ => FileKind::File,
        };
        let time = |stamp: rustix::fs::StatxTimestamp| Time {
            seconds: stamp.tv_sec,
            nanoseconds: stamp.tv_nsec,
        };
        Meta {
            kind,
            mode: u32::from(raw.stx_mode) & 0o7777,
            uid: raw.stx_uid,
            gid: raw.stx_gid,
            nlink: raw.stx_nlink,
            size: raw.stx_size,
            dev: (u64::from(raw.stx_dev_major) << 32) | u64::from(raw.stx_dev_minor),
            ino: raw.stx_ino,
            ctime: time(raw.stx_ctime),
            mtime: time(raw.stx_mtime),
            immutable: raw.stx_attributes.contains(StatxAttributes::IMMUTABLE),
            append_only: raw.stx_attributes.contains(StatxAttributes::APPEND),
            mount_point: raw.stx_attributes.contains(StatxAttributes::MOUNT_ROOT),
        }
    }
}
