//! The tail of a series that its quantile lies in.

/// Share of observations in the tail of value at risk.
const TAIL: f64 = 0.05;

/// The lowest values: enough of them for the percentile at [`TAIL`].
#[derive(Clone, Debug)]
pub(super) struct Tail {
    values: Vec<f64>,
    wanted: usize,
    /// TAIL · (N − 1), the position of the percentile among the sorted values.
    position: f64,
}

impl Tail {
    pub(super) fn new(count: usize) -> Self {
        let position = TAIL * count.saturating_sub(1) as f64;
        let wanted = (position as usize + 2).min(count);
        Self { values: Vec::with_capacity(2 * wanted), wanted, position }
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

    /// Linear interpolation between order statistics, as numpy's `percentile` does it. Call on a sorted tail.
    pub(super) fn percentile(&self) -> f64 {
        let below = self.position as usize;
        match (self.values.get(below), self.values.get(below + 1)) {
            (Some(low), Some(high)) => low + (high - low) * (self.position - below as f64),
            (Some(low), None) => *low,
            _ => f64::NAN,
        }
    }

    /// Mean of the values up to the percentile. Call on a sorted tail.
    pub(super) fn mean(&self) -> f64 {
        let lowest = &self.values[..(self.position as usize + 1).min(self.values.len())];
        lowest.iter().sum::<f64>() / lowest.len() as f64
    }
}
