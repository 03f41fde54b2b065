//! A journal's bytes, judged by themselves: what recovery and rollback would take from them.

use crate::root::NodePath;

use super::id::TransactionId;
use super::journal;
use super::story;

/// What was found in a journal's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalReading {
    /// Number of records.
    pub records: usize,
    /// How many bytes their lines take; behind them there is at most a torn last line.
    pub sound: usize,
    /// The same records as this version writes them.
    pub rewritten: String,
    /// The files that the records speak of, in order; or why nothing is done by them.
    pub told: Result<Vec<Touched>, String>,
}

/// A file that a transaction changes, and the names that belong to its change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// The file.
    pub path: NodePath,
    /// The name beside it under which its successor is written.
    pub temp: Option<String>,
    /// The name of its backup in the transaction's directory.
    pub backup: Option<String>,
}

/// Judges bytes as the journal of this transaction, without touching anything.
///
/// # Errors
/// Why not one of their records is believed: there is none, they are damaged before their last
/// line, or a newer version wrote them.
pub fn read_journal(id: &TransactionId, bytes: &[u8]) -> Result<JournalReading, String> {
    let lines = journal::parse(bytes).map_err(|why| why.to_string())?;
    let (rewritten, ..) = journal::sealed(&lines.records, lines.format, 0, String::new())
        .map_err(|error| format!("cannot be written again: {error}"))?;
    Ok(JournalReading {
        records: lines.records.len(),
        sound: lines.valid,
        rewritten,
        told: match story::tell(id, lines) {
            Ok(story) => Ok(story
                .steps
                .into_iter()
                .map(|step| Touched {
                    path: step.path,
                    temp: step.temp,
                    backup: step.backup,
                })
                .collect()),
            Err(why) => Err(why.to_string()),
        },
    })
}
