//! Running moments of the factors and of the mean return of the panel.

use crate::frame::Frame;
use crate::processor::{MulAdd, kernel};
use crate::time::TimestampNs;

/// Largest return in the mean of the panel, so that one bad row does not dominate the mean.
const RETURN_MAX: f64 = 0.2;
/// Number of interleaved partial sums.
const LANES: usize = 8;
/// Share of a factor's variance not explained by the factors before it, below which it is a combination of
/// them.
const INDEPENDENT_MIN: f64 = 1e-4;

/// Sums over pairs of a panel return p and factor returns f, of the same frame or of neighbouring ones.
#[derive(Clone, Debug, Default)]
struct Pairs {
    n: f64,
    p: f64,
    pp: f64,
    f: Vec<f64>,
    pf: Vec<f64>,
}

impl Pairs {
    fn add(&mut self, panel: f64, factors: &[f64], origin: &[f64]) {
        if panel.is_nan() || factors.is_empty() {
            return;
        }
        self.n += 1.0;
        self.p += panel;
        self.pp += panel * panel;
        self.f.resize(factors.len(), 0.0);
        self.pf.resize(factors.len(), 0.0);
        for (j, (factor, origin)) in factors.iter().zip(origin).enumerate() {
            let factor = factor - origin;
            self.f[j] += factor;
            self.pf[j] += panel * factor;
        }
    }

    fn panel_variance(&self) -> f64 {
        self.pp / self.n - (self.p / self.n) * (self.p / self.n)
    }

    fn covariance(&self, factor: usize) -> f64 {
        self.pf[factor] / self.n - self.p / self.n * (self.f[factor] / self.n)
    }
}

/// Streaming sums: k² numbers for k factors, one price for each instrument.
#[derive(Clone, Debug, Default)]
pub(super) struct FactorSums {
    last_close: Vec<f64>,
    last_panel: f64,
    /// Factors of the preceding frame; empty if it had none.
    last_factors: Vec<f64>,
    pub(super) last_time: TimestampNs,
    /// First factor returns. Sums run over the differences from them, so that a constant has a variance of
    /// exactly 0.
    origin: Vec<f64>,
    pub(super) frames: f64,
    sum: Vec<f64>,
    /// Lower triangle of Σ ff', row by row.
    products: Vec<f64>,
    /// Σ f_t f_{t−1}, and the number of terms.
    successive: Vec<f64>,
    successions: f64,
    /// Pairs of the panel return with the factors of the preceding, the same and the next frame.
    pairs: [Pairs; 3],
}

impl FactorSums {
    pub(super) fn observe(&mut self, frame: &Frame) {
        if frame.factors.is_empty() {
            return;
        }
        self.last_time = frame.timestamp;
        let panel = self.panel_return(frame);
        let factors: &[f64] = if frame.has_factors() { &frame.factors } else { &[] };
        if self.origin.is_empty() {
            self.origin.extend_from_slice(factors);
            self.sum.resize(factors.len(), 0.0);
            self.successive.resize(factors.len(), 0.0);
            self.products.resize(factors.len() * (factors.len() + 1) / 2, 0.0);
        }
        self.pairs[0].add(panel, &self.last_factors, &self.origin);
        self.pairs[1].add(panel, factors, &self.origin);
        if self.frames > 0.0 {
            self.pairs[2].add(self.last_panel, factors, &self.origin);
        }
        if !factors.is_empty() {
            self.add(factors);
        }
        self.last_panel = panel;
        self.last_factors.clear();
        self.last_factors.extend_from_slice(factors);
    }

    fn add(&mut self, factors: &[f64]) {
        self.frames += 1.0;
        self.successions += f64::from(u8::from(!self.last_factors.is_empty()));
        let mut at = 0;
        for (i, factor) in factors.iter().enumerate() {
            let fi = factor - self.origin[i];
            self.sum[i] += fi;
            for (factor, origin) in factors[..=i].iter().zip(&self.origin) {
                self.products[at] += fi * (factor - origin);
                at += 1;
            }
            if let Some(last) = self.last_factors.get(i) {
                self.successive[i] += fi * (last - self.origin[i]);
            }
        }
    }

    /// Mean return of the instruments with a price in this and the preceding frame; NaN if there are none.
    fn panel_return(&mut self, frame: &Frame) -> f64 {
        if !frame.returns.is_empty() {
            return mean(frame.returns.iter().copied());
        }
        self.last_close.resize(frame.close.len(), f64::NAN);
        let (mut sums, mut counts) = ([0.0; LANES], [0.0; LANES]);
        sum_kernel(&frame.close, &self.last_close, &mut sums, &mut counts);
        self.last_close.copy_from_slice(&frame.close);
        sums.iter().sum::<f64>() / counts.iter().sum::<f64>()
    }

    pub(super) fn factors(&self) -> usize {
        self.origin.len()
    }

    /// Number of panel returns paired with the factors of the same frame.
    pub(super) fn paired(&self) -> f64 {
        self.pairs[1].n
    }

    pub(super) fn mean(&self, factor: usize) -> f64 {
        self.origin[factor] + self.sum[factor] / self.frames
    }

    pub(super) fn covariance(&self, i: usize, j: usize) -> f64 {
        let (i, j) = (i.max(j), i.min(j));
        let product = self.products[i * (i + 1) / 2 + j];
        product / self.frames - self.sum[i] / self.frames * (self.sum[j] / self.frames)
    }

    /// First-order autocorrelation of a factor.
    pub(super) fn autocorrelation(&self, factor: usize) -> f64 {
        let mean = self.sum[factor] / self.frames;
        (self.successive[factor] / self.successions - mean * mean) / self.covariance(factor, factor)
    }

    /// Correlations of the panel return with a factor of the preceding, the same and the next frame.
    pub(super) fn correlations(&self, factor: usize) -> [f64; 3] {
        let variance = self.covariance(factor, factor);
        let correlation = |pairs: &Pairs| match pairs.n > 0.0 {
            true => pairs.covariance(factor) / libm::sqrt(pairs.panel_variance() * variance),
            false => f64::NAN,
        };
        [0, 1, 2].map(|lag| correlation(&self.pairs[lag]))
    }

    /// Shares of the panel's variance that the factors of the preceding, the same and the next frame explain
    /// jointly.
    pub(super) fn explained(&self, basis: &Basis) -> [f64; 3] {
        let share = |pairs: &Pairs| {
            if pairs.n == 0.0 {
                return 0.0;
            }
            let of = |j: &usize| pairs.covariance(*j) / libm::sqrt(self.covariance(*j, *j));
            let projected = basis.lower_solve(basis.factors.iter().map(of).collect());
            projected.iter().map(|value| value * value).sum::<f64>() / pairs.panel_variance()
        };
        [0, 1, 2].map(|lag| share(&self.pairs[lag])).map(|share| if share.is_nan() { 0.0 } else { share })
    }

    /// Selects the factors that are not a combination of those before them, in order; `usable`: false for
    /// constant ones.
    pub(super) fn basis(&self, usable: impl Fn(usize) -> bool) -> Basis {
        let mut basis = Basis::default();
        for j in (0..self.factors()).filter(|j| usable(*j)) {
            let correlation = |i: &usize| {
                self.covariance(*i, j) / libm::sqrt(self.covariance(*i, *i) * self.covariance(j, j))
            };
            let row = basis.lower_solve(basis.factors.iter().map(correlation).collect());
            let left = 1.0 - row.iter().map(|value| value * value).sum::<f64>();
            if left >= INDEPENDENT_MIN {
                basis.add(j, row, left);
            } else {
                let weights = basis.upper_solve(row);
                let sd = libm::sqrt(self.covariance(j, j));
                let terms = basis.factors.iter().zip(weights).map(|(i, weight)| Term {
                    factor: *i,
                    weight,
                    coefficient: weight * sd / libm::sqrt(self.covariance(*i, *i)),
                });
                basis.combinations.push((j, terms.collect()));
            }
        }
        basis
    }
}

kernel!(
    /// Adds the returns of the closes to the partial sums, and their number to `counts`.
    fn sum_kernel(closes: &[f64], last: &[f64], sums: &mut [f64; LANES], counts: &mut [f64; LANES]) = sum_body
);

#[inline(always)]
fn sum_body<M: MulAdd>(closes: &[f64], last: &[f64], sums: &mut [f64; LANES], counts: &mut [f64; LANES]) {
    let (closes, closes_left) = closes.as_chunks::<LANES>();
    let (last, last_left) = last.as_chunks::<LANES>();
    let mut add = |lane: usize, close: f64, last: f64| {
        let change = (close / last - 1.0).clamp(-RETURN_MAX, RETURN_MAX);
        let (change, count) = if change.is_nan() { (0.0, 0.0) } else { (change, 1.0) };
        sums[lane] += change;
        counts[lane] += count;
    };
    for (closes, last) in closes.iter().zip(last) {
        for lane in 0..LANES {
            add(lane, closes[lane], last[lane]);
        }
    }
    for (lane, (close, last)) in closes_left.iter().zip(last_left).enumerate() {
        add(lane, *close, *last);
    }
}

/// Factor in a combination: its coefficient, also in standard deviations (`weight`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub(super) factor: usize,
    pub(super) coefficient: f64,
    pub(super) weight: f64,
}

/// Cholesky factor of the correlations of independent factors.
#[derive(Clone, Debug, Default)]
pub(super) struct Basis {
    pub(super) factors: Vec<usize>,
    /// Factors that are combinations of others, with their terms.
    pub(super) combinations: Vec<(usize, Vec<Term>)>,
    rows: Vec<Vec<f64>>,
}

impl Basis {
    fn add(&mut self, factor: usize, mut row: Vec<f64>, left: f64) {
        row.push(libm::sqrt(left));
        self.factors.push(factor);
        self.rows.push(row);
    }

    /// Solves L x = b.
    fn lower_solve(&self, mut b: Vec<f64>) -> Vec<f64> {
        for (i, row) in self.rows.iter().enumerate() {
            let known: f64 = row[..i].iter().zip(&b).map(|(l, x)| l * x).sum();
            b[i] = (b[i] - known) / row[i];
        }
        b
    }

    /// Solves L'x = b.
    fn upper_solve(&self, mut b: Vec<f64>) -> Vec<f64> {
        for i in (0..self.rows.len()).rev() {
            b[i] /= self.rows[i][i];
            for j in 0..i {
                b[j] -= self.rows[i][j] * b[i];
            }
        }
        b
    }
}

fn mean(returns: impl Iterator<Item = f64>) -> f64 {
    let clamped = returns.filter(|r| !r.is_nan()).map(|r| r.clamp(-RETURN_MAX, RETURN_MAX));
    let (sum, count) = clamped.fold((0.0, 0.0), |(sum, count), r| (sum + r, count + 1.0));
    sum / count
}
