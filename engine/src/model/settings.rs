//! What a user may say about the estimator.

use serde::{Deserialize, Serialize};

use crate::settings::{Invalid, require};

/// Which filter follows alpha and the factor betas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EstimatorKind {
    /// Discount-factor dynamic linear model with unknown observational variance
    /// (West & Harrison, ch. 4.5, 6.3 and 10.8).
    #[default]
    Dlm,
    /// A mixture of such models over a grid of discount factors, weighted online by how well they
    /// forecast (Raftery, Kárný, Ettler 2010), robust to outliers and to common volatility.
    Mixture,
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
    /// Discount factor of the factor betas a day, in (0, 1].
    pub discount_factor: f64,
    /// Discount factor of alpha a day, in (0, 1].
    pub alpha_discount_factor: f64,
    /// Discount factor of the observational variance a day, in (0, 1].
    pub variance_discount: f64,
    /// Prior variance of each beta in units of the observation variance, above 0.
    pub initial_variance: f64,
    /// Prior variance of alpha in units of the observation variance, above 0.
    pub initial_alpha_variance: f64,
    /// Prior mean of the first factor's beta.
    pub initial_market_beta: f64,
    /// Prior estimate of the observation variance of a frame's return, above 0.
    pub observation_variance: f64,
    /// Degrees of freedom of that prior estimate, above 0.
    pub observation_dof: f64,
    /// What a missing return does to an instrument that has started: it updates nothing, and with
    /// `true` (West & Harrison) the passing of time is still discounted; with `false` nothing changes.
    pub discount_missing: bool,
    /// Discount factors of the betas a day that `mixture` averages over, each in (0, 1].
    pub discount_grid: Vec<f64>,
    /// By how much the logarithms of its weights are kept from day to day, in (0, 1].
    pub forgetting: f64,
    /// Forecast deviations beyond which an error moves its coefficients no further, above 0.
    pub error_clip: f64,
    /// Power of the cross-section's dispersion that scales its observation variance, from 0 to 1.
    pub dispersion_power: f64,
    /// Degrees of freedom of its forecasts, above 2: returns have heavier tails than a learned variance
    /// alone gives them.
    pub tail_dof: f64,
    /// Share by which its coefficients revert to their cross-sectional mean a day, from 0 to 1.
    pub reversion: f64,
    /// Bound on directions without information.
    pub wind_up: WindUp,
    /// Days of returns before the first decision.
    pub warmup: u32,
}

impl Default for EstimatorSettings {
    fn default() -> Self {
        Self {
            kind: EstimatorKind::Dlm,
            discount_factor: 0.995,
            alpha_discount_factor: 1.0,
            variance_discount: 0.97,
            initial_variance: 5e3,
            initial_alpha_variance: 1e-3,
            initial_market_beta: 1.0,
            observation_variance: 2e-4,
            observation_dof: 10.0,
            discount_missing: true,
            discount_grid: vec![0.97, 0.98, 0.985, 0.99, 0.993, 0.995, 0.997, 0.999],
            forgetting: 0.97,
            error_clip: 2.0,
            dispersion_power: 0.5,
            tail_dof: 5.0,
            reversion: 0.001,
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
        let share = |key, value: f64| {
            require(value > 0.0 && value <= 1.0, key, value, "a number above 0 and at most 1")
        };
        let positive = |key, value: f64| {
            require(value > 0.0 && value.is_finite(), key, value, "a finite number above 0")
        };
        share("discount_factor", self.discount_factor)?;
        share("alpha_discount_factor", self.alpha_discount_factor)?;
        share("variance_discount", self.variance_discount)?;
        let grid = &self.discount_grid;
        let valid = !grid.is_empty() && grid.iter().all(|delta| *delta > 0.0 && *delta <= 1.0);
        require(valid, "discount_grid", format!("{grid:?}"), "numbers above 0 and at most 1")?;
        share("forgetting", self.forgetting)?;
        positive("error_clip", self.error_clip)?;
        let tail = self.tail_dof;
        require(tail > 2.0 && tail.is_finite(), "tail_dof", tail, "a finite number above 2")?;
        for (key, value) in [("dispersion_power", self.dispersion_power), ("reversion", self.reversion)] {
            require((0.0..=1.0).contains(&value), key, value, "a number from 0 to 1")?;
        }
        positive("initial_variance", self.initial_variance)?;
        positive("initial_alpha_variance", self.initial_alpha_variance)?;
        positive("observation_variance", self.observation_variance)?;
        positive("observation_dof", self.observation_dof)?;
        let beta = self.initial_market_beta;
        require(beta.is_finite(), "initial_market_beta", beta, "a finite number")
    }
}
