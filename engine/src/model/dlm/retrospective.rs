//! Looking back on the discount-factor DLM: the coefficients of each frame given all frames.

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

/// Where the history of an instrument began.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The frame of its first return, counted from the first that the filter was given.
    pub frame: usize,
    /// S₀, what its observation variance was held to be before that.
    pub observation_variance: f64,
}

/// What the [`Dlm`] of one instrument looks like from its last frame
/// (West & Harrison 4.8 with unknown variance, 10.8 with a discounted one).
///
/// In scaled terms, with a_{t+1} = m_t: B_t = C*_t R*_{t+1}⁻¹, s_t = m_t + B_t (s_{t+1} − m_t) and
/// S*_t = C*_t + B_t (S*_{t+1} − R*_{t+1}) B_t'. Precision that is discounted by β goes back as
/// 1/S_t ← (1 − β)/S_t + β/S_{t+1} with n_t ← (1 − β) n_t + β n_{t+1}, so that without a discount every frame has
/// the last frame's S. Coefficients are t-distributed with that n, mean s_t and squared scale S S*_t.
///
/// R* is what the filter made of C*, the bound on its wind-up included; a frame that moved nothing is looked
/// through.
///
/// This is hindsight: to look at, never to trade. Nothing that decides accepts it, and it does not turn into
/// [`Estimates`](crate::model::Estimates):
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
    /// Runs the filter over an instrument's history from its [`Start`] on, of which `observation_variance` is
    /// stated here, and looks back. The instrument by itself has the very moments that it has among others.
    ///
    /// `factors` are T × (k − 1), finite; `returns` have length T, NaN where there is none; the first is there.
    ///
    /// # Panics
    /// Where the lengths do not fit together, or there is no first return.
    #[must_use]
    pub fn of(
        settings: &EstimatorSettings,
        calendar: &Calendar,
        observation_variance: f64,
        factors: &[f64],
        returns: &[f64],
    ) -> Self {
        assert!(returns.first().is_some_and(|y| !y.is_nan()), "a history begins with a return");
        let frames = returns.len();
        let k = factors.len() / frames + 1;
        assert_eq!(factors.len(), (k - 1) * frames, "one row of factors a frame");
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

    /// T, the number of frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.dof.len()
    }

    /// s_t: alpha and betas of frame t given all frames.
    #[must_use]
    pub fn mean(&self, t: usize) -> &[f64] {
        self.scaled.mean(t)
    }

    /// S*_t, row-major k × k, in units of [`Self::observation_variance`].
    #[must_use]
    pub fn scaled_covariance(&self, t: usize) -> &[f64] {
        self.scaled.covariance(t)
    }

    /// Observation variance of frame t given all frames.
    #[must_use]
    pub fn observation_variance(&self, t: usize) -> f64 {
        self.observation_variance[t]
    }

    /// Its degrees of freedom.
    #[must_use]
    pub fn dof(&self, t: usize) -> f64 {
        self.dof[t]
    }

    /// Standard deviation of coefficient j, 0 for alpha: of the t, not its scale.
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
