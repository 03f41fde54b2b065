//! A cursor over one line of JSON: strings as they stand, and a way past what nobody asks for.
//!
//! It takes what Go's encoding/json takes, but that it does not look at whether text is UTF-8: Go
//! replaces what is not, and so does what shows it.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr2;

/// Deepest nesting, in levels. Go's limit is 10,000; what the API server logs stays far below this one.
const MAX_DEPTH: usize = 1024;

/// Why a line is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Damage {
    /// It is no JSON.
    NotJson,
    /// It ends in the middle, as after a crash or on a full disk.
    Cut,
    /// More levels than are followed.
    Deep,
    /// JSON, but no audit event.
    NotEvent,
    /// A field has another type than the API server writes.
    Misfit,
    /// A field that is needed is larger than is held.
    Large,
}

impl Damage {
    /// All.
    pub const ALL: [Damage; 6] = [
        Damage::NotJson,
        Damage::Cut,
        Damage::Deep,
        Damage::NotEvent,
        Damage::Misfit,
        Damage::Large,
    ];
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Damage::NotJson => "not JSON",
            Damage::Cut => "cut off in the middle",
            Damage::Deep => "nested more than 1,024 levels deep",
            Damage::NotEvent => "JSON, but no audit event",
            Damage::Misfit => "a field of another type than the API server writes",
            Damage::Large => "a field that is too large to be held",
        })
    }
}

/// What stands between the quotes of a string, escapes and all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Text<'a> {
    raw: &'a [u8],
    escaped: bool,
}

impl<'a> Text<'a> {
    /// Bytes of which nothing is known.
    pub fn raw(raw: &'a [u8]) -> Text<'a> {
        Text { raw, escaped: true }
    }

    /// Nothing is there, or nothing is in it.
    pub fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// The bytes that are meant, where they stand as such.
    pub fn plain(self) -> Option<&'a [u8]> {
        (!self.escaped).then_some(self.raw)
    }

    /// The bytes that are meant.
    pub fn bytes(self) -> Cow<'a, [u8]> {
        if self.escaped {
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
        if self.escaped {
            self.bytes() == bytes
        } else {
            self.raw == bytes
        }
    }

    /// Whether it holds an escape that Go's encoder never writes and that could hide plain letters from a
    /// search for them.
    pub fn is_foreign(self) -> bool {
        self.escaped
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

/// Where reading stands in a line.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    line: &'a [u8],
    at: usize,
    /// The line may hold control characters, which no string may.
    wary: bool,
    /// Objects and lists around it.
    depth: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of a line.
    pub fn new(line: &'a [u8]) -> Cursor<'a> {
        Cursor {
            line,
            at: 0,
            depth: 0,
            wary: has_control(line),
        }
    }

    /// At the start of a line of which it is known that it holds no control characters.
    pub fn without_control(line: &'a [u8]) -> Cursor<'a> {
        Cursor {
            line,
            at: 0,
            depth: 0,
            wary: false,
        }
    }

    /// The next byte that is no white space, which is not passed.
    #[inline]
    pub fn peek(&mut self) -> Result<u8, Damage> {
        loop {
            match self.line.get(self.at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(byte) => return Ok(*byte),
                None => return Err(Damage::Cut),
            }
        }
    }

    /// Passes this byte, before which white space may stand.
    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), Damage> {
        if self.peek()? != byte {
            return Err(Damage::NotJson);
        }
        self.at += 1;
        Ok(())
    }

    /// Fails when anything but white space is left.
    pub fn end(mut self) -> Result<(), Damage> {
        match self.peek() {
            Err(_) => Ok(()),
            Ok(_) => Err(Damage::NotJson),
        }
    }

    /// A string.
    #[inline]
    pub fn string(&mut self) -> Result<Text<'a>, Damage> {
        self.expect(b'"')?;
        self.string_rest()
    }

    /// A string whose first quote was passed.
    #[inline]
    fn string_rest(&mut self) -> Result<Text<'a>, Damage> {
        let start = self.at;
        let rest = self.line.get(start..).unwrap_or_default();
        let length = plain_length(rest);
        if rest.get(length) == Some(&b'"') {
            self.at = start + length + 1;
            return self.text(start, false);
        }
        self.escaped_rest(start)
    }

    /// A string in which an escape stands, or which has no end.
    fn escaped_rest(&mut self, start: usize) -> Result<Text<'a>, Damage> {
        match self.escaped_end() {
            Ok(()) => self.text(start, true),
            // What is wrong before the end counts.
            Err(Damage::Cut) if self.wary && self.line.get(start..).is_some_and(has_control) => {
                Err(Damage::NotJson)
            }
            Err(damage) => Err(damage),
        }
    }

    /// Passes the rest of a string.
    fn escaped_end(&mut self) -> Result<(), Damage> {
        loop {
            let rest = self.line.get(self.at..).unwrap_or_default();
            self.at += memchr2(b'"', b'\\', rest).ok_or(Damage::Cut)?;
            if self.line.get(self.at) == Some(&b'"') {
                self.at += 1;
                return Ok(());
            }
            self.escape()?;
        }
    }

    /// The string from `start` to before the quote that was passed.
    #[inline]
    fn text(&self, start: usize, escaped: bool) -> Result<Text<'a>, Damage> {
        let raw = self.line.get(start..self.at - 1).unwrap_or_default();
        if self.wary && has_control(raw) {
            return Err(Damage::NotJson);
        }
        Ok(Text { raw, escaped })
    }

    /// Passes an escape.
    fn escape(&mut self) -> Result<(), Damage> {
        match self.line.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                for at in self.at + 2..self.at + 6 {
                    match self.line.get(at) {
                        Some(byte) if byte.is_ascii_hexdigit() => {}
                        Some(_) => return Err(Damage::NotJson),
                        None => return Err(Damage::Cut),
                    }
                }
                self.at += 6;
            }
            Some(_) => return Err(Damage::NotJson),
            None => return Err(Damage::Cut),
        }
        Ok(())
    }

    /// Calls back for each of the fields that an object has, with the field's number; the callback passes
    /// the value. Other values are passed over. What stands in the order of the fields is found fast.
    #[inline]
    pub fn object(
        &mut self,
        fields: &[Field],
        mut each: impl FnMut(&mut Self, usize) -> Result<(), Damage>,
    ) -> Result<(), Damage> {
        self.expect(b'{')?;
        self.down()?;
        if self.peek()? == b'}' {
            self.up();
            return Ok(());
        }
        let mut expected = 0;
        loop {
            let rest = self.line.get(self.at..).unwrap_or_default();
            let behind = fields.get(expected..).unwrap_or_default();
            let found = match rest.first_chunk() {
                Some(start) => {
                    let start = words(start);
                    behind.iter().position(|field| field.begins(&start, rest))
                }
                None => behind.iter().position(|field| rest.starts_with(field.key)),
            };
            let number = match found {
                Some(found) => {
                    expected += found + 1;
                    // What was found at `expected + found` is a field.
                    self.at += fields.get(expected - 1).map_or(0, |field| field.key.len());
                    Some(expected - 1)
                }
                None => {
                    let key = self.string()?;
                    self.expect(b':')?;
                    fields.iter().position(|field| key.is(field.name()))
                }
            };
            match number {
                Some(number) => each(self, number)?,
                None => self.skip()?,
            }
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.up();
                    return Ok(());
                }
                _ => return Err(Damage::NotJson),
            }
        }
    }

    /// Calls back for each item of a list; the callback passes it.
    #[inline]
    pub fn list(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), Damage>,
    ) -> Result<(), Damage> {
        self.expect(b'[')?;
        self.down()?;
        if self.peek()? == b']' {
            self.up();
            return Ok(());
        }
        loop {
            each(self)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.up();
                    return Ok(());
                }
                _ => return Err(Damage::NotJson),
            }
        }
    }

    /// An object or a list has begun.
    #[inline]
    fn down(&mut self) -> Result<(), Damage> {
        if self.depth >= MAX_DEPTH {
            return Err(Damage::Deep);
        }
        self.depth += 1;
        Ok(())
    }

    /// Passes the end of an object or a list.
    #[inline]
    fn up(&mut self) {
        self.at += 1;
        self.depth -= 1;
    }

    /// The bytes of the next value, which is passed.
    pub fn value(&mut self) -> Result<&'a [u8], Damage> {
        self.peek()?;
        let start = self.at;
        self.skip()?;
        Ok(self.line.get(start..self.at).unwrap_or_default())
    }

    /// A number, `true`, `false` or `null`, which is passed.
    pub fn word(&mut self) -> Result<&'a [u8], Damage> {
        self.peek()?;
        let start = self.at;
        let rest = self.line.get(start..).unwrap_or_default();
        let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        let length = rest.iter().take_while(|byte| inside(byte)).count();
        let word = rest.get(..length).unwrap_or_default();
        self.at += length;
        if matches!(word, b"true" | b"false" | b"null") || is_number(word) {
            return Ok(word);
        }
        let begun = |whole: &[u8]| whole.starts_with(word);
        let cut = self.at == self.line.len()
            && (begun(b"true") || begun(b"false") || begun(b"null") || is_number_begun(word));
        Err(if cut { Damage::Cut } else { Damage::NotJson })
    }

    /// Fails unless the line is one number, `true`, `false` or `null`, and nothing else.
    pub fn whole_word(mut self) -> Result<(), Damage> {
        self.word()?;
        self.end()
    }

    /// Passes a value, whatever it is.
    pub fn skip(&mut self) -> Result<(), Damage> {
        match self.peek()? {
            b'"' => {
                self.at += 1;
                self.string_rest().map(drop)
            }
            b'{' | b'[' => self.skip_nested(),
            _ => self.word().map(drop),
        }
    }

    /// Passes an object or a list without recursion, so that depth costs a bit and no stack.
    fn skip_nested(&mut self) -> Result<(), Damage> {
        let mut open = Levels {
            most: MAX_DEPTH.saturating_sub(self.depth),
            ..Levels::default()
        };
        loop {
            // A value stands here.
            match self.peek()? {
                b'{' => {
                    self.at += 1;
                    open.push(true)?;
                    if self.peek()? != b'}' {
                        self.key()?;
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    open.push(false)?;
                    if self.peek()? != b']' {
                        continue;
                    }
                }
                _ => self.skip_scalar()?,
            }
            // A value has ended, or an empty object or list is about to.
            loop {
                let Some(object) = open.last() else {
                    return Ok(());
                };
                match (self.peek()?, object) {
                    (b'}', true) | (b']', false) => {
                        self.at += 1;
                        open.pop();
                        if open.last().is_none() {
                            return Ok(());
                        }
                    }
                    (b',', _) => {
                        self.at += 1;
                        if object {
                            self.key()?;
                        }
                        break;
                    }
                    _ => return Err(Damage::NotJson),
                }
            }
        }
    }

    fn key(&mut self) -> Result<(), Damage> {
        self.string()?;
        self.expect(b':')
    }

    fn skip_scalar(&mut self) -> Result<(), Damage> {
        if self.peek()? == b'"' {
            self.string().map(drop)
        } else {
            self.word().map(drop)
        }
    }
}

/// Which of the open levels are objects: a bit each.
#[derive(Default)]
struct Levels {
    objects: [u64; MAX_DEPTH / 64],
    depth: usize,
    /// As many as there may be inside of what is around.
    most: usize,
}

impl Levels {
    fn push(&mut self, object: bool) -> Result<(), Damage> {
        if self.depth >= self.most {
            return Err(Damage::Deep);
        }
        let word = self.objects.get_mut(self.depth / 64).ok_or(Damage::Deep)?;
        let bit = 1 << (self.depth % 64);
        *word = if object { *word | bit } else { *word & !bit };
        self.depth += 1;
        Ok(())
    }

    fn pop(&mut self) {
        self.depth -= 1;
    }

    fn last(&self) -> Option<bool> {
        let depth = self.depth.checked_sub(1)?;
        let word = self.objects.get(depth / 64)?;
        Some(word & (1 << (depth % 64)) != 0)
    }
}

/// A key that an object may have, as it stands there: `"key":`.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    key: &'static [u8],
    /// The beginning of the key as numbers, and which of their bits count: comparing them is faster than
    /// comparing texts whose length is not known.
    start: [u64; WORDS],
    counts: [u64; WORDS],
}

/// So many numbers of eight bytes a key is compared by.
const WORDS: usize = 4;

impl Field {
    /// Of `"key":`.
    pub const fn new(key: &'static [u8]) -> Field {
        let mut bytes = [0; WORDS * 8];
        let mut counts = [0; WORDS * 8];
        let mut rest = key;
        let (mut to, mut counted): (&mut [u8], &mut [u8]) = (&mut bytes, &mut counts);
        while let ([byte, others @ ..], [first, behind @ ..], [count, uncounted @ ..]) =
            (rest, to, counted)
        {
            (*first, *count) = (*byte, u8::MAX);
            (rest, to, counted) = (others, behind, uncounted);
        }
        Field {
            key,
            start: words(&bytes),
            counts: words(&counts),
        }
    }

    /// The key without quotes and colon.
    pub fn name(&self) -> &'static [u8] {
        let end = self.key.len().saturating_sub(2);
        self.key.get(1..end).unwrap_or_default()
    }

    /// Whether what begins with these numbers begins with the key.
    #[inline]
    fn begins(&self, start: &[u64; WORDS], rest: &[u8]) -> bool {
        let [a, b, c, d] = start;
        let [first, second, third, fourth] = self.start;
        let [of_first, of_second, of_third, of_fourth] = self.counts;
        a & of_first == first
            && b & of_second == second
            && c & of_third == third
            && d & of_fourth == fourth
            && (self.key.len() <= WORDS * 8 || rest.starts_with(self.key))
    }
}

/// Bytes as numbers.
#[inline]
const fn words(bytes: &[u8; WORDS * 8]) -> [u64; WORDS] {
    let (chunks, _) = bytes.as_chunks::<8>();
    let [a, b, c, d] = chunks else {
        return [0; WORDS];
    };
    [
        u64::from_le_bytes(*a),
        u64::from_le_bytes(*b),
        u64::from_le_bytes(*c),
        u64::from_le_bytes(*d),
    ]
}

/// How many bytes stand before the first quote or backslash; all, where there is none. Most strings are
/// short, for which a call of a search costs more than it finds.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    let (chunks, _) = bytes.as_chunks::<8>();
    let mut at = 0;
    for chunk in chunks.iter().take(5) {
        let word = u64::from_le_bytes(*chunk);
        let quotes = word ^ QUOTES;
        let backslashes = word ^ BACKSLASHES;
        // The borrow of a subtraction can only mark bytes behind the first that is meant.
        let found = (quotes.wrapping_sub(ONES) & !quotes
            | backslashes.wrapping_sub(ONES) & !backslashes)
            & HIGHS;
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

/// `-?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?`
fn is_number(word: &[u8]) -> bool {
    number_ends(word) == Some(true)
}

fn is_number_begun(word: &[u8]) -> bool {
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

#[cfg(test)]
mod tests {
    use super::super::event::Event;
    use super::*;

    #[test]
    fn levels_count_from_the_line_on() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for (before, behind, around) in [
            ("", "", 0),
            (r#"{"stage":"Panic","x":"#, "}", 1),
            (r#"{"stage":"Panic","verb":"#, "}", 1),
            (r#"{"stage":"Panic","user":{"extra":"#, "}}", 2),
            (r#"{"stage":"Panic","user":{"x":"#, "}}", 2),
        ] {
            let line = |levels: usize| format!("{before}{}{behind}", nested(levels - around));
            let deepest = line(MAX_DEPTH);
            let read = Event::read(deepest.as_bytes()).err();
            assert_ne!(read, Some(Damage::Deep), "{before}");
            let deeper = line(MAX_DEPTH + 1);
            let read = Event::read(deeper.as_bytes()).err();
            assert_eq!(read, Some(Damage::Deep), "{before}");
        }
    }
}
