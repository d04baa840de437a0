//! Settings of an analysis.

use crate::execution::{CostMultipliers, ExecutionSettings};
use crate::time::Zone;

/// Default horizons in bars: one bar to a quarter of daily bars.
pub const HORIZONS: [usize; 8] = [1, 2, 3, 5, 10, 21, 42, 63];

/// Longest horizon in bars.
const LONGEST: usize = 10_000;

/// Horizons in bars, ascending and distinct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Horizons(Vec<usize>);

/// Error of a list of horizons.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found horizons {0:?}, expected ascending numbers of bars from 1 to 10000, e.g. [1, 5, 21]")]
pub struct InvalidHorizons(Vec<usize>);

impl Horizons {
    /// Horizons in bars.
    ///
    /// # Errors
    /// Fails if the list is empty, not ascending, or has a number outside 1 to 10,000.
    pub fn new(bars: Vec<usize>) -> Result<Self, InvalidHorizons> {
        let is_ascending = bars.windows(2).all(|pair| pair[0] < pair[1]);
        let is_in_range = bars.iter().all(|bars| (1..=LONGEST).contains(bars));
        if bars.is_empty() || !is_ascending || !is_in_range {
            Err(InvalidHorizons(bars))
        } else {
            Ok(Self(bars))
        }
    }

    /// Numbers of bars, ascending.
    #[must_use]
    pub fn bars(&self) -> &[usize] {
        &self.0
    }

    /// Longest horizon in bars.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.0.last().copied().unwrap_or_default()
    }
}

impl Default for Horizons {
    fn default() -> Self {
        Self(HORIZONS.to_vec())
    }
}

/// Treatment of an instrument without a price on a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingPrice {
    /// It is not in the sample.
    #[default]
    LeaveOut,
    /// Its last price counts, as in `alphalens` with `pandas` below version 3. An instrument that trades no
    /// more then returns 0.
    Carry,
}

/// Cost of a trade as a share of its notional, before impact: commission plus the half-spread of all
/// instruments (`commission_bps`, `half_spread_bps`), each with its multiplier.
#[must_use]
pub fn cost_rate(execution: &ExecutionSettings, times: CostMultipliers) -> f64 {
    1e-4 * (execution.commission_bps * times.commission + execution.half_spread_bps * times.spread)
}

/// Settings of an analysis.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalysisSettings {
    /// Horizons of the forward returns.
    pub horizons: Horizons,
    /// Treatment of missing prices.
    pub missing_price: MissingPrice,
    /// Bars per year: days per year times bars per day.
    pub bars_per_year: f64,
    /// Cost of a trade as a share of its notional: see [`cost_rate`].
    pub cost_rate: f64,
    /// Time zone of the dates.
    pub zone: Zone,
}

impl Default for AnalysisSettings {
    fn default() -> Self {
        Self {
            horizons: Horizons::default(),
            missing_price: MissingPrice::default(),
            bars_per_year: 252.0,
            cost_rate: 5e-4,
            zone: Zone::UTC,
        }
    }
}
