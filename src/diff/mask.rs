//! What of a YAML file is never shown, and what stands in its place.
//!
//! A file may hold many documents, and a text of one may hold documents again: a kubeconfig in a ConfigMap,
//! a whole Secret in the annotation that kubectl keeps. All of them are looked through.

use std::ops::Range;

use super::without_secrets;
use crate::yaml::{Literal, Node, Part, Style, Value, parse_stream};

/// How deep texts inside texts are looked through. What lies deeper is masked as a whole.
const DEEPEST: usize = 4;

/// Keys whose values are secrets, whatever the file. The CA is public, but no certificate body
/// belongs in an output either.
pub(super) fn is_secret(key: &str) -> bool {
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

/// True for a text with a URL that can hold `user:password@`.
fn is_url(text: &str) -> bool {
    text.contains("://") && text.contains('@')
}

/// True for a text that may tell a secret of its own accord: `password: x`, `API_KEY=x`, or a URL that does.
fn tells_secret(text: &str) -> bool {
    if is_url(text) {
        return true;
    }
    let lower = text.to_ascii_lowercase();
    let mut parts = lower.split([':', '=']).peekable();
    while let Some(name) = parts.next() {
        let name = name.trim_end_matches(['"', '\'', ' ', '\t']);
        let secret = ["password", "passwd", "passphrase", "token", "secret", "key"]
            .iter()
            .any(|end| name.ends_with(end));
        if secret && parts.peek().is_some_and(|value| !value.trim().is_empty()) {
            return true;
        }
    }
    false
}

/// The text with every secret value replaced by `***`, line by line, so that line numbers stay. In a
/// document that holds a secret or a kubeconfig comments are masked too: a token that was commented out is
/// still a token. A text that cannot be parsed is masked as a whole.
pub(super) fn masked(text: &str) -> String {
    masked_at(text, 0)
}

fn masked_at(text: &str, depth: usize) -> String {
    let Some(mut hidden) = hidden(text, depth) else {
        return stars(text);
    };
    hidden.sort_by_key(|hidden| hidden.span.start);
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for Hidden { span, shown } in hidden {
        if span.start < done {
            continue;
        }
        out.push_str(text.get(done..span.start).unwrap_or_default());
        out.push_str(&shown);
        done = span.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

/// Bytes that are not shown, and what is shown for them.
struct Hidden {
    span: Range<usize>,
    shown: String,
}

/// Every line masked that is not empty.
fn stars(text: &str) -> String {
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        if !line.trim().is_empty() {
            out.push_str("***");
        }
        if line.ends_with('\n') {
            out.push('\n');
        }
    }
    out
}

/// What is hidden of a text; `None` when all of it is: it cannot be read, it lies too deep, or it lies in
/// another one and is no document but a script, a certificate or a key.
fn hidden(text: &str, depth: usize) -> Option<Vec<Hidden>> {
    if depth > DEEPEST {
        return None;
    }
    let mut mask = Mask {
        text,
        depth,
        hidden: Vec::new(),
    };
    let mut behind = 0;
    for part in parse_stream(text).ok()? {
        let part = part.ok()?;
        if depth > 0 && part.root.text().is_some() && !part.root.is_null() {
            return None;
        }
        // Between two documents there are end markers and comments that belong to neither.
        mask.between(behind..part.span.start);
        behind = part.span.end;
        mask.part(&part);
    }
    mask.between(behind..text.len());
    Some(mask.hidden)
}

struct Mask<'text> {
    text: &'text str,
    /// In how many texts this one lies.
    depth: usize,
    hidden: Vec<Hidden>,
}

impl Mask<'_> {
    fn part(&mut self, part: &Part) {
        let before = self.hidden.len();
        let flags = match &part.root.value {
            Value::Scalar(text, Style::Plain) => !is_url(text) && !text.contains('\n'),
            _ => false,
        };
        // A text that is nothing but words is masked word by word, as a file of flags.
        if !flags {
            self.node(None, &part.root, Within::default());
        }
        let all = part.root.get("users").is_some() || self.hidden.len() > before;
        for comment in &part.comments {
            if all || tells_secret(&comment.text) {
                self.hide(comment.span.clone());
            }
        }
    }

    fn between(&mut self, span: Range<usize>) {
        if self.slice(&span).contains('#') {
            self.hide(span);
        }
    }

    fn slice(&self, span: &Range<usize>) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    fn hide(&mut self, span: Range<usize>) {
        let shown = stars(self.slice(&span));
        self.hidden.push(Hidden { span, shown });
    }

    fn node(&mut self, key: Option<&Node>, node: &Node, within: Within) {
        match &node.value {
            Value::Scalar(content, style) => {
                if within.secret || tells_secret(content) && !content.contains('\n') {
                    if !node.span.is_empty() {
                        self.hide(node.span.clone());
                    }
                } else if content.contains('\n') || content.trim_start().starts_with('{') {
                    self.embedded(key, node, content, *style);
                }
            }
            Value::Sequence(items, _) => {
                let mut value_of_secret = false;
                for item in items {
                    let text = item.text().unwrap_or_default();
                    // An argument can be a flag with its value, which can also be the next one.
                    let flag = text.starts_with('-') && without_secrets(text) != text;
                    let value =
                        std::mem::replace(&mut value_of_secret, flag && !text.contains('='));
                    let secret = within.secret || flag || value && !text.starts_with('-');
                    self.node(None, item, Within { secret, ..within });
                }
            }
            Value::Mapping(entries, _) => self.mapping(node, entries, within),
            Value::Alias(_) => {}
        }
    }

    fn mapping(&mut self, node: &Node, entries: &[(Node, Node)], within: Within) {
        let text = |key: &str| node.get(key).and_then(Node::text);
        let object = within.object || matches!(text("kind"), Some("Secret" | "SecretList"));
        // What has a name and a value beside it, wherever that is: its name says what it is.
        let variable = text("name").is_some_and(|name| {
            let lower = name.to_ascii_lowercase();
            is_secret(&lower) || lower.contains("token") || lower.ends_with("key")
        });
        for (key, value) in entries {
            let name = key.text();
            // What stands in a user is a credential, also under a name that nobody knows.
            let user = name == Some("user") && matches!(value.value, Value::Mapping(..));
            let held = object && matches!(name, Some("data" | "stringData"));
            let set = (variable || within.variables) && name == Some("value");
            let secret = within.secret || user || held || set || name.is_none_or(is_secret);
            let variables = name == Some("env");
            self.node(
                Some(key),
                value,
                Within {
                    secret,
                    object,
                    variables,
                },
            );
        }
    }

    /// A text that may hold documents: only their secrets are hidden where its lines can be told.
    fn embedded(&mut self, key: Option<&Node>, node: &Node, content: &str, style: Style) {
        let shown = masked_at(content, self.depth + 1);
        if shown == content {
            return;
        }
        let literal = key
            .filter(|_| style == Style::Block)
            .and_then(|key| Literal::of(self.text, key, node).ok());
        let Some(literal) = literal else {
            self.hide(node.span.clone());
            return;
        };
        let lines = content.lines().zip(shown.lines()).zip(&literal.lines);
        for ((line, shown), span) in lines {
            if line != shown {
                let indentation = " ".repeat(literal.indentation);
                self.hidden.push(Hidden {
                    span: span.clone(),
                    shown: format!("{indentation}{shown}"),
                });
            }
        }
    }
}

/// Where a node stands.
#[derive(Clone, Copy, Default)]
struct Within {
    /// In a value that is a secret.
    secret: bool,
    /// In an object of the API that is a Secret.
    object: bool,
    /// In the variables of a container. Whatever their names, they are where programs get secrets from.
    variables: bool,
}
