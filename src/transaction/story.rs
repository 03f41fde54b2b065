//! What a journal tells: who began what, the steps, and how far it came.

use std::collections::BTreeSet;
use std::os::fd::AsFd;

use crate::failure::{Exit, Failure};
use crate::root::{Root, Where};

use super::begin::{machine_id, root_identity};
use super::id::TransactionId;
use super::journal::{self, Lines, Unusable};
use super::record::{Begin, Kind, PutBack, Record};
use super::state_dir::StateDir;
use super::step::Step;

/// How far a transaction came, by its last valid record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// Nothing outside the state directory was touched.
    Begun,
    /// The node may have been touched.
    Prepared,
    /// Files that somebody else changed wait for a decision.
    Conflict,
    Committed,
    RolledBack(PutBack),
}

/// A whole journal, understood.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) begin: Begin,
    pub(super) steps: Vec<Step>,
    pub(super) reached: Reached,
    /// When it ended, for a transaction that did.
    pub(super) ended_at: Option<String>,
}

/// Reads a transaction's journal; `Err` says why it cannot be used.
pub(super) fn read(
    state: &StateDir,
    id: &TransactionId,
) -> Result<Result<Story, Unusable>, Failure> {
    Ok(read_in(&state.open_transaction(id)?, id))
}

/// Reads the journal in a transaction's own directory.
pub(super) fn read_in(directory: impl AsFd, id: &TransactionId) -> Result<Story, Unusable> {
    journal::read(directory).and_then(|lines| tell(id, lines))
}

/// Reads a transaction's journal, which must be usable.
pub(super) fn read_sound(state: &StateDir, id: &TransactionId) -> Result<Story, Failure> {
    read(state, id)?.map_err(|why| unusable(state, id, &why))
}

/// The refusal of everything while a journal cannot be trusted.
pub(super) fn unusable(state: &StateDir, id: &TransactionId, why: &Unusable) -> Failure {
    let directory = state.path_of(id);
    let journal = directory.join(journal::NAME);
    let refused = Failure::refused(format!("{}: {why}", journal.display()));
    if let Some(error) = why.passing() {
        return refused.state("nothing was written").because(error);
    }
    match why {
        Unusable::Newer(_) => refused
            .state("nothing was written")
            .help("use the version of tighten that wrote it, or a newer one"),
        Unusable::Untrusted(_) => refused.state("nothing was written").help(format!(
            "if nobody else can have changed it, give it to you with mode 0600 and try again; otherwise compare the node's files with the backups {0}/pre.* by hand, then move {0} and the file active out of the state directory",
            directory.display()
        )),
        _ => refused.state("nothing was written").help(format!(
            "compare the node's files with the backups {0}/pre.* by hand, put back what is needed, then move {0} and the file active out of the state directory",
            directory.display()
        )),
    }
}

/// Gives the records their meaning, and refuses an order in which they are never written.
pub(super) fn tell(id: &TransactionId, lines: Lines) -> Result<Story, Unusable> {
    let mut records = lines.records.into_iter().enumerate();
    let corrupt = |line: usize, why: &str| Unusable::Corrupt {
        line,
        why: why.into(),
    };
    let Some((_, Record::Begin(begin))) = records.next() else {
        return Err(corrupt(1, "does not begin a transaction"));
    };
    if begin.format > super::record::FORMAT {
        return Err(Unusable::Newer(begin.format));
    }
    let undoes = begin.rollback_of.is_some();
    if begin.format != lines.format || undoes != (begin.kind == Kind::Rollback) {
        return Err(corrupt(1, "contradicts itself"));
    }
    if begin.id != *id {
        return Err(corrupt(1, "belongs to another transaction"));
    }
    let mut paths = BTreeSet::new();
    let mut story = Story {
        begin: *begin,
        steps: Vec::new(),
        reached: Reached::Begun,
        ended_at: None,
    };
    for (index, record) in records {
        let line = index + 1;
        let open = matches!(story.reached, Reached::Prepared | Reached::Conflict);
        match record {
            Record::Intent(intent) if story.reached == Reached::Begun => {
                let step = Step::from_intent(id, &intent)
                    .map_err(|why| Unusable::Corrupt { line, why })?;
                if step.index != story.steps.len() {
                    return Err(corrupt(line, "intents out of order"));
                }
                // Undoing goes from file to file: the second for one file would see the first's work.
                if !paths.insert(step.path.clone()) {
                    return Err(corrupt(line, "a second intent for one file"));
                }
                story.steps.push(step);
            }
            Record::Prepared if story.reached == Reached::Begun => {
                if story.steps.len() != story.begin.files {
                    return Err(corrupt(line, "intents are missing"));
                }
                story.reached = Reached::Prepared;
            }
            Record::Aborting(_) if open => {}
            Record::Conflict(_) if open => story.reached = Reached::Conflict,
            Record::Committed(ended) if story.reached == Reached::Prepared => {
                story.ended_at = Some(ended.at);
                story.reached = Reached::Committed;
            }
            Record::RolledBack(end) if open => {
                story.ended_at = Some(end.at.clone());
                story.reached = Reached::RolledBack(end);
            }
            _ => return Err(corrupt(line, "a record where it cannot be")),
        }
    }
    Ok(story)
}

impl Story {
    /// Whether this is the tree that the journal speaks of.
    ///
    /// Device numbers change with each boot and inode numbers with each copy, so one of path with
    /// inode or device with inode is enough; what decides about each file is what it holds.
    pub(super) fn is_of(&self, root: &Root) -> Result<bool, Failure> {
        let now = root_identity(root)?;
        let then = &self.begin.root;
        let same_machine = match (&self.begin.machine_id, machine_id(root)) {
            (Some(then), Some(now)) => *then == now,
            _ => true,
        };
        let same_tree = match root.place() {
            Where::Live => then.path == now.path,
            _ => {
                (then.path == now.path && then.ino == now.ino)
                    || (then.dev, then.ino) == (now.dev, now.ino)
            }
        };
        Ok(same_machine && same_tree)
    }

    /// The refusal for a tree that the journal does not speak of.
    pub(super) fn other_root(&self) -> Failure {
        let then = &self.begin.root.path;
        Failure::refused(format!(
            "transaction {} changed another tree: {then}",
            self.begin.id
        ))
        .state("nothing was written")
        .help("name that tree with --root; --force if this is a copy of it")
        .exit(Exit::Refused)
    }
}
