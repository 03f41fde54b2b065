//! Items of a list as trees of values, and how they are read back.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::goyaml::{self, resolve};
use crate::yaml::{Node, Style, Value};

use super::value::{Scalar, reads_as_other_than_text};

/// A value to write that may hold others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Tree {
    /// A single value. Text goes without quotes where its neighbours have none and no reader can take
    /// it for anything else.
    Scalar(Scalar),
    /// Keys and their values, in this order.
    Map(Vec<(String, Tree)>),
    /// Items.
    List(Vec<Tree>),
}

impl Tree {
    /// A text.
    pub fn text(text: impl Into<String>) -> Tree {
        Tree::Scalar(Scalar::Text(text.into()))
    }

    /// A list of texts.
    pub fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Tree {
        Tree::List(texts.into_iter().map(Tree::text).collect())
    }

    /// A mapping.
    pub fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Tree)>) -> Tree {
        let entries = entries.into_iter();
        Tree::Map(entries.map(|(key, value)| (key.into(), value)).collect())
    }

    /// What a node holds, to be written at another place; `None` for what would not read there as it does
    /// here: null, a number that is not whole, an anchor, a tag.
    pub fn of(node: &Node) -> Option<Tree> {
        if node.anchor != 0 || node.tag.is_some() {
            return None;
        }
        match &node.value {
            // As everything that Kubernetes reads.
            Value::Scalar(text, style) => match resolve(None, text, *style == Style::Plain) {
                Ok(goyaml::Scalar::Bool(on)) => Some(Tree::Scalar(Scalar::Bool(on))),
                Ok(goyaml::Scalar::Int(number)) => Some(Tree::Scalar(Scalar::Int(number))),
                Ok(goyaml::Scalar::Text(text)) => Some(Tree::text(text)),
                _ => None,
            },
            Value::Sequence(items, _) => {
                let items: Option<Vec<Tree>> = items.iter().map(Tree::of).collect();
                items.map(Tree::List)
            }
            Value::Mapping(entries, _) => {
                let entry =
                    |(key, value): &(Node, Node)| Some((key.text()?.to_owned(), Tree::of(value)?));
                let entries: Option<Vec<_>> = entries.iter().map(entry).collect();
                entries.map(Tree::Map)
            }
            Value::Alias(_) => None,
        }
    }

    /// True for a value that holds no other.
    pub(super) fn is_scalar(&self) -> bool {
        matches!(self, Tree::Scalar(_))
    }

    /// True when the node, as it was read again, is this value and nothing more.
    pub(super) fn is_read_from(&self, node: &Node) -> bool {
        let bare = node.anchor == 0 && node.tag.is_none();
        match (self, &node.value) {
            (Tree::Scalar(Scalar::Text(value)), Value::Scalar(text, Style::Plain)) => {
                bare && text == value && is_plain(text)
            }
            (Tree::Scalar(scalar), _) => scalar.is_read_from(node),
            (Tree::Map(entries), Value::Mapping(read, _)) => {
                bare && entries.len() == read.len()
                    && entries
                        .iter()
                        .zip(read)
                        .all(|((key, value), (name, held))| {
                            Tree::text(key.as_str()).is_read_from(name) && value.is_read_from(held)
                        })
            }
            (Tree::List(items), Value::Sequence(read, _)) => {
                bare && items.len() == read.len()
                    && items
                        .iter()
                        .zip(read)
                        .all(|(item, held)| item.is_read_from(held))
            }
            _ => false,
        }
    }
}

impl fmt::Display for Tree {
    /// For people, on one line: `{level: "Metadata", users: ["a", "b"]}`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |parts: Vec<String>| parts.join(", ");
        match self {
            Tree::Scalar(scalar) => write!(out, "{scalar}"),
            Tree::Map(entries) => {
                let entry = |(key, value): &(String, Tree)| format!("{key}: {value}");
                write!(out, "{{{}}}", joined(entries.iter().map(entry).collect()))
            }
            Tree::List(items) => {
                write!(
                    out,
                    "[{}]",
                    joined(items.iter().map(Tree::to_string).collect())
                )
            }
        }
    }
}

/// True for text that is the same to every reader of YAML without quotes, in block style: flags, paths,
/// names of users. A comma or a colon inside brackets wants quotes, see [`is_plain_in_flow`].
pub(super) fn is_plain(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next();
    let starts = match first {
        Some(b'-') => bytes.clone().next().is_some_and(|next| next != b'.'),
        Some(byte) => byte.is_ascii_alphabetic() || byte == b'/',
        None => false,
    };
    starts
        && !text.starts_with("---")
        && !reads_as_other_than_text(text)
        && !text.ends_with(':')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_./=:,@+$()".contains(&byte))
}

/// True for text that is the same to every reader of YAML without quotes between brackets.
pub(super) fn is_plain_in_flow(text: &str) -> bool {
    is_plain(text) && !text.starts_with('-') && !text.contains([':', ','])
}
