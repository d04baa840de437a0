//! Implementation shortfall of a run.

use serde::{Deserialize, Serialize};

use crate::execution::{CostItem, Fill};

/// Implementation shortfall: cost of the fills relative to trading at once, free of cost, at the decision
/// price (Perold 1988). Costs are positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shortfall {
    /// Total size of the fills, in currency.
    pub notional: f64,
    /// Delay: quantity × (fill price − decision price).
    pub delay: f64,
    /// Half-spread.
    pub spread: f64,
    /// Market impact.
    pub impact: f64,
    /// Commission.
    pub commission: f64,
}

impl Shortfall {
    /// Adds a fill; skips fills without an order.
    pub(crate) fn add(&mut self, fill: &Fill) {
        if fill.decided_seq.is_none() {
            return;
        }
        self.notional += (fill.quantity * fill.price).abs();
        self.delay += fill.delay();
        self.spread += fill.costs[CostItem::Spread];
        self.impact += fill.costs[CostItem::Impact];
        self.commission += fill.costs[CostItem::Commission];
    }

    /// Parts and total in bps of the notional; NaN without fills.
    #[must_use]
    pub fn in_bps(&self) -> [(&'static str, f64); 5] {
        let of = |part: f64| 1e4 * part / self.notional;
        let Self { delay, spread, impact, commission, .. } = *self;
        [
            ("delay", of(delay)),
            ("spread", of(spread)),
            ("impact", of(impact)),
            ("commission", of(commission)),
            ("total", of(delay + spread + impact + commission)),
        ]
    }
}
