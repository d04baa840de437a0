//! Settings of the stressed world.

use serde::{Deserialize, Serialize};

use crate::execution::{CostMultipliers, CostStress};
use crate::settings::{Invalid, require};
use crate::time::Date;
use crate::{require_number, require_whole};

/// Changes of costs, feed and data; by default none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorldSettings {
    /// Multiplier of all costs, from 0 to 1e4.
    pub cost_multiplier: f64,
    /// Further multiplier of commission, including the per-order minimum; from 0 to 1e4, like all multipliers of costs
    /// below.
    pub commission_multiplier: f64,
    /// Further multiplier of half-spreads.
    pub spread_multiplier: f64,
    /// Further multiplier of impact.
    pub impact_multiplier: f64,
    /// Further multiplier of the borrow fee.
    pub borrow_multiplier: f64,
    /// Further multiplier of financing.
    pub financing_multiplier: f64,
    /// Multiplier of the delisting haircut; the product is at most 1. A haircut is a price move, not a cost:
    /// `cost_multiplier` does not apply.
    pub haircut_multiplier: f64,
    /// Further multiplier of commission, spread and impact on volatile dates.
    pub volatile_cost_multiplier: f64,
    /// Share of volatile dates, from 1e-6 to 1: dates whose trailing 21-date market volatility is among this highest share
    /// so far. None in the first year.
    pub volatile_share: f64,
    /// Power of the market's volatility over its mean so far, a multiplier of half-spreads; from 0 to 4.
    pub spread_follows_volatility: f64,
    /// Multiplier of volumes for the participation cap and impact, from 1e-9 to 1e9.
    pub volume_multiplier: f64,
    /// True if sizing uses the stressed costs, false if it uses unstressed ones.
    pub sizing_knows: bool,
    /// First date of a gap in the feed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap_from: Option<Date>,
    /// Missing frames from that date on, at most 1e9; 0 for none.
    pub gap_frames: u64,
    /// Factor whose returns change sign, with the part of each instrument's return that it explains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reverse_factor: Option<String>,
    /// First date of the reversal; every date by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reverse_from: Option<Date>,
    /// Worst windows repeated after the end of the data, worst first; 0 for none.
    pub worst_windows: u32,
    /// Dates of such a window, from 1 to 100,000.
    pub worst_window_days: u32,
    /// Seed of a resampled path; no resampling by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap_seed: Option<u64>,
    /// Mean length of its blocks in days, from 1 to 1e6.
    pub bootstrap_block: f64,
}

impl Default for WorldSettings {
    fn default() -> Self {
        Self {
            cost_multiplier: 1.0,
            commission_multiplier: 1.0,
            spread_multiplier: 1.0,
            impact_multiplier: 1.0,
            borrow_multiplier: 1.0,
            financing_multiplier: 1.0,
            haircut_multiplier: 1.0,
            volatile_cost_multiplier: 1.0,
            volatile_share: 0.1,
            spread_follows_volatility: 0.0,
            volume_multiplier: 1.0,
            sizing_knows: true,
            gap_from: None,
            gap_frames: 0,
            reverse_factor: None,
            reverse_from: None,
            worst_windows: 0,
            worst_window_days: 63,
            bootstrap_seed: None,
            bootstrap_block: 21.0,
        }
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

    /// Checks the range of every number.
    ///
    /// # Errors
    /// The first number that is out of its range.
    pub fn check(&self) -> Result<(), Invalid> {
        for (key, value) in self.multipliers_by_name() {
            require_number!(key, value, 0 to 1e4)?;
        }
        require_number!("volatile_share", self.volatile_share, 1e-6 to 1)?;
        require_number!("spread_follows_volatility", self.spread_follows_volatility, 0 to 4)?;
        require_number!("volume_multiplier", self.volume_multiplier, 1e-9 to 1e9)?;
        let begins = self.gap_frames == 0 || self.gap_from.is_some();
        require(begins, "gap_frames", self.gap_frames, "0 without `gap_from`, the first date of the gap")?;
        require_whole!("gap_frames", self.gap_frames, 0 to 1_000_000_000)?;
        require_whole!("worst_window_days", self.worst_window_days, 1 to 100_000 "of days ")?;
        require_whole!("worst_windows", self.worst_windows, 0 to 1_000)?;
        require_number!("bootstrap_block", self.bootstrap_block, 1 to 1e6 "of days ")
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
