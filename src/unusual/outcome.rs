//! What a log comes to.

use crate::auditlog::order::{Broken, Place};
use crate::auditlog::time::Instant;
use crate::baseline::Severity;

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusual {
    /// The rule's id.
    pub rule: String,
    /// Its severity.
    pub severity: Severity,
    /// What is told of it.
    pub title: String,
    /// How many events broke it; lines, where those are no events.
    pub events: u64,
    /// How many requests those belong to.
    pub requests: u64,
    /// More requests were open at once than are told apart, so that some may be counted twice.
    pub rough: bool,
    /// The first of them; of silence there is none.
    pub first: Option<First>,
    /// What was seen, in one sentence: printable and short.
    pub observed: String,
    /// Why it matters.
    pub why: String,
    /// What to do.
    pub help: String,
}

/// The first event that broke a rule. What clients chose of it is printable and short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    /// When it was written.
    pub time: Option<Instant>,
    /// The request's id.
    pub audit_id: String,
    /// Where it stands.
    pub place: Place,
    /// Who asked what from where.
    pub what: String,
}

/// A rule that could not be judged, or not of all of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotJudged {
    /// The rule's id.
    pub rule: String,
    /// Why.
    pub reason: String,
    /// What to do.
    pub help: String,
}

/// What a log comes to.
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// The rules that were broken: the most severe first, of those the most frequent.
    pub unusual: Vec<Unusual>,
    /// What could not be judged, in the order of the rules.
    pub not_judged: Vec<NotJudged>,
}

impl Judged {
    /// Whether anything of this severity or above was found.
    pub fn reaches(&self, floor: Severity) -> bool {
        self.unusual.iter().any(|found| found.severity >= floor)
    }
}

/// What is known when the log has ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct End<'a> {
    /// When the first event of the log was written, whoever's.
    pub log_first: Option<Instant>,
    /// And the last; where a log is followed, now.
    pub log_last: Option<Instant>,
    /// The API server's audit policy, where it is known.
    pub policy: Option<PolicyFile<'a>>,
    /// How many lines are no events.
    pub unreadable: u64,
    /// The first of them.
    pub first_unreadable: Option<Broken>,
}

/// An audit policy.
#[derive(Clone, Copy, Debug)]
pub struct PolicyFile<'a> {
    /// Where it lies, as it is shown.
    pub path: &'a str,
    /// What is in it.
    pub bytes: &'a [u8],
}
