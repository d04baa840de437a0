//! Generated rebalances for tests and benchmarks, and the same problem for an interior-point solver.
#![allow(clippy::unwrap_used, dead_code, missing_docs, unreachable_pub)]

use betaflow_engine::portfolio::{Multipliers, Rebalance, SolveStatus, Solver};
use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettingsBuilder, DefaultSolver, IPSolver, NonnegativeConeT, PowerConeT, SolverStatus,
    SupportedConeT, ZeroConeT,
};

/// Checks of a rebalance and its solution.
pub trait Checked {
    fn n(&self) -> usize;
    fn k(&self) -> usize;
    fn solve(&self, solver: &mut Solver) -> (Vec<f64>, Multipliers, SolveStatus);
    /// Common risk L'B'w.
    fn common(&self, weights: &[f64]) -> Vec<f64>;
    fn exposure(&self, factor: usize, weights: &[f64]) -> f64;
    /// Weights less those of the benchmark.
    fn active(&self, weights: &[f64]) -> Vec<f64>;
    /// Largest violation of any limit.
    fn excess(&self, weights: &[f64]) -> f64;
}

impl Checked for Rebalance {
    fn n(&self) -> usize {
        self.expected.len()
    }

    fn k(&self) -> usize {
        self.factors()
    }

    fn solve(&self, solver: &mut Solver) -> (Vec<f64>, Multipliers, SolveStatus) {
        let (mut weights, mut multipliers) = (Vec::new(), Multipliers::default());
        let reached = solver.solve(&self.problem(), &mut weights, &mut multipliers);
        (weights, multipliers, reached)
    }

    fn common(&self, weights: &[f64]) -> Vec<f64> {
        let k = self.k();
        let exposures: Vec<f64> = (0..k).map(|l| self.exposure(l, weights)).collect();
        (0..k).map(|j| (j..k).map(|l| self.factor_root[(l, j)] * exposures[l]).sum()).collect()
    }

    fn exposure(&self, factor: usize, weights: &[f64]) -> f64 {
        self.exposures_to(factor).iter().zip(weights).map(|(exposure, weight)| exposure * weight).sum()
    }

    fn active(&self, weights: &[f64]) -> Vec<f64> {
        let benchmark = |i: usize| self.benchmark.get(i).unwrap_or(&0.0);
        weights.iter().enumerate().map(|(i, w)| w - benchmark(i)).collect()
    }

    fn excess(&self, weights: &[f64]) -> f64 {
        let active = self.active(weights);
        let sum = |of: &dyn Fn(usize) -> f64| -> f64 { (0..self.n()).map(of).sum() };
        let mut excess = (sum(&|i| (weights[i] - self.held[i]).abs()) - self.turnover)
            .max(sum(&|i| active[i].abs()) - self.gross);
        if let Some(net) = self.net {
            excess = excess.max((sum(&|i| weights[i]) - net).abs());
        }
        for bound in &self.exposure_bounds {
            let exposure = self.exposure(bound.factor, weights);
            excess = excess.max(exposure - bound.upper).max(bound.lower - exposure);
        }
        for limits in &self.group_limits {
            excess = excess.max(limits.excess(weights, &self.benchmark));
        }
        for i in 0..self.n() {
            excess = excess.max(weights[i] - self.upper[i]).max(self.lower[i] - weights[i]);
        }
        excess
    }
}

/// Constraints of a conic program, row by row: Ax + s = b, s in a cone.
#[derive(Default)]
struct Rows {
    rows: Vec<usize>,
    columns: Vec<usize>,
    values: Vec<f64>,
    right: Vec<f64>,
    cones: Vec<SupportedConeT<f64>>,
}

impl Rows {
    fn add(&mut self, entries: &[(usize, f64)], right: f64) {
        for (column, value) in entries {
            self.rows.push(self.right.len());
            self.columns.push(*column);
            self.values.push(*value);
        }
        self.right.push(right);
    }
}

/// The problem for Clarabel in factor form, with its objective scaled so that max|μ| = 1.
pub struct Reference {
    quadratic: CscMatrix<f64>,
    linear: Vec<f64>,
    constraints: CscMatrix<f64>,
    right: Vec<f64>,
    cones: Vec<SupportedConeT<f64>>,
    n: usize,
}

impl Reference {
    /// Variables: w, then y = L'B'(w − b), then t ≥ |w − w₀|, then s ≥ |w − b|, then v ≥ t^{3/2},
    /// then f ≥ max(−w, 0).
    pub fn new(of: &Rebalance) -> Self {
        let (n, k) = (of.n(), of.k());
        let scale = of.expected.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        let scale = if scale > 0.0 { 1.0 / scale } else { 1.0 };
        let by_group = of.group_limits.iter().flat_map(|limits| &limits.bounds).any(|b| b.gross.is_finite());
        let (gross, impact) = (of.gross.is_finite() || by_group, of.impact.iter().any(|g| *g > 0.0));
        let exposures: Vec<Vec<f64>> = (0..k).map(|j| of.exposures_to(j)).collect();
        let y = n;
        let t = y + k;
        let s = t + n;
        let v = s + if gross { n } else { 0 };
        let f = v + if impact { n } else { 0 };
        let size = f + if of.borrow.is_empty() { 0 } else { n };
        let benchmark = |i: usize| of.benchmark.get(i).copied().unwrap_or(0.0);
        let mut diagonal = vec![0.0; size];
        let mut linear = vec![0.0; size];
        for i in 0..n {
            diagonal[i] = of.idiosyncratic[i] / of.kelly_fraction * scale;
            linear[i] = -of.expected[i] * scale - diagonal[i] * benchmark(i);
            linear[t + i] = of.cost[i] * scale;
            if impact {
                linear[v + i] = of.impact[i] * scale;
            }
            if let Some(fee) = of.borrow.get(i) {
                linear[f + i] = fee * scale;
            }
        }
        diagonal[y..t].fill(scale / of.kelly_fraction);

        let mut rows = Rows::default();
        for j in 0..k {
            let entry = |i: usize| (j..k).map(|l| of.factor_root[(l, j)] * exposures[l][i]).sum();
            let mut entries: Vec<(usize, f64)> = (0..n).map(|i| (i, entry(i))).collect();
            let shift = (0..n).map(|i| entries[i].1 * benchmark(i)).sum();
            entries.push((y + j, -1.0));
            rows.add(&entries, shift);
        }
        if let Some(net) = of.net {
            rows.add(&(0..n).map(|i| (i, 1.0)).collect::<Vec<_>>(), net);
        }
        rows.cones.push(ZeroConeT(rows.right.len()));
        let equalities = rows.right.len();
        for i in 0..n {
            rows.add(&[(i, 1.0)], of.upper[i]);
            rows.add(&[(i, -1.0)], -of.lower[i]);
            rows.add(&[(i, 1.0), (t + i, -1.0)], of.held[i]);
            rows.add(&[(i, -1.0), (t + i, -1.0)], -of.held[i]);
        }
        rows.add(&(0..n).map(|i| (t + i, 1.0)).collect::<Vec<_>>(), of.turnover);
        if gross {
            for i in 0..n {
                rows.add(&[(i, 1.0), (s + i, -1.0)], benchmark(i));
                rows.add(&[(i, -1.0), (s + i, -1.0)], -benchmark(i));
            }
            if of.gross.is_finite() {
                rows.add(&(0..n).map(|i| (s + i, 1.0)).collect::<Vec<_>>(), of.gross);
            }
        }
        for limits in &of.group_limits {
            for (group, bound) in limits.bounds.iter().enumerate() {
                let members = (0..n).filter(|i| limits.group[*i] as usize == group);
                let row = |from: usize, sign: f64| -> Vec<(usize, f64)> {
                    members.clone().map(|i| (from + i, sign)).collect()
                };
                for (row, limit) in
                    [(row(0, 1.0), bound.upper), (row(0, -1.0), -bound.lower), (row(s, 1.0), bound.gross)]
                {
                    if limit.is_finite() {
                        rows.add(&row, limit);
                    }
                }
            }
        }
        for bound in &of.exposure_bounds {
            let row = |sign: f64| -> Vec<(usize, f64)> {
                (0..n).map(|i| (i, sign * exposures[bound.factor][i])).collect()
            };
            if bound.upper.is_finite() {
                rows.add(&row(1.0), bound.upper);
            }
            if bound.lower.is_finite() {
                rows.add(&row(-1.0), -bound.lower);
            }
        }
        for i in 0..of.borrow.len() {
            rows.add(&[(i, -1.0), (f + i, -1.0)], 0.0);
            rows.add(&[(f + i, -1.0)], 0.0);
        }
        rows.cones.push(NonnegativeConeT(rows.right.len() - equalities));
        if impact {
            for i in 0..n {
                // v^{2/3} 1^{1/3} ≥ |t|.
                rows.add(&[(v + i, -1.0)], 0.0);
                rows.add(&[], 1.0);
                rows.add(&[(t + i, -1.0)], 0.0);
                rows.cones.push(PowerConeT(2.0 / 3.0));
            }
        }
        let at: Vec<usize> = (0..size).filter(|i| diagonal[*i] != 0.0).collect();
        let values = at.iter().map(|i| diagonal[*i]).collect();
        let quadratic = CscMatrix::new_from_triplets(size, size, at.clone(), at, values);
        let Rows { rows, columns, values, right, cones } = rows;
        let constraints = CscMatrix::new_from_triplets(right.len(), size, rows, columns, values);
        Self { quadratic, linear, constraints, right, cones, n }
    }

    pub fn solve(&self, tolerance: f64) -> Option<Vec<f64>> {
        let settings = DefaultSettingsBuilder::default()
            .verbose(false)
            .tol_gap_abs(tolerance)
            .tol_gap_rel(tolerance)
            .tol_feas(tolerance)
            .max_threads(1)
            .build()
            .unwrap();
        let (p, a) = (&self.quadratic, &self.constraints);
        let mut solver = DefaultSolver::new(p, &self.linear, a, &self.right, &self.cones, settings).unwrap();
        solver.solve();
        let good = matches!(solver.solution.status, SolverStatus::Solved | SolverStatus::AlmostSolved);
        good.then(|| solver.solution.x[..self.n].to_vec())
    }
}
