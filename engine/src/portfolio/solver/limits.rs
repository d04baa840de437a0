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
        let share = problem.turnover / all;
        for (w, held) in weights.iter_mut().zip(problem.held) {
            *w = if share > 0.0 { held + share * (*w - held) } else { *held };
        }
    }
}
