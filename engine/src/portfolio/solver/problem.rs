//! Problem and answer of the solver.

use nalgebra::DMatrix;

/// Bounds on the book's exposure to a factor, Σ_i B_ij w_i.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExposureBounds {
    /// The factor.
    pub factor: usize,
    /// Least exposure.
    pub lower: f64,
    /// Largest exposure.
    pub upper: f64,
}

/// One rebalance. Columns over instruments have length n.
#[derive(Clone, Copy, Debug)]
pub struct Problem<'a> {
    /// μ, expected excess returns a frame.
    pub expected: &'a [f64],
    /// B, n × k; 0 × 0 without factors.
    pub exposures: &'a DMatrix<f64>,
    /// L, lower, k × k, with L L' the factor covariance a frame.
    pub factor_root: &'a DMatrix<f64>,
    /// D, idiosyncratic variances a frame; an instrument with an infinite one is held at no weight.
    pub idiosyncratic: &'a [f64],
    /// κ, the share of full Kelly.
    pub kelly_fraction: f64,
    /// w₀.
    pub held: &'a [f64],
    /// Least weights, at most 0, and largest, at least 0; or both the weight held, which fixes it.
    pub lower: &'a [f64],
    /// See `lower`.
    pub upper: &'a [f64],
    /// c, cost of a unit of trade, amortised over the horizon.
    pub cost: &'a [f64],
    /// g, coefficient of |trade|^{3/2}, amortised; empty for none.
    pub impact: &'a [f64],
    /// Most Σ|w − w₀|.
    pub turnover: f64,
    /// Most Σ|w|; infinite for no limit.
    pub gross: f64,
    /// Σw, if it has a target.
    pub net: Option<f64>,
    /// Bounds on B'w.
    pub exposure_bounds: &'a [ExposureBounds],
}

/// Prices of the limits: by how much the objective would grow with one more unit of each.
#[derive(Debug, Default, PartialEq)]
pub struct Multipliers {
    /// Of the turnover cap, the marginal value of turnover; at least 0.
    pub turnover: f64,
    /// Of the gross limit; at least 0.
    pub gross: f64,
    /// Of the net target.
    pub net: f64,
    /// Of each bound on an exposure, in their order: above 0 at the upper bound, below 0 at the lower.
    pub exposures: Vec<f64>,
}

impl Clone for Multipliers {
    fn clone(&self) -> Self {
        Self { exposures: self.exposures.clone(), ..*self }
    }

    /// Copies into the buffer of `exposures`: a frame allocates nothing.
    fn clone_from(&mut self, other: &Self) {
        let Self { turnover, gross, net, exposures } = self;
        (*turnover, *gross, *net) = (other.turnover, other.gross, other.net);
        exposures.clone_from(&other.exposures);
    }
}

/// How a solution ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Newton steps.
    pub steps: u32,
    /// Whether the prices were found to the last digits.
    pub converged: bool,
    /// Whether weights held outside the box could not all be brought back under the cap, which is all used for it.
    pub box_missed: bool,
    /// Whether the gross limit was out of reach.
    pub gross_missed: bool,
    /// Whether the net target, or a bound on an exposure, was out of reach.
    pub net_missed: bool,
}

impl Reached {
    /// Whether nothing was out of reach.
    #[must_use]
    pub fn within_limits(&self) -> bool {
        !(self.box_missed || self.gross_missed || self.net_missed)
    }
}

impl Problem<'_> {
    /// Whether nothing but its own weight is possible for the instrument.
    pub(super) fn fixed(&self, i: usize) -> bool {
        self.lower[i] == self.upper[i]
    }

    /// Bounds of a weight: nothing is held of what has no known risk, if it can be helped.
    pub(super) fn bounds(&self, i: usize) -> (f64, f64) {
        let known = self.idiosyncratic[i].is_finite() || self.fixed(i);
        if known { (self.lower[i], self.upper[i]) } else { (0.0, 0.0) }
    }

    /// The weight inside the bounds that is nearest to the one held.
    pub(super) fn nearest(&self, i: usize) -> f64 {
        let (lower, upper) = self.bounds(i);
        self.held[i].clamp(lower, upper)
    }

    /// Σ|w| over the instruments whose weight is fixed.
    pub(super) fn fixed_gross(&self) -> f64 {
        (0..self.held.len()).filter(|&i| self.fixed(i)).map(|i| self.held[i].abs()).sum()
    }
}
