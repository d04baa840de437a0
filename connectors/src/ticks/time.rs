//! Times of venues as nanoseconds since 1970 UTC, exactly.

use betaflow_engine::time::Iso;
use betaflow_engine::time::{DAY_NS, TimestampNs};

const SECOND_NS: i64 = 1_000_000_000;

/// Of milliseconds.
pub(super) fn of_ms(ms: i64) -> Option<i64> {
    ms.checked_mul(1_000_000)
}

/// Of decimal seconds such as `1618678142.557535`, with at most nine decimals.
pub(super) fn of_seconds(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    whole_number(whole)?.checked_mul(SECOND_NS)?.checked_add(fraction(decimals)?)
}

/// Of ISO 8601 in UTC, such as `2026-08-09T21:05:48.228568804Z`, with at most nine decimals.
pub(super) fn of_iso(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (date, time) = text.split_once('T')?;
    let mut parts = date.split('-');
    let (year, month, day) =
        (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let (clock, decimals) = time.split_once('.').unwrap_or((time, ""));
    let mut clock_parts = clock.split(':');
    let (hour, minute, second) =
        (digits(clock_parts.next()?, 2)?, digits(clock_parts.next()?, 2)?, digits(clock_parts.next()?, 2)?);
    // A leap second is the first second of the next minute, as Unix time has it.
    if parts.next().is_some() || clock_parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = (hour * 60 + minute) * 60 + second;
    days(year, month, day)?.checked_mul(DAY_NS)?.checked_add(seconds * SECOND_NS + fraction(decimals)?)
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    // Years are counted from March, so that the leap day is the last of its year.
    let (year_from_march, month_from_march) = (year - i64::from(month <= 2), (month + 9) % 12);
    let (era, year_of_era) = (year_from_march.div_euclid(400), year_from_march.rem_euclid(400));
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let days =
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    // The way back tells whether there is such a date.
    let back = Iso(TimestampNs(days.checked_mul(DAY_NS)?)).civil();
    (back == (year, month, day)).then_some(days)
}

/// Decimals of a second in nanoseconds.
fn fraction(decimals: &str) -> Option<i64> {
    match decimals.len() {
        0 => Some(0),
        // At most nine, so the exponent fits.
        length @ 1..=9 => Some(whole_number(decimals)? * 10_i64.pow(9 - u32::try_from(length).ok()?)),
        _ => None,
    }
}

fn digits(text: &str, length: usize) -> Option<i64> {
    if text.len() == length { whole_number(text) } else { None }
}

/// Digits only: no sign, no blank.
fn whole_number(text: &str) -> Option<i64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::{of_iso, of_ms, of_seconds};

    #[test]
    fn times_are_exact_or_nothing() {
        let iso = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-08-09T21:05:48.228568804Z", Some(1_786_309_548_228_568_804)),
            ("2021-02-22T15:51:44.208Z", Some(1_614_009_104_208_000_000)),
            ("2024-02-29T00:00:00+00:00", Some(1_709_164_800_000_000_000)),
            ("1969-12-31T23:59:59.9Z", Some(-100_000_000)),
            ("2023-02-29T00:00:00Z", None),
            ("2023-13-01T00:00:00Z", None),
            ("2023-00-01T00:00:00Z", None),
            ("2023-01-01T24:00:00Z", None),
            ("2023-01-01T00:00:00.1234567891Z", None),
            ("2023-01-01T00:00:00", None),
            ("2023-01-01T00:00:00+01:00", None),
            ("2023-01-01 00:00:00Z", None),
            ("2023-1-01T00:00:00Z", None),
            ("9999-12-31T00:00:00Z", None),
            ("", None),
        ];
        for (text, expected) in iso {
            assert_eq!(of_iso(text), expected, "{text}");
        }
        let seconds = [
            ("1618678142.557535", Some(1_618_678_142_557_535_000)),
            ("1618678142", Some(1_618_678_142_000_000_000)),
            ("0.000000001", Some(1)),
            ("-1.5", None),
            ("1e9", None),
            (".5", None),
            ("1.0000000001", None),
            ("9223372036854775807", None),
        ];
        for (text, expected) in seconds {
            assert_eq!(of_seconds(text), expected, "{text}");
        }
        assert_eq!(of_ms(1_723_161_255_342), Some(1_723_161_255_342_000_000));
        assert_eq!(of_ms(i64::MAX), None);
    }
}
