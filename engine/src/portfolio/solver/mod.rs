//! The rebalance as a convex problem, solved in its prices.
//!
//! maximise μ'w − w'Σw/(2κ) − c'|w − w₀| − g'|w − w₀|^{3/2} with Σ = B F B' + D, subject to the turnover cap, the
//! box, the gross limit, a net target and bounds on factor exposures.
//!
//! With y = L'B'w/√κ for F = L L', everything that instruments share is a handful of sums over them: k exposures,
//! turnover, gross, net. Giving each sum a price makes the problem fall apart into one of a single variable an
//! instrument (`names.rs`), and leaves the prices to be found: the dual, a convex problem in k + 2 or a few more
//! variables, once differentiable and piecewise quadratic. It is solved by semismooth Newton steps (Qi & Sun 1993)
//! with an exact line search on the projected active set (Bertsekas 1982), O(n k²) a step, mostly a dozen. The
//! prices at the end are the multipliers.
//!
//! Where limits cannot all hold, prices would grow without end. They are bounded instead, in the order of
//! precedence: leaving a bound of the box that the held weight is beyond costs more than any gross limit, and that
//! more than any net target or exposure. So the answer is as near to each as the ones before it allow, and the cap,
//! whose price has no bound, always holds: not to trade keeps it.

mod names;

use super::linalg::{cholesky_semidefinite, solve_cholesky};
use crate::model::{Eight, LANES};
use names::{Block, Names, Sums, respond};

/// Prices of net target and exposures stop at this many times the largest marginal value.
const NET_BOUND: f64 = 32.0;
/// That of gross, and the cost of staying outside the box.
const GROSS_BOUND: f64 = 16.0 * NET_BOUND;
const BOX_BOUND: f64 = 16.0 * GROSS_BOUND;
/// The least curvature of an instrument, beside the largest marginal value.
const LEAST_CURVATURE: f64 = 1e-9;
/// A direction in which no instrument is free to move is taken to be as flat as this, beside one in which all are.
const FLAT: f64 = 1e-10;
/// Sums of weights are met to this.
const TOLERANCE: f64 = 1e-13;
/// Steps after which the best of what is allowed is taken as it is.
const MAX_STEPS: usize = 500;

/// Bounds on the book's exposure to a factor, Σ_i B_ij w_i.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExposureBounds {
    /// The factor.
    pub factor: usize,
    /// Least exposure.
    pub lower: f64,
    /// Largest exposure.
    pub upper: f64,
}

/// One rebalance. Columns over instruments have length n.
#[derive(Clone, Copy, Debug)]
pub struct Problem<'a> {
    /// μ, expected excess returns a frame.
    pub expected: &'a [f64],
    /// B: factor j of instrument i at `j * n + i`.
    pub exposures: &'a [f64],
    /// L, lower, row-major k × k, with L L' the factor covariance a frame.
    pub factor_root: &'a [f64],
    /// D, idiosyncratic variances a frame; an instrument with an infinite one is held at no weight.
    pub idiosyncratic: &'a [f64],
    /// κ, the share of full Kelly.
    pub kelly_fraction: f64,
    /// w₀.
    pub held: &'a [f64],
    /// Least and largest weights; equal ones fix a weight.
    pub lower: &'a [f64],
    /// See `lower`.
    pub upper: &'a [f64],
    /// c, cost of a unit of trade, amortised over the horizon.
    pub cost: &'a [f64],
    /// g, coefficient of |trade|^{3/2}, amortised; empty for none.
    pub impact: &'a [f64],
    /// Most Σ|w − w₀|.
    pub turnover: f64,
    /// Most Σ|w|; infinite for no limit.
    pub gross: f64,
    /// Σw, if it has a target.
    pub net: Option<f64>,
    /// Bounds on B'w.
    pub exposure_bounds: &'a [ExposureBounds],
}

/// Prices of the limits: by how much the objective would grow with one more unit of each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Multipliers {
    /// Of the turnover cap, the marginal value of turnover; at least 0.
    pub turnover: f64,
    /// Of the gross limit; at least 0.
    pub gross: f64,
    /// Of the net target.
    pub net: f64,
    /// Of each bound on an exposure, in their order: above 0 at the upper bound, below 0 at the lower.
    pub exposures: Vec<f64>,
}

/// How a solution ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Newton steps.
    pub steps: u32,
    /// Whether the prices were found to the last digits.
    pub converged: bool,
    /// Whether the gross limit was out of reach.
    pub gross_missed: bool,
    /// Whether the net target, or a bound on an exposure, was out of reach.
    pub net_missed: bool,
}

/// Solves rebalances; keeps its buffers.
#[derive(Clone, Debug, Default)]
pub struct Solver {
    blocks: Vec<Block>,
    columns: Vec<Eight>,
    weights: Vec<Eight>,
    sums: Sums,
    /// Prices in the order of the columns, then turnover, then gross; and what is known of each.
    prices: Vec<f64>,
    trial: Vec<f64>,
    rows: Vec<Row>,
    gradient: Vec<f64>,
    direction: Vec<f64>,
    free: Vec<usize>,
    impact: bool,
    /// The largest marginal value of a weight.
    value: f64,
    /// A step that gains less than this is the last one.
    negligible: f64,
    matrix: Vec<f64>,
    right: Vec<f64>,
    exposure: Vec<f64>,
}

/// One price.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// Curvature that the price has by itself: 1 for a factor, 0 for a limit.
    own: f64,
    /// What the sum should be, 0 for a factor.
    target: f64,
    lower: f64,
    upper: f64,
    /// Curvature when every instrument is free, by which a flat direction is told from a curved one.
    scale: f64,
}

impl Solver {
    /// Weights of the solution into `weights`, its prices into `multipliers`.
    pub fn solve(&mut self, problem: &Problem<'_>, weights: &mut Vec<f64>, multipliers: &mut Multipliers) -> Reached {
        let n = problem.expected.len();
        self.prepare(problem);
        let steps = self.find_prices();
        weights.clear();
        weights.extend((0..n).map(|i| self.weights[i / LANES][i % LANES]));
        self.report(problem, steps, multipliers)
    }

    fn report(&self, problem: &Problem<'_>, steps: Option<u32>, multipliers: &mut Multipliers) -> Reached {
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
        Reached {
            steps: steps.unwrap_or(MAX_STEPS as u32),
            converged: steps.is_some(),
            gross_missed: at_bound(m - 1),
            net_missed: (k..m - 2).any(at_bound),
        }
    }

    fn root_size(&self, problem: &Problem<'_>) -> usize {
        let n = problem.expected.len().max(1);
        problem.exposures.len() / n
    }

    /// Lays the problem out in lanes.
    fn prepare(&mut self, problem: &Problem<'_>) {
        let n = problem.expected.len();
        let k = self.root_size(problem);
        let linear = k + usize::from(problem.net.is_some()) + 2 * problem.exposure_bounds.len();
        let value = self.marginal_value(problem, k);
        self.impact = problem.impact.iter().any(|g| *g > 0.0);
        self.value = value;
        self.negligible = 1e-24 * value;

        self.columns.clear();
        self.columns.resize(n.div_ceil(LANES) * linear, Eight::ZERO);
        self.blocks.clear();
        self.blocks.resize(n.div_ceil(LANES), Block::NOBODY);
        self.weights.resize(self.blocks.len(), Eight::ZERO);
        for i in 0..n {
            let (block, lane) = (i / LANES, i % LANES);
            set_name(&mut self.blocks[block], lane, problem, i, value);
            let columns = &mut self.columns[block * linear..(block + 1) * linear];
            for j in 0..k {
                columns[j][lane] = self.exposure[j * n + i];
            }
            let mut at = k;
            if problem.net.is_some() {
                columns[at][lane] = 1.0;
                at += 1;
            }
            for bound in problem.exposure_bounds {
                let exposure = known(problem.exposures[bound.factor * n + i]);
                columns[at][lane] = exposure;
                columns[at + 1][lane] = -exposure;
                at += 2;
            }
        }
        self.set_rows(problem, k, value);
    }

    /// R = B L/√κ, and a bound on what another unit of any weight can add to the objective.
    fn marginal_value(&mut self, problem: &Problem<'_>, k: usize) -> f64 {
        let n = problem.expected.len();
        let scale = 1.0 / problem.kelly_fraction.sqrt();
        self.exposure.clear();
        self.exposure.resize(n * k, 0.0);
        for j in 0..k {
            let (_, rest) = self.exposure.split_at_mut(j * n);
            let column = &mut rest[..n];
            for l in j..k {
                let root = problem.factor_root[l * k + j] * scale;
                for (to, exposure) in column.iter_mut().zip(&problem.exposures[l * n..(l + 1) * n]) {
                    *to += known(*exposure) * root;
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
                // A bound that is not there has no price.
                let upper = if target.is_finite() { NET_BOUND * value } else { 0.0 };
                row(0.0, if target.is_finite() { target } else { 0.0 }, 0.0, upper)
            };
            self.rows.extend([limit(bound.upper), limit(-bound.lower)]);
        }
        self.rows.push(row(0.0, problem.turnover, 0.0, f64::INFINITY));
        let gross = if problem.gross.is_finite() { problem.gross } else { 0.0 };
        let upper = if problem.gross.is_finite() { GROSS_BOUND * value } else { 0.0 };
        self.rows.push(row(0.0, gross, 0.0, upper));
        // The curvature that a price would have with every instrument free.
        let linear = self.rows.len() - 2;
        for (number, block) in self.blocks.iter().enumerate() {
            for lane in 0..LANES {
                let slope = 1.0 / block.curvature[lane];
                for (row, column) in self.rows.iter_mut().zip(&self.columns[number * linear..(number + 1) * linear]) {
                    row.scale += slope * column[lane] * column[lane];
                }
                self.rows[linear].scale += slope;
                self.rows[linear + 1].scale += slope;
            }
        }
        self.prices.clear();
        self.prices.resize(self.rows.len(), 0.0);
        // The price of risk as it is held: where nothing is traded, it is right.
        for j in 0..k {
            let n = problem.held.len();
            let column = &self.exposure[j * n..(j + 1) * n];
            self.prices[j] = column.iter().zip(problem.held).map(|(r, w)| r * w).sum();
        }
    }

    fn respond(&mut self, at_trial: bool, slopes: bool) {
        let prices = if at_trial { &self.trial } else { &self.prices };
        let names = Names { blocks: &self.blocks, columns: &self.columns, impact: self.impact };
        respond(names, prices, slopes, &mut self.weights, &mut self.sums);
        self.gradient.clear();
        for ((row, price), total) in self.rows.iter().zip(prices).zip(&self.sums.totals) {
            self.gradient.push(row.own * price + row.target - total);
        }
    }

    /// Newton steps to the prices at which every sum is what it should be; how many, if they were found.
    fn find_prices(&mut self) -> Option<u32> {
        self.trial.clone_from(&self.prices);
        self.respond(false, true);
        for step in 0..MAX_STEPS {
            self.free.clear();
            let mut worst = 0.0_f64;
            for (at, row) in self.rows.iter().enumerate() {
                let (price, slope) = (self.prices[at], self.gradient[at]);
                // Going down is −gradient: a price at its bound stays there if it would leave.
                let held = (price <= row.lower && slope >= 0.0) || (price >= row.upper && slope <= 0.0);
                if !held {
                    self.free.push(at);
                    worst = worst.max(slope.abs());
                }
            }
            if worst <= TOLERANCE || !self.set_direction() {
                return Some(step as u32);
            }
            let last = -self.along() <= self.negligible;
            if !self.line_search() || last {
                return Some(step as u32 + 1);
            }
        }
        None
    }

    /// −(H + ε)⁻¹ gradient over the free prices; whether there is anything to gain.
    fn set_direction(&mut self) -> bool {
        loop {
            self.solve_for_step();
            // A price at its bound that the others would push out of it stays there.
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
                self.matrix[a * size + b] = self.sums.slopes[row * (row + 1) / 2 + column];
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

    /// How the dual changes along the direction at the trial prices; below zero it still falls.
    fn along(&self) -> f64 {
        self.gradient.iter().zip(&self.direction).map(|(g, d)| g * d).sum()
    }

    fn try_step(&mut self, length: f64, slopes: bool) -> f64 {
        for at in 0..self.prices.len() {
            let Row { lower, upper, .. } = self.rows[at];
            let step = length * self.direction[at];
            let price = self.prices[at] + step;
            // What is left to a bound by rounding would take a step of its own.
            let near = 1e-9 * step.abs();
            self.trial[at] = if price <= lower + near { lower } else if price >= upper - near { upper } else { price };
        }
        self.respond(true, slopes);
        self.along()
    }

    /// Goes to the least of the dual along the direction, as far as the bounds of the prices let it; whether that
    /// has moved anything.
    fn line_search(&mut self) -> bool {
        let start = self.along();
        let mut longest = f64::INFINITY;
        for &at in &self.free {
            let Row { lower, upper, .. } = self.rows[at];
            let (price, step) = (self.prices[at], self.direction[at]);
            let room = if step > 0.0 { (upper - price) / step } else if step < 0.0 { (lower - price) / step } else { f64::INFINITY };
            longest = longest.min(room);
            if self.rows[at].own == 0.0 && step != 0.0 {
                // A flat direction says nothing of how far to go.
                longest = longest.min(4.0 * (self.value + price.abs()) / step.abs());
            }
        }
        let mut length = longest.min(1.0);
        let mut slope = self.try_step(length, true);
        // A whole Newton step inside one piece ends where the slope is nothing.
        if slope.abs() > 0.25 * start.abs() && !(slope < 0.0 && length == longest) {
            let (mut below, mut above) = (0.0, f64::INFINITY);
            let (mut slope_below, mut slope_above) = (start, f64::NAN);
            for round in 0..100 {
                // An end that stays for long counts for half (the Illinois method).
                if slope < 0.0 {
                    (below, slope_below, slope_above) = (length, slope, 0.5 * slope_above);
                } else {
                    (above, slope_above, slope_below) = (length, slope, 0.5 * slope_below);
                }
                if slope.abs() <= 0.1 * start.abs() || (slope < 0.0 && length >= longest) {
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
                slope = self.try_step(length, false);
            }
            self.try_step(length, true);
        }
        let moved = self.prices != self.trial;
        std::mem::swap(&mut self.prices, &mut self.trial);
        moved
    }
}

/// Nothing is known of an exposure that is not a number.
fn known(exposure: f64) -> f64 {
    if exposure.is_nan() { 0.0 } else { exposure }
}

fn set_name(block: &mut Block, lane: usize, problem: &Problem<'_>, i: usize, value: f64) {
    let sized = problem.idiosyncratic[i].is_finite();
    let fixed = problem.lower[i] == problem.upper[i];
    let (mut lower, mut upper, held) = (problem.lower[i], problem.upper[i], problem.held[i]);
    if !sized && !fixed {
        (lower, upper) = (0.0, 0.0);
    }
    block.expected[lane] = if sized { problem.expected[i] } else { 0.0 };
    let curvature = problem.idiosyncratic[i] / problem.kelly_fraction;
    // Without a risk of its own an instrument would be all or nothing: a billionth of what is at stake decides.
    let least = LEAST_CURVATURE * value;
    block.curvature[lane] = match curvature {
        _ if !sized => 1.0,
        curvature if curvature > least => curvature,
        _ if least > 0.0 => least,
        _ => 1.0,
    };
    block.held[lane] = held;
    block.cost[lane] = problem.cost[i];
    block.impact[lane] = problem.impact.get(i).copied().unwrap_or(0.0);
    block.lower[lane] = lower.min(held);
    block.upper[lane] = upper.max(held);
    let outside = BOX_BOUND * value;
    let set = |block: &mut Block, kinks: [f64; 2], trades: [f64; 3], between: f64, out: [f64; 2]| {
        (block.kinks[0][lane], block.kinks[1][lane]) = (kinks[0], kinks[1]);
        for (to, sign) in block.trades.iter_mut().zip(trades) {
            to[lane] = sign;
        }
        block.between[lane] = between;
        (block.outside[0][lane], block.outside[1][lane]) = (out[0], out[1]);
    };
    if held > upper {
        // Zero is below the bound, or there is no weight below it.
        set(block, [0.0_f64.min(upper), upper.max(0.0)], [-1.0; 3], 1.0, [0.0, outside]);
    } else if held < lower {
        set(block, [lower.min(0.0), 0.0_f64.max(lower)], [1.0; 3], -1.0, [-outside, 0.0]);
    } else if held >= 0.0 {
        set(block, [0.0, held], [-1.0, -1.0, 1.0], 1.0, [0.0; 2]);
    } else {
        set(block, [held, 0.0], [-1.0, 1.0, 1.0], -1.0, [0.0; 2]);
    }
}
