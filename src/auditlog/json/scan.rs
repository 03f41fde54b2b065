//! Looking for the few bytes that mean something in a string, eight at a time.

use memchr::memchr2;

/// How many bytes stand before the first quote or backslash; all, where there is none. Most strings are
/// short, for which a call of a search costs more than it finds.
#[inline(always)]
pub(super) fn plain_length(bytes: &[u8]) -> usize {
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
    let rest = bytes.get(at..).unwrap_or_default();
    at + memchr2(b'"', b'\\', rest).unwrap_or(rest.len())
}

/// Whether any byte is a control character of ASCII.
pub fn has_control(bytes: &[u8]) -> bool {
    // Without a way out of the loop, so that many bytes are looked at in one step.
    bytes.iter().fold(false, |any, byte| any | (*byte < b' '))
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
