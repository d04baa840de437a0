//! Settings of bars.

use betaflow_engine::time::DAY_NS;

/// Rules by which trades become bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarSettings {
    /// Length of a bar, in ns. It divides a day; bars start at midnight UTC and its multiples.
    pub length_ns: i64,
    /// Maximum lateness of an event behind the latest one, by event time, in ns.
    pub lateness_ns: i64,
    /// Policy for events beyond the lateness.
    pub late: LatePolicy,
    /// Start of the first interval that is built, ns since 1970 UTC. Earlier ones began before the feed, or
    /// history contains them.
    pub from_ns: i64,
}

/// Policy for events whose bar is closed. A closed bar never changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LatePolicy {
    /// Drop and count the event.
    #[default]
    DropAndCount,
}

/// Invalid settings of bars.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BarsError {
    /// Length that does not divide a day.
    #[error(
        "bar length: found {found} ns, expected a length above 0 that divides a day, such as 1m, 5m or 1h"
    )]
    Length {
        /// Length found, in ns.
        found: i64,
    },
    /// Negative lateness, or one above a day.
    #[error("lateness: found {found} ns, expected 0 to one day; a few seconds are usual")]
    Lateness {
        /// Lateness found, in ns.
        found: i64,
    },
    /// No venue or no instrument.
    #[error("bars: found no {what}, expected at least one; name them in [feed]")]
    Nothing {
        /// `venues` or `symbols`.
        what: &'static str,
    },
}

impl BarSettings {
    /// Checks that the length divides a day and that the lateness is from 0 to one day.
    pub(super) fn check(&self) -> Result<(), BarsError> {
        if self.length_ns <= 0 || DAY_NS % self.length_ns != 0 {
            return Err(BarsError::Length { found: self.length_ns });
        }
        if !(0..=DAY_NS).contains(&self.lateness_ns) {
            return Err(BarsError::Lateness { found: self.lateness_ns });
        }
        Ok(())
    }
}
