//! Semismooth Newton steps in the multipliers, with an exact line search on the projected active set.

#[cfg(test)]
mod tests;

use super::respond::respond;
use super::slopes::sum_slopes;
use super::{AddedCurvature, EXACT, FLAT, MAX_STEPS, NO_CHANGE, PATIENCE, ROUNDING, Row, Solver, TOLERANCE};
use crate::linalg::{cholesky_semidefinite, solve_cholesky};

impl Solver {
    fn respond(&mut self, at_trial: bool) {
        let prices = if at_trial { &self.trial } else { &self.prices };
        if self.has_groups {
            self.grouped.respond(&mut self.instruments, &self.root, prices, &mut self.totals);
        } else {
            respond(&mut self.instruments, prices, &mut self.totals);
        }
        self.gradient.clear();
        for ((row, price), total) in self.rows.iter().zip(prices).zip(&self.totals) {
            self.gradient.push(row.own * price + row.target - total);
        }
    }

    fn sum_slopes(&mut self) {
        let Self { instruments, grouped, root, free, rows, slopes, .. } = self;
        if self.has_groups {
            grouped.sum_slopes(instruments, root, free, rows.len(), slopes);
        } else {
            sum_slopes(instruments, self.priced, slopes);
        }
    }

    /// Takes Newton steps until every sum has its required value; returns the number of steps, `None` without
    /// convergence.
    pub(super) fn find_prices(&mut self) -> Option<u32> {
        self.trial.clone_from(&self.prices);
        self.respond(false);
        let (mut least, mut stalled) = (f64::INFINITY, 0);
        // Each bound by group can end several steps.
        let bounds = self.grouped.bounds(self.has_groups);
        for step in 0..MAX_STEPS + 20 * bounds {
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
            if stalled == PATIENCE + 4 * bounds as u32 || (stalled > 0 && worst <= ROUNDING) {
                return (least <= ROUNDING).then_some(step as u32);
            }
            self.sum_slopes();
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
    pub(super) fn shift_added(&mut self) -> bool {
        let mut change = 0.0_f64;
        for AddedCurvature { instrument, curvature, centre } in &mut self.added {
            let weight = self.instruments.weight(*instrument);
            change = change.max((weight - *centre).abs());
            self.instruments.add_expected(*instrument, *curvature * (weight - *centre));
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
                // No instrument counts in the sum: any curvature moves the multiplier to its bound.
                *pivot = FLAT.sqrt();
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
