//! Text from a file in messages: short and printable, whatever the file holds.

/// Longest value that is quoted in full, in characters.
const MAX_VALUE: usize = 120;
/// Longest message, in characters.
const MAX_MESSAGE: usize = 2_000;

/// A value in double quotes, control characters escaped.
pub fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_VALUE).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// Several values as JSON has them.
pub fn quoted_list(texts: &[&str]) -> String {
    let shown: Vec<String> = texts.iter().take(8).map(|text| quoted(text)).collect();
    let more = if texts.len() > shown.len() {
        ",…"
    } else {
        ""
    };
    format!("[{}{more}]", shown.join(","))
}

/// A message without control characters and of bounded length.
pub fn message(text: &str) -> String {
    let mut shown = String::new();
    for (count, letter) in text.chars().enumerate() {
        if count == MAX_MESSAGE {
            shown.push('…');
            break;
        }
        if letter.is_control() {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}
