//! A cursor over one line: strings as they stand, and a way past what nobody asks for.

use memchr::memchr2;

use super::damage::Damage;
use super::field::{Field, words};
use super::levels::{Levels, MAX_DEPTH};
use super::number::{is_number, is_number_begun};
use super::scan::{has_control, plain_length};
use super::text::Text;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auditlog::event::Event;

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
