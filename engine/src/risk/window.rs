//! Returns of the last frames, and sums over them.

use std::collections::VecDeque;

use nalgebra::DMatrix;

use super::shrinkage::{Shrinkage, ledoit_wolf};
use crate::linalg::solve_symmetric;

/// Returns and designs (1, f) of the last frames, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// Largest number of frames.
    length: usize,
    returns: VecDeque<Vec<f64>>,
    designs: VecDeque<Vec<f64>>,
}

impl History {
    pub(super) fn new(length: usize) -> Self {
        Self { length, ..Self::default() }
    }

    pub(super) fn push(&mut self, returns: &[f64], factors: &[f64]) {
        // The buffers of the oldest frame are used again.
        let oldest =
            if self.is_full() { self.returns.pop_front().zip(self.designs.pop_front()) } else { None };
        let (mut row, mut design) = oldest.unwrap_or_default();
        row.clear();
        row.extend_from_slice(returns);
        design.clear();
        design.push(1.0);
        design.extend_from_slice(factors);
        self.returns.push_back(row);
        self.designs.push_back(design);
    }

    pub(super) fn is_full(&self) -> bool {
        self.returns.len() == self.length
    }

    /// Returns true if the instrument has a return in every frame.
    pub(super) fn is_complete(&self, instrument: usize) -> bool {
        self.returns.iter().all(|row| row.get(instrument).is_some_and(|r| !r.is_nan()))
    }
}

/// Returns of a fixed set of instruments in the frames of a full [`History`], with the sums that the covariances need.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// Instruments in engine order.
    pub(super) members: Vec<usize>,
    /// Returns of the members, T × m by frames, and designs, T × k. Places form a ring.
    returns: Vec<f64>,
    designs: Vec<f64>,
    /// Place of the oldest frame.
    oldest: usize,
    periods: usize,
    /// X X' of the returns, T × T.
    gram: Vec<f64>,
    /// Σ x x', k × k, Σ x r', k × m, and Σ r² of each member.
    design_square: DMatrix<f64>,
    products: DMatrix<f64>,
    squares: Vec<f64>,
}

/// Least squares of the members' returns on (1, f), and the sample covariance of the factors.
#[derive(Clone, Debug)]
pub(super) struct Regression {
    /// Coefficients (alpha, betas), k × m.
    pub(super) coefficients: DMatrix<f64>,
    /// Residual variances with T − k degrees of freedom, length m.
    pub(super) residual_var: Vec<f64>,
    /// Covariance of the factors with T − 1 degrees of freedom, (k − 1) × (k − 1).
    pub(super) factor_cov: DMatrix<f64>,
}

impl Window {
    /// Fills the window with the returns of the members in a full history.
    pub(super) fn fill(&mut self, history: &History, members: Vec<usize>) {
        let (periods, m) = (history.length, members.len());
        let k = history.designs.front().map_or(1, Vec::len);
        self.returns.clear();
        for row in &history.returns {
            self.returns.extend(members.iter().map(|i| row[*i]));
        }
        self.designs = history.designs.iter().flatten().copied().collect();
        (self.members, self.periods, self.oldest) = (members, periods, 0);
        self.gram = vec![0.0; periods * periods];
        (0..periods).for_each(|t| self.set_gram(t));
        self.design_square = DMatrix::zeros(k, k);
        self.products = DMatrix::zeros(k, m);
        self.squares = vec![0.0; m];
        (0..periods).for_each(|t| self.add(t, 1.0));
    }

    /// Replaces the oldest frame; a missing return counts as 0.
    pub(super) fn push(&mut self, returns: &[f64], factors: &[f64]) {
        let (at, m, k) = (self.oldest, self.members.len(), self.design_square.nrows());
        self.add(at, -1.0);
        for (place, i) in self.returns[at * m..(at + 1) * m].iter_mut().zip(&self.members) {
            *place = known(returns[*i]);
        }
        let design = &mut self.designs[at * k..(at + 1) * k];
        design[1..].copy_from_slice(factors);
        self.add(at, 1.0);
        self.set_gram(at);
        self.oldest = (at + 1) % self.periods;
    }

    fn row(&self, t: usize) -> &[f64] {
        let m = self.members.len();
        &self.returns[t * m..(t + 1) * m]
    }

    fn set_gram(&mut self, t: usize) {
        for s in 0..self.periods {
            let product = self.row(t).iter().zip(self.row(s)).map(|(a, b)| a * b).sum();
            self.gram[t * self.periods + s] = product;
            self.gram[s * self.periods + t] = product;
        }
    }

    /// Adds a frame to the sums of the regression, or subtracts it.
    fn add(&mut self, t: usize, sign: f64) {
        let (m, k) = (self.members.len(), self.design_square.nrows());
        let Self { returns, designs, design_square, products, squares, .. } = self;
        let (row, x) = (&returns[t * m..(t + 1) * m], &designs[t * k..(t + 1) * k]);
        for (a, left) in x.iter().enumerate() {
            for (b, right) in x.iter().enumerate() {
                design_square[(a, b)] += sign * (left * right);
            }
        }
        for ((mut column, square), r) in products.column_iter_mut().zip(squares).zip(row) {
            column.iter_mut().zip(x).for_each(|(sum, x)| *sum += sign * (x * r));
            *square += sign * (r * r);
        }
    }

    /// Returns of a portfolio in each frame, oldest first. `weights`: position among the members, and weight.
    pub(super) fn series(&self, weights: &[(usize, f64)]) -> impl Iterator<Item = f64> {
        let places = (0..self.periods).map(|age| (self.oldest + age) % self.periods);
        places.map(move |t| {
            let row = self.row(t);
            weights.iter().map(|(i, w)| w * row[*i]).sum()
        })
    }

    /// Returns of one member in each frame, oldest first.
    pub(super) fn series_of(&self, member: usize) -> impl Iterator<Item = f64> {
        (0..self.periods).map(move |age| self.row((self.oldest + age) % self.periods)[member])
    }

    pub(super) fn shrinkage(&self) -> Shrinkage {
        ledoit_wolf(&self.gram, self.periods, self.members.len())
    }

    pub(super) fn regression(&self) -> Regression {
        let (k, count) = (self.design_square.nrows(), self.periods as f64);
        let coefficients = solve_symmetric(&self.design_square, self.products.clone());
        let dof = (count - k as f64).max(1.0);
        let explained = |i: usize| coefficients.column(i).dot(&self.products.column(i));
        let residual_var =
            self.squares.iter().enumerate().map(|(i, square)| ((square - explained(i)) / dof).max(0.0));
        // The first row of Σ x x' has the sums of the factors.
        let sum = |a: usize| self.design_square[(0, a + 1)];
        let factor_cov = DMatrix::from_fn(k - 1, k - 1, |a, b| {
            (self.design_square[(a + 1, b + 1)] - sum(a) * sum(b) / count) / (count - 1.0)
        });
        Regression { residual_var: residual_var.collect(), factor_cov, coefficients }
    }
}

/// Returns a return, or 0 for a missing one.
pub(super) fn known(r: f64) -> f64 {
    if r.is_nan() { 0.0 } else { r }
}
