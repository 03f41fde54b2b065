//! One operation on its way: what was, what is to be, and its form in the journal.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::root::{FileKind, NodePath, Xattrs};

use super::form::{Form, Identity};
use super::id::TransactionId;
use super::record::{FileState, InodeIdentity, Intent, OperationKind, StateKind};

/// What is done to one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Replace,
    Create,
    SetMeta,
    Remove,
    MakeDirectory,
    RemoveDirectory,
}

/// All that carrying out and undoing one operation needs, besides the contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) index: usize,
    pub(super) work: Work,
    pub(super) path: NodePath,
    pub(super) temp: Option<String>,
    pub(super) backup: Option<String>,
    pub(super) identity: Option<Identity>,
    pub(super) pre: Option<Form>,
    pub(super) post: Option<Form>,
}

impl Step {
    /// The name beside a target under which its successor is written. The kubelet ignores dot files.
    pub(super) fn temp_name(id: &TransactionId, index: usize) -> String {
        format!(".tighten-{id}-{index}")
    }

    /// The name of a backup.
    pub(super) fn backup_name(index: usize) -> String {
        format!("pre.{index:04}")
    }

    /// The name beside a target under which undoing writes the former file.
    pub(super) fn restore_name(id: &TransactionId, index: usize) -> String {
        format!(".tighten-{id}-{index}r")
    }

    /// True when the contents are part of what is compared.
    pub(super) fn has_contents(&self) -> bool {
        Form::has_contents(self.pre.as_ref()) || Form::has_contents(self.post.as_ref())
    }

    /// Contents are written and taken away only for files, and only when they are known; a change of
    /// metadata leaves kind and contents as they are.
    fn kinds_fit(&self) -> bool {
        let known = |form: &Form| form.kind == FileKind::File && form.sha256.is_some();
        match (self.work, &self.pre, &self.post) {
            (Work::SetMeta, Some(pre), Some(post)) => {
                (pre.kind, &pre.sha256, pre.size) == (post.kind, &post.sha256, post.size)
            }
            (Work::SetMeta, ..) => false,
            (Work::MakeDirectory | Work::RemoveDirectory, pre, post) => {
                let directory = |form: &Form| form.kind == FileKind::Directory;
                pre.iter().chain(post).all(directory)
            }
            (_, pre, post) => pre.iter().chain(post).all(known),
        }
    }

    pub(super) fn to_intent(&self) -> Intent {
        Intent {
            index: self.index,
            operation: match self.work {
                Work::Replace => OperationKind::Replace,
                Work::Create => OperationKind::Create,
                Work::SetMeta => OperationKind::SetMeta,
                Work::Remove => OperationKind::Remove,
                Work::MakeDirectory => OperationKind::MakeDirectory,
                Work::RemoveDirectory => OperationKind::RemoveDirectory,
            },
            path: self.path.clone(),
            temp: self.temp.clone(),
            backup: self.backup.clone(),
            identity: self.identity.map(|identity| InodeIdentity {
                dev: identity.dev,
                ino: identity.ino,
                nlink: identity.nlink,
                ctime: identity.ctime,
            }),
            pre: self.pre.as_ref().map(to_state),
            post: self.post.as_ref().map(to_state),
        }
    }

    /// Takes an intent out of a journal; `Err` says what no version of the tool would have written.
    pub(super) fn from_intent(id: &TransactionId, intent: &Intent) -> Result<Step, String> {
        let index = intent.index;
        let step = Step {
            index,
            work: match intent.operation {
                OperationKind::Replace => Work::Replace,
                OperationKind::Create => Work::Create,
                OperationKind::SetMeta => Work::SetMeta,
                OperationKind::Remove => Work::Remove,
                OperationKind::MakeDirectory => Work::MakeDirectory,
                OperationKind::RemoveDirectory => Work::RemoveDirectory,
            },
            path: intent.path.clone(),
            temp: intent.temp.clone(),
            backup: intent.backup.clone(),
            identity: intent.identity.as_ref().map(|identity| Identity {
                dev: identity.dev,
                ino: identity.ino,
                nlink: identity.nlink,
                ctime: identity.ctime,
            }),
            pre: intent.pre.as_ref().map(from_state).transpose()?,
            post: intent.post.as_ref().map(from_state).transpose()?,
        };
        let (before, after, writes, keeps) = match step.work {
            Work::Replace => (true, true, true, true),
            Work::Create => (false, true, true, false),
            Work::SetMeta => (true, true, false, false),
            Work::Remove => (true, false, false, true),
            Work::MakeDirectory => (false, true, false, false),
            Work::RemoveDirectory => (true, false, false, false),
        };
        let temp = writes.then(|| Step::temp_name(id, index));
        let backup = keeps.then(|| Step::backup_name(index));
        let sound = step.pre.is_some() == before
            && step.post.is_some() == after
            && step.kinds_fit()
            && step.identity.is_some() == before
            && step.temp == temp
            && step.backup == backup
            && step.path != NodePath::root()
            && step.path.components().all(|part| part != "..");
        if sound {
            Ok(step)
        } else {
            Err(format!("the intent for {} contradicts itself", step.path))
        }
    }
}

fn to_state(form: &Form) -> FileState {
    FileState {
        kind: if form.kind == FileKind::Directory {
            StateKind::Directory
        } else {
            StateKind::File
        },
        sha256: form.sha256.clone(),
        size: form.size,
        mode: format!("{:04o}", form.mode),
        uid: form.uid,
        gid: form.gid,
        mtime: form.mtime,
        xattrs: form
            .xattrs
            .iter()
            .map(|(name, value)| (name.clone(), STANDARD.encode(value)))
            .collect(),
    }
}

fn from_state(state: &FileState) -> Result<Form, String> {
    let mode = u32::from_str_radix(&state.mode, 8)
        .ok()
        .filter(|mode| *mode <= 0o7777)
        .ok_or_else(|| format!("{:?} is not a mode", state.mode))?;
    let is_hash = |hash: &String| {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        hash.len() == 64 && hash.bytes().all(digit)
    };
    if !state.sha256.iter().all(is_hash) {
        return Err("a checksum is none".into());
    }
    if state.kind == StateKind::Directory && (state.sha256.is_some() || state.size != 0) {
        return Err("a directory has no contents".into());
    }
    // The kernel refuses such a time, and undoing would stop in the middle.
    if state
        .mtime
        .is_some_and(|time| time.nanoseconds > 999_999_999)
    {
        return Err("a time of change is none".into());
    }
    let mut xattrs = Xattrs::new();
    for (name, value) in &state.xattrs {
        if name.is_empty() || name.contains('\0') {
            return Err("the name of an extended attribute is none".into());
        }
        let value = STANDARD
            .decode(value)
            .map_err(|_| format!("the value of {name} is not base64"))?;
        xattrs.insert(name.clone(), value);
    }
    Ok(Form {
        kind: match state.kind {
            StateKind::File => FileKind::File,
            StateKind::Directory => FileKind::Directory,
        },
        sha256: state.sha256.clone(),
        size: state.size,
        mode,
        uid: state.uid,
        gid: state.gid,
        mtime: state.mtime,
        xattrs,
    })
}
