//! Strings as they stand in a line.

use fearless_simd::{Simd, dispatch};

use super::cursor::Cursor;
use super::damage::Damage;
use super::marks::Marks;
use super::scan::{has_control, level, short_length};
use super::text::Text;

impl<'a> Cursor<'a> {
    /// A string.
    #[inline]
    pub fn string(&mut self) -> Result<Text<'a>, Damage> {
        self.expect(b'"')?;
        self.string_rest()
    }

    /// A string whose first quote was passed. Most are short.
    #[inline]
    pub fn string_rest(&mut self) -> Result<Text<'a>, Damage> {
        let start = self.rest;
        match start.split_at_checked(short_length(start)) {
            Some((raw, [b'"', behind @ ..])) => {
                self.rest = behind;
                self.text(raw, raw.len())
            }
            _ => self.long_string_rest(),
        }
    }

    /// As [`Cursor::string_rest`], of one that most likely is long or holds escapes.
    pub fn long_string_rest(&mut self) -> Result<Text<'a>, Damage> {
        let start = self.rest;
        match dispatch!(level(), simd => self.pass_string_with(simd)) {
            Ok(plain) => {
                let raw = self.since(start);
                self.pass();
                self.text(raw, if plain { raw.len() } else { 0 })
            }
            // What is wrong before the end counts.
            Err(Damage::Cut) if self.wary && has_control(start) => Err(Damage::NotJson),
            Err(damage) => Err(damage),
        }
    }

    /// Passes a string up to its last quote, and tells whether it holds no escape.
    #[inline(always)]
    fn pass_string_with<S: Simd>(&mut self, simd: S) -> Result<bool, Damage> {
        let start = self.rest;
        let mut marks = Marks::of(simd, start);
        let (mut at, mut plain) = (0, true);
        loop {
            at = marks.next(at);
            match start.get(at..) {
                Some(behind @ [b'"', ..]) => {
                    self.rest = behind;
                    return Ok(plain);
                }
                // Go writes it most often, for `&`.
                Some([b'\\', b'u', b'0', b'0', b'2', b'6', ..]) => at += 6,
                Some(behind) => {
                    self.rest = behind;
                    self.escape()?;
                    at = start.len() - self.rest.len();
                }
                None => return Err(Damage::Cut),
            }
            plain = false;
        }
    }

    /// A string of these bytes, so many of which hold no escape.
    #[inline]
    fn text(&self, raw: &'a [u8], plain: usize) -> Result<Text<'a>, Damage> {
        if self.wary && has_control(raw) {
            return Err(Damage::NotJson);
        }
        Ok(Text { raw, plain })
    }

    /// Passes an escape.
    #[inline(never)]
    pub(super) fn escape(&mut self) -> Result<(), Damage> {
        match self.rest {
            [
                _,
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                behind @ ..,
            ] => {
                self.rest = behind;
                Ok(())
            }
            [_, b'u', code @ ..] => {
                let digits = code.iter().take(4);
                if !digits.clone().all(u8::is_ascii_hexdigit) {
                    return Err(Damage::NotJson);
                }
                if digits.len() < 4 {
                    return Err(Damage::Cut);
                }
                self.rest = code.get(4..).unwrap_or_default();
                Ok(())
            }
            [_, _, ..] => Err(Damage::NotJson),
            _ => Err(Damage::Cut),
        }
    }
}
