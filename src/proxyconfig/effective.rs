//! The effective configuration: every field, its value, and where the value comes from.

use std::ops::Range;

use serde_json::{Map, Value, json};

use super::held::{Held, Slot, Slots};
use crate::golang::duration;

/// The effective values, in the order of the documentation.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// Every field.
    pub fields: Vec<Field>,
}

/// A field of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Dotted: `iptables.localhostNodePorts`.
    pub name: String,
    /// The value that kube-proxy uses, as its `/configz` would show it; durations as Go spells them.
    pub value: Value,
    /// Line of the key in the file, counted from 1. `None` when the file does not have it.
    pub line: Option<usize>,
    /// The bytes of the written value; of an alias, those of what it stands for.
    pub span: Option<Range<usize>>,
    /// The key is there, or the flag is set, be it with nothing or zero.
    pub written: bool,
    /// The value is kube-proxy's default: nothing is written, or nothing that counts (`""`, `~`, `0`).
    pub defaulted: bool,
    /// The flag that set it, without dashes.
    pub flag: Option<String>,
}

impl Effective {
    pub(super) fn new(slots: Slots) -> Self {
        Effective {
            fields: slots.0.into_iter().map(Field::new).collect(),
        }
    }

    /// The field of this dotted name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The text of a field of text, or of a duration.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.field(name)?.value.as_str()
    }

    /// The truth of a field of that type.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.field(name)?.value.as_bool()
    }

    /// The number of a whole number's field.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.field(name)?.value.as_i64()
    }

    /// The texts of a list; `None` when the list is null.
    pub fn list(&self, name: &str) -> Option<Vec<&str>> {
        let items = self.field(name)?.value.as_array()?;
        Some(items.iter().filter_map(Value::as_str).collect())
    }

    /// All values as one object, nested as in a file.
    pub fn to_json(&self) -> Value {
        let mut root = Map::new();
        for field in &self.fields {
            let mut place = &mut root;
            let mut keys = field.name.split('.').peekable();
            while let Some(key) = keys.next() {
                if keys.peek().is_none() {
                    place.insert(key.to_owned(), field.value.clone());
                    break;
                }
                let inner = place.entry(key).or_insert_with(|| json!({}));
                let Value::Object(inner) = inner else { break };
                place = inner;
            }
        }
        Value::Object(root)
    }
}

impl Field {
    fn new(slot: Slot) -> Self {
        Field {
            name: slot.name,
            value: value(slot.held),
            line: slot.line,
            span: slot.span,
            written: slot.written,
            defaulted: slot.defaulted,
            flag: slot.flag,
        }
    }
}

fn value(held: Held) -> Value {
    match held {
        Held::Text(text) | Held::Quantity(text) => json!(text),
        Held::Bool(truth) => json!(truth),
        Held::Int(number) => json!(number),
        // The shortest digits of the 32 bits, as Go writes them.
        Held::Float(number) => json!(number.to_string().parse::<f64>().unwrap_or_default()),
        Held::Duration(length) => json!(duration::spell(length)),
        Held::Texts(texts) => json!(texts),
        Held::Flags(flags) => json!(flags.map(|flags| {
            let gates = flags.into_iter().map(|(name, on)| (name, json!(on)));
            gates.collect::<Map<_, _>>()
        })),
        Held::Modules(modules) => modules
            .into_iter()
            .map(|(pattern, level)| json!({"filePattern": pattern, "verbosity": level}))
            .collect(),
        Held::Nothing => Value::Null,
    }
}
