//! Conversion of times from text and numbers to ns since 1970 UTC.

use betaflow_engine::time::{DAY_NS, Date};

const SECOND_NS: i64 = 1_000_000_000;

/// Converts milliseconds.
pub(crate) fn of_ms(ms: i64) -> Option<i64> {
    ms.checked_mul(1_000_000)
}

/// Converts decimal seconds such as `1618678142.557535`, with at most nine decimals.
pub(crate) fn of_seconds(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    whole_number(whole)?.checked_mul(SECOND_NS)?.checked_add(fraction(decimals)?)
}

/// Converts ISO 8601 in UTC, such as `2026-08-09T21:05:48.228568804Z`, with at most nine decimals.
pub(crate) fn of_iso(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (date, time) = text.split_once('T')?;
    let (clock, decimals) = time.split_once('.').unwrap_or((time, ""));
    of_date(date)?.checked_add(of_clock(clock)?)?.checked_add(fraction(decimals)?)
}

/// Converts a date or a time from a file: `2026-08-09`, optionally followed by `T` or a space, `21:05:48`
/// with any number of decimals or `210548`, and a zone (`Z`, `+02:00`, `+0200`, `+02`). UTC without a zone;
/// decimals after the ninth are cut off.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    let (midnight, rest) = (of_date(text.get(..10)?)?, &text[10..]);
    if rest.is_empty() {
        return Some(midnight);
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, rest) = match rest.get(..8).and_then(of_clock) {
        Some(time) => match rest[8..].strip_prefix('.') {
            Some(rest) => {
                let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                let decimals = rest.get(..end.clamp(1, 9))?;
                (time + fraction(decimals)?, &rest[end..])
            }
            None => (time, &rest[8..]),
        },
        None => {
            let digits = rest.get(..6)?;
            let part = |at: usize| digits.get(at..at + 2).unwrap_or_default();
            (of_clock(&[part(0), part(2), part(4)].join(":"))?, &rest[6..])
        }
    };
    let zone = if matches!(rest, "" | "Z" | "z") { 0 } else { offset(rest.trim_start())? };
    midnight.checked_add(time)?.checked_sub(zone)
}

/// Returns whether a text begins with a date of a form such as `YYYY-MM-DD`, of any day or month.
pub(crate) fn has_form(form: &str, text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit();
    let fits = |(form, byte): (u8, u8)| match form.is_ascii_alphabetic() {
        true => is_digit(byte),
        false => byte == form,
    };
    let (date, rest) = text.as_bytes().split_at(form.len().min(text.len()));
    date.len() == form.len()
        && form.bytes().zip(date.iter().copied()).all(fits)
        && !rest.first().copied().is_some_and(is_digit)
}

/// Converts a date; the engine checks its range.
fn of_date(text: &str) -> Option<i64> {
    text.parse::<Date>().ok()?.days().checked_mul(DAY_NS)
}

/// Converts `21:05:48`. A leap second is the first second of the next minute, as in Unix time.
fn of_clock(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let mut part = || parts.next().filter(|part| part.len() == 2).and_then(whole_number);
    let (hour, minute, second) = (part()?, part()?, part()?);
    let is_time = parts.next().is_none() && hour <= 23 && minute <= 59 && second <= 60;
    is_time.then_some(((hour * 60 + minute) * 60 + second) * SECOND_NS)
}

/// Converts an offset from UTC.
fn offset(text: &str) -> Option<i64> {
    let sign = match text.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = match text.len() {
        6 => text[1..].split_once(':')?,
        5 => (text.get(1..3)?, text.get(3..)?),
        3 => (&text[1..], "00"),
        _ => return None,
    };
    if hours.len() != 2 {
        return None;
    }
    let seconds = whole_number(hours)? * 3600 + whole_number(minutes)? * 60;
    (seconds < 86_400).then_some(sign * seconds * SECOND_NS)
}

/// Converts the decimals of a second.
fn fraction(decimals: &str) -> Option<i64> {
    match decimals.len() {
        0 => Some(0),
        // The length is at most nine, so the exponent is not negative.
        length @ 1..=9 => Some(whole_number(decimals)? * 10_i64.pow(9 - u32::try_from(length).ok()?)),
        _ => None,
    }
}

/// Parses digits only: no sign, no blank.
fn whole_number(text: &str) -> Option<i64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::{has_form, of_iso, of_ms, of_seconds, parse_time};

    #[test]
    fn times_convert_exactly_or_are_refused() {
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

    #[test]
    fn file_times_accept_any_zone() {
        let noon = Some(1_709_208_000_000_000_000);
        let cases = [
            ("2024-02-29", Some(1_709_164_800_000_000_000)),
            (" 2024-02-29T12:00:00 ", noon),
            ("2024-02-29 12:00:00", noon),
            ("2024-02-29t12:00:00z", noon),
            ("2024-02-29 120000", noon),
            ("2024-02-29 120000+00", noon),
            ("2024-02-29T14:30:00.000+02:30", noon),
            ("2024-02-29T04:00:00 -0800", noon),
            ("2024-02-29T12:00:00.1234567899", noon.map(|noon| noon + 123_456_789)),
            ("2024-02-29T11:59:60Z", noon),
            ("1969-12-31T23:59:59.5", Some(-500_000_000)),
            ("31/12/2020", None),
            ("2023-02-29", None),
            ("2024-2-29", None),
            ("2024-02-29T", None),
            ("2024-02-29T12:00", None),
            ("2024-02-29T12:00:00.", None),
            ("2024-02-29T24:00:00", None),
            ("2024-02-29T12:00:00 PST", None),
            ("2024-02-29T12:00:00+25:00", None),
            ("2024-02-29T12:00:00+2:000", None),
            ("2024-02-29x12:00:00", None),
            ("2024-02-2\u{fc}", None),
            ("2024-02-29 12:00:0\u{fc}", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_time(text), expected, "{text}");
        }
    }

    #[test]
    fn days_that_the_calendar_lacks_have_the_form_of_a_date() {
        let cases = [
            ("YYYY-MM-DD", "2013-02-30", true),
            ("YYYY-MM-DD", "2013-02-30T10:00:00", true),
            ("YYYY-MM-DD", "2013-02-301", false),
            ("YYYY-MM-DD", "2013/02/30", false),
            ("YYYY-MM-DD", "2013-02", false),
            ("DD/MM/YYYY", "31/02/2024", true),
            ("YYYYMMDD", "20130230", true),
            ("YYYY-MM-DD", "", false),
            ("YYYY-MM-DD", "Jan 2013 x", false),
        ];
        for (form, text, expected) in cases {
            assert_eq!(has_form(form, text), expected, "{text:?}");
        }
    }
}
