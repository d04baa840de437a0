//! Problem, multipliers and status of the solver.

use nalgebra::DMatrix;

use super::known_or_zero;
use crate::portfolio::group_limits::{GroupLimits, GroupMultiplier};
use crate::portfolio::own_loadings::OwnLoadings;

/// Bounds on the book's exposure to a factor, Σ_i B_ij w_i.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExposureBounds {
    /// Index of the factor.
    pub factor: usize,
    /// Least exposure.
    pub lower: f64,
    /// Largest exposure.
    pub upper: f64,
}

/// Problem of one rebalance. Columns over instruments have length n.
#[derive(Clone, Copy, Debug)]
pub struct Problem<'a> {
    /// Expected excess returns μ per frame.
    pub expected: &'a [f64],
    /// Loadings on the given factors, n × k, the first columns of B; 0 × 0 without factors.
    pub exposures: &'a DMatrix<f64>,
    /// Loadings on the factors of groups, the other K − k columns of B: one entry for each division into groups.
    pub own: &'a [OwnLoadings],
    /// L, lower triangular, K × K, with L L' the factor covariance per frame.
    pub factor_root: &'a DMatrix<f64>,
    /// Idiosyncratic variances D per frame; an instrument with an infinite one gets weight 0.
    pub idiosyncratic: &'a [f64],
    /// Fraction κ of full Kelly.
    pub kelly_fraction: f64,
    /// Held weights w₀.
    pub held: &'a [f64],
    /// Lower bounds; equal to `upper` for an instrument fixed at its held weight.
    pub lower: &'a [f64],
    /// Upper bounds.
    pub upper: &'a [f64],
    /// Cost c per unit of trade, amortised over the horizon.
    pub cost: &'a [f64],
    /// Coefficient g of |trade|^{3/2}, amortised; empty for none.
    pub impact: &'a [f64],
    /// Fee φ per frame on a short, charged on −w below w = 0; empty for none.
    pub borrow: &'a [f64],
    /// Upper limit of Σ|w − w₀|.
    pub turnover: f64,
    /// Upper limit of Σ|w − b|; infinite for none.
    pub gross: f64,
    /// Target of Σw, if any.
    pub net: Option<f64>,
    /// Bounds on B'w.
    pub exposure_bounds: &'a [ExposureBounds],
    /// Bounds by group, one entry for each division into groups. The gross bounds are those of w − b.
    pub group_limits: &'a [GroupLimits],
    /// Weights b of a benchmark: risk and the gross limit are then those of w − b. Empty for none.
    pub benchmark: &'a [f64],
}

/// Lagrange multipliers of the limits: gain in the objective per unit of each.
#[derive(Debug, Default, PartialEq)]
pub struct Multipliers {
    /// Multiplier of the turnover cap: marginal value of turnover, at least 0.
    pub turnover: f64,
    /// Multiplier of the gross limit, at least 0.
    pub gross: f64,
    /// Multiplier of the net target.
    pub net: f64,
    /// Multipliers of the exposure bounds, in their order: above 0 at an upper bound, below 0 at a lower.
    pub exposures: Vec<f64>,
    /// Multipliers of the bounds by group, one division after another.
    pub groups: Vec<GroupMultiplier>,
}

impl Clone for Multipliers {
    fn clone(&self) -> Self {
        Self { exposures: self.exposures.clone(), groups: self.groups.clone(), ..*self }
    }

    /// Reuses the buffers, so that a frame allocates nothing.
    fn clone_from(&mut self, other: &Self) {
        let Self { turnover, gross, net, exposures, groups } = self;
        (*turnover, *gross, *net) = (other.turnover, other.gross, other.net);
        exposures.clone_from(&other.exposures);
        groups.clone_from(&other.groups);
    }
}

/// Status of a solution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SolveStatus {
    /// Newton steps.
    pub steps: u32,
    /// True if the Newton steps converged.
    pub converged: bool,
    /// True if weights remain outside the box after the whole cap was used to bring them back.
    pub box_missed: bool,
    /// True if the gross limit was out of reach.
    pub gross_missed: bool,
    /// True if the bound of a group was out of reach.
    pub group_missed: bool,
    /// True if the net target or an exposure bound was out of reach.
    pub net_missed: bool,
}

impl SolveStatus {
    /// Returns true if every limit was within reach.
    #[must_use]
    pub fn within_limits(&self) -> bool {
        !(self.box_missed || self.gross_missed || self.group_missed || self.net_missed)
    }
}

impl Problem<'_> {
    /// Returns true with factors or bounds of groups.
    pub(super) fn has_groups(&self) -> bool {
        !(self.own.is_empty() && self.group_limits.is_empty())
    }

    /// Exposure of weights to one of the K factors.
    pub(super) fn exposure_to(&self, factor: usize, weights: &[f64]) -> f64 {
        if factor >= self.exposures.ncols() {
            let of = |i: usize| self.own.iter().filter_map(move |own| own.of(i));
            let own = |i: usize| of(i).find(|(of, _)| *of == factor).map_or(0.0, |(_, loading)| loading);
            return weights.iter().enumerate().map(|(i, weight)| known_or_zero(own(i)) * weight).sum();
        }
        let exposures = self.exposures.column(factor);
        exposures.iter().zip(weights).map(|(exposure, weight)| known_or_zero(*exposure) * weight).sum()
    }

    /// Returns true if the weight is fixed at one value.
    pub(super) fn fixed(&self, i: usize) -> bool {
        self.lower[i] == self.upper[i]
    }

    /// Bounds of a weight; both 0 for an instrument of unknown risk that can be traded.
    pub(super) fn bounds(&self, i: usize) -> (f64, f64) {
        let known = self.idiosyncratic[i].is_finite() || self.fixed(i);
        if known { (self.lower[i], self.upper[i]) } else { (0.0, 0.0) }
    }

    /// Weight inside the bounds nearest to the held one.
    pub(super) fn nearest(&self, i: usize) -> f64 {
        let (lower, upper) = self.bounds(i);
        self.held[i].clamp(lower, upper)
    }
}
