//! What another parser says of the same line.

use serde_json::Value;
use tighten::auditlog::json::Damage;

use crate::json::{Json, Line};

/// Fails when serde_json reads the line otherwise. It refuses some that Go takes: numbers out of range, and
/// what is nested deeper than 128 levels; those are passed over.
pub fn agrees(line: &[u8], read: &Result<Line, Damage>) -> Result<(), String> {
    let text = String::from_utf8_lossy(line);
    let other: Result<Value, _> = serde_json::from_str(&without_halves(&text));
    let wrong = |other: &dyn std::fmt::Debug| {
        let read = read.as_ref().map(|line| &line.value);
        Err(format!("{text:?}: {read:?} here, {other:?} by serde_json"))
    };
    match (read, &other) {
        (Ok(line), Ok(value)) if meant(&line.value) == *value => Ok(()),
        (Ok(_) | Err(Damage::Deep), Err(error)) if beyond(error) => Ok(()),
        (_, Err(error)) if beyond(error) => Ok(()),
        (Err(Damage::Cut), Err(error)) if error.is_eof() => Ok(()),
        (Err(Damage::NotJson), Err(error)) if error.is_syntax() => Ok(()),
        // It looks whether four digits are there before it looks at them.
        (Err(Damage::NotJson), Err(error)) if error.is_eof() && text.contains("\\u") => Ok(()),
        (_, other) => wrong(other),
    }
}

fn beyond(error: &serde_json::Error) -> bool {
    let message = error.to_string();
    message.starts_with("recursion limit exceeded") || message.starts_with("number out of range")
}

fn meant(json: &Json) -> Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => serde_json::from_str(number).unwrap_or(Value::Null),
        Json::Text(bytes) => Value::String(text(bytes)),
        Json::List(items) => items.iter().map(meant).collect(),
        Json::Object(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| (text(key), meant(value)));
            Value::Object(pairs.collect())
        }
    }
}

/// The text with U+FFFD in the place of half a pair of surrogates, which serde_json refuses.
fn without_halves(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let unit = |from: usize| {
            let escape = rest.get(from..from + 6)?.strip_prefix("\\u")?;
            let plain = escape.bytes().all(|byte| byte.is_ascii_hexdigit());
            plain.then(|| u32::from_str_radix(escape, 16).unwrap())
        };
        let length = match (unit(0), unit(6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => {
                out.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
            (Some(_), _) => 6,
            (None, _) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out + rest
}
