//! Stressed costs: a multiplier for each cost item, which may follow the volatility of the market.

mod market_volatility;

use serde::{Deserialize, Serialize};

pub use market_volatility::MarketVolatility;

use super::actions::Action;
use crate::frame::Frame;

/// Multipliers of the cost items.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostMultipliers {
    /// Multiplier of commission.
    pub commission: f64,
    /// Multiplier of half-spreads.
    pub spread: f64,
    /// Multiplier of impact, temporary and permanent.
    pub impact: f64,
    /// Multiplier of the borrow fee.
    pub borrow: f64,
    /// Multiplier of the financing of negative cash.
    pub financing: f64,
    /// Multiplier of the delisting haircut. A haircut is a price move, so the multiplier of all costs does
    /// not apply.
    pub haircut: f64,
}

impl Default for CostMultipliers {
    fn default() -> Self {
        Self { commission: 1.0, spread: 1.0, impact: 1.0, borrow: 1.0, financing: 1.0, haircut: 1.0 }
    }
}

/// Stress on the costs of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CostStress {
    /// Multipliers on a date that is not volatile.
    pub multipliers: CostMultipliers,
    /// Further multiplier of commission, spread and impact on a volatile date.
    pub volatile_cost_multiplier: f64,
    /// Share of dates that count as volatile, above 0 and at most 1.
    pub volatile_share: f64,
    /// Power of the relative market volatility; the result multiplies half-spreads.
    pub spread_follows_volatility: f64,
    /// Multiplier of the volumes that the participation cap and impact use.
    pub volume_multiplier: f64,
    /// True if sizing uses the stressed costs, false if it uses unstressed ones.
    pub sizing_knows: bool,
}

impl Default for CostStress {
    fn default() -> Self {
        Self {
            multipliers: CostMultipliers::default(),
            volatile_cost_multiplier: 1.0,
            volatile_share: 0.1,
            spread_follows_volatility: 0.0,
            volume_multiplier: 1.0,
            sizing_knows: true,
        }
    }
}

impl CostStress {
    /// Returns true if costs follow the market's volatility.
    fn follows_volatility(&self) -> bool {
        self.volatile_cost_multiplier != 1.0 || self.spread_follows_volatility != 0.0
    }
}

/// Cost multipliers of the current frame. They depend only on data before its date.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StressedCosts {
    usual: CostMultipliers,
    now: CostMultipliers,
    volatile: f64,
    power: f64,
    volume: f64,
    sizing_knows: bool,
    /// Present if costs follow volatility.
    volatility: Option<MarketVolatility>,
}

impl StressedCosts {
    /// Multipliers before the first frame.
    #[must_use]
    pub fn new(stress: &CostStress) -> Self {
        let usual = stress.multipliers;
        Self {
            usual,
            now: usual,
            volatile: stress.volatile_cost_multiplier,
            power: stress.spread_follows_volatility,
            volume: stress.volume_multiplier,
            sizing_knows: stress.sizing_knows,
            volatility: stress.follows_volatility().then(|| MarketVolatility::new(stress.volatile_share)),
        }
    }

    /// Begins the next frame and updates the multipliers on a new date.
    pub fn begin(&mut self, frame: &Frame, actions: &[Action]) {
        let Some(volatility) = &mut self.volatility else { return };
        if volatility.begin(frame, actions) {
            let times = if volatility.is_volatile() { self.volatile } else { 1.0 };
            self.now.commission = self.usual.commission * times;
            self.now.impact = self.usual.impact * times;
            self.now.spread = self.usual.spread * times * libm::pow(volatility.relative(), self.power);
        }
    }

    /// Ends the frame and records its closes.
    pub fn end(&mut self, frame: &Frame) {
        if let Some(volatility) = &mut self.volatility {
            volatility.end(frame);
        }
    }

    /// Multipliers of the costs charged on the frame.
    #[must_use]
    pub fn charged(&self) -> CostMultipliers {
        self.now
    }

    /// Multipliers of the costs that sizing assumes.
    #[must_use]
    pub fn sized(&self) -> CostMultipliers {
        if self.sizing_knows { self.now } else { CostMultipliers::default() }
    }

    /// Multiplier of volumes.
    #[must_use]
    pub fn volume(&self) -> f64 {
        self.volume
    }

    /// Multiplier of volumes that sizing assumes.
    #[must_use]
    pub fn sized_volume(&self) -> f64 {
        if self.sizing_knows { self.volume } else { 1.0 }
    }

    /// Count of volatile dates so far.
    #[must_use]
    pub fn volatile_dates(&self) -> u64 {
        self.volatility.as_ref().map_or(0, MarketVolatility::volatile_dates)
    }

    /// Returns true if the multipliers change from date to date.
    #[must_use]
    pub fn vary(&self) -> bool {
        self.volatility.is_some()
    }
}
