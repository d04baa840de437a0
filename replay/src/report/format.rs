//! Numbers of the summary as text: a dash where there is none.

use serde_json::Value;

/// What stands where there is no number.
pub(super) const NONE: &str = "–";

/// A share in percent, with two decimals.
pub(super) fn percent(value: &Value) -> String {
    percent_of(value, 2)
}

/// A share in percent.
pub(super) fn percent_of(value: &Value, decimals: usize) -> String {
    number(value).map_or_else(|| NONE.to_owned(), |value| signed(100.0 * value, decimals) + " %")
}

/// A plain number.
pub(super) fn plain(value: &Value, decimals: usize) -> String {
    number(value).map_or_else(|| NONE.to_owned(), |value| signed(value, decimals))
}

/// Currency without decimals, its thousands apart.
pub(super) fn money(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    if value < 0.0 && digits != "0" { format!("−{text}") } else { text }
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|value| value.is_finite())
}

/// With the sign that figures have, and none where nothing is left of the number.
fn signed(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let nothing = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    if value < 0.0 && !nothing { format!("−{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_text_and_what_is_no_number_is_a_dash() {
        assert_eq!(percent(&json!(-0.12345)), "−12.35 %");
        assert_eq!(percent(&json!(-0.00001)), "0.00 %");
        assert_eq!(percent(&Value::Null), NONE);
        assert_eq!(plain(&json!(1.5), 2), "1.50");
        assert_eq!(plain(&json!("NaN"), 2), NONE);
        assert_eq!(money(-1_234_567.4), "−1\u{202f}234\u{202f}567");
        assert_eq!(money(f64::NAN), NONE);
        assert_eq!(money(-0.2), "0");
    }
}
