//! What a log says, in words of bounded length: audit ids, user agents and paths are what clients choose.

use std::borrow::Cow;
use std::fmt;

use crate::auditlog::counted::resource;
use crate::auditlog::event::Event;
use crate::auditlog::json::Text;
use crate::report::one_line;

/// Longest text that is shown of an event, in characters.
const LONGEST: usize = 120;
/// Most different texts that are shown side by side.
const SHOWN: usize = 3;

/// A text of an event on one line: printable, and cut.
pub fn shown(text: Text) -> String {
    shown_bytes(&text.bytes())
}

fn shown_bytes(bytes: &[u8]) -> String {
    // A character has four bytes at most.
    let cut = bytes.get(..4 * (LONGEST + 1)).unwrap_or(bytes);
    let text = String::from_utf8_lossy(cut);
    let mut letters = text.chars();
    let mut shown: String = letters.by_ref().take(LONGEST).collect();
    if letters.next().is_some() {
        shown.push_str("...");
    }
    one_line(&shown)
}

/// `list secrets in kube-system (403)`
pub fn asked(event: &Event) -> String {
    let verb = match shown(event.verb) {
        empty if empty.is_empty() => "(no verb)".into(),
        verb => verb,
    };
    let mut what = Vec::new();
    resource(event, &mut what);
    let mut text = format!("{verb} {}", shown_bytes(&what));
    if !event.namespace.is_empty() {
        text = format!("{text} in {}", shown(event.namespace));
    }
    if event.code > 0 {
        text = format!("{text} ({})", event.code);
    }
    text
}

/// A user, or that there is none.
pub fn user(event: &Event) -> Cow<'static, str> {
    if event.user.is_empty() {
        "nobody who is known".into()
    } else {
        shown(event.user).into()
    }
}

/// A few different texts, in the order in which they came first.
#[derive(Clone, Debug, Default)]
pub struct Few {
    held: Vec<String>,
    more: bool,
}

impl Few {
    /// Adds one, unless it is there.
    pub fn add(&mut self, text: String) {
        if self.held.contains(&text) {
            return;
        }
        if self.held.len() < SHOWN {
            self.held.push(text);
        } else {
            self.more = true;
        }
    }
}

impl fmt::Display for Few {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.held.join(", "))?;
        if self.more {
            out.write_str(" and others")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_chose_stays_on_one_line_and_short() {
        let hostile = "\u{1b}[2Ja\nb\u{202e}".to_owned() + &"x".repeat(10_000);
        let said = shown(Text::raw(hostile.as_bytes()));
        assert!(said.starts_with("\\u{1b}[2Ja\\nb\\u{202e}xxx"), "{said}");
        assert!(said.ends_with("xxx..."), "{said}");
        assert!(said.len() < 160, "{said}");
        // Exactly as long as is shown.
        assert_eq!(
            shown(Text::raw("é".repeat(LONGEST).as_bytes())),
            "é".repeat(LONGEST)
        );
        assert_eq!(shown(Text::raw(b"a\xff")), "a\u{fffd}");
    }

    #[test]
    fn of_many_texts_a_few_are_told() {
        let mut few = Few::default();
        for text in ["a", "b", "a", "c"] {
            few.add(text.into());
        }
        assert_eq!(few.to_string(), "a, b, c");
        few.add("d".into());
        assert_eq!(few.to_string(), "a, b, c and others");
    }
}
