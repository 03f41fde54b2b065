//! The few ways in which a transaction touches a disk, each by a handle, never by a path.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{
    AtFlags, CWD, Gid, Mode, OFlags, RenameFlags, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags,
};

use crate::root::{FileKind, Meta, NodePath, Opened, Place, Time, Xattrs};

use super::attributes::{ACCESS_ACL, removable, same};
use super::form::{Form, differences, look};

/// Where the kernel shows an open handle: the only path of a handle opened with O_PATH.
fn own_path(handle: impl AsFd) -> String {
    format!("/proc/self/fd/{}", handle.as_fd().as_raw_fd())
}

/// A new file that nobody else can read, whatever it will become.
pub(super) fn create(directory: impl AsFd, name: &str, bytes: &[u8]) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = rustix::fs::openat(directory, name, flags, Mode::from_raw_mode(0o600))?;
    let mut file = File::from(handle);
    file.write_all(bytes)?;
    Ok(file)
}

/// The contents of a backup, up to a limit: whoever could have written it, its hash tells.
pub(super) fn read(directory: impl AsFd, name: &str, limit: u64) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(directory, name, flags, Mode::empty())?);
    within(file, limit)
}

fn within(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "larger than it can be",
        ));
    }
    Ok(bytes)
}

/// Opens one of the tool's own files that says what is to be done, and judges what was opened.
///
/// Its directory is judged as well, and that is not enough: a state directory that was copied as
/// another user, or opened up for a while, may hold a file that somebody else can still write to.
///
/// # Errors
/// [`io::ErrorKind::PermissionDenied`] with the reason when it is no regular file, belongs to
/// another user, or others may write to it.
pub(super) fn open_own(directory: impl AsFd, name: &str, access: OFlags) -> io::Result<File> {
    let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let handle = match rustix::fs::openat(directory, name, flags, Mode::empty()) {
        Ok(handle) => handle,
        Err(rustix::io::Errno::LOOP) => {
            return Err(distrusted(
                "it is a symlink, and none is followed here".into(),
            ));
        }
        // A socket, or a device that is none.
        Err(rustix::io::Errno::NXIO) => {
            return Err(distrusted("it is not a regular file".into()));
        }
        Err(error) => return Err(error.into()),
    };
    match super::location::distrust(&Meta::of(&handle)?, FileKind::File) {
        None => Ok(File::from(handle)),
        Some(why) => Err(distrusted(why)),
    }
}

fn distrusted(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

/// The contents of a file opened by [`open_own`], up to a limit.
pub(super) fn read_own(directory: impl AsFd, name: &str, limit: u64) -> io::Result<Vec<u8>> {
    within(open_own(directory, name, OFlags::RDONLY)?, limit)
}

/// Takes a name away, if it is there.
pub(super) fn unlink(directory: impl AsFd, name: &str) -> io::Result<()> {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The names in a directory, without `.` and `..`.
pub(super) fn names(directory: impl AsFd) -> io::Result<Vec<std::ffi::CString>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let handle = rustix::fs::openat(directory, ".", flags, Mode::empty())?;
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::new(handle)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}

/// Puts a file in the place of another in one step.
pub(super) fn rename_over(directory: impl AsFd, from: &str, to: &str) -> io::Result<()> {
    let directory = directory.as_fd();
    Ok(rustix::fs::renameat(directory, from, directory, to)?)
}

/// Gives a file a name that must not be taken.
pub(super) fn rename_new(directory: impl AsFd, from: &str, to: &str) -> io::Result<()> {
    let directory = directory.as_fd();
    let flags = RenameFlags::NOREPLACE;
    Ok(rustix::fs::renameat_with(
        directory, from, directory, to, flags,
    )?)
}

/// Makes a directory's names durable.
pub(super) fn flush_directory(directory: impl AsFd) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let handle = rustix::fs::openat(directory, ".", flags, Mode::empty())?;
    Ok(rustix::fs::fsync(handle)?)
}

/// Writes one of the tool's own files once more with the bytes that it has, and makes it durable: what
/// an earlier flush failed to bring to the disk, another flush alone would not try again.
pub(super) fn write_again(directory: impl AsFd, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = open_own(directory, name, OFlags::WRONLY)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes an inode durable, whatever handle pins it.
pub(super) fn flush(opened: &Opened) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let handle = rustix::fs::open(own_path(&opened.handle), flags, Mode::empty())?;
    Ok(rustix::fs::fsync(handle)?)
}

fn set_mode(handle: impl AsFd, mode: u32) -> io::Result<()> {
    let mode = Mode::from_raw_mode(mode);
    Ok(rustix::fs::chmodat(
        CWD,
        own_path(handle),
        mode,
        AtFlags::empty(),
    )?)
}

fn set_owner(handle: impl AsFd, uid: u32, gid: u32) -> io::Result<()> {
    let owner = Some(Uid::from_raw(uid));
    let group = Some(Gid::from_raw(gid));
    Ok(rustix::fs::chownat(
        handle,
        "",
        owner,
        group,
        AtFlags::EMPTY_PATH,
    )?)
}

fn set_mtime(handle: impl AsFd, time: Time) -> io::Result<()> {
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: time.seconds,
            tv_nsec: time.nanoseconds.into(),
        },
    };
    Ok(rustix::fs::utimensat(
        CWD,
        own_path(handle),
        &times,
        AtFlags::empty(),
    )?)
}

fn remove_attributes(handle: impl AsFd, have: &Xattrs, wanted: &Xattrs) -> io::Result<()> {
    let path = own_path(handle);
    for name in have.keys() {
        if !wanted.contains_key(name) && removable(name) {
            rustix::fs::removexattr(path.as_str(), name.as_str())?;
        }
    }
    Ok(())
}

fn add_attributes<'a>(
    handle: impl AsFd,
    have: &Xattrs,
    wanted: impl Iterator<Item = (&'a String, &'a Vec<u8>)>,
) -> io::Result<()> {
    let path = own_path(handle);
    for (name, value) in wanted {
        if have.get(name) != Some(value) {
            rustix::fs::setxattr(path.as_str(), name.as_str(), value, XattrFlags::empty())?;
        }
    }
    Ok(())
}

/// Gives an inode the owner, mode and, where they are given, exactly these attributes.
///
/// First the bits that both modes have, then the owner, then the ACL, then the rest: between two calls
/// nobody may do more than before or after. Where the ACL changes, the group's bits are shut meanwhile:
/// without an ACL they are the owning group's, and with one they are everybody's whom it names.
pub(super) fn set_metadata(
    opened: &Opened,
    now: &Form,
    wanted: &Form,
    attributes: bool,
) -> io::Result<()> {
    let handle = &opened.handle;
    let new_owner = (now.uid, now.gid) != (wanted.uid, wanted.gid);
    let new_acl = attributes && now.xattrs.get(ACCESS_ACL) != wanted.xattrs.get(ACCESS_ACL);
    let mut mode = now.mode;
    if new_owner || new_acl {
        let shut = if new_acl { 0o070 } else { 0 };
        let narrow = now.mode & wanted.mode & !shut;
        if narrow != mode {
            set_mode(handle, narrow)?;
        }
        mode = narrow;
    }
    if new_owner {
        set_owner(handle, wanted.uid, wanted.gid)?;
        // The kernel takes setuid and setgid away with the owner.
        mode &= 0o1777;
    }
    if new_acl {
        let path = own_path(handle);
        match wanted.xattrs.get(ACCESS_ACL) {
            Some(acl) => {
                rustix::fs::setxattr(path.as_str(), ACCESS_ACL, acl, XattrFlags::empty())?;
                // It holds the permission bits once more, and sets them.
                mode = (mode & 0o7000) | (wanted.mode & 0o777);
            }
            None => rustix::fs::removexattr(path.as_str(), ACCESS_ACL)?,
        }
    }
    if mode != wanted.mode {
        set_mode(handle, wanted.mode)?;
    }
    if attributes {
        let have = opened.xattrs()?;
        if !same(&wanted.xattrs, &have) {
            remove_attributes(handle, &have, &wanted.xattrs)?;
            add_attributes(handle, &have, wanted.xattrs.iter())?;
        }
    }
    Ok(())
}

/// Writes a file beside its target, complete in all but its name, and makes it durable.
///
/// The ACL comes before the mode, since a mode set first would for a moment give the owning group
/// what the ACL gives to its mask. Other attributes come last: a new owner takes them away.
pub(super) fn stage(
    directory: &OwnedFd,
    name: &str,
    bytes: &[u8],
    wanted: &Form,
) -> io::Result<File> {
    let file = create(directory, name, bytes)?;
    set_owner(&file, wanted.uid, wanted.gid)?;
    let staged = place(directory, name)?.open()?;
    let have = staged.xattrs()?;
    remove_attributes(&file, &have, &wanted.xattrs)?;
    let is_acl = |entry: &(&String, &Vec<u8>)| entry.0 == ACCESS_ACL;
    add_attributes(&file, &have, wanted.xattrs.iter().filter(is_acl))?;
    set_mode(&file, wanted.mode)?;
    add_attributes(
        &file,
        &have,
        wanted.xattrs.iter().filter(|entry| !is_acl(entry)),
    )?;
    if let Some(time) = wanted.mtime {
        set_mtime(&file, time)?;
    }
    Ok(file)
}

/// Reads a staged file back: it must be the inode that was written, and be what was asked for.
///
/// A write that reports success and stores nothing would otherwise put our own damage in place.
pub(super) fn read_back(
    directory: &OwnedFd,
    name: &str,
    file: &File,
    wanted: &Form,
) -> io::Result<Vec<u8>> {
    let wrong =
        |what: &str| io::Error::other(format!("the staged copy is not what was written: {what}"));
    let held = Meta::of(file)?;
    let found = look(&place(directory, name)?, true)?.ok_or_else(|| wrong("it is gone"))?;
    if !held.same_inode(&found.opened.meta) || held.kind != FileKind::File || held.nlink != 1 {
        return Err(wrong("another file took its name"));
    }
    let differs = differences(Some(wanted), Some(&found.form));
    if !differs.is_empty() {
        return Err(wrong(&differs.join(", ")));
    }
    if wanted.mtime.is_some() && wanted.mtime != found.form.mtime {
        return Err(wrong("time of change"));
    }
    Ok(found.bytes)
}

fn place(directory: &OwnedFd, name: &str) -> io::Result<Place> {
    Ok(Place {
        directory: directory.try_clone()?,
        name: name.into(),
        path: NodePath::root(),
    })
}
