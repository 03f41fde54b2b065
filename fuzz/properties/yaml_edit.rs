//! An edit of any bytes is refused, or does exactly what it says and touches nothing else.
//!
//! The first line says the edit, the rest is the document: `set`, `append`, `remove`, `insert` (behind the
//! last item), `insert2` (before an item); the path, its steps separated by dots, `#2` for an item of a list;
//! the value: `true`, `-12`, `"text` up to the end of the line, `[a,b`, and for an insertion `{` before a
//! value that is held by a mapping. Every first line means something, so that no mutation is lost.

use serde_json::Value as Json;
use tighten::edit::{self, Alteration, Operation, Scalar, Step, Tree, Within};
use tighten::yaml::{Document, Node, Style, Value};

use super::meaning;

/// Whether the edit was made.
pub fn holds(bytes: &[u8]) -> bool {
    let (line, document) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[][..]),
    };
    let line = String::from_utf8_lossy(line);
    let (path, operation) = read(&line);
    let Ok(after) = edit::apply(document, &path, &operation) else {
        return false;
    };
    let before = std::str::from_utf8(document).expect("no edit of what is not text");
    let after = String::from_utf8(after).expect("still text");

    // `.nan` and the like are no JSON: there only the trees below are compared.
    if let Ok(mut meant) = serde_yaml::from_str::<Json>(before) {
        meaning::perform(&mut meant, &path, &operation);
        let means: Json = serde_yaml::from_str(&after).expect("the result can be read");
        assert_eq!(means, meant, "\n{before}\n{after}");
    }

    let old = tighten::yaml::parse(before).expect("what is edited can be read");
    let new = tighten::yaml::parse(&after).expect("the result can be read");
    let notes = |document: &Document| -> Vec<String> {
        let comments = document.comments.iter();
        comments.map(|comment| comment.text.clone()).collect()
    };
    let (notes_before, notes_after) = (notes(&old), notes(&new));
    if operation == Operation::Remove {
        let mut left = notes_before.iter();
        let kept = notes_after.iter().all(|note| left.any(|old| old == note));
        assert!(kept, "comments\n{before}\n{after}");
    } else {
        assert_eq!(notes_before, notes_after, "comments\n{before}\n{after}");
    }
    let list = match old.root.as_ref().and_then(|root| follow(root, &path)) {
        Some((list, true)) if !matches!(operation, Operation::Set(_) | Operation::Remove) => {
            Some(list)
        }
        _ => None,
    };
    let (mut place, mut place_after) = (path.clone(), path.clone());
    if let Some(list) = list.filter(|list| !list.is_null()) {
        let at = match &operation {
            Operation::Insert { before, .. } => before.unwrap_or(list.items().len()),
            _ => list.items().len(),
        };
        place.push(Step::Index(usize::MAX));
        place_after.push(Step::Index(at));
    }
    if operation == Operation::Remove
        && let Some(Step::Index(index)) = place_after.last_mut()
    {
        *index = usize::MAX;
    }
    assert_eq!(
        others(&old, before, &place),
        others(&new, &after, &place_after),
        "a value beside it was written in another way\n{before}\n{after}"
    );
    few_bytes_changed(before, &after, &old, &path, &operation, line.len());
    let alteration = Alteration { path, operation };
    as_a_part(before, &after, &alteration);
    as_a_text(before, &after, &alteration);
    true
}

/// Where the document is one of a stream, its edit is refused or the same, and nothing else changes.
fn as_a_part(before: &str, after: &str, alteration: &Alteration) {
    let end = if before.contains("\r\n") {
        "\r\n"
    } else {
        "\n"
    };
    let stream = |document: &str| format!("x: 1{end}---{end}{document}---{end}y: 2");
    let within = Within {
        document: 1,
        embedded: Vec::new(),
    };
    let marked =
        before.starts_with('\u{feff}') || before.lines().any(|line| line.starts_with("---"));
    if marked || !before.ends_with('\n') {
        return;
    }
    let made = edit::alter_within(
        stream(before).as_bytes(),
        &within,
        std::slice::from_ref(alteration),
    );
    if let Ok(made) = made {
        assert_eq!(
            String::from_utf8(made).as_deref(),
            Ok(stream(after).as_str())
        );
    }
}

/// Where the document is a block of text in another one, its edit is refused or the same.
fn as_a_text(before: &str, after: &str, alteration: &Alteration) {
    let block = |document: &str| {
        let lines = document.lines().map(|line| match line {
            "" => "\n".to_owned(),
            line => format!("    {line}\n"),
        });
        format!("a: 1\nb:\n  c: |2\n{}  d: 2\n", lines.collect::<String>())
    };
    let within = Within {
        document: 0,
        embedded: vec![Step::Key("b".into()), Step::Key("c".into())],
    };
    let plain = |text: &str| text.ends_with('\n') && !text.ends_with("\n\n");
    if before.contains(['\r', '\u{feff}']) || !plain(before) || before.trim().is_empty() {
        return;
    }
    let made = edit::alter_within(
        block(before).as_bytes(),
        &within,
        std::slice::from_ref(alteration),
    );
    if let Ok(made) = made {
        assert!(plain(after), "the indicator says otherwise\n{after:?}");
        assert_eq!(
            String::from_utf8(made).as_deref(),
            Ok(block(after).as_str())
        );
    }
}

fn read(line: &str) -> (Vec<Step>, Operation) {
    let mut words = line.splitn(3, ' ');
    let (verb, path, value) = (words.next(), words.next(), words.next());
    let path = path.unwrap_or_default().split('.');
    let path = path.filter(|step| !step.is_empty());
    let path = path.map(|step| match step.strip_prefix('#').map(str::parse) {
        Some(Ok(index)) => Step::Index(index),
        _ => Step::Key(step.to_owned()),
    });
    let value = value.unwrap_or_default();
    let value = match (value, value.parse()) {
        ("true" | "false", _) => Scalar::Bool(value == "true"),
        (_, Ok(number)) => Scalar::Int(number),
        _ => match value.strip_prefix('[') {
            Some("") => Scalar::List(Vec::new()),
            Some(items) => Scalar::List(items.split(',').map(str::to_owned).collect()),
            None => Scalar::Text(value.strip_prefix('"').unwrap_or(value).to_owned()),
        },
    };
    let position = verb.and_then(|verb| verb.strip_prefix("insert"));
    let operation = match (verb, position) {
        (Some("append"), _) => Operation::Append(value),
        (Some("remove"), _) => Operation::Remove,
        (_, Some(position)) => Operation::Insert {
            before: position.parse().ok(),
            items: vec![tree(value)],
        },
        _ => Operation::Set(value),
    };
    (path.collect(), operation)
}

/// The value, or a mapping that holds it.
fn tree(value: Scalar) -> Tree {
    match &value {
        Scalar::Text(text) => match text.strip_prefix('{') {
            Some(inner) => Tree::map([
                ("name", Tree::text(inner)),
                ("names", Tree::texts(inner.split(','))),
                ("within", Tree::map([("name", Tree::text(inner))])),
            ]),
            None => Tree::Scalar(value),
        },
        Scalar::List(items) => Tree::texts(items.clone()),
        _ => Tree::Scalar(value),
    }
}

/// The node at the path, or the last one on the way, and whether it is the end of it.
fn follow<'a>(node: &'a Node, path: &[Step]) -> Option<(&'a Node, bool)> {
    let Some((step, rest)) = path.split_first() else {
        return Some((node, true));
    };
    let next = match step {
        Step::Key(key) => node.get(key),
        Step::Index(index) => node.items().get(*index),
    };
    next.map_or(Some((node, false)), |next| follow(next, rest))
}

/// How every key and scalar is written, but for those on the way to the place and behind it.
fn others(document: &Document, text: &str, place: &[Step]) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(root) = &document.root {
        collect(root, text, place, &mut Vec::new(), &mut found);
    }
    found
}

fn collect(node: &Node, text: &str, place: &[Step], way: &mut Vec<Step>, found: &mut Vec<String>) {
    if way.starts_with(place) {
        return;
    }
    let on_the_way = |way: &[Step]| place.starts_with(way);
    match &node.value {
        Value::Mapping(entries, _) => {
            for (key, value) in entries {
                way.push(Step::Key(key.text().unwrap_or_default().to_owned()));
                if !on_the_way(way) {
                    found.push(source(key, text));
                }
                collect(value, text, place, way, found);
                way.pop();
            }
        }
        Value::Sequence(items, _) => {
            for (index, item) in items.iter().enumerate() {
                way.push(Step::Index(index));
                collect(item, text, place, way, found);
                way.pop();
            }
        }
        _ if on_the_way(way) => {}
        // The span of an empty block scalar ends elsewhere when something follows.
        Value::Scalar(value, Style::Block) => found.push(value.clone()),
        _ => found.push(source(node, text)),
    }
}

/// A flow collection with nothing in it may lose the white space between its brackets.
fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Sequence(items, true) => items.is_empty(),
        Value::Mapping(entries, true) => entries.is_empty(),
        _ => false,
    }
}

fn source(node: &Node, text: &str) -> String {
    text[node.span.clone()].trim_end().to_owned()
}

/// What is taken out of the text is at most the former value; what is put in, the new one with its
/// keys and their indentation.
fn few_bytes_changed(
    before: &str,
    after: &str,
    old: &Document,
    path: &[Step],
    operation: &Operation,
    asked: usize,
) {
    let same = |(one, other): &(u8, u8)| one == other;
    let head = before.bytes().zip(after.bytes()).take_while(same).count();
    let tails = before.bytes().rev().zip(after.bytes().rev());
    let rest = before.len().min(after.len()) - head;
    let tail = tails.take(rest).take_while(same).count();
    let taken = before.len() - head - tail;
    let put = after.len() - head - tail;
    let former = match old.root.as_ref().and_then(|root| follow(root, path)) {
        Some((node, true)) if matches!(operation, Operation::Set(_)) => &before[node.span.clone()],
        Some((node, _)) if node.is_null() || is_empty(node) => &before[node.span.clone()],
        _ => "",
    };
    // A comma goes in front of the comment behind the last entry, and the new entry below it; keys that
    // take the place of `~` go below its line, without the blanks before it.
    let gone = String::from_utf8_lossy(&before.as_bytes()[head..head + taken]).into_owned();
    let come = String::from_utf8_lossy(&after.as_bytes()[head..head + put]).into_owned();
    let beside = gone.replacen(former, "", 1);
    assert!(
        *operation == Operation::Remove
            || taken <= former.len()
            || come.contains(&gone)
            || come.contains(beside.trim()),
        "{taken} bytes taken\n{before}\n{after}"
    );
    let widest = before.lines().map(str::len).max().unwrap_or(0);
    let lines = match operation {
        Operation::Insert { .. } => path.len() + 6 + asked,
        _ => path.len() + 1,
    };
    let most = 36 * (asked + 8) + lines * (widest + 24);
    assert!(put <= most, "{put} bytes put in\n{before}\n{after}");
}
