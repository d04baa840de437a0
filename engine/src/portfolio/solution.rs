//! Goal, limits and solution of one rebalance.

use super::group_limits::GroupLimits;
use super::solver::{Multipliers, SolveStatus};

/// Goal given by the strategy.
#[derive(Clone, Copy, Debug)]
pub enum Goal<'a> {
    /// Expected excess returns per frame, length n; the solver sizes them by fractional Kelly.
    Expected(&'a [f64]),
    /// Target weights, length n; the nearest weights inside the limits are held, the largest differences
    /// traded first.
    Weights(&'a [f64]),
}

/// Limits of one rebalance.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// Held weights after drift, length n; orders in flight count as filled.
    pub held: &'a [f64],
    /// True for each instrument that can be traded in this frame.
    pub tradable: &'a [bool],
    /// Cost per unit of trade, length n.
    pub linear_cost: &'a [f64],
    /// Coefficient of |trade|^{3/2}, length n; empty for none.
    pub impact: &'a [f64],
    /// Fee per frame on a short, length n; empty for none.
    pub borrow: &'a [f64],
    /// Smallest weight for which shares can be borrowed, at most 0, length n; empty for no limit. A lower held weight
    /// stays.
    pub short_limit: &'a [f64],
    /// Smallest and largest weight of each instrument, length n; empty for those of the settings.
    pub bounds: &'a [[f64; 2]],
    /// Turnover left under the cap of the date.
    pub turnover_left: f64,
    /// Weights of the benchmark, length n: risk and the gross limit are then those of the weights less these. Empty
    /// for none.
    pub benchmark: &'a [f64],
    /// Bounds by group, one entry for each division into groups; empty for none.
    pub groups: &'a [GroupLimits],
}

impl Limits<'_> {
    /// Returns true if instruments have bounds of their own.
    pub(super) fn differ_by_instrument(&self) -> bool {
        !(self.bounds.is_empty() && self.short_limit.is_empty())
    }

    /// Bounds of an instrument that can be traded; `usual` are those of the settings. A limit on shorts takes precedence
    /// over the bounds.
    pub(super) fn bounds_of(&self, i: usize, usual: [f64; 2]) -> [f64; 2] {
        let [lower, upper] = self.bounds.get(i).copied().unwrap_or(usual);
        let Some(limit) = self.short_limit.get(i) else { return [lower, upper] };
        let lower = lower.max(limit.min(self.held[i]));
        [lower, upper.max(lower)]
    }
}

/// Outcome of a rebalance. None of the variants is an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// The goal was reached inside the limits.
    #[default]
    Reached,
    /// The turnover cap binds.
    Capped,
    /// No instrument can be traded, or no turnover is left under the cap.
    NoTrade,
    /// The whole cap was used to bring back weights that drift or a halt had moved outside the box.
    Repairing,
    /// The gross limit is out of reach under the cap; the solution is as near to it as the cap allows.
    GrossOutOfReach,
    /// The bound of a group is out of reach; the solution is as near to it as the cap, the box and the gross limit allow.
    GroupOutOfReach,
    /// The net target or an exposure bound is out of reach; the solution is as near to it as the other limits
    /// allow.
    NetOutOfReach,
    /// The strategy targets full investment, but the limits allow less; the largest allowed sum of weights
    /// was reached.
    BudgetOutOfReach,
}

impl Outcome {
    /// Returns true if all limits hold, so that their multipliers measure growth.
    #[must_use]
    pub fn within_limits(self) -> bool {
        !matches!(self, Self::Repairing | Self::GrossOutOfReach | Self::GroupOutOfReach | Self::NetOutOfReach)
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
            Self::GroupOutOfReach => "group_bound_out_of_reach",
            Self::NetOutOfReach => "net_or_exposure_out_of_reach",
            Self::BudgetOutOfReach => "budget_out_of_reach",
        }
    }
}

/// Target weights, and which limits bind.
#[derive(Clone, Debug, Default)]
pub struct Solution {
    /// Target weights, length n.
    pub weights: Vec<f64>,
    /// Outcome of the rebalance.
    pub outcome: Outcome,
    /// Multipliers of the limits: growth per frame added by one more unit of each, 0 where a limit does not
    /// bind. That of the cap is the marginal value of turnover (for `scale`: along the move to the goal). For
    /// target weights the objective is half the squared distance from them.
    pub multipliers: Multipliers,
    /// True if the turnover cap binds, or is used up.
    pub capped: bool,
    /// True if the gross limit binds.
    pub at_gross: bool,
    /// Number of instruments whose weight is at a non-zero bound of the box.
    pub at_box: usize,
    /// Status of the solver.
    pub status: SolveStatus,
}
