//! Who may do what with a file, by its owner, group, mode and ACL, as acl(5) says.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The bit for whoever may change the mode, and so has every other right in reach.
const OWNS: u32 = 0o10;

/// What decides about access to a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub acl: Option<Vec<u8>>,
}

/// Somebody without root: a user and a group.
type Subject = (u32, u32);

/// Users and groups that the tests' files and ACLs name, and some that nothing names.
const SUBJECTS: [Subject; 8] = [
    (1000, 1000),
    (1000, 65534),
    (4242, 65534),
    (4242, 0),
    (65534, 65534),
    (65534, 0),
    (65534, 1000),
    (65534, 4242),
];

impl Access {
    /// `None` when nothing is there, or a symlink.
    pub fn of(path: &Path) -> Option<Access> {
        let meta = fs::symlink_metadata(path).ok()?;
        if meta.is_symlink() {
            return None;
        }
        let mut acl = vec![0; 4096];
        let length = rustix::fs::lgetxattr(path, "system.posix_acl_access", &mut acl[..]);
        Some(Access {
            mode: meta.mode(),
            uid: meta.uid(),
            gid: meta.gid(),
            acl: length.ok().map(|length| acl[..length].to_vec()),
        })
    }

    /// Of everything below a directory, by path.
    pub fn below(root: &Path) -> BTreeMap<String, Access> {
        walkdir::WalkDir::new(root)
            .into_iter()
            // Something may go away between its name and the look at it.
            .flatten()
            .filter_map(|entry| {
                let path = entry.path().to_str().unwrap().to_string();
                Access::of(entry.path()).map(|access| (path, access))
            })
            .collect()
    }

    /// True when nobody may do more with this one than with at least one of the others.
    pub fn within(&self, others: &[Option<&Access>]) -> bool {
        SUBJECTS.iter().all(|subject| {
            let own = self.rights(*subject);
            own == 0
                || others
                    .iter()
                    .flatten()
                    .any(|other| own & !other.rights(*subject) == 0)
        })
    }

    /// Read, write, execute, and the right to change these.
    fn rights(&self, (uid, gid): Subject) -> u32 {
        if uid == self.uid {
            return 0o7 | OWNS;
        }
        let group = (self.mode >> 3) & 0o7;
        let Some(acl) = &self.acl else {
            let in_group = gid == self.gid;
            return if in_group { group } else { self.mode & 0o7 };
        };
        // The group bits of the mode are the mask.
        let (mut named, mut groups) = (None, None);
        for entry in acl[4..].chunks_exact(8) {
            let tag = u16::from_le_bytes([entry[0], entry[1]]);
            let bits = u32::from(entry[2]) & group;
            let id = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
            match tag {
                0x02 if id == uid => named = Some(bits),
                0x04 if gid == self.gid => groups = Some(groups.unwrap_or(0) | bits),
                0x08 if id == gid => groups = Some(groups.unwrap_or(0) | bits),
                _ => {}
            }
        }
        named.or(groups).unwrap_or(self.mode & 0o7)
    }
}
