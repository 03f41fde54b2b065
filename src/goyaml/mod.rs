//! What a YAML or JSON text means to the Go programs that read it.
//!
//! kube-proxy and client-go turn YAML into JSON with sigs.k8s.io/yaml, which stands on go-yaml v2: a
//! YAML 1.1 reader with habits of its own. Values here are what their JSON decoder is then given.

mod convert;
mod float;
mod json;
mod resolve;
mod stricter;

use std::ops::Range;

use crate::yaml::{self, Problem};

pub use convert::{MAX_VALUES, value};
pub use json::parse as parse_json;
pub use resolve::{Scalar, resolve};

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number, as JSON spells it: Go's decoder tells `1e2` from `100`.
    Number(String),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Item>),
    /// An object. From YAML: sorted by key, each key once. From JSON: as written, doubled keys included.
    Map(Vec<Entry>),
}

/// A value and where it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The value.
    pub data: Data,
    /// Line of its first byte, counted from 1.
    pub line: usize,
    /// Its bytes. Of an alias, the bytes of what it stands for.
    pub span: Range<usize>,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key, as the string that it becomes in JSON.
    pub key: String,
    /// Line of the key, counted from 1.
    pub line: usize,
    /// The value.
    pub item: Item,
}

impl Item {
    /// The entries of an object; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.data {
            Data::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of an array; none for anything else.
    pub fn items(&self) -> &[Item] {
        match &self.data {
            Data::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a key; of doubled keys the last one counts.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().rev().find(|entry| entry.key == key)
    }
}

/// A key that go-yaml finds a second time in a mapping, be it written twice or merged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubled {
    /// Where: `iptables.masqueradeBit`, `list[0].key`.
    pub path: String,
    /// Line of the later one.
    pub line: usize,
}

/// A text that could be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The value; null for a text without a document.
    pub root: Item,
    /// Doubled keys in the order in which they were met; only for YAML.
    pub doubled: Vec<Doubled>,
}

/// Why a text has no meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What is wrong.
    pub message: String,
    /// Where, when it is known.
    pub line: Option<usize>,
    /// It was more than is read here, so nothing is known about it. Otherwise Go refuses it too.
    pub budget: bool,
}

impl Trouble {
    fn refused(message: impl Into<String>, line: usize) -> Self {
        Trouble {
            message: message.into(),
            line: Some(line),
            budget: false,
        }
    }

    fn budget(message: impl Into<String>, line: usize) -> Self {
        Trouble {
            budget: true,
            ..Trouble::refused(message, line)
        }
    }
}

/// Reads YAML bytes as `YAMLToJSON` does: the first document only.
///
/// # Errors
/// When go-yaml refuses the text, or when it is more than the budget allows.
pub fn load(bytes: &[u8]) -> Result<Loaded, Trouble> {
    if bytes.len() > yaml::MAX_BYTES {
        let limit = yaml::MAX_BYTES >> 20;
        return Err(Trouble::budget(format!("larger than {limit} MiB"), 1));
    }
    // go-yaml also reads UTF-16; nobody writes these files so, and no edit could keep it.
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Trouble::budget("UTF-16 is not read", 1));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            return Err(unreadable(before, "yaml: invalid UTF-8"));
        }
    };
    if let Some(at) = text.find(|letter| !printable(letter)) {
        let before = bytes.get(..at).unwrap_or_default();
        return Err(unreadable(
            before,
            "yaml: control characters are not allowed",
        ));
    }
    let document = yaml::parse_first(text).map_err(|refusal| match refusal.problem {
        Problem::Budget => Trouble::budget(refusal.message, refusal.line),
        Problem::Syntax => Trouble {
            budget: may_end_before(text, refusal.line),
            ..Trouble::refused(
                format!("yaml: line {}: {}", refusal.line, refusal.message),
                refusal.line,
            )
        },
    })?;
    if let Some(root) = &document.root {
        stricter::check(text, root)?;
    }
    convert::convert(&document)
}

/// go-yaml reads only as far as it must, so it never meets a bad byte far behind the first document.
fn unreadable(before: &[u8], message: &str) -> Trouble {
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let ends_earlier = before
        .split(|byte| *byte == b'\n')
        .skip_while(|line| line.is_empty() || line.starts_with(b"#") || line.starts_with(b"%"))
        .skip(1)
        .any(|line| line.starts_with(b"---") || line.starts_with(b"..."));
    Trouble {
        budget: ends_earlier,
        ..Trouble::refused(message, line)
    }
}

/// Whether go-yaml might have ended the first document before this line, so that it never saw what is wrong
/// with it: at a directive, or where an indented document meets a line that is indented less.
fn may_end_before(text: &str, line: usize) -> bool {
    let mut lines = text.lines();
    let content = |line: &&str| {
        let text = line.trim_start();
        !text.is_empty()
            && !text.starts_with('#')
            && !text.starts_with("---")
            && !text.starts_with('%')
    };
    let first_is_indented = lines
        .clone()
        .find(content)
        .is_some_and(|line| line.starts_with(' '));
    let bad = lines.nth(line.saturating_sub(1)).unwrap_or_default();
    bad.starts_with('%') || first_is_indented
}

/// The characters that libyaml's reader lets through.
fn printable(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}'
        | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests;
