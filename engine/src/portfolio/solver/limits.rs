//! Limits before and after the search: how far they are out of reach, and the rounding of the turnover cap.

use super::ROUNDING;
use super::problem::Problem;

/// Turnover that brings every weight inside its bounds, Σ|w| afterwards, and the least Σ|w| inside the bounds.
pub(super) struct Repair {
    pub(super) cost: f64,
    pub(super) gross: f64,
    pub(super) least_gross: f64,
}

impl Repair {
    pub(super) fn of(problem: &Problem<'_>) -> Self {
        let mut all = Self { cost: 0.0, gross: 0.0, least_gross: 0.0 };
        for (i, held) in problem.held.iter().enumerate() {
            let (lower, upper) = problem.bounds(i);
            let nearest = held.clamp(lower, upper);
            all.cost += (nearest - held).abs();
            all.gross += nearest.abs();
            all.least_gross += 0.0_f64.clamp(lower, upper).abs();
        }
        all
    }
}

/// Removes the excess over the turnover cap that rounding leaves. The largest trade that does not end at a
/// bound absorbs it; a larger excess scales all trades towards the held weights, which breaks no limit that
/// those satisfy. `flat`: weights at which the positions are 0; empty for 0.
pub(super) fn keep_cap(problem: &Problem<'_>, flat: &[f64], weights: &mut [f64]) {
    let turnover =
        |weights: &[f64]| -> f64 { weights.iter().zip(problem.held).map(|(w, held)| (w - held).abs()).sum() };
    let mut all = turnover(weights);
    for _ in 0..3 {
        let excess = all - problem.turnover;
        if excess <= 0.0 {
            return;
        }
        let trade = |i: usize| (weights[i] - problem.held[i]).abs();
        let inside = |i: &usize| {
            let (lower, upper) = problem.bounds(*i);
            let at_kink = weights[*i] == 0.0 || flat.get(*i) == Some(&weights[*i]);
            weights[*i] > lower && weights[*i] < upper && !at_kink && trade(*i) > excess
        };
        let largest = (0..weights.len()).filter(inside).max_by(|&a, &b| trade(a).total_cmp(&trade(b)));
        let Some(largest) = largest.filter(|_| excess <= ROUNDING) else { break };
        let back = excess.copysign(problem.held[largest] - weights[largest]);
        weights[largest] += back;
        all = turnover(weights);
    }
    if all > problem.turnover + 1e-14 {
        let share = (problem.turnover / all).max(0.0);
        for (w, held) in weights.iter_mut().zip(problem.held) {
            *w = held + share * (*w - held);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portfolio::Rebalance;

    fn made(held: &[f64], turnover: f64) -> Rebalance {
        let n = held.len();
        Rebalance {
            idiosyncratic: vec![1.0; n],
            held: held.to_vec(),
            lower: vec![-0.5; n],
            upper: vec![0.5; n],
            turnover,
            ..Rebalance::default()
        }
    }

    #[test]
    fn repair_is_the_way_into_the_box_and_the_gross_exposure_there() {
        let problem = Rebalance {
            lower: vec![-0.5, 0.25, 0.125, -0.5, 0.75],
            idiosyncratic: vec![1.0, 1.0, 1.0, f64::INFINITY, f64::INFINITY],
            upper: vec![0.5, 0.5, 0.5, 0.5, 0.75],
            ..made(&[-0.75, 0.375, 0.0, 0.25, 0.75], 1.0)
        };
        // An instrument of unknown risk is sold, unless it is fixed.
        let Repair { cost, gross, least_gross } = Repair::of(&problem.problem());
        assert_eq!([cost, gross, least_gross], [0.25 + 0.125 + 0.25, 0.5 + 0.375 + 0.125 + 0.75, 1.125]);
    }

    #[test]
    fn excess_over_the_cap_is_taken_from_the_largest_trade_inside_the_box() {
        let tiny = libm::exp2(-36.0);
        type Case<'a> = (&'a str, &'a [f64], &'a [f64], &'a [f64], f64, &'a [f64]);
        let cases: [Case<'_>; 9] = [
            ("none", &[0.0, 0.0], &[], &[0.25, -0.125], 0.375, &[0.25, -0.125]),
            ("largest", &[0.0, 0.0], &[], &[0.25, -0.125], 0.375 - tiny, &[0.25 - tiny, -0.125]),
            ("sale", &[0.125, 0.0], &[], &[-0.25, 0.125], 0.5 - tiny, &[-0.25 + tiny, 0.125]),
            ("at a bound", &[0.0, 0.0], &[], &[0.5, -0.125], 0.625 - tiny, &[0.5, -0.125 + tiny]),
            ("at the other", &[0.0, 0.0], &[], &[-0.5, -0.125], 0.625 - tiny, &[-0.5, -0.125 + tiny]),
            ("at zero", &[0.25, 0.0], &[], &[0.0, 0.125], 0.375 - tiny, &[0.0, 0.125 - tiny]),
            // Positions of 0 against a benchmark.
            ("flat", &[0.0, 0.0], &[0.25, 1.0], &[0.25, 0.125], 0.375 - tiny, &[0.25, 0.125 - tiny]),
            // An excess beyond rounding, or no larger trade inside, scales all trades.
            ("more than rounding", &[0.0, 0.25], &[], &[0.25, 0.0], 0.25, &[0.125, 0.125]),
            (
                "no larger trade",
                &[0.0, 0.0],
                &[],
                &[0.5, tiny],
                0.5,
                &[0.25 / (0.5 + tiny), 0.5 * tiny / (0.5 + tiny)],
            ),
        ];
        for (name, held, flat, weights, turnover, expected) in cases {
            let (made, mut kept) = (made(held, turnover), weights.to_vec());
            keep_cap(&made.problem(), flat, &mut kept);
            for (found, expected) in kept.iter().zip(expected) {
                assert!((found - expected).abs() <= 1e-3 * tiny, "{name}: {kept:?}, expected {expected:e}");
            }
        }
        // Without turnover all trades are undone. Rounding of the sum alone moves no weight off its bound.
        for (held, turnover, weights, expected) in [
            ([0.0, 0.25], 0.0, [0.25, 0.0], [0.0, 0.25]),
            ([0.0, 0.0], 1.0 - 1e-15, [0.5, -0.5], [0.5, -0.5]),
        ] {
            let (made, mut kept) = (made(&held, turnover), weights.to_vec());
            keep_cap(&made.problem(), &[], &mut kept);
            assert_eq!(kept, expected);
        }
    }
}
