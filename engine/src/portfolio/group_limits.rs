//! Bounds on the weights by group, as the solver reads them.

/// Group of an instrument whose group has no bounds.
pub const UNBOUNDED: u32 = u32::MAX;

/// Bounds of one group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupBound {
    /// Least sum of the weights of the members; −∞ for none.
    pub lower: f64,
    /// Largest sum of the weights of the members; ∞ for none.
    pub upper: f64,
    /// Largest sum of the absolute weights of the members, measured as the gross limit is; ∞ for none.
    pub gross: f64,
}

impl Default for GroupBound {
    fn default() -> Self {
        Self { lower: f64::NEG_INFINITY, upper: f64::INFINITY, gross: f64::INFINITY }
    }
}

/// Bounds for one division of the instruments into groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupLimits {
    /// Group of each instrument, as an index into `bounds`; [`UNBOUNDED`] for none. Length n.
    pub group: Vec<u32>,
    /// Bounds of each group.
    pub bounds: Vec<GroupBound>,
}

impl GroupLimits {
    /// Largest violation of a bound by the weights; `benchmark`: weights against which gross exposure is measured, empty
    /// for none.
    #[must_use]
    pub fn excess(&self, weights: &[f64], benchmark: &[f64]) -> f64 {
        let [mut net, mut gross] = [vec![0.0; self.bounds.len()], vec![0.0; self.bounds.len()]];
        self.add_sums(weights.iter().copied(), &mut net);
        let active = |(i, weight): (usize, &f64)| (weight - benchmark.get(i).unwrap_or(&0.0)).abs();
        self.add_sums(weights.iter().enumerate().map(active), &mut gross);
        let excess = |((bound, net), gross): ((&GroupBound, &f64), &f64)| {
            (net - bound.upper).max(bound.lower - net).max(gross - bound.gross)
        };
        self.bounds.iter().zip(&net).zip(&gross).map(excess).fold(0.0, f64::max)
    }

    /// Adds the value of each member to the sum of its group, in engine order.
    pub(super) fn add_sums(&self, values: impl Iterator<Item = f64>, sums: &mut [f64]) {
        for (group, value) in self.group.iter().zip(values) {
            if *group != UNBOUNDED {
                sums[*group as usize] += value;
            }
        }
    }
}

/// Lagrange multipliers of the bounds of one group.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GroupMultiplier {
    /// Multiplier of the sum of the weights: above 0 at the upper bound, below 0 at the lower.
    pub net: f64,
    /// Multiplier of the sum of the absolute weights, at least 0.
    pub gross: f64,
}
