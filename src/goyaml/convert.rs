//! From the tree to values: aliases, merge keys, keys that are no strings.

use std::collections::{HashMap, HashSet};

use super::float;
use super::resolve::{Scalar, resolve};
use super::{Data, Doubled, Entry, Item, Loaded, Trouble};
use crate::yaml::{Document, Node, Style, Value};

/// Most values that are made of one text, aliases expanded.
pub const MAX_VALUES: usize = 400_000;
/// Most bytes of text in them, aliases expanded.
const MAX_TEXT: usize = 32 << 20;
/// Most doubled keys that are told; the first one decides already.
const MAX_DOUBLED: usize = 100;
/// Deepest nesting, aliases expanded.
const MAX_DEPTH: usize = 200;

pub(super) fn convert(document: &Document) -> Result<Loaded, Trouble> {
    let Some(root) = &document.root else {
        let root = Item {
            data: Data::Null,
            line: 1,
            span: 0..0,
        };
        return Ok(Loaded {
            root,
            doubled: Vec::new(),
        });
    };
    value(root)
}

/// What a node means. Anchors that it does not hold itself are unknown.
///
/// # Errors
/// When go-yaml refuses it, or when it is more than the budget allows.
pub fn value(root: &Node) -> Result<Loaded, Trouble> {
    let mut anchors = HashMap::new();
    collect(root, &mut anchors);
    let mut reader = Reader {
        anchors,
        open: HashSet::new(),
        alias_depth: 0,
        // The document's own node counts, too.
        decoded: 1,
        from_aliases: 0,
        bytes: 0,
        path: Vec::new(),
        doubled: Vec::new(),
    };
    let root = reader.item(root, 0)?;
    Ok(Loaded {
        root,
        doubled: reader.doubled,
    })
}

fn collect<'tree>(node: &'tree Node, anchors: &mut HashMap<usize, &'tree Node>) {
    if node.anchor != 0 {
        anchors.insert(node.anchor, node);
    }
    for item in node.items() {
        collect(item, anchors);
    }
    for (key, value) in node.entries() {
        collect(key, anchors);
        collect(value, anchors);
    }
}

struct Reader<'tree> {
    anchors: HashMap<usize, &'tree Node>,
    /// The aliases that are being expanded.
    open: HashSet<*const Node>,
    alias_depth: usize,
    decoded: usize,
    from_aliases: usize,
    bytes: usize,
    /// The way to the value that is being read, written out only where a key is doubled.
    path: Vec<Step>,
    doubled: Vec<Doubled>,
}

enum Step {
    Key(String),
    Index(usize),
}

/// A mapping while it grows, with Go's idea of which keys are the same: 1 and "1" are not.
#[derive(Default)]
struct Growing {
    entries: Vec<Entry>,
    places: HashMap<(u8, String), usize>,
}

impl<'tree> Reader<'tree> {
    fn item(&mut self, node: &'tree Node, depth: usize) -> Result<Item, Trouble> {
        self.count(node.line, depth)?;
        let data = match &node.value {
            Value::Alias(anchor) => {
                let target = self.enter(node, *anchor)?;
                let item = self.item(target, depth + 1);
                self.leave(node);
                return item;
            }
            Value::Scalar(text, style) => {
                let scalar = self.weighed(node, text, *style)?;
                data(scalar).ok_or_else(|| {
                    Trouble::refused("json: unsupported value: not a number", node.line)
                })?
            }
            Value::Sequence(items, _) => {
                let mut list = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    self.path.push(Step::Index(index));
                    list.push(self.item(item, depth + 1)?);
                    self.path.pop();
                }
                Data::List(list)
            }
            Value::Mapping(entries, _) => {
                let mut map = Growing::default();
                self.mapping(entries, &mut map, depth)?;
                let mut entries = map.entries;
                // Go marshals a map in the order of its keys, so its decoder meets them in that order. The
                // sort is stable: of 1 and "1", which Go meets in any order, the later one is kept.
                entries.sort_by(|one, other| one.key.cmp(&other.key));
                entries.reverse();
                entries.dedup_by(|next, kept| next.key == kept.key);
                entries.reverse();
                Data::Map(entries)
            }
        };
        Ok(Item {
            data,
            line: node.line,
            span: node.span.clone(),
        })
    }

    fn mapping(
        &mut self,
        entries: &'tree [(Node, Node)],
        map: &mut Growing,
        depth: usize,
    ) -> Result<(), Trouble> {
        for (key, value) in entries {
            if is_merge(key) {
                self.merge(value, map, depth)?;
                continue;
            }
            let identity = self.key(key, depth)?;
            self.path.push(Step::Key(identity.1.clone()));
            let item = self.item(value, depth + 1)?;
            let path = match map.places.get(&identity) {
                Some(_) if self.doubled.len() < MAX_DOUBLED => self.spelled(),
                _ => String::new(),
            };
            self.path.pop();
            let entry = Entry {
                key: identity.1.clone(),
                line: key.line,
                item,
            };
            match map.places.get(&identity) {
                Some(&place) => {
                    if self.doubled.len() < MAX_DOUBLED {
                        self.doubled.push(Doubled {
                            path,
                            line: key.line,
                        });
                    }
                    // Places are indices of this very list, which only grows.
                    if let Some(slot) = map.entries.get_mut(place) {
                        *slot = entry;
                    }
                }
                None => {
                    map.places.insert(identity, map.entries.len());
                    map.entries.push(entry);
                }
            }
        }
        Ok(())
    }

    /// `<<`: in go-yaml v2 the order of the text decides, so a merge behind a key overrides it.
    fn merge(&mut self, node: &'tree Node, map: &mut Growing, depth: usize) -> Result<(), Trouble> {
        match &node.value {
            Value::Sequence(items, _) => {
                // Earlier ones take precedence, so they come last.
                for item in items.iter().rev() {
                    if matches!(item.value, Value::Sequence(..)) {
                        return Err(not_a_map(item));
                    }
                    self.merge_one(item, map, depth + 1)?;
                }
                Ok(())
            }
            _ => self.merge_one(node, map, depth + 1),
        }
    }

    fn merge_one(
        &mut self,
        node: &'tree Node,
        map: &mut Growing,
        depth: usize,
    ) -> Result<(), Trouble> {
        self.count(node.line, depth)?;
        match &node.value {
            Value::Mapping(entries, _) => self.mapping(entries, map, depth),
            Value::Alias(anchor) => {
                let target = self.enter(node, *anchor)?;
                let Value::Mapping(entries, _) = &target.value else {
                    return Err(not_a_map(node));
                };
                self.count(target.line, depth)?;
                let merged = self.mapping(entries, map, depth + 1);
                self.leave(node);
                merged
            }
            _ => Err(not_a_map(node)),
        }
    }

    /// The key's kind and text: two keys are the same when both are.
    fn key(&mut self, node: &'tree Node, depth: usize) -> Result<(u8, String), Trouble> {
        self.count(node.line, depth)?;
        let key = match &node.value {
            Value::Scalar(text, style) => match self.weighed(node, text, *style)? {
                Scalar::Text(text) => (b's', text),
                Scalar::Int(number) => (b'i', number.to_string()),
                Scalar::Float(number) => (b'f', float::to_key(number)),
                Scalar::Bool(truth) => (b'b', truth.to_string()),
                Scalar::Null | Scalar::Uint(_) => {
                    return Err(Trouble::refused("unsupported map key", node.line));
                }
            },
            Value::Alias(anchor) => {
                let target = self.enter(node, *anchor)?;
                let key = self.key(target, depth + 1);
                self.leave(node);
                return key;
            }
            _ => return Err(Trouble::refused("yaml: invalid map key", node.line)),
        };
        Ok(key)
    }

    fn enter(&mut self, node: &'tree Node, anchor: usize) -> Result<&'tree Node, Trouble> {
        let Some(target) = self.anchors.get(&anchor).copied() else {
            return Err(Trouble::refused(
                "yaml: unknown anchor referenced",
                node.line,
            ));
        };
        if !self.open.insert(std::ptr::from_ref(node)) {
            let message = "yaml: anchor value contains itself";
            return Err(Trouble::refused(message, node.line));
        }
        self.alias_depth += 1;
        Ok(target)
    }

    fn leave(&mut self, node: &'tree Node) {
        self.alias_depth -= 1;
        self.open.remove(&std::ptr::from_ref(node));
    }

    fn weighed(&mut self, node: &Node, text: &str, style: Style) -> Result<Scalar, Trouble> {
        self.weigh(text, node.line)?;
        scalar(node, text, style)
    }

    /// Go shares a string between all aliases of it; here each has its own.
    fn weigh(&mut self, text: &str, line: usize) -> Result<(), Trouble> {
        self.bytes += text.len();
        if self.bytes > MAX_TEXT {
            let message = format!("more than {} MiB of text", MAX_TEXT >> 20);
            return Err(Trouble::budget(message, line));
        }
        Ok(())
    }

    /// `iptables.masqueradeBit`, `list[0].key`; long keys are cut.
    fn spelled(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Index(index) => path.push_str(&format!("[{index}]")),
                Step::Key(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.extend(key.chars().take(80));
                }
            }
        }
        path
    }

    /// go-yaml's guard against alias bombs, and ours.
    fn count(&mut self, line: usize, depth: usize) -> Result<(), Trouble> {
        self.decoded += 1;
        if self.alias_depth > 0 {
            self.from_aliases += 1;
        }
        #[expect(clippy::cast_precision_loss, reason = "both are below MAX_VALUES")]
        let share = self.from_aliases as f64 / self.decoded as f64;
        // Up to 400,000 values go-yaml allows 99 parts of a hundred to come from aliases.
        if self.from_aliases > 100 && self.decoded > 1000 && share > 0.99 {
            let message = "yaml: document contains excessive aliasing";
            return Err(Trouble::refused(message, line));
        }
        if self.decoded > MAX_VALUES {
            let message = format!("more than {MAX_VALUES} values");
            return Err(Trouble::budget(message, line));
        }
        if depth > MAX_DEPTH {
            let message = format!("nested deeper than {MAX_DEPTH}");
            return Err(Trouble::budget(message, line));
        }
        Ok(())
    }
}

fn is_merge(key: &Node) -> bool {
    matches!(&key.value, Value::Scalar(text, style) if text == "<<" && match key.tag.as_deref() {
        None => *style == Style::Plain,
        Some(tag) => matches!(tag, "tag:yaml.org,2002:merge" | "!"),
    })
}

fn not_a_map(node: &Node) -> Trouble {
    let message = "yaml: map merge requires map or sequence of maps as the value";
    Trouble::refused(message, node.line)
}

fn scalar(node: &Node, text: &str, style: Style) -> Result<Scalar, Trouble> {
    resolve(node.tag.as_deref(), text, style == Style::Plain)
        .map_err(|message| Trouble::refused(message, node.line))
}

fn data(scalar: Scalar) -> Option<Data> {
    Some(match scalar {
        Scalar::Null => Data::Null,
        Scalar::Bool(truth) => Data::Bool(truth),
        Scalar::Int(number) => Data::Number(number.to_string()),
        Scalar::Uint(number) => Data::Number(number.to_string()),
        Scalar::Float(number) => Data::Number(float::to_json(number)?),
        Scalar::Text(text) => Data::Text(text),
    })
}
