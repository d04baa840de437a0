//! Weights that satisfy cap, box and gross limit, and every bound by group as far as those allow.

use super::super::ROUNDING;
use super::super::limits::Repair;
use super::super::problem::Problem;
use super::repair::Sums;

/// Σw and Σ|w| over the members of a group.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct GroupSums {
    pub(in super::super) net: f64,
    pub(in super::super) gross: f64,
}

/// Reference weights, and their sums in each bounded group: the held weights, brought inside the box, moved towards the
/// smallest weights until the gross limit holds, and then moved towards the violated bounds by group.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Reference {
    pub(in super::super) sums: Vec<GroupSums>,
    weights: Vec<f64>,
}

impl Reference {
    /// Computes weights and sums. `repair` is of the problem, whose gross limit is within reach under the cap.
    pub(in super::super) fn set(&mut self, problem: &Problem<'_>, repair: &Repair) {
        let Repair { gross, least_gross, .. } = *repair;
        let excess = gross - problem.gross;
        let share = if excess > 0.0 { (excess / (gross - least_gross)).min(1.0) } else { 0.0 };
        self.weights.clear();
        self.weights.extend((0..problem.held.len()).map(|i| {
            let (lower, upper) = problem.bounds(i);
            let nearest = problem.held[i].clamp(lower, upper);
            if share > 0.0 { nearest + share * (0.0_f64.clamp(lower, upper) - nearest) } else { nearest }
        }));
        let mut sums = Sums::of(problem, &self.weights);
        if sums.excess() > 0.0 {
            let weights = self.weights.iter().zip(problem.held);
            let spent: f64 = weights.map(|(weight, held)| (weight - held).abs()).sum();
            sums.repair(problem, &mut self.weights, problem.turnover - spent);
            sums = Sums::of(problem, &self.weights);
        }
        self.sums = sums.groups;
    }

    /// Moves the weights towards the reference until no bound is exceeded by more there, beyond rounding. That changes
    /// weights only if the search did not converge.
    pub(in super::super) fn keep(&self, problem: &Problem<'_>, weights: &mut [f64]) {
        let after = Sums::of(problem, weights).groups;
        let mut share = 1.0_f64;
        let bounds = problem.group_limits.iter().flat_map(|limits| &limits.bounds);
        for ((bound, before), after) in bounds.zip(&self.sums).zip(&after) {
            for (limit, before, after) in [
                (bound.upper, before.net, after.net),
                (-bound.lower, -before.net, -after.net),
                (bound.gross, before.gross, after.gross),
            ] {
                let most = limit.max(before);
                if after > most + ROUNDING {
                    share = share.min((most - before) / (after - before));
                }
            }
        }
        if share < 1.0 {
            for (weight, reference) in weights.iter_mut().zip(&self.weights) {
                *weight = reference + share * (*weight - reference);
            }
        }
    }
}
