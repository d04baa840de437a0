//! Trading sessions of an exchange: the opening and the close of each date.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{DAY_NS, Date, Iso, TimestampNs, duration_ns, time_of_day};

const HOUR_NS: i64 = DAY_NS / 24;

/// Trading session of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Local date, in days since 1970-01-01. A session that opens in the evening has the date of its close.
    pub date: i64,
    /// Opening.
    pub open: TimestampNs,
    /// Close.
    pub close: TimestampNs,
}

impl Session {
    /// Length in ns.
    #[must_use]
    pub const fn length_ns(&self) -> i64 {
        self.close.since(self.open)
    }
}

/// Sessions that contradict each other; `at` is the number of the later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionFault {
    /// The date is not after that of the preceding session.
    Order {
        /// Number of the session.
        at: usize,
    },
    /// The session does not close after it opens.
    Empty {
        /// Number of the session.
        at: usize,
    },
    /// The session is longer than a day, or opens or closes more than two days from midnight UTC of its date.
    Far {
        /// Number of the session.
        at: usize,
    },
    /// The session opens before the preceding one closes.
    Overlap {
        /// Number of the session.
        at: usize,
    },
}

/// Sessions in the order of their dates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sessions {
    rows: Vec<Session>,
    /// Length of most sessions, in ns.
    full_ns: i64,
}

impl Sessions {
    /// Returns the sessions, sorted by date.
    ///
    /// # Errors
    /// The first fault.
    pub fn new(rows: Vec<Session>) -> Result<Self, SessionFault> {
        let mut previous: Option<&Session> = None;
        for (at, row) in rows.iter().enumerate() {
            // A date whose midnight is not a timestamp is far from every one.
            let midnight = row.date.checked_mul(DAY_NS).map(TimestampNs);
            let far = |time: TimestampNs| {
                midnight
                    .is_none_or(|midnight| time.since(midnight).unsigned_abs() > 2 * DAY_NS.unsigned_abs())
            };
            if previous.is_some_and(|previous| previous.date >= row.date) {
                return Err(SessionFault::Order { at });
            }
            if row.open >= row.close {
                return Err(SessionFault::Empty { at });
            }
            // A day on which the clock is set back has 25 hours.
            if row.length_ns() > DAY_NS + 2 * HOUR_NS || far(row.open) || far(row.close) {
                return Err(SessionFault::Far { at });
            }
            if previous.is_some_and(|previous| previous.close > row.open) {
                return Err(SessionFault::Overlap { at });
            }
            previous = Some(row);
        }
        let mut lengths: Vec<i64> = rows.iter().map(Session::length_ns).collect();
        lengths.sort_unstable();
        // Of lengths that are equally frequent, the longer one.
        let full_ns =
            lengths.chunk_by(|a, b| a == b).max_by_key(|equal| equal.len()).map_or(0, |equal| equal[0]);
        Ok(Self { rows, full_ns })
    }

    /// All sessions.
    #[must_use]
    pub fn rows(&self) -> &[Session] {
        &self.rows
    }

    /// Session of a date, in days since 1970-01-01.
    #[must_use]
    pub fn on(&self, date: i64) -> Option<&Session> {
        self.rows.binary_search_by_key(&date, |row| row.date).ok().map(|at| &self.rows[at])
    }

    /// Session in which a bar closes at a time: from its opening to its close, both included.
    #[must_use]
    pub fn at(&self, time: TimestampNs) -> Option<&Session> {
        let after = self.rows.partition_point(|row| row.close < time);
        self.rows.get(after).filter(|row| row.open <= time)
    }

    /// Session in which a bar closes, else that of its local date.
    #[must_use]
    pub fn of(&self, time: TimestampNs, date: i64) -> Option<&Session> {
        self.at(time).or_else(|| self.on(date))
    }

    /// Sessions of a year: the mean over the calendar years that the sessions cover, from the first ten days of January to
    /// the last ten of December. `None` without such a year.
    #[must_use]
    pub fn per_year(&self) -> Option<f64> {
        const EDGE_DAYS: i64 = 10;
        let year = |row: &Session| Iso(TimestampNs(row.date * DAY_NS)).civil().0;
        let first_of = |year: i64| Date::new(i16::try_from(year).ok()?, 1, 1).map(Date::days);
        let is_whole = |rows: &&[Session]| {
            let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return false };
            let (Some(begins), Some(ends)) = (first_of(year(first)), first_of(year(first) + 1)) else {
                return false;
            };
            first.date < begins + EDGE_DAYS && last.date >= ends - EDGE_DAYS
        };
        let years: Vec<&[Session]> = self.rows.chunk_by(|a, b| year(a) == year(b)).filter(is_whole).collect();
        let sessions: usize = years.iter().map(|rows| rows.len()).sum();
        (!years.is_empty()).then(|| sessions as f64 / years.len() as f64)
    }

    /// Mean length of the sessions as a share of that of most of them: slightly below 1 with half-days.
    #[must_use]
    pub fn mean_share(&self) -> f64 {
        let total: f64 = self.rows.iter().map(|row| row.length_ns() as f64).sum();
        let full = self.full_ns as f64 * self.rows.len() as f64;
        if full > 0.0 { total / full } else { 1.0 }
    }

    /// SHA-256 of the sessions up to a date, included.
    #[must_use]
    pub fn digest_until(&self, date: i64) -> [u8; 32] {
        let mut digest = Sha256::new();
        for row in self.rows.iter().take_while(|row| row.date <= date) {
            [row.date, row.open.0, row.close.0].iter().for_each(|number| digest.update(number.to_le_bytes()));
        }
        digest.finalize().into()
    }

    /// SHA-256 of all sessions.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest_until(i64::MAX)
    }
}

/// Time from which a date rebalances, by the clock or by the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RebalanceTime {
    /// Nanoseconds after local midnight.
    OfDay(i64),
    /// Nanoseconds after the opening of the session.
    AfterOpen(i64),
    /// Nanoseconds before the close of the session.
    BeforeClose(i64),
}

/// Error of text that is not a [`RebalanceTime`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found {0:?}, expected a time of day such as 15:30, or close-15m or open+30m")]
pub struct NoRebalanceTime(pub String);

impl FromStr for RebalanceTime {
    type Err = NoRebalanceTime;

    /// Parses `15:30`, `open+30m`, `open`, `close-15m` or `close`.
    fn from_str(text: &str) -> Result<Self, NoRebalanceTime> {
        let distance = |rest: &str, sign: char| match rest.strip_prefix(sign) {
            Some(length) if length.starts_with(|first: char| first.is_ascii_digit()) => {
                duration_ns(length).ok()
            }
            None if rest.is_empty() => Some(0),
            _ => None,
        };
        let read = if let Some(rest) = text.strip_prefix("open") {
            distance(rest, '+').map(Self::AfterOpen)
        } else if let Some(rest) = text.strip_prefix("close") {
            distance(rest, '-').map(Self::BeforeClose)
        } else {
            time_of_day(text).map(Self::OfDay)
        };
        read.ok_or_else(|| NoRebalanceTime(text.to_owned()))
    }
}

impl RebalanceTime {
    /// Returns true if the time is relative to a session.
    #[must_use]
    pub const fn needs_sessions(self) -> bool {
        !matches!(self, Self::OfDay(_))
    }

    /// Date that a frame may rebalance, if it closes at the time or later: the date of its session, else its local date.
    /// `None` too early, and on a date without a session if the time is relative to one.
    ///
    /// The time lies within its session: a session shorter than the distance from its close rebalances from its opening.
    #[must_use]
    pub fn date_of(
        self,
        timestamp: TimestampNs,
        local_time: TimestampNs,
        sessions: Option<&Sessions>,
    ) -> Option<i64> {
        let date = local_time.date();
        if let Self::OfDay(time) = self {
            return (local_time.of_day() >= time).then_some(date);
        }
        let session = sessions?.of(timestamp, date)?;
        let from = match self {
            Self::BeforeClose(before) => (session.close.0 - before).max(session.open.0),
            Self::AfterOpen(after) => (session.open.0 + after).min(session.close.0),
            Self::OfDay(_) => return None,
        };
        (timestamp.0 >= from).then_some(session.date)
    }
}
