//! A file's permission bits. A stricter mode passes and is left alone.

use serde::Deserialize;

use super::{Instance, Kind, Mend, each_file, fix_or_by_hand, unless_held};
use crate::baseline::{Check, Fix, Mode};
use crate::facts::{Facts, Hold, Role, Target};

/// `file-mode: {target, at-most}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileMode {
    target: Role,
    at_most: Mode,
}

/// The mode of the files of a ConfigMap volume, unless the pod asks for another.
const READABLE: u32 = 0o644;

/// kubeadm's kubeconfig lies in a ConfigMap volume and names the files that are secret (facts page,
/// section 6). It may be read, as the ConfigMap itself.
fn kubeadms(facts: &Facts, target: &Target) -> bool {
    let volume = target.hold.as_ref().is_some_and(Hold::is_config_map);
    let open = matches!(&facts.kubeconfig, Some(Ok(read)) if !read.holds_secret());
    target.role == Role::ProxyKubeconfig && volume && open
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
            if kubeadms(facts, target) && mode & !READABLE == 0 {
                let why = "it holds no secret, and the kubelet sets its mode";
                return Instance::not_applicable(why).at(&seen.path);
            }
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
