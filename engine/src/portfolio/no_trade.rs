//! Reasons why a rebalance orders nothing, and their counts.

use serde::{Deserialize, Serialize};

/// Reason why a rebalance orders nothing: the first variant that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoTrade {
    /// A loss limit or the supervision of the feed has halted trading.
    Halted,
    /// NAV is at most 0.
    Ruined,
    /// The strategy has no forecast yet, or all forecasts are 0.
    NoForecast,
    /// The strategy holds its weights.
    StrategyHolds,
    /// The weights have drifted by less than `rebalance_drift`.
    WithinDrift,
    /// No instrument is tradable: no price, or no volume or volatility where fills need them.
    NotTradable,
    /// `turnover_cap` is 0.
    CapIsZero,
    /// The turnover cap of the date is used up.
    CapSpent,
    /// Every order is smaller than one lot.
    LotTooLarge,
    /// The net target or an exposure bound is out of reach, and no trade comes nearer to it.
    NetOutOfReach,
    /// The box or the gross limit is out of reach, and no trade comes nearer to it.
    LimitOutOfReach,
    /// Every trade costs more than its expected gain.
    CostAboveGain,
    /// The held weights are the target weights.
    AtTarget,
}

impl NoTrade {
    /// All reasons, in the order in which they are tested.
    pub const ALL: [Self; 13] = [
        Self::Halted,
        Self::Ruined,
        Self::NoForecast,
        Self::StrategyHolds,
        Self::WithinDrift,
        Self::NotTradable,
        Self::CapIsZero,
        Self::CapSpent,
        Self::LotTooLarge,
        Self::NetOutOfReach,
        Self::LimitOutOfReach,
        Self::CostAboveGain,
        Self::AtTarget,
    ];

    /// Name in outputs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Halted => "halted",
            Self::Ruined => "ruined",
            Self::NoForecast => "no_forecast",
            Self::StrategyHolds => "strategy_holds",
            Self::WithinDrift => "within_drift",
            Self::NotTradable => "not_tradable",
            Self::CapIsZero => "cap_is_zero",
            Self::CapSpent => "cap_spent",
            Self::LotTooLarge => "lot_too_large",
            Self::NetOutOfReach => "net_out_of_reach",
            Self::LimitOutOfReach => "limit_out_of_reach",
            Self::CostAboveGain => "cost_above_gain",
            Self::AtTarget => "at_target",
        }
    }
}

/// Rebalances without an order, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoTradeCounts([u64; NoTrade::ALL.len()]);

impl NoTradeCounts {
    /// Counts a rebalance.
    pub fn add(&mut self, reason: NoTrade) {
        self.0[reason as usize] += 1;
    }

    /// Each reason with its count.
    pub fn items(&self) -> impl Iterator<Item = (NoTrade, u64)> {
        NoTrade::ALL.into_iter().zip(self.0)
    }
}
