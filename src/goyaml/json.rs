//! Strict JSON, as Go's encoding/json takes it, with the place of every value.

use super::{Data, Entry, Item, Trouble};
use crate::yaml::{MAX_BYTES, MAX_DEPTH, MAX_NODES};

/// Reads a JSON text. Bytes that are no UTF-8 become U+FFFD inside strings, as in Go.
///
/// # Errors
/// When it is not JSON, with Go's words for it, or when it is more than the budget allows.
pub fn parse(bytes: &[u8]) -> Result<Item, Trouble> {
    if bytes.len() > MAX_BYTES {
        let limit = MAX_BYTES >> 20;
        return Err(Trouble::budget(format!("larger than {limit} MiB"), 1));
    }
    let mut reader = Reader {
        bytes,
        at: 0,
        line: 1,
        values: 0,
    };
    let item = reader.value(0)?;
    reader.space();
    match reader.peek() {
        None => Ok(item),
        Some(byte) => Err(reader.invalid(byte, "after top-level value")),
    }
}

struct Reader<'text> {
    bytes: &'text [u8],
    at: usize,
    line: usize,
    values: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek() {
            self.line += usize::from(byte == b'\n');
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Item, Trouble> {
        self.values += 1;
        if self.values > MAX_NODES || depth > MAX_DEPTH {
            let message = format!("more than {MAX_NODES} values or nested deeper than {MAX_DEPTH}");
            return Err(Trouble::budget(message, self.line));
        }
        self.space();
        let (start, line) = (self.at, self.line);
        let data = match self.peek() {
            None => return Err(self.ended()),
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Data::Text(self.string()?),
            Some(b't') => self.word("true", Data::Bool(true))?,
            Some(b'f') => self.word("false", Data::Bool(false))?,
            Some(b'n') => self.word("null", Data::Null)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(byte) => return Err(self.invalid(byte, "looking for beginning of value")),
        };
        Ok(Item {
            data,
            line,
            span: start..self.at,
        })
    }

    fn object(&mut self, depth: usize) -> Result<Data, Trouble> {
        self.at += 1;
        let mut entries = Vec::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Data::Map(entries));
        }
        loop {
            self.space();
            let line = self.line;
            let key = match self.peek() {
                None => return Err(self.ended()),
                Some(b'"') => self.string()?,
                Some(byte) => {
                    let place = "looking for beginning of object key string";
                    return Err(self.invalid(byte, place));
                }
            };
            self.space();
            match self.peek() {
                None => return Err(self.ended()),
                Some(b':') => self.at += 1,
                Some(byte) => return Err(self.invalid(byte, "after object key")),
            }
            let item = self.value(depth + 1)?;
            entries.push(Entry { key, line, item });
            self.space();
            match self.peek() {
                None => return Err(self.ended()),
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Data::Map(entries));
                }
                Some(byte) => return Err(self.invalid(byte, "after object key:value pair")),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Data, Trouble> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Data::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                None => return Err(self.ended()),
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Data::List(items));
                }
                Some(byte) => return Err(self.invalid(byte, "after array element")),
            }
        }
    }

    fn word(&mut self, word: &str, data: Data) -> Result<Data, Trouble> {
        for (index, expected) in word.bytes().enumerate() {
            match self.peek() {
                None => return Err(self.ended()),
                Some(byte) if byte == expected => self.at += 1,
                Some(byte) => {
                    let (letter, _) = (char::from(expected), index);
                    let place = format!("in literal {word} (expecting '{letter}')");
                    return Err(self.invalid(byte, &place));
                }
            }
        }
        Ok(data)
    }

    fn digits(&mut self, place: &str) -> Result<(), Trouble> {
        match self.peek() {
            None => return Err(self.ended()),
            Some(b'0'..=b'9') => {}
            Some(byte) => return Err(self.invalid(byte, place)),
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Data, Trouble> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        let text = self.bytes.get(start..self.at).unwrap_or_default();
        Ok(Data::Number(String::from_utf8_lossy(text).into_owned()))
    }

    fn string(&mut self) -> Result<String, Trouble> {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            let Some(byte) = self.peek() else {
                return Err(self.ended());
            };
            self.at += 1;
            match byte {
                b'"' => return Ok(String::from_utf8_lossy(&text).into_owned()),
                b'\\' => self.escape(&mut text)?,
                0..=0x1f => {
                    self.at -= 1;
                    return Err(self.invalid(byte, "in string literal"));
                }
                _ => text.push(byte),
            }
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), Trouble> {
        let Some(byte) = self.peek() else {
            return Err(self.ended());
        };
        self.at += 1;
        match byte {
            b'"' | b'\\' | b'/' => text.push(byte),
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'u' => {
                let mut letter = char::from_u32(self.hex()?);
                if let (None, Some([b'\\', b'u'])) = (letter, self.bytes.get(self.at..self.at + 2))
                {
                    // Half of a pair; with the wrong other half it is U+FFFD and the other is read anew.
                    let high = self.last_hex();
                    let back = self.at;
                    self.at += 2;
                    let low = self.hex()?;
                    let pair = char::decode_utf16([high, u16::try_from(low).unwrap_or_default()]);
                    letter = pair.into_iter().next().and_then(Result::ok);
                    if letter.is_none() {
                        self.at = back;
                    }
                }
                let letter = letter.unwrap_or(char::REPLACEMENT_CHARACTER);
                text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => {
                self.at -= 1;
                return Err(self.invalid(byte, "in string escape code"));
            }
        }
        Ok(())
    }

    fn hex(&mut self) -> Result<u32, Trouble> {
        let mut number = 0;
        for _ in 0..4 {
            let Some(byte) = self.peek() else {
                return Err(self.ended());
            };
            let Some(digit) = char::from(byte).to_digit(16) else {
                return Err(self.invalid(byte, "in \\u hexadecimal character escape"));
            };
            number = number * 16 + digit;
            self.at += 1;
        }
        Ok(number)
    }

    /// The four hexadecimal digits just read.
    fn last_hex(&self) -> u16 {
        let digits = self.bytes.get(self.at.saturating_sub(4)..self.at);
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        digits
            .and_then(|digits| u16::from_str_radix(digits, 16).ok())
            .unwrap_or_default()
    }

    fn ended(&self) -> Trouble {
        Trouble::refused("unexpected end of JSON input", self.line)
    }

    fn invalid(&self, byte: u8, place: &str) -> Trouble {
        let shown = match byte {
            b'\'' => r"'\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            b' '..=b'~' => format!("'{}'", char::from(byte)),
            b'\t' => r"'\t'".to_owned(),
            b'\n' => r"'\n'".to_owned(),
            b'\r' => r"'\r'".to_owned(),
            0..=0x1f | 0x7f => format!(r"'\x{byte:02x}'"),
            // Go quotes the byte as if it were a character.
            _ => format!("'{}'", char::from(byte)),
        };
        Trouble::refused(format!("invalid character {shown} {place}"), self.line)
    }
}
