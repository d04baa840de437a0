//! Timestamps, dates, durations and their text; time zones and trading sessions.
//!
//! The engine reads no clock: time is always an input.

mod date;
mod duration;
mod iso;
mod sessions;
mod zone;

use serde::{Deserialize, Serialize};

pub use date::{Date, NoDate};
pub use duration::{NoDuration, duration, duration_ns, duration_text};
pub use iso::Iso;
pub use sessions::{NoRebalanceTime, RebalanceTime, Session, SessionFault, Sessions};
pub use zone::{NoZone, UtcOffset, Zone, time_of_day};

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimestampNs(pub i64);

/// Nanoseconds in a day.
pub const DAY_NS: i64 = 86_400_000_000_000;

impl TimestampNs {
    /// UTC date of the timestamp, in days since 1970-01-01. The date in the time zone of a run is [`Zone::date`], that of
    /// a frame [`Frame::date`](crate::frame::Frame::date).
    #[must_use]
    pub const fn date(self) -> i64 {
        self.0.div_euclid(DAY_NS)
    }

    /// Nanoseconds since another timestamp. Two timestamps can be 584 years apart, and 64 bits hold 292: longer times are
    /// cut to that.
    #[must_use]
    pub const fn since(self, other: Self) -> i64 {
        self.0.saturating_sub(other.0)
    }

    /// Nanoseconds since midnight UTC.
    #[must_use]
    pub const fn of_day(self) -> i64 {
        self.0.rem_euclid(DAY_NS)
    }

    /// Returns true for midnight UTC, the timestamp of a plain date.
    #[must_use]
    pub const fn is_midnight(self) -> bool {
        self.of_day() == 0
    }
}
