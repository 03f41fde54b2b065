//! A waivers file is refused, or each of its entries says the same when it is written down once more.

use serde_json::{Value, json};
use tighten::waivers::{Day, Waiver, parse};

/// The checks that there are.
const KNOWN: &[&str] = &["metrics-exposed", "proxy-certificate-mode"];

/// Whether the bytes are waivers.
pub fn holds(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let waivers = match parse(text, "FILE", KNOWN) {
        Ok(waivers) => waivers,
        Err(failure) => {
            assert!(failure.message.starts_with("FILE:"), "{}", failure.message);
            assert!(failure.help.is_some());
            return false;
        }
    };
    for waiver in &waivers {
        let grounds = &waiver.grounds;
        assert!(KNOWN.contains(&waiver.check.as_str()));
        assert!(!grounds.justification.trim().is_empty());
        assert!(grounds.justification.chars().count() <= 1_000);
        let lines = u64::try_from(text.lines().count()).unwrap();
        assert!((1..=lines).contains(&grounds.line));
        if let Some(day) = &grounds.expires {
            assert!(Day::read(day).is_some());
        }
    }
    // Another reader counts as many entries.
    let value: Value = serde_yaml::from_str(text).expect("what was read is YAML");
    assert_eq!(
        value["waivers"].as_array().map(Vec::len),
        Some(waivers.len())
    );
    let document = written(&waivers);
    let again = parse(&document.to_string(), "FILE", KNOWN).expect("what was read is sound");
    assert_eq!(written(&again), document);
    one_key_more_is_refused(&document);
    true
}

fn written(waivers: &[Waiver]) -> Value {
    let entry = |waiver: &Waiver| {
        let mut entry = json!({
            "check": waiver.check,
            "justification": waiver.grounds.justification,
        });
        let optional = [
            ("path", waiver.path.as_ref().map(ToString::to_string)),
            ("node", waiver.node.as_ref().map(ToString::to_string)),
            ("expires", waiver.grounds.expires.clone()),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                entry[key] = json!(value);
            }
        }
        entry
    };
    json!({"waivers": waivers.iter().map(entry).collect::<Vec<_>>()})
}

fn one_key_more_is_refused(document: &Value) {
    for place in ["", "/waivers/0"] {
        let mut more = document.clone();
        if let Some(Value::Object(fields)) = more.pointer_mut(place) {
            fields.insert("run".into(), json!("sh"));
            assert!(
                parse(&more.to_string(), "FILE", KNOWN).is_err(),
                "{place:?}"
            );
        }
    }
}
