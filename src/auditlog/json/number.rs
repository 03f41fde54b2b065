//! The grammar of numbers.

/// `-?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?`
pub(super) fn is_number(word: &[u8]) -> bool {
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
