//! `cap_method = "scale"`: applies box and gross limit to the goal, then moves towards it as far as the cap
//! allows.

use super::settings::SizingSettings;
use super::solution::{Limits, Outcome, Solution};

/// Brings `goal` inside box and gross limit, in place, and sets `out.weights` as near to it as the cap
/// allows.
///
/// Order of precedence: tradability, cap, box, gross. The solution lies between the held weights and a goal
/// inside the box, so it violates box or gross only if the held weights do. `outside`: instruments outside their
/// spells of membership, whose sales come first; empty for none.
pub(super) fn solve(
    settings: &SizingSettings,
    outside: &[bool],
    goal: &mut [f64],
    limits: Limits<'_>,
    out: &mut Solution,
) {
    let Limits { held, tradable, turnover_left, .. } = limits;
    let usual = [settings.weight_min, settings.weight_max];
    let mut fixed = 0.0;
    let mut free = 0.0;
    let leaves = |i: usize| outside.get(i) == Some(&true) && tradable[i];
    for i in 0..goal.len() {
        if tradable[i] {
            let [lo, hi] = limits.bounds_of(i, usual);
            goal[i] = if goal[i].is_nan() || leaves(i) { 0.0 } else { goal[i].clamp(lo, hi) };
            free += goal[i].abs();
        } else {
            goal[i] = held[i];
            fixed += held[i].abs();
        }
    }
    let room = (settings.gross_max - fixed).max(0.0);
    out.at_gross = free > room;
    if out.at_gross {
        let shrink = room / free;
        for i in 0..goal.len() {
            if tradable[i] {
                goal[i] *= shrink;
            }
        }
    }
    let distance: f64 = goal.iter().zip(held).map(|(g, h)| (g - h).abs()).sum();
    let sales: f64 = (0..outside.len()).filter(|&i| leaves(i)).map(|i| held[i].abs()).sum();
    out.weights.clear();
    if sales > 0.0 && distance > turnover_left {
        let share = (turnover_left / sales).min(1.0);
        let rest = distance - sales;
        let step = if rest > 0.0 { (turnover_left - sales).max(0.0) / rest } else { 0.0 };
        out.outcome = if share < 1.0 { Outcome::Repairing } else { Outcome::Capped };
        let towards = |(i, (g, h)): (usize, (&f64, &f64))| match leaves(i) {
            true if share == 1.0 => 0.0,
            true => h + share * (g - h),
            false => h + step * (g - h),
        };
        out.weights.extend(goal.iter().zip(held).enumerate().map(towards));
        return;
    }
    if distance <= turnover_left {
        out.outcome = if distance > 0.0 { Outcome::Reached } else { Outcome::NoTrade };
        out.weights.extend_from_slice(goal);
    } else {
        let step = turnover_left / distance;
        out.outcome = if step > 0.0 { Outcome::Capped } else { Outcome::NoTrade };
        out.weights.extend(goal.iter().zip(held).map(|(g, h)| h + step * (g - h)));
    }
}
