//! A file's permission bits. A stricter mode passes and is left alone.

use serde::Deserialize;

use super::{Instance, Kind, Mend, each_file, fix_or_by_hand, unless_held};
use crate::baseline::{Check, Fix, Mode};
use crate::facts::{Facts, Role};

/// `file-mode: {target, at-most}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileMode {
    target: Role,
    at_most: Mode,
}

impl FileMode {
    fn passes(&self, mode: u32) -> bool {
        mode & !self.at_most.0 == 0
    }
}

impl Kind for FileMode {
    fn expected(&self) -> String {
        format!("{} or stricter", self.at_most)
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_file(facts, self.target, |target, seen| {
            let mode = seen.meta.mode;
            Instance::judged(self.passes(mode), format!("mode {mode:04o}"), || {
                let mend = fix_or_by_hand(check, |fix| {
                    // A mode only loses bits: what the owner took away stays away.
                    let keep = fix.mode.unwrap_or(self.at_most).0;
                    Mend::Mode(seen.path.clone(), mode & keep)
                });
                unless_held(target, mend)
            })
            .at(&seen.path)
        })
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match (fix.mode, fix.owner) {
            (Some(mode), None) if self.passes(mode.0) => Ok(()),
            (Some(mode), None) => Err(format!(
                "the fix sets {mode}, which is not {}",
                self.expected()
            )),
            _ => Err("a fix of file-mode gives a mode and nothing else".into()),
        }
    }
}
