//! Text of the node on a terminal: no control characters, no bidirectional tricks.

/// The text with everything escaped that could move the cursor, colour or reorder what is shown.
/// Line feeds stay.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        let hidden = matches!(
            letter,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        );
        if (letter.is_control() && letter != '\n') || hidden {
            out.extend(letter.escape_default());
        } else {
            out.push(letter);
        }
    }
    out
}

/// The same on one line: text of the node must not look like a line of ours.
pub fn one_line(text: &str) -> String {
    printable(text).replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::{one_line, printable};

    #[test]
    fn a_line_feed_begins_no_line() {
        assert_eq!(one_line("a\n  pass  b"), "a\\n  pass  b");
    }

    #[test]
    fn an_escape_sequence_does_not_reach_the_terminal() {
        assert_eq!(
            printable("a\x1b[31mb\r\n\u{202e}c"),
            "a\\u{1b}[31mb\\r\n\\u{202e}c"
        );
    }
}
