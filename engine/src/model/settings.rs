//! What a user may say about the estimator.

use serde::{Deserialize, Serialize};

use crate::settings::{Calendar, Invalid, require};

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
    /// `fixed`: variance by which a coefficient moves in a day, 0 or more; in a frame, its share of that.
    pub transition_variance: Option<f64>,
    /// `fixed`: the same of alpha, where it is another.
    pub alpha_transition_variance: Option<f64>,
    /// Prior variance of each beta, above 0.
    pub initial_variance: f64,
    /// Prior variance of alpha, above 0; unset, a thousandth of the prior observation variance, and with
    /// `fixed` the same as of a beta.
    pub initial_alpha_variance: Option<f64>,
    /// Prior mean of the first factor's beta.
    pub initial_market_beta: f64,
    /// Prior estimate of the observation variance of a frame's return, above 0; unset, that of the
    /// instruments that trade already, and of the first of all their first forecast errors. With `fixed` the
    /// observation variance itself.
    pub observation_variance: Option<f64>,
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
    /// Shares by which coefficients revert to their cross-sectional mean a day, each from 0 to below 1:
    /// `mixture` has a model for each of them with each discount factor.
    pub reversion_grid: Vec<f64>,
    /// Bound on directions without information.
    pub wind_up: WindUp,
    /// Days of returns before the first decision.
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
        let power = self.dispersion_power;
        require((0.0..=1.0).contains(&power), "dispersion_power", power, "a number from 0 to 1")?;
        let grid = &self.reversion_grid;
        let valid = !grid.is_empty() && grid.iter().all(|share| (0.0..1.0).contains(share));
        require(valid, "reversion_grid", format!("{grid:?}"), "numbers from 0 to below 1")?;
        positive("initial_variance", self.initial_variance)?;
        for (key, value) in [
            ("transition_variance", self.transition_variance),
            ("alpha_transition_variance", self.alpha_transition_variance),
        ] {
            let value = value.unwrap_or(0.0);
            require(value >= 0.0 && value.is_finite(), key, value, "a finite number, 0 or more")?;
        }
        if self.kind == EstimatorKind::Fixed {
            self.state_space(&Calendar::default(), 1)?;
        }
        for (key, value) in [
            ("initial_alpha_variance", self.initial_alpha_variance),
            ("observation_variance", self.observation_variance),
        ] {
            value.map_or(Ok(()), |value| positive(key, value))?;
        }
        positive("observation_dof", self.observation_dof)?;
        let beta = self.initial_market_beta;
        require(beta.is_finite(), "initial_market_beta", beta, "a finite number")
    }
}
