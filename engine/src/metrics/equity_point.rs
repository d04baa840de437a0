//! One row of the equity of a run, and its returns.

use crate::execution::Costs;
use crate::time::{TimestampNs, UtcOffset};

/// One row of the equity of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EquityPoint {
    /// Close of the frame.
    pub timestamp: TimestampNs,
    /// Local time less UTC.
    pub utc_offset: UtcOffset,
    /// Net asset value.
    pub nav: f64,
    /// Costs of the frame, in currency.
    pub costs: Costs,
    /// Turnover decided on the frame, as a share of NAV.
    pub turnover: f64,
    /// Marginal value of turnover at the rebalance; NaN if undefined.
    pub cap_multiplier: f64,
    /// Predicted volatility of the return in the next frame, a year; NaN without a prediction.
    pub predicted_volatility: f64,
    /// Net asset value of the benchmark.
    pub benchmark_nav: f64,
}

/// Returns of one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameReturns {
    /// Return after costs.
    pub net: f64,
    /// Return before costs, (ΔNAV_t + costs_t)/NAV_{t−1}.
    pub gross: f64,
    /// Return of the benchmark, after its costs.
    pub benchmark: f64,
}

impl EquityPoint {
    /// Clock time of the run's time zone, as if it were UTC; calendars follow its date.
    #[must_use]
    pub const fn local_time(&self) -> TimestampNs {
        self.timestamp.local(self.utc_offset)
    }

    /// Returns since the previous row.
    #[must_use]
    pub fn returns_since(&self, before: &Self) -> FrameReturns {
        FrameReturns {
            net: self.nav / before.nav - 1.0,
            gross: (self.nav - before.nav + self.costs.total()) / before.nav,
            benchmark: self.benchmark_nav / before.benchmark_nav - 1.0,
        }
    }
}
