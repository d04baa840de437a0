//! A UTC date.

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use jiff::tz::Offset;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{DAY_NS, Iso, TimestampNs};

/// Years whose dates are all valid timestamps.
const YEARS: std::ops::RangeInclusive<i16> = 1678..=2261;

/// A UTC date; its text is like `2020-02-29`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(i64);

/// Error of text that is not a date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found {0:?}, expected a date such as 2015-01-31, from 1678 to 2261")]
pub struct NoDate(String);

impl Date {
    /// Returns the date of a year, month and day of the proleptic Gregorian calendar; `None` if there is no
    /// such date.
    #[must_use]
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        let midnight = civil::Date::new(year, month, day).ok()?.at(0, 0, 0, 0);
        let seconds = Offset::UTC.to_timestamp(midnight).ok()?.as_second();
        Some(Self(seconds.div_euclid(DAY_NS / 1_000_000_000)))
    }

    /// Days since 1970-01-01, like [`TimestampNs::date`].
    #[must_use]
    pub const fn days(self) -> i64 {
        self.0
    }

    /// Returns the UTC date of a timestamp.
    #[must_use]
    pub const fn of(timestamp: TimestampNs) -> Self {
        Self(timestamp.date())
    }
}

impl FromStr for Date {
    type Err = NoDate;

    fn from_str(text: &str) -> Result<Self, NoDate> {
        let number = |at: std::ops::Range<usize>| {
            let digits = text.get(at)?;
            if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse::<i16>().ok() } else { None }
        };
        let read = || {
            let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
            let dashes = (text.len(), text.get(4..5), text.get(7..8)) == (10, Some("-"), Some("-"));
            let is_near = dashes && YEARS.contains(&year);
            if is_near { Self::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?) } else { None }
        };
        read().ok_or_else(|| NoDate(text.to_owned()))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Iso(TimestampNs(self.0.saturating_mul(DAY_NS))).fmt(f)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_parses_its_displayed_text() {
        let cases =
            [("1970-01-01", 0), ("2000-02-29", 11_016), ("2020-03-16", 18_337), ("1678-01-01", -106_650)];
        for (text, days) in cases {
            let date: Date = text.parse().unwrap();
            assert_eq!((date.days(), date.to_string().as_str()), (days, text));
        }
        for wrong in [
            "",
            "2020",
            "2020-1-1",
            "2021-02-29",
            "2020-13-01",
            "1500-01-01",
            "2020-03-16T00:00:00Z",
            "x-y-z",
        ] {
            assert_eq!(wrong.parse::<Date>(), Err(NoDate(wrong.to_owned())));
        }
        for days in (-100_000..100_000).step_by(13) {
            let date = Date(days);
            assert_eq!(date.to_string().parse(), Ok(date));
        }
    }
}
