//! The way past values that nobody asks for.

use fearless_simd::dispatch;

use super::cursor::Cursor;
use super::damage::Damage;
use super::levels::{Levels, MAX_DEPTH};
use super::number::{is_number_begun, is_word, split_word};
use super::scan::level;
use super::structure;

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
        let (word, behind) = split_word(self.rest);
        self.rest = behind;
        if is_word(word) {
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
        if !self.wary && self.depth + structure::DEEPEST as usize <= MAX_DEPTH {
            let length = dispatch!(level(), simd => structure::length(simd, self.rest));
            if let Some(behind) = length.and_then(|length| self.rest.get(length..)) {
                self.rest = behind;
                return Ok(());
            }
        }
        self.skip_part_by_part()
    }

    /// Passes an object or a list without recursion, so that depth costs a bit and no stack.
    pub(super) fn skip_part_by_part(&mut self) -> Result<(), Damage> {
        let mut open = Levels::inside(self.depth);
        'values: loop {
            match self.peek()? {
                first @ (b'{' | b'[') => {
                    self.pass();
                    let object = first == b'{';
                    open.push(object)?;
                    if self.peek()? != if object { b'}' } else { b']' } {
                        if object {
                            self.pass_key()?;
                        }
                        continue 'values;
                    }
                }
                b'"' => {
                    self.pass();
                    self.string_rest()?;
                }
                _ => {
                    self.word()?;
                }
            }
            // A value has ended, or an empty object or list is about to.
            loop {
                match (self.peek()?, open.is_object()) {
                    (b',', object) => {
                        self.pass();
                        if object {
                            self.pass_key()?;
                        }
                        continue 'values;
                    }
                    (b'}', true) | (b']', false) => {
                        self.pass();
                        open.pop();
                        if open.is_empty() {
                            return Ok(());
                        }
                    }
                    _ => return Err(Damage::NotJson),
                }
            }
        }
    }

    fn pass_key(&mut self) -> Result<(), Damage> {
        self.string()?;
        self.expect(b':')
    }
}
