//! ISO 8601 text of a timestamp.

use std::fmt;

use jiff::tz::Offset;

use super::TimestampNs;

/// Displays a timestamp as ISO 8601 in UTC: midnight as its date, any other time with the decimals of a
/// second that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Iso(pub TimestampNs);

impl Iso {
    /// Returns year, month and day of the UTC date.
    #[must_use]
    pub fn civil(self) -> (i64, i64, i64) {
        let date = Offset::UTC.to_datetime(self.timestamp()).date();
        (date.year().into(), date.month().into(), date.day().into())
    }

    fn timestamp(self) -> jiff::Timestamp {
        // Every count of nanoseconds in 64 bits is in jiff's range, which ends in the years -9999 and 9999.
        jiff::Timestamp::from_nanosecond(i128::from(self.0.0)).unwrap_or_default()
    }
}

impl fmt::Display for Iso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timestamp = self.timestamp();
        if self.0.is_midnight() { Offset::UTC.to_datetime(timestamp).date().fmt(f) } else { timestamp.fmt(f) }
    }
}
