//! Lower tail of a series, for its quantile.

use crate::percentile::percentile;

/// Share of observations in the tail of value at risk.
const TAIL: f64 = 0.05;

/// Lowest values, as many as the percentile at [`TAIL`] needs.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    values: Vec<f64>,
    wanted: usize,
    /// Final number N of values.
    count: usize,
}

impl Tail {
    pub(super) fn new(count: usize) -> Self {
        let wanted = (below(count) + 2).min(count);
        Self { values: Vec::with_capacity(2 * wanted), wanted, count }
    }

    pub(super) fn push(&mut self, value: f64) {
        self.values.push(value);
        if self.wanted > 0 && self.values.len() == 2 * self.wanted {
            self.values.select_nth_unstable_by(self.wanted - 1, f64::total_cmp);
            self.values.truncate(self.wanted);
        }
    }

    pub(super) fn sorted(mut self) -> Self {
        self.values.sort_unstable_by(f64::total_cmp);
        self
    }

    /// Percentile by linear interpolation between order statistics, as in numpy's `percentile`. Requires a
    /// sorted tail.
    pub(super) fn percentile(&self) -> f64 {
        percentile(TAIL, self.count, |rank| self.values.get(rank).copied().unwrap_or(f64::NAN))
    }

    /// Mean of the values up to the percentile. Requires a sorted tail.
    pub(super) fn mean(&self) -> f64 {
        let lowest = &self.values[..(below(self.count) + 1).min(self.values.len())];
        lowest.iter().sum::<f64>() / lowest.len() as f64
    }
}

/// Rank of the last value at or below the percentile among N ascending values.
fn below(count: usize) -> usize {
    (TAIL * count.saturating_sub(1) as f64) as usize
}
