//! What a user may say about sizing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::settings::{Invalid, require};
use crate::{require_number, require_whole};

/// How the turnover cap is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapMethod {
    /// It is one of the limits of the problem that is solved: the best trades are made first.
    #[default]
    Exact,
    /// The answer without a cap, costs, net target and bounds on exposures, scaled towards the held weights until it
    /// is under the cap.
    Scale,
}

/// Settings of the size stage. Weights and turnover are shares of NAV.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SizingSettings {
    /// Share of full Kelly, from 1e-6 to 1.
    pub kelly_fraction: f64,
    /// Most turnover decided in one UTC date: Σ|w_new − w_held|, both sides counted; from 0 to 1000.
    pub turnover_cap: f64,
    /// How the cap is kept.
    pub cap_method: CapMethod,
    /// Least weight of an instrument, from −1 to 0: negative allows shorts.
    pub weight_min: f64,
    /// Largest weight of an instrument, from 1e-6 to 1000.
    pub weight_max: f64,
    /// Largest Σ|w|, from 1e-6 to 1000.
    pub gross_max: f64,
    /// Σw to hold, from −10 to 10; none where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_target: Option<f64>,
    /// Days over which the cost of a trade is earned back, from 0.001 to 1e6 (Gârleanu & Pedersen 2013: a cost is paid once, a
    /// forecast is earned until it fades). Over as long an estimate that is wrong stays wrong.
    pub cost_horizon: f64,
    /// Frames from one decision to the next, from 1 to 1e9.
    pub rebalance_every: u64,
    /// Time of day, UTC, as HH:MM: then only the first frame of a date that closes at it or later decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebalance_at: Option<String>,
    /// Least Σ|held − target| for another trade, from 0 to 1000, since the last time that a target was reached; while the
    /// cap keeps the book from its target it goes on trading.
    pub rebalance_drift: f64,
    /// Whether the risk counts that the coefficients and premia are estimates.
    pub parameter_uncertainty: bool,
    /// Days of zero premium that the running mean of the factor returns starts with, from 0 to 1e6.
    pub premium_prior_days: f64,
    /// Half-life in days of what the premia remember, from 0.01 to 1e6: they follow the trend; without it, all days alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub premium_half_life: Option<f64>,
    /// Half-life of the factor covariance in days, from 0.01 to 1e6.
    pub factor_half_life: f64,
    /// Share of the covariances between factors that is not believed, from 0 to 1 (Ledoit & Wolf 2004, towards the
    /// diagonal).
    pub factor_shrinkage: f64,
    /// Least and largest exposure Σ β w of the book to a factor, by its name; from -1e6 to 1e6.
    pub exposure_bounds: BTreeMap<String, [f64; 2]>,
}

impl Default for SizingSettings {
    fn default() -> Self {
        Self {
            kelly_fraction: 0.25,
            turnover_cap: 0.08,
            cap_method: CapMethod::Exact,
            weight_min: 0.0,
            weight_max: 0.1,
            gross_max: 1.0,
            net_target: None,
            cost_horizon: 21.0,
            rebalance_every: 1,
            rebalance_at: None,
            rebalance_drift: 0.0,
            parameter_uncertainty: true,
            premium_prior_days: 252.0,
            premium_half_life: None,
            factor_half_life: 126.0,
            factor_shrinkage: 0.1,
            exposure_bounds: BTreeMap::new(),
        }
    }
}

impl SizingSettings {
    /// Checks the range of every number.
    ///
    /// # Errors
    /// The first number that is out of its range.
    pub fn check(&self) -> Result<(), Invalid> {
        require_number!("kelly_fraction", self.kelly_fraction, 1e-6 to 1)?;
        require_number!("turnover_cap", self.turnover_cap, 0 to 1e3)?;
        require_number!("weight_min", self.weight_min, -1 to 0)?;
        require_number!("weight_max", self.weight_max, 1e-6 to 1e3)?;
        require_number!("gross_max", self.gross_max, 1e-6 to 1e3)?;
        require_whole!("rebalance_every", self.rebalance_every, 1 to 1_000_000_000)?;
        require_number!("premium_prior_days", self.premium_prior_days, 0 to 1e6)?;
        require_number!("factor_half_life", self.factor_half_life, 0.01 to 1e6)?;
        require_number!("premium_half_life", self.premium_half_life.unwrap_or(1.0), 0.01 to 1e6)?;
        require_number!("cost_horizon", self.cost_horizon, 0.001 to 1e6)?;
        require_number!("factor_shrinkage", self.factor_shrinkage, 0 to 1)?;
        require_number!("rebalance_drift", self.rebalance_drift, 0 to 1e3)?;
        if let Some(at) = &self.rebalance_at {
            require(time_of_day(at).is_some(), "rebalance_at", at, "a time of day, UTC, such as 15:30")?;
        }
        require_number!("net_target", self.net_target.unwrap_or(0.0), -10 to 10)?;
        for (factor, [lower, upper]) in &self.exposure_bounds {
            let found = format!("{factor} = [{lower}, {upper}]");
            let within = |bound: &f64| (-1e6..=1e6).contains(bound);
            require(
                lower <= upper && within(lower) && within(upper),
                "exposure_bounds",
                found,
                "a least and a largest exposure, in this order, each from -1e6 to 1e6",
            )?;
        }
        let exact = self.cap_method == CapMethod::Exact;
        let plain = self.net_target.is_none() && self.exposure_bounds.is_empty();
        let expected = "\"exact\" where there is a net_target or exposure_bounds";
        require(exact || plain, "cap_method", "scale", expected)
    }
}

/// Nanoseconds after midnight of a time as HH:MM.
pub(crate) fn time_of_day(text: &str) -> Option<i64> {
    const MINUTE_NS: i64 = 60_000_000_000;
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes) = (hours.parse::<u8>().ok()?, minutes.parse::<u8>().ok()?);
    let valid = hours < 24 && minutes < 60;
    valid.then(|| (i64::from(hours) * 60 + i64::from(minutes)) * MINUTE_NS)
}
