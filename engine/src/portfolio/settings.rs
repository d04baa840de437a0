//! What a user may say about sizing.

use serde::{Deserialize, Serialize};

use crate::settings::{Invalid, require};

/// How the turnover cap is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapMethod {
    /// The answer without a cap, scaled towards the held weights until it is under the cap.
    #[default]
    Scale,
}

/// Settings of the size stage. Weights and turnover are shares of NAV.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SizingSettings {
    /// Share of full Kelly, above 0 and at most 1.
    pub kelly_fraction: f64,
    /// Most turnover decided in one UTC date: Σ|w_new − w_held|, both sides counted; at least 0.
    pub turnover_cap: f64,
    /// How the cap is kept.
    pub cap_method: CapMethod,
    /// Least weight of an instrument, from −1 to 0: negative allows shorts.
    pub weight_min: f64,
    /// Largest weight of an instrument, above 0.
    pub weight_max: f64,
    /// Largest Σ|w|, above 0.
    pub gross_max: f64,
    /// Frames from one decision to the next, at least 1.
    pub rebalance_every: u64,
    /// Whether the risk counts that the coefficients and premia are estimates.
    pub parameter_uncertainty: bool,
    /// Days of zero premium that the running mean of the factor returns starts with, at least 0.
    pub premium_prior_days: f64,
    /// Half-life of the factor covariance in days, above 0.
    pub factor_half_life: f64,
}

impl Default for SizingSettings {
    fn default() -> Self {
        Self {
            kelly_fraction: 0.25,
            turnover_cap: 0.08,
            cap_method: CapMethod::Scale,
            weight_min: 0.0,
            weight_max: 0.1,
            gross_max: 1.0,
            rebalance_every: 1,
            parameter_uncertainty: true,
            premium_prior_days: 252.0,
            factor_half_life: 126.0,
        }
    }
}

impl SizingSettings {
    /// Checks the range of every number.
    ///
    /// # Errors
    /// The first number that is out of its range.
    pub fn check(&self) -> Result<(), Invalid> {
        let positive = |key, value: f64| {
            require(value > 0.0 && value.is_finite(), key, value, "a finite number above 0")
        };
        let kelly = self.kelly_fraction;
        require(kelly > 0.0 && kelly <= 1.0, "kelly_fraction", kelly, "a number above 0 and at most 1")?;
        let cap = self.turnover_cap;
        require(cap >= 0.0 && cap.is_finite(), "turnover_cap", cap, "a finite number of at least 0")?;
        let lo = self.weight_min;
        require((-1.0..=0.0).contains(&lo), "weight_min", lo, "a number from -1 to 0")?;
        positive("weight_max", self.weight_max)?;
        positive("gross_max", self.gross_max)?;
        let every = self.rebalance_every;
        require(every >= 1, "rebalance_every", every, "a whole number of at least 1")?;
        let prior = self.premium_prior_days;
        require(prior >= 0.0 && prior.is_finite(), "premium_prior_days", prior, "a number of at least 0")?;
        positive("factor_half_life", self.factor_half_life)
    }
}
