//! Bytes to bytes: one value of a configuration is written, and it is proved that nothing else changed.
//!
//! ```text
//! bytes -> source (read, judged) -> place (where the path leads) -> splice (what is written) -> proof
//! ```
//!
//! An edit is one splice: a range of bytes and the text that takes its place. It is made with an eye
//! on the style of the neighbours, but nobody trusts it: `proof` reads the result again and lets it
//! pass only if its tree is the tree before with exactly this value written, and each comment stands with
//! the item that it stood with. What cannot be proved is refused, with a reason that names a line and
//! quotes nothing of it.
//!
//! One document of a stream, and a document inside a text of another one, is edited as a text of its own
//! ([`alter_within`]); then the text around it is proved in the same way.
//!
//! A new operation takes a variant of [`Operation`], a splice for each style, and a line in the proof
//! that says what it may change.

mod belonging;
mod block;
mod copy;
mod embedded;
pub mod flags;
mod flow;
mod guards;
mod insert;
mod manner;
mod place;
mod proof;
mod remove;
mod removed;
mod source;
mod splice;
mod stream;
mod tree;
mod value;
mod within;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use copy::Entry;
pub use stream::Stream;
pub use tree::Tree;
pub use value::Scalar;
pub use within::{Within, alter_within};

use source::Source;

/// One step of the way from the root to a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Step {
    /// Into the mapping's entry with this key.
    Key(String),
    /// To the sequence's item with this position, counted from 0.
    Index(usize),
}

/// What is done at the place that a path leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Operation {
    /// The value there becomes this one; missing keys on the way are added.
    Set(Scalar),
    /// The list there gets this item behind its last one.
    Append(Scalar),
    /// The list there gets these items; a list that is missing is made, as are the keys on the way.
    Insert {
        /// Before the item with this position, counted from 0; without one, behind the last item.
        before: Option<usize>,
        /// The items, at least one.
        items: Vec<Tree>,
    },
    /// The list there gets one more item behind its last one, which is much like another; a list that is
    /// missing is made. What is copied is named and not quoted, since it may hold secrets.
    Copy {
        /// The way to the mapping that is the model.
        from: Vec<Step>,
        /// The keys of the new item, in this order, each with what it gets.
        entries: Vec<(String, Entry)>,
    },
    /// The item of a list or entry of a mapping there goes, with the comments on its lines and those
    /// directly above it in its column. Of a collection that held nothing else, `[]` or `{}` stays.
    Remove,
}

/// One operation and the place where it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alteration {
    /// The way from the root of the document.
    pub path: Vec<Step>,
    /// What is done there.
    pub operation: Operation,
}

impl Alteration {
    /// The value at the path becomes this one.
    pub fn set(path: Vec<Step>, value: Scalar) -> Alteration {
        let operation = Operation::Set(value);
        Alteration { path, operation }
    }

    /// The list at the path gets these items, before the one with this position or behind the last one.
    pub fn insert(path: Vec<Step>, before: Option<usize>, items: Vec<Tree>) -> Alteration {
        let operation = Operation::Insert { before, items };
        Alteration { path, operation }
    }

    /// The list at the path gets an item behind its last one, made after the mapping at another place.
    pub fn copy(path: Vec<Step>, from: Vec<Step>, entries: Vec<(String, Entry)>) -> Alteration {
        let operation = Operation::Copy { from, entries };
        Alteration { path, operation }
    }

    /// The same where the root stands at this place of a larger document.
    #[must_use]
    pub fn below(mut self, at: &[Step]) -> Alteration {
        self.path.splice(..0, at.iter().cloned());
        if let Operation::Copy { from, .. } = &mut self.operation {
            from.splice(..0, at.iter().cloned());
        }
        self
    }

    /// What stands at the path goes.
    pub fn remove(path: Vec<Step>) -> Alteration {
        let operation = Operation::Remove;
        Alteration { path, operation }
    }

    /// "1 rule", "2 volumes": the items by the list's own name.
    fn counted(&self, count: usize) -> String {
        let (one, several) = match self.path.last() {
            Some(Step::Key(key)) => match key.strip_suffix('s') {
                Some(one) => (one, key.as_str()),
                None => ("item", "items"),
            },
            _ => ("item", "items"),
        };
        match count {
            1 => format!("1 {one}"),
            count => format!("{count} {several}"),
        }
    }
}

impl fmt::Display for Alteration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = spelled(&self.path);
        match &self.operation {
            Operation::Set(value) => write!(out, "{place} = {value}"),
            Operation::Append(item) => write!(out, "{place} + {item}"),
            Operation::Insert { before, items } => match (before, items.as_slice()) {
                (None, [Tree::Scalar(item)]) => write!(out, "{place} + {item}"),
                (Some(at), items) => {
                    write!(out, "{place}[{at}]: insert {}", self.counted(items.len()))
                }
                (None, items) => write!(out, "{place}: add {}", self.counted(items.len())),
            },
            Operation::Copy { from, .. } => {
                write!(
                    out,
                    "{place}: add {} like {}",
                    self.counted(1),
                    spelled(from)
                )
            }
            Operation::Remove => write!(out, "{place}: remove"),
        }
    }
}

/// Why an edit was not made. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What stands in the way. Quotes key names of the path, never a value of the file.
    pub reason: String,
    /// Line, counted from 1, where there is one to point at.
    pub line: Option<usize>,
}

impl Refused {
    fn new(reason: impl Into<String>) -> Self {
        Refused {
            reason: reason.into(),
            line: None,
        }
    }

    fn at(line: usize, reason: impl Into<String>) -> Self {
        Refused {
            reason: reason.into(),
            line: Some(line),
        }
    }

    /// The same in a text in which this many lines stand before those that the line was counted in. What
    /// concerns all of them is told of the first.
    fn below(self, lines: usize) -> Self {
        let first = (lines > 0).then_some(1);
        Refused {
            line: self.line.or(first).map(|line| lines + line),
            ..self
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(out, "line {line}: {}", self.reason),
            None => out.write_str(&self.reason),
        }
    }
}

impl std::error::Error for Refused {}

/// Sets the value at the path in a text of one YAML or JSON document.
///
/// Every byte that need not change stays: comments, order, indentation, quotes, line ends, a byte
/// order mark, a missing last newline.
///
/// # Errors
/// When the text cannot be edited with certainty, when the path does not fit it, or when the result
/// could not be proved to be right.
pub fn set(bytes: &[u8], path: &[Step], value: &Scalar) -> Result<Vec<u8>, Refused> {
    apply(bytes, path, &Operation::Set(value.clone()))
}

/// Adds an item behind the last one of the list at the path.
///
/// # Errors
/// As [`set`]; and when there is no list.
pub fn append(bytes: &[u8], path: &[Step], item: &Scalar) -> Result<Vec<u8>, Refused> {
    apply(bytes, path, &Operation::Append(item.clone()))
}

/// Does all of the alterations, each on the result of the one before it; all of them, or none.
///
/// # Errors
/// As [`set`], for the first of them that cannot be done.
pub fn alter(bytes: &[u8], alterations: &[Alteration]) -> Result<Vec<u8>, Refused> {
    let mut bytes = bytes.to_vec();
    for alteration in alterations {
        bytes = apply(&bytes, &alteration.path, &alteration.operation)?;
    }
    Ok(bytes)
}

/// Does what the operation says at the path.
///
/// # Errors
/// As [`set`].
pub fn apply(bytes: &[u8], path: &[Step], operation: &Operation) -> Result<Vec<u8>, Refused> {
    let before = Source::read(bytes)?;
    let place = place::find(&before.root, path)?;
    let resolved = copy::resolved(&before.root, operation)?;
    let operation = resolved.as_ref().unwrap_or(operation);
    let splice = match operation {
        Operation::Set(value) => splice::set(&before, &place, value)?,
        Operation::Append(item) => splice::append(&before, &place, item)?,
        Operation::Insert {
            before: position,
            items,
        } => insert::insert(&before, &place, *position, items)?,
        Operation::Remove => remove::remove(&before, path)?,
        // Resolved above.
        Operation::Copy { .. } => return Err(Refused::new("a copy without its values")),
    };
    let result = splice.into_text(before.text)?;
    proof::prove(&before, &result, path, operation)?;
    Ok(result.text.into_bytes())
}

/// The path as people write it: `iptables.localhostNodePorts`, `args[2]`, `data["config.conf"]`.
pub fn spelled(path: &[Step]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            Step::Key(key) if key.contains(['.', '[', '"']) => out.push_str(&format!("[{key:?}]")),
            Step::Key(key) if out.is_empty() => out.push_str(key),
            Step::Key(key) => {
                out.push('.');
                out.push_str(key);
            }
            Step::Index(index) => out.push_str(&format!("[{index}]")),
        }
    }
    if out.is_empty() {
        out.push_str("the root");
    }
    out
}

#[cfg(test)]
mod tests;
