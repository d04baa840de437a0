//! Predicted risk of the held book, and the scale of its residual variance.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use super::moments::FactorMoments;
use super::risk::FactorRisk;
use super::settings::SizingSettings;
use crate::linalg::{reshape, resize};
use crate::settings::Calendar;

/// Days of the prior of the residual scale, whose mean is 1.
const PRIOR_DAYS: f64 = 21.0;
/// Largest squared standardised residual, in units of the scale, that counts.
const SURPRISE_MAX: f64 = 10.0;
/// Range of the residual scale.
const SCALE: (f64, f64) = (0.1, 100.0);

/// Part of the predicted variance of a book: that of one factor, or the residual part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RiskPart {
    /// Exposure x_j of the book to the factor as a share of NAV; 0 for the residual part.
    pub exposure: f64,
    /// Contribution to the variance per frame: x_j (F x)_j of a factor, φ w'Dw of the residual part. The contributions
    /// add up to the variance.
    pub variance: f64,
}

/// Variance x'Fx + φ w'Dw of the return of the held book in the next frame, with x = B'w.
///
/// Residuals are not independent across the instruments that a strategy chooses alike, such as those of one sector, so
/// w'Dw is too small for a chosen book. The scale φ is the mean of e²/w'Dw, weighted by 2^(−age/half-life) with
/// `factor_volatility_half_life`, where e is the return of the book less x'f. It starts at 1, which counts as 21 days.
/// In the risk models of vendors this is the adjustment by bias statistics (Menchero, Orr & Wang 2011).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct BookRisk {
    decay: f64,
    sum: f64,
    weight: f64,
    /// NAV and w'Dw of the last prediction; 0 without one.
    nav: f64,
    residual: f64,
    exposures: Vec<f64>,
    parts: Vec<RiskPart>,
    variance: f64,
    #[serde(skip)]
    factor_cov: DMatrix<f64>,
    #[serde(skip)]
    product: DVector<f64>,
}

impl BookRisk {
    /// Risk before the first frame.
    #[must_use]
    pub fn new(settings: &SizingSettings, calendar: &Calendar) -> Self {
        let frames = f64::from(calendar.frames_per_day);
        let prior = PRIOR_DAYS * frames;
        Self {
            decay: libm::exp2(-1.0 / (settings.factor_volatility_half_life * frames)),
            sum: prior,
            weight: prior,
            ..Self::default()
        }
    }

    /// Residual scale φ.
    #[must_use]
    pub fn scale(&self) -> f64 {
        (self.sum / self.weight).clamp(SCALE.0, SCALE.1)
    }

    /// Learns the scale from the return since the last prediction: NAV now, and the factor returns of the frame, NaN
    /// where missing.
    pub fn learn(&mut self, nav: f64, factors: &[f64]) {
        let before = std::mem::take(&mut self.residual);
        if !(before > 0.0 && self.nav > 0.0) {
            return;
        }
        let known = self.exposures.iter().zip(factors).filter(|(_, f)| !f.is_nan());
        let residual = nav / self.nav - 1.0 - known.map(|(x, f)| x * f).sum::<f64>();
        let surprise = (residual * residual / before).min(SURPRISE_MAX * self.scale());
        if surprise.is_finite() {
            self.sum = self.sum * self.decay + surprise;
            self.weight = self.weight * self.decay + 1.0;
        }
    }

    /// Predicts the next frame from the loadings and residual variances in `risk`, those of the last rebalance, and the
    /// factor covariance after this frame: that of `moments`, or `given` by a risk model, k × k. `scaled`: true for
    /// φ w'Dw, false for w'Dw.
    pub fn predict(
        &mut self,
        (nav, weights): (f64, &[f64]),
        risk: &mut FactorRisk,
        (moments, given): (&FactorMoments, &[f64]),
        scaled: bool,
    ) {
        let scale = if scaled && given.is_empty() { self.scale() } else { 1.0 };
        let Self { factor_cov, product, exposures, parts, .. } = self;
        risk.write_exposures(weights, exposures);
        self.nav = nav;
        self.residual = risk.residual_variance(weights);
        match given {
            [] => moments.covariance(factor_cov),
            given => {
                let k = given.len().isqrt();
                reshape(factor_cov, k, k);
                factor_cov.as_mut_slice().copy_from_slice(given);
            }
        }
        resize(product, factor_cov.nrows());
        product.fill(0.0);
        for (x, column) in exposures.iter().zip(factor_cov.column_iter()) {
            product.axpy(*x, &column, 1.0);
        }
        parts.clear();
        let of_factors = exposures.iter().zip(product.iter());
        parts.extend(of_factors.map(|(x, fx)| RiskPart { exposure: *x, variance: x * fx }));
        parts.push(RiskPart { exposure: 0.0, variance: scale * self.residual });
        self.variance = parts.iter().map(|part| part.variance).sum();
    }

    /// Removes the prediction, so that the next return teaches nothing.
    pub fn clear(&mut self) {
        self.residual = 0.0;
        self.variance = f64::NAN;
        self.parts.clear();
    }

    /// Predicted variance of the book's return per frame; NaN without a prediction.
    #[must_use]
    pub const fn variance(&self) -> f64 {
        self.variance
    }

    /// Parts of that variance: the factors, then the residual part; empty without a prediction.
    #[must_use]
    pub fn parts(&self) -> &[RiskPart] {
        &self.parts
    }
}
