//! Numbers as text. A number that rounds to zero has no sign, and an undefined number is a dash.

/// Text of an undefined number.
pub(crate) const NONE: &str = "-";

/// Returns a number with a fixed number of decimals: `0.82`.
pub(crate) fn decimals(value: f64, places: usize) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    without_sign_of_zero(format!("{value:.places$}"))
}

/// Returns a share in percent with two decimals: `10.73 %`.
pub(crate) fn percent(share: f64) -> String {
    with_unit(decimals(100.0 * share, 2), "%")
}

/// Returns a share in percent with its sign: `+10.73 %`.
pub(crate) fn signed_percent(share: f64) -> String {
    with_unit(signed(100.0 * share, 2), "%")
}

/// Returns a difference of two shares in percentage points: `-6.23 pp`.
pub(crate) fn points(difference: f64) -> String {
    with_unit(signed(100.0 * difference, 2), "pp")
}

/// Returns a number without decimals, in groups of thousands: `2,012`.
pub(crate) fn grouped(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = if value < 0.0 && digits != "0" { "-".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a count with its noun: `1 return`, `2,012 returns`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count as f64), if count == 1 { "" } else { "s" })
}

/// Returns a number with its sign: `+0.12`, and `0.00` for zero.
pub(crate) fn signed(value: f64, places: usize) -> String {
    let text = decimals(value, places);
    match value > 0.0 && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
        true => format!("+{text}"),
        false => text,
    }
}

fn with_unit(number: String, unit: &str) -> String {
    if number == NONE { number } else { format!("{number} {unit}") }
}

fn without_sign_of_zero(text: String) -> String {
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().all(|byte| matches!(byte, b'0' | b'.')) => digits.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        let cases =
            [(0.0, "0"), (999.6, "1,000"), (-0.4, "0"), (-1_234_567.0, "-1,234,567"), (f64::NAN, "-")];
        for (value, text) in cases {
            assert_eq!(grouped(value), text);
        }
    }

    #[test]
    fn counts_have_a_noun_in_the_right_number() {
        let texts = [0, 1, 2_012].map(|count| counted(count, "return"));
        assert_eq!(texts, ["0 returns", "1 return", "2,012 returns"]);
    }

    #[test]
    fn numbers_that_round_to_zero_have_no_sign() {
        assert_eq!([decimals(-0.001, 2), decimals(-0.0, 0), decimals(-0.006, 2)], ["0.00", "0", "-0.01"]);
        assert_eq!([percent(-1e-9), percent(0.107_34), percent(f64::NAN)], ["0.00 %", "10.73 %", "-"]);
        assert_eq!([points(-0.062_3), points(1e-9), points(0.01)], ["-6.23 pp", "0.00 pp", "+1.00 pp"]);
        assert_eq!([signed_percent(0.5), signed_percent(-1e-7)], ["+50.00 %", "0.00 %"]);
    }
}
