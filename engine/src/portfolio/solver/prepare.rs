//! Start of a search: the problem in blocks, and the properties and first values of the multipliers.

use super::fill::{Sizes, StartingSums, fill, fill_curvature, fill_fees};
use super::problem::Problem;
use super::{AddedCurvature, GROSS_BOUND, LEAST_CURVATURE, NET_BOUND, Row, Solver};

impl Solver {
    /// Copies the problem into blocks, and starts the multipliers.
    ///
    /// `flat`: weights at which the positions are 0; empty for 0.
    pub(super) fn prepare(&mut self, problem: &Problem<'_>, flat: &[f64]) {
        let n = problem.expected.len();
        let k = self.root_size(problem);
        let shared = match self.has_groups {
            true => problem.exposures.ncols(),
            false => k + usize::from(problem.net.is_some()) + 2 * problem.exposure_bounds.len(),
        };
        self.instruments.resize(n, shared);
        self.instruments.has_impact = problem.impact.iter().any(|g| *g > 0.0);
        let scale = 1.0 / problem.kelly_fraction.sqrt();
        self.root.clear();
        let entries = (0..k * k).map(|at| problem.factor_root[(at / k, at % k)] * scale);
        self.root.extend(entries);
        let root = if self.has_groups { &[][..] } else { &self.root };
        let mut sizes = fill(&mut self.instruments, problem, root);
        if self.has_groups {
            sizes.systematic = self.grouped.fill(problem, &self.root);
        }
        // Bound on the marginal objective of any weight.
        let Sizes { value, systematic, own, gross } = sizes;
        let mut value = value + systematic * gross.min(problem.gross.max(problem.turnover)) + own;
        if !problem.borrow.is_empty() {
            value += fill_fees(&mut self.instruments, problem, flat);
        } else if !self.instruments.fees.is_empty() {
            self.instruments.fees.clear();
        }
        self.value = value;
        self.negligible = 1e-24 * value;
        let least = if value > 0.0 { LEAST_CURVATURE * value } else { 1.0 };
        fill_curvature(&mut self.instruments, problem, least, &mut self.sums);
        self.added.clear();
        if self.sums.raised {
            self.note_added(problem);
        }
        self.set_rows(problem, k, value);
        if problem.turnover <= 0.0 {
            self.start_without_turnover(problem);
        }
    }

    /// Notes the curvature added to that of each instrument.
    fn note_added(&mut self, problem: &Problem<'_>) {
        for instrument in 0..problem.expected.len() {
            let variance = problem.idiosyncratic[instrument];
            let (lower, upper) = problem.bounds(instrument);
            let curvature = self.instruments.curvature(instrument) - variance / problem.kelly_fraction;
            if variance.is_finite() && lower != upper && curvature > 0.0 {
                self.added.push(AddedCurvature { instrument, curvature, centre: 0.0 });
            }
        }
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
        if self.has_groups {
            self.grouped.add_rows(problem, value, &mut self.rows);
        }
        self.rows.push(row(0.0, problem.turnover, 0.0, f64::INFINITY));
        let gross = if problem.gross.is_finite() { problem.gross } else { 0.0 };
        let upper = if problem.gross.is_finite() { GROSS_BOUND * value } else { 0.0 };
        self.rows.push(row(0.0, gross, 0.0, upper));
        // Curvature of each multiplier with every instrument free.
        let linear = self.rows.len() - 2;
        self.priced = linear + 1 + usize::from(problem.gross.is_finite());
        let StartingSums { curvature, held, slopes, .. } = &self.sums;
        for (row, curvature) in self.rows.iter_mut().zip(curvature) {
            row.scale = *curvature;
        }
        self.rows[linear..].iter_mut().for_each(|row| row.scale = *slopes);
        // Start at the risk of the held weights, which is exact if nothing is traded.
        self.prices.clear();
        if self.has_groups {
            self.prices.resize(self.rows.len(), 0.0);
            self.grouped.start(&self.instruments, &self.root, &mut self.rows, &mut self.prices);
            return;
        }
        self.prices.extend_from_slice(&held[..k]);
        self.prices.resize(self.rows.len(), 0.0);
    }

    /// Sets the multiplier of turnover for a cap of 0: the value of the best trade, the least of all
    /// multipliers that are valid.
    fn start_without_turnover(&mut self, problem: &Problem<'_>) {
        let (n, at) = (problem.held.len(), self.prices.len() - 2);
        let k = self.root_size(problem);
        let mut best = 0.0_f64;
        if self.has_groups {
            self.grouped.set_prices(&self.root, &self.prices);
        }
        for i in 0..n {
            let (block, lane) = self.instruments.block_of(i);
            let (lower, upper, held) = (block.lower[lane], block.upper[lane], block.held[lane]);
            if lower >= upper {
                continue;
            }
            let risk: f64 = match self.has_groups {
                true => self.grouped.price_of(&self.instruments, i),
                false => (0..k).map(|j| self.instruments.coefficient(i, j) * self.prices[j]).sum(),
            };
            let (block, lane) = self.instruments.block_of(i);
            let value = block.expected[lane] - risk - self.instruments.curvature(i) * held;
            let (fee, flat) = self.instruments.fee(i);
            // A purchase saves the fee of a short, and a sale adds it to one.
            let gained = value + if held < flat { fee } else { 0.0 };
            let lost = value + if held <= flat { fee } else { 0.0 };
            let best_trade = match () {
                () if gained > 0.0 && held < upper => gained - problem.cost[i],
                () if lost <= 0.0 && held > lower => -lost - problem.cost[i],
                () => 0.0,
            };
            best = best.max(best_trade);
        }
        self.prices[at] = best;
    }
}
