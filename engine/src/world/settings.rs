//! Settings of the stressed environment.

use serde::{Deserialize, Serialize};

use crate::execution::{CostMultipliers, CostStress};
use crate::settings;
use crate::settings::{Invalid, SettingsTable as _, require};
use crate::time::Date;

settings! {
    /// Stressed environment: changes of costs, feed and data; by default none.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct WorldSettings in "world" {
        /// Multiplier of all costs.
        cost_multiplier: f64 = 1.0, in 0 to 1e4;
        /// Further multiplier of commission, including the per-order minimum.
        commission_multiplier: f64 = 1.0, in 0 to 1e4;
        /// Further multiplier of half-spreads.
        spread_multiplier: f64 = 1.0, in 0 to 1e4;
        /// Further multiplier of impact.
        impact_multiplier: f64 = 1.0, in 0 to 1e4;
        /// Further multiplier of the borrow fee.
        borrow_multiplier: f64 = 1.0, in 0 to 1e4;
        /// Further multiplier of financing.
        financing_multiplier: f64 = 1.0, in 0 to 1e4;
        /// Multiplier of the delisting haircut; the product is at most 1.
        ///
        /// A haircut is a price move, not a cost: `cost_multiplier` does not apply.
        haircut_multiplier: f64 = 1.0, in 0 to 1e4;
        /// Further multiplier of commission, spread and impact on volatile dates.
        volatile_cost_multiplier: f64 = 1.0, in 0 to 1e4;
        /// Share of dates that are volatile: the highest trailing 21-date market volatility so far.
        ///
        /// No date of the first year is volatile.
        volatile_share: f64 = 0.1, in 1e-6 to 1, unit "share of dates";
        /// Power of the market volatility over its mean so far that multiplies half-spreads.
        spread_follows_volatility: f64 = 0.0, in 0 to 4;
        /// Multiplier of volumes for the participation cap and impact.
        volume_multiplier: f64 = 1.0, in 1e-9 to 1e9;
        /// True if sizing uses the stressed costs, false if it uses the unstressed ones.
        sizing_knows: bool = true;
        /// First date of a gap in the feed.
        #[serde(skip_serializing_if = "Option::is_none")]
        gap_from: Option<Date> = None;
        /// Missing frames from `gap_from` on; 0 for none.
        gap_frames: u64 = 0, in 0 to 1_000_000_000, unit "frames";
        /// Factor whose returns change sign, with the part of each instrument's return that it explains.
        #[serde(skip_serializing_if = "Option::is_none")]
        reverse_factor: Option<String> = None, form "the name of a factor";
        /// First date of the reversal; unset: every date.
        #[serde(skip_serializing_if = "Option::is_none")]
        reverse_from: Option<Date> = None;
        /// Worst windows repeated after the end of the data, worst first; 0 for none.
        worst_windows: u32 = 0, in 0 to 1_000, unit "windows";
        /// Dates of such a window.
        worst_window_days: u32 = 63, in 1 to 100_000, unit "dates";
        /// Seed of a resampled path; unset: no resampling.
        #[serde(skip_serializing_if = "Option::is_none")]
        bootstrap_seed: Option<u64> = None;
        /// Mean length of the blocks of a resampled path.
        bootstrap_block: f64 = 21.0, in 1 to 1e6, unit "days";
    }
}

impl WorldSettings {
    /// Stress on costs.
    #[must_use]
    pub fn cost_stress(&self) -> CostStress {
        CostStress {
            multipliers: self.multipliers(),
            volatile_cost_multiplier: self.volatile_cost_multiplier,
            volatile_share: self.volatile_share,
            spread_follows_volatility: self.spread_follows_volatility,
            volume_multiplier: self.volume_multiplier,
            sizing_knows: self.sizing_knows,
        }
    }

    /// Multipliers of a date that is not volatile.
    #[must_use]
    pub fn multipliers(&self) -> CostMultipliers {
        let all = self.cost_multiplier;
        CostMultipliers {
            commission: all * self.commission_multiplier,
            spread: all * self.spread_multiplier,
            impact: all * self.impact_multiplier,
            borrow: all * self.borrow_multiplier,
            financing: all * self.financing_multiplier,
            haircut: self.haircut_multiplier,
        }
    }

    /// Checks the range of every number, and that a gap has a first date.
    ///
    /// # Errors
    /// The first setting with an invalid value.
    pub fn check(&self) -> Result<(), Invalid> {
        self.check_ranges()?;
        let begins = self.gap_frames == 0 || self.gap_from.is_some();
        require(
            begins,
            "gap_frames",
            self.gap_frames,
            "0, because `gap_from`, the first date of the gap, is unset",
        )
    }

    /// Multipliers of costs by name.
    fn multipliers_by_name(&self) -> [(&'static str, f64); 8] {
        [
            ("cost_multiplier", self.cost_multiplier),
            ("commission_multiplier", self.commission_multiplier),
            ("spread_multiplier", self.spread_multiplier),
            ("impact_multiplier", self.impact_multiplier),
            ("borrow_multiplier", self.borrow_multiplier),
            ("financing_multiplier", self.financing_multiplier),
            ("haircut_multiplier", self.haircut_multiplier),
            ("volatile_cost_multiplier", self.volatile_cost_multiplier),
        ]
    }

    /// Returns true if costs follow the market's volatility.
    #[must_use]
    pub fn follows_volatility(&self) -> bool {
        self.volatile_cost_multiplier != 1.0 || self.spread_follows_volatility != 0.0
    }

    /// Returns true if all frames must be in memory before the first is emitted.
    #[must_use]
    pub fn needs_memory(&self) -> bool {
        self.bootstrap_seed.is_some() || self.worst_windows > 0
    }

    /// Settings that change the emitted frames, all others at their defaults: runs with equal ones see
    /// the same frames.
    #[must_use]
    pub fn of_source(&self) -> Self {
        let mut own = Self::default();
        if self.gap_frames > 0 {
            (own.gap_from, own.gap_frames) = (self.gap_from, self.gap_frames);
        }
        if self.reverse_factor.is_some() {
            (own.reverse_factor, own.reverse_from) = (self.reverse_factor.clone(), self.reverse_from);
        }
        if self.worst_windows > 0 {
            (own.worst_windows, own.worst_window_days) = (self.worst_windows, self.worst_window_days);
        }
        if self.bootstrap_seed.is_some() {
            (own.bootstrap_seed, own.bootstrap_block) = (self.bootstrap_seed, self.bootstrap_block);
        }
        own
    }

    /// Settings that change the environment, with their values; empty for the data as it is.
    #[must_use]
    pub fn stressed(&self) -> Vec<(&'static str, String)> {
        let changed = self.multipliers_by_name().into_iter().filter(|(_, value)| *value != 1.0);
        let mut all: Vec<_> = changed.map(|(key, value)| (key, value.to_string())).collect();
        if self.volatile_cost_multiplier != 1.0 {
            all.push(("volatile_share", self.volatile_share.to_string()));
        }
        if self.spread_follows_volatility != 0.0 {
            all.push(("spread_follows_volatility", self.spread_follows_volatility.to_string()));
        }
        if self.volume_multiplier != 1.0 {
            all.push(("volume_multiplier", self.volume_multiplier.to_string()));
        }
        if !self.sizing_knows && !all.is_empty() {
            all.push(("sizing_knows", self.sizing_knows.to_string()));
        }
        let source = self.of_source();
        let date = |date: Option<Date>| date.map(|date| date.to_string());
        if source.gap_frames > 0 {
            all.extend(date(source.gap_from).map(|from| ("gap_from", from)));
            all.push(("gap_frames", source.gap_frames.to_string()));
        }
        all.extend(source.reverse_factor.map(|factor| ("reverse_factor", factor)));
        all.extend(date(source.reverse_from).map(|from| ("reverse_from", from)));
        if source.worst_windows > 0 {
            all.push(("worst_windows", source.worst_windows.to_string()));
            all.push(("worst_window_days", source.worst_window_days.to_string()));
        }
        if let Some(seed) = source.bootstrap_seed {
            all.push(("bootstrap_seed", seed.to_string()));
            all.push(("bootstrap_block", source.bootstrap_block.to_string()));
        }
        all
    }
}
