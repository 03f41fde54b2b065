//! The tree: nodes with their byte spans.

use std::ops::Range;

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes; also a value that is not written at all.
    Plain,
    /// `'...'`
    SingleQuoted,
    /// `"..."`
    DoubleQuoted,
    /// `|` or `>` blocks.
    Block,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A scalar: its text after unescaping (empty for a value that is not written) and its style.
    Scalar(String, Style),
    /// A sequence and whether it is written in flow style, `[a, b]`.
    Sequence(Vec<Node>, bool),
    /// A mapping in the order of the file, doubled keys included, and whether it is in flow style.
    Mapping(Vec<(Node, Node)>, bool),
    /// `*name`: the anchor it points to.
    Alias(usize),
}

/// A node and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it holds.
    pub value: Value,
    /// The bytes of the text that it takes. For a value that is not written (`key:`), the empty span
    /// behind the `:` or `-`. A block collection's span may reach past its last line.
    pub span: Range<usize>,
    /// Line of its first byte, counted from 1.
    pub line: usize,
    /// The anchor (`&name`) that it carries; 0 for none.
    pub anchor: usize,
    /// Its tag, as written out in full.
    pub tag: Option<String>,
}

impl Node {
    /// The scalar's text, for a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// The entries, for a mapping; none otherwise.
    pub fn entries(&self) -> &[(Node, Node)] {
        match &self.value {
            Value::Mapping(entries, _) => entries,
            _ => &[],
        }
    }

    /// The items, for a sequence; none otherwise.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Sequence(items, _) => items,
            _ => &[],
        }
    }

    /// The value of the last entry with this key: of doubled keys the last one counts.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The value of the last entry with this key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let Value::Mapping(entries, _) = &mut self.value else {
            return None;
        };
        let mut entries = entries.iter_mut().rev();
        let found = entries.find(|(name, _)| name.text() == Some(key));
        found.map(|(_, value)| value)
    }

    /// The last entry with this key: the key's node and the value's.
    pub fn entry(&self, key: &str) -> Option<(&Node, &Node)> {
        self.entries()
            .iter()
            .rev()
            .find(|(name, _)| name.text() == Some(key))
            .map(|(name, value)| (name, value))
    }

    /// True for a scalar that is written plain (`~`, `null`) or not at all and means null.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(text, Style::Plain)
            if self.tag.is_none() && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

/// A comment: its text after `#`, and where the `#` stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The text behind the `#`.
    pub text: String,
    /// The bytes from `#` to the end of the line, without the line end.
    pub span: Range<usize>,
}

/// A parsed file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The first document's root; `None` when there is no document at all.
    pub root: Option<Node>,
    /// All comments that were seen, in their order.
    pub comments: Vec<Comment>,
    /// How many documents there are, as far as the text was read.
    pub documents: usize,
}
