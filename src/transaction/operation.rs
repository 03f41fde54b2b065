//! What a transaction is asked to do: one operation per file.

use ring::digest::{SHA256, digest};

use crate::root::{FileKind, LookError, NodePath, Opened, Time, Xattrs};

/// What one file is to become, and what it must be before.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The file as the node sees it.
    pub path: NodePath,
    /// What was there when the change was decided.
    pub expected: Expected,
    /// What is to be done.
    pub action: Action,
    /// Set by a rollback alone, which brings back what once was.
    pub(super) exact: Option<Exact>,
}

/// What a file must still be; anything else makes the plan stale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Whether anything is there. Where nothing is expected, the other fields mean nothing.
    pub exists: bool,
    /// A regular file or a directory.
    pub kind: FileKind,
    /// Of the contents, in hexadecimal. `None`: they may be anything (only for [`Action::SetMeta`]), or
    /// it is a directory.
    pub sha256: Option<String>,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// What is done to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// New contents for a file that exists.
    Replace {
        /// All of the new contents.
        content: Vec<u8>,
        /// Permission bits.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
    },
    /// A file where nothing is.
    Create {
        /// All of the contents.
        content: Vec<u8>,
        /// Permission bits.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
    },
    /// Mode and owner of a file or directory.
    SetMeta {
        /// Permission bits.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
    },
    /// The file goes away; a backup stays.
    Remove,
    /// A directory where nothing is. What it is to hold comes after it.
    MakeDirectory {
        /// Permission bits.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
    },
    /// A directory goes away, as long as nothing lies in it: only a rollback asks for that.
    RemoveDirectory,
}

/// What only a rollback can ask for: the former attributes and time of change.
#[derive(Clone, Debug)]
pub(super) struct Exact {
    pub(super) xattrs: Xattrs,
    pub(super) mtime: Time,
}

impl Operation {
    /// An operation that keeps a file's extended attributes and ACLs.
    pub fn new(path: NodePath, expected: Expected, action: Action) -> Operation {
        Operation {
            path,
            expected,
            action,
            exact: None,
        }
    }
}

impl Expected {
    /// Nothing is there.
    pub fn absent() -> Expected {
        Expected {
            exists: false,
            kind: FileKind::File,
            sha256: None,
            mode: 0,
            uid: 0,
            gid: 0,
        }
    }

    /// What an open handle shows now; the contents too, when it is a regular file.
    ///
    /// # Errors
    /// When the contents cannot be read.
    pub fn of(opened: &Opened) -> Result<Expected, LookError> {
        let mut expected = Expected::without_contents(opened);
        if opened.meta.kind == FileKind::File {
            expected.sha256 = Some(sha256(&opened.read()?));
        }
        Ok(expected)
    }

    /// What an open handle shows now, whatever the contents are: for a log that grows meanwhile.
    pub fn without_contents(opened: &Opened) -> Expected {
        Expected {
            exists: true,
            kind: opened.meta.kind,
            sha256: None,
            mode: opened.meta.mode,
            uid: opened.meta.uid,
            gid: opened.meta.gid,
        }
    }
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let digest = digest(&SHA256, bytes);
    let mut text = String::with_capacity(64);
    for byte in digest.as_ref() {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
