//! What a scalar is, by the rules of go-yaml v2's resolve.go.

use base64::Engine as _;

/// A resolved scalar.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// `null`, `~` or nothing.
    Null,
    /// A YAML 1.1 boolean.
    Bool(bool),
    /// An integer that fits 64 bits with a sign.
    Int(i64),
    /// A larger one.
    Uint(u64),
    /// A float.
    Float(f64),
    /// Everything else.
    Text(String),
}

/// Resolves a scalar from its tag, written out in full, its text, and whether it is written plain.
///
/// # Errors
/// When the text is not of the kind that the tag claims, with go-yaml's message.
pub fn resolve(tag: Option<&str>, text: &str, plain: bool) -> Result<Scalar, String> {
    let kind = match tag {
        None if plain => return Ok(guess(text)),
        None => return Ok(Scalar::Text(text.to_owned())),
        Some(tag) => tag.strip_prefix("tag:yaml.org,2002:").unwrap_or(""),
    };
    let found = match kind {
        "binary" => return binary(text),
        "bool" | "int" | "float" | "null" => guess(text),
        "timestamp" if !timestamp(text) => guess(text),
        // "!!str", tags of one's own, and those that go-yaml does not know: the text as it is.
        _ => return Ok(Scalar::Text(text.to_owned())),
    };
    let (found, name) = match (kind, found) {
        ("bool", found @ Scalar::Bool(_))
        | ("int", found @ (Scalar::Int(_) | Scalar::Uint(_)))
        | ("float", found @ Scalar::Float(_))
        | ("null", found @ Scalar::Null) => return Ok(found),
        #[expect(clippy::cast_precision_loss, reason = "as Go's float64(int)")]
        ("float", Scalar::Int(number)) => return Ok(Scalar::Float(number as f64)),
        (_, Scalar::Null) => ("null", kind),
        (_, Scalar::Bool(_)) => ("bool", kind),
        (_, Scalar::Int(_) | Scalar::Uint(_)) => ("int", kind),
        (_, Scalar::Float(_)) => ("float", kind),
        (_, Scalar::Text(_)) => ("str", kind),
    };
    Err(format!("yaml: cannot decode !!{found} as a !!{name}"))
}

/// An untagged plain scalar.
fn guess(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => number(text).unwrap_or_else(|| Scalar::Text(text.to_owned())),
    }
}

fn number(text: &str) -> Option<Scalar> {
    match text.as_bytes().first()? {
        // Here Go parses the text as it stands, so "_" is no part of it.
        b'.' => float(text),
        b'+' | b'-' | b'0'..=b'9' => {
            let text = text.replace('_', "");
            integer(&text).or_else(|| float(&text))
        }
        _ => None,
    }
}

/// `strconv.ParseInt(text, 0, 64)`, then `ParseUint`.
fn integer(text: &str) -> Option<Scalar> {
    let (signed, negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, true, text.get(1..)?),
        b'+' => (true, false, text.get(1..)?),
        _ => (false, false, text),
    };
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, digits.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, digits.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, digits.get(2..)?),
        [b'0', _, ..] => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    // Rust would take a second sign.
    if !digits.bytes().next()?.is_ascii_alphanumeric() {
        return None;
    }
    let size = u64::from_str_radix(digits, base).ok()?;
    if negative {
        return 0_i64.checked_sub_unsigned(size).map(Scalar::Int);
    }
    match i64::try_from(size) {
        Ok(number) => Some(Scalar::Int(number)),
        Err(_) if signed => None,
        Err(_) => Some(Scalar::Uint(size)),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?` and within a float64's range.
fn float(text: &str) -> Option<Scalar> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    if !all_digits(whole)
        || !all_digits(fraction)
        || whole.is_empty() && fraction.is_empty()
        || !exponent_fits
    {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    number.is_finite().then_some(Scalar::Float(number))
}

fn binary(text: &str) -> Result<Scalar, String> {
    let packed: String = text
        .chars()
        .filter(|at| !matches!(at, '\r' | '\n'))
        .collect();
    match base64::engine::general_purpose::STANDARD.decode(packed) {
        Ok(bytes) => Ok(Scalar::Text(String::from_utf8_lossy(&bytes).into_owned())),
        Err(_) => Err("yaml: !!binary value contains invalid base64 data".to_owned()),
    }
}

/// Whether the text starts as go-yaml's timestamps do: a year of four digits, month, day. Only asked for
/// behind the tag `!!timestamp`, where any timestamp stays the string that it is.
fn timestamp(text: &str) -> bool {
    let date = text.split(['T', 't', ' ']).next().unwrap_or(text);
    let mut parts = date.split('-');
    let digits = |part: Option<&str>, lengths: std::ops::RangeInclusive<usize>| {
        part.is_some_and(|part| {
            lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    digits(parts.next(), 4..=4)
        && digits(parts.next(), 1..=2)
        && digits(parts.next(), 1..=2)
        && parts.next().is_none()
}
