//! Looking for the few bytes that mean something in a string, eight at a time.

use std::sync::LazyLock;

use fearless_simd::{Level, Simd, dispatch};

/// What this processor can do with many bytes at once.
#[inline]
pub fn level() -> Level {
    static LEVEL: LazyLock<Level> = LazyLock::new(Level::new);
    *LEVEL
}

/// What a processor like this one, or an older one, can do.
#[cfg(test)]
pub fn levels() -> Vec<Level> {
    let mut levels = vec![Level::baseline(), Level::new()];
    #[cfg(target_arch = "x86_64")]
    {
        levels.extend(Level::new().as_sse4_2().map(Level::Sse4_2));
        levels.extend(Level::new().as_avx2().map(Level::Avx2));
    }
    levels
}

/// How many bytes stand before the first quote or backslash; none that a string can end behind, where it is not among
/// the first 40.
#[inline(always)]
pub(super) fn short_length(bytes: &[u8]) -> usize {
    let (chunks, _) = bytes.as_chunks::<8>();
    let mut at = 0;
    for chunk in chunks.iter().take(5) {
        let word = u64::from_le_bytes(*chunk);
        let (quotes, backslashes) = (word ^ QUOTES, word ^ BACKSLASHES);
        // The borrow of a subtraction can only mark bytes behind the first that is meant. The highest bits
        // of quotes and backslashes are those of the word.
        let found = (quotes.wrapping_sub(ONES) | backslashes.wrapping_sub(ONES)) & !word & HIGHS;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    bytes.len()
}

/// Whether any byte is a control character of ASCII.
pub fn has_control(bytes: &[u8]) -> bool {
    // Without a way out of the loop, so that many bytes are looked at in one step.
    least(bytes, |byte| byte) < b' '
}

/// The least of what the bytes become, the largest number where there are none.
pub fn least(bytes: &[u8], of: impl Fn(u8) -> u8) -> u8 {
    dispatch!(level(), simd => least_with(simd, bytes, &of))
}

#[inline(always)]
fn least_with<S: Simd>(_: S, bytes: &[u8], of: impl Fn(u8) -> u8) -> u8 {
    bytes.iter().map(|byte| of(*byte)).fold(u8::MAX, u8::min)
}

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);
const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; 8]);
const SPACES: u64 = u64::from_le_bytes([b' '; 8]);

/// How many bytes stand before the first quote, backslash or control character. Eight at a time: the
/// borrow of a subtraction can only mark bytes behind the first that is meant.
#[inline]
pub fn plain_run(bytes: &[u8]) -> usize {
    let mut at = 0;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        let quotes = word ^ QUOTES;
        let backslashes = word ^ BACKSLASHES;
        let found = (quotes.wrapping_sub(ONES) & !quotes
            | backslashes.wrapping_sub(ONES) & !backslashes
            | word.wrapping_sub(SPACES) & !word)
            & HIGHS;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let plain = |byte: &&u8| **byte >= b' ' && !matches!(**byte, b'"' | b'\\');
    at + rest.iter().take_while(plain).count()
}
