//! When in a request's life an event is written.

use super::json::Text;

/// When in a request's life an event is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// As soon as it arrives.
    RequestReceived,
    /// When the head of a long answer is sent.
    ResponseStarted,
    /// When the answer is complete.
    ResponseComplete,
    /// When the API server panicked.
    Panic,
    /// One that is not known here.
    Other,
}

impl Stage {
    pub(super) fn read(text: Text) -> Stage {
        match &*text.bytes() {
            b"RequestReceived" => Stage::RequestReceived,
            b"ResponseStarted" => Stage::ResponseStarted,
            b"ResponseComplete" => Stage::ResponseComplete,
            b"Panic" => Stage::Panic,
            _ => Stage::Other,
        }
    }

    /// Whether another event of the same request may follow.
    pub fn is_open(self) -> bool {
        matches!(self, Stage::RequestReceived | Stage::ResponseStarted)
    }

    /// The name as the log has it.
    pub fn name(self) -> &'static str {
        match self {
            Stage::RequestReceived => "RequestReceived",
            Stage::ResponseStarted => "ResponseStarted",
            Stage::ResponseComplete => "ResponseComplete",
            Stage::Panic => "Panic",
            Stage::Other => "other",
        }
    }
}
