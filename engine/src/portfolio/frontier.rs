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
/// A singular covariance leaves such a portfolio undetermined; one of them is returned.
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
    let mut tilted: Vec<f64> = match point {
        Point::MaxSharpe => expected.to_vec(),
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
    // Breaks ties by instrument order: between equal forecasts no tolerance makes one weight enter for the other.
    let largest = tilted.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    tilted.iter_mut().enumerate().for_each(|(i, m)| *m += TIE_BREAK * largest * (n - i) as f64 / n as f64);
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

/// Curvature that counts as none, relative to the largest variance.
const FLAT: f64 = 1e-10;

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
        let held: Vec<usize> = (0..n).filter(|&i| self.at[i] == At::Upper).collect();
        let room = self.total - held.iter().map(|&b| self.weights[b]).sum::<f64>();
        // Σ + γ11' differs from Σ by the constant γ(Σw)², and is not singular where only full investment bounds the
        // free weights.
        let (mut matrix, is_curved) = factor(&rows, &free, 0.0);
        let mut shift = 0.0;
        if !is_curved {
            shift = size_of(free.iter().map(|&i| rows[i][i]));
            (matrix, _) = factor(&rows, &free, shift);
        }
        // A constant added to all forecasts changes no weight. Without it the differences of equal ones would be lost.
        let forecasts = || free.iter().map(|&i| self.expected[i]);
        let (least, most) = (forecasts().fold(f64::INFINITY, f64::min), forecasts().fold(f64::MIN, f64::max));
        let centre = if size > 1 && most - least <= EQUAL_TOLERANCE * most.abs() { most } else { 0.0 };
        // Σ_FF [x₁ x₂ x₃] = [1, μ_F, Σ_FB w_B].
        let mut solution = DMatrix::from_fn(size, 3, |a, right| match right {
            0 => 1.0,
            1 => self.expected[free[a]] - centre,
            _ => held.iter().map(|&b| (rows[b][free[a]] + shift) * self.weights[b]).sum(),
        });
        for right in solution.as_mut_slice().chunks_exact_mut(size.max(1)) {
            solve_cholesky(matrix.as_slice(), size, right);
        }
        let [ones, means, bound] = [0, 1, 2].map(|right| solution.column(right));
        // w_F(t) = a + t b, and the multiplier of full investment η(t) = η₀ + t η₁.
        let eta0 = (room + bound.sum()) / ones.sum();
        let eta1 = -means.sum() / ones.sum();
        let start: Vec<f64> = (0..size).map(|j| eta0 * ones[j] - bound[j]).collect();
        let slope: Vec<f64> = (0..size).map(|j| means[j] + eta1 * ones[j]).collect();
        let eta0 = eta0 - shift * self.total;

        let mut next = 0.0;
        let mut event = None;
        // Several events may share one tolerance; the last event is not reversed at the same tolerance. An event above the
        // tolerance is one that rounding has passed by.
        let mut consider = |t: f64, i: usize, to: At| {
            let reverses = self.changed == Some(i) && t > self.tolerance * (1.0 - EQUAL_TOLERANCE);
            if t > next && !reverses {
                (next, event) = (t, Some((i, to)));
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
            let mut q = -(self.expected[i] - centre) - eta1;
            for (j, &f) in free.iter().enumerate() {
                p += rows[f][i] * start[j];
                q += rows[f][i] * slope[j];
            }
            // Exact, where the slope of the single free instrument is rounding.
            if let [alone] = free[..] {
                q = self.expected[alone] - self.expected[i];
            }
            p += held.iter().map(|&b| rows[b][i] * self.weights[b]).sum::<f64>();
            let leaves = if self.at[i] == At::Lower { q > 0.0 } else { q < 0.0 };
            if leaves {
                consider(-p / q, i, At::Free);
            }
        }

        let next = next.min(self.tolerance);
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
            self.changed = Some(i);
            let exchange = if to == At::Free {
                let ones = ones.iter().copied().collect();
                self.row(i);
                self.flat_direction(i, &free, &matrix, (shift, ones))
            } else {
                None
            };
            match exchange {
                Some(direction) => self.exchange(i, &free, &direction),
                None => self.set(i, to),
            }
        }
        self.tolerance = target;
        reached
    }

    /// Moves an instrument to a bound, or into the free set.
    fn set(&mut self, i: usize, to: At) {
        self.at[i] = to;
        self.weights[i] = match to {
            At::Lower => 0.0,
            At::Upper => self.upper[i],
            At::Free => self.weights[i],
        };
    }

    /// Change of the free weights with that of the weight of i, which enters, if the variance does not bend along it: with
    /// i the free set would have no unique weights. `matrix`: Cholesky factor of Σ_FF + γ11'; then γ, and its solution
    /// for 1.
    fn flat_direction(
        &self,
        i: usize,
        free: &[usize],
        matrix: &DMatrix<f64>,
        (shift, ones): (f64, Vec<f64>),
    ) -> Option<Vec<f64>> {
        let row = self.rows[i].as_deref()?;
        let with: Vec<f64> = free.iter().map(|&f| row[f] + shift).collect();
        let mut change = with.clone();
        solve_cholesky(matrix.as_slice(), free.len(), &mut change);
        let eta = (change.iter().sum::<f64>() - 1.0) / ones.iter().sum::<f64>();
        change.iter_mut().zip(&ones).for_each(|(change, one)| *change = eta * one - *change);
        let own = row[i] + shift;
        let bend = own + with.iter().zip(&change).map(|(with, change)| with * change).sum::<f64>() - eta;
        let variances = free.iter().filter_map(|&f| self.rows[f].as_deref().map(|row| row[f]));
        let largest = size_of(variances.chain([row[i]]));
        (bend <= FLAT * largest).then_some(change)
    }

    /// Moves along a flat direction, which changes no marginal value, until a weight reaches a bound. That one leaves the
    /// free set and i enters, unless it is i itself.
    fn exchange(&mut self, i: usize, free: &[usize], change: &[f64]) {
        let sign = if self.at[i] == At::Lower { 1.0 } else { -1.0 };
        let (mut length, mut first) = (self.upper[i], i);
        for (&f, change) in free.iter().zip(change) {
            let change = sign * change;
            if change.abs() > EQUAL_TOLERANCE {
                let room = if change > 0.0 { self.upper[f] - self.weights[f] } else { self.weights[f] };
                if room / change.abs() < length {
                    (length, first) = (room / change.abs(), f);
                }
            }
        }
        let falls = |change: f64| if change < 0.0 { At::Lower } else { At::Upper };
        let mut to = falls(sign);
        self.weights[i] = (self.weights[i] + sign * length).clamp(0.0, self.upper[i]);
        for (&f, change) in free.iter().zip(change) {
            self.weights[f] = (self.weights[f] + sign * length * change).clamp(0.0, self.upper[f]);
            if f == first {
                to = falls(sign * change);
            }
        }
        self.at[i] = At::Free;
        self.set(first, to);
    }
}

/// The largest variance; 1 if all are 0.
fn size_of(variances: impl Iterator<Item = f64>) -> f64 {
    let largest = variances.fold(0.0, f64::max);
    if largest > 0.0 { largest } else { 1.0 }
}

/// Cholesky factor of Σ_FF + γ11' with a small ridge; false if it is singular or nearly so.
fn factor(rows: &[&[f64]], free: &[usize], shift: f64) -> (DMatrix<f64>, bool) {
    let size = free.len();
    let mut matrix = DMatrix::from_fn(size, size, |a, b| rows[free[a]][free[b]] + shift);
    let largest = size_of((0..size).map(|a| matrix[(a, a)]));
    let ridge = 1e-14 * largest;
    if shift == 0.0 {
        (0..size).for_each(|a| matrix[(a, a)] += ridge);
    }
    cholesky_semidefinite(matrix.as_mut_slice(), size);
    let mut is_curved = true;
    for a in 0..size {
        let pivot = &mut matrix[(a, a)];
        is_curved &= *pivot * *pivot > FLAT * largest;
        *pivot = if *pivot > 0.0 { *pivot } else { ridge.sqrt().max(f64::MIN_POSITIVE) };
    }
    (matrix, is_curved)
}
