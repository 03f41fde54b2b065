//! Documents whose meaning is known before they are written down.

#[path = "../../fuzz/properties/meaning.rs"]
mod meaning;

pub use meaning::perform;

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use tighten::edit::{Operation, Step};

/// A value and how it is written.
#[derive(Clone, Debug)]
pub enum Model {
    /// `~`, `null` or nothing.
    Null(u8),
    /// One of [`PLAIN`].
    Plain(usize),
    /// In single quotes.
    Single(String),
    /// In double quotes.
    Double(String),
    /// Without quotes, over two lines.
    Folded,
    /// `|` and its header.
    Block(u8),
    Seq(Vec<Model>),
    Map(Vec<(u8, Model)>),
    FlowSeq(Vec<Model>),
    FlowMap(Vec<(u8, Model)>),
}

/// Text without quotes, and what it means. The first ones may stand inside brackets too.
pub const PLAIN: &[(&str, &str)] = &[
    ("word", "\"word\""),
    ("12", "12"),
    ("-3", "-3"),
    ("true", "true"),
    ("False", "false"),
    ("1.5", "1.5"),
    ("two  words", "\"two  words\""),
    ("it's", "\"it's\""),
    ("10.0.0.0/8", "\"10.0.0.0/8\""),
    ("http://h:80/p#x", "\"http://h:80/p#x\""),
    ("é-ž\u{1f600}", "\"é-ž\u{1f600}\""),
    ("--flag=a,b:c", "\"--flag=a,b:c\""),
    ("::1", "\"::1\""),
    ("a [b] {c}", "\"a [b] {c}\""),
    ("what?", "\"what?\""),
];
/// How many of them may stand inside brackets.
const IN_BRACKETS: usize = 11;

/// The key at this position of a mapping, written in this manner.
pub fn key(position: usize, manner: u8) -> String {
    match manner % 8 {
        0 => format!("key {position}"),
        1 => format!("k8s.io/key-{position}"),
        2 => format!("é{position}"),
        3 => format!("a: #{position}"),
        _ => format!("key{position}"),
    }
}

pub fn document() -> impl Strategy<Value = Model> {
    prop_oneof![
        6 => block_document(),
        1 => flow_entries().prop_map(Model::FlowMap),
    ]
}

pub fn block_document() -> impl Strategy<Value = Model> {
    entries(block_value(), 1..5).prop_map(Model::Map)
}

fn quoted() -> impl Strategy<Value = Model> {
    let text = prop_oneof![
        Just("x # no: comment".to_owned()),
        Just("- {[, 'y' \"".to_owned()),
        Just(String::new()),
        "[ -~]{0,8}",
    ];
    prop_oneof![
        text.clone().prop_map(Model::Single),
        prop_oneof![text, Just("\u{7}\n\t\\".to_owned())].prop_map(Model::Double),
    ]
}

fn flow_value() -> impl Strategy<Value = Model> {
    let leaf = prop_oneof![
        2 => (0..IN_BRACKETS).prop_map(Model::Plain),
        1 => quoted(),
        // Inside brackets a null is always written.
        1 => (0..2_u8).prop_map(Model::Null),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Model::FlowSeq),
            entries(inner, 0..3).prop_map(Model::FlowMap),
        ]
    })
}

fn flow_entries() -> impl Strategy<Value = Vec<(u8, Model)>> {
    entries(flow_value(), 0..5)
}

fn block_value() -> impl Strategy<Value = Model> {
    let leaf = prop_oneof![
        4 => (0..PLAIN.len()).prop_map(Model::Plain),
        3 => quoted(),
        2 => any::<u8>().prop_map(Model::Null),
        1 => Just(Model::Folded),
        1 => any::<u8>().prop_map(Model::Block),
        2 => flow_value(),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 1..4).prop_map(Model::Seq),
            2 => entries(inner, 1..4).prop_map(Model::Map),
        ]
    })
}

fn entries(
    value: impl Strategy<Value = Model>,
    size: std::ops::Range<usize>,
) -> impl Strategy<Value = Vec<(u8, Model)>> {
    prop::collection::vec((any::<u8>(), value), size)
}

impl Model {
    /// What it means.
    pub fn meaning(&self) -> Json {
        match self {
            Model::Null(_) => Json::Null,
            Model::Plain(index) => serde_json::from_str(PLAIN[*index].1).unwrap(),
            Model::Single(text) | Model::Double(text) => json!(text),
            Model::Folded => json!("over two lines"),
            Model::Block(header) => match header % 3 {
                0 => json!("one # no comment\n  two: x\n"),
                1 => json!("one # no comment\n  two: x"),
                _ => json!("one # no comment\n  two: x\n\n"),
            },
            Model::Seq(items) | Model::FlowSeq(items) => items.iter().map(Model::meaning).collect(),
            Model::Map(entries) | Model::FlowMap(entries) => {
                let entries = entries.iter().enumerate();
                let entries =
                    entries.map(|(at, (manner, value))| (key(at, *manner), value.meaning()));
                Json::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    /// Every value with its path, the root included.
    pub fn places(&self) -> Vec<(Vec<Step>, &Model)> {
        let mut places = vec![(Vec::new(), self)];
        match self {
            Model::Seq(items) | Model::FlowSeq(items) => {
                for (at, item) in items.iter().enumerate() {
                    places.extend(below(Step::Index(at), item));
                }
            }
            Model::Map(entries) | Model::FlowMap(entries) => {
                for (at, (manner, value)) in entries.iter().enumerate() {
                    places.extend(below(Step::Key(key(at, *manner)), value));
                }
            }
            _ => {}
        }
        places
    }

    /// How many lines of the text an edit may touch at most.
    pub fn lines_of(&self, path: &[Step], operation: &Operation) -> usize {
        let places = self.places();
        let on_path = places.iter().filter(|(place, _)| path.starts_with(place));
        let node = on_path.max_by_key(|(place, _)| place.len());
        match (node.map(|(_, node)| node), operation) {
            (_, Operation::Remove) => usize::MAX,
            // A list may be replaced by one of a single line.
            (Some(Model::Seq(_) | Model::FlowSeq(_)), Operation::Set(_)) => usize::MAX,
            (Some(Model::FlowSeq(inner)), _) if inner.is_empty() => 2,
            (Some(Model::FlowMap(inner)), _) if inner.is_empty() => 2,
            (Some(Model::Folded), _) => 2,
            _ => 1,
        }
    }
}

fn below(step: Step, inner: &Model) -> impl Iterator<Item = (Vec<Step>, &Model)> {
    inner.places().into_iter().map(move |(mut path, node)| {
        path.insert(0, step.clone());
        (path, node)
    })
}
