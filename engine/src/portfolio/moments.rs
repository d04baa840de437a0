//! Premia and covariance of the factors, online.

use serde::{Deserialize, Serialize};

use super::settings::SizingSettings;
use crate::settings::Calendar;

/// Running mean of the factor returns, shrunk to zero, and their exponentially weighted covariance.
///
/// The premia are the posterior mean of a constant mean with prior N(0, F/n₀) after t returns:
/// λ = Σf/(n₀ + t), with posterior covariance Λ = F/(n₀ + t). With a half-life of their own they follow the trend:
/// sum and count then forget alike, as if the mean were constant over that memory (West & Harrison 6.3). F is the
/// second moment about zero with weights that halve every half-life (RiskMetrics 1996; at a daily scale the mean is
/// nothing beside it), normalised by the sum of the weights so far, and with its covariances shrunk to zero by a
/// given share (Ledoit & Wolf 2004).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FactorMoments {
    prior_count: f64,
    decay: f64,
    premium_decay: f64,
    shrinkage: f64,
    count: f64,
    sum: Vec<f64>,
    premia: Vec<f64>,
    weight: f64,
    /// Weighted sum of f f', row-major k × k.
    products: Vec<f64>,
}

impl FactorMoments {
    /// For k factors.
    #[must_use]
    pub fn new(settings: &SizingSettings, calendar: &Calendar, k: usize) -> Self {
        let frames = f64::from(calendar.frames_per_day);
        Self {
            prior_count: settings.premium_prior_days * frames,
            decay: libm::exp2(-1.0 / (settings.factor_half_life * frames)),
            premium_decay: settings.premium_half_life.map_or(1.0, |days| libm::exp2(-1.0 / (days * frames))),
            shrinkage: settings.factor_shrinkage,
            count: 0.0,
            sum: vec![0.0; k],
            premia: vec![0.0; k],
            weight: 0.0,
            products: vec![0.0; k * k],
        }
    }

    /// Learns from one frame's factor returns.
    pub fn observe(&mut self, factors: &[f64]) {
        self.count = self.count * self.premium_decay + 1.0;
        self.weight = self.weight * self.decay + 1.0;
        let k = factors.len();
        for a in 0..k {
            self.sum[a] = self.sum[a] * self.premium_decay + factors[a];
            self.premia[a] = self.sum[a] / (self.prior_count + self.count);
            for b in 0..k {
                let product = &mut self.products[a * k + b];
                *product = *product * self.decay + factors[a] * factors[b];
            }
        }
    }

    /// λ, the expected factor returns a frame, length k.
    #[must_use]
    pub fn premia(&self) -> &[f64] {
        &self.premia
    }

    /// F, the covariance of the factor returns of a frame, into `out`, row-major k × k.
    pub fn covariance(&self, out: &mut Vec<f64>) {
        let scale = if self.weight > 0.0 { 1.0 / self.weight } else { 0.0 };
        let k = self.premia.len();
        let kept = |at: usize| if at / k == at % k { 1.0 } else { 1.0 - self.shrinkage };
        out.clear();
        out.extend(self.products.iter().enumerate().map(|(at, p)| p * scale * kept(at)));
    }

    /// By how much Λ is smaller than F: 1/(n₀ + t), 0 before any return.
    #[must_use]
    pub fn premia_variance_ratio(&self) -> f64 {
        if self.count > 0.0 { 1.0 / (self.prior_count + self.count) } else { 0.0 }
    }
}
