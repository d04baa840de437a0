//! Returns and factors of the frames since the last hand-over.

use numpy::{PyArray1, PyArrayMethods as _};
use pyo3::intern;
use pyo3::prelude::*;
use serde::{Deserialize, Serialize};

/// Largest number of frames between two hand-overs.
const FRAMES_MAX: usize = 256;

/// Returns and factors of the frames since the last hand-over. They are part of the state of a run, so that a resumed
/// run hands over the same frames together.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Observations {
    /// Returns of the frames, one frame after the other.
    returns: Vec<f64>,
    /// Number of instruments on each frame; it only grows.
    instruments: Vec<usize>,
    /// Factor returns of the frames, length k each, NaN for a frame without factors.
    factors: Vec<f64>,
    /// Factor returns of the frame whose returns follow; empty if it has none.
    latest: Vec<f64>,
    /// Number k of factors, once known.
    k: usize,
}

impl Observations {
    /// Takes the factor returns of a frame, before its returns.
    pub(super) fn push_factors(&mut self, factors: &[f64]) {
        if self.k != factors.len() {
            // Frames before the first one with factors have none.
            self.k = factors.len();
            self.factors = vec![f64::NAN; self.k * self.instruments.len()];
        }
        self.latest.clear();
        self.latest.extend_from_slice(factors);
    }

    /// Takes the returns of a frame; true if a hand-over is due.
    pub(super) fn push_returns(&mut self, returns: &[f64]) -> bool {
        self.returns.extend_from_slice(returns);
        self.instruments.push(returns.len());
        match self.latest.is_empty() {
            true => self.factors.extend(std::iter::repeat_n(f64::NAN, self.k)),
            false => self.factors.append(&mut self.latest),
        }
        self.instruments.len() >= FRAMES_MAX
    }

    /// Calls `observe` of the strategy with returns (m, n) and factors (m, k) of the m frames, and forgets them. An
    /// instrument that is listed inside has NaN before. `factors`: number k of factors.
    pub(super) fn hand_over(&mut self, strategy: &Bound<'_, PyAny>, factors: Option<usize>) -> PyResult<()> {
        let py = strategy.py();
        let (m, n) = (self.instruments.len(), self.instruments.last().copied().unwrap_or(0));
        if m == 0 {
            return Ok(());
        }
        if let Some(k) = factors.filter(|k| *k != self.k) {
            (self.k, self.factors) = (k, vec![f64::NAN; k * m]);
        }
        let mut padded = vec![f64::NAN; m * n];
        let mut rest = &*self.returns;
        for (row, known) in padded.chunks_exact_mut(n.max(1)).zip(&self.instruments) {
            let (returns, after) = rest.split_at(*known);
            row[..*known].copy_from_slice(returns);
            rest = after;
        }
        let returns = PyArray1::from_vec(py, padded).reshape([m, n])?;
        let factors = PyArray1::from_slice(py, &self.factors).reshape([m, self.k])?;
        self.returns.clear();
        self.instruments.clear();
        self.factors.clear();
        strategy.call_method1(intern!(py, "observe"), (returns, factors))?;
        Ok(())
    }
}
