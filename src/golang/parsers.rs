//! The types that parse their JSON themselves. Their errors end the decoding at once.

use super::duration;
use super::types::{Misfit, noun};
use crate::goyaml::{Data, Item};

/// `metav1.Duration.UnmarshalJSON`: null is read as the empty string, which is no duration.
pub(super) fn duration(item: &Item) -> Result<(), Misfit> {
    let message = match &item.data {
        Data::Text(text) => duration::parse(text).err(),
        Data::Null => duration::parse("").err(),
        data => Some(format!(
            "json: cannot unmarshal {} into Go value of type string",
            noun(data)
        )),
    };
    fatal(message, item.line)
}

/// `TimeOrMetaDuration.UnmarshalJSON`.
pub(super) fn flush(item: &Item) -> Result<(), Misfit> {
    let message = match &item.data {
        Data::Text(text) => duration::parse(text).err(),
        Data::Null => None,
        Data::Number(text) => text.parse::<i64>().err().map(|_| {
            format!(
                "invalid duration \"{text}\": json: cannot unmarshal number {text} into Go value of type time.Duration"
            )
        }),
        data => Some(format!(
            "invalid duration: json: cannot unmarshal {} into Go value of type time.Duration",
            noun(data)
        )),
    };
    fatal(message, item.line)
}

/// `resource.Quantity.UnmarshalJSON`, as far as it decides what is a quantity.
pub(super) fn quantity(item: &Item) -> Result<(), Misfit> {
    let message = match &item.data {
        Data::Null => None,
        Data::Text(text) | Data::Number(text) => (!is_quantity(text.trim())).then(|| {
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                .to_owned()
        }),
        data => Some(format!(
            "json: cannot unmarshal {} into Go value of type resource.Quantity",
            noun(data)
        )),
    };
    fatal(message, item.line)
}

fn is_quantity(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let exponent = suffix.strip_prefix(['e', 'E']).is_some_and(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    let known = matches!(
        suffix,
        "" | "n"
            | "u"
            | "m"
            | "k"
            | "M"
            | "G"
            | "T"
            | "P"
            | "E"
            | "Ki"
            | "Mi"
            | "Gi"
            | "Ti"
            | "Pi"
            | "Ei"
    );
    number.bytes().any(|byte| byte.is_ascii_digit())
        && number.matches('.').count() <= 1
        && (known || exponent)
}

/// `metav1.Time.UnmarshalJSON`, as far as it decides what is a time: RFC 3339.
pub(super) fn time(item: &Item) -> Result<(), Misfit> {
    let message = match &item.data {
        Data::Null => None,
        Data::Text(text) => (!is_time(text)).then(|| {
            let text = super::text::quoted(text);
            format!("parsing time {text} as \"2006-01-02T15:04:05Z07:00\": cannot parse it")
        }),
        data => Some(format!(
            "json: cannot unmarshal {} into Go value of type string",
            noun(data)
        )),
    };
    fatal(message, item.line)
}

fn is_time(text: &str) -> bool {
    let Some((date, rest)) = text.split_once('T') else {
        return false;
    };
    let at = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(at);
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, "0"));
    let zone = match zone.strip_prefix(['+', '-']) {
        Some(offset) => offset,
        None if zone == "Z" => "00:00",
        None => return false,
    };
    // The calendar knows which day a month has.
    humantime::parse_rfc3339(&format!("{date}T{clock}Z")).is_ok()
        && humantime::parse_rfc3339(&format!("2000-01-01T{zone}:00Z")).is_ok()
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
}

fn fatal(message: Option<String>, line: usize) -> Result<(), Misfit> {
    match message {
        Some(message) => Err(Misfit { message, line }),
        None => Ok(()),
    }
}
