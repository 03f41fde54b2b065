//! Whole numbers as flags spell them.

/// pflag's int: `strconv.ParseInt(text, 0, 64)`, where `0x`, `0o`, `0b` or a leading zero tells the base
/// and underscores may stand between digits.
pub fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.strip_prefix('0') {
        Some(rest) if rest.starts_with(['x', 'o', 'b']) => {
            let radix = match rest.get(..1) {
                Some("x") => 16,
                Some("o") => 8,
                _ => 2,
            };
            (radix, rest.get(1..)?)
        }
        Some("") => (10, "0"),
        // An underscore may follow the zero.
        Some(rest) => (8, rest),
        None => (10, lower.as_str()),
    };
    let prefixed = radix != 10;
    let digits = if prefixed {
        digits.strip_prefix('_').unwrap_or(digits)
    } else {
        digits
    };
    if digits.split('_').any(str::is_empty) {
        return None;
    }
    let digits = digits.replace('_', "");
    // A second sign is none of Go's.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let sign = if negative { "-" } else { "" };
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

#[cfg(test)]
mod tests {
    use super::parse_int;

    #[test]
    fn a_number_is_read_as_go_reads_it() {
        for (text, number) in [
            ("30", 30),
            ("+30", 30),
            ("-1", -1),
            ("0", 0),
            ("010", 8),
            ("0x1e", 30),
            ("0X1E", 30),
            ("0o36", 30),
            ("0b11", 3),
            ("1_000", 1000),
            ("0x_1e", 30),
        ] {
            assert_eq!(parse_int(text), Some(number), "{text}");
        }
        for text in [
            "",
            "-",
            "+",
            "30d",
            "3.0",
            " 30",
            "0x",
            "08",
            "1__0",
            "_1",
            "1_",
            "--1",
            "+-1",
            "0x-1",
            "9223372036854775808",
        ] {
            assert_eq!(parse_int(text), None, "{text}");
        }
    }
}
