//! A file's owner and group.

use serde::Deserialize;

use super::{Instance, Kind, Mend, each_file, fix_or_by_hand, unless_held};
use crate::baseline::{Check, Fix, Owner};
use crate::facts::{Facts, Role};

/// `file-owner: {target, owner, group}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileOwner {
    target: Role,
    owner: Name,
    group: Name,
}

/// `root`: the only name that means the same number on every node.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Name {
    Root,
}

impl FileOwner {
    fn owner(&self) -> Owner {
        let number = |name: Name| match name {
            Name::Root => 0,
        };
        Owner {
            uid: number(self.owner),
            gid: number(self.group),
        }
    }
}

impl Kind for FileOwner {
    fn expected(&self) -> String {
        "root:root".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let wanted = self.owner();
        each_file(facts, self.target, |target, seen| {
            let (uid, gid) = (seen.meta.uid, seen.meta.gid);
            let passes = (uid, gid) == (wanted.uid, wanted.gid);
            Instance::judged(passes, format!("owner {uid}:{gid}"), || {
                let mend = fix_or_by_hand(check, |_| Mend::Owner(seen.path.clone(), wanted));
                unless_held(target, mend)
            })
            .at(&seen.path)
        })
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match (fix.owner, fix.mode) {
            (Some(owner), None) if owner == self.owner() => Ok(()),
            (Some(_), None) => Err(format!("the fix does not set {}", self.expected())),
            _ => Err("a fix of file-owner gives an owner and nothing else".into()),
        }
    }
}
