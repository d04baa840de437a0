//! Efficient frontier of fully invested portfolios by the critical line algorithm: maximum Sharpe ratio and
//! minimum variance.

use nalgebra::{DMatrix, DVectorViewMut};

use super::risk::FactorRisk;
use crate::linalg::{cholesky_semidefinite, solve_cholesky};

/// Covariance of returns, read one row at a time; n × n is never formed.
pub trait Covariance {
    /// Number of instruments.
    fn instruments(&self) -> usize;
    /// Writes row i of Σ into `out`, length n.
    fn row(&self, i: usize, out: &mut [f64]);
}

/// Population covariance of past returns.
#[derive(Clone, Debug)]
pub struct SampleCovariance {
    /// Returns less their means, n × T.
    centred: DMatrix<f64>,
    mean: Vec<f64>,
}

impl SampleCovariance {
    /// Covariance of n returns per period; `returns` holds one period after another.
    #[must_use]
    pub fn new(returns: &[f64], n: usize) -> Self {
        let periods = (returns.len() / n.max(1)).max(1) as f64;
        let mut mean = vec![0.0; n];
        for row in returns.chunks_exact(n.max(1)) {
            mean.iter_mut().zip(row).for_each(|(mean, r)| *mean += r / periods);
        }
        let centred = DMatrix::from_fn(n, returns.len() / n.max(1), |i, t| returns[t * n + i] - mean[i]);
        Self { centred, mean }
    }

    /// Mean returns per period, length n.
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }
}

impl Covariance for SampleCovariance {
    fn instruments(&self) -> usize {
        self.centred.nrows()
    }

    fn row(&self, i: usize, out: &mut [f64]) {
        let mut out = DVectorViewMut::from_slice(out, self.instruments());
        out.fill(0.0);
        let periods = self.centred.ncols().max(1) as f64;
        for returns in self.centred.column_iter() {
            out.axpy(returns[i] / periods, &returns, 1.0);
        }
    }
}

impl Covariance for FactorRisk {
    fn instruments(&self) -> usize {
        self.idiosyncratic().len()
    }

    fn row(&self, i: usize, out: &mut [f64]) {
        let (exposures, covariance) = (self.exposures(), self.factor_covariance());
        if !self.own_loadings().is_empty() {
            return self.grouped_row(i, out);
        }
        let mut out = DVectorViewMut::from_slice(out, self.instruments());
        out.fill(0.0);
        for (factor, column) in exposures.column_iter().zip(covariance.column_iter()) {
            let common = exposures.row(i).iter().zip(&column).map(|(beta, f)| beta * f).sum();
            out.axpy(common, &factor, 1.0);
        }
        out[i] += self.idiosyncratic()[i];
    }
}

impl FactorRisk {
    /// Row i of Σ with factors of groups.
    fn grouped_row(&self, i: usize, out: &mut [f64]) {
        let covariance = self.factor_covariance();
        let common = |factor: usize| -> f64 {
            self.loadings_of(i).map(|(other, beta)| beta * covariance[(other, factor)]).sum()
        };
        let common: Vec<f64> = (0..self.factors()).map(common).collect();
        out.fill(0.0);
        for (column, common) in self.exposures().column_iter().zip(&common) {
            out.iter_mut().zip(&column).for_each(|(out, beta)| *out += common * beta);
        }
        self.own_loadings().iter().for_each(|own| own.add_products(&common, out));
        out[i] += self.idiosyncratic()[i];
    }
}

/// Point of the frontier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Maximum of (μ'w − rf)/√(w'Σw).
    MaxSharpe,
    /// Minimum of w'Σw.
    MinVariance,
}

/// Returns the weights of a frontier portfolio with 0 ≤ w ≤ `upper` and Σw = 1, and which point it is.
///
/// If no such portfolio has a positive forecast, the maximum Sharpe ratio is undefined and the point is the
/// minimum variance. If the bounds allow less than Σw = 1, Σw is the largest that they allow; `None` if that is
/// zero. `expected` are in excess of the cash rate; instruments with `upper` 0 are skipped.
///
/// Critical line algorithm (Markowitz 1956; Bailey & López de Prado 2013): from the portfolio of the largest
/// forecast down, the weights strictly inside their bounds are linear in the risk tolerance t between events,
/// at which one weight reaches or leaves a bound. Along a line w'Σw = v₀ + t² m₁ and μ'w = m₀ + t m₁, and the
/// ratio is largest where t μ'w = w'Σw, at t = v₀/m₀.
#[must_use]
pub fn frontier_point(
    expected: &[f64],
    covariance: &dyn Covariance,
    upper: &[f64],
    point: Point,
) -> Option<(Vec<f64>, Point)> {
    let best = CriticalLine::start(expected, covariance, upper)?;
    let best: f64 = best.weights.iter().zip(expected).map(|(w, m)| w * m).sum();
    let point = if best > 0.0 { point } else { Point::MinVariance };
    let n = expected.len();
    let tilted: Vec<f64> = match point {
        // Breaks ties by instrument order: equal forecasts would all enter the start portfolio together.
        Point::MaxSharpe => {
            let largest = expected.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
            (0..n).map(|i| expected[i] + TIE_BREAK * largest * (n - i) as f64 / n as f64).collect()
        }
        // The end of the line does not depend on the forecasts; −variance starts near it.
        Point::MinVariance => {
            let mut row = vec![0.0; n];
            let variance = |i: usize| {
                covariance.row(i, &mut row);
                -row[i]
            };
            (0..n).map(variance).collect()
        }
    };
    let mut line = CriticalLine::start(&tilted, covariance, upper)?;
    // Each event changes one of the sets; more events than this mean cycling by rounding.
    for _ in 0..20 * expected.len() + 100 {
        if line.advance(point) {
            break;
        }
    }
    Some((line.weights, point))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Lower,
    Upper,
    Free,
}

/// Separation of equal forecasts, as a share of the largest.
const TIE_BREAK: f64 = 1e-12;

/// Relative difference below which two tolerances are equal.
const EQUAL_TOLERANCE: f64 = 1e-9;

/// State of the algorithm at tolerance t.
struct CriticalLine<'a> {
    expected: &'a [f64],
    covariance: &'a dyn Covariance,
    upper: &'a [f64],
    /// Σw: 1, or the largest that the bounds allow.
    total: f64,
    weights: Vec<f64>,
    at: Vec<At>,
    /// Rows of Σ of the instruments held at any tolerance so far.
    rows: Vec<Option<Vec<f64>>>,
    tolerance: f64,
    /// Instrument of the last event, which the next event must not reverse immediately.
    changed: Option<usize>,
}

impl<'a> CriticalLine<'a> {
    /// Portfolio of the largest forecast; ties by instrument order.
    fn start(expected: &'a [f64], covariance: &'a dyn Covariance, upper: &'a [f64]) -> Option<Self> {
        let n = expected.len();
        let mut order: Vec<usize> = (0..n).filter(|&i| upper[i] > 0.0).collect();
        order.sort_by(|&a, &b| expected[b].total_cmp(&expected[a]));
        let (mut weights, mut at) = (vec![0.0; n], vec![At::Lower; n]);
        let total = order.iter().map(|&i| upper[i]).sum::<f64>().min(1.0);
        let mut left = total;
        let mut last = None;
        for i in order {
            if left <= 1e-12 {
                break;
            }
            weights[i] = upper[i].min(left);
            left -= weights[i];
            at[i] = At::Upper;
            last = Some(i);
        }
        at[last?] = At::Free;
        let rows = vec![None; n];
        let tolerance = f64::INFINITY;
        Some(Self { expected, covariance, upper, total, weights, at, rows, tolerance, changed: None })
    }

    fn row(&mut self, i: usize) -> &[f64] {
        let n = self.expected.len();
        let covariance = self.covariance;
        self.rows[i].get_or_insert_with(|| {
            let mut row = vec![0.0; n];
            covariance.row(i, &mut row);
            row
        })
    }

    /// Advances to the next event or to `point`; returns true at `point`.
    fn advance(&mut self, point: Point) -> bool {
        let n = self.expected.len();
        for i in 0..n {
            if self.at[i] != At::Lower {
                self.row(i);
            }
        }
        let free: Vec<usize> = (0..n).filter(|&i| self.at[i] == At::Free).collect();
        let size = free.len();
        let rows: Vec<&[f64]> = self.rows.iter().map(|row| row.as_deref().unwrap_or(&[])).collect();
        // Σ_FF [x₁ x₂ x₃] = [1, μ_F, Σ_FB w_B].
        let mut matrix = DMatrix::from_fn(size, size, |a, b| rows[free[a]][free[b]]);
        let held: Vec<usize> = (0..n).filter(|&i| self.at[i] == At::Upper).collect();
        let ridge = 1e-14 * (0..size).map(|a| matrix[(a, a)]).fold(0.0, f64::max);
        for a in 0..size {
            matrix[(a, a)] += ridge;
        }
        let mut solution = DMatrix::from_fn(size, 3, |a, right| match right {
            0 => 1.0,
            1 => self.expected[free[a]],
            _ => held.iter().map(|&b| rows[b][free[a]] * self.weights[b]).sum(),
        });
        cholesky_semidefinite(matrix.as_mut_slice(), size);
        for a in 0..size {
            let pivot = &mut matrix[(a, a)];
            *pivot = if *pivot > 0.0 { *pivot } else { ridge.sqrt().max(f64::MIN_POSITIVE) };
        }
        for right in solution.as_mut_slice().chunks_exact_mut(size.max(1)) {
            solve_cholesky(matrix.as_slice(), size, right);
        }
        let [ones, means, bound] = [0, 1, 2].map(|right| solution.column(right));
        let room = self.total - held.iter().map(|&b| self.weights[b]).sum::<f64>();
        // w_F(t) = a + t b, and the multiplier of full investment η(t) = η₀ + t η₁.
        let eta0 = (room + bound.sum()) / ones.sum();
        let eta1 = -means.sum() / ones.sum();
        let start: Vec<f64> = (0..size).map(|j| eta0 * ones[j] - bound[j]).collect();
        let slope: Vec<f64> = (0..size).map(|j| means[j] + eta1 * ones[j]).collect();

        let mut next = 0.0;
        let mut event = None;
        // Several events may share one tolerance; the last event is not reversed at the same tolerance.
        let mut consider = |t: f64, i: usize, to: At| {
            let margin = if self.changed == Some(i) { 1.0 - EQUAL_TOLERANCE } else { 1.0 + EQUAL_TOLERANCE };
            if t > next && t <= self.tolerance * margin {
                (next, event) = (t.min(self.tolerance), Some((i, to)));
            }
        };
        // The budget alone decides the weight of a single free instrument; its slope is a rounding error.
        let moving = if size > 1 { &free[..] } else { &[] };
        for (j, &i) in moving.iter().enumerate() {
            if slope[j] > 0.0 {
                consider(-start[j] / slope[j], i, At::Lower);
            } else if slope[j] < 0.0 {
                consider((self.upper[i] - start[j]) / slope[j], i, At::Upper);
            }
        }
        for i in 0..n {
            if self.at[i] == At::Free || self.upper[i] <= 0.0 {
                continue;
            }
            // (Σw)_i − t μ_i − η = p + t q: at least 0 at the lower bound, at most 0 at the upper.
            let mut p = -eta0;
            let mut q = -self.expected[i] - eta1;
            for (j, &f) in free.iter().enumerate() {
                p += rows[f][i] * start[j];
                q += rows[f][i] * slope[j];
            }
            p += held.iter().map(|&b| rows[b][i] * self.weights[b]).sum::<f64>();
            let leaves = if self.at[i] == At::Lower { q > 0.0 } else { q < 0.0 };
            if leaves {
                consider(-p / q, i, At::Free);
            }
        }

        // Largest ratio on this line: t μ'w = w'Σw, where w'Σw = v₀ + t² m₁.
        let mut target = next;
        let mut reached = event.is_none();
        if point == Point::MaxSharpe {
            let w0 = |i: usize, j: Option<usize>| j.map_or(self.weights[i], |j| start[j]);
            let all: Vec<(usize, Option<usize>)> = held
                .iter()
                .map(|&b| (b, None))
                .chain(free.iter().enumerate().map(|(j, &f)| (f, Some(j))))
                .collect();
            let m0: f64 = all.iter().map(|&(i, j)| self.expected[i] * w0(i, j)).sum();
            let mut v0 = 0.0;
            for &(i, a) in &all {
                v0 += w0(i, a) * all.iter().map(|&(l, b)| rows[i][l] * w0(l, b)).sum::<f64>();
            }
            let t = v0 / m0;
            if m0 > 0.0 && t >= next {
                target = t.min(self.tolerance);
                reached = true;
            }
        }
        for (j, &i) in free.iter().enumerate() {
            self.weights[i] = (start[j] + target * slope[j]).clamp(0.0, self.upper[i]);
        }
        if let (false, Some((i, to))) = (reached, event) {
            self.at[i] = to;
            self.weights[i] = match to {
                At::Lower => 0.0,
                At::Upper => self.upper[i],
                At::Free => self.weights[i],
            };
            self.changed = Some(i);
        }
        self.tolerance = target;
        reached
    }
}
