//! The efficient frontier of fully invested portfolios by the critical line algorithm, and its two best known points.

use nalgebra::{DMatrix, DVectorViewMut};

use super::risk::FactorRisk;
use crate::linalg::{cholesky_semidefinite, solve_cholesky};

/// A covariance of returns, one row at a time: n × n is never formed.
pub trait Covariance {
    /// Number of instruments.
    fn instruments(&self) -> usize;
    /// Row i of Σ into `out`, length n.
    fn row(&self, i: usize, out: &mut [f64]);
}

/// The population covariance of past returns.
#[derive(Clone, Debug)]
pub struct SampleCovariance {
    /// Returns less their means, n × T.
    centred: DMatrix<f64>,
    mean: Vec<f64>,
}

impl SampleCovariance {
    /// The covariance of n returns a period, one period after another.
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

    /// Mean returns a period, length n.
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
        let mut out = DVectorViewMut::from_slice(out, self.instruments());
        out.fill(0.0);
        for (factor, column) in exposures.column_iter().zip(covariance.column_iter()) {
            let common = exposures.row(i).iter().zip(&column).map(|(beta, f)| beta * f).sum();
            out.axpy(common, &factor, 1.0);
        }
        out[i] += self.idiosyncratic()[i];
    }
}

/// Which point of the frontier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The largest (μ'w − rf)/√(w'Σw).
    MaxSharpe,
    /// The least w'Σw.
    MinVariance,
}

/// The point of the frontier of portfolios with 0 ≤ w ≤ `upper` and Σw = 1, and which one it is: where no such
/// portfolio has a positive forecast, the largest Sharpe ratio has no meaning, and the least variance is taken.
///
/// Where the bounds allow less than that in all, Σw is what they allow; nothing where they allow nothing. `expected`
/// are in excess of what cash earns; an instrument with `upper` 0 is not looked at.
///
/// The critical line algorithm (Markowitz 1956; Bailey & López de Prado 2013): from the portfolio of the largest
/// forecast down, the weights that are inside their bounds are linear in the tolerance for variance t between
/// events, at which one of them reaches a bound or leaves one. Along a line w'Σw = v₀ + t² m₁ and μ'w = m₀ + t m₁,
/// and the largest ratio is where t μ'w = w'Σw, at t = v₀/m₀.
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
        // Equal forecasts would all be at the start at once: an instrument's place decides between them.
        Point::MaxSharpe => {
            let largest = expected.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
            (0..n).map(|i| expected[i] + TIE * largest * (n - i) as f64 / n as f64).collect()
        }
        // The end of the line is the same whatever the forecasts: with these it is near.
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
    // Each event changes one of the sets; a line that comes back to where it was would be rounding.
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

/// By how much of the largest forecast equal ones are told apart.
const TIE: f64 = 1e-12;

/// Tolerances that differ by less than this share are the same.
const SAME: f64 = 1e-9;

/// State of the walk at tolerance t.
struct CriticalLine<'a> {
    expected: &'a [f64],
    covariance: &'a dyn Covariance,
    upper: &'a [f64],
    /// Σw: one, or as much as the bounds allow.
    total: f64,
    weights: Vec<f64>,
    at: Vec<At>,
    /// Rows of Σ of the instruments that have ever been held.
    rows: Vec<Option<Vec<f64>>>,
    tolerance: f64,
    /// The last change, which the next must not take back at once.
    changed: Option<usize>,
}

impl<'a> CriticalLine<'a> {
    /// The portfolio of the largest forecast; ties by instrument order.
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

    /// To the next event, or to the point that is looked for; whether that has been reached.
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
        // w_F(t) = a + t b, and the price of full investment η(t) = η₀ + t η₁.
        let eta0 = (room + bound.sum()) / ones.sum();
        let eta1 = -means.sum() / ones.sum();
        let start: Vec<f64> = (0..size).map(|j| eta0 * ones[j] - bound[j]).collect();
        let slope: Vec<f64> = (0..size).map(|j| means[j] + eta1 * ones[j]).collect();

        let mut next = 0.0;
        let mut event = None;
        // Several events may fall on one tolerance; what has just happened is not taken back at the same.
        let mut consider = |t: f64, i: usize, to: At| {
            let margin = if self.changed == Some(i) { 1.0 - SAME } else { 1.0 + SAME };
            if t > next && t <= self.tolerance * margin {
                (next, event) = (t.min(self.tolerance), Some((i, to)));
            }
        };
        for (j, &i) in free.iter().enumerate() {
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

        // The largest ratio of this line: t μ'w = w'Σw, where w'Σw = v₀ + t² m₁.
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
