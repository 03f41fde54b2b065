//! Where the API server writes its audit log, and who else writes there.

use super::api_server::View;
use super::{AuditLog, LogPath};
use crate::discover::flags::{self, Flag};
use crate::root::{LookError, NodePath, Root};

/// Where the log is written when no flag names a place. Not /var/log/audit, which is auditd's.
const DEFAULT_LOG: &str = "/var/log/kubernetes/audit/audit.log";
/// auditd's configuration, which names its log.
const AUDITD: &str = "/etc/audit/auditd.conf";
/// Its log when nothing names one (auditd.conf(5)).
const AUDITD_LOG: &str = "/var/log/audit/audit.log";
const AUDITD_UNITS: &[&str] = &[
    "/etc/systemd/system/auditd.service",
    "/usr/lib/systemd/system/auditd.service",
    "/lib/systemd/system/auditd.service",
];

/// Looks at the log and its directory; the log itself is never read.
pub(super) fn look(root: &Root, given: &[Flag], view: &View) -> Option<AuditLog> {
    let named = flags::last(given, "audit-log-path");
    let value = named.and_then(|flag| flag.value.as_deref());
    let path = match (named, value) {
        (Some(flag), Some("-")) => LogPath::StandardOutput(flag.origin.clone()),
        (Some(flag), Some(value)) if !value.is_empty() => match NodePath::new(value) {
            Some(inside) => {
                let node = view.on_node(&inside);
                LogPath::Named(inside, node, flag.origin.clone())
            }
            None => LogPath::Relative(value.into(), flag.origin.clone()),
        },
        _ => {
            let inside = NodePath::new(DEFAULT_LOG)?;
            let node = view.on_node(&inside).unwrap_or_else(|| inside.clone());
            LogPath::Default(inside, node)
        }
    };
    let node = match &path {
        LogPath::Named(inside, None, _) => view.once_mounted(inside),
        path => path.on_node().cloned(),
    };
    let open = |path: NodePath| root.open(&path).map(|(path, opened)| (path, opened.meta));
    let missing = Err(LookError::Missing);
    Some(AuditLog {
        seen: node.clone().map_or(missing.clone(), open),
        directory: node.clone().map_or(missing, |node| open(node.parent())),
        place: node,
        path,
        auditd: auditd(root),
    })
}

/// The log that auditd writes, when auditd is on the node.
fn auditd(root: &Root) -> Option<NodePath> {
    let there = |path: &str| NodePath::new(path).is_some_and(|path| root.open(&path).is_ok());
    let config = NodePath::new(AUDITD)?;
    if !there(AUDITD) && !AUDITD_UNITS.iter().any(|unit| there(unit)) {
        return None;
    }
    let bytes = root.open(&config).and_then(|(_, opened)| opened.read());
    let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
    let named = text.lines().rev().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        key.trim().eq_ignore_ascii_case("log_file").then_some(())?;
        NodePath::new(value.trim())
    });
    named.or_else(|| NodePath::new(AUDITD_LOG))
}
