//! The fields while they are read, defaulted and validated.

use std::collections::HashMap;
use std::ops::Range;

use super::schema::{POINTERS, ROOT};
use crate::golang::duration;
use crate::golang::types::{Record, Shape};
use crate::goyaml::{Data, Entry, Item};

/// A Go value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Held {
    Text(String),
    Bool(bool),
    Int(i64),
    Float(f32),
    /// Nanoseconds.
    Duration(i64),
    Texts(Option<Vec<String>>),
    Flags(Option<Vec<(String, bool)>>),
    /// Pattern and verbosity.
    Modules(Vec<(String, i64)>),
    /// A quantity as it is written.
    Quantity(String),
    /// A pointer to nothing.
    Nothing,
}

/// A field, where its value comes from, and whether a default took its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slot {
    pub name: String,
    pub held: Held,
    pub line: Option<usize>,
    pub span: Option<Range<usize>>,
    pub written: bool,
    pub defaulted: bool,
    pub flag: Option<String>,
}

/// All fields of a configuration, in the order of the schema.
#[derive(Clone, Debug)]
pub(super) struct Slots(pub Vec<Slot>);

impl Slots {
    /// Go's zero values.
    pub fn zero() -> Self {
        let mut slots = Slots(Vec::new());
        slots.lay(&ROOT, "");
        slots
    }

    fn lay(&mut self, record: &Record, path: &str) {
        for field in record.fields {
            let name = join(path, field.key);
            if matches!(name.as_str(), "kind" | "apiVersion") {
                continue;
            }
            if let Shape::Record(inner) = field.shape {
                self.lay(inner, &name);
                continue;
            }
            let held = if POINTERS.contains(&name.as_str()) {
                Held::Nothing
            } else {
                zero(&field.shape)
            };
            self.0.push(Slot {
                name,
                held,
                line: None,
                span: None,
                written: false,
                defaulted: true,
                flag: None,
            });
        }
    }

    pub fn slot(&self, name: &str) -> Option<&Slot> {
        self.0.iter().find(|slot| slot.name == name)
    }

    pub fn slot_mut(&mut self, name: &str) -> Option<&mut Slot> {
        self.0.iter_mut().find(|slot| slot.name == name)
    }

    pub fn text(&self, name: &str) -> &str {
        match self.slot(name).map(|slot| &slot.held) {
            Some(Held::Text(text) | Held::Quantity(text)) => text,
            _ => "",
        }
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        match self.slot(name)?.held {
            Held::Int(number) | Held::Duration(number) => Some(number),
            _ => None,
        }
    }

    pub fn flag(&self, name: &str) -> bool {
        matches!(
            self.slot(name).map(|slot| &slot.held),
            Some(Held::Bool(true))
        )
    }

    pub fn texts(&self, name: &str) -> &[String] {
        match self.slot(name).map(|slot| &slot.held) {
            Some(Held::Texts(Some(texts))) => texts,
            _ => &[],
        }
    }

    /// Puts a default in the place of what was or was not written.
    pub fn default(&mut self, name: &str, held: Held) {
        if let Some(slot) = self.slot_mut(name) {
            slot.held = held;
            slot.defaulted = true;
        }
    }

    /// Takes over an object that was checked against the schema, in the order of its keys: in JSON a
    /// doubled key is decoded into what its first occurrence left.
    pub fn fill(&mut self, record: &Record, entries: &[Entry], path: &str) {
        for entry in entries {
            let Some(field) = record.fields.iter().find(|field| field.key == entry.key) else {
                continue;
            };
            let name = join(path, field.key);
            if let Shape::Record(inner) = field.shape {
                self.fill(inner, entry.item.entries(), &name);
                continue;
            }
            let pointer = POINTERS.contains(&name.as_str());
            if let Some(slot) = self.slot_mut(&name) {
                slot.line = Some(entry.line);
                slot.span = Some(entry.item.span.clone());
                slot.written = true;
                if entry.item.data == Data::Null {
                    if pointer {
                        slot.held = Held::Nothing;
                        slot.defaulted = true;
                    } else if matches!(
                        slot.held,
                        Held::Texts(_) | Held::Flags(_) | Held::Modules(_)
                    ) {
                        slot.held = zero(&field.shape);
                        slot.defaulted = true;
                    }
                } else {
                    slot.held = held(&field.shape, &entry.item, &slot.held);
                    slot.defaulted = false;
                }
            }
        }
    }
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn zero(shape: &Shape) -> Held {
    match shape {
        Shape::Bool => Held::Bool(false),
        Shape::Int32 | Shape::Uint32(_) => Held::Int(0),
        Shape::Float32 => Held::Float(0.0),
        Shape::Duration | Shape::DurationPointer | Shape::Flush => Held::Duration(0),
        Shape::Texts => Held::Texts(None),
        Shape::Flags => Held::Flags(None),
        Shape::Records(..) => Held::Modules(Vec::new()),
        Shape::Quantity => Held::Quantity("0".to_owned()),
        _ => Held::Text(String::new()),
    }
}

/// The Go value of a JSON value that fits; `before` is what the field held.
fn held(shape: &Shape, item: &Item, before: &Held) -> Held {
    match (shape, &item.data) {
        (Shape::Quantity, Data::Text(text) | Data::Number(text)) => Held::Quantity(text.clone()),
        (Shape::Duration | Shape::DurationPointer | Shape::Flush, Data::Text(text)) => {
            Held::Duration(duration::parse(text).unwrap_or_default())
        }
        (Shape::Flush, Data::Number(text)) => Held::Duration(text.parse().unwrap_or_default()),
        (Shape::Float32, Data::Number(text)) => Held::Float(text.parse().unwrap_or_default()),
        (_, Data::Number(text)) => Held::Int(text.parse().unwrap_or_default()),
        (_, Data::Bool(truth)) => Held::Bool(*truth),
        (_, Data::Text(text)) => Held::Text(text.clone()),
        (Shape::Records(..), Data::List(items)) => Held::Modules(
            items
                .iter()
                .map(|item| {
                    let pattern = item.get("filePattern").and_then(|entry| entry.item.text());
                    let verbosity = match item.get("verbosity").map(|entry| &entry.item.data) {
                        Some(Data::Number(text)) => text.parse().unwrap_or_default(),
                        _ => 0,
                    };
                    (pattern.unwrap_or_default().to_owned(), verbosity)
                })
                .collect(),
        ),
        (_, Data::List(items)) => Held::Texts(Some(texts(items, before))),
        (_, Data::Map(entries)) => {
            let mut flags = match before {
                Held::Flags(Some(flags)) => flags.clone(),
                _ => Vec::new(),
            };
            let mut places: HashMap<String, usize> = HashMap::new();
            for (place, (name, _)) in flags.iter().enumerate() {
                places.insert(name.clone(), place);
            }
            for entry in entries {
                let flag = (entry.key.clone(), entry.item.data == Data::Bool(true));
                let place = *places.entry(entry.key.clone()).or_insert(flags.len());
                match flags.get_mut(place) {
                    Some(slot) => *slot = flag,
                    None => flags.push(flag),
                }
            }
            Held::Flags(Some(flags))
        }
        (_, Data::Null) => before.clone(),
    }
}

/// A null in a list leaves what the list held there before: nothing, unless the key is doubled in JSON.
fn texts(items: &[Item], before: &Held) -> Vec<String> {
    let earlier = match before {
        Held::Texts(Some(texts)) => texts.as_slice(),
        _ => &[],
    };
    let text = |(index, item): (usize, &Item)| match item.text() {
        Some(text) => text.to_owned(),
        None => earlier.get(index).cloned().unwrap_or_default(),
    };
    items.iter().enumerate().map(text).collect()
}
