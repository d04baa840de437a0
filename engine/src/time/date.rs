//! A date as people write it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Iso;
use super::{DAY_NS, TimestampNs};

/// Last year whose dates are timestamps, and the first.
const YEARS: std::ops::RangeInclusive<i64> = 1678..=2261;

/// A UTC date: `2020-02-29` in a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(i64);

/// A text is no date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found {0:?}, expected a date such as 2015-01-31, from 1678 to 2261")]
pub struct NoDate(String);

impl Date {
    /// Days since 1970-01-01, as [`TimestampNs::date`] has them.
    #[must_use]
    pub const fn days(self) -> i64 {
        self.0
    }

    /// The date that a timestamp falls on.
    #[must_use]
    pub const fn of(timestamp: TimestampNs) -> Self {
        Self(timestamp.date())
    }
}

impl FromStr for Date {
    type Err = NoDate;

    fn from_str(text: &str) -> Result<Self, NoDate> {
        let mut parts = text.splitn(3, '-').map(|part| part.parse::<u16>().map(i64::from));
        let (Some(Ok(year)), Some(Ok(month)), Some(Ok(day))) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(NoDate(text.to_owned()));
        };
        let date = Self(days(year, month, day));
        // What does not come back as it was written is no date, such as the 30th of February.
        let is_date = YEARS.contains(&year) && date.to_string() == text;
        if is_date { Ok(date) } else { Err(NoDate(text.to_owned())) }
    }
}

/// Days since 1970-01-01 (proleptic Gregorian calendar). Years are counted from March, so that the leap day is the last
/// of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
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
    fn a_date_is_read_as_it_is_written() {
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
