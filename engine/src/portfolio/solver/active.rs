//! The rebalance in active weights a = w − b, where b are the weights of a benchmark.
//!
//! With a₀ = w₀ − b, the trade a − a₀ is the trade w − w₀, and μ'w differs from μ'a by a constant. The problem therefore
//! keeps its form: the box becomes [l − b, u − b], the net target s − Σb, and the exposure bounds shift by B'b, the net bounds
//! of a group by the sum of its b. Only the
//! box need not contain 0 any more.

use super::problem::{ExposureBounds, Problem};
use crate::portfolio::group_limits::GroupLimits;

/// Columns of the shifted problem; keeps its buffers.
#[derive(Clone, Debug, Default)]
pub(super) struct ActiveProblem {
    held: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    /// Active weights at which the positions are 0, −b; empty without fees on shorts.
    pub(super) flat: Vec<f64>,
    exposure_bounds: Vec<ExposureBounds>,
    group_limits: Vec<GroupLimits>,
    /// Σb by group.
    group_sums: Vec<f64>,
    /// Σb.
    sum: f64,
}

impl ActiveProblem {
    /// Shifts the held weights and the limits by the weights of the benchmark.
    pub(super) fn shift(&mut self, problem: &Problem<'_>) {
        let Self { held, lower, upper, flat, exposure_bounds, group_limits, group_sums, sum } = self;
        flat.clear();
        if !problem.borrow.is_empty() {
            flat.extend(problem.benchmark.iter().map(|b| -b));
        }
        held.clear();
        lower.clear();
        upper.clear();
        for (i, b) in problem.benchmark.iter().enumerate() {
            let (least, most) = problem.bounds(i);
            held.push(problem.held[i] - b);
            lower.push(least - b);
            upper.push(most - b);
        }
        *sum = problem.benchmark.iter().sum();
        exposure_bounds.clear();
        exposure_bounds.extend(problem.exposure_bounds.iter().map(|bounds| {
            let shift = problem.exposure_to(bounds.factor, problem.benchmark);
            ExposureBounds { lower: bounds.lower - shift, upper: bounds.upper - shift, ..*bounds }
        }));
        group_limits.clear();
        group_limits.extend_from_slice(problem.group_limits);
        for limits in group_limits {
            group_sums.clear();
            group_sums.resize(limits.bounds.len(), 0.0);
            limits.add_sums(problem.benchmark.iter().copied(), group_sums);
            for (bound, shift) in limits.bounds.iter_mut().zip(&*group_sums) {
                (bound.lower, bound.upper) = (bound.lower - shift, bound.upper - shift);
            }
        }
    }

    /// The shifted problem.
    pub(super) fn problem<'a>(&'a self, problem: &Problem<'a>) -> Problem<'a> {
        Problem {
            held: &self.held,
            lower: &self.lower,
            upper: &self.upper,
            net: problem.net.map(|net| net - self.sum),
            exposure_bounds: &self.exposure_bounds,
            group_limits: &self.group_limits,
            benchmark: &[],
            ..*problem
        }
    }

    /// Turns active weights into weights. A weight at its held value or at a bound is exactly that, and so is a position
    /// of 0, because −b + b is 0 without rounding.
    pub(super) fn shift_back(&self, problem: &Problem<'_>, weights: &mut [f64]) {
        for (i, weight) in weights.iter_mut().enumerate() {
            let (least, most) = problem.bounds(i);
            *weight = match *weight {
                active if active == self.held[i] => problem.held[i],
                active if active == self.lower[i] => least,
                active if active == self.upper[i] => most,
                active => active + problem.benchmark[i],
            };
        }
    }
}
