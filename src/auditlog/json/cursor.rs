//! A cursor over one line, its objects and lists.

use super::damage::Damage;
use super::field::{Field, words};
use super::levels::MAX_DEPTH;
use super::scan::has_control;
use super::seen::Seen;

/// Where reading stands in a line.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    /// What was not passed yet.
    pub(super) rest: &'a [u8],
    /// The line may hold control characters, which no string may.
    pub(super) wary: bool,
    /// Objects and lists around it.
    pub(super) depth: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of a line.
    pub fn new(line: &'a [u8]) -> Cursor<'a> {
        Cursor::new_at(line, has_control(line))
    }

    /// At the start of a line of which it is known that it holds no control characters.
    pub fn without_control(line: &'a [u8]) -> Cursor<'a> {
        Cursor::new_at(line, false)
    }

    /// Where this is left, and may hold control characters or not.
    pub(super) fn new_at(rest: &'a [u8], wary: bool) -> Cursor<'a> {
        Cursor {
            rest,
            depth: 0,
            wary,
        }
    }

    /// The next byte that is no white space, which is not passed.
    #[inline]
    pub fn peek(&mut self) -> Result<u8, Damage> {
        loop {
            match self.rest {
                [b' ' | b'\t' | b'\r' | b'\n', behind @ ..] => self.rest = behind,
                [byte, ..] => return Ok(*byte),
                [] => return Err(Damage::Cut),
            }
        }
    }

    /// Passes the byte that was looked at.
    #[inline]
    pub(super) fn pass(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    /// Passes this byte, before which white space may stand.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Damage> {
        if self.peek()? != byte {
            return Err(Damage::NotJson);
        }
        self.pass();
        Ok(())
    }

    /// Passes these bytes, when they stand here.
    #[inline]
    pub fn passes(&mut self, bytes: &[u8]) -> bool {
        match self.rest.strip_prefix(bytes) {
            Some(behind) => {
                self.rest = behind;
                true
            }
            None => false,
        }
    }

    /// Passes these bytes, of which there are always as many, when they stand here.
    #[inline(always)]
    pub fn passes_all<const N: usize>(&mut self, bytes: &[u8; N]) -> bool {
        match self.rest.split_first_chunk() {
            Some((first, behind)) if first == bytes => {
                self.rest = behind;
                true
            }
            _ => false,
        }
    }

    /// What was not passed yet.
    #[inline]
    pub fn ahead(&self) -> &'a [u8] {
        self.rest
    }

    /// Stands before these bytes, which are the end of what was ahead.
    #[inline]
    pub fn go_to(&mut self, behind: &'a [u8]) {
        self.rest = behind;
    }

    /// Whether the line may hold control characters, of which strings are searched.
    #[inline]
    pub fn is_wary(&self) -> bool {
        self.wary
    }

    /// What was passed since the cursor stood there.
    #[inline]
    pub fn since(&self, start: &'a [u8]) -> &'a [u8] {
        let length = start.len().saturating_sub(self.rest.len());
        start.get(..length).unwrap_or_default()
    }

    /// Fails when anything but white space is left.
    pub fn end(mut self) -> Result<(), Damage> {
        match self.peek() {
            Err(_) => Ok(()),
            Ok(_) => Err(Damage::NotJson),
        }
    }

    /// Calls back for each of the fields that an object has, with the field's number; the callback passes
    /// the value. Other values are passed over. What stands in the order of the fields is found fast.
    #[inline]
    pub fn object(
        &mut self,
        fields: &[Field],
        each: impl FnMut(&mut Self, usize) -> Result<(), Damage>,
    ) -> Result<(), Damage> {
        self.expect(b'{')?;
        self.down()?;
        if self.peek()? == b'}' {
            self.up();
            return Ok(());
        }
        self.object_rest(fields, 0, each)
    }

    /// The rest of an object, of which a value was just passed; a key is found fast from this field on.
    pub fn object_behind_value(
        &mut self,
        fields: &[Field],
        expected: usize,
        each: impl FnMut(&mut Self, usize) -> Result<(), Damage>,
    ) -> Result<(), Damage> {
        if self.behind_value(b'}')? {
            return Ok(());
        }
        self.object_rest(fields, expected, each)
    }

    /// Passes what follows a value: a comma, or the end of the object or list, which it tells.
    #[inline]
    fn behind_value(&mut self, end: u8) -> Result<bool, Damage> {
        match self.peek()? {
            b',' => {
                self.pass();
                Ok(false)
            }
            byte if byte == end => {
                self.up();
                Ok(true)
            }
            _ => Err(Damage::NotJson),
        }
    }

    /// The rest of an object, from a key on.
    #[inline]
    fn object_rest(
        &mut self,
        fields: &[Field],
        mut expected: usize,
        mut each: impl FnMut(&mut Self, usize) -> Result<(), Damage>,
    ) -> Result<(), Damage> {
        loop {
            let rest = self.rest;
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
                    let length = fields.get(expected - 1).map_or(0, |field| field.key.len());
                    self.rest = rest.get(length..).unwrap_or_default();
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
            if self.behind_value(b'}')? {
                return Ok(());
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
            if self.behind_value(b']')? {
                return Ok(());
            }
        }
    }

    /// An object or a list has begun.
    #[inline]
    pub(in crate::auditlog) fn down(&mut self) -> Result<(), Damage> {
        if self.depth >= MAX_DEPTH {
            return Err(Damage::Deep);
        }
        self.depth += 1;
        Ok(())
    }

    /// Passes the end of an object or a list.
    #[inline]
    fn up(&mut self) {
        self.pass();
        self.depth -= 1;
    }

    /// A value that often is the same as before: bytes that were read already need not be read again, since
    /// a text, an object or a list ends where it says, whatever stands behind.
    #[inline]
    pub fn again<T: Copy>(
        &mut self,
        seen: &mut Seen<'a, T>,
        read: impl FnOnce(&mut Self) -> Result<T, Damage>,
    ) -> Result<T, Damage> {
        if let Some((behind, value)) = seen.find(self.rest) {
            self.rest = behind;
            return Ok(value);
        }
        let first = self.peek()?;
        let start = self.rest;
        let value = read(self)?;
        if !self.wary && matches!(first, b'"' | b'{' | b'[') {
            seen.keep(self.since(start), value);
        }
        Ok(value)
    }

    /// The next bytes, when there are so many.
    #[inline]
    pub fn next<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.rest.first_chunk()
    }

    /// Passes so many bytes.
    #[inline]
    pub fn pass_so_many<const N: usize>(&mut self) {
        self.rest = self.rest.get(N..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auditlog::event::Event;

    #[test]
    fn levels_count_from_the_line_on() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let begun = |field: &str| {
            let begun = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a","stage":"ResponseComplete","requestURI":"/","verb":"get","user":{},"sourceIPs":[],"userAgent":"x","#;
            format!("{begun}{field}")
        };
        for (before, behind, around) in [
            ("", "", 0),
            (r#"{"stage":"Panic","x":"#, "}", 1),
            (r#"{"stage":"Panic","verb":"#, "}", 1),
            (r#"{"stage":"Panic","user":{"extra":"#, "}}", 2),
            (r#"{"stage":"Panic","user":{"x":"#, "}}", 2),
            // Where the API server writes them.
            (&begun(r#""requestObject":"#), "}", 1),
            (&begun(r#""responseObject":"#), "}", 1),
            (&begun(r#""annotations":"#), "}", 1),
            (&begun(r#""other":"#), "}", 1),
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
