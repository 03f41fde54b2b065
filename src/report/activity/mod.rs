//! What was found in the API server's audit log.

mod document;
mod line;
mod plot;
mod text;

pub use document::{Summary, event as activity_event};
pub use line::{heading as activity_heading, line as activity_line};
pub use text::text as activity_text;

use crate::auditlog::order::Totals;
use crate::auditlog::time::Instant;
use crate::auditlog::who::Who;

/// What is said of a log in the API server's other format.
const LEGACY: &str = "the API server writes it in its legacy format, which is not read: start it with --audit-log-format=json";

/// A log that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Where it lies.
    pub path: String,
    /// Bytes on the disk, when it is a file.
    pub bytes: Option<u64>,
}

/// All that is told of a log.
pub struct Activity<'a> {
    /// Whose.
    pub who: &'a Who,
    /// They are kube-proxy's identities.
    pub is_kube_proxy: bool,
    /// The logs, in the order in which they were read.
    pub files: &'a [LogFile],
    /// Nothing before.
    pub since: Option<Instant>,
    /// Nothing from then on.
    pub until: Option<Instant>,
    /// What was read.
    pub totals: &'a Totals,
    /// The lines of a file are counted from its first one.
    pub numbered: bool,
}

impl<'a> Activity<'a> {
    /// Whose events these are, in words.
    pub fn whose(&self) -> String {
        if self.is_kube_proxy {
            return "kube-proxy".into();
        }
        if self.who.everybody {
            return "everybody".into();
        }
        let groups = self.who.groups.iter().map(|group| format!("group {group}"));
        let all: Vec<String> = self.who.users.iter().cloned().chain(groups).collect();
        all.join(", ")
    }

    fn file(&self, number: usize) -> &str {
        let file = self.files.get(number);
        file.map_or("the log", |file| file.path.as_str())
    }
}
