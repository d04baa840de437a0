//! Returns of many trials by date, with missing values.

use crate::metrics::{Correlations, Figures, ObservedSharpe};
use crate::time::TimestampNs;

/// Figures of one trial, over the times at which it has a return.
#[derive(Clone, Debug)]
pub struct TrialFigures {
    /// Time of the first return.
    pub first: Option<TimestampNs>,
    /// Time of the last return.
    pub last: Option<TimestampNs>,
    /// Number of returns.
    pub count: usize,
    /// Times between the first and the last return without a return.
    pub missing: usize,
    /// Sharpe ratio per period with its moments; NaN for fewer than two returns or no volatility.
    pub observed: ObservedSharpe,
    /// Annualised figures.
    pub figures: Figures,
}

/// Figures of trials, and their returns at the times at which all of them have one.
///
/// A trial's own figures use its own times. Correlations and the probability of overfitting compare trials with each
/// other and use only the common times.
#[derive(Clone, Debug)]
pub struct TrialPanel {
    /// Figures of each trial.
    pub trials: Vec<TrialFigures>,
    /// Common times.
    pub times: Vec<TimestampNs>,
    /// Returns of each trial at the common times.
    pub common: Vec<Vec<f64>>,
    /// Pearson correlations at the common times.
    pub correlations: Correlations,
}

impl TrialPanel {
    /// Figures of trials with one return per time, NaN for a missing one, annualised by `periods_per_year`.
    #[must_use]
    pub fn new(times: &[TimestampNs], returns: &[Vec<f64>], periods_per_year: f64) -> Self {
        let trials =
            returns.iter().map(|returns| TrialFigures::new(times, returns, periods_per_year)).collect();
        let is_common = |row: &usize| returns.iter().all(|returns| !returns[*row].is_nan());
        let rows: Vec<usize> = (0..times.len()).filter(is_common).collect();
        let common: Vec<Vec<f64>> =
            returns.iter().map(|returns| rows.iter().map(|row| returns[*row]).collect()).collect();
        let correlations = Correlations::of(&common);
        Self { trials, times: rows.iter().map(|row| times[*row]).collect(), common, correlations }
    }

    /// Sharpe ratio per period of each trial; NaN where it is not defined.
    #[must_use]
    pub fn ratios(&self) -> Vec<f64> {
        self.trials.iter().map(|trial| trial.observed.ratio).collect()
    }
}

impl TrialFigures {
    fn new(times: &[TimestampNs], returns: &[f64], periods_per_year: f64) -> Self {
        let known: Vec<f64> = returns.iter().copied().filter(|r| !r.is_nan()).collect();
        let first = returns.iter().position(|r| !r.is_nan());
        let last = returns.iter().rposition(|r| !r.is_nan());
        let span = first.zip(last).map_or(0, |(first, last)| last + 1 - first);
        Self {
            first: first.map(|row| times[row]),
            last: last.map(|row| times[row]),
            count: known.len(),
            missing: span - known.len(),
            observed: ObservedSharpe::of(known.iter().copied()),
            figures: Figures::of(known.iter().copied(), periods_per_year),
        }
    }
}
