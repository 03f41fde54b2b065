//! The audit log is kept long enough and does not fill the disk.

use serde::Deserialize;

use super::audit_log::{named_policy, placed, server, would_not_start};
use super::server::{self, Flag};
use super::{Instance, Kind, Mend, fix_or_by_hand};
use crate::baseline::{Check, Fix, Written};
use crate::discover::flags;
use crate::facts::{Facts, LogPath};
use crate::golang;

/// `audit-log-limits: {max-age, max-backup, max-size}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AuditLogLimits {
    /// Days that a rotated log stays, at least.
    max_age: u32,
    /// Rotated logs that stay, at least.
    max_backup: u32,
    /// Megabytes at which the log is rotated, at least.
    max_size: u32,
}

impl AuditLogLimits {
    fn flags(&self) -> [(&'static str, u32); 3] {
        [
            ("audit-log-maxage", self.max_age),
            ("audit-log-maxbackup", self.max_backup),
            ("audit-log-maxsize", self.max_size),
        ]
    }
}

impl Kind for AuditLogLimits {
    fn expected(&self) -> String {
        let each = self
            .flags()
            .map(|(name, least)| format!("--{name} {least}"));
        format!("at least {}", each.join(", "))
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let server = match server(facts) {
            Ok(server) => server,
            Err(instance) => return vec![*instance],
        };
        if let LogPath::StandardOutput(_) = &server.log.path {
            let why = "the log goes to standard output, where nothing is rotated";
            return vec![placed(Instance::not_applicable(why), server)];
        }
        let mut observed = Vec::new();
        let mut wanted: Vec<Flag> = Vec::new();
        for (name, least) in self.flags() {
            let flag = flags::last(&server.flags, name);
            let value = flag.and_then(|flag| flag.value.as_deref());
            observed.push(match (flag, value) {
                (None, _) => format!("no --{name}"),
                (Some(_), value) => format!("--{name}={}", value.unwrap_or_default()),
            });
            let number = value.and_then(golang::parse_int);
            if number.is_none_or(|number| number < i64::from(least)) {
                wanted.push((name, least.to_string()));
            }
        }
        let mut besides = None;
        let observed = observed.join(", ");
        let instance = Instance::judged(wanted.is_empty(), observed, || {
            fix_or_by_hand(check, |_| {
                // It runs perhaps because it read its policy before that was lost.
                let change = would_not_start(server).map_or_else(
                    || {
                        let manifest = server::manifest(server)?;
                        server::set(server, manifest.as_ref(), &wanted, &[])
                    },
                    Err,
                );
                match change {
                    // Without its directory there is no drop-in; the check of the log makes it.
                    Ok(change) => {
                        besides = change.besides;
                        Mend::Edit(change.path, change.edit)
                    }
                    Err(why) => Mend::ByHand(why),
                }
            })
        });
        let instance = placed(instance.besides(besides), server);
        // To change its flags is to restart it, and without the policy that they name it does not start.
        vec![match named_policy(server) {
            Some(policy) => instance.needing(&policy),
            None => instance,
        }]
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match &fix.value {
            Some(Written::Bool(true)) => Ok(()),
            _ => Err("a fix of audit-log-limits says value: true".into()),
        }
    }

    fn sound(&self) -> Result<(), String> {
        match self.flags().iter().find(|(_, least)| *least == 0) {
            Some((name, _)) => Err(format!("--{name} 0 is no limit")),
            None => Ok(()),
        }
    }
}
