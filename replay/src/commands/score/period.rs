//! Period that an opening has read.

use betaflow_engine::time::TimestampNs;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::summary::time_text;

/// Period between two timestamps, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) from: TimestampNs,
    pub(crate) to: TimestampNs,
}

impl Period {
    /// Parses a period. A bound that is missing or invalid is open, so that too much counts as seen rather than too
    /// little.
    pub(crate) fn of(from: &str, to: Option<&str>) -> Self {
        Self {
            from: parsed_time(from).unwrap_or(TimestampNs(i64::MIN)),
            to: to.and_then(parsed_time).unwrap_or(TimestampNs(i64::MAX)),
        }
    }

    /// Returns the times inside the period, from times in ascending order.
    pub(crate) fn part_of<'a>(&self, times: &'a [TimestampNs]) -> &'a [TimestampNs] {
        let first = times.partition_point(|time| *time < self.from);
        let end = times.partition_point(|time| *time <= self.to);
        times.get(first..end).unwrap_or_default()
    }

    /// Returns the period as text: `2020-01-02 to 2020-06-30`.
    pub(crate) fn text(&self) -> String {
        let [from, to] = [self.from, self.to].map(|time| time_text(Some(time)).unwrap_or_default());
        format!("{from} to {to}")
    }
}

/// Inverse of [`time_text`].
fn parsed_time(text: &str) -> Option<TimestampNs> {
    let timestamp = match text.parse::<Timestamp>() {
        Ok(timestamp) => timestamp,
        Err(_) => text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp(),
    };
    i64::try_from(timestamp.as_nanosecond()).ok().map(TimestampNs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_parsed_as_they_are_written() {
        for nanoseconds in [0, 86_400_000_000_000, 1_577_836_799_999_999_999, -1] {
            let time = TimestampNs(nanoseconds);
            assert_eq!(time_text(Some(time)).as_deref().and_then(parsed_time), Some(time));
        }
        assert_eq!(parsed_time("1970-01-02T01:00:00Z"), Some(TimestampNs(90_000_000_000_000)));
        assert_eq!(parsed_time("soon"), None);
    }
}
