//! What was done on this node, newest first. Reads two lines per transaction, and holds one at a time.

use crate::failure::Failure;
use crate::root::NodePath;

use super::begin::Change;
use super::id::TransactionId;
use super::journal::{self, Unusable};
use super::record::{Begin, Kind, Record};
use super::state_dir::StateDir;
use super::story;

/// How a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// All of its changes were made.
    Committed,
    /// Everything was put back.
    RolledBack,
    /// It was cut off, and recovery has not run since.
    Interrupted,
    /// Some files were not put back.
    Incomplete,
}

impl State {
    /// The word of the interface.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Committed => "committed",
            State::RolledBack => "rolled-back",
            State::Interrupted => "interrupted",
            State::Incomplete => "incomplete",
        }
    }
}

/// A transaction in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its name.
    pub id: TransactionId,
    /// `apply` or `rollback`.
    pub kind: &'static str,
    /// How it stands.
    pub state: State,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// RFC 3339, UTC; `None` when it did not end.
    pub finished_at: Option<String>,
    /// The version of the tool that made it.
    pub tool_version: String,
    /// Who ran the tool.
    pub user: String,
    /// Number of changes.
    pub changes: usize,
    /// Number of files.
    pub files: usize,
    /// For a rollback, what it undid.
    pub rollback_of: Option<TransactionId>,
}

/// A transaction with its changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// As in a list.
    pub summary: Summary,
    /// Its changes, in order.
    pub changes: Vec<Change>,
    /// The files that it changed or set out to change, in order.
    pub files: Vec<NodePath>,
}

/// All transactions, newest first, each read when it is asked for. A journal that cannot be used
/// is an error of its own; one that was never begun, or was pruned meanwhile, is left out.
///
/// # Errors
/// When the state directory cannot be listed.
pub fn history(
    state: &StateDir,
) -> Result<impl Iterator<Item = Result<Summary, Failure>> + '_, Failure> {
    let ids = state.newest_first()?;
    Ok(ids.filter_map(|id| id.and_then(|id| summary(state, id)).transpose()))
}

/// One transaction, by any unique beginning of its id.
///
/// # Errors
/// When there is none, or its journal cannot be used.
pub fn show(state: &StateDir, id: &str) -> Result<Details, Failure> {
    let id = state.find(id)?;
    let told = story::read_sound(state, &id)?;
    let summary = summary(state, id)?.ok_or_else(|| {
        Failure::refused("the transaction was removed meanwhile")
            .help("list what is there with: tighten history")
    })?;
    let changes = told.begin.changes.iter().map(|note| Change {
        id: note.id.clone(),
        check: note.check.clone(),
        path: note.path.clone(),
        action: note.action.clone(),
        risk: note.risk.clone(),
        summary: note.summary.clone(),
    });
    Ok(Details {
        summary,
        changes: changes.collect(),
        files: told.steps.iter().map(|step| step.path.clone()).collect(),
    })
}

/// The newest transaction that committed. A journal that cannot be used is not passed over: the
/// newest could be that one.
pub(super) fn newest_committed(state: &StateDir) -> Result<Option<TransactionId>, Failure> {
    for summary in history(state)? {
        let summary = summary?;
        if summary.state == State::Committed {
            return Ok(Some(summary.id));
        }
    }
    Ok(None)
}

/// The newest transaction that committed and changed nothing but what lies at or below these paths.
///
/// # Errors
/// As [`history`]; a journal that cannot be used is not passed over.
pub fn newest_below(
    state: &StateDir,
    paths: &[NodePath],
) -> Result<Option<TransactionId>, Failure> {
    for summary in history(state)? {
        let summary = summary?;
        if summary.state != State::Committed {
            continue;
        }
        let files = show(state, summary.id.as_str())?.files;
        let below = |file: &NodePath| paths.iter().any(|path| file.is_below(path));
        if files.iter().all(below) {
            return Ok(Some(summary.id));
        }
    }
    Ok(None)
}

fn summary(state: &StateDir, id: TransactionId) -> Result<Option<Summary>, Failure> {
    let Some(directory) = state.transaction(&id)? else {
        return Ok(None);
    };
    let (begin, last) = match journal::read_ends(directory) {
        Ok((Record::Begin(begin), last)) if begin.id == id => (*begin, last),
        Err(Unusable::Empty) => return Ok(None),
        Ok(_) => {
            let why = Unusable::Corrupt {
                line: 1,
                why: "does not begin this transaction".into(),
            };
            return Err(story::unusable(state, &id, &why));
        }
        Err(why) => return Err(story::unusable(state, &id, &why)),
    };
    let (standing, finished_at) = match last {
        Record::Committed(ended) => (State::Committed, Some(ended.at)),
        Record::RolledBack(end) if end.kept.is_empty() => (State::RolledBack, Some(end.at)),
        Record::RolledBack(end) => (State::Incomplete, Some(end.at)),
        Record::Conflict(_) => (State::Incomplete, None),
        _ => (State::Interrupted, None),
    };
    Ok(Some(to_summary(id, begin, standing, finished_at)))
}

fn to_summary(
    id: TransactionId,
    begin: Begin,
    state: State,
    finished_at: Option<String>,
) -> Summary {
    Summary {
        id,
        kind: match begin.kind {
            Kind::Apply => "apply",
            Kind::Rollback => "rollback",
        },
        state,
        started_at: begin.started_at,
        finished_at,
        tool_version: begin.tool_version,
        user: begin.user,
        changes: begin.changes.len(),
        files: begin.files,
        rollback_of: begin.rollback_of,
    }
}
