//! The rebalance as a convex problem, solved in its dual.
//!
//! Maximises μ'w − w'Σw/(2κ) − c'|w − w₀| − g'|w − w₀|^{3/2} with Σ = B F B' + D, subject to the turnover cap, the
//! box, the gross limit, a net target and bounds on factor exposures. With a benchmark, risk and the gross limit
//! are those of w − b (`active.rs`).
//!
//! With y = L'B'w/√κ for F = L L', the instruments share only a few sums: k exposures, turnover, gross, net.
//! Given a multiplier for each sum, the problem separates into one of a single variable per instrument
//! (`columns.rs`). The dual in the multipliers is convex, has k + 2 or a few more variables, and is once
//! differentiable and piecewise quadratic. It is solved by semismooth Newton steps (Qi & Sun 1993) with an
//! exact line search on the projected active set (Bertsekas 1982), O(n k²) per step, about a dozen steps.
//!
//! If the limits contradict each other, the feasible ones are found first, in order of precedence. Weights
//! outside the box are brought back as far as the cap allows. The gross limit is raised to the smallest value
//! that the remaining cap reaches. The multipliers of net target and exposures are bounded, so that both are
//! approached as near as the other limits allow. Holding all weights always satisfies the cap.

mod active;
mod columns;
mod problem;

use crate::linalg::{cholesky_semidefinite, solve_cholesky};
use active::ActiveProblem;
use columns::Columns;
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
    exposure: Vec<f64>,
    added: Vec<AddedCurvature>,
    /// Problem in active weights, if there is a benchmark.
    active: ActiveProblem,
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
            return self.solve_for(problem, weights, multipliers);
        }
        let mut active = std::mem::take(&mut self.active);
        active.shift(problem);
        let status = self.solve_for(&active.problem(problem), weights, multipliers);
        active.shift_back(problem, weights);
        self.active = active;
        status
    }

    /// Solves a problem without a benchmark.
    fn solve_for(
        &mut self,
        problem: &Problem<'_>,
        weights: &mut Vec<f64>,
        multipliers: &mut Multipliers,
    ) -> SolveStatus {
        let Repair { cost, gross } = repair(problem);
        if cost > problem.turnover {
            let share = problem.turnover / cost;
            weights.clear();
            let nearest = (0..problem.held.len()).map(|i| problem.nearest(i));
            weights.extend(nearest.zip(problem.held).map(|(to, held)| held + share * (to - held)));
            *multipliers = Multipliers::default();
            multipliers.exposures.resize(problem.exposure_bounds.len(), 0.0);
            return SolveStatus { converged: true, box_missed: true, ..SolveStatus::default() };
        }
        let least_gross = gross - (problem.turnover - cost).min(gross - problem.least_gross());
        let gross_missed = least_gross > problem.gross + ROUNDING;
        let problem = &Problem { gross: problem.gross.max(least_gross), ..*problem };
        self.prepare(problem);
        let mut steps = self.find_prices();
        for _ in 0..MAX_ROUNDS {
            if !self.shift_added() {
                break;
            }
            steps = steps.and_then(|so_far| self.find_prices().map(|more| so_far + more));
        }
        weights.clear();
        weights.extend_from_slice(&self.instruments.weights()[..problem.expected.len()]);
        keep_cap(problem, weights);
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
        SolveStatus {
            steps: steps.unwrap_or(MAX_STEPS as u32),
            converged: steps.is_some(),
            net_missed: (k..m - 2).any(at_bound),
            ..SolveStatus::default()
        }
    }

    fn root_size(&self, problem: &Problem<'_>) -> usize {
        problem.exposures.ncols()
    }

    /// Copies the problem into columns.
    fn prepare(&mut self, problem: &Problem<'_>) {
        let n = problem.expected.len();
        let k = self.root_size(problem);
        let linear = k + usize::from(problem.net.is_some()) + 2 * problem.exposure_bounds.len();
        let value = self.marginal_value(problem, k);
        self.value = value;
        self.negligible = 1e-24 * value;
        self.instruments.reset(n, linear, problem.impact.iter().any(|g| *g > 0.0));
        self.added.clear();
        for i in 0..n {
            let added = set_instrument(&mut self.instruments, problem, i, value);
            if added > 0.0 {
                self.added.push(AddedCurvature { instrument: i, curvature: added, centre: 0.0 });
            }
        }
        let len = self.instruments.len();
        let mut columns = self.instruments.columns.chunks_exact_mut(len.max(1));
        let mut column = |values: &mut dyn Iterator<Item = f64>| {
            let to = columns.next().into_iter().flatten();
            to.zip(values).for_each(|(to, value)| *to = value);
        };
        for j in 0..k {
            column(&mut self.exposure[j * n..(j + 1) * n].iter().copied());
        }
        if problem.net.is_some() {
            column(&mut std::iter::repeat_n(1.0, n));
        }
        for bound in problem.exposure_bounds {
            let exposures = problem.exposures.column(bound.factor);
            column(&mut exposures.iter().map(|b| known_or_zero(*b)));
            column(&mut exposures.iter().map(|b| -known_or_zero(*b)));
        }
        self.set_rows(problem, k, value);
        if problem.turnover <= 0.0 {
            self.start_without_turnover(problem);
        }
    }

    /// Computes R = B L/√κ; returns a bound on the marginal objective of any weight.
    fn marginal_value(&mut self, problem: &Problem<'_>, k: usize) -> f64 {
        let n = problem.expected.len();
        let scale = 1.0 / problem.kelly_fraction.sqrt();
        self.exposure.clear();
        self.exposure.resize(n * k, 0.0);
        for j in 0..k {
            let (_, rest) = self.exposure.split_at_mut(j * n);
            let column = &mut rest[..n];
            for l in j..k {
                let root = problem.factor_root[(l, j)] * scale;
                for (to, exposure) in column.iter_mut().zip(problem.exposures.column(l).as_slice()) {
                    *to += known_or_zero(*exposure) * root;
                }
            }
        }
        let (mut value, mut largest, mut own, mut gross) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0);
        for i in 0..n {
            let square: f64 = (0..k).map(|j| self.exposure[j * n + i] * self.exposure[j * n + i]).sum();
            let room = problem.held[i].abs().max(problem.lower[i].abs()).max(problem.upper[i].abs());
            let variance = if problem.idiosyncratic[i].is_finite() { problem.idiosyncratic[i] } else { 0.0 };
            value = value.max(problem.expected[i].abs() + problem.cost[i].abs());
            largest = largest.max(square);
            own = own.max(variance / problem.kelly_fraction * room);
            gross += room;
        }
        value + largest * gross.min(problem.gross.max(problem.turnover)) + own
    }

    fn set_rows(&mut self, problem: &Problem<'_>, k: usize, value: f64) {
        let row = |own, target, lower, upper| Row { own, target, lower, upper, scale: 0.0 };
        self.rows.clear();
        self.rows.extend((0..k).map(|_| row(1.0, 0.0, f64::NEG_INFINITY, f64::INFINITY)));
        if let Some(net) = problem.net {
            self.rows.push(row(0.0, net, -NET_BOUND * value, NET_BOUND * value));
        }
        for bound in problem.exposure_bounds {
            let limit = |target: f64| {
                // An absent bound has multiplier 0.
                let upper = if target.is_finite() { NET_BOUND * value } else { 0.0 };
                row(0.0, if target.is_finite() { target } else { 0.0 }, 0.0, upper)
            };
            self.rows.extend([limit(bound.upper), limit(-bound.lower)]);
        }
        self.rows.push(row(0.0, problem.turnover, 0.0, f64::INFINITY));
        let gross = if problem.gross.is_finite() { problem.gross } else { 0.0 };
        let upper = if problem.gross.is_finite() { GROSS_BOUND * value } else { 0.0 };
        self.rows.push(row(0.0, gross, 0.0, upper));
        // Curvature of each multiplier with every instrument free.
        let linear = self.rows.len() - 2;
        self.priced = linear + 1 + usize::from(problem.gross.is_finite());
        let Columns { inverse, columns, .. } = &self.instruments;
        for (row, column) in self.rows[..linear].iter_mut().zip(columns.chunks_exact(inverse.len().max(1))) {
            row.scale = column.iter().zip(inverse).map(|(c, slope)| slope * c * c).sum();
        }
        let all: f64 = inverse.iter().sum();
        (self.rows[linear].scale, self.rows[linear + 1].scale) = (all, all);
        self.prices.clear();
        self.prices.resize(self.rows.len(), 0.0);
        // Start at the risk of the held weights, which is exact if nothing is traded.
        for j in 0..k {
            let n = problem.held.len();
            let column = &self.exposure[j * n..(j + 1) * n];
            self.prices[j] = column.iter().zip(problem.held).map(|(r, w)| r * w).sum();
        }
    }

    /// Sets the multiplier of turnover for a cap of 0: the value of the best trade, the least of all
    /// multipliers that are valid.
    fn start_without_turnover(&mut self, problem: &Problem<'_>) {
        let (n, at) = (problem.held.len(), self.prices.len() - 2);
        let k = self.root_size(problem);
        let mut best = 0.0_f64;
        for i in (0..n).filter(|&i| self.instruments.lower[i] < self.instruments.upper[i]) {
            let risk: f64 = (0..k).map(|j| self.exposure[j * n + i] * self.prices[j]).sum();
            let value = self.instruments.expected[i] - risk - self.instruments.curvature[i] * problem.held[i];
            let can_move = if value > 0.0 {
                problem.held[i] < self.instruments.upper[i]
            } else {
                problem.held[i] > self.instruments.lower[i]
            };
            best = best.max(if can_move { value.abs() - problem.cost[i] } else { 0.0 });
        }
        self.prices[at] = best;
    }

    fn respond(&mut self, at_trial: bool) {
        let prices = if at_trial { &self.trial } else { &self.prices };
        self.instruments.respond(prices, &mut self.totals);
        self.gradient.clear();
        for ((row, price), total) in self.rows.iter().zip(prices).zip(&self.totals) {
            self.gradient.push(row.own * price + row.target - total);
        }
    }

    /// Takes Newton steps until every sum has its required value; returns the number of steps, `None` without
    /// convergence.
    fn find_prices(&mut self) -> Option<u32> {
        self.trial.clone_from(&self.prices);
        self.respond(false);
        let (mut least, mut stalled) = (f64::INFINITY, 0);
        for step in 0..MAX_STEPS {
            self.free.clear();
            let mut worst = 0.0_f64;
            for (at, row) in self.rows.iter().enumerate() {
                let (price, slope) = (self.prices[at], self.gradient[at]);
                // The dual descends along −gradient: a multiplier at its bound stays there if descent would
                // push it out.
                let held = (price <= row.lower && slope >= 0.0) || (price >= row.upper && slope <= 0.0);
                if !held {
                    self.free.push(at);
                    worst = worst.max(slope.abs());
                }
            }
            if worst <= TOLERANCE {
                return Some(step as u32);
            }
            // With multipliers at the bounds of infeasible limits, rounding leaves more than the tolerance.
            (least, stalled) = if worst < 0.9 * least { (worst, 0) } else { (least, stalled + 1) };
            if stalled == PATIENCE || (stalled > 0 && worst <= ROUNDING) {
                return (least <= ROUNDING).then_some(step as u32);
            }
            self.instruments.slopes(self.priced, &mut self.slopes);
            if !self.set_direction() {
                return Some(step as u32);
            }
            let last = -self.along() <= self.negligible;
            if !self.line_search() || last {
                return Some(step as u32 + 1);
            }
        }
        None
    }

    /// Centres the added curvature on the current weights; returns true if they still change.
    fn shift_added(&mut self) -> bool {
        let mut change = 0.0_f64;
        for AddedCurvature { instrument, curvature, centre } in &mut self.added {
            let weight = self.instruments.weights()[*instrument];
            change = change.max((weight - *centre).abs());
            self.instruments.expected[*instrument] += *curvature * (weight - *centre);
            *centre = weight;
        }
        change > NO_CHANGE
    }

    /// Sets the direction −(H + ε)⁻¹ gradient over the free multipliers; returns true if it is not 0.
    fn set_direction(&mut self) -> bool {
        loop {
            self.solve_for_step();
            // A multiplier at its bound that the step would push out of it is fixed.
            let before = self.free.len();
            let (mut at, right) = (0, &self.right);
            let (prices, rows) = (&self.prices, &self.rows);
            self.free.retain(|&price| {
                let step = right[at];
                at += 1;
                let Row { lower, upper, .. } = rows[price];
                !(prices[price] <= lower && step < 0.0 || prices[price] >= upper && step > 0.0)
            });
            if self.free.len() == before {
                break;
            }
        }
        self.direction.clear();
        self.direction.resize(self.rows.len(), 0.0);
        for (&row, step) in self.free.iter().zip(&self.right) {
            self.direction[row] = *step;
        }
        self.right.iter().any(|step| *step != 0.0)
    }

    fn solve_for_step(&mut self) {
        let size = self.free.len();
        self.matrix.clear();
        self.matrix.resize(size * size, 0.0);
        self.right.clear();
        for (a, &row) in self.free.iter().enumerate() {
            for (b, &column) in self.free[..=a].iter().enumerate() {
                self.matrix[b * size + a] = self.slopes[row * (row + 1) / 2 + column];
            }
            let Row { own, scale, .. } = self.rows[row];
            self.matrix[a * size + a] += own + (1.0 - own) * FLAT * scale;
            self.right.push(-self.gradient[row]);
        }
        cholesky_semidefinite(&mut self.matrix, size);
        for a in 0..size {
            let pivot = &mut self.matrix[a * size + a];
            if *pivot <= 0.0 {
                *pivot = (FLAT * self.rows[self.free[a]].scale).sqrt().max(f64::MIN_POSITIVE);
            }
        }
        solve_cholesky(&self.matrix, size, &mut self.right);
    }

    /// Derivative of the dual along the direction at the trial multipliers; negative while it descends.
    fn along(&self) -> f64 {
        self.gradient.iter().zip(&self.direction).map(|(g, d)| g * d).sum()
    }

    fn try_step(&mut self, length: f64) -> f64 {
        for at in 0..self.prices.len() {
            let Row { lower, upper, .. } = self.rows[at];
            let step = length * self.direction[at];
            let price = self.prices[at] + step;
            // Snaps to a bound within rounding, which would otherwise take a step of its own.
            let near = 1e-9 * step.abs();
            self.trial[at] = if price <= lower + near {
                lower
            } else if price >= upper - near {
                upper
            } else {
                price
            };
        }
        self.respond(true);
        self.along()
    }

    /// Moves to the minimum of the dual along the direction, within the bounds of the multipliers; returns
    /// true if a multiplier moved.
    fn line_search(&mut self) -> bool {
        let start = self.along();
        let mut longest = f64::INFINITY;
        for &at in &self.free {
            let Row { lower, upper, .. } = self.rows[at];
            let (price, step) = (self.prices[at], self.direction[at]);
            let room = if step > 0.0 {
                (upper - price) / step
            } else if step < 0.0 {
                (lower - price) / step
            } else {
                f64::INFINITY
            };
            longest = longest.min(room);
            if self.rows[at].own == 0.0 && step != 0.0 {
                // A flat direction gives no step length; limit it by the marginal value.
                longest = longest.min(4.0 * (self.value + price.abs()) / step.abs());
            }
        }
        let mut length = longest.min(1.0);
        let mut slope = self.try_step(length);
        // A whole Newton step inside one quadratic piece ends where the slope is 0.
        if slope.abs() > 0.25 * start.abs() && !(slope < 0.0 && length == longest) {
            let (mut below, mut above) = (0.0, f64::INFINITY);
            let (mut slope_below, mut slope_above) = (start, f64::NAN);
            for round in 0..100 {
                // Halves the slope of an end that stays (Illinois method).
                if slope < 0.0 {
                    (below, slope_below, slope_above) = (length, slope, 0.5 * slope_above);
                } else {
                    (above, slope_above, slope_below) = (length, slope, 0.5 * slope_below);
                }
                if slope.abs() <= EXACT * start.abs() || (slope < 0.0 && length >= longest) {
                    break;
                }
                let next = if above.is_infinite() {
                    (4.0 * length).min(longest)
                } else if round % 3 == 2 {
                    0.5 * (below + above)
                } else {
                    below + (above - below) * slope_below / (slope_below - slope_above)
                };
                if next == length {
                    break;
                }
                length = next;
                slope = self.try_step(length);
            }
        }
        let moved = self.prices != self.trial;
        std::mem::swap(&mut self.prices, &mut self.trial);
        moved
    }
}

/// Removes the excess over the turnover cap that rounding leaves. The largest trade that does not end at a
/// bound absorbs it; a larger excess scales all trades towards the held weights, which breaks no limit that
/// those satisfy.
fn keep_cap(problem: &Problem<'_>, weights: &mut [f64]) {
    let turnover =
        |weights: &[f64]| -> f64 { weights.iter().zip(problem.held).map(|(w, held)| (w - held).abs()).sum() };
    for _ in 0..3 {
        let excess = turnover(weights) - problem.turnover;
        if excess <= 0.0 {
            return;
        }
        let trade = |i: usize| (weights[i] - problem.held[i]).abs();
        let inside = |i: &usize| {
            let (lower, upper) = problem.bounds(*i);
            weights[*i] > lower && weights[*i] < upper && weights[*i] != 0.0 && trade(*i) > excess
        };
        let largest = (0..weights.len()).filter(inside).max_by(|&a, &b| trade(a).total_cmp(&trade(b)));
        let Some(largest) = largest.filter(|_| excess <= ROUNDING) else { break };
        let back = excess.copysign(problem.held[largest] - weights[largest]);
        weights[largest] += back;
    }
    let all = turnover(weights);
    if all > problem.turnover + 1e-14 {
        let share = problem.turnover / all;
        for (w, held) in weights.iter_mut().zip(problem.held) {
            *w = if share > 0.0 { held + share * (*w - held) } else { *held };
        }
    }
}

/// Replaces an unknown exposure (NaN) by 0.
fn known_or_zero(exposure: f64) -> f64 {
    if exposure.is_nan() { 0.0 } else { exposure }
}

/// Turnover that brings every weight inside its bounds, and Σ|w| afterwards.
struct Repair {
    cost: f64,
    gross: f64,
}

fn repair(problem: &Problem<'_>) -> Repair {
    let mut all = Repair { cost: 0.0, gross: 0.0 };
    for (i, held) in problem.held.iter().enumerate() {
        let nearest = problem.nearest(i);
        all.cost += (nearest - held).abs();
        all.gross += nearest.abs();
    }
    all
}

/// Writes an instrument's columns; returns the curvature added to its own.
fn set_instrument(to: &mut Columns, problem: &Problem<'_>, i: usize, value: f64) -> f64 {
    let sized = problem.idiosyncratic[i].is_finite();
    let ((lower, upper), held) = (problem.bounds(i), problem.held[i]);
    to.expected[i] = if sized { problem.expected[i] } else { 0.0 };
    let curvature = problem.idiosyncratic[i] / problem.kelly_fraction;
    let least = if value > 0.0 { LEAST_CURVATURE * value } else { 1.0 };
    to.curvature[i] = if sized { curvature.max(least) } else { 1.0 };
    to.inverse[i] = 1.0 / to.curvature[i];
    to.held[i] = held;
    to.cost[i] = problem.cost[i];
    if let (Some(to), Some(impact)) = (to.impact.get_mut(i), problem.impact.get(i)) {
        *to = *impact;
    }
    (to.lower[i], to.upper[i]) = (lower, upper);
    (to.low[i], to.high[i]) = (held.min(0.0), held.max(0.0));
    to.side[i] = if held < 0.0 { -1.0 } else { 1.0 };
    if sized && lower != upper { to.curvature[i] - curvature } else { 0.0 }
}
