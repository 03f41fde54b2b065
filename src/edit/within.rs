//! One document of a stream, or a document inside a scalar of one.
//!
//! The document's bytes are edited as a text of their own, with its proof, and put back. Then the whole
//! stream is read again: nothing but this document may have changed.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::yaml::{self, Node, Part, Parts, Value};

use super::embedded::alter_embedded;
use super::proof::{is_same, unproved};
use super::source::unread;
use super::stream::Stream;
use super::{Alteration, Refused, Step, alter, spelled};

/// Which document of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Within {
    /// Which one of the stream, counted from 0 as [`yaml::Parts`] counts them.
    pub document: usize,
    /// The way from its root to the scalar whose text is the document; empty for the document itself.
    pub embedded: Vec<Step>,
}

impl fmt::Display for Within {
    /// In front of a path: `data["config.conf"]: ` for a text of the document, nothing for the document.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.embedded.as_slice() {
            [] => Ok(()),
            way => write!(out, "{}: ", spelled(way)),
        }
    }
}

/// Does all of the alterations in one document of a file; all of them, or none.
///
/// # Errors
/// As [`alter`], with the lines of the file; and when there is no such document, or when readers of the
/// stream see it in different bytes.
pub fn alter_within(
    bytes: &[u8],
    within: &Within,
    alterations: &[Alteration],
) -> Result<Vec<u8>, Refused> {
    let mut stream = Stream::read(bytes)?;
    let own = stream.altered(within, alterations)?;
    stream.put(within.document, &own);
    stream.prove()?;
    Ok(stream.into_bytes())
}

pub(super) fn altered(
    own: &str,
    within: &Within,
    alterations: &[Alteration],
) -> Result<String, Refused> {
    separators(own, within.document)?;
    let result = match within.embedded.as_slice() {
        [] => alter(own.as_bytes(), alterations)?,
        way => alter_embedded(own.as_bytes(), way, alterations)?,
    };
    String::from_utf8(result).map_err(|_| Refused::new("the result is not UTF-8"))
}

/// A document as it was read: its bytes, and the sum of its tree and its comments.
pub(super) struct Known {
    pub span: Range<usize>,
    sum: u64,
}

impl Known {
    fn of(part: &Part) -> Known {
        // Only one tree of a large stream is in memory at a time. What is compared by its sum here has the
        // same bytes too.
        let mut sum = DefaultHasher::new();
        add(&part.root, &mut sum);
        texts(&part.comments).hash(&mut sum);
        Known {
            span: part.span.clone(),
            sum: sum.finish(),
        }
    }
}

/// Adds a node to a sum, but for where it stands.
fn add(node: &Node, sum: &mut DefaultHasher) {
    (node.anchor, &node.tag).hash(sum);
    match &node.value {
        Value::Scalar(text, style) => (0, text, *style as u8).hash(sum),
        Value::Sequence(items, flow) => {
            (1, items.len(), flow).hash(sum);
            items.iter().for_each(|item| add(item, sum));
        }
        Value::Mapping(entries, flow) => {
            (2, entries.len(), flow).hash(sum);
            for (key, value) in entries {
                add(key, sum);
                add(value, sum);
            }
        }
        Value::Alias(anchor) => (3, anchor).hash(sum),
    }
}

/// What is known of the documents of a stream that can be read to its end.
pub(super) fn known(text: &str) -> Result<Vec<Known>, Refused> {
    let known = |part: Result<Part, _>| part.map(|part| Known::of(&part)).map_err(unread);
    stream(text)?.map(known).collect()
}

fn stream(text: &str) -> Result<Parts<'_>, Refused> {
    yaml::parse_stream(text).map_err(unread)
}

/// Refuses what kubectl, which splits a stream at every line that starts with `---` before it reads the
/// parts, takes for other documents (`splitYAMLDocument` of k8s.io/apimachinery).
fn separators(own: &str, document: usize) -> Result<(), Refused> {
    let mut marked = document == 0;
    let mut before_marker = true;
    for (index, line) in own.lines().enumerate() {
        if line.starts_with("---") {
            if !before_marker {
                return Err(Refused::at(
                    index + 1,
                    "a line that starts like the marker of a document, at which kubectl splits the file",
                ));
            }
            marked = true;
        }
        before_marker &= line.trim().is_empty() || line.starts_with(['#', '%', '\u{feff}']);
    }
    if marked {
        return Ok(());
    }
    Err(Refused::at(
        1,
        "a document without a marker of its own behind an end marker, which kubectl does not read",
    ))
}

/// What a document of the result has to be.
pub(super) enum Expected<'a> {
    /// What it was: its bytes, and what is known of it.
    Kept(&'a str, &'a Known),
    /// These bytes, as they were proved as a text of their own.
    Proved(&'a str),
}

/// Refuses the result unless each of its documents is what is expected of it.
pub(super) fn prove_stream<'a>(
    mut expected: impl Iterator<Item = Expected<'a>>,
    after: &str,
) -> Result<(), Refused> {
    let mut read = stream(after)?;
    loop {
        let (expected, is) = match (expected.next(), read.next()) {
            (None, None) => return Ok(()),
            (Some(_), Some(Err(_))) => return unproved("the stream could not be read any more"),
            (Some(expected), Some(Ok(is))) => (expected, is),
            _ => return unproved("the number of documents changed"),
        };
        let slice = after.get(is.span.clone()).unwrap_or_default();
        let same = match expected {
            Expected::Kept(was, known) => slice == was && Known::of(&is).sum == known.sum,
            Expected::Proved(own) => slice == own && is_read_as(&is, own),
        };
        if !same {
            return unproved("a document would be read otherwise");
        }
    }
}

/// True when the document is, within the stream, what its bytes are as a text of their own.
fn is_read_as(part: &Part, own: &str) -> bool {
    let Ok(alone) = yaml::parse(own) else {
        return false;
    };
    let root = alone.root.as_ref();
    root.is_some_and(|root| is_same(root, &part.root))
        && texts(&alone.comments) == texts(&part.comments)
}

fn texts(comments: &[yaml::Comment]) -> Vec<&str> {
    comments
        .iter()
        .map(|comment| comment.text.as_str())
        .collect()
}
