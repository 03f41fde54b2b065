//! The way past values that nobody asks for.

use fearless_simd::{Simd, dispatch};

use super::cursor::Cursor;
use super::damage::Damage;
use super::levels::Levels;
use super::marks::Marks;
use super::number::{is_number, is_number_begun};
use super::scan::level;

impl<'a> Cursor<'a> {
    /// The bytes of the next value, which is passed.
    pub fn value(&mut self) -> Result<&'a [u8], Damage> {
        self.peek()?;
        let start = self.rest;
        self.skip()?;
        Ok(self.since(start))
    }

    /// A number, `true`, `false` or `null`, which is passed.
    pub fn word(&mut self) -> Result<&'a [u8], Damage> {
        self.peek()?;
        let rest = self.rest;
        let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        let length = rest.iter().take_while(|byte| inside(byte)).count();
        let (word, behind) = rest.split_at_checked(length).unwrap_or_default();
        self.rest = behind;
        if matches!(word, b"true" | b"false" | b"null") || is_number(word) {
            return Ok(word);
        }
        let begun = |whole: &[u8]| whole.starts_with(word);
        let cut = behind.is_empty()
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
                self.pass();
                self.string_rest().map(drop)
            }
            b'{' | b'[' => self.skip_nested(),
            _ => self.word().map(drop),
        }
    }

    /// Passes an object or a list.
    fn skip_nested(&mut self) -> Result<(), Damage> {
        dispatch!(level(), simd => self.skip_nested_with(simd))
    }

    /// Passes an object or a list without recursion, so that depth costs a bit and no stack.
    #[inline(always)]
    fn skip_nested_with<S: Simd>(&mut self, simd: S) -> Result<(), Damage> {
        let mut open = Levels::inside(self.depth);
        let mut inside = Inside {
            bytes: self.rest,
            at: 0,
            marks: Marks::of(simd, self.rest),
            wary: self.is_wary(),
        };
        'values: loop {
            match inside.peek()? {
                first @ (b'{' | b'[') => {
                    inside.at += 1;
                    let object = first == b'{';
                    open.push(object)?;
                    if inside.peek()? != if object { b'}' } else { b']' } {
                        if object {
                            inside.expect(b'"')?;
                            inside.pass_string()?;
                            inside.expect(b':')?;
                        }
                        continue 'values;
                    }
                }
                b'"' => {
                    inside.at += 1;
                    inside.pass_string()?;
                }
                _ => inside.pass(|cursor| cursor.word().map(drop))?,
            }
            // A value has ended, or an empty object or list is about to.
            loop {
                // What comes next most often: a text under another key.
                if open.is_object() && inside.passes(*b",\"") {
                    inside.pass_string()?;
                    if inside.passes(*b":\"") {
                        inside.pass_string()?;
                        continue;
                    }
                    inside.expect(b':')?;
                    continue 'values;
                }
                match (inside.peek()?, open.is_object()) {
                    (b',', object) => {
                        inside.at += 1;
                        if object {
                            inside.expect(b'"')?;
                            inside.pass_string()?;
                            inside.expect(b':')?;
                        }
                        continue 'values;
                    }
                    (b'}', true) | (b']', false) => {
                        inside.at += 1;
                        open.pop();
                        if open.is_empty() {
                            self.rest = inside.rest();
                            return Ok(());
                        }
                    }
                    _ => return Err(Damage::NotJson),
                }
            }
        }
    }
}

/// Where reading stands in an object or list that nobody asks for: a number, which costs less than a slice. Only
/// numbers are handed to what is seldom called, so that the others need not lie in memory.
struct Inside<'a, S: Simd> {
    bytes: &'a [u8],
    at: usize,
    marks: Marks<'a, S>,
    /// As that of the cursor.
    wary: bool,
}

impl<'a, S: Simd> Inside<'a, S> {
    #[inline(always)]
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next byte that is no white space, which is not passed.
    #[inline(always)]
    fn peek(&mut self) -> Result<u8, Damage> {
        match self.bytes.get(self.at) {
            Some(byte) if *byte > b' ' => Ok(*byte),
            _ => {
                self.pass(|cursor| cursor.peek().map(drop))?;
                self.bytes.get(self.at).copied().ok_or(Damage::Cut)
            }
        }
    }

    /// Passes this byte, before which white space may stand.
    #[inline(always)]
    fn expect(&mut self, byte: u8) -> Result<(), Damage> {
        if self.peek()? != byte {
            return Err(Damage::NotJson);
        }
        self.at += 1;
        Ok(())
    }

    /// Passes these bytes, when they stand here.
    #[inline(always)]
    fn passes(&mut self, pair: [u8; 2]) -> bool {
        let next = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk);
        let same = next == Some(&pair);
        self.at += if same { 2 } else { 0 };
        same
    }

    /// Passes a string whose first quote was passed.
    #[inline(always)]
    fn pass_string(&mut self) -> Result<(), Damage> {
        if self.wary {
            return self.pass(|cursor| cursor.string_rest().map(drop));
        }
        loop {
            self.at = self.marks.next(self.at);
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) => match self.bytes.get(self.at + 1) {
                    Some(b'"' | b'\\' | b'n') => self.at += 2,
                    _ => self.pass(Cursor::escape)?,
                },
                None => return Err(Damage::Cut),
            }
        }
    }

    /// Passes what is seldom.
    #[inline(always)]
    fn pass(
        &mut self,
        pass: impl FnOnce(&mut Cursor<'a>) -> Result<(), Damage>,
    ) -> Result<(), Damage> {
        self.at = passed(self.bytes, self.at, self.wary, pass)?;
        Ok(())
    }
}

/// Where reading stands behind what a cursor passes.
#[inline(never)]
fn passed<'a>(
    bytes: &'a [u8],
    at: usize,
    wary: bool,
    pass: impl FnOnce(&mut Cursor<'a>) -> Result<(), Damage>,
) -> Result<usize, Damage> {
    let mut cursor = Cursor::new_at(bytes.get(at..).unwrap_or_default(), wary);
    pass(&mut cursor)?;
    Ok(bytes.len() - cursor.rest.len())
}
