//! Lines that are too long to be held, such as one with a body of 10 MB: of them only what is asked for is
//! kept, piece by piece, and that is then read like any line.

use super::fields::is_asked_for;
use super::json::{Damage, is_of_word};

/// Longest line that is held as it stands, in bytes.
pub const LONG: usize = 512 << 10;

/// Largest sum of the fields that are kept of a longer line, in bytes.
const KEPT: usize = 256 << 10;
/// Longest number that is read, in bytes; Go writes some twenty digits at most.
const LONGEST_WORD: usize = 4096;
/// Longest key that may be one of the fields, quotes and escapes and all, in bytes.
const LONGEST_KEY: usize = 256;
/// Deepest nesting, as [`super::json`] has it, in levels.
const MAX_DEPTH: usize = 1024;

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// A value.
    Value,
    /// A value, or the end of a list that has none yet.
    FirstItem,
    /// A key.
    Key,
    /// A key, or the end of an object that has none yet.
    FirstKey,
    /// A colon.
    Colon,
    /// A comma or the end of what is open.
    Comma,
    /// Nothing but white space.
    Nothing,
}

/// In which word reading stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Nothing,
    /// A string; of a key or not.
    Text,
    /// Behind a backslash in a string.
    Escape,
    /// So many hex digits of an escape are missing.
    Hex(u8),
    /// A number, `true`, `false` or `null`.
    Word,
}

/// Reads a long line byte by byte and keeps the fields of its object that are asked for.
#[derive(Debug)]
pub struct Long {
    kept: Vec<u8>,
    /// The value at hand is kept.
    field: bool,
    key: Vec<u8>,
    word: Vec<u8>,
    next: Next,
    inside: Inside,
    open: Vec<bool>,
    object: bool,
    damage: Option<Damage>,
}

impl Default for Long {
    /// A line of which nothing was read.
    fn default() -> Long {
        Long::new()
    }
}

impl Long {
    fn new() -> Long {
        Long {
            kept: b"{".to_vec(),
            field: false,
            key: Vec::new(),
            word: Vec::new(),
            next: Next::Value,
            inside: Inside::Nothing,
            open: Vec::new(),
            object: false,
            damage: None,
        }
    }

    /// Reads on.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let (Some((byte, behind)), None) = (rest.split_first(), self.damage) {
            // Most of a long line is text that nobody asks for.
            if self.inside == Inside::Text && self.passes() {
                let plain = super::json::plain_run(rest);
                if plain > 0 {
                    rest = rest.get(plain..).unwrap_or_default();
                    continue;
                }
            }
            if let Err(damage) = self.byte(*byte) {
                self.damage = Some(damage);
            }
            rest = behind;
        }
    }

    /// The line with nothing but what is asked for.
    ///
    /// # Errors
    /// Why it is no event.
    pub fn end(mut self) -> Result<Vec<u8>, Damage> {
        if self.inside == Inside::Word && self.damage.is_none() {
            self.end_word()?;
        }
        match (self.damage, self.next, self.inside) {
            (Some(damage), ..) => Err(damage),
            (None, Next::Nothing, Inside::Nothing) if !self.object => Err(Damage::NotEvent),
            (None, Next::Nothing, Inside::Nothing) => {
                if self.kept.last() == Some(&b',') {
                    self.kept.pop();
                }
                self.kept.push(b'}');
                Ok(self.kept)
            }
            _ => Err(Damage::Cut),
        }
    }

    /// Whether the text at hand is kept nowhere.
    fn passes(&self) -> bool {
        let key = matches!(self.next, Next::Key | Next::FirstKey);
        !(self.field || key && self.open.len() == 1)
    }

    fn byte(&mut self, byte: u8) -> Result<(), Damage> {
        let key = matches!(self.next, Next::Key | Next::FirstKey);
        match self.inside {
            Inside::Text => match byte {
                b'"' => {
                    self.inside = Inside::Nothing;
                    self.keep(byte)?;
                    if key {
                        self.next = Next::Colon;
                    } else {
                        self.end_value()?;
                    }
                    return Ok(());
                }
                b'\\' => self.inside = Inside::Escape,
                0..b' ' => return Err(Damage::NotJson),
                _ => {}
            },
            Inside::Escape => match byte {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {
                    self.inside = Inside::Text
                }
                b'u' => self.inside = Inside::Hex(4),
                _ => return Err(Damage::NotJson),
            },
            Inside::Hex(left) if byte.is_ascii_hexdigit() => {
                self.inside = if left > 1 {
                    Inside::Hex(left - 1)
                } else {
                    Inside::Text
                };
            }
            Inside::Hex(_) => return Err(Damage::NotJson),
            Inside::Word => {
                if is_of_word(byte) {
                    return self.word(byte);
                }
                // Only a word at the very end of the line may be cut.
                self.end_word().map_err(|damage| match damage {
                    Damage::Cut => Damage::NotJson,
                    other => other,
                })?;
                return self.between(byte);
            }
            Inside::Nothing => return self.between(byte),
        }
        self.keep(byte)
    }

    /// A byte that stands between words.
    fn between(&mut self, byte: u8) -> Result<(), Damage> {
        match (byte, self.next) {
            (b' ' | b'\t' | b'\r' | b'\n', _) => Ok(()),
            (b'"', Next::Key | Next::FirstKey) => {
                if self.open.len() == 1 {
                    self.key.clear();
                }
                self.inside = Inside::Text;
                self.keep(byte)
            }
            (b'"', Next::Value | Next::FirstItem) => {
                self.next = Next::Value;
                self.inside = Inside::Text;
                self.keep(byte)
            }
            (b'{' | b'[', Next::Value | Next::FirstItem) => {
                // A line that is no object is no event, but its JSON is followed to its end.
                if self.open.len() >= MAX_DEPTH {
                    return Err(Damage::Deep);
                }
                let top = self.open.is_empty();
                self.object |= top && byte == b'{';
                self.open.push(byte == b'{');
                self.next = if byte == b'{' {
                    Next::FirstKey
                } else {
                    Next::FirstItem
                };
                if top { Ok(()) } else { self.keep(byte) }
            }
            (b'}', Next::FirstKey | Next::Comma) if self.open.last() == Some(&true) => {
                self.close(byte)
            }
            (b']', Next::FirstItem | Next::Comma) if self.open.last() == Some(&false) => {
                self.close(byte)
            }
            (b',', Next::Comma) => {
                self.next = if self.open.last() == Some(&true) {
                    Next::Key
                } else {
                    Next::Value
                };
                if self.open.len() > 1 {
                    self.keep(byte)
                } else {
                    Ok(())
                }
            }
            (b':', Next::Colon) => {
                self.next = Next::Value;
                if self.open.len() == 1 {
                    return self.begin_field();
                }
                self.keep(byte)
            }
            (_, Next::Value | Next::FirstItem) => {
                self.next = Next::Value;
                self.word.clear();
                self.inside = Inside::Word;
                self.word(byte)
            }
            _ => Err(Damage::NotJson),
        }
    }

    fn close(&mut self, byte: u8) -> Result<(), Damage> {
        if self.open.len() > 1 {
            self.keep(byte)?;
        }
        self.open.pop();
        self.end_value()
    }

    /// A value has ended.
    fn end_value(&mut self) -> Result<(), Damage> {
        match self.open.len() {
            0 => self.next = Next::Nothing,
            depth => {
                self.next = Next::Comma;
                if depth == 1 && std::mem::take(&mut self.field) {
                    self.kept.push(b',');
                }
            }
        }
        Ok(())
    }

    fn word(&mut self, byte: u8) -> Result<(), Damage> {
        if self.word.len() >= LONGEST_WORD {
            return Err(Damage::Large);
        }
        self.word.push(byte);
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), Damage> {
        self.inside = Inside::Nothing;
        let word = std::mem::take(&mut self.word);
        super::json::Cursor::new(&word).whole_word()?;
        for byte in &word {
            self.keep(*byte)?;
        }
        self.end_value()
    }

    /// A key of the line's own object was read, quotes and all.
    fn begin_field(&mut self) -> Result<(), Damage> {
        if self.key.len() >= LONGEST_KEY {
            return Ok(());
        }
        let name = super::json::Cursor::new(&self.key).string()?.bytes();
        if is_asked_for(&name) {
            self.field = true;
            self.kept.extend_from_slice(&self.key);
            self.kept.push(b':');
        }
        Ok(())
    }

    /// Keeps a byte of the field at hand, or of a key that decides about one.
    fn keep(&mut self, byte: u8) -> Result<(), Damage> {
        if self.open.len() == 1 && matches!(self.next, Next::Key | Next::FirstKey | Next::Colon) {
            if self.key.len() < LONGEST_KEY {
                self.key.push(byte);
            }
        } else if self.field {
            if self.kept.len() >= KEPT {
                return Err(Damage::Large);
            }
            self.kept.push(byte);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &[u8]) -> Result<Vec<u8>, Damage> {
        let mut long = Long::default();
        long.push(line);
        long.end()
    }

    #[test]
    fn a_word_is_cut_at_the_end_of_the_line_only() {
        assert_eq!(read(br#"{"a":tru"#), Err(Damage::Cut));
        assert_eq!(read(br#"{"a":tru }"#), Err(Damage::NotJson));
        assert_eq!(read(br#"{"a":1."#), Err(Damage::Cut));
        assert_eq!(read(br#"[1.,2]"#), Err(Damage::NotJson));
    }

    #[test]
    fn a_number_that_is_too_long_is_not_cut() {
        let number = format!(r#"{{"a":1.{}"#, "0".repeat(LONGEST_WORD));
        assert_eq!(read(number.as_bytes()), Err(Damage::Large));
        let number = format!(r#"{{"a":{}.5"#, "1".repeat(LONGEST_WORD - 1));
        assert_eq!(read(number.as_bytes()), Err(Damage::Large));
    }
}
