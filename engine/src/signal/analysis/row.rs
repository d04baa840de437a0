//! Figures of one cross-section at one horizon.

use super::quantiles::QUANTILES;
use crate::time::TimestampNs;

/// Figures of one cross-section at one horizon. NaN where a figure is undefined, and in all figures of a
/// horizon that ends after the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignalRow {
    /// Time of the frame on which the cross-section is known.
    pub timestamp: TimestampNs,
    /// Number of that frame.
    pub seq: u64,
    /// Horizon in bars.
    pub horizon: usize,
    /// Number of instruments with a price on the frame.
    pub instruments: usize,
    /// Number of instruments with a price and a signal.
    pub signals: usize,
    /// Number of instruments that also have a forward return; 0 if the horizon ends after the data.
    pub names: usize,
    /// Pearson correlation of signal and forward return.
    pub ic: f64,
    /// Spearman correlation of signal and forward return.
    pub rank_ic: f64,
    /// Pearson correlation of signal and residual return.
    pub residual_ic: f64,
    /// Spearman correlation of signal and residual return.
    pub residual_rank_ic: f64,
    /// Mean forward return of the sample.
    pub mean_return: f64,
    /// Mean forward return in each quantile, lowest signals first.
    pub quantile_returns: [f64; QUANTILES],
    /// Return of the highest quantile less that of the lowest, before costs.
    pub spread: f64,
    /// The same after the costs of both quantiles.
    pub spread_after_costs: f64,
    /// Share of the names in each quantile that were not in it one horizon before.
    pub turnover: [f64; QUANTILES],
    /// Correlation of the ranks with those one horizon before.
    pub rank_autocorrelation: f64,
    /// Return of the portfolio with weights s − s̄ over their absolute sum.
    pub factor_return: f64,
}

impl SignalRow {
    /// Row without figures.
    pub(super) fn new(timestamp: TimestampNs, seq: u64, horizon: usize, coverage: (usize, usize)) -> Self {
        let (instruments, signals) = coverage;
        Self {
            timestamp,
            seq,
            horizon,
            instruments,
            signals,
            names: 0,
            ic: f64::NAN,
            rank_ic: f64::NAN,
            residual_ic: f64::NAN,
            residual_rank_ic: f64::NAN,
            mean_return: f64::NAN,
            quantile_returns: [f64::NAN; QUANTILES],
            spread: f64::NAN,
            spread_after_costs: f64::NAN,
            turnover: [f64::NAN; QUANTILES],
            rank_autocorrelation: f64::NAN,
            factor_return: f64::NAN,
        }
    }

    /// Share of the instruments with a price that have a signal.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        self.signals as f64 / self.instruments as f64
    }
}
