//! What a rollback does to each file, for its document: the state before and after, and a diff.

use serde_json::{Value, json};

use crate::diff::{self, Shown};
use crate::plan::{FileState, Names};
use crate::root::Root;
use crate::transaction::{Action, Operation};

/// A file each, in the order of the rollback.
pub fn files(root: &Root, operations: &[Operation]) -> Vec<Value> {
    let names = Names::read(root);
    let file = |operation: &Operation| {
        json!({
            "path": operation.path,
            "before": before(operation, &names),
            "after": after(operation, &names),
            "diff": contents(root, operation),
        })
    };
    operations.iter().map(file).collect()
}

fn state(mode: u32, uid: u32, gid: u32, sha256: Option<String>, names: &Names) -> FileState {
    let there = FileState {
        exists: true,
        sha256,
        ..FileState::ABSENT
    };
    there.with_mode(mode).with_owner(uid, gid, names)
}

fn before(operation: &Operation, names: &Names) -> FileState {
    let now = &operation.expected;
    if !now.exists {
        return FileState::ABSENT;
    }
    state(now.mode, now.uid, now.gid, now.sha256.clone(), names)
}

fn after(operation: &Operation, names: &Names) -> FileState {
    match &operation.action {
        Action::Replace {
            content,
            mode,
            uid,
            gid,
        }
        | Action::Create {
            content,
            mode,
            uid,
            gid,
        } => state(*mode, *uid, *gid, None, names).with_bytes(content),
        Action::SetMeta { mode, uid, gid } => {
            let contents = operation.expected.sha256.clone();
            state(*mode, *uid, *gid, contents, names)
        }
        Action::MakeDirectory { mode, uid, gid } => state(*mode, *uid, *gid, None, names),
        Action::Remove | Action::RemoveDirectory => FileState::ABSENT,
    }
}

/// A unified diff, empty where the contents stay. What the file is to kube-proxy need not be known any
/// more, so everything is masked that could be a secret in any of them.
fn contents(root: &Root, operation: &Operation) -> String {
    let now = || {
        let read = root.open(&operation.path).and_then(|(_, file)| file.read());
        // What cannot be read now is refused by the rollback itself.
        Shown::whatever(&read.unwrap_or_default())
    };
    let nothing = Shown::own("");
    match &operation.action {
        Action::Replace { content, .. } => diff::unified(&now(), &Shown::whatever(content)),
        Action::Create { content, .. } => diff::unified(&nothing, &Shown::whatever(content)),
        Action::Remove => diff::unified(&now(), &nothing),
        Action::SetMeta { .. } | Action::MakeDirectory { .. } | Action::RemoveDirectory => {
            String::new()
        }
    }
}
