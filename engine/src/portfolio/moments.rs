//! Online estimates of the factor premia and the factor covariance.

use nalgebra::{DMatrix, DVector, DVectorView};
use serde::{Deserialize, Serialize};

use super::settings::SizingSettings;
use crate::linalg::{reshape, square_state, vector_state};
use crate::settings::Calendar;

/// Running mean of the factor returns, shrunk to zero, and their exponentially weighted covariance.
///
/// The premia are the posterior mean of a constant mean with prior N(0, F/n₀) after t returns: λ = Σf/(n₀ +
/// t), with posterior covariance Λ = F/(n₀ + t). With `premium_half_life` they follow the trend: sum and
/// count are discounted alike (West & Harrison 6.3). F is the second moment about zero, weighted by
/// 2^(−age/half-life) (RiskMetrics 1996; at a daily scale the mean is negligible) and normalised by the sum
/// of the weights. Its covariances are shrunk to zero by a given share (Ledoit & Wolf 2004).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FactorMoments {
    prior_count: f64,
    decay: f64,
    premium_decay: f64,
    shrinkage: f64,
    count: f64,
    #[serde(with = "vector_state")]
    sum: DVector<f64>,
    #[serde(with = "vector_state")]
    premia: DVector<f64>,
    weight: f64,
    /// Weighted sum of f f', k × k.
    #[serde(with = "square_state")]
    products: DMatrix<f64>,
}

impl FactorMoments {
    /// Moments of k factors before the first frame.
    #[must_use]
    pub fn new(settings: &SizingSettings, calendar: &Calendar, k: usize) -> Self {
        let frames = f64::from(calendar.frames_per_day);
        Self {
            prior_count: settings.premium_prior_days * frames,
            decay: libm::exp2(-1.0 / (settings.factor_half_life * frames)),
            premium_decay: settings.premium_half_life.map_or(1.0, |days| libm::exp2(-1.0 / (days * frames))),
            shrinkage: settings.factor_shrinkage,
            count: 0.0,
            sum: DVector::zeros(k),
            premia: DVector::zeros(k),
            weight: 0.0,
            products: DMatrix::zeros(k, k),
        }
    }

    /// Updates the moments with the factor returns of one frame.
    pub fn observe(&mut self, factors: &[f64]) {
        self.count = self.count * self.premium_decay + 1.0;
        self.weight = self.weight * self.decay + 1.0;
        let factors = DVectorView::from_slice(factors, factors.len());
        self.sum.axpy(1.0, &factors, self.premium_decay);
        self.premia.copy_from(&self.sum);
        self.premia /= self.prior_count + self.count;
        self.products.ger(1.0, &factors, &factors, self.decay);
    }

    /// Expected factor returns λ per frame, length k.
    #[must_use]
    pub fn premia(&self) -> &DVector<f64> {
        &self.premia
    }

    /// Writes F, the covariance of the factor returns per frame, into `out`, k × k.
    pub fn covariance(&self, out: &mut DMatrix<f64>) {
        let scale = if self.weight > 0.0 { 1.0 / self.weight } else { 0.0 };
        let k = self.premia.len();
        reshape(out, k, k);
        out.copy_from(&self.products);
        *out *= scale;
        for j in 0..k {
            let variance = out[(j, j)];
            out.column_mut(j).scale_mut(1.0 - self.shrinkage);
            out[(j, j)] = variance;
        }
    }

    /// Standard deviation of the premium λ of each factor, √Λ_jj.
    pub fn premium_deviations(&self) -> impl Iterator<Item = f64> + '_ {
        let scale = if self.weight > 0.0 { self.premia_variance_ratio() / self.weight } else { 0.0 };
        (0..self.premia.len()).map(move |j| (self.products[(j, j)] * scale).sqrt())
    }

    /// Ratio of Λ to F: 1/(n₀ + t); 0 before the first return.
    #[must_use]
    pub fn premia_variance_ratio(&self) -> f64 {
        if self.count > 0.0 { 1.0 / (self.prior_count + self.count) } else { 0.0 }
    }
}
