//! The state of a file as a plan shows and compares it.

use serde::{Deserialize, Serialize};

use super::names::Names;
use crate::root::Meta;
use crate::transaction::sha256;

/// A file's existence, mode, owner and contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileState {
    /// Whether it is there.
    pub exists: bool,
    /// Four octal digits.
    pub mode: Option<String>,
    /// User id of the owner.
    pub uid: Option<u32>,
    /// Group id.
    pub gid: Option<u32>,
    /// The owner's name on the node; the number where it has none.
    pub owner: Option<String>,
    /// The group's name on the node; the number where it has none.
    pub group: Option<String>,
    /// Checksum of the contents, in hex; none for a directory and for contents that were not read.
    pub sha256: Option<String>,
}

impl FileState {
    /// Nothing is there.
    pub const ABSENT: FileState = FileState {
        exists: false,
        mode: None,
        uid: None,
        gid: None,
        owner: None,
        group: None,
        sha256: None,
    };

    /// From metadata, with the checksum of the contents where they were read.
    pub fn of(meta: &Meta, sha256: Option<String>, names: &Names) -> FileState {
        FileState {
            exists: true,
            mode: None,
            uid: None,
            gid: None,
            owner: None,
            group: None,
            sha256,
        }
        .with_mode(meta.mode)
        .with_owner(meta.uid, meta.gid, names)
    }

    /// The same with another mode.
    #[must_use]
    pub fn with_mode(mut self, mode: u32) -> FileState {
        self.mode = Some(format!("{mode:04o}"));
        self
    }

    /// The same with another owner.
    #[must_use]
    pub fn with_owner(mut self, uid: u32, gid: u32, names: &Names) -> FileState {
        self.uid = Some(uid);
        self.gid = Some(gid);
        self.owner = Some(names.user(uid));
        self.group = Some(names.group(gid));
        self
    }

    /// The same with other contents.
    #[must_use]
    pub fn with_bytes(self, bytes: &[u8]) -> FileState {
        self.with_sum(sha256(bytes))
    }

    /// The same with other contents, by their SHA-256 in hexadecimal.
    #[must_use]
    pub fn with_sum(mut self, sum: String) -> FileState {
        self.sha256 = Some(sum);
        self
    }

    /// The mode as a number.
    pub fn mode_bits(&self) -> Option<u32> {
        u32::from_str_radix(self.mode.as_deref()?, 8).ok()
    }

    /// The first difference to another state, in words; `None` when they are the same.
    pub fn difference(&self, now: &FileState) -> Option<String> {
        match (self.exists, now.exists) {
            (true, false) => return Some("it is gone".into()),
            (false, true) => return Some("it exists now".into()),
            _ => {}
        }
        if self.sha256.is_some() && self.sha256 != now.sha256 {
            return Some("its content is another".into());
        }
        if self.mode != now.mode {
            let shown = |mode: &Option<String>| mode.clone().unwrap_or_default();
            return Some(format!(
                "its mode was {} and is {}",
                shown(&self.mode),
                shown(&now.mode)
            ));
        }
        if (self.uid, self.gid) != (now.uid, now.gid) {
            return Some(format!(
                "its owner was {} and is {}",
                self.owned_by(),
                now.owned_by()
            ));
        }
        None
    }

    /// `root:root`, or numbers where the node has no names.
    pub fn owned_by(&self) -> String {
        let shown = |name: &Option<String>| name.clone().unwrap_or_default();
        format!("{}:{}", shown(&self.owner), shown(&self.group))
    }
}
