//! Retrospective distributions of the discount-factor DLM: coefficients of each frame given all frames.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::Dlm;
use super::prior::Prior;
use crate::distributions::variance_of_t;
use crate::model::estimator::Estimator as _;
use crate::model::lanes::lane_block::LaneBlock;
use crate::model::settings::EstimatorSettings;
use crate::model::smoother::{Moments, Smoothed};
use crate::settings::Calendar;

/// Start of an instrument's history.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Frame of its first return, counted from the filter's first frame.
    pub frame: usize,
    /// Prior observation variance S₀.
    pub observation_variance: f64,
}

/// Retrospective distributions of the [`Dlm`] for one instrument (West & Harrison 4.8 with unknown variance,
/// 10.8 with a discounted one).
///
/// In scaled terms, with a_{t+1} = m_t: B_t = C*_t R*_{t+1}⁻¹, s_t = m_t + B_t (s_{t+1} − m_t) and S*_t =
/// C*_t + B_t (S*_{t+1} − R*_{t+1}) B_t'. Precision discounted by β is filtered back as 1/S_t ← (1 − β)/S_t +
/// β/S_{t+1} with n_t ← (1 − β) n_t + β n_{t+1}, so that without a discount every frame has the S of the last
/// frame. Coefficients are t-distributed with that n, mean s_t and squared scale S S*_t.
///
/// R* is that of the filter, including its bound on wind-up; a frame without a transition has R* = C*.
///
/// For analysis only: it uses future data. No trading function accepts it, and it does not convert
/// to [`Estimates`](crate::model::Estimates):
///
/// ```compile_fail,E0308
/// use betaflow_engine::model::{Estimates, Retrospective};
///
/// fn decide(estimates: &Estimates) {}
/// fn peek(hindsight: &Retrospective) {
///     decide(hindsight);
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Retrospective {
    scaled: Smoothed,
    observation_variance: Vec<f64>,
    dof: Vec<f64>,
}

impl Retrospective {
    /// Filters an instrument's history from its [`Start`] on with prior variance `observation_variance`, then
    /// smooths it. The moments equal those of the instrument in a filter over many instruments.
    ///
    /// `factors` are T × (k − 1), finite; `returns` have length T, NaN where missing; the first must be
    /// present.
    ///
    /// # Panics
    /// The lengths do not match, or the first return is missing.
    #[must_use]
    pub fn of(
        settings: &EstimatorSettings,
        calendar: &Calendar,
        observation_variance: f64,
        factors: &[f64],
        returns: &[f64],
    ) -> Self {
        assert!(returns.first().is_some_and(|y| !y.is_nan()), "the first return must be present");
        let frames = returns.len();
        let k = factors.len() / frames + 1;
        assert_eq!(factors.len(), (k - 1) * frames, "one row of factors per frame");
        let settings =
            EstimatorSettings { observation_variance: Some(observation_variance), ..settings.clone() };
        let mut filter = Dlm::new(&settings, calendar, k - 1);
        let (mut a, mut r) = prior(&settings, observation_variance, k);
        let (mut m, mut c) = (a.clone(), r.clone());
        let mut moments = Moments::new(k);
        let (mut s, mut n, mut kept) = (Vec::new(), Vec::new(), vec![1.0; frames]);
        for (t, y) in returns.iter().enumerate() {
            let moves = t > 0 && (!y.is_nan() || settings.discount_missing);
            if t > 0 {
                a.copy_from_slice(&m);
                r.copy_from_slice(&c);
            }
            if moves {
                filter.next_prior(0, &mut r);
            }
            filter.step(&factors[t * (k - 1)..(t + 1) * (k - 1)], std::slice::from_ref(y), false);
            let learned = filter.posterior(0, &mut m, &mut c);
            moments.push(&m, &c, &a, &r);
            if moves {
                kept[t] = learned.forecast_dof / n[t - 1];
            }
            s.push(learned.observation_variance);
            n.push(learned.dof);
        }
        for t in (0..frames - 1).rev() {
            let beta = kept[t + 1];
            s[t] = 1.0 / ((1.0 - beta) / s[t] + beta / s[t + 1]);
            n[t] = (1.0 - beta) * n[t] + beta * n[t + 1];
        }
        let scaled = moments.smooth(&DMatrix::identity(k, k));
        Self { scaled, observation_variance: s, dof: n }
    }

    /// Number T of frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.dof.len()
    }

    /// Mean s_t of alpha and betas of frame t given all frames.
    #[must_use]
    pub fn mean(&self, t: usize) -> &[f64] {
        self.scaled.mean(t)
    }

    /// Scaled covariance S*_t, row-major k × k, in units of [`Self::observation_variance`].
    #[must_use]
    pub fn scaled_covariance(&self, t: usize) -> &[f64] {
        self.scaled.covariance(t)
    }

    /// Observation variance of frame t given all frames.
    #[must_use]
    pub fn observation_variance(&self, t: usize) -> f64 {
        self.observation_variance[t]
    }

    /// Degrees of freedom of the observation variance.
    #[must_use]
    pub fn dof(&self, t: usize) -> f64 {
        self.dof[t]
    }

    /// Standard deviation of coefficient j (0 for alpha) under the t, not its scale.
    #[must_use]
    pub fn sd(&self, t: usize, j: usize) -> f64 {
        let scaled = self.scaled.sd(t, j);
        (variance_of_t(self.dof[t]) * self.observation_variance[t]).sqrt() * scaled
    }
}

/// Mean and scaled covariance before the first return.
fn prior(settings: &EstimatorSettings, observation_variance: f64, k: usize) -> (Vec<f64>, Vec<f64>) {
    let prior = Prior::new(settings);
    let scaled = prior.scaled(&LaneBlock::splat(observation_variance));
    let mut mean = vec![0.0; k];
    if k > 1 {
        mean[1] = prior.market_beta;
    }
    let mut covariance = vec![0.0; k * k];
    for j in 0..k {
        covariance[j * k + j] = scaled[usize::from(j > 0)][0];
    }
    (mean, covariance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dlm::LearnedVariance;

    /// Instrument i starts on frame i, so that each has a history of its own.
    #[test]
    fn moments_are_those_of_the_instrument_alone() {
        let (n, k, settings) = (19, 2, EstimatorSettings::default());
        let settings = EstimatorSettings { observation_variance: Some(1e-4), ..settings };
        let calendar = Calendar::default();
        let f = |t: usize| [0.01 * ((7 * t % 11) as f64 - 5.0)];
        let y = |t: usize, i: usize| {
            if t < i || (t + i) % 13 == 12 { f64::NAN } else { f(t)[0] + 1e-3 * ((5 * t + i) % 7) as f64 }
        };
        let mut all = Dlm::new(&settings, &calendar, 1);
        for t in 0..30 {
            let returns: Vec<f64> = (0..n).map(|i| y(t, i)).collect();
            all.step(&f(t), &returns, false);
        }
        for i in 0..n {
            let mut alone = Dlm::new(&settings, &calendar, 1);
            (i..30).for_each(|t| alone.step(&f(t), &[y(t, i)], false));
            let found = |filter: &mut Dlm, instrument: usize| {
                let (mut mean, mut scaled, mut next) = (vec![0.0; k], vec![0.0; k * k], vec![0.0; k * k]);
                let LearnedVariance { observation_variance, dof, forecast_dof } =
                    filter.posterior(instrument, &mut mean, &mut scaled);
                filter.next_prior(instrument, &mut next);
                (mean, scaled, next, [observation_variance, dof, forecast_dof])
            };
            assert_eq!(found(&mut all, i), found(&mut alone, 0), "instrument {i}");
        }
    }
}
