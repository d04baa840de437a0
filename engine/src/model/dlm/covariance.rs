//! Scaled covariance of the coefficients, shared by all instruments with the same observation history.

use serde::{Deserialize, Serialize};

use crate::model::lanes::lane_block::{LANES, LaneBlock};
use crate::model::lanes::{packed, packed_len, widths};
use crate::model::settings::{EstimatorSettings, WindUp};
use crate::processor::{Vector, kernel};
use crate::settings::Calendar;

/// Discount factors per frame of the covariances of up to [`LANES`] models.
///
/// Coefficients are (alpha, betas): alpha is one block, the betas another (West & Harrison 6.3, component
/// discounting).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Evolution {
    /// Discount factor δ of alpha, and of the betas in each model.
    discount: [LaneBlock; 2],
    /// Inverse 1/δ of both.
    inverse_discount: [LaneBlock; 2],
    bounded: bool,
}

impl Evolution {
    /// Evolution of one to [`LANES`] models that differ in the discount factor of the betas, stated per day.
    /// Unused lanes repeat the first model.
    #[must_use]
    pub fn new(settings: &EstimatorSettings, calendar: &Calendar, beta_discounts: &[f64]) -> Self {
        let alpha = calendar.per_frame(settings.alpha_discount_factor);
        let beta = LaneBlock::from_fn(|model| {
            let stated = beta_discounts.get(model).or(beta_discounts.first());
            calendar.per_frame(stated.copied().unwrap_or(settings.discount_factor))
        });
        let discount = [LaneBlock::splat(alpha), beta];
        let inverse_discount = discount.map(|block| LaneBlock(block.map(|delta| 1.0 / delta)));
        Self { discount, inverse_discount, bounded: settings.wind_up == WindUp::Bounded }
    }
}

/// Covariance C* of the coefficients in units of an instrument's own observation variance, for [`LANES`]
/// models.
///
/// Only the upper triangle is stored, so the matrix is symmetric by construction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScaledCovariance {
    k: usize,
    /// Upper triangle by rows, one value per model in each entry.
    c: Vec<LaneBlock>,
    /// R x of the current frame, length k; after `update` the adaptive coefficient A = R x / q.
    gain: Vec<LaneBlock>,
    /// Precision restored from the prior each frame, (1 − δ_b)/prior; zero for `plain`.
    restored: [LaneBlock; 2],
}

impl ScaledCovariance {
    /// Diagonal prior of k coefficients: scaled variances of alpha and of each beta.
    #[must_use]
    pub fn prior(evolution: &Evolution, k: usize, prior: [LaneBlock; 2]) -> Self {
        let mut c = vec![LaneBlock::ZERO; packed_len(k)];
        for j in 0..k {
            c[packed(k, j, j)] = prior[usize::from(j > 0)];
        }
        let mut covariance = Self { k, c, gain: vec![LaneBlock::ZERO; k], restored: [LaneBlock::ZERO; 2] };
        covariance.anchor(evolution, prior);
        covariance
    }

    /// Sets the prior that bounds the wind-up.
    pub(crate) fn anchor(&mut self, evolution: &Evolution, prior: [LaneBlock; 2]) {
        if evolution.bounded {
            for block in 0..2 {
                for model in 0..LANES {
                    let delta = evolution.discount[block][model];
                    self.restored[block][model] = (1.0 - delta) / prior[block][model];
                }
            }
        }
    }

    /// Sets the diagonal prior of one lane: scaled variances of alpha and of each beta.
    pub(crate) fn begin_lane(&mut self, evolution: &Evolution, lane: usize, prior: [LaneBlock; 2]) {
        self.copy_lane(lane, &Self::prior(evolution, self.k, prior), lane);
    }

    /// Copies lane `from` of another matrix of the same size into lane `to`.
    pub(crate) fn copy_lane(&mut self, to: usize, other: &Self, from: usize) {
        self.copy_matrix_lane(to, other, from);
        for (gain, other) in self.gain.iter_mut().zip(&other.gain) {
            gain[to] = other[from];
        }
        for (restored, other) in self.restored.iter_mut().zip(&other.restored) {
            restored[to] = other[from];
        }
    }

    /// Copies the matrix alone, without R x and the prior.
    pub(crate) fn copy_matrix_lane(&mut self, to: usize, other: &Self, from: usize) {
        for (entry, other) in self.c.iter_mut().zip(&other.c) {
            entry[to] = other[from];
        }
    }

    /// Restarts coefficient j of the lanes that `restarts` selects from a prior variance, independent of the others.
    pub(crate) fn restart(&mut self, j: usize, prior: &LaneBlock, restarts: impl Fn(usize) -> bool) {
        for lane in (0..LANES).filter(|lane| restarts(*lane)) {
            for a in 0..self.k {
                self.c[packed(self.k, a.min(j), a.max(j))][lane] = 0.0;
            }
            self.c[packed(self.k, j, j)][lane] = prior[lane];
        }
    }

    /// Number of coefficients.
    #[must_use]
    pub const fn k(&self) -> usize {
        self.k
    }

    /// Copies another matrix of the same size.
    pub fn copy_from(&mut self, other: &Self) {
        self.c.copy_from_slice(&other.c);
        self.gain.copy_from_slice(&other.gain);
        self.restored = other.restored;
    }

    /// Entry (a, b) in each model.
    #[must_use]
    pub fn entry(&self, a: usize, b: usize) -> &LaneBlock {
        &self.c[packed(self.k, a.min(b), a.max(b))]
    }

    /// Upper triangle by rows, one entry per pair of coefficients.
    #[must_use]
    pub fn upper_triangle(&self) -> &[LaneBlock] {
        &self.c
    }

    /// Adaptive coefficient A, by which a forecast error moves the coefficients; valid after `update`, before
    /// it R x.
    #[must_use]
    pub fn adaptive_coef(&self) -> &[LaneBlock] {
        &self.gain
    }

    /// Evolves C to R = C + blockdiag((1 − δ_b)/δ_b · C_bb) (W&H 6.3); with bounded wind-up also R⁻¹ ← R⁻¹ +
    /// blockdiag((1 − δ_b) K0_b).
    ///
    /// The added information keeps every direction within the prior. With C ≤ C0 and C0 block-diagonal, R ≤
    /// blockdiag(C0_b/δ_b), so R⁻¹ ≥ blockdiag(δ_b K0_b), and adding (1 − δ_b) K0_b gives at least K0. The
    /// mean does not move towards the prior. One rank-one step per component keeps R positive definite
    /// without inverting it.
    pub fn evolve(&mut self, evolution: &Evolution) {
        evolve_kernel(self, evolution);
    }

    /// Returns the scaled forecast variance q = 1 + x' R x (W&H 4.5: Q = S q) and stores R x.
    pub fn forecast(&mut self, x: &[f64]) -> LaneBlock {
        forecast_kernel(self, x)
    }

    /// Updates C = R − A A' q and stores A = R x / q in [`Self::adaptive_coef`]. Call after `forecast`.
    pub fn update(&mut self, q: &LaneBlock) {
        update_kernel(self, q);
    }
}

// The kernels run the same operations for every model in the same order, without sums across models, so every
// instruction set gives the same bits. `widths!` instantiates the body for each usual number of coefficients, so that
// its loops unroll.

kernel!(fn evolve_kernel(covariance: &mut ScaledCovariance, evolution: &Evolution) = evolve_by_size);

#[inline(always)]
fn evolve_by_size<M: Vector>(covariance: &mut ScaledCovariance, evolution: &Evolution) {
    widths!(covariance.k, M, evolve_body(covariance, evolution));
}

#[inline(always)]
fn evolve_body<M: Vector, const K: usize>(covariance: &mut ScaledCovariance, evolution: &Evolution) {
    let k = if K > 0 { K } else { covariance.k };
    let ScaledCovariance { c, gain, restored, .. } = covariance;
    let (c, gain) = (&mut c[..packed_len(k)], &mut gain[..k]);
    let [alpha, beta] = &evolution.inverse_discount;
    let restores = restored.map(|precision| precision.iter().any(|p| *p != 0.0));
    for part in 0..LANES / M::WIDTH {
        scale::<M>(&mut c[..1], M::load(alpha, part), part);
        scale::<M>(&mut c[k..], M::load(beta, part), part);
        for j in 0..k {
            if !restores[usize::from(j > 0)] {
                continue;
            }
            // Update by an observation of component j with that precision: R ← R − R e_j e_j' R g/(1 + g R_jj).
            let precision = M::load(&restored[usize::from(j > 0)], part);
            for a in 0..k {
                M::store(M::load(&c[packed(k, a.min(j), a.max(j))], part), &mut gain[a], part);
            }
            let one = M::splat(1.0);
            let scale = M::divide(precision, M::add_product(precision, M::load(&gain[j], part), one));
            subtract_outer::<M, K>(c, gain, scale, part);
        }
    }
}

#[inline(always)]
fn scale<M: Vector>(entries: &mut [LaneBlock], by: M::V, part: usize) {
    for entry in entries {
        M::store(M::multiply(M::load(entry, part), by), entry, part);
    }
}

/// Subtracts an outer product: C ← C − g g' · scale.
#[inline(always)]
fn subtract_outer<M: Vector, const K: usize>(
    c: &mut [LaneBlock],
    gain: &[LaneBlock],
    scale: M::V,
    part: usize,
) {
    let k = if K > 0 { K } else { gain.len() };
    let mut rest = c;
    for a in 0..k {
        let left = M::multiply(M::load(&gain[a], part), scale);
        let row;
        (row, rest) = rest.split_at_mut(k - a);
        for (entry, right) in row.iter_mut().zip(&gain[a..]) {
            M::store(M::subtract_product(left, M::load(right, part), M::load(entry, part)), entry, part);
        }
    }
}

kernel!(fn forecast_kernel(covariance: &mut ScaledCovariance, x: &[f64]) -> LaneBlock = forecast_by_size);

#[inline(always)]
fn forecast_by_size<M: Vector>(covariance: &mut ScaledCovariance, x: &[f64]) -> LaneBlock {
    widths!(covariance.k, M, forecast_body(covariance, x))
}

#[inline(always)]
fn forecast_body<M: Vector, const K: usize>(covariance: &mut ScaledCovariance, x: &[f64]) -> LaneBlock {
    let k = if K > 0 { K } else { covariance.k };
    let (c, gain, x) = (&covariance.c[..packed_len(k)], &mut covariance.gain[..k], &x[..k]);
    let mut forecast = LaneBlock::ZERO;
    for part in 0..LANES / M::WIDTH {
        let mut q = M::splat(1.0);
        for a in 0..k {
            let mut sum = M::multiply(M::load(&c[packed(k, 0, a)], part), M::splat(x[0]));
            for b in 1..k {
                let entry = M::load(&c[packed(k, a.min(b), a.max(b))], part);
                sum = M::add_product(entry, M::splat(x[b]), sum);
            }
            q = M::add_product(M::splat(x[a]), sum, q);
            M::store(sum, &mut gain[a], part);
        }
        M::store(q, &mut forecast, part);
    }
    forecast
}

kernel!(fn update_kernel(covariance: &mut ScaledCovariance, q: &LaneBlock) = update_by_size);

#[inline(always)]
fn update_by_size<M: Vector>(covariance: &mut ScaledCovariance, q: &LaneBlock) {
    widths!(covariance.k, M, update_body(covariance, q));
}

#[inline(always)]
fn update_body<M: Vector, const K: usize>(covariance: &mut ScaledCovariance, q: &LaneBlock) {
    let k = if K > 0 { K } else { covariance.k };
    let (c, gain) = (&mut covariance.c[..packed_len(k)], &mut covariance.gain[..k]);
    for part in 0..LANES / M::WIDTH {
        let inverse = M::divide(M::splat(1.0), M::load(q, part));
        subtract_outer::<M, K>(c, gain, inverse, part);
        scale::<M>(gain, inverse, part);
    }
}
