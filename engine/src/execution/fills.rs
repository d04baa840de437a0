//! Fills, and their implementation shortfall.

use serde::{Deserialize, Serialize};

use super::costs::{Conditions, CostItem, Costs};

/// Reason of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// An order.
    Order,
    /// No price for `delist_after` days.
    Delisting,
    /// Fraction of a lot that a split left of a position.
    CashInLieu,
    /// The account is ruined and all positions are closed.
    Ruin,
    /// Shares that the lender recalled.
    Recall,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 5] = [Self::Order, Self::Delisting, Self::CashInLieu, Self::Ruin, Self::Recall];

    /// Returns the reason with a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// Name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Delisting => "delisting",
            Self::CashInLieu => "cash_in_lieu",
            Self::Ruin => "ruin",
            Self::Recall => "recall",
        }
    }
}

/// One fill.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fill {
    /// Engine index.
    pub instrument: u32,
    /// Frame of the rebalance; `None` without an order.
    pub decided_seq: Option<u64>,
    /// Quantity, signed.
    pub quantity: f64,
    /// Price of the frame, before costs. For a delisting: last price × (1 − haircut); for ruin: last price.
    pub price: f64,
    /// Close of the rebalance, split-adjusted to the fill's frame; NaN without an order.
    pub decision_price: f64,
    /// Costs of the fill.
    pub costs: Costs,
    /// Permanent part of the impact, in currency.
    pub permanent_impact: f64,
    /// Conditions from which the costs were computed.
    pub conditions: Conditions,
    /// Reason of the fill.
    pub reason: Reason,
}

impl Fill {
    /// Cost of the delay from rebalance to fill: quantity × (price − decision price); negative if the price
    /// moved in favour of the order. NaN without an order.
    #[must_use]
    pub fn delay(&self) -> f64 {
        self.quantity * (self.price - self.decision_price)
    }

    /// Implementation shortfall (Perold 1988) of the filled quantity, relative to trading at once, free of
    /// cost, at the decision price: delay, spread, impact and commission. NaN without an order.
    #[must_use]
    pub fn shortfall(&self) -> f64 {
        let Self { costs, .. } = self;
        self.delay() + costs[CostItem::Spread] + costs[CostItem::Impact] + costs[CostItem::Commission]
    }
}
