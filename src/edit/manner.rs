//! How the neighbours are written, so that what is added looks as if the same person wrote it.

use crate::yaml::{Node, Style, Value};

use super::block::{column, step};
use super::source::Source;
use super::tree::{Tree, is_plain, is_plain_in_flow};
use super::value::{Scalar, key_spelling, quoted};

/// Columns between a dash and what follows it, where the text has none to go by.
const DASH_WIDTH: usize = 2;
/// The widest that is taken over from the text.
const WIDEST: usize = 16;

/// The text and the part of it that counts as neighbourhood: the list that is added to, or the
/// collection around it.
pub(super) struct Manner<'a, 'text> {
    source: &'a Source<'text>,
    near: &'a Node,
    /// The key of `near`.
    key: Option<&'a str>,
}

/// A node on the walk: with the key above it, and whether it is an item of a list.
struct Sample<'n> {
    key: Option<&'n str>,
    key_node: Option<&'n Node>,
    in_list: bool,
    node: &'n Node,
}

/// The first answer that a node below this one gives, in the order of the text.
fn first<'n, T>(
    node: &'n Node,
    (key, key_node, in_list): (Option<&'n str>, Option<&'n Node>, bool),
    answer: &dyn Fn(&Sample<'n>) -> Option<T>,
) -> Option<T> {
    let sample = Sample {
        key,
        key_node,
        in_list,
        node,
    };
    answer(&sample).or_else(|| match &node.value {
        Value::Sequence(items, _) => items
            .iter()
            .find_map(|item| first(item, (key, None, true), answer)),
        Value::Mapping(entries, _) => entries
            .iter()
            .find_map(|(name, value)| first(value, (name.text(), Some(name), false), answer)),
        _ => None,
    })
}

impl<'a, 'text> Manner<'a, 'text> {
    /// The manner of what stands in and around `near`.
    pub fn of(source: &'a Source<'text>, near: &'a Node, key: Option<&'a str>) -> Self {
        Manner { source, near, key }
    }

    /// Asks the neighbourhood first, for the same key and then for any; then the whole text.
    fn ask<T>(&self, key: Option<&str>, answer: impl Fn(&Sample<'_>) -> Option<T>) -> Option<T> {
        let same = |sample: &Sample<'_>| (sample.key == key).then(|| answer(sample)).flatten();
        let near = |answer: &dyn Fn(&Sample<'_>) -> Option<T>| {
            first(self.near, (self.key, None, false), answer)
        };
        let far = |answer: &dyn Fn(&Sample<'_>) -> Option<T>| {
            first(&self.source.root, (None, None, false), answer)
        };
        near(&same)
            .or_else(|| near(&answer))
            .or_else(|| far(&same))
            .or_else(|| far(&answer))
    }

    /// Whether text is written in double quotes though it need not be.
    fn quotes(&self, key: Option<&str>, in_list: bool) -> bool {
        if self.source.is_flow() && self.key_quotes() {
            return true;
        }
        let found = self.ask(key, |sample| match &sample.node.value {
            Value::Scalar(text, style) if sample.in_list == in_list && is_plain(text) => {
                Some(*style != Style::Plain)
            }
            _ => None,
        });
        found.unwrap_or(false)
    }

    /// Whether keys are written in double quotes.
    pub fn key_quotes(&self) -> bool {
        let found = self.ask(None, |sample| {
            let name = sample.key_node?;
            Some(matches!(name.value, Value::Scalar(_, Style::DoubleQuoted)))
        });
        found.unwrap_or(self.source.is_flow())
    }

    /// Whether a list of texts stands on its key's line, in brackets.
    fn in_brackets(&self, key: &str) -> bool {
        let found = self.ask(Some(key), |sample| match &sample.node.value {
            Value::Sequence(items, flow) if !items.is_empty() => {
                let simple = items.iter().all(|item| item.text().is_some());
                simple.then_some(*flow)
            }
            _ => None,
        });
        found.unwrap_or(true)
    }

    /// Whether the mappings of a list stand on one line each, in braces.
    fn in_braces(&self, key: Option<&str>) -> bool {
        let found = self.ask(key, |sample| match &sample.node.value {
            Value::Sequence(items, false) => items.iter().find_map(|item| match &item.value {
                Value::Mapping(entries, flow) if !entries.is_empty() => Some(*flow),
                _ => None,
            }),
            _ => None,
        });
        found.unwrap_or(false)
    }

    /// How much further to the right than its key a list's dashes stand.
    pub fn dash_offset(&self, key: &str) -> usize {
        let found = self.ask(Some(key), |sample| match &sample.node.value {
            Value::Sequence(_, false) => {
                let name = column(self.source, sample.key_node?).ok()?;
                let dash = self.source.line_before(sample.node.span.start).len();
                dash.checked_sub(name).filter(|offset| *offset <= WIDEST)
            }
            _ => None,
        });
        found.unwrap_or(0)
    }

    /// From the dash to what follows it.
    fn dash_width(&self) -> usize {
        let found = self.ask(self.key, |sample| match &sample.node.value {
            Value::Sequence(items, false) => {
                let dash = self.source.line_before(sample.node.span.start).len();
                let item = items.first()?;
                let before = self.source.line_before(item.span.start);
                let plain = before.bytes().all(|byte| matches!(byte, b' ' | b'-'));
                let width = before.len().checked_sub(dash)?;
                (plain && (DASH_WIDTH..=WIDEST).contains(&width)).then_some(width)
            }
            _ => None,
        });
        found.unwrap_or(DASH_WIDTH)
    }

    /// How much deeper a mapping stands than its key.
    fn step(&self) -> usize {
        let found = self.ask(None, |sample| match &sample.node.value {
            Value::Mapping(entries, false) => {
                let name = column(self.source, sample.key_node?).ok()?;
                let inner = column(self.source, &entries.first()?.0).ok()?;
                inner
                    .checked_sub(name)
                    .filter(|step| (1..=WIDEST).contains(step))
            }
            _ => None,
        });
        found.unwrap_or_else(|| step(self.source))
    }

    /// The lines of one item whose dash stands in this column.
    pub fn item(&self, item: &Tree, key: Option<&str>, dash: usize) -> Vec<String> {
        let width = self.dash_width();
        let lead = format!("{}-{}", " ".repeat(dash), " ".repeat(width - 1));
        match item {
            Tree::Map(entries) if !entries.is_empty() && !self.in_braces(key) => {
                let mut lines: Vec<String> = entries
                    .iter()
                    .flat_map(|(key, value)| self.entry(key, value, dash + width))
                    .collect();
                if let Some(first) = lines.first_mut() {
                    *first = format!("{lead}{}", first.trim_start_matches(' '));
                }
                lines
            }
            Tree::Scalar(scalar) => vec![format!("{lead}{}", self.scalar(scalar, key, true))],
            other => vec![format!("{lead}{}", self.on_one_line(other, key))],
        }
    }

    /// The lines of one entry whose key stands in this column.
    pub fn entry(&self, key: &str, value: &Tree, column: usize) -> Vec<String> {
        let name = key_spelling(key, self.key_quotes());
        let head = format!("{}{name}:", " ".repeat(column));
        match value {
            Tree::Scalar(scalar) => {
                vec![format!("{head} {}", self.scalar(scalar, Some(key), false))]
            }
            Tree::Map(entries) if !entries.is_empty() => {
                let deeper = column + self.step();
                let below = entries
                    .iter()
                    .flat_map(|(key, value)| self.entry(key, value, deeper));
                std::iter::once(head).chain(below).collect()
            }
            Tree::List(items)
                if !(items.is_empty()
                    || items.iter().all(Tree::is_scalar) && self.in_brackets(key)) =>
            {
                let dash = column + self.dash_offset(key);
                let below = items
                    .iter()
                    .flat_map(|item| self.item(item, Some(key), dash));
                std::iter::once(head).chain(below).collect()
            }
            other => vec![format!("{head} {}", self.on_one_line(other, Some(key)))],
        }
    }

    /// The lines below a key in this column that is there already.
    pub fn below(&self, key: &str, value: &Tree, column: usize) -> Vec<String> {
        let mut lines = match value {
            Tree::List(items) => {
                let dash = column + self.dash_offset(key);
                let lines = items.iter().map(|item| self.item(item, Some(key), dash));
                return lines.flatten().collect();
            }
            other => self.entry(key, other, column),
        };
        lines.drain(..lines.len().min(1));
        lines
    }

    /// The item on one line, as it may stand in a list in brackets.
    pub fn flow_item(&self, item: &Tree, key: Option<&str>) -> String {
        match item {
            Tree::Scalar(Scalar::Text(text)) => self.flow_text(text, self.quotes(key, true)),
            other => self.on_one_line(other, key),
        }
    }

    /// The value on one line, as it may stand between brackets.
    pub fn on_one_line(&self, value: &Tree, key: Option<&str>) -> String {
        match value {
            Tree::Scalar(Scalar::Text(text)) => self.flow_text(text, self.quotes(key, false)),
            Tree::Scalar(scalar) => scalar.spelling(),
            Tree::Map(entries) => {
                let quotes = self.key_quotes();
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(key, value)| {
                        let name = key_spelling(key, quotes);
                        format!("{name}: {}", self.on_one_line(value, Some(key)))
                    })
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
            Tree::List(items) => {
                // One text in quotes and the next without would look like a mistake.
                let quotes = self.quotes(key, true)
                    || items.iter().any(|item| {
                        matches!(item, Tree::Scalar(Scalar::Text(text)) if !is_plain_in_flow(text))
                    });
                let items: Vec<String> = items
                    .iter()
                    .map(|item| match item {
                        Tree::Scalar(Scalar::Text(text)) => self.flow_text(text, quotes),
                        other => self.on_one_line(other, key),
                    })
                    .collect();
                format!("[{}]", items.join(", "))
            }
        }
    }

    fn flow_text(&self, text: &str, quotes: bool) -> String {
        if quotes || !is_plain_in_flow(text) {
            quoted(text)
        } else {
            text.to_owned()
        }
    }

    fn scalar(&self, scalar: &Scalar, key: Option<&str>, in_list: bool) -> String {
        match scalar {
            Scalar::Text(text) if is_plain(text) && !self.quotes(key, in_list) => text.clone(),
            other => other.spelling(),
        }
    }
}
