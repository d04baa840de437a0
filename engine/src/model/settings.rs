//! Settings of the estimator.

use serde::{Deserialize, Serialize};

use crate::settings::{Calendar, Invalid, SettingsTable as _, require};
use crate::{choices, settings};

choices! {
    /// Filter that follows alpha and the factor betas.
    pub enum EstimatorKind, default Mixture {
        /// Discount-factor dynamic linear model with unknown observation variance.
        ///
        /// West & Harrison, ch. 4.5, 6.3 and 10.8.
        Dlm = "dlm",
        /// Mixture of such models over a grid of discount factors, weighted online by their forecasts.
        ///
        /// Robust to outliers and to common volatility (Raftery, Kárný, Ettler 2010).
        Mixture = "mixture",
        /// Kalman filter with given variances and a full covariance for each instrument, as in pykalman.
        Fixed = "fixed",
        /// Betas and residual deviations from a file: a vendor's risk model (`estimator.betas`).
        Given = "given",
    }
}

choices! {
    /// Growth of the variance in a direction in which no information arrives.
    pub enum WindUp, default Bounded {
        /// The scaled variance grows back to its prior and no further.
        Bounded = "bounded",
        /// The scaled variance grows without bound, as in the textbook. For comparison with the textbook only.
        Plain = "plain",
    }
}

settings! {
    /// Estimation of alpha and factor betas. Every rate is per day.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct EstimatorSettings in "estimator" {
        /// Filter that follows alpha and the factor betas.
        kind: EstimatorKind = EstimatorKind::Mixture;
        /// Discount factor of the betas of `dlm`: their memory is 1/(1 - discount factor) days.
        discount_factor: f64 = 0.995, in 0.01 to 1, unit "per day";
        /// Discount factor of alpha.
        alpha_discount_factor: f64 = 1.0, in 0.01 to 1, unit "per day";
        /// Discount factor of the observation variance.
        variance_discount: f64 = 0.97, in 0.01 to 1, unit "per day";
        /// Variance by which each coefficient of `fixed` moves. A frame has its share of a day's.
        transition_variance: Option<f64> = None, in 0 to 1e30, unit "per day";
        /// Variance by which alpha of `fixed` moves; unset: `transition_variance`.
        alpha_transition_variance: Option<f64> = None, in 0 to 1e30, unit "per day";
        /// Prior variance of each beta.
        initial_variance: f64 = 0.5, in 1e-30 to 1e12;
        /// Prior variance of alpha; unset: a thousandth of the prior observation variance, with `fixed` `initial_variance`.
        initial_alpha_variance: Option<f64> = None, in 1e-30 to 1e30;
        /// Prior mean of the first factor's beta.
        initial_market_beta: f64 = 1.0, in -1e12 to 1e12;
        /// Prior estimate of the observation variance of a frame's return; with `fixed` the variance itself.
        ///
        /// Unset: the mean of the instruments that trade already, and for the first instruments their first forecast
        /// errors.
        observation_variance: Option<f64> = None, in 1e-30 to 1e30;
        /// Degrees of freedom of the prior estimate of the observation variance.
        observation_dof: f64 = 3.0, in 0.001 to 1e15;
        /// True if a frame without a return still discounts the information about an instrument that has started.
        ///
        /// Such a frame never updates the instrument. True is West & Harrison's rule; with false nothing changes.
        discount_missing: bool = true;
        /// Discount factors of the betas that `mixture` averages over.
        discount_grid: Vec<f64> = vec![0.97, 0.985, 0.993, 0.998], in 0.01 to 1, unit "per day";
        /// Exponent that flattens the log weights of `mixture` from one day to the next.
        forgetting: f64 = 0.97, in 0.01 to 1, unit "per day";
        /// Size of a forecast error beyond which it moves the coefficients of `mixture` no further.
        error_clip: f64 = 2.0, in 0.01 to 1e6, unit "standard deviations of the forecast";
        /// Power of the cross-sectional dispersion that scales the observation variance of `mixture`.
        dispersion_power: f64 = 0.5, in 0 to 1;
        /// Shares by which the coefficients of `mixture` revert to their cross-sectional mean.
        ///
        /// `mixture` has a model for each of them with each discount factor.
        reversion_grid: Vec<f64> = vec![0.0001, 0.002], in 0 to 0.9, unit "per day";
        /// File of the risk model of `given`: time, symbol, a column per factor, `residual_sd`, optional `alpha` and `known_at`.
        ///
        /// The columns are those of `betas.parquet`, per frame. A row acts as a row of `strategy.path` does.
        betas: Option<String> = None, form "a path";
        /// File of the factor covariance per frame of `given`: time, `factor`, a column per factor, optional `known_at`.
        ///
        /// Unset: the covariance of the factor returns of the data, as with the other filters.
        factor_cov: Option<String> = None, form "a path";
        /// Growth of the variance in a direction in which no information arrives.
        wind_up: WindUp = WindUp::Bounded;
        /// Days of returns before the first rebalance: the warm-up.
        warmup: u32 = 252, in 0 to 100_000, unit "days";
    }
}

impl EstimatorSettings {
    /// Checks the range of every number, and that `fixed` has its variances.
    ///
    /// # Errors
    /// The first number that is out of its range, or a variance that is missing.
    pub fn check(&self) -> Result<(), Invalid> {
        self.check_ranges()?;
        match self.kind {
            EstimatorKind::Fixed => self.state_space(&Calendar::default(), 1).map(|_| ()),
            EstimatorKind::Given => require(
                self.betas.is_some(),
                "betas",
                "nothing",
                "the path of a file of betas: the filter `given` reads them",
            ),
            EstimatorKind::Dlm | EstimatorKind::Mixture => Ok(()),
        }
    }

    /// Slowest discount factor of the betas per day; for a mixture the largest of its grid. `None` for `fixed` and
    /// `given`, which have no discount factor.
    #[must_use]
    pub fn slowest_discount_factor(&self) -> Option<f64> {
        match self.kind {
            EstimatorKind::Dlm => Some(self.discount_factor),
            EstimatorKind::Mixture => Some(self.discount_grid.iter().copied().fold(0.0, f64::max)),
            EstimatorKind::Fixed | EstimatorKind::Given => None,
        }
    }

    /// Effective memory of the betas in days, 1/(1 − δ) with δ the [`Self::slowest_discount_factor`] (West & Harrison
    /// 1997, section 6.3): infinite for δ = 1, `None` for `fixed` and `given`.
    #[must_use]
    pub fn memory_days(&self) -> Option<f64> {
        Some(1.0 / (1.0 - self.slowest_discount_factor()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effective_memory_follows_the_slowest_discount_factor() {
        let settings =
            |kind| EstimatorSettings { kind, discount_factor: 0.99, ..EstimatorSettings::default() };
        let memory = |kind| settings(kind).memory_days();
        assert!(memory(EstimatorKind::Dlm).is_some_and(|days| (days - 100.0).abs() < 1e-9));
        assert!(memory(EstimatorKind::Mixture).is_some_and(|days| (days - 500.0).abs() < 1e-9));
        assert_eq!(memory(EstimatorKind::Fixed), None);
        let never = EstimatorSettings { discount_factor: 1.0, ..settings(EstimatorKind::Dlm) };
        assert_eq!(never.memory_days(), Some(f64::INFINITY));
    }
}
