//! A parser of JSON that is as simple as can be: a byte at a time, everything kept.

use tighten::auditlog::json::Damage;

/// A value. Of an object all keys in their order, doubled ones too.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(Vec<u8>),
    List(Vec<Json>),
    Object(Vec<(Vec<u8>, Json)>),
}

/// A line, and of it what a reader keeps who cannot hold it whole.
pub struct Line {
    pub value: Json,
    pub kept: Vec<u8>,
}

const DEEPEST: usize = 1024;
/// What is kept of a line that is too long, in bytes.
const KEPT: usize = 256 << 10;
const LONGEST_WORD: usize = 4096;

const FIELDS: &[&str] = &[
    "auditID",
    "impersonatedUser",
    "kind",
    "objectRef",
    "requestReceivedTimestamp",
    "requestURI",
    "responseStatus",
    "sourceIPs",
    "stage",
    "stageTimestamp",
    "user",
    "userAgent",
    "verb",
];

struct Parser<'a> {
    rest: &'a [u8],
    depth: usize,
    /// The line is too long to be held: only fields are kept, and not more of them than fits.
    long: bool,
    field: bool,
    kept: Vec<u8>,
}

/// Parses a line; `long` says that it is too long to be held.
pub fn parse(line: &[u8], long: bool) -> Result<Line, Damage> {
    let mut parser = Parser {
        rest: line,
        depth: 0,
        long,
        field: false,
        kept: b"{".to_vec(),
    };
    let value = parser.value()?;
    if parser.next().is_ok() {
        return Err(Damage::NotJson);
    }
    if parser.kept.last() == Some(&b',') {
        parser.kept.pop();
    }
    parser.kept.push(b'}');
    Ok(Line {
        value,
        kept: parser.kept,
    })
}

impl Parser<'_> {
    /// The next byte that is no white space.
    fn next(&mut self) -> Result<u8, Damage> {
        while let [b' ' | b'\t' | b'\r' | b'\n', behind @ ..] = self.rest {
            self.rest = behind;
        }
        self.rest.first().copied().ok_or(Damage::Cut)
    }

    /// Passes the first byte, which belongs to a value or a key within one.
    fn pass(&mut self) -> Result<u8, Damage> {
        let (first, behind) = self.rest.split_first().ok_or(Damage::Cut)?;
        self.rest = behind;
        self.keep(&[*first])?;
        Ok(*first)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Damage> {
        if self.field {
            if self.long && self.kept.len() + bytes.len() > KEPT {
                return Err(Damage::Large);
            }
            self.kept.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn value(&mut self) -> Result<Json, Damage> {
        match self.next()? {
            b'{' => self.object(),
            b'[' => self.list(),
            b'"' => self.text().map(Json::Text),
            _ => self.word(),
        }
    }

    fn down(&mut self) -> Result<(), Damage> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Damage::Deep);
        }
        self.pass().map(drop)
    }

    fn object(&mut self) -> Result<Json, Damage> {
        self.down()?;
        let mut pairs = Vec::new();
        let mut first = true;
        loop {
            let next = self.next()?;
            if next == b'}' && first {
                break;
            }
            if next != b'"' {
                return Err(Damage::NotJson);
            }
            first = false;
            let before = self.rest;
            let key = self.text()?;
            let raw = &before[..before.len() - self.rest.len()];
            if self.next()? != b':' {
                return Err(Damage::NotJson);
            }
            self.pass()?;
            let field = self.depth == 1 && FIELDS.iter().any(|field| field.as_bytes() == key);
            if field {
                self.field = true;
                self.kept.extend_from_slice(raw);
                self.kept.push(b':');
            }
            pairs.push((key, self.value()?));
            if field {
                self.field = false;
                self.kept.push(b',');
            }
            match self.next()? {
                b',' => self.pass()?,
                b'}' => break,
                _ => return Err(Damage::NotJson),
            };
        }
        self.pass()?;
        self.depth -= 1;
        Ok(Json::Object(pairs))
    }

    fn list(&mut self) -> Result<Json, Damage> {
        self.down()?;
        let mut items = Vec::new();
        loop {
            if self.next()? == b']' && items.is_empty() {
                break;
            }
            items.push(self.value()?);
            match self.next()? {
                b',' => self.pass()?,
                b']' => break,
                _ => return Err(Damage::NotJson),
            };
        }
        self.pass()?;
        self.depth -= 1;
        Ok(Json::List(items))
    }

    fn text(&mut self) -> Result<Vec<u8>, Damage> {
        self.pass()?;
        let mut bytes = Vec::new();
        // Half of a pair of surrogates that waits for its other half.
        let mut high: Option<u32> = None;
        loop {
            let byte = self.pass()?;
            let meant = match byte {
                b'"' => {
                    bytes.extend(high.map(|_| REPLACED).unwrap_or_default());
                    return Ok(bytes);
                }
                b'\\' => match self.pass()? {
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => 10,
                    b'r' => 13,
                    b't' => 9,
                    same @ (b'"' | b'\\' | b'/') => u32::from(same),
                    b'u' => {
                        let unit = self.unit()?;
                        match (high.take(), unit) {
                            (Some(high), 0xdc00..0xe000) => {
                                0x10000 + (high - 0xd800) * 0x400 + (unit - 0xdc00)
                            }
                            (before, 0xd800..0xdc00) => {
                                bytes.extend(before.map(|_| REPLACED).unwrap_or_default());
                                high = Some(unit);
                                continue;
                            }
                            (before, _) => {
                                bytes.extend(before.map(|_| REPLACED).unwrap_or_default());
                                unit
                            }
                        }
                    }
                    _ => return Err(Damage::NotJson),
                },
                0..b' ' => return Err(Damage::NotJson),
                _ => {
                    bytes.extend(high.take().map(|_| REPLACED).unwrap_or_default());
                    bytes.push(byte);
                    continue;
                }
            };
            bytes.extend(high.take().map(|_| REPLACED).unwrap_or_default());
            let meant = char::from_u32(meant).unwrap_or(char::REPLACEMENT_CHARACTER);
            bytes.extend(meant.to_string().bytes());
        }
    }

    fn unit(&mut self) -> Result<u32, Damage> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = char::from(self.pass()?).to_digit(16);
            unit = unit * 16 + digit.ok_or(Damage::NotJson)?;
        }
        Ok(unit)
    }

    fn word(&mut self) -> Result<Json, Damage> {
        let length = self
            .rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.'));
        let (word, behind) = self.rest.split_at(length.count());
        // The first of all is a byte of the word, whatever it is.
        if self.long && word.len() > LONGEST_WORD {
            return Err(Damage::Large);
        }
        let text = String::from_utf8(word.to_vec()).unwrap();
        let value = match text.as_str() {
            "null" => Json::Null,
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            number if is_number(number) => Json::Number(number.into()),
            _ if !behind.is_empty() => return Err(Damage::NotJson),
            _ => return Err(begun(&text)),
        };
        self.rest = behind;
        self.keep(word)?;
        Ok(value)
    }
}

const REPLACED: &[u8] = "\u{fffd}".as_bytes();

/// By the grammar, which is asked for each of its parts.
fn is_number(word: &str) -> bool {
    let word = word.strip_prefix('-').unwrap_or(word);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match word.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (word, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|text| digits(text.strip_prefix(['+', '-']).unwrap_or(text)))
}

/// A word at the very end of a line is cut when it could become one.
fn begun(word: &str) -> Damage {
    let becomes = |more: &&str| is_number(&format!("{word}{more}"));
    let cut = ["true", "false", "null"]
        .iter()
        .any(|whole| whole.starts_with(word))
        || ["0", "1"].iter().any(becomes);
    if cut { Damage::Cut } else { Damage::NotJson }
}
