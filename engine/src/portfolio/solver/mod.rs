//! The rebalance as a convex problem, solved in its dual.
//!
//! Maximises μ'w − w'Σw/(2κ) − c'|w − w₀| − g'|w − w₀|^{3/2} − φ'max(−w, 0) with Σ = B F B' + D, subject to the
//! turnover cap, the box, the gross limit, a net target, and bounds on factor exposures and on the weights by group. With a benchmark, risk and the
//! gross limit are those of w − b (`active.rs`). φ are the fees on shorts.
//!
//! With y = L'B'w/√κ for F = L L', the instruments share only a few sums: k exposures, turnover, gross, net.
//! Given a multiplier for each sum, the problem separates into one of a single variable per instrument
//! (`respond.rs`). The dual in the multipliers is convex, has k + 2 or a few more variables, and is once
//! differentiable and piecewise quadratic. It is solved by semismooth Newton steps (Qi & Sun 1993) with an
//! exact line search on the projected active set (Bertsekas 1982), O(n k²) per step, about a dozen steps. Problems with
//! factors or bounds of groups have sparse sums (`grouped/`).
//!
//! If the limits contradict each other, the feasible ones are found first, in order of precedence. Weights
//! outside the box are brought back as far as the cap allows. The gross limit is raised to the smallest value
//! that the remaining cap reaches, and then each bound by group. The multipliers of net target and exposures are
//! bounded, so that both are approached as near as the other limits allow. Holding all weights always satisfies the cap.

mod active;
mod columns;
mod fill;
mod grouped;
mod limits;
mod newton;
mod prepare;
mod problem;
mod respond;
mod slopes;

use crate::portfolio::group_limits::GroupMultiplier;
use active::ActiveProblem;
use columns::Columns;
use fill::StartingSums;
use grouped::Grouped;
use limits::{Repair, keep_cap};
pub use problem::{ExposureBounds, Multipliers, Problem, SolveStatus};

/// Largest multiplier of net target and exposures, in units of the largest marginal value.
const NET_BOUND: f64 = 64.0;
/// Largest multiplier of the gross limit, which takes precedence over both.
const GROSS_BOUND: f64 = 64.0 * NET_BOUND;
/// Least curvature of an instrument, relative to the largest marginal value: with less, its multiplier does
/// not determine its weight precisely enough. The added curvature is removed in rounds of the proximal point
/// algorithm (Rockafellar 1976).
const LEAST_CURVATURE: f64 = 2e-5;
/// Maximum number of proximal rounds, and the change of a weight that ends them.
const MAX_ROUNDS: usize = 100;
const NO_CHANGE: f64 = 1e-11;
/// Curvature of a direction in which no instrument is free, relative to one in which all are.
const FLAT: f64 = 1e-10;
/// Tolerance of the sums of weights, and the tolerance once steps stall.
const TOLERANCE: f64 = 1e-13;
const ROUNDING: f64 = 5e-11;
/// Slope, relative to the first, at which a line search ends. A looser search may end beyond the piece that
/// curves, where the next step has no curvature.
const EXACT: f64 = 1e-4;
/// Maximum number of Newton steps; the last point is then used.
const MAX_STEPS: usize = 200;
/// Steps without progress after which the search ends.
const PATIENCE: u32 = 40;

/// Solves rebalances; keeps its buffers.
#[derive(Clone, Debug, Default)]
pub struct Solver {
    instruments: Columns,
    /// Sums over the instruments at the last trial multipliers, and their slopes. Those of gross come last
    /// and are left out without a gross limit.
    totals: Vec<f64>,
    slopes: Vec<f64>,
    priced: usize,
    /// Multipliers in the order of the columns, then turnover, then gross; and the properties of each.
    prices: Vec<f64>,
    trial: Vec<f64>,
    rows: Vec<Row>,
    gradient: Vec<f64>,
    direction: Vec<f64>,
    free: Vec<usize>,
    /// Largest marginal value of a weight.
    value: f64,
    /// A step that gains less than this is the last.
    negligible: f64,
    /// Lower half of H + ε over the free multipliers, by columns.
    matrix: Vec<f64>,
    right: Vec<f64>,
    /// L/√κ, row by row.
    root: Vec<f64>,
    sums: StartingSums,
    added: Vec<AddedCurvature>,
    /// Problem in active weights, if there is a benchmark.
    active: ActiveProblem,
    /// True if the problem has factors or bounds of groups; then their sums.
    has_groups: bool,
    grouped: Grouped,
}

/// Curvature added to an instrument's own risk: curvature · (w − centre)²/2.
#[derive(Clone, Copy, Debug)]
struct AddedCurvature {
    instrument: usize,
    curvature: f64,
    centre: f64,
}

/// Properties of one multiplier.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// Curvature of the dual in the multiplier itself: 1 for a factor, 0 for a limit.
    own: f64,
    /// Required value of the sum; 0 for a factor.
    target: f64,
    lower: f64,
    upper: f64,
    /// Curvature with every instrument free, to distinguish a flat direction from a curved one.
    scale: f64,
}

impl Solver {
    /// Solves for `weights` and `multipliers`.
    pub fn solve(
        &mut self,
        problem: &Problem<'_>,
        weights: &mut Vec<f64>,
        multipliers: &mut Multipliers,
    ) -> SolveStatus {
        if problem.benchmark.is_empty() {
            return self.solve_for(problem, &[], weights, multipliers);
        }
        let mut active = std::mem::take(&mut self.active);
        active.shift(problem);
        let status = self.solve_for(&active.problem(problem), &active.flat, weights, multipliers);
        active.shift_back(problem, weights);
        self.active = active;
        status
    }

    /// Solves a problem without a benchmark. `flat`: weights at which the positions are 0; empty for 0.
    fn solve_for(
        &mut self,
        problem: &Problem<'_>,
        flat: &[f64],
        weights: &mut Vec<f64>,
        multipliers: &mut Multipliers,
    ) -> SolveStatus {
        let repair = Repair::of(problem);
        let Repair { cost, gross, least_gross } = repair;
        if cost > problem.turnover {
            let share = problem.turnover / cost;
            weights.clear();
            let nearest = (0..problem.held.len()).map(|i| problem.nearest(i));
            weights.extend(nearest.zip(problem.held).map(|(to, held)| held + share * (to - held)));
            *multipliers = Multipliers::default();
            multipliers.exposures.resize(problem.exposure_bounds.len(), 0.0);
            let groups = problem.group_limits.iter().map(|limits| limits.bounds.len()).sum();
            multipliers.groups.resize(groups, GroupMultiplier::default());
            return SolveStatus { converged: true, box_missed: true, ..SolveStatus::default() };
        }
        let least_gross = gross - (problem.turnover - cost).min(gross - least_gross);
        let gross_missed = least_gross > problem.gross + ROUNDING;
        let problem = &Problem { gross: problem.gross.max(least_gross), ..*problem };
        self.has_groups = problem.has_groups();
        if self.has_groups {
            self.grouped.reference.set(problem, &repair);
        }
        self.prepare(problem, flat);
        let mut steps = self.find_prices();
        for _ in 0..MAX_ROUNDS {
            if !self.shift_added() {
                break;
            }
            steps = steps.and_then(|so_far| self.find_prices().map(|more| so_far + more));
        }
        self.instruments.write_weights(problem.expected.len(), weights);
        keep_cap(problem, flat, weights);
        if self.has_groups {
            self.grouped.reference.keep(problem, weights);
        }
        SolveStatus { gross_missed, ..self.report(problem, steps, multipliers) }
    }

    fn report(
        &self,
        problem: &Problem<'_>,
        steps: Option<u32>,
        multipliers: &mut Multipliers,
    ) -> SolveStatus {
        let m = self.prices.len();
        let k = self.root_size(problem);
        multipliers.turnover = self.prices[m - 2];
        multipliers.gross = self.prices[m - 1];
        let mut limits = k;
        multipliers.net = 0.0;
        if problem.net.is_some() {
            multipliers.net = self.prices[limits];
            limits += 1;
        }
        multipliers.exposures.clear();
        for bound in 0..problem.exposure_bounds.len() {
            let at = limits + 2 * bound;
            multipliers.exposures.push(self.prices[at] - self.prices[at + 1]);
        }
        let at_bound = |at: usize| self.rows[at].upper > 0.0 && self.prices[at].abs() >= self.rows[at].upper;
        let others = limits + 2 * problem.exposure_bounds.len();
        multipliers.groups.clear();
        let group_missed =
            self.has_groups && self.grouped.report(&self.prices, &self.totals, &mut multipliers.groups);
        SolveStatus {
            steps: steps.unwrap_or(MAX_STEPS as u32),
            converged: steps.is_some(),
            group_missed,
            net_missed: (k..others).any(at_bound),
            ..SolveStatus::default()
        }
    }

    fn root_size(&self, problem: &Problem<'_>) -> usize {
        problem.factor_root.nrows()
    }
}

/// Replaces an unknown exposure (NaN) by 0.
fn known_or_zero(exposure: f64) -> f64 {
    if exposure.is_nan() { 0.0 } else { exposure }
}

/// The larger number; `b` if one is NaN. A single instruction, unlike [`f64::max`].
#[inline(always)]
fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// The smaller number; `b` if one is NaN.
#[inline(always)]
fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}
