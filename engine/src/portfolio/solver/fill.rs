//! Kernels that copy a problem into blocks of instruments.

use super::columns::{Bend, Block, Columns, Fees};
use super::problem::Problem;
use super::{known_or_zero, larger};
use crate::model::{LANES, LaneBlock};
use crate::processor::{MulAdd, kernel};

/// Curvature of an instrument of unknown risk.
const UNIT_CURVATURE: f64 = 1.0;

/// Largest values over the instruments of a problem.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sizes {
    /// Largest expected return and cost of a unit.
    pub(super) value: f64,
    /// Largest systematic variance over κ.
    pub(super) systematic: f64,
    /// Largest marginal cost of own risk.
    pub(super) own: f64,
    /// Sum of the largest possible weights, in engine order.
    pub(super) gross: f64,
}

/// Sums over the instruments, in engine order.
#[derive(Clone, Debug, Default)]
pub(super) struct StartingSums {
    /// Σ slope · coefficient² of each shared sum, with every instrument free.
    pub(super) curvature: Vec<f64>,
    /// Σ coefficient · held weight of each shared sum.
    pub(super) held: Vec<f64>,
    /// Σ slope.
    pub(super) slopes: f64,
    /// True if any instrument's curvature was raised to the least.
    pub(super) raised: bool,
}

/// Values of a block; lanes beyond the end hold `padding`.
#[inline(always)]
fn lanes(values: &[f64], block: usize, padding: f64) -> LaneBlock {
    let at = block * LANES;
    match values.get(at..at + LANES) {
        Some(whole) => LaneBlock::from_fn(|lane| whole[lane]),
        None => LaneBlock::from_fn(|lane| values.get(at + lane).copied().unwrap_or(padding)),
    }
}

kernel!(
    /// Fills what does not depend on the marginal value of a weight: the coefficients R = B L/√κ, net and exposures,
    /// the expected returns, costs, held weights and bounds. `root`: L/√κ, k × k, row by row; empty in a problem with
    /// groups, whose coefficients are the given exposures.
    pub(super) fn fill(columns: &mut Columns, problem: &Problem<'_>, root: &[f64]) -> Sizes = fill_body
);

#[inline(always)]
fn fill_body<M: MulAdd>(columns: &mut Columns, problem: &Problem<'_>, root: &[f64]) -> Sizes {
    let k = problem.exposures.ncols();
    let mut gross = 0.0;
    let [mut value, mut systematic, mut own] = [LaneBlock::ZERO; 3];
    for (at, to) in columns.blocks.iter_mut().enumerate() {
        let coefficients = &mut columns.coefficients[at * columns.shared..][..columns.shared];
        fill_coefficients(coefficients, problem, root, at);
        // An instrument of infinite variance has a known weight only if that is fixed; so does padding.
        let variance = lanes(problem.idiosyncratic, at, f64::INFINITY);
        let expected = lanes(problem.expected, at, 0.0);
        let held = lanes(problem.held, at, 0.0);
        let cost = lanes(problem.cost, at, 0.0);
        let lower = lanes(problem.lower, at, 0.0);
        let upper = lanes(problem.upper, at, 0.0);
        let room =
            LaneBlock::from_fn(|lane| larger(larger(held[lane].abs(), lower[lane].abs()), upper[lane].abs()));
        let bound = |of: LaneBlock, lane: usize| {
            let known = variance[lane].is_finite() | (lower[lane] == upper[lane]);
            if known { of[lane] } else { 0.0 }
        };
        *to = Block {
            expected: LaneBlock::from_fn(
                |lane| if variance[lane].is_finite() { expected[lane] } else { 0.0 },
            ),
            lower: LaneBlock::from_fn(|lane| bound(lower, lane)),
            upper: LaneBlock::from_fn(|lane| bound(upper, lane)),
            held,
            cost,
            ..Block::PADDING
        };
        let mut square = LaneBlock::ZERO;
        for column in &coefficients[..k] {
            for lane in 0..LANES {
                square[lane] += column[lane] * column[lane];
            }
        }
        for lane in 0..LANES {
            value[lane] = larger(expected[lane].abs() + cost[lane].abs(), value[lane]);
            systematic[lane] = larger(square[lane], systematic[lane]);
            let variance = if variance[lane].is_finite() { variance[lane] } else { 0.0 };
            own[lane] = larger(variance / problem.kelly_fraction * room[lane], own[lane]);
        }
        gross = add_in_order(gross, room);
    }
    let largest = |of: LaneBlock| of.iter().copied().fold(0.0, f64::max);
    Sizes { value: largest(value), systematic: largest(systematic), own: largest(own), gross }
}

/// Fills the fees on shorts, and returns the largest; without any fee there are no blocks of them. `flat`: weights at
/// which the positions are 0, empty for 0.
pub(super) fn fill_fees(columns: &mut Columns, problem: &Problem<'_>, flat: &[f64]) -> f64 {
    columns.fees.clear();
    let largest = problem.borrow.iter().copied().fold(0.0, f64::max);
    if largest > 0.0 {
        let fees = (0..columns.blocks.len())
            .map(|at| Fees { fee: lanes(problem.borrow, at, 0.0), flat: lanes(flat, at, 0.0) });
        columns.fees.extend(fees);
    }
    largest
}

/// Fills the coefficients of one block.
#[inline(always)]
fn fill_coefficients(to: &mut [LaneBlock], problem: &Problem<'_>, root: &[f64], at: usize) {
    let (n, k) = problem.exposures.shape();
    let exposures = |factor: usize| {
        let column = lanes(&problem.exposures.as_slice()[factor * n..][..n], at, 0.0);
        LaneBlock::from_fn(|lane| known_or_zero(column[lane]))
    };
    let (systematic, mut limits) = to.split_at_mut(k);
    for (factor, to) in systematic.iter_mut().enumerate() {
        *to = exposures(factor);
    }
    if root.is_empty() && limits.is_empty() {
        return;
    }
    // L is lower triangular, so column j of R needs no exposure before the j-th: it replaces that one.
    for j in 0..k {
        let mut sum = LaneBlock::ZERO;
        for (exposure, row) in systematic[j..].iter().zip(root[j * k..].chunks_exact(k)) {
            for lane in 0..LANES {
                sum[lane] += exposure[lane] * row[j];
            }
        }
        systematic[j] = sum;
    }
    if problem.net.is_some() {
        let (net, bounds) = limits.split_at_mut(1);
        let used = problem.expected.len() - at * LANES;
        net[0] = LaneBlock::from_fn(|lane| if lane < used { 1.0 } else { 0.0 });
        limits = bounds;
    }
    for (bound, to) in problem.exposure_bounds.iter().zip(limits.as_chunks_mut::<2>().0) {
        let exposures = exposures(bound.factor);
        *to = [exposures, LaneBlock::from_fn(|lane| -exposures[lane])];
    }
}

kernel!(
    /// Fills the curvature of each instrument's own risk, at least `least`, and its impact. Writes the sums that start
    /// a search into `sums`.
    pub(super) fn fill_curvature(
        columns: &mut Columns,
        problem: &Problem<'_>,
        least: f64,
        sums: &mut StartingSums,
    ) = fill_curvature_body
);

#[inline(always)]
fn fill_curvature_body<M: MulAdd>(
    columns: &mut Columns,
    problem: &Problem<'_>,
    least: f64,
    sums: &mut StartingSums,
) {
    let Columns { blocks, bends, has_impact, shared, coefficients, .. } = columns;
    sums.curvature.clear();
    sums.curvature.resize(*shared, 0.0);
    sums.held.clear();
    sums.held.resize(*shared, 0.0);
    let (mut slopes, mut raised) = (0.0, LaneBlock::ZERO);
    for (at, (block, bend)) in blocks.iter_mut().zip(bends).enumerate() {
        let variance = lanes(problem.idiosyncratic, at, f64::INFINITY);
        let own = LaneBlock::from_fn(|lane| variance[lane] / problem.kelly_fraction);
        let curvature = LaneBlock::from_fn(|lane| {
            if variance[lane].is_finite() { larger(own[lane], least) } else { UNIT_CURVATURE }
        });
        let inverse = LaneBlock::from_fn(|lane| 1.0 / curvature[lane]);
        for lane in 0..LANES {
            let free = variance[lane].is_finite() & (block.lower[lane] != block.upper[lane]);
            let added = if free { curvature[lane] - own[lane] } else { 0.0 };
            raised[lane] = larger(added, raised[lane]);
        }
        block.inverse = inverse;
        let impact = if *has_impact { lanes(problem.impact, at, 0.0) } else { LaneBlock::ZERO };
        *bend = Bend { curvature, impact };
        slopes = add_in_order(slopes, inverse);
        let coefficients = &coefficients[at * *shared..][..*shared];
        for ((column, curvature), held) in coefficients.iter().zip(&mut sums.curvature).zip(&mut sums.held) {
            *curvature = add_in_order(*curvature, product(product(inverse, *column), *column));
            *held = add_in_order(*held, product(*column, block.held));
        }
    }
    sums.slopes = slopes;
    sums.raised = raised.iter().any(|added| *added > 0.0);
}

#[inline(always)]
fn product(a: LaneBlock, b: LaneBlock) -> LaneBlock {
    LaneBlock::from_fn(|lane| a[lane] * b[lane])
}

#[inline(always)]
fn add_in_order(sum: f64, values: LaneBlock) -> f64 {
    values.iter().fold(sum, |sum, value| sum + value)
}
