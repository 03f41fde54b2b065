//! The one document that answers a call.

use serde::Serialize;
use serde_json::{Map, Value};

use super::diff::Entry;
use crate::failure::Failure;
use crate::report::printable;

/// What is returned to the play.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Reply {
    /// Something on the node is, or in check mode would be, another than before.
    pub changed: bool,
    /// The task failed.
    pub failed: bool,
    /// What happened, in a sentence; of a failure also the state of the disk and what to do next.
    pub msg: String,
    /// The exit code of the command that did the work.
    pub rc: i32,
    /// What follows, where there is something to say.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Reply {
    /// A call that was not carried out.
    pub fn refused(msg: impl Into<String>, rc: i32) -> Reply {
        Reply {
            failed: true,
            msg: printable(&msg.into()),
            rc,
            ..Reply::default()
        }
    }

    /// A failure in one line, as Ansible shows a message: what happened, the state of the disk, what to
    /// do next.
    pub fn sentence(failure: &Failure) -> String {
        let mut text = failure.message.clone();
        if let Some(state) = &failure.state {
            text.push_str(&format!(" ({state})"));
        }
        if let Some(help) = &failure.help {
            text.push_str(&format!("; help: {help}"));
        }
        printable(&text)
    }

    /// Adds a value.
    pub fn with(&mut self, name: &str, value: impl Into<Value>) {
        self.more.insert(name.into(), value.into());
    }

    /// Adds the differences.
    pub fn with_diff(&mut self, diff: &[Entry]) {
        if let Ok(value) = serde_json::to_value(diff) {
            self.with("diff", value);
        }
    }

    /// Adds a warning, which Ansible shows apart.
    pub fn warn(&mut self, warning: &str) {
        let warnings = self
            .more
            .entry("warnings")
            .or_insert_with(|| Value::Array(Vec::new()));
        // What a document says is said on stderr, too.
        let warning = Value::from(printable(warning));
        if let Value::Array(warnings) = warnings
            && !warnings.contains(&warning)
        {
            warnings.push(warning);
        }
    }
}
