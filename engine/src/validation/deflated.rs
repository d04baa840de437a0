//! What the best of many trials is worth, knowing that it is the best of many.

use crate::distributions::normal_quantile;
use crate::metrics::ObservedSharpe;

/// Euler's constant γ.
const EULER: f64 = 0.577_215_664_901_532_9;

/// What was tried before one was chosen: how many trials, and how far apart their Sharpe ratios lie.
///
/// Count every trial that was looked at, and take the variance of the ratios as observed across them, the chosen one
/// included. Trials that do nearly the same thing count as fewer: `count` may then be a fraction, and taking all of
/// them errs on the side of caution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trials {
    /// Number of independent trials, N, at least 1.
    pub count: f64,
    /// Sample variance of their Sharpe ratios per frame, V.
    pub variance: f64,
}

impl Trials {
    /// Of the Sharpe ratios per frame of all trials. A NaN, the ratio of a trial without volatility, is left out.
    #[must_use]
    pub fn of(ratios: &[f64]) -> Self {
        let known = || ratios.iter().copied().filter(|ratio| !ratio.is_nan());
        let count = known().count() as f64;
        let mean = known().sum::<f64>() / count;
        let squares: f64 = known().map(|ratio| (ratio - mean) * (ratio - mean)).sum();
        Self { count, variance: if count > 1.0 { squares / (count - 1.0) } else { 0.0 } }
    }

    /// Highest Sharpe ratio per frame to be expected of these trials if none of them were worth anything: SR₀ of
    /// Bailey & López de Prado 2014, eq. 1. It is 0 for a single trial or trials that do not differ, and NaN for no
    /// trial.
    #[must_use]
    pub fn expected_best(&self) -> f64 {
        if self.count == 1.0 || (self.variance == 0.0 && self.count > 1.0) {
            return 0.0;
        }
        self.variance.sqrt() * expected_highest(self.count)
    }

    /// Deflated Sharpe ratio of the chosen trial: the chance that its true ratio is above 0, given that it was chosen
    /// among these (Bailey & López de Prado 2014, eq. 2). It is the probabilistic Sharpe ratio against
    /// [`Trials::expected_best`]. NaN where the ratio is.
    ///
    /// ```
    /// use betaflow_engine::metrics::ObservedSharpe;
    /// use betaflow_engine::validation::Trials;
    ///
    /// // The example of the paper: an annual Sharpe ratio of 2.5 on five years of 250 days, the best of 100 trials
    /// // with a variance of 1/2 a year.
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

/// Minimum backtest length in years: what it takes for the best of `trials` worthless ones not to be expected to show
/// an annual Sharpe ratio of `sharpe` or more (Bailey, Borwein, López de Prado & Zhu 2014, theorem 3.1). It is 0 for
/// one trial; NaN for fewer, or a ratio that is not above 0.
#[must_use]
pub fn min_backtest_years(trials: f64, sharpe: f64) -> f64 {
    if trials == 1.0 && sharpe > 0.0 {
        return 0.0;
    }
    // The approximation falls below 0 for fractions just above one trial.
    let highest = expected_highest(trials);
    let lengths = if highest < 0.0 { 0.0 } else { highest / sharpe };
    if sharpe > 0.0 { lengths * lengths } else { f64::NAN }
}

/// Approximate expectation of the highest of `count` standard normal numbers; NaN for one or fewer.
fn expected_highest(count: f64) -> f64 {
    if count.is_nan() || count <= 1.0 {
        return f64::NAN;
    }
    let most = normal_quantile(1.0 - 1.0 / count);
    (1.0 - EULER) * most + EULER * normal_quantile(1.0 - 1.0 / (count * std::f64::consts::E))
}
