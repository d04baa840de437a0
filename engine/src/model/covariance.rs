//! The scaled covariance of the coefficients, shared by all instruments with the same history.

use super::settings::{EstimatorSettings, WindUp};
use crate::settings::Calendar;

/// The prior and the discounts that a covariance evolves by, per frame.
///
/// Coefficients are (alpha, betas): component 0 is one block, the rest another
/// (West & Harrison 6.3, component discounting).
#[derive(Clone, Debug)]
pub struct Evolution {
    /// Prior scaled variance of each component, length k.
    pub prior: Vec<f64>,
    /// 1/δ of each component's block, length k.
    inverse_discount: Vec<f64>,
    /// Precision that flows back from the prior each frame, (1 − δ_b)/prior; empty for `plain`.
    restored_precision: Vec<f64>,
}

impl Evolution {
    /// For k coefficients, the first of which is alpha.
    #[must_use]
    pub fn new(settings: &EstimatorSettings, calendar: &Calendar, k: usize) -> Self {
        let component = |alpha: f64, beta: f64| -> Vec<f64> {
            (0..k).map(|j| if j == 0 { alpha } else { beta }).collect()
        };
        let prior = component(settings.initial_alpha_variance, settings.initial_variance);
        let discount = component(
            calendar.per_frame(settings.alpha_discount_factor),
            calendar.per_frame(settings.discount_factor),
        );
        let restored_precision = match settings.wind_up {
            WindUp::Plain => Vec::new(),
            WindUp::Bounded => discount.iter().zip(&prior).map(|(d, p)| (1.0 - d) / p).collect(),
        };
        let inverse_discount = discount.iter().map(|d| 1.0 / d).collect();
        Self { prior, inverse_discount, restored_precision }
    }

    /// Number of coefficients.
    #[must_use]
    pub fn k(&self) -> usize {
        self.prior.len()
    }
}

/// C*, the covariance of the coefficients in units of an instrument's own observation variance.
///
/// The matrix is kept exactly symmetric: both halves of every update are the same products.
#[derive(Clone, Debug)]
pub struct ScaledCovariance {
    /// Row-major, k × k.
    c: Vec<f64>,
    /// R x of the frame at hand, length k; after `update` the adaptive coefficient A = R x / q.
    gain: Vec<f64>,
}

impl ScaledCovariance {
    /// The prior, diagonal.
    #[must_use]
    pub fn prior(evolution: &Evolution) -> Self {
        let k = evolution.k();
        let mut c = vec![0.0; k * k];
        for (j, variance) in evolution.prior.iter().enumerate() {
            c[j * k + j] = *variance;
        }
        Self { c, gain: vec![0.0; k] }
    }

    /// Becomes another matrix of the same size.
    pub fn copy_from(&mut self, other: &Self) {
        self.c.copy_from_slice(&other.c);
        self.gain.copy_from_slice(&other.gain);
    }

    /// The matrix, row-major.
    #[must_use]
    pub fn matrix(&self) -> &[f64] {
        &self.c
    }

    /// A, by which a forecast error moves the coefficients; valid after `update`.
    #[must_use]
    pub fn adaptive_coef(&self) -> &[f64] {
        &self.gain
    }

    /// R = C + blockdiag((1 − δ_b)/δ_b · C_bb) (W&H 6.3), and, where the wind-up is bounded,
    /// R⁻¹ ← R⁻¹ + blockdiag((1 − δ_b) K0_b).
    ///
    /// That information keeps every direction within the prior. With C ≤ C0 and C0 block-diagonal,
    /// R ≤ blockdiag(C0_b/δ_b), so R⁻¹ ≥ blockdiag(δ_b K0_b), and adding (1 − δ_b) K0_b gives at
    /// least K0. It adds no pull on the mean. One rank-one step a component keeps R symmetric and
    /// positive definite without inverting it.
    pub fn evolve(&mut self, evolution: &Evolution) {
        let k = evolution.k();
        let alpha = evolution.inverse_discount[0];
        self.c[0] *= alpha;
        if k > 1 {
            let beta = evolution.inverse_discount[1];
            for row in self.c.chunks_exact_mut(k).skip(1) {
                for value in &mut row[1..] {
                    *value *= beta;
                }
            }
        }
        for (j, precision) in evolution.restored_precision.iter().enumerate() {
            if *precision > 0.0 {
                self.observe_component(j, *precision);
            }
        }
    }

    /// R ← R − R e_j e_j' R · g/(1 + g R_jj): what an observation of component j with precision g
    /// does to the covariance.
    fn observe_component(&mut self, j: usize, precision: f64) {
        let k = self.gain.len();
        self.gain.copy_from_slice(&self.c[j * k..(j + 1) * k]);
        let scale = precision / (1.0 + precision * self.gain[j]);
        self.subtract_outer_gain(scale);
    }

    /// C ← C − g g' · scale with g the `gain` at hand, both halves alike.
    fn subtract_outer_gain(&mut self, scale: f64) {
        let k = self.gain.len();
        for (row, &left) in self.c.chunks_exact_mut(k).zip(&self.gain) {
            for (value, &right) in row.iter_mut().zip(&self.gain) {
                // (left · right) · scale is the same product in both halves of the matrix.
                *value -= (left * right) * scale;
            }
        }
    }

    /// q = 1 + x' R x, the scaled forecast variance (W&H 4.5: Q = S q), keeping R x.
    pub fn forecast(&mut self, x: &[f64]) -> f64 {
        let k = self.gain.len();
        let mut q = 1.0;
        for ((row, gain), &xj) in self.c.chunks_exact(k).zip(&mut self.gain).zip(x) {
            *gain = row.iter().zip(x).map(|(r, x)| r * x).sum();
            q += xj * *gain;
        }
        q
    }

    /// C = R − A A' q, with A = R x / q left in [`Self::adaptive_coef`]. Call after `forecast`.
    pub fn update(&mut self, q: f64) {
        self.subtract_outer_gain(1.0 / q);
        for gain in &mut self.gain {
            *gain /= q;
        }
    }
}
