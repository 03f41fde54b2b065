//! Strings as they stand in a line.

use super::cursor::Cursor;
use super::damage::Damage;
use super::scan::{has_control, plain_length};
use super::text::Text;

impl<'a> Cursor<'a> {
    /// A string.
    #[inline]
    pub fn string(&mut self) -> Result<Text<'a>, Damage> {
        self.expect(b'"')?;
        self.string_rest()
    }

    /// A string whose first quote was passed.
    #[inline]
    pub fn string_rest(&mut self) -> Result<Text<'a>, Damage> {
        let start = self.rest;
        let (raw, behind) = start
            .split_at_checked(plain_length(start))
            .unwrap_or_default();
        if let [b'"', behind @ ..] = behind {
            self.rest = behind;
            return self.text(raw, raw.len());
        }
        self.rest = behind;
        self.escaped_rest(start)
    }

    /// Passes a string whose first quote was passed.
    #[inline(always)]
    pub(super) fn skip_string(&mut self) -> Result<(), Damage> {
        let start = self.rest;
        let behind = start.get(plain_length(start)..).unwrap_or_default();
        match behind {
            _ if self.wary => self.string_rest().map(drop),
            [b'"', behind @ ..] => {
                self.rest = behind;
                Ok(())
            }
            _ => {
                self.rest = behind;
                self.escaped_end()?;
                self.pass();
                Ok(())
            }
        }
    }

    /// A string that begins at `start`, in which an escape stands here, or which has no end.
    fn escaped_rest(&mut self, start: &'a [u8]) -> Result<Text<'a>, Damage> {
        match self.escaped_end() {
            Ok(()) => {
                let raw = self.since(start);
                self.pass();
                self.text(raw, 0)
            }
            // What is wrong before the end counts.
            Err(Damage::Cut) if self.wary && has_control(start) => Err(Damage::NotJson),
            Err(damage) => Err(damage),
        }
    }

    /// Passes the rest of a string, up to the quote.
    fn escaped_end(&mut self) -> Result<(), Damage> {
        let rest = self.rest;
        let mut at = 0;
        loop {
            let behind = rest.get(at..).unwrap_or_default();
            at += plain_length(behind);
            match rest.get(at..).unwrap_or_default() {
                [] => {
                    self.rest = &[];
                    return Err(Damage::Cut);
                }
                behind @ [b'"', ..] => {
                    self.rest = behind;
                    return Ok(());
                }
                // Go writes it most often, for `&`.
                [b'\\', b'u', b'0', b'0', b'2', b'6', ..] => at += 6,
                behind => {
                    self.rest = behind;
                    self.escape()?;
                    at = rest.len() - self.rest.len();
                }
            }
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
