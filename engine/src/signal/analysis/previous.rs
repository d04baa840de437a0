//! Ranks and quantiles of earlier cross-sections.

use std::collections::VecDeque;

use super::correlation::pearson;
use super::quantiles::QUANTILES;

/// Sample of a cross-section: instruments ascending, with their ranks and quantiles.
#[derive(Clone, Debug, Default)]
pub(super) struct Assignment {
    pub(super) seq: u64,
    pub(super) instruments: Vec<u32>,
    pub(super) ranks: Vec<f64>,
    /// Empty if quantiles are undefined.
    pub(super) quantiles: Vec<u8>,
}

impl Assignment {
    /// Share of the names in each quantile that were not in it in `before`, NaN for a quantile that is empty in
    /// one of the two; and correlation of the ranks over the instruments of both.
    fn changes_since(&self, before: &Self) -> ([f64; QUANTILES], f64) {
        let (mut counts, mut stayed) = ([0_u32; QUANTILES], [0_u32; QUANTILES]);
        let (mut now, mut then) = (Vec::new(), Vec::new());
        let mut at = 0;
        for (i, instrument) in self.instruments.iter().enumerate() {
            while before.instruments.get(at).is_some_and(|earlier| earlier < instrument) {
                at += 1;
            }
            let is_common = before.instruments.get(at) == Some(instrument);
            if is_common {
                now.push(self.ranks[i]);
                then.push(before.ranks[at]);
            }
            if let Some(quantile) = self.quantiles.get(i) {
                let quantile = usize::from(*quantile);
                counts[quantile] += 1;
                stayed[quantile] += u32::from(
                    is_common && before.quantiles.get(at).is_some_and(|q| usize::from(*q) == quantile),
                );
            }
        }
        let mut earlier = [false; QUANTILES];
        before.quantiles.iter().for_each(|quantile| earlier[usize::from(*quantile)] = true);
        let share = |quantile: usize| match earlier[quantile] {
            true => f64::from(counts[quantile] - stayed[quantile]) / f64::from(counts[quantile]),
            false => f64::NAN,
        };
        (std::array::from_fn(share), pearson(&now, &then))
    }
}

/// Assignments that later cross-sections are compared with.
#[derive(Clone, Debug, Default)]
pub(super) struct Previous {
    assignments: VecDeque<Assignment>,
    spare: Option<Assignment>,
}

impl Previous {
    /// Empty assignment with the memory of a former one.
    pub(super) fn empty(&mut self) -> Assignment {
        self.spare.take().unwrap_or_default()
    }

    /// Adds an assignment; returns turnover and rank autocorrelation against the latest one that is at least
    /// `horizon` frames older, NaN without one.
    pub(super) fn push(&mut self, assignment: Assignment, horizon: u64) -> ([f64; QUANTILES], f64) {
        let is_old = |earlier: &Assignment| earlier.seq + horizon <= assignment.seq;
        while self.assignments.get(1).is_some_and(is_old) {
            self.spare = self.assignments.pop_front();
        }
        let before = self.assignments.front().filter(|earlier| is_old(earlier));
        let changes =
            before.map_or(([f64::NAN; QUANTILES], f64::NAN), |before| assignment.changes_since(before));
        self.assignments.push_back(assignment);
        changes
    }
}
