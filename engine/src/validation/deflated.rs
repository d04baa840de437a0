//! Deflated Sharpe ratio: significance of the best of many trials.

use crate::distributions::normal_quantile;
use crate::metrics::ObservedSharpe;

/// Euler's constant γ.
const EULER: f64 = 0.577_215_664_901_532_9;

/// Number of trials before a choice, and the variance of their Sharpe ratios.
///
/// Count every trial that was looked at, and take the variance of all observed ratios, including the chosen
/// one. Correlated trials count as fewer: `count` may be a fraction, and counting all of them is
/// conservative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trials {
    /// Number N of independent trials, at least 1.
    pub count: f64,
    /// Sample variance V of their Sharpe ratios per frame.
    pub variance: f64,
}

impl Trials {
    /// Trials from the Sharpe ratios per frame of all of them. A NaN, the ratio of a trial without
    /// volatility, is skipped.
    #[must_use]
    pub fn of(ratios: &[f64]) -> Self {
        let known = || ratios.iter().copied().filter(|ratio| !ratio.is_nan());
        let count = known().count() as f64;
        let mean = known().sum::<f64>() / count;
        let squares: f64 = known().map(|ratio| (ratio - mean) * (ratio - mean)).sum();
        Self { count, variance: if count > 1.0 { squares / (count - 1.0) } else { 0.0 } }
    }

    /// Expected highest Sharpe ratio per frame if no trial has any skill: SR₀ of Bailey & López de Prado
    /// 2014, eq. 1. It is 0 for a single trial or equal ratios, and NaN without trials.
    #[must_use]
    pub fn expected_best(&self) -> f64 {
        if self.count == 1.0 || (self.variance == 0.0 && self.count > 1.0) {
            return 0.0;
        }
        self.variance.sqrt() * expected_highest(self.count)
    }

    /// Deflated Sharpe ratio of the chosen trial: probability that its true ratio is above 0, given that it
    /// was chosen among these trials (Bailey & López de Prado 2014, eq. 2). It is the probabilistic Sharpe
    /// ratio against [`Trials::expected_best`]; NaN if the ratio is NaN.
    ///
    /// ```
    /// use betaflow_engine::metrics::ObservedSharpe;
    /// use betaflow_engine::validation::Trials;
    ///
    /// // The example of the paper: an annual Sharpe ratio of 2.5 on five years of 250 days, the best of 100
    /// // trials with an annual variance of 1/2.
    /// let observed =
    ///     ObservedSharpe { count: 1250.0, ratio: 2.5 / 250_f64.sqrt(), skewness: -3.0, kurtosis: 10.0 };
    /// let trials = Trials { count: 100.0, variance: 0.5 / 250.0 };
    /// assert!((trials.deflated_sharpe(&observed) - 0.900).abs() < 0.0005);
    /// ```
    #[must_use]
    pub fn deflated_sharpe(&self, chosen: &ObservedSharpe) -> f64 {
        chosen.probability_above(self.expected_best())
    }
}

/// Minimum backtest length in years: below it, the best of `trials` trials without skill is expected to have
/// an annual Sharpe ratio of `sharpe` or more (Bailey, Borwein, López de Prado & Zhu 2014, theorem 3.1). It
/// is 0 for one trial; NaN for fewer, or for a ratio that is not above 0.
#[must_use]
pub fn min_backtest_years(trials: f64, sharpe: f64) -> f64 {
    if trials == 1.0 && sharpe > 0.0 {
        return 0.0;
    }
    // The approximation is negative for fractions just above one trial.
    let highest = expected_highest(trials);
    let lengths = if highest < 0.0 { 0.0 } else { highest / sharpe };
    if sharpe > 0.0 { lengths * lengths } else { f64::NAN }
}

/// Upper bound 2 ln N/SR² of the minimum backtest length in years, for an annual Sharpe ratio of `sharpe` (Bailey, Borwein,
/// López de Prado & Zhu 2014, theorem 3.1); NaN for fewer than one trial, or a ratio that is not above 0.
#[must_use]
pub fn min_backtest_years_bound(trials: f64, sharpe: f64) -> f64 {
    if trials >= 1.0 && sharpe > 0.0 { 2.0 * libm::log(trials) / (sharpe * sharpe) } else { f64::NAN }
}

/// Approximate expected maximum of `count` standard normal variables; NaN for one or fewer.
fn expected_highest(count: f64) -> f64 {
    if count.is_nan() || count <= 1.0 {
        return f64::NAN;
    }
    let most = normal_quantile(1.0 - 1.0 / count);
    (1.0 - EULER) * most + EULER * normal_quantile(1.0 - 1.0 / (count * std::f64::consts::E))
}
