//! The text before the edit: read once, judged once.

use crate::yaml::{self, Document, Node};

use super::{Refused, guards};

/// A text that may be edited: one document whose root is a mapping, and nothing in it on which the
/// readers of YAML are known to disagree.
pub(super) struct Source<'text> {
    /// All of it, the byte order mark included.
    pub text: &'text str,
    /// How every one of its lines ends.
    pub line_end: &'static str,
    /// What was read from it.
    pub document: Document,
    /// The root, a mapping.
    pub root: Node,
}

impl<'text> Source<'text> {
    /// Reads the text, or says why it cannot be edited with certainty.
    pub fn read(bytes: &'text [u8]) -> Result<Self, Refused> {
        let text = as_text(bytes, yaml::MAX_BYTES)?;
        let line_end = line_end(text)?;
        guards::characters(text)?;
        guards::markers(text)?;
        let mut document = yaml::parse(text).map_err(unread)?;
        let root = match document.root.take() {
            None => return Err(Refused::new("there is no document in it")),
            Some(_) if document.documents > 1 => {
                return Err(Refused::new(
                    "more than one document, and an edit concerns one",
                ));
            }
            Some(root) => root,
        };
        if !matches!(root.value, yaml::Value::Mapping(..)) {
            return Err(Refused::at(root.line, "the root is not a mapping"));
        }
        guards::tree(text, &root)?;
        guards::tabs(text, &root)?;
        guards::comments(text, &document)?;
        Ok(Source {
            text,
            line_end,
            document,
            root,
        })
    }

    /// True when the whole document is in flow style, as JSON is.
    pub fn is_flow(&self) -> bool {
        matches!(self.root.value, yaml::Value::Mapping(_, true))
    }

    /// The bytes of a range; nothing for a range that is none of this text.
    pub fn slice(&self, range: std::ops::Range<usize>) -> &'text str {
        self.text.get(range).unwrap_or_default()
    }

    /// Where the line of this byte starts; behind a byte order mark, which takes no column.
    pub fn line_start(&self, at: usize) -> usize {
        let before = self.slice(0..at);
        match before.rfind('\n') {
            Some(newline) => newline + 1,
            None if before.starts_with('\u{feff}') => '\u{feff}'.len_utf8(),
            None => 0,
        }
    }

    /// What stands on this byte's line in front of it.
    pub fn line_before(&self, at: usize) -> &'text str {
        self.slice(self.line_start(at)..at)
    }

    /// What stands on this byte's line from it on, without the line end.
    pub fn line_after(&self, at: usize) -> &'text str {
        let rest = self.slice(at..self.text.len());
        let line = rest.split('\n').next().unwrap_or_default();
        line.strip_suffix('\r').unwrap_or(line)
    }

    /// True when the line goes on with blanks or a comment, and nothing else.
    pub fn line_ends_after(&self, at: usize) -> bool {
        let rest = self.line_after(at);
        let content = rest.trim_start_matches([' ', '\t']);
        content.is_empty() || (content.starts_with('#') && content.len() < rest.len())
    }

    /// True where a comment starts.
    pub fn is_comment(&self, at: usize) -> bool {
        let comments = &self.document.comments;
        let start = |comment: &yaml::Comment| comment.span.start;
        comments.binary_search_by_key(&at, start).is_ok()
    }

    /// The byte in front of this one.
    pub fn byte_before(&self, at: usize) -> Option<u8> {
        let index = at.checked_sub(1)?;
        self.text.as_bytes().get(index).copied()
    }
}

/// The bytes as text, when they are no more than this many.
pub(super) fn as_text(bytes: &[u8], most: usize) -> Result<&str, Refused> {
    if bytes.len() > most {
        return Err(Refused::new("larger than a configuration can be"));
    }
    str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        Refused::at(line_of_byte(good), "not UTF-8")
    })
}

/// Why a text that the reader of YAML refuses is not edited.
pub(super) fn unread(refusal: yaml::Refusal) -> Refused {
    let reason = match refusal.problem {
        yaml::Problem::Syntax => format!("not YAML: {}", refusal.message),
        yaml::Problem::Budget => refusal.message,
    };
    Refused::at(refusal.line, reason)
}

/// How the lines of the text end; refused when they do not all end alike.
pub(super) fn line_end(text: &str) -> Result<&'static str, Refused> {
    let mut lone_newline = false;
    let mut pair = false;
    let mut previous = 0;
    for (index, byte) in text.bytes().enumerate() {
        if previous == b'\r' && byte != b'\n' {
            return Err(bare_return(text, index));
        }
        if byte == b'\n' {
            if previous == b'\r' {
                pair = true;
            } else {
                lone_newline = true;
            }
        }
        previous = byte;
    }
    match (lone_newline, pair) {
        _ if previous == b'\r' => Err(bare_return(text, text.len())),
        (true, true) => Err(Refused::new(
            "its lines end in two ways, with and without a carriage return",
        )),
        (_, pair) => Ok(if pair { "\r\n" } else { "\n" }),
    }
}

fn bare_return(text: &str, at: usize) -> Refused {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    Refused::at(
        line_of_byte(before),
        "a carriage return without a newline, which readers of YAML take differently",
    )
}

/// The line, counted from 1, that follows these bytes.
pub(super) fn line_of_byte(before: &[u8]) -> usize {
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}
