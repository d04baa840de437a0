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
            initial_variance: 1e3,
            initial_alpha_variance: 1e-3,
            initial_market_beta: 1.0,
            observation_variance: 2e-4,
            observation_dof: 10.0,
            discount_missing: true,
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
        positive("initial_variance", self.initial_variance)?;
        positive("initial_alpha_variance", self.initial_alpha_variance)?;
        positive("observation_variance", self.observation_variance)?;
        positive("observation_dof", self.observation_dof)?;
        let beta = self.initial_market_beta;
        require(beta.is_finite(), "initial_market_beta", beta, "a finite number")
    }
}
