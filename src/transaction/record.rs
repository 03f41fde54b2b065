//! The journal's records, as they stand on disk. Used for nothing else, so that a rename elsewhere
//! can never make an old journal unreadable. A new field or record needs a new [`FORMAT`], and
//! [`Record::format`] says which records need it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::root::{NodePath, Time};

use super::id::TransactionId;
use super::uptime::Uptime;

/// The newest format that this version writes and reads. 2: directories are made and removed,
/// and something is restarted. 3: the kernel is told.
///
/// A journal is written in the oldest format that can hold it, so that an older version of the tool can
/// still take back what it understands.
pub(super) const FORMAT: u32 = 3;
/// The one with directories and restarts.
const SECOND_FORMAT: u32 = 2;
/// The oldest.
pub(super) const FIRST_FORMAT: u32 = 1;

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Record {
    /// Always the first.
    Begin(Box<Begin>),
    /// What will be done to one file, and all that undoing it needs.
    Intent(Box<Intent>),
    /// Backups and intents are durable: from here on the node may have been touched.
    Prepared,
    /// Something failed, and everything is being put back.
    Aborting(Aborting),
    /// Undoing met files that somebody else changed.
    Conflict(Conflict),
    /// All changes are in place.
    Committed(Ended),
    /// Everything was put back.
    RolledBack(PutBack),
}

/// Who began what, where, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Begin {
    pub(super) format: u32,
    pub(super) id: TransactionId,
    pub(super) kind: Kind,
    pub(super) rollback_of: Option<TransactionId>,
    pub(super) started_at: String,
    pub(super) tool_version: String,
    pub(super) user: String,
    pub(super) machine_id: Option<String>,
    pub(super) root: RootIdentity,
    /// SHA-256 of plan.json.
    pub(super) plan_sha256: Option<String>,
    /// Number of intents.
    pub(super) files: usize,
    pub(super) changes: Vec<ChangeNote>,
    /// What is started anew with the new files, and must be again when they are put back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) restarts: Vec<RestartNote>,
    /// What the kernel is told because of the changes, with what it had before. From format 3 on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) kernel: Vec<KernelNote>,
    /// When that was, where something is started anew or the kernel is told: what is older has not read the
    /// new files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) uptime: Option<Uptime>,
}

/// What is started anew because of the changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RestartNote {
    /// `kube-proxy` or `kube-apiserver`.
    pub(super) component: String,
    /// The systemd unit; none where the kubelet does it, told by the manifest.
    pub(super) unit: Option<String>,
    /// Whether systemd has to read its units again first.
    pub(super) reload: bool,
}

/// A part of the kernel that does not follow its file by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KernelNote {
    /// `table` or `route-localnet`.
    pub(super) part: String,
    /// Whether it was on before.
    pub(super) former: bool,
}

/// Whether a transaction applied a plan or undid another transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Apply,
    Rollback,
}

/// Which tree was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RootIdentity {
    pub(super) path: String,
    pub(super) dev: u64,
    pub(super) ino: u64,
}

/// A change as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeNote {
    pub(super) id: String,
    pub(super) check: String,
    pub(super) path: String,
    pub(super) action: String,
    pub(super) risk: String,
    pub(super) summary: String,
}

/// What will be done to one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Intent {
    pub(super) index: usize,
    pub(super) operation: OperationKind,
    pub(super) path: NodePath,
    /// The name beside the target under which its successor is written.
    pub(super) temp: Option<String>,
    /// The name in the transaction's directory under which the former contents lie.
    pub(super) backup: Option<String>,
    pub(super) identity: Option<InodeIdentity>,
    /// `None`: nothing was there.
    pub(super) pre: Option<FileState>,
    /// `None`: nothing will be there.
    pub(super) post: Option<FileState>,
}

/// What is done to one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OperationKind {
    Replace,
    Create,
    SetMeta,
    Remove,
    /// From format 2 on.
    MakeDirectory,
    /// From format 2 on.
    RemoveDirectory,
}

impl Record {
    /// The oldest format that can hold it.
    pub(super) fn format(&self) -> u32 {
        let directory = |kind| {
            matches!(
                kind,
                OperationKind::MakeDirectory | OperationKind::RemoveDirectory
            )
        };
        match self {
            Record::Begin(begin) if !begin.kernel.is_empty() => FORMAT,
            Record::Intent(intent) if directory(intent.operation) => SECOND_FORMAT,
            Record::Begin(begin) if !begin.restarts.is_empty() || begin.uptime.is_some() => {
                SECOND_FORMAT
            }
            _ => FIRST_FORMAT,
        }
    }
}

/// Which inode a file was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InodeIdentity {
    pub(super) dev: u64,
    pub(super) ino: u64,
    pub(super) nlink: u32,
    pub(super) ctime: Time,
}

/// What a file is. Its contents are only a hash: a journal holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileState {
    pub(super) kind: StateKind,
    pub(super) sha256: Option<String>,
    pub(super) size: u64,
    /// Four octal digits.
    pub(super) mode: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mtime: Option<Time>,
    /// Extended attributes, their values in base64.
    pub(super) xattrs: BTreeMap<String, String>,
}

/// The kinds of file that a transaction changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StateKind {
    File,
    Directory,
}

/// The step that failed. Not the message: it could quote a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Aborting {
    pub(super) at: String,
    pub(super) step: String,
}

/// Files that could not be put back because somebody else changed them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Conflict {
    pub(super) at: String,
    pub(super) paths: Vec<NodePath>,
}

/// When it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ended {
    pub(super) at: String,
}

/// When everything was put back, and what was left as it was on the operator's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PutBack {
    pub(super) at: String,
    pub(super) kept: Vec<NodePath>,
}
