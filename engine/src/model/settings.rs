//! What a user may say about the estimator.

use serde::{Deserialize, Serialize};

use crate::settings::{Calendar, Invalid, require};
use crate::{require_number, require_whole};

/// Which filter follows alpha and the factor betas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EstimatorKind {
    /// Discount-factor dynamic linear model with unknown observational variance
    /// (West & Harrison, ch. 4.5, 6.3 and 10.8).
    Dlm,
    /// A mixture of such models over a grid of discount factors, weighted online by how well they
    /// forecast (Raftery, Kárný, Ettler 2010), robust to outliers and to common volatility.
    #[default]
    Mixture,
    /// The Kalman filter with given variances, full covariance for each instrument: the filter of `pykalman`.
    Fixed,
}

impl EstimatorKind {
    /// Name in settings and outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dlm => "dlm",
            Self::Mixture => "mixture",
            Self::Fixed => "fixed",
        }
    }
}

/// What happens to a direction in which no information arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindUp {
    /// Its scaled variance grows back to its prior and no further.
    #[default]
    Bounded,
    /// The textbook's discounting: it grows without end. For parity with the textbook only.
    Plain,
}

/// Settings of the estimate stage. Every rate is per day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EstimatorSettings {
    /// The filter.
    pub kind: EstimatorKind,
    /// Discount factor of the factor betas a day, from 0.01 to 1.
    pub discount_factor: f64,
    /// Discount factor of alpha a day, from 0.01 to 1.
    pub alpha_discount_factor: f64,
    /// Discount factor of the observational variance a day, from 0.01 to 1.
    pub variance_discount: f64,
    /// `fixed`: variance by which a coefficient moves in a day, from 0 to 1e30; in a frame, its share of that.
    pub transition_variance: Option<f64>,
    /// `fixed`: the same of alpha, where it is another.
    pub alpha_transition_variance: Option<f64>,
    /// Prior variance of each beta, from 1e-30 to 1e12.
    pub initial_variance: f64,
    /// Prior variance of alpha, from 1e-30 to 1e30; unset, a thousandth of the prior observation variance, and with
    /// `fixed` the same as of a beta.
    pub initial_alpha_variance: Option<f64>,
    /// Prior mean of the first factor's beta, from -1e12 to 1e12.
    pub initial_market_beta: f64,
    /// Prior estimate of the observation variance of a frame's return, from 1e-30 to 1e30; unset, that of the
    /// instruments that trade already, and of the first of all their first forecast errors. With `fixed` the
    /// observation variance itself.
    pub observation_variance: Option<f64>,
    /// Degrees of freedom of that prior estimate, from 0.001 to 1e9.
    pub observation_dof: f64,
    /// What a missing return does to an instrument that has started: it updates nothing, and with
    /// `true` (West & Harrison) the passing of time is still discounted; with `false` nothing changes.
    pub discount_missing: bool,
    /// Discount factors of the betas a day that `mixture` averages over, each from 0.01 to 1; at most 32.
    pub discount_grid: Vec<f64>,
    /// By how much the logarithms of its weights are kept from day to day, from 0.01 to 1.
    pub forgetting: f64,
    /// Forecast deviations beyond which an error moves its coefficients no further, from 0.01 to 1e6.
    pub error_clip: f64,
    /// Power of the cross-section's dispersion that scales its observation variance, from 0 to 1.
    pub dispersion_power: f64,
    /// Shares by which coefficients revert to their cross-sectional mean a day, each from 0 to 0.9, at most 32:
    /// `mixture` has a model for each of them with each discount factor.
    pub reversion_grid: Vec<f64>,
    /// Bound on directions without information.
    pub wind_up: WindUp,
    /// Days of returns before the first decision, at most 100,000.
    pub warmup: u32,
}

impl Default for EstimatorSettings {
    fn default() -> Self {
        Self {
            kind: EstimatorKind::Mixture,
            discount_factor: 0.995,
            alpha_discount_factor: 1.0,
            variance_discount: 0.97,
            transition_variance: None,
            alpha_transition_variance: None,
            initial_variance: 0.5,
            initial_alpha_variance: None,
            initial_market_beta: 1.0,
            observation_variance: None,
            observation_dof: 3.0,
            discount_missing: true,
            discount_grid: vec![0.97, 0.985, 0.993, 0.998],
            forgetting: 0.97,
            error_clip: 2.0,
            dispersion_power: 0.5,
            reversion_grid: vec![0.0001, 0.002],
            wind_up: WindUp::Bounded,
            warmup: 252,
        }
    }
}

impl EstimatorSettings {
    /// Checks the range of every number.
    ///
    /// # Errors
    /// The first number that is out of its range.
    pub fn check(&self) -> Result<(), Invalid> {
        for (key, share) in [
            ("discount_factor", self.discount_factor),
            ("alpha_discount_factor", self.alpha_discount_factor),
            ("variance_discount", self.variance_discount),
            ("forgetting", self.forgetting),
        ] {
            require_number!(key, share, 0.01 to 1)?;
        }
        let grid = &self.discount_grid;
        let valid = is_grid(grid) && grid.iter().all(|delta| (0.01..=1.0).contains(delta));
        require(valid, "discount_grid", format!("{grid:?}"), "1 to 32 numbers from 0.01 to 1")?;
        require_number!("error_clip", self.error_clip, 0.01 to 1e6)?;
        require_number!("dispersion_power", self.dispersion_power, 0 to 1)?;
        let grid = &self.reversion_grid;
        let valid = is_grid(grid) && grid.iter().all(|share| (0.0..=0.9).contains(share));
        require(valid, "reversion_grid", format!("{grid:?}"), "1 to 32 numbers from 0 to 0.9")?;
        require_number!("initial_variance", self.initial_variance, 1e-30 to 1e12)?;
        for (key, value) in [
            ("transition_variance", self.transition_variance),
            ("alpha_transition_variance", self.alpha_transition_variance),
        ] {
            require_number!(key, value.unwrap_or(0.0), 0 to 1e30)?;
        }
        if self.kind == EstimatorKind::Fixed {
            self.state_space(&Calendar::default(), 1)?;
        }
        for (key, value) in [
            ("initial_alpha_variance", self.initial_alpha_variance),
            ("observation_variance", self.observation_variance),
        ] {
            require_number!(key, value.unwrap_or(1.0), 1e-30 to 1e30)?;
        }
        require_number!("observation_dof", self.observation_dof, 0.001 to 1e15)?;
        require_number!("initial_market_beta", self.initial_market_beta, -1e12 to 1e12)?;
        require_whole!("warmup", self.warmup, 0 to 100_000 "of days ")
    }

    /// Discount factor of the betas per day that forgets slowest: of a mixture the largest of its grid. `None` for
    /// `fixed`, which has none.
    #[must_use]
    pub fn slowest_discount_factor(&self) -> Option<f64> {
        match self.kind {
            EstimatorKind::Dlm => Some(self.discount_factor),
            EstimatorKind::Mixture => Some(self.discount_grid.iter().copied().fold(0.0, f64::max)),
            EstimatorKind::Fixed => None,
        }
    }

    /// Effective memory of the betas in days, 1/(1 − δ) with δ the [`Self::slowest_discount_factor`] (West & Harrison
    /// 1997, section 6.3): infinite for δ = 1, `None` for `fixed`.
    #[must_use]
    pub fn memory_days(&self) -> Option<f64> {
        Some(1.0 / (1.0 - self.slowest_discount_factor()?))
    }
}

/// Whether a grid has so many values that a model for each of them is worth its time.
fn is_grid(values: &[f64]) -> bool {
    (1..=32).contains(&values.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effective_memory_is_that_of_the_slowest_discount_factor() {
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
