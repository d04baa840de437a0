//! Filter with given parameters as an [`Estimator`] of the pipeline.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use super::{Fixed, FixedParameters, StateSpace};
use crate::model::calibration::{Calibration, Forecasts, Tail};
use crate::model::estimates::Estimates;
use crate::model::estimator::{Estimator, EstimatorFacts};
use crate::model::lanes::Column;
use crate::model::settings::EstimatorSettings;
use crate::settings::{Calendar, Invalid, require};
use crate::state::{StateError, restore_under, same_settings, save_under};

/// Name used in error messages.
const NAME: &str = "filter with given variances";

/// Index of an instrument before its first return.
const NONE: u32 = u32::MAX;

/// Frame on which an instrument starts. Its prior is used there without a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FirstFrame {
    /// Frame of its first return: the rule of the pipeline.
    Return,
    /// Frame that lists it, with or without a return: the rule of `pykalman`.
    Listing,
}

/// Makes [`Fixed`] an [`Estimator`]: the filter of `pykalman`, with each instrument starting at its [`FirstFrame`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FixedEstimator {
    filter: Fixed,
    first_frame: FirstFrame,
    calibration: Calibration,
    /// Index of each instrument in the filter, which orders them by their first returns.
    place: Vec<u32>,
    listed: usize,
    /// Returns in the order of the filter.
    returns: Vec<f64>,
    observed: Column,
    mean: Column,
    variance: Column,
    tail: [Tail; 1],
    tail_of: Vec<u32>,
}

impl EstimatorSettings {
    /// State space of `fixed` with k coefficients: F = I, Q and P₀ diagonal.
    ///
    /// # Errors
    /// Fails if `transition_variance` or `observation_variance` is not set.
    pub fn state_space(&self, calendar: &Calendar, k: usize) -> Result<StateSpace, Invalid> {
        let missing = |key| Invalid {
            key,
            found: "nothing".to_owned(),
            expected: "a number: the filter `fixed` does not estimate its variances".into(),
        };
        let q = self.transition_variance.ok_or_else(|| missing("transition_variance"))?;
        let r = self.observation_variance.ok_or_else(|| missing("observation_variance"))?;
        let frames = f64::from(calendar.frames_per_day);
        let alpha = [
            self.alpha_transition_variance.unwrap_or(q) / frames,
            self.initial_alpha_variance.unwrap_or(self.initial_variance),
        ];
        let diagonal = |first: f64, other: f64| {
            let mut matrix = DMatrix::from_diagonal_element(k, k, other);
            matrix[(0, 0)] = first;
            matrix
        };
        let mut initial_mean = DVector::zeros(k);
        if k > 1 {
            initial_mean[1] = self.initial_market_beta;
        }
        Ok(StateSpace {
            transition: DMatrix::identity(k, k),
            transition_covariance: diagonal(alpha[0], q / frames),
            observation_variance: r,
            initial_mean,
            initial_covariance: diagonal(alpha[1], self.initial_variance),
        })
    }
}

impl FixedEstimator {
    /// Filter for `factors` factors, without instruments.
    ///
    /// # Errors
    /// Fails if a required variance is not set.
    pub fn new(settings: &EstimatorSettings, calendar: &Calendar, factors: usize) -> Result<Self, Invalid> {
        let parameters = FixedParameters::from(settings.state_space(calendar, factors + 1)?);
        let baseline_discount = calendar.per_frame(settings.variance_discount);
        Self::with_parameters(parameters, FirstFrame::Return, baseline_discount, factors)
    }

    /// Filter for `factors` factors with any parameters. `baseline_discount`: discount factor per frame of the variance
    /// of returns that forecasts are compared with.
    ///
    /// # Errors
    /// Returns the first parameter with a wrong size or out of range. Parameters for each instrument belong to
    /// instruments in engine order, so that these have to start on the frame that lists them.
    pub fn with_parameters(
        parameters: FixedParameters,
        first_frame: FirstFrame,
        baseline_discount: f64,
        factors: usize,
    ) -> Result<Self, Invalid> {
        require(
            parameters.instruments().is_none() || first_frame == FirstFrame::Listing,
            "first_frame",
            "\"return\"",
            "\"listing\", because a parameter has a value for each instrument",
        )?;
        let mut tail = Tail::new();
        tail.set_normal();
        Ok(Self {
            filter: Fixed::new(parameters, factors)?,
            first_frame,
            calibration: Calibration::new(baseline_discount),
            place: Vec::new(),
            listed: 0,
            returns: Vec::new(),
            observed: Column::default(),
            mean: Column::default(),
            variance: Column::default(),
            tail: [tail],
            tail_of: Vec::new(),
        })
    }

    /// Largest number of instruments, if the parameters limit it.
    #[must_use]
    pub fn instruments_max(&self) -> Option<usize> {
        self.filter.parameters().instruments()
    }

    /// Writes the covariance of each instrument's coefficients after the last frame: k × k numbers for each
    /// instrument, NaN before it starts.
    pub fn write_covariances(&self, out: &mut Vec<f64>) {
        let k = self.filter.coefficients();
        out.clear();
        out.resize(self.place.len() * k * k, f64::NAN);
        for (matrix, place) in out.chunks_exact_mut(k * k).zip(&self.place) {
            if *place != NONE {
                matrix.copy_from_slice(&self.filter.covariance(*place as usize));
            }
        }
    }

    /// Settings, without the learned state.
    fn settings(&self) -> impl Serialize + '_ {
        let Self { filter, first_frame, calibration, .. } = self;
        (filter.parameters(), first_frame, calibration.variance_discount(), filter.coefficients())
    }

    /// Covariance F P F' + Q of an instrument's coefficients in the next frame, from P after the last one.
    fn next_covariance(&self, place: usize, covariance: Vec<f64>) -> Vec<f64> {
        let k = self.filter.coefficients();
        let FixedParameters { transition, transition_covariance, .. } = self.filter.parameters();
        let (f, q) = (transition.of(place), transition_covariance.of(place));
        let is_identity = f.iter().enumerate().all(|(at, f)| *f == f64::from(u8::from(at / k == at % k)));
        let mut moved = covariance;
        if !is_identity {
            let p = moved.clone();
            let fp = |a: usize, b: usize| (0..k).map(|l| f[a * k + l] * p[l * k + b]).sum::<f64>();
            for (at, value) in moved.iter_mut().enumerate() {
                *value = (0..k).map(|l| fp(at / k, l) * f[at % k * k + l]).sum();
            }
        }
        moved.iter_mut().zip(q).for_each(|(value, q)| *value += q);
        moved
    }

    fn list(&mut self, returns: &[f64]) {
        self.place.resize(returns.len(), NONE);
        if self.listed == returns.len() {
            return;
        }
        let starts = |y: &f64| self.first_frame == FirstFrame::Listing || !y.is_nan();
        for (place, y) in self.place.iter_mut().zip(returns) {
            if *place == NONE && starts(y) {
                *place = self.listed as u32;
                self.listed += 1;
            }
        }
    }

    fn score(&mut self) {
        let n = self.place.len();
        self.mean.resize(n, 0.0);
        self.variance.resize(n, 0.0);
        for (i, place) in self.place.iter().enumerate().filter(|(_, place)| **place != NONE) {
            self.mean.set(i, self.filter.forecast_mean(*place as usize));
            self.variance.set(i, self.filter.forecast_variance(*place as usize));
        }
        self.tail_of.resize(n, 0);
        let forecasts = Forecasts {
            observed: &self.observed.0,
            mean: &self.mean.0,
            scale: &self.variance.0,
            tails: &self.tail,
            tail_of: &self.tail_of,
            tail_of_block: &self.tail_of[..self.observed.0.len()],
        };
        self.calibration.observe(&forecasts);
    }
}

impl Estimator for FixedEstimator {
    fn step(&mut self, factors: &[f64], returns: &[f64], score: bool) {
        self.list(returns);
        self.observed.fill_from(returns, f64::NAN);
        self.returns.resize(self.listed, f64::NAN);
        for (place, y) in self.place.iter().zip(returns).filter(|(place, _)| **place != NONE) {
            self.returns[*place as usize] = *y;
        }
        self.filter.step_scored(factors, &self.returns);
        if score {
            self.score();
        }
    }

    fn write(&mut self, estimates: &mut Estimates) {
        let (n, k) = (self.place.len(), self.filter.coefficients());
        estimates.reset(n);
        for i in 0..n {
            if self.place[i] == NONE {
                continue;
            }
            let place = self.place[i] as usize;
            estimates.alpha[i] = self.filter.mean(place, 0);
            for j in 1..k {
                estimates.betas[(j - 1) * n + i] = self.filter.mean(place, j);
            }
            let covariance = self.filter.covariance(place);
            for j in 0..k {
                estimates.coefficient_sd[j * n + i] = covariance[j * k + j].sqrt();
            }
            estimates.observation_var[i] = *self.filter.parameters().observation_variance.of(place);
            estimates.dof[i] = f64::INFINITY;
            if estimates.has_covariance() {
                let next = &self.next_covariance(place, covariance);
                let upper = (0..k).flat_map(|a| (a..k).map(move |b| next[a * k + b]));
                estimates.coefficient_cov.set(i, upper);
            }
            estimates.forecast_mean[i] = self.filter.forecast_mean(place);
            estimates.forecast_sd[i] = self.filter.forecast_variance(place).sqrt();
            estimates.forecast_dof[i] = f64::INFINITY;
            estimates.forecast_error[i] = self.filter.forecast_error(place);
        }
    }

    fn facts(&self) -> EstimatorFacts {
        let of = |i: usize| {
            let mut facts = self.calibration.of(i, true);
            facts.log_likelihood = match self.place[i] {
                NONE => None,
                place => Some(self.filter.log_likelihood(place as usize)),
            };
            facts
        };
        let mut total = self.calibration.total(self.place.len());
        total.log_likelihood = Some(self.filter.total_log_likelihood());
        let shared = self.filter.sharing() as u64;
        EstimatorFacts {
            total,
            instruments: (0..self.place.len()).map(of).collect(),
            groups: self.listed as u64 - shared + u64::from(shared > 0),
            largest_group: shared.max(u64::from(self.listed > 0)),
        }
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        save_under(NAME, &self.settings(), self)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        let saved: Self = restore_under(NAME, &self.settings(), state)?;
        same_settings(NAME, &saved.settings(), &self.settings())?;
        *self = saved;
        Ok(())
    }
}
