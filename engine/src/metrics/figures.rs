//! Performance figures of a series of returns.

use serde::{Deserialize, Serialize};

use super::relative::Relative;
use super::sharpe::SharpeUncertainty;

/// Performance figures of N simple returns per frame, by the definitions of `empyrical`; risk-free rate 0.
///
/// Undefined figures are NaN, and null in `summary.json`:
///
/// - N = 0: all figures;
/// - N = 1: `sharpe`, `sortino`, `omega`, `annual_volatility`, `stability_of_timeseries`, `skew`, `kurtosis`;
/// - returns that are equal up to rounding: `sharpe`, `skew`, `kurtosis`;
/// - no loss: `sortino`, `omega`, `calmar`; a 5th percentile of 0: `tail_ratio`;
/// - ruin (a return of −100 % or less): all but `total_return`, `annual_return` and `max_drawdown`, which are −1.
///
/// Returns after ruin are not counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Annualised Sharpe ratio: mean/std · √(frames per year), with the sample standard deviation.
    pub sharpe: f64,
    /// Annualised mean over annualised downside deviation, the root mean square of min(r, 0) over all
    /// returns.
    pub sortino: f64,
    /// Annual return over the size of the maximum drawdown.
    pub calmar: f64,
    /// Maximum drawdown, from a peak that is at least the start value; at most 0.
    pub max_drawdown: f64,
    /// Sum of gains over sum of losses.
    pub omega: f64,
    /// |95th percentile| over |5th percentile|.
    pub tail_ratio: f64,
    /// Compound annual growth rate; years are frames over frames per year.
    pub annual_return: f64,
    /// Annualised sample standard deviation.
    pub annual_volatility: f64,
    /// 5th percentile of the returns, interpolated.
    pub value_at_risk: f64,
    /// Mean of the lowest ⌊(N − 1)·5 %⌋ + 1 returns.
    pub conditional_value_at_risk: f64,
    /// Total return.
    pub total_return: f64,
    /// R² of a straight line through the cumulated log returns.
    pub stability_of_timeseries: f64,
    /// Population skewness, as `scipy.stats.skew`.
    pub skew: f64,
    /// Population excess kurtosis, as `scipy.stats.kurtosis`: 0 for a normal distribution.
    pub kurtosis: f64,
    /// Highest return of a frame.
    pub best_return: f64,
    /// Lowest return of a frame.
    pub worst_return: f64,
    /// Figures relative to the benchmark; all NaN without one.
    #[serde(flatten)]
    pub relative: Relative,
    /// Uncertainty of the Sharpe ratio.
    #[serde(flatten)]
    pub uncertainty: SharpeUncertainty,
}

impl Figures {
    /// Figures of the series alone, each with its name.
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

    /// All figures with their names: of the series, relative to the benchmark, and of uncertainty.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.items().into_iter().chain(self.relative.items()).chain(self.uncertainty.items())
    }
}
