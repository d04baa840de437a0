//! Numbers as text; a dash where one is undefined.

/// Text of an undefined number.
pub(super) const NONE: &str = "–";

/// Returns a share in percent, with two decimals.
pub(super) fn percent(value: impl Into<f64>) -> String {
    percent_of(value, 2)
}

/// Returns a share in percent.
pub(super) fn percent_of(value: impl Into<f64>, decimals: usize) -> String {
    number(value, |value| signed(100.0 * value, decimals) + " %")
}

/// Returns a plain number.
pub(super) fn plain(value: impl Into<f64>, decimals: usize) -> String {
    number(value, |value| signed(value, decimals))
}

/// Returns an amount of currency without decimals, in groups of thousands.
pub(super) fn money(value: impl Into<f64>) -> String {
    number(value, |value| {
        let digits = format!("{:.0}", value.abs());
        let mut text = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push('\u{202f}');
            }
            text.push(digit);
        }
        if value < 0.0 && digits != "0" { format!("−{text}") } else { text }
    })
}

/// Returns a text of the summary, or a dash.
pub(super) fn text(value: Option<&String>) -> &str {
    value.map_or(NONE, String::as_str)
}

fn number(value: impl Into<f64>, text: impl Fn(f64) -> String) -> String {
    let value = value.into();
    if value.is_finite() { text(value) } else { NONE.to_owned() }
}

/// Returns a number with a typographic minus; zero has no sign.
fn signed(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let is_zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    if value < 0.0 && !is_zero { format!("−{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undefined_number_is_a_dash() {
        assert_eq!(percent(-0.12345), "−12.35 %");
        assert_eq!(percent(-0.00001), "0.00 %");
        assert_eq!(percent(f64::NAN), NONE);
        assert_eq!(plain(1.5, 2), "1.50");
        assert_eq!(plain(f64::INFINITY, 2), NONE);
        assert_eq!(money(-1_234_567.4), "−1\u{202f}234\u{202f}567");
        assert_eq!(money(f64::NAN), NONE);
        assert_eq!(money(-0.2), "0");
    }
}
