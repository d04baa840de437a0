//! Performance figures of a series of returns.

use serde::{Deserialize, Serialize};

use super::relative::Relative;
use super::sharpe::SharpeUncertainty;

/// Performance figures of a series of N simple returns per frame, by the definitions of `empyrical`; risk-free 0.
///
/// NaN where a figure is not defined, and then null in `summary.json`:
/// * N = 0: all of them;
/// * N = 1: `sharpe`, `sortino`, `omega`, `annual_volatility`, `stability_of_timeseries`, `skew`, `kurtosis`;
/// * returns that are all the same, but for rounding: `sharpe`, `skew`, `kurtosis`;
/// * no loss: `sortino`, `omega`, `calmar`; a 5th percentile of 0: `tail_ratio`;
/// * a return of −100 % or less, which is ruin: all but `total_return`, `annual_return` and `max_drawdown`, which are
///   −1. Returns after it are not counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// mean/std · √(frames a year), sample deviation.
    pub sharpe: f64,
    /// Annualised mean over annualised downside deviation, the root mean square of min(r, 0) over all
    /// returns.
    pub sortino: f64,
    /// Annual return over the size of the largest drawdown.
    pub calmar: f64,
    /// Largest fall from a peak, anchored at the start; at most 0.
    pub max_drawdown: f64,
    /// Sum of gains over sum of losses.
    pub omega: f64,
    /// |95th percentile| over |5th percentile|.
    pub tail_ratio: f64,
    /// Compound annual growth rate, years by count of observations.
    pub annual_return: f64,
    /// Annualised sample deviation.
    pub annual_volatility: f64,
    /// 5th percentile of the returns, interpolated.
    pub value_at_risk: f64,
    /// Mean of the lowest ⌊(N − 1)·5 %⌋ + 1 returns.
    pub conditional_value_at_risk: f64,
    /// Total return.
    pub total_return: f64,
    /// R² of the cumulated logarithmic returns on a straight line.
    pub stability_of_timeseries: f64,
    /// Skewness of the population, as `scipy.stats.skew`.
    pub skew: f64,
    /// Excess kurtosis of the population, as `scipy.stats.kurtosis`: 0 for a normal distribution.
    pub kurtosis: f64,
    /// Largest return of a frame.
    pub best_return: f64,
    /// Lowest return of a frame.
    pub worst_return: f64,
    /// Against the benchmark; all NaN where there is none.
    #[serde(flatten)]
    pub relative: Relative,
    /// Uncertainty of the Sharpe ratio.
    #[serde(flatten)]
    pub uncertainty: SharpeUncertainty,
}

impl Figures {
    /// The figures of the series alone, each under its name.
    #[must_use]
    pub fn items(&self) -> [(&'static str, f64); 16] {
        [
            ("sharpe", self.sharpe),
            ("sortino", self.sortino),
            ("calmar", self.calmar),
            ("max_drawdown", self.max_drawdown),
            ("omega", self.omega),
            ("tail_ratio", self.tail_ratio),
            ("annual_return", self.annual_return),
            ("annual_volatility", self.annual_volatility),
            ("value_at_risk", self.value_at_risk),
            ("conditional_value_at_risk", self.conditional_value_at_risk),
            ("total_return", self.total_return),
            ("stability_of_timeseries", self.stability_of_timeseries),
            ("skew", self.skew),
            ("kurtosis", self.kurtosis),
            ("best_return", self.best_return),
            ("worst_return", self.worst_return),
        ]
    }

    /// Every figure under its name: those of the series, against the benchmark, and of uncertainty.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.items().into_iter().chain(self.relative.items()).chain(self.uncertainty.items())
    }
}
