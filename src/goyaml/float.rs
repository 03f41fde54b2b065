//! Floats as Go spells them.

/// As `encoding/json` writes a float64: shortest digits, an exponent below 1e-6 and from 1e21 on.
/// `None` for what JSON cannot hold.
pub(super) fn to_json(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    let magnitude = value.abs();
    if magnitude == 0.0 {
        return Some(if value.is_sign_negative() { "-0" } else { "0" }.to_owned());
    }
    if (1e-6..1e21).contains(&magnitude) {
        return Some(value.to_string());
    }
    Some(exponent(&format!("{value:e}"), 1))
}

/// As `strconv.FormatFloat(value, 'g', -1, 32)` writes it: how a float becomes a key.
pub(super) fn to_key(value: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "sigs.k8s.io/yaml rounds keys to 32 bits"
    )]
    let value = value as f32;
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let power: i32 = scientific
        .split_once('e')
        .and_then(|(_, power)| power.parse().ok())
        .unwrap_or_default();
    // With the shortest form asked for, Go decides as if six digits had been.
    if value != 0.0 && !(-4..6).contains(&power) {
        return exponent(&scientific, 2);
    }
    value.to_string()
}

/// `1e21` to `1e+21`, with at least so many digits in the exponent.
fn exponent(scientific: &str, digits: usize) -> String {
    let Some((mantissa, power)) = scientific.split_once('e') else {
        return scientific.to_owned();
    };
    let (sign, power) = match power.strip_prefix('-') {
        Some(power) => ('-', power),
        None => ('+', power),
    };
    format!("{mantissa}e{sign}{power:0>digits$}")
}
