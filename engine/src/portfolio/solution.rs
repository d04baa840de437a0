//! Goal, limits and solution of one rebalance.

use super::solver::{Multipliers, Reached};

/// Targets of the strategy.
#[derive(Clone, Copy, Debug)]
pub enum Goal<'a> {
    /// Expected excess returns a frame, length n: quarter-Kelly decides the weights.
    Expected(&'a [f64]),
    /// Weights by name, length n: the nearest ones inside the limits are held, the largest differences traded first.
    Weights(&'a [f64]),
}

/// Limits that hold for a decision, whatever the strategy wants.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// Weights held now, after drift, length n; orders in flight count as filled.
    pub held: &'a [f64],
    /// Which instruments can be traded in this frame.
    pub tradable: &'a [bool],
    /// Cost of a unit of trade, length n.
    pub linear_cost: &'a [f64],
    /// Coefficient of |trade|^{3/2}, length n; empty for none.
    pub impact: &'a [f64],
    /// Rest of the day's turnover cap.
    pub turnover_left: f64,
}

/// How a rebalance ended. None of these is an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// The goal was reached inside the limits.
    #[default]
    Reached,
    /// The turnover cap stopped it on the way.
    Capped,
    /// No instrument can be traded, or nothing is left of the cap.
    NoTrade,
    /// All that the cap allowed went into bringing weights back that drift or a halt had put outside the box.
    Repairing,
    /// The gross limit was out of reach under the cap; it is approached as near as that allows.
    GrossOutOfReach,
    /// The net target, or a bound on an exposure, was out of reach; it is approached as near as the rest allows.
    NetOutOfReach,
    /// The strategy wants to be fully invested, and the limits allow less than that; what they allow was reached.
    BudgetOutOfReach,
}

impl Outcome {
    /// Whether all limits are kept, so that their prices are of growth.
    #[must_use]
    pub fn within_limits(self) -> bool {
        !matches!(self, Self::Repairing | Self::GrossOutOfReach | Self::NetOutOfReach)
    }

    /// Name in outputs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Capped => "capped",
            Self::NoTrade => "no_trade",
            Self::Repairing => "repairing",
            Self::GrossOutOfReach => "gross_out_of_reach",
            Self::NetOutOfReach => "net_or_exposure_out_of_reach",
            Self::BudgetOutOfReach => "budget_out_of_reach",
        }
    }
}

/// Target weights, and the limits that bind.
#[derive(Clone, Debug, Default)]
pub struct Solution {
    /// Target weights, length n.
    pub weights: Vec<f64>,
    /// How it ended.
    pub outcome: Outcome,
    /// Prices of the limits, as growth a frame that one more unit of each would add; that of the cap is the marginal
    /// value of turnover (for `scale`: along the way to the goal). For weights that a strategy asks for, what is
    /// priced is half the squared distance from them. 0 where a limit does not bind.
    pub multipliers: Multipliers,
    /// Whether the turnover cap binds, or is all used.
    pub capped: bool,
    /// Whether the gross limit binds.
    pub at_gross: bool,
    /// Instruments whose weight stands at a bound of the box other than 0.
    pub at_box: usize,
    /// How the solver ended.
    pub reached: Reached,
}
