//! Commands that a message names, with the flags in use: copied at night, they must act on the same tree.

use serde_json::Value;

const COMMANDS: &[&str] = &[
    "apply",
    "audit-policy",
    "facts",
    "history",
    "plan",
    "prune",
    "recover",
    "rollback",
    "scan",
    "verify",
];

/// The text with the flags put into every command of ours that it names.
pub fn with_flags(text: &str, flags: &str) -> String {
    if flags.is_empty() {
        return text.to_string();
    }
    let mut out = text.to_string();
    for command in COMMANDS {
        out = out.replace(
            &format!("tighten {command}"),
            &format!("tighten {flags} {command}"),
        );
    }
    out
}

/// The same in what a document tells people.
pub fn with_flags_in(document: &mut Value, flags: &str) {
    match document {
        Value::Array(items) => {
            for item in items {
                with_flags_in(item, flags);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text)
                        if matches!(name.as_str(), "reason" | "help" | "summary") =>
                    {
                        *text = with_flags(text, flags);
                    }
                    other => with_flags_in(other, flags),
                }
            }
        }
        _ => {}
    }
}

/// A word as a shell would read it back.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_in_a_message_carries_the_flags_in_use() {
        let text = "finish with: tighten recover; tighten 1.0 tightens";
        assert_eq!(
            with_flags(text, "--root /mnt"),
            "finish with: tighten --root /mnt recover; tighten 1.0 tightens"
        );
        assert_eq!(with_flags(text, ""), text);
        assert_eq!(quoted("/a b'c"), "'/a b'\\''c'");
    }
}
