//! Numbers as text, in groups of thousands; a dash where one is undefined.

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

/// Returns an amount of currency without decimals.
pub(super) fn money(value: impl Into<f64>) -> String {
    plain(value, 0)
}

/// Returns a count.
pub(super) fn count(value: u64) -> String {
    plain(value as f64, 0)
}

/// Returns a count with its noun: `1 run`, `2 runs`.
pub(super) fn counted(value: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(value), if value == 1 { "" } else { "s" })
}

/// Returns a text of the summary, or a dash.
pub(super) fn text(value: Option<&String>) -> &str {
    value.map_or(NONE, String::as_str)
}

fn number(value: impl Into<f64>, text: impl Fn(f64) -> String) -> String {
    let value = value.into();
    if value.is_finite() { text(value) } else { NONE.to_owned() }
}

/// Returns a number in groups of thousands with a typographic minus; zero has no sign.
fn signed(value: f64, decimals: usize) -> String {
    let digits = format!("{:.decimals$}", value.abs());
    let is_zero = digits.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let whole = digits.find('.').unwrap_or(digits.len());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at < whole && (whole - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
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
        assert_eq!(money(-1_234_567.4), "−1,234,567");
        assert_eq!(money(f64::NAN), NONE);
        assert_eq!(money(-0.2), "0");
    }

    #[test]
    fn thousands_are_grouped_and_nouns_agree_with_their_count() {
        assert_eq!(
            [plain(1_234.567, 2), plain(999.994, 2), plain(-1e6, 1)],
            ["1,234.57", "999.99", "−1,000,000.0"]
        );
        assert_eq!([percent(123.456), count(8_316), count(12)], ["12,345.60 %", "8,316", "12"]);
        assert_eq!(
            [counted(1, "run"), counted(0, "run"), counted(1_000, "run")],
            ["1 run", "0 runs", "1,000 runs"]
        );
    }
}
