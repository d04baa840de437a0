//! Lengths of time, as they are typed.

use std::time::Duration;

/// Longest length of time, a year: added to a clock it does not overflow.
const LENGTH_MAX: Duration = Duration::from_secs(366 * 86_400);

/// `30s`, `1.5m`, `250ms` and the like.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let seconds = match &text[end..] {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        _ => f64::NAN,
    };
    let length = text[..end].parse::<f64>().unwrap_or(f64::NAN) * seconds;
    match Duration::try_from_secs_f64(length) {
        Ok(duration) if !duration.is_zero() && duration <= LENGTH_MAX => Ok(duration),
        _ => Err("expected a length of time such as 250ms, 30s, 5m or 1h, at most 8784h".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn lengths_have_a_unit_and_are_not_zero() {
        for (text, ms) in
            [("250ms", 250), ("30s", 30_000), ("1.5m", 90_000), ("2min", 120_000), ("1h", 3_600_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "30", "s", "0s", "-1s", "1d", "1..5s", "30 s", "inf", "1e3s"] {
            assert!(duration(text).unwrap_err().contains("expected"), "{text}");
        }
    }
}
