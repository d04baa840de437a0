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
            nearest + share * (0.0_f64.clamp(lower, upper) - nearest)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portfolio::{GroupBound, GroupLimits, Rebalance, UNBOUNDED};

    /// Two instruments of one group, and one of none.
    fn made(held: [f64; 3], lower: [f64; 3], bound: GroupBound) -> Rebalance {
        Rebalance {
            expected: vec![0.0; 3],
            idiosyncratic: vec![1.0; 3],
            held: held.to_vec(),
            lower: lower.to_vec(),
            upper: vec![0.5; 3],
            turnover: 10.0,
            gross: f64::INFINITY,
            group_limits: vec![GroupLimits { group: vec![0, 0, UNBOUNDED], bounds: vec![bound] }],
            ..Rebalance::default()
        }
    }

    fn reference(of: &Rebalance) -> Reference {
        let (problem, mut reference) = (of.problem(), Reference::default());
        reference.set(&problem, &Repair::of(&problem));
        reference
    }

    #[test]
    fn reference_is_brought_inside_box_gross_limit_and_bounds_in_order() {
        let free = GroupBound::default();
        let low = [-0.5; 3];
        let held = [0.75, -0.25, 0.25];
        let upper = |upper: f64| GroupBound { upper, ..free };
        let cases = [
            ("inside", made([0.5, -0.25, 0.25], low, free), [0.5, -0.25, 0.25]),
            ("box", made(held, low, free), [0.5, -0.25, 0.25]),
            ("gross limit that holds", Rebalance { gross: 1.0, ..made(held, low, free) }, [0.5, -0.25, 0.25]),
            // Half of the gross exposure of 1.
            ("gross limit", Rebalance { gross: 0.5, ..made(held, low, free) }, [0.25, -0.125, 0.125]),
            (
                "gross limit above a lower bound",
                // The least is 0.25, and the excess of 0.375 half of what is above it.
                Rebalance { gross: 0.625, ..made(held, [0.25, -0.5, -0.5], free) },
                [0.375, -0.125, 0.125],
            ),
            (
                "a halted instrument keeps its weight",
                Rebalance {
                    lower: vec![0.75, -0.5, -0.5],
                    upper: vec![0.75, 0.5, 0.5],
                    gross: 1.0,
                    ..made(held, low, free)
                },
                [0.75, -0.125, 0.125],
            ),
            // From 0.5 and -0.25; the long weight is sold to 0 first.
            ("bound", made(held, low, upper(0.0)), [0.25, -0.25, 0.25]),
            (
                "bound after the gross limit",
                Rebalance { gross: 0.5, ..made(held, low, upper(0.0)) },
                [0.125, -0.125, 0.125],
            ),
            (
                "bound that the gross limit meets",
                Rebalance { gross: 0.5, ..made(held, low, upper(0.125)) },
                [0.25, -0.125, 0.125],
            ),
            (
                "bound with the turnover that the box leaves",
                // Nine tenths of 0.125, towards 0 from 0.5 and 0.5.
                Rebalance { turnover: 0.375, ..made([0.75, 0.5, 0.25], low, upper(0.25)) },
                [0.44375, 0.44375, 0.25],
            ),
        ];
        for (name, made, expected) in cases {
            let found = reference(&made);
            for (weight, expected) in found.weights.iter().zip(expected) {
                assert!((weight - expected).abs() < 1e-12, "{name}: {:?}", found.weights);
            }
            let sums = found.sums[0];
            let [net, gross] = [expected[0] + expected[1], expected[0].abs() + expected[1].abs()];
            assert!((sums.net - net).abs() + (sums.gross - gross).abs() < 1e-12, "{name}: {sums:?}");
        }
    }

    /// The largest share of the way from the reference at which no bound is exceeded by more than there.
    #[test]
    fn weights_beyond_a_bound_move_towards_the_reference() {
        let free = GroupBound::default();
        let held = [0.25, -0.125, 0.0];
        // Sums of the reference: 0.125 and 0.375.
        let cases = [
            ("inside", free, [0.5, 0.25, 0.25], 1.0),
            ("upper", GroupBound { upper: 0.25, ..free }, [0.5, 0.125, 0.25], 0.25),
            ("lower", GroupBound { lower: 0.0, ..free }, [0.0, -0.375, 0.25], 0.25),
            ("gross", GroupBound { gross: 0.5, ..free }, [0.5, -0.375, 0.25], 0.25),
            ("two", GroupBound { upper: 0.25, gross: 0.40625, ..free }, [0.5, 0.125, 0.25], 0.125),
            ("nothing", GroupBound { upper: 0.125, ..free }, [0.5, 0.125, 0.25], 0.0),
            // The bound is exceeded at the reference, too.
            ("inherited", GroupBound { gross: 0.25, ..free }, [0.25, -0.125, 0.25], 1.0),
        ];
        for (name, bound, weights, share) in cases {
            // Without turnover the reference is the held weights.
            let made = Rebalance { turnover: 0.0, ..made(held, [-0.5; 3], bound) };
            let mut kept = weights.to_vec();
            reference(&made).keep(&made.problem(), &mut kept);
            for i in 0..3 {
                let expected = held[i] + share * (weights[i] - held[i]);
                assert!((kept[i] - expected).abs() < 1e-12, "{name}: {kept:?}");
            }
        }
    }
}
