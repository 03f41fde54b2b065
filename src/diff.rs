//! Unified diffs, without secrets.

use std::fmt::Write;

use similar::TextDiff;

use crate::yaml::{self, Node, Value};

/// Lines of context around a change.
const CONTEXT: usize = 2;

/// A text as it may be shown: everything is masked that could be a secret.
#[derive(Clone, Debug)]
pub struct Shown(String);

impl Shown {
    /// Of a file of the node.
    pub fn of(bytes: &[u8]) -> Shown {
        Shown(masked(&String::from_utf8_lossy(bytes)))
    }

    /// Of a file of flags.
    pub fn flags(bytes: &[u8]) -> Shown {
        let text = String::from_utf8_lossy(bytes);
        Shown(text.split_inclusive('\n').map(without_secrets).collect())
    }

    /// Of a file of which nothing is known: what could be a secret in either kind.
    pub fn whatever(bytes: &[u8]) -> Shown {
        Shown::flags(Shown::of(bytes).0.as_bytes())
    }

    /// True when nothing of these bytes is masked.
    pub fn is_whole(&self, bytes: &[u8]) -> bool {
        self.0.as_bytes() == bytes
    }

    /// Of a text that the binary carries, which has nothing to hide.
    pub fn own(text: &str) -> Shown {
        Shown(text.to_string())
    }
}

/// The unified diff of two texts, hunks only.
pub fn unified(before: &Shown, after: &Shown) -> String {
    let diff = TextDiff::from_lines(before.0.as_str(), after.0.as_str());
    let mut out = String::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        // Writing to a String cannot fail.
        let _ = write!(out, "{hunk}");
    }
    out
}

/// A line of flags with the value of every flag masked that could be a secret.
fn without_secrets(line: &str) -> String {
    let (text, end) = match line.strip_suffix('\n') {
        Some(text) => (text, "\n"),
        None => (line, ""),
    };
    let words: Vec<String> = text.split_whitespace().map(String::from).collect();
    let url = |word: &String| word.contains("://") && word.contains('@');
    let secret = |word: &String| {
        let name = word.split('=').next().unwrap_or_default();
        let name = name.trim_start_matches(['"', '\'', '#', '-']);
        is_secret(name) || name.ends_with("-token")
    };
    if !words.iter().any(|word| url(word) || secret(word)) {
        return line.to_string();
    }
    // What of the line is the secret is not worth a guess.
    let shown = words.iter().take_while(|word| !url(word) && !secret(word));
    let shown: Vec<&str> = shown.map(String::as_str).chain(["***"]).collect();
    format!("{}{end}", shown.join(" "))
}

/// Keys whose values are secrets, whatever the file. The CA is public, but no certificate body
/// belongs in an output either.
fn is_secret(key: &str) -> bool {
    const NAMES: &[&str] = &[
        "token",
        "password",
        "username",
        "auth-provider",
        "exec",
        "as-user-extra",
    ];
    let lower = key.to_ascii_lowercase();
    NAMES.contains(&lower.as_str())
        || lower.ends_with("-data")
        || lower.contains("password")
        || lower.contains("secret")
        || lower.ends_with("token")
}

/// The text with every secret value replaced by `***`, line by line, so that line numbers stay. In a
/// kubeconfig comments are masked too: a token that was commented out is still a token. A text that
/// cannot be parsed is masked as a whole.
fn masked(text: &str) -> String {
    let Ok(document) = yaml::parse(text) else {
        return text
            .split_inclusive('\n')
            .map(|line| if line.ends_with('\n') { "***\n" } else { "***" })
            .collect();
    };
    let mut spans = Vec::new();
    if let Some(root) = &document.root {
        collect(root, false, &mut spans);
        if root.get("users").is_some() || !spans.is_empty() {
            spans.extend(document.comments.iter().map(|comment| comment.span.clone()));
        }
    }
    spans.sort_by_key(|span| span.start);
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for span in spans {
        if span.start < done {
            continue;
        }
        out.push_str(text.get(done..span.start).unwrap_or_default());
        let hidden = text.get(span.clone()).unwrap_or_default();
        for line in hidden.split_inclusive('\n') {
            if !line.trim().is_empty() {
                out.push_str("***");
            }
            if line.ends_with('\n') {
                out.push('\n');
            }
        }
        done = span.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

fn collect(node: &Node, secret: bool, spans: &mut Vec<std::ops::Range<usize>>) {
    match &node.value {
        Value::Scalar(..) => {
            // A URL can hold `user:password@`.
            let credentials = |text: &str| text.contains("://") && text.contains('@');
            if (secret || node.text().is_some_and(credentials)) && !node.span.is_empty() {
                spans.push(node.span.clone());
            }
        }
        Value::Sequence(items, _) => items.iter().for_each(|item| collect(item, secret, spans)),
        Value::Mapping(entries, _) => {
            for (key, value) in entries {
                // What stands in a user is a credential, also under a name that nobody knows.
                let user = key.text() == Some("user") && matches!(value.value, Value::Mapping(..));
                let hidden = secret || user || key.text().is_none_or(is_secret);
                collect(value, hidden, spans);
            }
        }
        Value::Alias(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_reaches_a_diff() {
        let before = "users:\n- name: a\n  user:\n    token: geheim\n    client-key-data: |\n      AAAA\n      BBBB\n    tokenFile: /t\n# token: alt\nx: true\n";
        let after = before.replace("x: true", "x: false");
        let diff = unified(&Shown::of(before.as_bytes()), &Shown::of(after.as_bytes()));
        assert_eq!(
            diff,
            "@@ -8,3 +8,3 @@\n     tokenFile: ***\n ***\n-x: true\n+x: false\n"
        );
        let whole = masked(before);
        for secret in ["geheim", "AAAA", "BBBB", "alt"] {
            assert!(!whole.contains(secret), "{secret}");
        }
        assert_eq!(whole.lines().count(), before.lines().count());
    }

    #[test]
    fn a_file_of_which_nothing_is_known_shows_no_secret_of_either_kind() {
        let flags = "--v=2\n--token=geheim\n";
        assert_eq!(Shown::whatever(flags.as_bytes()).0, "--v=2\n***\n");
        let yaml = "user:\n  token: geheim\n  name: a\n";
        let shown = Shown::whatever(yaml.as_bytes()).0;
        assert!(!shown.contains("geheim"), "{shown}");
    }

    #[test]
    fn a_text_that_is_not_yaml_is_masked_as_a_whole() {
        assert_eq!(masked("a: [\ntoken: x"), "***\n***");
    }
}
