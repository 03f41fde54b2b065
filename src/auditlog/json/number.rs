//! The grammar of numbers, `true`, `false` and `null`.

/// Whether a byte may stand in such a word, right or wrong.
#[inline(always)]
pub fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

/// The word with which these bytes begin, right or wrong, and what stands behind it.
#[inline(always)]
pub(super) fn split_word(bytes: &[u8]) -> (&[u8], &[u8]) {
    let length = bytes.iter().take_while(|byte| is_of_word(**byte)).count();
    bytes.split_at_checked(length).unwrap_or_default()
}

/// Whether it is such a word.
#[inline(always)]
pub(super) fn is_word(word: &[u8]) -> bool {
    matches!(word, b"true" | b"false" | b"null") || is_number(word)
}

/// `-?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?`
fn is_number(word: &[u8]) -> bool {
    number_ends(word) == Some(true)
}

pub(super) fn is_number_begun(word: &[u8]) -> bool {
    number_ends(word).is_some()
}

/// Whether a number is whole; none when it cannot become one.
fn number_ends(word: &[u8]) -> Option<bool> {
    let word = word.strip_prefix(b"-").unwrap_or(word);
    let digits = |word: &[u8]| word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(word);
    if whole > 1 && word.starts_with(b"0") {
        return None;
    }
    let mut rest = word.get(whole..)?;
    if whole == 0 {
        return rest.is_empty().then_some(false);
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = digits(fraction);
        rest = fraction.get(length..)?;
        if length == 0 {
            return rest.is_empty().then_some(false);
        }
    }
    let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) else {
        return rest.is_empty().then_some(true);
    };
    let signed = exponent
        .strip_prefix(b"+")
        .or_else(|| exponent.strip_prefix(b"-"));
    let exponent = signed.unwrap_or(exponent);
    let length = digits(exponent);
    (length == exponent.len()).then_some(length > 0)
}
