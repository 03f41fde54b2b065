//! Durations as Go's package time reads and writes them.

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// `time.ParseDuration`, in nanoseconds.
///
/// # Errors
/// Go's message.
pub fn parse(text: &str) -> Result<i64, String> {
    let shown: String = text.chars().take(80).collect();
    let invalid = || format!("time: invalid duration {shown:?}");
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or_default()),
        Some(b'+') => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => digits(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let end = after
            .find(|letter: char| letter == '.' || letter.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {shown:?}"));
        }
        let Some((_, size)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            let unit: String = unit.chars().take(20).collect();
            return Err(format!("time: unknown unit {unit:?} in duration {shown:?}"));
        };
        let count: u64 = match whole {
            "" => 0,
            whole => whole.parse().map_err(|_| invalid())?,
        };
        let part = count
            .checked_mul(*size)
            .filter(|part| *part <= 1 << 63)
            .ok_or_else(invalid)?;
        total = total
            .checked_add(part + part_of(fraction, *size))
            .filter(|total| *total <= 1 << 63)
            .ok_or_else(invalid)?;
        rest = after;
    }
    if negative {
        return 0_i64.checked_sub_unsigned(total).ok_or_else(invalid);
    }
    i64::try_from(total).map_err(|_| invalid())
}

fn digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

/// `.fraction` of a unit. Go stops at what an int64 holds and multiplies as floats.
fn part_of(fraction: &str, size: u64) -> u64 {
    let (mut value, mut scale) = (0_u64, 1.0_f64);
    for digit in fraction.bytes() {
        let Some(next) = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(u64::from(digit - b'0')))
            .filter(|next| *next < 1 << 63)
        else {
            break;
        };
        value = next;
        scale *= 10.0;
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "as Go: uint64(float64(f) * (float64(unit) / scale))"
    )]
    let part = (value as f64 * (size as f64 / scale)) as u64;
    part
}

/// `time.Duration.String`: `15m0s`, `1.5s`, `0s`.
pub fn spell(nanoseconds: i64) -> String {
    let size = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let fraction = |value: u64, unit: u64| {
        let digits = unit.ilog10() as usize;
        let rest = format!("{:0digits$}", value % unit);
        let rest = rest.trim_end_matches('0');
        match rest {
            "" => (value / unit).to_string(),
            rest => format!("{}.{rest}", value / unit),
        }
    };
    match size {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{size}ns"),
        1_000..1_000_000 => format!("{sign}{}\u{b5}s", fraction(size, 1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", fraction(size, 1_000_000)),
        _ => {
            let minutes = size / 60_000_000_000;
            let seconds = fraction(size % 60_000_000_000, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, spell};

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, expected) in [
            ("0", "0s"),
            ("30s", "30s"),
            ("60s", "1m0s"),
            ("-1s", "-1s"),
            ("+5s", "5s"),
            ("15m", "15m0s"),
            ("24h", "24h0m0s"),
            ("1.5h", "1h30m0s"),
            (".5s", "500ms"),
            ("1m30.5s", "1m30.5s"),
            ("1h1m1s1ms", "1h1m1.001s"),
            ("1\u{b5}s", "1\u{b5}s"),
            ("1\u{3bc}s", "1\u{b5}s"),
            ("0h0s", "0s"),
            ("-9223372036854775808ns", "-2562047h47m16.854775808s"),
            ("0.000000000000000000001s", "0s"),
        ] {
            assert_eq!(parse(text).map(spell).as_deref(), Ok(expected), "{text}");
        }
        for (text, message) in [
            ("", "time: invalid duration \"\""),
            ("5", "time: missing unit in duration \"5\""),
            ("s", "time: invalid duration \"s\""),
            ("1x", "time: unknown unit \"x\" in duration \"1x\""),
            ("1 s", "time: unknown unit \" s\" in duration \"1 s\""),
            ("-", "time: invalid duration \"-\""),
            ("1d", "time: unknown unit \"d\" in duration \"1d\""),
            (".", "time: invalid duration \".\""),
            (
                "9223372036854775808ns",
                "time: invalid duration \"9223372036854775808ns\"",
            ),
            (
                "99999999999999999999h",
                "time: invalid duration \"99999999999999999999h\"",
            ),
        ] {
            assert_eq!(parse(text), Err(message.to_owned()));
        }
    }
}
