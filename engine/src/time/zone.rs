//! Time zone of the dates of a run.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize, Serializer};

use super::{DAY_NS, TimestampNs};

/// Local time less UTC at one moment, in ns; 0 in UTC, and for a timestamp that is a plain date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UtcOffset(pub i64);

impl TimestampNs {
    /// Clock time of a place with this offset, as if it were UTC. Its [`date`](Self::date) is the local date.
    #[must_use]
    pub const fn local(self, offset: UtcOffset) -> Self {
        Self(self.0.saturating_add(offset.0))
    }
}

/// Time zone in which a timestamp has its date and time of day. The default is UTC.
///
/// The rules come from the database of the program (IANA), never from the computer, so all computers have the same
/// dates.
#[derive(Clone, Debug, Default)]
pub struct Zone(Option<Local>);

#[derive(Clone, Debug)]
struct Local {
    name: String,
    rules: TimeZone,
    midnights_are_dates: bool,
}

/// Error of a name that no time zone has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found {0:?}, expected a time zone of the IANA database such as America/New_York")]
pub struct NoZone(pub String);

impl Zone {
    /// Universal time.
    pub const UTC: Self = Self(None);

    /// Returns the zone with a name of the IANA database, such as `America/New_York`, in any case of its letters.
    ///
    /// `midnights_are_dates`: true for daily data. A timestamp at exactly midnight UTC is then the date that it states,
    /// as in a column of dates, and not the evening before in America. In intraday data it is a moment like any other.
    ///
    /// # Errors
    /// No zone has the name.
    pub fn named(name: &str, midnights_are_dates: bool) -> Result<Self, NoZone> {
        let rules = TimeZoneDatabase::bundled().get(name).map_err(|_| NoZone(name.to_owned()))?;
        let name = rules.iana_name().unwrap_or(name).to_owned();
        Ok(if rules == TimeZone::UTC {
            Self::UTC
        } else {
            Self(Some(Local { name, rules, midnights_are_dates }))
        })
    }

    /// Names of all zones.
    #[must_use]
    pub fn names() -> Vec<String> {
        TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect()
    }

    /// Name in the IANA database; `UTC` for universal time.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.as_ref().map_or("UTC", |local| &local.name)
    }

    /// Returns true for universal time.
    #[must_use]
    pub const fn is_utc(&self) -> bool {
        self.0.is_none()
    }

    /// Returns true for daily data, in which a timestamp at midnight UTC is the date that it states.
    #[must_use]
    pub fn has_dates(&self) -> bool {
        self.0.as_ref().is_some_and(|local| local.midnights_are_dates)
    }

    /// Local time less UTC at a timestamp.
    #[must_use]
    pub fn offset(&self, timestamp: TimestampNs) -> UtcOffset {
        match &self.0 {
            Some(local) if !(local.midnights_are_dates && timestamp.is_midnight()) => local.offset(timestamp),
            _ => UtcOffset::default(),
        }
    }

    /// Clock time at a timestamp, as if it were UTC.
    #[must_use]
    pub fn local(&self, timestamp: TimestampNs) -> TimestampNs {
        timestamp.local(self.offset(timestamp))
    }

    /// Date of a timestamp, in days since 1970-01-01.
    #[must_use]
    pub fn date(&self, timestamp: TimestampNs) -> i64 {
        self.local(timestamp).date()
    }

    /// First moment of a date, in days since 1970-01-01. In daily data no frame of the date is before it: it is the
    /// earlier of local midnight and midnight UTC.
    #[must_use]
    pub fn midnight(&self, date: i64) -> TimestampNs {
        let plain = TimestampNs(date.saturating_mul(DAY_NS));
        match &self.0 {
            None => plain,
            Some(local) if local.midnights_are_dates => local.moment(plain).min(plain),
            Some(local) => local.moment(plain),
        }
    }

    /// Moment at which the clock shows a local time, given as if it were UTC. A time that the clock skips is the moment of
    /// the change; of a time that it shows twice it is the first.
    #[must_use]
    pub fn moment(&self, local_time: TimestampNs) -> TimestampNs {
        self.0.as_ref().map_or(local_time, |local| local.moment(local_time))
    }
}

impl Local {
    fn offset(&self, timestamp: TimestampNs) -> UtcOffset {
        // Every count of nanoseconds in 64 bits is in jiff's range, which ends in the years -9999 and 9999.
        let moment = Timestamp::from_nanosecond(i128::from(timestamp.0)).unwrap_or_default();
        UtcOffset(i64::from(self.rules.to_offset(moment).seconds()) * 1_000_000_000)
    }

    fn moment(&self, local_time: TimestampNs) -> TimestampNs {
        // The offsets of the zone a day before and after are those before and after any change near the time.
        let near = [-DAY_NS, DAY_NS].map(|days| self.offset(TimestampNs(local_time.0.saturating_add(days))));
        let [before, after] = near.map(|offset| TimestampNs(local_time.0.saturating_sub(offset.0)));
        let shows = |moment: TimestampNs| moment.local(self.offset(moment)) == local_time;
        match (shows(before), shows(after)) {
            (true, true) => before.min(after),
            (true, false) => before,
            (false, true) => after,
            (false, false) => self.change(after, before),
        }
    }

    /// First moment in a range from which the clock shows later times than at its start.
    fn change(&self, start: TimestampNs, end: TimestampNs) -> TimestampNs {
        let from = Timestamp::from_nanosecond(i128::from(start.0)).unwrap_or_default();
        let next = self.rules.following(from).next();
        let change = next.and_then(|change| i64::try_from(change.timestamp().as_nanosecond()).ok());
        change.map_or(end, |change| TimestampNs(change).min(end))
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        let key = |zone: &Self| zone.0.as_ref().map(|local| (local.name.clone(), local.midnights_are_dates));
        key(self) == key(other)
    }
}

impl Eq for Zone {}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().map(|local| (&local.name, local.midnights_are_dates)).serialize(serializer)
    }
}

/// Parses a time of day such as `15:30` or `09:30:00` to nanoseconds after midnight; `None` for other text.
#[must_use]
pub fn time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.split(':').map(|part| part.parse::<u8>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    let valid = parts.next().is_none() && hours < 24 && minutes < 60 && seconds < 60;
    valid.then(|| ((i64::from(hours) * 60 + i64::from(minutes)) * 60 + i64::from(seconds)) * 1_000_000_000)
}
