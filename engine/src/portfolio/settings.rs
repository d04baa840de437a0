//! Settings of sizing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::group_bounds::{self, GroupBoundsByName};
use crate::dated::DatedValues;
use crate::settings::{Invalid, SettingsTable as _, require};
use crate::time::RebalanceTime;
use crate::{choices, settings};

choices! {
    /// Method that keeps the turnover under its cap.
    pub enum CapMethod, default Exact {
        /// The cap is a constraint of the optimisation: the best trades are made first.
        Exact = "exact",
        /// The solution without cap, costs, net target and exposure bounds, scaled towards the held weights.
        Scale = "scale",
    }
}

choices! {
    /// Turnover cap of the first rebalance that trades.
    pub enum FirstRebalance, default Capped {
        /// The cap holds from the first trade on: the book is built over several rebalances.
        Capped = "capped",
        /// The first rebalance that trades has no cap, and its turnover does not count towards that of the date.
        Free = "free",
    }
}

settings! {
    /// Sizing of positions. Weights and turnover are shares of NAV.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct SizingSettings in "sizing" {
        /// Share of full Kelly.
        kelly_fraction: f64 = 0.25, in 1e-6 to 1;
        /// Largest turnover of a date: the sum of all absolute weight changes, both sides counted.
        turnover_cap: f64 = 0.08, in 0 to 1e3, unit "share of NAV";
        /// Method that keeps the turnover under its cap.
        cap_method: CapMethod = CapMethod::Exact;
        /// Turnover cap of the first rebalance that trades.
        first_rebalance: FirstRebalance = FirstRebalance::Capped;
        /// Smallest weight of an instrument, negative for shorts.
        weight_min: f64 = 0.0, in -1 to 0, unit "share of NAV";
        /// Largest weight of an instrument.
        weight_max: f64 = 0.1, in 1e-6 to 1e3, unit "share of NAV";
        /// File, Parquet or CSV, of bounds of the weight by instrument and date: columns `symbol`, `weight_min`,
        /// `weight_max`, optionally `from`.
        ///
        /// They replace `weight_min` and `weight_max` for the instrument, from the date `from` until the next row of the
        /// symbol; without `from`, from the beginning. Null stands for the setting. Both are -1000 to 1000; with
        /// `cap_method` "scale" they contain 0.
        #[serde(skip_serializing_if = "Option::is_none")]
        weight_bounds: Option<String> = None, form "a path";
        /// Largest sum of the absolute weights: the gross limit.
        gross_max: f64 = 1.0, in 1e-6 to 1e3, unit "share of NAV";
        /// True if risk and the gross limit are those of the weights less the benchmark's.
        ///
        /// The benchmark must have weights: `benchmark.kind` is "equal_weight", a "file" of weights, or an "instrument"
        /// that is traded.
        active: bool = false;
        /// Net target: sum of the weights to hold; unset: no target.
        #[serde(skip_serializing_if = "Option::is_none")]
        net_target: Option<f64> = None, in -10 to 10, unit "share of NAV";
        /// Days over which a trade earns back its cost.
        ///
        /// A cost is paid once; a forecast is earned until it fades (Gârleanu & Pedersen 2013). A wrong estimate stays
        /// wrong over as many days.
        cost_horizon: f64 = 21.0, in 0.001 to 1e6, unit "days";
        /// Frames from one rebalance to the next; dates where `rebalance_at` is set.
        rebalance_every: u64 = 1, in 1 to 1_000_000_000, unit "frames";
        /// Time from which a date rebalances: on its first frame that closes then or later. Unset: all frames.
        ///
        /// A time of day is in `data.timezone`. A time such as close-15m or open+30m is relative to the session of
        /// `data.sessions`; a date without a session then never rebalances.
        #[serde(skip_serializing_if = "Option::is_none")]
        rebalance_at: Option<String> = None, form "a time of day such as 15:30, or close-15m or open+30m";
        /// Smallest drift of the weights, the sum of absolute differences from the target, that causes a trade.
        ///
        /// The drift counts from the last time that a target was reached. While the turnover cap keeps the book from its
        /// target, the book goes on trading.
        rebalance_drift: f64 = 0.0, in 0 to 1e3, unit "share of NAV";
        /// True if the risk includes the uncertainty of the estimated coefficients and premia.
        parameter_uncertainty: bool = true;
        /// Days of zero premium that the running mean of the factor returns starts with.
        premium_prior_days: f64 = 252.0, in 0 to 1e6, unit "days";
        /// Half-life of the premia, which then follow the trend; unset: all days have the same weight.
        #[serde(skip_serializing_if = "Option::is_none")]
        premium_half_life: Option<f64> = None, in 0.01 to 1e6, unit "days";
        /// Half-life of the factor correlations.
        factor_half_life: f64 = 126.0, in 0.01 to 1e6, unit "days";
        /// Half-life of the level of each factor's volatility, and of the residual scale of the book.
        ///
        /// Faster changes of the volatility are forecast from the squared returns of the last day to the last months.
        factor_volatility_half_life: f64 = 63.0, in 0.01 to 1e6, unit "days";
        /// Shrinkage of the factor covariance towards its diagonal.
        ///
        /// Ledoit & Wolf 2004.
        factor_shrinkage: f64 = 0.1, in 0 to 1;
        /// True if the residual variances are scaled to the residual returns of the book.
        ///
        /// Residuals of instruments that a strategy chooses alike, such as those of one sector, move together. The scale
        /// is learned from the residual returns of the book, and multiplies every residual variance. A risk model of your
        /// own is not scaled.
        scale_residuals: bool = true;
        /// Smallest and largest exposure of the book (sum of beta times weight) to a factor, by its name.
        exposure_bounds: BTreeMap<String, [f64; 2]> = BTreeMap::new(), in -1e6 to 1e6;
        /// Bounds of the weights by group: `net`, least and largest sum of the weights of the members, and `gross`, largest
        /// sum of the absolute weights.
        ///
        /// A name is that of a column of `universe.groups` (of its factor, if one is made of it), or of one group, such as
        /// `"sector:Energy"`, whose bounds replace those of its column. With `relative = true` the net bounds are those of
        /// the weights less the benchmark's; unset, it is `active`.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        group_bounds: GroupBoundsByName = GroupBoundsByName::new(), in -1e6 to 1e6, unit "share of NAV";
    }
    and {
        /// Content of the file `weight_bounds`.
        pub bounds_by_name: Option<Arc<DatedValues<WeightBounds>>>,
    }
}

/// Bounds of the weight of an instrument; `None` for those of the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WeightBounds {
    /// Smallest weight.
    pub weight_min: Option<f64>,
    /// Largest weight.
    pub weight_max: Option<f64>,
}

impl WeightBounds {
    /// Range of both bounds.
    pub const RANGE: [f64; 2] = [-1e3, 1e3];

    /// Returns true if the bounds, completed by those of the settings, are in order and, where the cap method needs it,
    /// contain 0.
    #[must_use]
    pub fn suit(&self, settings: &SizingSettings) -> bool {
        let [lower, upper] = self.over(settings);
        lower <= upper && (settings.cap_method == CapMethod::Exact || (lower <= 0.0 && upper >= 0.0))
    }

    /// Smallest and largest weight, completed by those of the settings.
    #[must_use]
    pub fn over(&self, settings: &SizingSettings) -> [f64; 2] {
        let Self { weight_min, weight_max } = *self;
        [weight_min.unwrap_or(settings.weight_min), weight_max.unwrap_or(settings.weight_max)]
    }
}

impl SizingSettings {
    /// Checks the range of every number, the time of day, and that the cap method suits the limits.
    ///
    /// # Errors
    /// The first setting with an invalid value.
    pub fn check(&self) -> Result<(), Invalid> {
        self.check_ranges()?;
        if let Some(at) = &self.rebalance_at {
            Self::require("rebalance_at", at.parse::<RebalanceTime>().is_ok(), at)?;
        }
        let exact = self.cap_method == CapMethod::Exact;
        let plain = self.net_target.is_none() && self.exposure_bounds.is_empty() && !self.active;
        let expected = "\"exact\", because net_target, exposure_bounds or active is set";
        require(exact || plain, "cap_method", "scale", expected)?;
        let expected = "\"exact\", because group_bounds is set";
        require(exact || self.group_bounds.is_empty(), "cap_method", "scale", expected)?;
        group_bounds::check(&self.group_bounds, self.active)
    }

    /// Returns true if sizing reads the weights of the benchmark.
    #[must_use]
    pub fn needs_benchmark(&self) -> bool {
        self.active || group_bounds::need_benchmark(&self.group_bounds, self.active)
    }
}
