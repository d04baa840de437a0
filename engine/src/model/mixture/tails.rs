//! Tail weight of the forecasts, learned from all instruments together.

use serde::{Deserialize, Serialize};

use crate::model::lanes::Lane;
use crate::model::lanes::lane_block::LANES;
use crate::model::lanes::ln::ln_fused;
use crate::processor::{MulAdd, kernel};

/// Grid of the degrees of freedom.
const GRID: [f64; 8] = [3.0, 4.0, 5.0, 6.0, 8.0, 11.0, 16.0, 30.0];
/// Memory of the log densities and scales, in frames.
const MEMORY: f64 = 350.0;
/// Standardised error above which an error counts linearly in the dispersion of a frame, not by its square.
const DISPERSION_CLIP: f64 = 2.0;
/// Lower bound of the dispersion of a frame.
const DISPERSION_FLOOR: f64 = 1e-4;
/// Upper bound 2¹⁰⁰ of a squared standardised error, and number of factors of a product below 2¹⁰²⁰.
const SQUARED_MAX: f64 = (1_u128 << 100) as f64;
const FACTORS: usize = 8;

/// The t of the standardised errors: its degrees of freedom d, and its squared scale c in units of the
/// models' variance.
///
/// For each d of the grid, c is the running maximum-likelihood estimate (weights of Lange, Little & Taylor
/// 1989), weighted by its density so far. The result is the weighted mean of 1/d and of ln c.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tails {
    scale: [f64; GRID.len()],
    log_density: [f64; GRID.len()],
    constant: [f64; GRID.len()],
    frames: f64,
    dof: f64,
    squared_scale: f64,
}

/// Sums over the instruments of a frame, lane by lane.
struct Sums {
    count: Lane,
    dispersion: Lane,
    density: [Lane; GRID.len()],
    scale: [Lane; GRID.len()],
}

impl Tails {
    pub(crate) fn new() -> Self {
        let mut tails = Self {
            scale: GRID.map(|d| (d - 2.0) / d),
            log_density: [0.0; GRID.len()],
            constant: GRID.map(|d| {
                libm::lgamma(0.5 * (d + 1.0))
                    - libm::lgamma(0.5 * d)
                    - 0.5 * libm::log(d * std::f64::consts::PI)
            }),
            frames: 0.0,
            dof: 0.0,
            squared_scale: 0.0,
        };
        tails.average();
        tails
    }

    /// Degrees of freedom d of the next forecasts.
    pub(crate) const fn dof(&self) -> f64 {
        self.dof
    }

    /// Squared scale c of the next forecasts, in units of the models' variance.
    pub(crate) const fn squared_scale(&self) -> f64 {
        self.squared_scale
    }

    /// Updates from the forecasts of a frame, with the models' `variance`. Returns the dispersion of the
    /// frame, 1 if it is as forecast; `None` if no instrument has a return.
    pub(crate) fn learn(&mut self, observed: &[Lane], mean: &[Lane], variance: &[Lane]) -> Option<f64> {
        let sums = sum_kernel(&self.scale, observed, mean, variance);
        let count = sums.count.sum();
        if count == 0.0 {
            return None;
        }
        let rate = (1.0 / MEMORY).max(1.0 / (self.frames + 20.0));
        for a in 0..GRID.len() {
            let density = count * (self.constant[a] - 0.5 * libm::log(self.scale[a])) + sums.density[a].sum();
            self.log_density[a] = (1.0 - 1.0 / MEMORY) * self.log_density[a] + density;
            // Errors of 0 would drive the scale to 0, where its logarithm is undefined.
            let scale = self.scale[a] + rate * (sums.scale[a].sum() / count - self.scale[a]);
            self.scale[a] = scale.max(DISPERSION_FLOOR);
        }
        self.frames += 1.0;
        self.average();
        Some((sums.dispersion.sum() / count).max(DISPERSION_FLOOR))
    }

    fn average(&mut self) {
        let largest = self.log_density.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights = self.log_density.map(|log| libm::exp(log - largest));
        let sum: f64 = weights.iter().sum();
        let mean = |value: &dyn Fn(usize) -> f64| -> f64 {
            (0..GRID.len()).map(|a| weights[a] / sum * value(a)).sum()
        };
        self.dof = 1.0 / mean(&|a| 1.0 / GRID[a]);
        self.squared_scale = libm::exp(mean(&|a| libm::log(self.scale[a])));
    }
}

kernel!(fn sum_kernel(scale: &[f64; GRID.len()], observed: &[Lane], mean: &[Lane], variance: &[Lane]) -> Sums = sum_body);

#[inline(always)]
fn sum_body<M: MulAdd>(
    scale: &[f64; GRID.len()],
    observed: &[Lane],
    mean: &[Lane],
    variance: &[Lane],
) -> Sums {
    let zero = Lane::ZERO;
    let mut sums =
        Sums { count: zero, dispersion: zero, density: [zero; GRID.len()], scale: [zero; GRID.len()] };
    let inverse: [f64; GRID.len()] = std::array::from_fn(|a| 1.0 / (GRID[a] * scale[a]));
    let power: [f64; GRID.len()] = std::array::from_fn(|a| -0.5 * (GRID[a] + 1.0));
    let share: [f64; GRID.len()] = std::array::from_fn(|a| (GRID[a] + 1.0) / GRID[a]);
    let columns = observed.chunks(FACTORS).zip(mean.chunks(FACTORS)).zip(variance.chunks(FACTORS));
    for ((observed, mean), variance) in columns {
        // Products over the blocks of 1 + e²/(d c): one logarithm for all.
        let mut products = [Lane::splat(1.0); GRID.len()];
        for ((y, f), v) in observed.iter().zip(mean).zip(variance) {
            let (y, f, v) = (*y, *f, *v);
            let (mut squared, mut count, mut dispersion) = (zero, sums.count, sums.dispersion);
            for lane in 0..LANES {
                let scored = !y.0[lane].is_nan() & (v.0[lane] > 0.0);
                let e = y.0[lane] - f.0[lane];
                let value = e * e / v.0[lane];
                let bounded = if value < SQUARED_MAX { value } else { SQUARED_MAX };
                // An instrument that is not scored adds ln 1 and 0.
                squared.0[lane] = if scored { bounded } else { 0.0 };
                count.0[lane] += if scored { 1.0 } else { 0.0 };
                let linear = DISPERSION_CLIP * squared.0[lane].sqrt();
                dispersion.0[lane] += if squared.0[lane] < linear { squared.0[lane] } else { linear };
            }
            (sums.count, sums.dispersion) = (count, dispersion);
            grid_block::<M>(&squared, (&inverse, &share), &mut products, &mut sums.scale);
        }
        for ((sum, product), power) in sums.density.iter_mut().zip(&products).zip(power) {
            let mut column = *sum;
            for lane in 0..LANES {
                column.0[lane] = M::mul_add(power, ln_fused::<M>(product.0[lane]), column.0[lane]);
            }
            *sum = column;
        }
    }
    sums
}

/// Adds the weights of a block's squared errors to the sums of the scales, and its factors to the products. One
/// division gives the inverses of all factors.
#[inline(always)]
fn grid_block<M: MulAdd>(
    squared: &Lane,
    (inverse, share): (&[f64; GRID.len()], &[f64; GRID.len()]),
    products: &mut [Lane; GRID.len()],
    scales: &mut [Lane; GRID.len()],
) {
    let (mut all, mut weights) = (*products, *scales);
    for lane in 0..LANES {
        let squared = squared.0[lane];
        let mut factors = [1.0; GRID.len()];
        let mut before = [1.0; GRID.len()];
        let mut product = 1.0;
        for a in 0..GRID.len() {
            factors[a] = M::mul_add(squared, inverse[a], 1.0);
            before[a] = product;
            product *= factors[a];
        }
        let mut rest = squared / product;
        for a in (0..GRID.len()).rev() {
            weights[a].0[lane] = M::mul_add(share[a], rest * before[a], weights[a].0[lane]);
            rest *= factors[a];
            all[a].0[lane] *= factors[a];
        }
    }
    (*products, *scales) = (all, weights);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_returns_with_a_variance_are_scored() {
        let lane = |values: [f64; 4]| Lane::from_fn(|at| values.get(at).copied().unwrap_or(f64::NAN));
        let errors = lane([0.5, -3.0, 7.0, 1.0]);
        let (mut with, mut without) = (Tails::new(), Tails::new());
        for _ in 0..5 {
            // The third has a variance of 0, and the fourth none.
            let variance = lane([1.0, 0.25, 0.0, f64::NAN]);
            let found = with.learn(&[errors], &[Lane::ZERO], &[variance]);
            let scored = lane([0.5, -3.0, f64::NAN, f64::NAN]);
            let expected = without.learn(&[scored], &[Lane::ZERO], &[lane([1.0, 0.25, 1.0, 1.0])]);
            assert_eq!(found, expected);
            // Standardised errors 0.5 and 6; the larger one counts 2 · 6.
            assert_eq!(found, Some(0.5 * (0.25 + 12.0)));
        }
        assert_eq!((with.dof(), with.squared_scale()), (without.dof(), without.squared_scale()));
        assert_eq!(with.learn(&[errors], &[Lane::ZERO], &[Lane::ZERO]), None);
    }
}
