//! A timestamp as people write it.

use std::fmt;

use super::{DAY_NS, TimestampNs};

/// Displays a timestamp as ISO 8601 in UTC: a midnight as its date, others with as many decimals as needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Iso(pub TimestampNs);

impl Iso {
    /// Year, month and day of the UTC date.
    #[must_use]
    pub fn civil(self) -> (i64, i64, i64) {
        civil(self.0.date())
    }
}

impl fmt::Display for Iso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")?;
        let ns = self.0.0.rem_euclid(DAY_NS);
        if ns == 0 {
            return Ok(());
        }
        let seconds = ns / 1_000_000_000;
        write!(f, "T{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        match ns % 1_000_000_000 {
            0 => {}
            rest if rest % 1_000_000 == 0 => write!(f, ".{:03}", rest / 1_000_000)?,
            rest if rest % 1_000 == 0 => write!(f, ".{:06}", rest / 1_000)?,
            rest => write!(f, ".{rest:09}")?,
        }
        f.write_str("Z")
    }
}

/// Year, month and day of a count of days since 1970-01-01 (proleptic Gregorian calendar).
///
/// Years are counted from March, so that the leap day is the last of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}
