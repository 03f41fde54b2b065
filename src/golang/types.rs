//! Whether a JSON value fits a Go struct: the rules of sigs.k8s.io/json, with its messages.
//!
//! A value of the wrong type is fatal. The first one in the order of the keys is the one that is told,
//! unless a type with a parser of its own (a duration, a quantity) fails: that one ends the decoding.
//! Unknown and doubled keys are only noted.

use base64::Engine as _;
use zeroize::Zeroizing;

use super::parsers::{duration, flush, quantity, time};
use crate::goyaml::{Data, Entry, Item};

/// A Go struct.
pub struct Record {
    /// The name of its type, as messages have it.
    pub name: &'static str,
    /// The package of its type.
    pub package: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
}

/// A field of a Go struct.
pub struct Field {
    /// Its JSON key.
    pub key: &'static str,
    /// Its type.
    pub shape: Shape,
}

/// The Go types that occur in the configurations read here.
pub enum Shape {
    /// A string or a type made of one; the name of the type.
    Text(&'static str),
    /// `bool`, `*bool`
    Bool,
    /// `int32`, `*int32`
    Int32,
    /// An unsigned 32-bit type; its name.
    Uint32(&'static str),
    /// `int64`, `*int64`
    Int64,
    /// `float32`
    Float32,
    /// `metav1.Duration`
    Duration,
    /// `*metav1.Duration`: here null is no value at all.
    DurationPointer,
    /// `logsapi.TimeOrMetaDuration`: a duration, or a number of nanoseconds.
    Flush,
    /// `resource.QuantityValue`
    Quantity,
    /// `[]byte`: base64.
    Bytes,
    /// `[]string`
    Texts,
    /// A slice of a type made of a string; the name of the type.
    TextsOf(&'static str),
    /// `metav1.Time`
    Time,
    /// `map[string]bool`
    Flags,
    /// `map[string]string`
    TextMap,
    /// `map[string][]string`
    TextsMap,
    /// A struct, by value or by pointer.
    Record(&'static Record),
    /// A slice of structs; the name of the slice's type.
    Records(&'static str, &'static Record),
    /// Anything at all.
    Any,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Go's message.
    pub message: String,
    /// Line of the value.
    pub line: usize,
}

/// A key that strict decoding would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrictProblem {
    /// Where: `iptables.foo`.
    pub path: String,
    /// Line of the key.
    pub line: usize,
    /// It is there twice; otherwise it is unknown.
    pub doubled: bool,
}

/// Most unknown or doubled keys that are told.
const MAX_STRICT: usize = 100;

/// Checks an object against a struct; returns the unknown and doubled keys.
///
/// # Errors
/// When Go's decoder refuses it.
pub fn check(record: &Record, item: &Item) -> Result<Vec<StrictProblem>, Misfit> {
    let mut checker = Checker {
        saved: None,
        strict: Vec::new(),
        fields: Vec::new(),
        owner: "",
    };
    checker.record(record, item.entries(), "")?;
    match checker.saved {
        Some(misfit) => Err(misfit),
        None => Ok(checker.strict),
    }
}

/// What Go calls a JSON value.
pub fn noun(data: &Data) -> &'static str {
    match data {
        Data::Null => "null",
        Data::Bool(_) => "bool",
        Data::Number(_) => "number",
        Data::Text(_) => "string",
        Data::List(_) => "array",
        Data::Map(_) => "object",
    }
}

struct Checker {
    saved: Option<Misfit>,
    strict: Vec<StrictProblem>,
    /// The keys down to here, without indices, as in Go's messages.
    fields: Vec<&'static str>,
    /// The struct whose field is being read.
    owner: &'static str,
}

impl Checker {
    fn record(&mut self, record: &Record, entries: &[Entry], path: &str) -> Result<(), Misfit> {
        let outer = self.owner;
        let mut seen = Vec::new();
        for entry in entries {
            let path = join(path, &entry.key);
            let Some(field) = record.fields.iter().find(|field| field.key == entry.key) else {
                self.note(path, entry.line, false);
                continue;
            };
            if seen.contains(&field.key) {
                self.note(path.clone(), entry.line, true);
            }
            seen.push(field.key);
            self.owner = record.name;
            self.fields.push(field.key);
            self.shape(&field.shape, &entry.item, &path)?;
            self.fields.pop();
        }
        self.owner = outer;
        Ok(())
    }

    fn note(&mut self, path: String, line: usize, doubled: bool) {
        if self.strict.len() < MAX_STRICT {
            self.strict.push(StrictProblem {
                path,
                line,
                doubled,
            });
        }
    }

    fn misfit(&mut self, item: &Item, type_name: &str) {
        self.misfit_as(noun(&item.data), item, type_name);
    }

    fn misfit_as(&mut self, what: &str, item: &Item, type_name: &str) {
        let (owner, field) = (self.owner, self.fields.join("."));
        self.save(
            format!("json: cannot unmarshal {what} into Go struct field {owner}.{field} of type {type_name}"),
            item.line,
        );
    }

    fn save(&mut self, message: String, line: usize) {
        self.saved.get_or_insert(Misfit { message, line });
    }

    fn shape(&mut self, shape: &Shape, item: &Item, path: &str) -> Result<(), Misfit> {
        match shape {
            Shape::Duration => return duration(item),
            Shape::Flush => return flush(item),
            Shape::Quantity => return quantity(item),
            Shape::Time => return time(item),
            _ => {}
        }
        if item.data == Data::Null {
            return Ok(());
        }
        match (shape, &item.data) {
            (Shape::Any, _) | (Shape::Text(_), Data::Text(_)) | (Shape::Bool, Data::Bool(_)) => {}
            (Shape::DurationPointer, _) => return duration(item),
            (Shape::Text(name), _) => self.misfit(item, name),
            (Shape::Bool, _) => self.misfit(item, "bool"),
            (Shape::Int32, Data::Number(text)) => {
                self.number(item, text, text.parse::<i32>().is_ok(), "int32");
            }
            (Shape::Int32, _) => self.misfit(item, "int32"),
            (Shape::Int64, Data::Number(text)) => {
                self.number(item, text, text.parse::<i64>().is_ok(), "int64");
            }
            (Shape::Int64, _) => self.misfit(item, "int64"),
            (Shape::Uint32(name), Data::Number(text)) => {
                self.number(item, text, text.parse::<u32>().is_ok(), name);
            }
            (Shape::Uint32(name), _) => self.misfit(item, name),
            (Shape::Float32, Data::Number(text)) => {
                let fits = text.parse::<f32>().is_ok_and(f32::is_finite);
                self.number(item, text, fits, "float32");
            }
            (Shape::Float32, _) => self.misfit(item, "float32"),
            (Shape::Bytes, Data::Text(text)) => self.bytes(item, text),
            (Shape::Bytes, Data::List(items)) => {
                for item in items {
                    match &item.data {
                        Data::Number(text) if text.parse::<u8>().is_ok() => {}
                        Data::Null => {}
                        // Go names the number, which here is a piece of a secret.
                        _ => self.misfit(item, "uint8"),
                    }
                }
            }
            (Shape::Bytes, _) => self.misfit(item, "[]uint8"),
            (Shape::Texts, _) => self.texts(item, "string"),
            (Shape::TextsOf(name), _) => self.texts(item, name),
            (Shape::Flags, Data::Map(entries)) => {
                self.map(entries, path, |checker, item| match item.data {
                    Data::Bool(_) | Data::Null => {}
                    _ => checker.misfit(item, "bool"),
                });
            }
            (Shape::Flags, _) => self.misfit(item, "map[string]bool"),
            (Shape::TextMap, Data::Map(entries)) => {
                self.map(entries, path, |checker, item| match item.data {
                    Data::Text(_) | Data::Null => {}
                    _ => checker.misfit(item, "string"),
                });
            }
            (Shape::TextMap, _) => self.misfit(item, "map[string]string"),
            (Shape::TextsMap, Data::Map(entries)) => {
                self.map(entries, path, |checker, item| checker.texts(item, "string"));
            }
            (Shape::TextsMap, _) => self.misfit(item, "map[string][]string"),
            (Shape::Record(record), Data::Map(entries)) => self.record(record, entries, path)?,
            (Shape::Record(record), _) => self.misfit(item, &type_name(record)),
            (Shape::Records(_, record), Data::List(items)) => {
                for (index, item) in items.iter().enumerate() {
                    match &item.data {
                        Data::Map(entries) => {
                            self.record(record, entries, &format!("{path}[{index}]"))?;
                        }
                        Data::Null => {}
                        _ => self.misfit(item, &type_name(record)),
                    }
                }
            }
            (Shape::Records(name, _), _) => self.misfit(item, name),
            (Shape::Duration | Shape::Flush | Shape::Quantity | Shape::Time, _) => {}
        }
        Ok(())
    }

    fn number(&mut self, item: &Item, text: &str, fits: bool, type_name: &str) {
        if !fits {
            self.misfit_as(&format!("number {text}"), item, type_name);
        }
    }

    fn bytes(&mut self, item: &Item, text: &str) {
        if decode_base64(text).is_none() {
            // Go says where; that would tell a little about a secret.
            self.save("illegal base64 data".to_owned(), item.line);
        }
    }

    fn texts(&mut self, item: &Item, type_name: &str) {
        match &item.data {
            Data::Null => {}
            Data::List(items) => {
                for item in items {
                    if !matches!(item.data, Data::Text(_) | Data::Null) {
                        self.misfit(item, type_name);
                    }
                }
            }
            _ => self.misfit(item, &format!("[]{type_name}")),
        }
    }

    fn map(&mut self, entries: &[Entry], path: &str, mut value: impl FnMut(&mut Self, &Item)) {
        let mut seen = std::collections::HashSet::new();
        for entry in entries {
            if !seen.insert(&entry.key) {
                self.note(join(path, &entry.key), entry.line, true);
            }
            value(self, &entry.item);
        }
    }
}

/// As Go's `base64.StdEncoding`, which skips line ends. It may be a private key: what is left behind of it
/// is wiped, and the caller wipes the result.
pub fn decode_base64(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    let text = text.as_ref();
    let mut packed = Zeroizing::new(Vec::with_capacity(text.len()));
    packed.extend(text.iter().filter(|at| !matches!(at, b'\r' | b'\n')));
    let engine = base64::engine::general_purpose::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        // Go ignores the bits that are left over in the last letter.
        base64::engine::GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    let mut decoded = Zeroizing::new(vec![0; base64::decoded_len_estimate(packed.len())]);
    let length = engine.decode_slice(&*packed, &mut decoded).ok()?;
    decoded.truncate(length);
    Some(std::mem::take(&mut *decoded))
}

fn type_name(record: &Record) -> String {
    format!("{}.{}", record.package, record.name)
}

fn join(path: &str, key: &str) -> String {
    let key: String = key.chars().take(80).collect();
    if path.is_empty() {
        key
    } else {
        format!("{path}.{key}")
    }
}
