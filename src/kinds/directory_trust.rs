//! Who can replace a file without being able to write it: whoever can write a directory above.

use serde::Deserialize;

use super::{Instance, Kind, Mend, fix_or_by_hand};
use crate::baseline::{Check, Fix};
use crate::facts::{Directory, Facts, Role};
use crate::root::{LookError, NodePath};

/// `directory-trust: {targets}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryTrust {
    targets: Vec<Role>,
}

/// Bits that let somebody else write. A sticky bit does not help: others may still add names.
const WRITABLE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// Directories that serve others: what else lies in them is not known here.
const SHARED: &[&str] = &[
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/dev/shm",
    "/etc",
    "/home",
    "/lib",
    "/lib64",
    "/media",
    "/mnt",
    "/opt",
    "/root",
    "/run",
    "/run/lock",
    "/sbin",
    "/srv",
    "/tmp",
    "/usr",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/run",
    "/var/spool",
    "/var/tmp",
];

/// True for a directory that serves other programs as well.
pub(super) fn is_shared(path: &NodePath) -> bool {
    SHARED.contains(&path.as_str())
}

/// Why a directory that holds the files is not mended: its mode and owner are for others' sake.
fn shared(path: &NodePath, mode: u32) -> Option<String> {
    let text = path.as_str();
    let home = text
        .strip_prefix("/home/")
        .is_some_and(|rest| !rest.contains('/'));
    let why = if mode & STICKY != 0 {
        "is sticky, so others are meant to write there"
    } else if home {
        "is somebody's home"
    } else if SHARED.contains(&text) || text.starts_with("/usr/") {
        "serves others too"
    } else {
        return None;
    };
    Some(format!(
        "{path} {why}: move the files to a directory of root's own"
    ))
}

impl DirectoryTrust {
    fn one(&self, check: &Check, directory: &Directory) -> Instance {
        // The kubelet makes its volumes writable for all, in a directory that it closes to others.
        if let Some(hold) = directory.hold.as_ref().filter(|hold| hold.is_sheltered()) {
            return Instance::not_applicable(hold.of_attributes()).at(&directory.path);
        }
        let meta = match &directory.seen {
            Ok(meta) => meta,
            Err(error) => return Instance::unknown(error.to_string()).at(&directory.path),
        };
        let writable = meta.mode & WRITABLE != 0;
        let foreign = meta.uid != 0;
        let observed = format!("mode {:04o}, owner {}:{}", meta.mode, meta.uid, meta.gid);
        Instance::judged(!writable && !foreign, observed, || {
            if let Some(reason) = &directory.hold {
                return Mend::ByHand(reason.of_attributes());
            }
            if directory.holds.is_empty() {
                return Mend::ByHand(format!(
                    "{} serves others too: look who needs to write there, then chmod go-w and chown root",
                    directory.path
                ));
            }
            if let Some(why) = shared(&directory.path, meta.mode) {
                return Mend::ByHand(why);
            }
            fix_or_by_hand(check, |fix| {
                let keep = fix.mode.map_or(!WRITABLE, |mode| mode.0 | 0o7000);
                Mend::Directory(
                    directory.path.clone(),
                    writable.then_some(meta.mode & keep),
                    fix.owner.filter(|_| foreign),
                )
            })
        })
        .at(&directory.path)
    }
}

impl Kind for DirectoryTrust {
    fn expected(&self) -> String {
        "owned by root and not writable by group or others".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let mut found: Vec<Instance> = facts
            .directories
            .iter()
            .filter(|directory| {
                directory
                    .above
                    .iter()
                    .any(|role| self.targets.contains(role))
            })
            // A name may lead through directories that are not there.
            .filter(|directory| directory.seen != Err(LookError::Missing))
            .map(|directory| self.one(check, directory))
            .collect();
        // Where a name leads nowhere, the directories on the way are not known.
        found.extend(
            facts
                .targets
                .iter()
                .filter_map(|target| match &target.seen {
                    Err(error)
                        if *error != LookError::Missing && self.targets.contains(&target.role) =>
                    {
                        Some(Instance::unknown(error.to_string()).at(&target.path))
                    }
                    _ => None,
                }),
        );
        if found.is_empty() {
            return vec![Instance::not_applicable("none of these files was found")];
        }
        found
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        let writable = fix.mode.is_none_or(|mode| mode.0 & WRITABLE != 0);
        match fix.owner {
            Some(owner) if owner.uid == 0 && !writable => Ok(()),
            _ => Err(format!(
                "a fix of directory-trust gives a mode and an owner that are {}",
                self.expected()
            )),
        }
    }
}
