//! What the costs of a world are multiplied with.

use serde::{Deserialize, Serialize};

use super::gauge::Gauge;
use super::settings::WorldSettings;
use crate::execution::Action;
use crate::frame::Frame;

/// A multiplier for each item of the costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostMultipliers {
    /// Of commission.
    pub commission: f64,
    /// Of half-spreads.
    pub spread: f64,
    /// Of impact, temporary and permanent.
    pub impact: f64,
    /// Of the fee on borrowed shares.
    pub borrow: f64,
    /// Of the financing of negative cash.
    pub financing: f64,
    /// Multiplier of the haircut of a delisting, which is no cost: the multiplier of all costs is not in it.
    pub haircut: f64,
}

impl Default for CostMultipliers {
    fn default() -> Self {
        Self { commission: 1.0, spread: 1.0, impact: 1.0, borrow: 1.0, financing: 1.0, haircut: 1.0 }
    }
}

impl WorldSettings {
    /// Multipliers of a day that is not volatile.
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
}

/// The costs of a world on the frame at hand. They depend on nothing but what was known before its date.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WorldCosts {
    usual: CostMultipliers,
    now: CostMultipliers,
    volatile: f64,
    power: f64,
    volume: f64,
    sizing_knows: bool,
    /// Only where volatility changes something.
    gauge: Option<Gauge>,
}

impl WorldCosts {
    /// Before the first frame.
    #[must_use]
    pub fn new(world: &WorldSettings) -> Self {
        let usual = world.multipliers();
        Self {
            usual,
            now: usual,
            volatile: world.volatile_cost_multiplier,
            power: world.spread_follows_volatility,
            volume: world.volume_multiplier,
            sizing_knows: world.sizing_knows,
            gauge: world.follows_volatility().then(|| Gauge::new(world.volatile_share)),
        }
    }

    /// The next frame begins.
    pub fn begin(&mut self, frame: &Frame, actions: &[Action]) {
        let Some(gauge) = &mut self.gauge else { return };
        if gauge.begin(frame, actions) {
            let times = if gauge.is_volatile() { self.volatile } else { 1.0 };
            self.now.commission = self.usual.commission * times;
            self.now.impact = self.usual.impact * times;
            self.now.spread = self.usual.spread * times * libm::pow(gauge.relative(), self.power);
        }
    }

    /// The frame ends.
    pub fn end(&mut self, frame: &Frame) {
        if let Some(gauge) = &mut self.gauge {
            gauge.end(frame);
        }
    }

    /// What fills and holdings of the frame pay.
    #[must_use]
    pub fn charged(&self) -> CostMultipliers {
        self.now
    }

    /// What sizing takes trades to cost.
    #[must_use]
    pub fn sized(&self) -> CostMultipliers {
        if self.sizing_knows { self.now } else { CostMultipliers::default() }
    }

    /// What the world makes of a volume.
    #[must_use]
    pub fn volume(&self) -> f64 {
        self.volume
    }

    /// What sizing takes the world to make of it.
    #[must_use]
    pub fn sized_volume(&self) -> f64 {
        if self.sizing_knows { self.volume } else { 1.0 }
    }

    /// Volatile dates so far.
    #[must_use]
    pub fn volatile_dates(&self) -> u64 {
        self.gauge.as_ref().map_or(0, Gauge::volatile_dates)
    }

    /// Whether they change from date to date.
    #[must_use]
    pub fn vary(&self) -> bool {
        self.gauge.is_some()
    }
}
