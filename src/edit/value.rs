//! The values that are written, and how they are spelled.

use serde::{Deserialize, Serialize};

use crate::yaml::{Node, Style, Value};

/// A value to write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text. Always written in double quotes, so that no reader takes it for anything else.
    Text(String),
    /// A list of texts, written as `["a", "b"]`.
    List(Vec<String>),
}

impl std::fmt::Display for Scalar {
    /// For people: `true`, `30`, `"text"`, `["a", "b"]`.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Scalar::Bool(value) => write!(out, "{value}"),
            Scalar::Int(value) => write!(out, "{value}"),
            Scalar::Text(text) => write!(out, "{text:?}"),
            Scalar::List(items) => write!(out, "{items:?}"),
        }
    }
}

impl Scalar {
    /// The spelling, on one line and valid in block style, in flow style and in JSON.
    pub(super) fn spelling(&self) -> String {
        match self {
            Scalar::Bool(value) => value.to_string(),
            Scalar::Int(value) => value.to_string(),
            Scalar::Text(text) => quoted(text),
            Scalar::List(items) => {
                let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
                format!("[{}]", items.join(", "))
            }
        }
    }

    /// True when the node, as it was read again, is this value and nothing more.
    pub(super) fn is_read_from(&self, node: &Node) -> bool {
        if node.anchor != 0 || node.tag.is_some() {
            return false;
        }
        match (self, &node.value) {
            (Scalar::Bool(value), Value::Scalar(text, Style::Plain)) => *text == value.to_string(),
            (Scalar::Int(value), Value::Scalar(text, Style::Plain)) => *text == value.to_string(),
            (Scalar::Text(value), Value::Scalar(text, Style::DoubleQuoted)) => text == value,
            (Scalar::List(values), Value::Sequence(items, true)) => {
                values.len() == items.len()
                    && values
                        .iter()
                        .zip(items)
                        .all(|(value, item)| Scalar::Text(value.clone()).is_read_from(item))
            }
            _ => false,
        }
    }
}

/// The text in double quotes. Only escapes that YAML 1.1, YAML 1.2 and JSON all know are used, and
/// everything that could end a line, vanish or reorder what a reviewer sees is escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            hidden if must_escape(hidden) => {
                out.push_str(&format!("\\u{:04x}", u32::from(hidden)));
            }
            shown => out.push(shown),
        }
    }
    out.push('"');
    out
}

fn must_escape(character: char) -> bool {
    matches!(u32::from(character),
        0..0x20 | 0x7f..=0xa0 | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff0..=0xffff)
}

/// A key as it is written: plain where that can mean nothing but this text.
pub(super) fn key_spelling(key: &str, wants_quotes: bool) -> String {
    let plain = !wants_quotes
        && !reads_as_other_than_text(key)
        && key.starts_with(|first: char| first.is_ascii_alphabetic())
        && key
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "-_./".contains(character));
    if plain { key.to_owned() } else { quoted(key) }
}

/// True for plain text that YAML 1.1, which kube-proxy reads, may take for a truth value, a number, a
/// date, null or a merge key.
pub(super) fn reads_as_other_than_text(plain: &str) -> bool {
    let mut bytes = plain.bytes();
    let first = bytes.next();
    let second = bytes.next();
    let digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
    match first {
        None => true,
        Some(b'0'..=b'9') => true,
        Some(b'+' | b'-') => digit(second) || second == Some(b'.'),
        Some(b'.') => {
            digit(second) || matches!(plain.to_ascii_lowercase().as_str(), ".inf" | ".nan")
        }
        Some(_) => matches!(
            plain.to_ascii_lowercase().as_str(),
            "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null" | "~" | "=" | "<<"
        ),
    }
}
