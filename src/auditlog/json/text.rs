//! Strings as they stand, and what their escapes mean.

use std::borrow::Cow;

/// What stands between the quotes of a string, escapes and all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Text<'a> {
    pub(super) raw: &'a [u8],
    /// From here on an escape may stand. A number, since a truth would leave bytes without a meaning, which
    /// compilers copy one by one.
    pub(super) plain: usize,
}

impl<'a> Text<'a> {
    /// Bytes of which nothing is known.
    pub fn raw(raw: &'a [u8]) -> Text<'a> {
        Text { raw, plain: 0 }
    }

    /// What stands between the quotes.
    pub fn written(self) -> &'a [u8] {
        self.raw
    }

    #[inline]
    fn is_escaped(self) -> bool {
        self.plain < self.raw.len()
    }

    /// Nothing is there, or nothing is in it.
    pub fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// The bytes that are meant, where they stand as such.
    pub fn plain(self) -> Option<&'a [u8]> {
        (!self.is_escaped()).then_some(self.raw)
    }

    /// The bytes that are meant.
    pub fn bytes(self) -> Cow<'a, [u8]> {
        if self.is_escaped() {
            Cow::Owned(unescaped(self.raw))
        } else {
            Cow::Borrowed(self.raw)
        }
    }

    /// The text that is meant; what is not UTF-8 is replaced, as Go does.
    pub fn text(self) -> Cow<'a, str> {
        match self.bytes() {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// Whether it means these bytes.
    pub fn is(self, bytes: &[u8]) -> bool {
        if self.is_escaped() {
            self.bytes() == bytes
        } else {
            self.raw == bytes
        }
    }

    /// Whether it holds an escape that Go's encoder never writes and that could hide plain letters from a
    /// search for them.
    pub fn is_foreign(self) -> bool {
        self.is_escaped()
            && memchr::memmem::find_iter(self.raw, b"\\u00").any(|at| {
                let plain = |code: &[u8]| match code {
                    // Go writes these three for the sake of HTML.
                    [b'2', b'6'] | [b'3', b'c' | b'C' | b'e' | b'E'] => false,
                    [first, _] => (b'2'..=b'7').contains(first),
                    _ => false,
                };
                self.raw.get(at + 4..at + 6).is_some_and(plain)
            })
    }
}

/// What a string means whose escapes were looked at already.
fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(at);
        bytes.extend_from_slice(plain);
        let (meant, length) = one_escape(escape);
        let mut room = [0; 4];
        bytes.extend_from_slice(meant.encode_utf8(&mut room).as_bytes());
        rest = escape.get(length..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest);
    bytes
}

/// The character that an escape means, and how long the escape is.
fn one_escape(escape: &[u8]) -> (char, usize) {
    match escape.get(1) {
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'n') => ('\n', 2),
        Some(b'r') => ('\r', 2),
        Some(b't') => ('\t', 2),
        Some(b'u') => {
            let high = unit(escape, 2);
            let low = match escape.get(6..8) {
                Some(b"\\u") if (0xd800..0xdc00).contains(&high) => unit(escape, 8),
                _ => 0,
            };
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                (char::from_u32(code).unwrap_or('\u{fffd}'), 12)
            } else {
                (char::from_u32(high).unwrap_or('\u{fffd}'), 6)
            }
        }
        Some(byte) => (char::from(*byte), 2),
        None => ('\u{fffd}', 1),
    }
}

/// The four hex digits from `at` on.
fn unit(escape: &[u8], at: usize) -> u32 {
    let digits = escape.get(at..at + 4).unwrap_or_default();
    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or(0);
    digits.iter().fold(0, |code, byte| code << 4 | digit(byte))
}
