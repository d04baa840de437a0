//! Weights of a benchmark from a file, as targets on the frames of a run.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::portfolio::Portfolio;
use super::rule::WeightRows;
use crate::frame::Frame;

/// Cross-sections of weights, each in force from the first frame at or after its time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct StatedWeights {
    #[serde(skip)]
    rows: Arc<WeightRows>,
    /// Number of cross-sections up to the current frame; the last of them is in force.
    passed: usize,
    /// True if the one in force has not been decided on.
    fresh: bool,
    listed: usize,
    /// Engine index of each symbol; `None` before it is listed.
    columns: Vec<Option<usize>>,
    unplaced: u64,
    /// True for each symbol with a weight that was not bought.
    unplaced_symbols: Vec<bool>,
}

impl StatedWeights {
    pub(super) fn new(rows: &Arc<WeightRows>) -> Self {
        let symbols = rows.symbols().len();
        Self {
            rows: Arc::clone(rows),
            columns: vec![None; symbols],
            unplaced_symbols: vec![false; symbols],
            ..Self::default()
        }
    }

    pub(super) fn under(self, own: &Self) -> Self {
        Self { rows: Arc::clone(&own.rows), ..self }
    }

    pub(super) fn advance(&mut self, frame: &Frame) {
        for name in &frame.listed {
            if let Some(position) = self.rows.position(name) {
                self.columns[position] = Some(self.listed);
            }
            self.listed += 1;
        }
        for renamed in &frame.renamed {
            if let Some(position) = self.rows.position(&renamed.name) {
                self.columns[position] = Some(renamed.instrument as usize);
            }
        }
        let passed = self.rows.until(self.passed, frame.timestamp);
        self.fresh |= passed > self.passed;
        self.passed = passed;
    }

    /// Returns true if new weights are in force.
    pub(super) fn is_due(&self) -> bool {
        self.fresh
    }

    fn in_force(&self) -> &[(usize, f64)] {
        self.passed.checked_sub(1).map_or(&[], |last| self.rows.at(last))
    }

    /// Adds the weights in force to `target`, which is 0.
    pub(super) fn write(&self, target: &mut [f64]) {
        for (position, weight) in self.in_force() {
            if let Some(to) = self.columns[*position].and_then(|column| target.get_mut(column)) {
                *to = *weight;
            }
        }
    }

    /// Marks the weights in force as decided on, and counts those that cannot be bought.
    pub(super) fn decided(&mut self, portfolio: &Portfolio) {
        self.fresh = false;
        let last = self.passed.saturating_sub(1);
        for (position, weight) in self.rows.at(last) {
            let buys = |i: usize| portfolio.tradable.get(i) == Some(&true) && portfolio.is_member(i);
            let can_buy = self.columns[*position].is_some_and(buys);
            if !can_buy && *weight != 0.0 {
                self.unplaced += 1;
                self.unplaced_symbols[*position] = true;
            }
        }
    }

    /// True if no weights have come into force.
    pub(super) fn is_without_weights(&self) -> bool {
        self.passed == 0
    }

    /// Largest sum of the absolute weights of a cross-section up to the current frame.
    pub(super) fn gross_max(&self) -> f64 {
        let gross = |passed| self.rows.at(passed).iter().map(|(_, weight)| weight.abs()).sum();
        (0..self.passed).map(gross).fold(0.0, f64::max)
    }

    /// Number of weights that were not bought, and their symbols.
    pub(super) fn unplaced(&self) -> (u64, Vec<String>) {
        let symbols = self.rows.symbols().iter().zip(&self.unplaced_symbols);
        let symbols = symbols.filter(|(_, unplaced)| **unplaced).map(|(symbol, _)| (**symbol).to_owned());
        (self.unplaced, symbols.collect())
    }
}
