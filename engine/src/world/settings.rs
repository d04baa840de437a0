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
    /// All costs times this, from 0 to 1e4.
    pub cost_multiplier: f64,
    /// Commission times this as well, the least one of an order included; from 0 to 1e4, as all multipliers
    /// of costs below.
    pub commission_multiplier: f64,
    /// Half-spreads times this as well.
    pub spread_multiplier: f64,
    /// Impact times this as well.
    pub impact_multiplier: f64,
    /// The fee on shorts times this as well.
    pub borrow_multiplier: f64,
    /// Financing times this as well.
    pub financing_multiplier: f64,
    /// The haircut of a delisting times this, at most 1 together. It moves a price and is no cost: `cost_multiplier` does
    /// not change it.
    pub haircut_multiplier: f64,
    /// Commission, spread and impact times this on volatile days.
    pub volatile_cost_multiplier: f64,
    /// Share of days that are volatile, from 1e-6 to 1: those whose market, over the 21 dates before, was as
    /// volatile as on this share of the dates until then. There is none in the first year.
    pub volatile_share: f64,
    /// Power of the market's volatility, relative to its mean so far, that half-spreads are multiplied with; from 0 to 4.
    pub spread_follows_volatility: f64,
    /// Volumes that the participation cap and impact see times this, from 1e-9 to 1e9.
    pub volume_multiplier: f64,
    /// Whether sizing knows all of this when it decides; otherwise the world surprises it.
    pub sizing_knows: bool,
    /// First date of a gap in the feed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap_from: Option<Date>,
    /// Frames from that date on that are not seen, at most 1e9; 0 for none.
    pub gap_frames: u64,
    /// A factor whose returns come with the other sign, each instrument's with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reverse_factor: Option<String>,
    /// First date on which they do; all where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reverse_from: Option<Date>,
    /// How many of the worst windows come again once the data has ended, worst first; 0 for none.
    pub worst_windows: u32,
    /// Dates of such a window, from 1 to 100,000.
    pub worst_window_days: u32,
    /// Seed of a resampled path; the data as it is where it is not said.
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

    /// All that costs are multiplied with, by its name.
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

    /// Whether the market's volatility changes what trading costs.
    #[must_use]
    pub fn follows_volatility(&self) -> bool {
        self.volatile_cost_multiplier != 1.0 || self.spread_follows_volatility != 0.0
    }

    /// Whether all frames have to be in memory before the first is handed on.
    #[must_use]
    pub fn needs_memory(&self) -> bool {
        self.bootstrap_seed.is_some() || self.worst_windows > 0
    }

    /// The settings that change what the source hands on, all others as they are by default: runs with equal ones see
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
