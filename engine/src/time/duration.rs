//! Durations as text.

use std::time::Duration;

use jiff::SpanRelativeTo;
use jiff::fmt::friendly::SpanParser;

/// Longest duration, a leap year: adding it to a clock does not overflow.
const LENGTH_MAX: Duration = Duration::from_secs(366 * 86_400);

/// Error of text that is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found {0:?}, expected a duration such as 250ms, 30s, 5m, 1.5h or 1d, above 0 and at most 366d")]
pub struct NoDuration(String);

/// Parses a duration: a number and its unit, such as `250ms`, `30s`, `5m`, `1.5h` or `1d`, or several of them
/// (`1h 30m`). A minute is `m` or `min`; a day has 24 hours. Resolution: nanoseconds.
///
/// # Errors
/// Fails for other text, 0, or more than 366 days.
pub fn duration(text: &str) -> Result<Duration, NoDuration> {
    let span = SpanParser::new().parse_span(text).ok();
    let length = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    let length = length.and_then(|length| Duration::try_from(length).ok());
    length
        .filter(|length| !length.is_zero() && *length <= LENGTH_MAX)
        .ok_or_else(|| NoDuration(text.to_owned()))
}

/// Parses a duration to nanoseconds, like [`duration`].
///
/// # Errors
/// The errors of [`duration`].
pub fn duration_ns(text: &str) -> Result<i64, NoDuration> {
    i64::try_from(duration(text)?.as_nanos()).map_err(|_| NoDuration(text.to_owned()))
}

/// Formats a duration in the largest unit that divides it, such as `5m`; [`duration`] parses the text.
#[must_use]
pub fn duration_text(ns: i64) -> String {
    let units =
        [(86_400_000_000_000, "d"), (3_600_000_000_000, "h"), (60_000_000_000, "m"), (1_000_000_000, "s")];
    match units.into_iter().find(|(unit, _)| ns % unit == 0) {
        Some((unit, name)) => format!("{}{name}", ns / unit),
        None => format!("{ns}ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_a_number_above_zero_with_its_unit() {
        let cases = [
            ("250ms", 250),
            ("30s", 30_000),
            ("30 s", 30_000),
            ("1m", 60_000),
            ("1.5m", 90_000),
            ("2min", 120_000),
            ("1h", 3_600_000),
            ("1.5h", 5_400_000),
            ("1h 30m", 5_400_000),
            ("0.1s", 100),
            ("1d", 86_400_000),
            ("366d", 31_622_400_000),
        ];
        for (text, ms) in cases {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        let wrong = [
            "", "30", "s", "0s", "0", "-1s", "1s ago", "367d", "1mo", "1y", "1..5s", "inf", "1e3s", "1m1h",
            "PT1H", "1x",
        ];
        for text in wrong {
            assert_eq!(duration(text), Err(NoDuration(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn duration_text_parses_to_the_same_duration() {
        for (ns, text) in
            [(86_400_000_000_000, "1d"), (5_400_000_000_000, "90m"), (1_500_000_000, "1500000000ns")]
        {
            assert_eq!(duration_text(ns), text);
            assert_eq!(duration_ns(text), Ok(ns));
        }
    }
}
