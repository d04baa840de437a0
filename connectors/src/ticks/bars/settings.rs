//! How bars are made.

use betaflow_engine::time::DAY_NS;

/// How trades become bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarSettings {
    /// Length of a bar, in ns. It divides a day, and bars begin at midnight UTC and at its multiples.
    pub length_ns: i64,
    /// How much later than the latest event an event may come by its own time, in ns, and still belong to its bar.
    pub lateness_ns: i64,
    /// What becomes of events that come later than that.
    pub late: LatePolicy,
    /// Intervals that start before this time, ns since 1970 UTC, are not made: they began before the feed did, or
    /// history has them.
    pub from_ns: i64,
}

/// What becomes of an event whose bar is closed. A closed bar never changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LatePolicy {
    /// It is dropped and counted.
    #[default]
    DropAndCount,
}

/// Settings that make no bars.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BarsError {
    /// A length that does not divide a day.
    #[error(
        "bar length: found {found} ns, expected a length above 0 that divides a day, such as 1m, 5m or 1h"
    )]
    Length {
        /// What was found, in ns.
        found: i64,
    },
    /// A negative lateness, or one of more than a day.
    #[error("lateness: found {found} ns, expected 0 to a day; a few seconds are usual")]
    Lateness {
        /// What was found, in ns.
        found: i64,
    },
    /// Nothing to make bars of.
    #[error("bars: found no {what}, expected at least one; name them in [feed]")]
    Nothing {
        /// `venues` or `symbols`.
        what: &'static str,
    },
}

impl BarSettings {
    /// Refuses lengths that do not divide a day, and a lateness outside of 0 to a day.
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
