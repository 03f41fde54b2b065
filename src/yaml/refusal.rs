//! Why a text gave no tree, without any of the text.

use std::fmt;

use granit_parser::{ErrorKind, ScanError};

/// Why a text gave no tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It is not YAML.
    Syntax,
    /// It exceeds the budget, so it was not read to its end: nothing is known about it.
    Budget,
}

/// A text that gave no tree, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whether it is wrong or merely too much.
    pub problem: Problem,
    /// What is wrong. Never quotes the text, which may hold a secret.
    pub message: String,
    /// Line, counted from 1.
    pub line: usize,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: {}", self.line, self.message)
    }
}

/// More than is read.
pub(super) fn budget(line: usize, message: String) -> Refusal {
    Refusal {
        problem: Problem::Budget,
        message,
        line,
    }
}

/// More bytes than are read.
pub(super) fn too_large(line: usize, most: usize) -> Refusal {
    budget(line, format!("larger than {} MiB", most >> 20))
}

/// The parser's error, without any of the text.
pub(super) fn refusal(error: &ScanError) -> Refusal {
    let problem = match error.kind() {
        ErrorKind::TooManyComments
        | ErrorKind::RecursionLimitExceeded
        | ErrorKind::AnchorCountOverflow
        | ErrorKind::DirectiveByteLimitExceeded { .. } => Problem::Budget,
        _ => Problem::Syntax,
    };
    let message = match error.kind() {
        ErrorKind::UnexpectedCharacter { .. } => "unexpected character".to_owned(),
        _ => error.info(),
    };
    Refusal {
        problem,
        message,
        line: error.marker().line(),
    }
}
