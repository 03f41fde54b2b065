//! Nobody but root reads the audit log, its directory and the policy: they tell who did what, and what is
//! not watched.

use serde::Deserialize;

use super::audit_log::server;
use super::directory_trust::is_shared;
use super::{Instance, Kind, Mend, fix_or_by_hand};
use crate::baseline::{Check, Fix, Mode, Owner};
use crate::facts::{ApiServer, Facts, LogPath, PolicyPath};
use crate::root::{FileKind, LookError, Meta, NodePath};

/// `audit-log-access: {log, directory, policy}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditLogAccess {
    /// Bits that the log may have.
    log: Mode,
    /// Bits that its directory may have.
    directory: Mode,
    /// Bits that the policy may have.
    policy: Mode,
}

const ROOT: Owner = Owner { uid: 0, gid: 0 };

/// One of the three, as it is judged.
struct One<'a> {
    /// As it is named; the path that it leads to is the mend's.
    path: &'a NodePath,
    at_most: Mode,
    kind: FileKind,
    seen: Result<(NodePath, Meta), LookError>,
    /// Why a person has to mend it.
    hold: Option<String>,
}

impl One<'_> {
    fn judge(self, check: &Check) -> Vec<Instance> {
        let (real, meta) = match self.seen {
            Ok(seen) => seen,
            Err(LookError::Missing) => {
                return vec![Instance::not_applicable("it does not exist").at(self.path)];
            }
            Err(error) => return vec![Instance::unknown(error.to_string()).at(self.path)],
        };
        if meta.kind != self.kind {
            let why = format!("it is {}", meta.kind.describe());
            return vec![Instance::unknown(why).at(self.path)];
        }
        let mend = |mend: Mend| {
            fix_or_by_hand(check, |_| match &self.hold {
                Some(why) => Mend::ByHand(why.clone()),
                None => mend.clone(),
            })
        };
        let mode_passes = meta.mode & !self.at_most.0 == 0;
        let owner_passes = (meta.uid, meta.gid) == (ROOT.uid, ROOT.gid);
        let mut instances = Vec::new();
        if !mode_passes || owner_passes {
            let next = meta.mode & self.at_most.0;
            let kept = Mend::Mode(real.clone(), next);
            let observed = format!("mode {:04o}", meta.mode);
            instances.push(Instance::judged(mode_passes, observed, || mend(kept)));
        }
        if !owner_passes {
            let observed = format!("owner {}:{}", meta.uid, meta.gid);
            let own = Mend::Owner(real.clone(), ROOT);
            instances.push(Instance::judged(false, observed, || mend(own)));
        }
        instances.into_iter().map(|one| one.at(&real)).collect()
    }
}

impl AuditLogAccess {
    fn each<'a>(&self, server: &'a ApiServer, user: Option<&String>) -> Vec<One<'a>> {
        let held = |path: &NodePath, what: &str| {
            let user = user?;
            Some(format!(
                "the API server runs as {user}, who must be able to {what} {path}"
            ))
        };
        let mut found = Vec::new();
        // A log that is not written yet is nobody's; its place may be anybody's.
        if let LogPath::Named(_, Some(log), _) = &server.log.path {
            found.push(One {
                path: log,
                at_most: self.log,
                kind: FileKind::File,
                seen: server.log.seen.clone(),
                hold: held(log, "write"),
            });
            if let Ok((directory, _)) = &server.log.directory {
                let auditds = server.log.auditd.as_ref().map(NodePath::parent);
                let others = is_shared(directory) || auditds.as_ref() == Some(directory);
                let others = others || server.log_among_pods;
                let shared = others.then(|| format!(
                    "other programs use {directory}, too: give the audit log a directory of its own with --audit-log-path, such as /var/log/kubernetes/audit/audit.log"
                ));
                found.push(One {
                    path: directory,
                    at_most: self.directory,
                    kind: FileKind::Directory,
                    seen: server.log.directory.clone(),
                    hold: shared.or_else(|| held(directory, "write in")),
                });
            }
        }
        if let PolicyPath::Named(path, _) | PolicyPath::Default(path) = &server.policy {
            found.push(One {
                path,
                at_most: self.policy,
                kind: FileKind::File,
                seen: server.policy_seen.clone().map(|meta| {
                    let real = server.policy_resolved.clone();
                    (real.unwrap_or_else(|| path.clone()), meta)
                }),
                hold: held(path, "read"),
            });
        }
        found
    }
}

impl Kind for AuditLogAccess {
    fn expected(&self) -> String {
        format!(
            "root:root, log {}, directory {}, policy {}, or stricter",
            self.log, self.directory, self.policy
        )
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let server = match server(facts) {
            Ok(server) => server,
            Err(instance) => return vec![*instance],
        };
        let manifest = super::server::manifest(server).ok().flatten();
        let user = server.user.clone().or_else(|| manifest.as_ref()?.user());
        let each = self.each(server, user.as_ref());
        let found: Vec<Instance> = each.into_iter().flat_map(|one| one.judge(check)).collect();
        match found.is_empty() {
            true => vec![Instance::not_applicable(
                "no audit log in a file of this node",
            )],
            false => found,
        }
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match (fix.owner, fix.mode) {
            (Some(owner), None) if owner == ROOT => Ok(()),
            _ => Err("a fix of audit-log-access gives the owner root:root, and the modes follow from what is expected".into()),
        }
    }

    fn sound(&self) -> Result<(), String> {
        let open = [self.log, self.directory, self.policy];
        match open.iter().find(|mode| mode.0 & 0o7077 != 0) {
            Some(mode) => Err(format!("{mode} is open to others than root")),
            None => Ok(()),
        }
    }
}
