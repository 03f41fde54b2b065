//! A whole tree in memory: to lay it out again, and to compare everything that must be kept.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::transaction_support::xattrs;

/// Everything below a directory by its path; the directory itself is the empty path.
pub type Tree = BTreeMap<String, Entry>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub what: What,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Seconds and nanoseconds. Directories have none: theirs moves with each name.
    pub mtime: Option<(i64, i64)>,
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Directory,
    File(Vec<u8>),
    Link(String),
}

pub fn look(root: &Path) -> Tree {
    let mut found = Tree::new();
    for entry in walkdir::WalkDir::new(root) {
        let entry = entry.unwrap();
        let path = entry.path();
        let meta = fs::symlink_metadata(path).unwrap();
        let what = if meta.is_dir() {
            What::Directory
        } else if meta.is_symlink() {
            What::Link(fs::read_link(path).unwrap().to_str().unwrap().into())
        } else {
            What::File(fs::read(path).unwrap())
        };
        let is_file = meta.is_file();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        let seen = Entry {
            what,
            mode: meta.mode() & 0o7777,
            uid: meta.uid(),
            gid: meta.gid(),
            mtime: is_file.then(|| (meta.mtime(), meta.mtime_nsec())),
            xattrs: if meta.is_symlink() {
                BTreeMap::new()
            } else {
                xattrs(path)
            },
        };
        found.insert(name.into(), seen);
    }
    found
}

/// Makes a directory what it was. The directory itself stays the same inode: a journal names it.
pub fn lay(tree: &Tree, root: &Path) {
    clear(root);
    fs::create_dir_all(root).unwrap();
    for (name, entry) in tree {
        let path = root.join(name);
        match &entry.what {
            What::Directory if name.is_empty() => {}
            What::Directory => fs::create_dir(&path).unwrap(),
            What::File(bytes) => fs::write(&path, bytes).unwrap(),
            What::Link(to) => symlink(to, &path).unwrap(),
        }
        lchown(&path, Some(entry.uid), Some(entry.gid)).unwrap();
        if matches!(entry.what, What::Link(_)) {
            continue;
        }
        for (name, value) in &entry.xattrs {
            let flags = rustix::fs::XattrFlags::empty();
            rustix::fs::setxattr(&path, name.as_str(), value, flags).unwrap();
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(entry.mode)).unwrap();
        if let Some(time) = entry.mtime {
            set_mtime(&path, time);
        }
    }
}

/// Takes everything out of a directory.
pub fn clear(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else {
        return;
    };
    for entry in entries {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            fs::remove_dir_all(entry.path()).unwrap();
        } else {
            fs::remove_file(entry.path()).unwrap();
        }
    }
}

pub fn set_mtime(path: &Path, (seconds, nanoseconds): (i64, i64)) {
    let since = Duration::new(seconds.try_into().unwrap(), nanoseconds.try_into().unwrap());
    let file = fs::File::options().read(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + since).unwrap();
}

/// The first few differences, for a message.
pub fn differences(expected: &Tree, found: &Tree) -> String {
    let mut lines = Vec::new();
    for (name, entry) in expected {
        match found.get(name) {
            None => lines.push(format!("/{name} is gone")),
            Some(other) if other != entry => {
                let what = if other.what == entry.what {
                    "metadata"
                } else {
                    "contents"
                };
                lines.push(format!("/{name} differs in {what}"));
            }
            Some(_) => {}
        }
    }
    let new = found.keys().filter(|name| !expected.contains_key(*name));
    lines.extend(new.map(|name| format!("/{name} is new")));
    lines.truncate(4);
    lines.join(", ")
}
