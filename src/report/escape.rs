//! Text of the node inside markup: nothing of it is read as markup, and nothing is there that XML forbids.

/// The text for an element or a quoted attribute, of XML and of HTML.
///
/// What XML 1.0 does not admit, and what would reorder or hide the text around it, is replaced by U+FFFD.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            // Also keeps "]]>" out.
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(letter),
            '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => out.push('\u{fffd}'),
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

/// The text for a quoted attribute that must be one line.
pub fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    escaped(&words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_read_as_markup() {
        assert_eq!(
            escaped("<b a='\"'>&]]>\u{1b}[31m\u{202e}\u{0}\r\n\u{ffff}"),
            "&lt;b a=&#39;&quot;&#39;&gt;&amp;]]&gt;\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}\n\u{fffd}"
        );
        assert_eq!(one_line(" a\n b\t<"), "a b &lt;");
    }
}
