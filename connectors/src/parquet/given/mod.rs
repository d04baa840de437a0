//! Forecasts, weights and risk models of the user: rows with a time, in the order of their times.

mod layout;
mod rows;

use betaflow_engine::signal::Clash;
use betaflow_engine::time::{TimestampNs, Zone};
use serde::{Deserialize, Serialize};

pub use rows::GivenRows;

/// Content of a file of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenKind {
    /// Forecasts or scores, with an optional standard deviation.
    Forecasts,
    /// Target weights.
    Weights,
    /// Betas on the named factors, with the standard deviation of the residual return and an optional alpha.
    Betas(Vec<String>),
    /// Covariance of the named factors.
    FactorCov(Vec<String>),
}

impl GivenKind {
    /// Name in messages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Forecasts => "forecasts",
            Self::Weights => "weights",
            Self::Betas(_) => "betas",
            Self::FactorCov(_) => "factor covariances",
        }
    }

    /// Number of values of a row.
    #[must_use]
    pub fn columns(&self) -> usize {
        match self {
            Self::Forecasts => 2,
            Self::Weights => 1,
            Self::Betas(factors) => factors.len() + 2,
            Self::FactorCov(factors) => factors.len(),
        }
    }
}

/// Rule that says from when on a date is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateRule {
    /// Frames per day. With one, a date is known on its frame; with several, on the first frame of the next date.
    pub frames_per_day: u32,
    /// Length of a bar if frames are stamped by the open in the data, else 0, in ns: then the frame of a date closes
    /// that much after its midnight.
    pub open_bar_ns: i64,
    /// Time zone of the dates.
    pub zone: Zone,
}

impl DateRule {
    /// Time from which a date is known, in ns; `midnight`: its midnight UTC in ns.
    #[must_use]
    pub fn known(&self, midnight: i64) -> i64 {
        let date = TimestampNs(midnight).date();
        match self.frames_per_day {
            0 | 1 => self.zone.midnight(date).0.saturating_add(self.open_bar_ns),
            _ => self.zone.midnight(date.saturating_add(1)).0,
        }
    }
}

/// Distinguishes dates from times in a column.
///
/// A column of the type date holds dates. In another column, midnights are dates until the first other time:
/// data frames in Python store dates as midnights. The rule looks at no later row.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Dates {
    has_times: bool,
}

impl Dates {
    /// Returns whether the next time of the column is a date.
    pub(crate) fn is_date(&mut self, time: i64, of_type: bool) -> bool {
        self.has_times |= !of_type && !TimestampNs(time).is_midnight();
        !self.has_times
    }
}

/// Time in a column, in ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CellTime {
    pub(crate) at: i64,
    /// True if the type of the column is a date.
    pub(crate) is_of_date_type: bool,
}

/// Times of a row as its file states them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowTimes {
    pub(crate) time: CellTime,
    /// Value of `known_at`; `None` without one.
    pub(crate) known_at: Option<CellTime>,
}

/// Receiver of the rows of a file.
pub(crate) trait RowSink {
    /// Number of an instrument or factor for [`Self::push`].
    fn id(&mut self, symbol: &str) -> u32;

    /// Receives a row; `values` has one number per column, NaN if absent.
    ///
    /// # Errors
    /// The instrument has the same row twice.
    fn push(&mut self, id: u32, times: &RowTimes, values: &[f64]) -> Result<(), Clash>;
}

#[cfg(test)]
mod tests {
    use betaflow_engine::time::DAY_NS;

    use super::Dates;

    #[test]
    fn midnights_are_dates_until_the_first_other_time() {
        // Time, true if the column has the type date, and whether it is a date.
        let cases: [&[(i64, bool, bool)]; 4] = [
            &[
                (0, false, true),
                (DAY_NS, false, true),
                (DAY_NS + 1, false, false),
                (2 * DAY_NS, false, false),
            ],
            &[(1, false, false), (DAY_NS, false, false)],
            &[(0, true, true), (DAY_NS, true, true)],
            &[(-DAY_NS, false, true), (-1, false, false)],
        ];
        for case in cases {
            let mut dates = Dates::default();
            for (time, of_type, expected) in case {
                assert_eq!(dates.is_date(*time, *of_type), *expected, "{time} of {case:?}");
            }
        }
    }
}
