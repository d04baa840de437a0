//! Online Kalman filter with given parameters over all instruments.

use serde::{Deserialize, Serialize};

use super::common_covariance::CommonCovariance;
use super::parameters::FixedParameters;
use super::per_instrument::{InstrumentFilters, pack};
use crate::model::lanes::ln::ln;
use crate::processor::prefetch;
use crate::settings::Invalid;

/// Constant ln 2π.
const LN_TWO_PI: f64 = 1.837_877_066_409_345_5;

/// Kalman filter with the inputs of `pykalman`, for each instrument separately (Durbin & Koopman, *Time
/// Series Analysis by State Space Methods*, ch. 4.3).
///
/// The model is r_it = x_t'θ_it + ε_it with x_t = (1, f_t); see [`FixedParameters`] for the notation. At an
/// instrument's first frame its prior is used without a transition, whether or not it has a return; each
/// later frame has a transition. A missing return (NaN) is predicted and not updated, and does not affect
/// other instruments.
///
/// A frame costs O(k²) per instrument. While F, Q, R and P_0 are common, the instruments of the first frame
/// that have missed none since share their covariance and gain, at O(k) per instrument. An instrument that
/// misses a frame or is listed later continues with its own covariance. Shared and own covariances give the
/// same bits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fixed {
    parameters: FixedParameters,
    /// Design x, length k.
    design: Vec<f64>,
    place: Vec<Place>,
    common: Option<CommonCovariance>,
    individual: InstrumentFilters,
    leaving: Vec<usize>,
    log_likelihood: Vec<f64>,
}

/// Place of an instrument's state.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Place {
    Common,
    Individual(u32),
}

impl Fixed {
    /// Filter for `factors` factors, k = `factors` + 1 coefficients, without instruments.
    ///
    /// # Errors
    /// Returns the first parameter with a wrong size or out of range.
    pub fn new(parameters: FixedParameters, factors: usize) -> Result<Self, Invalid> {
        let k = factors + 1;
        parameters.check(k)?;
        Ok(Self {
            design: vec![1.0; k],
            place: Vec::new(),
            common: None,
            individual: InstrumentFilters::new(&parameters, k),
            leaving: Vec::new(),
            log_likelihood: Vec::new(),
            parameters,
        })
    }

    /// Parameters of the filter.
    pub(in crate::model) const fn parameters(&self) -> &FixedParameters {
        &self.parameters
    }

    /// Processes one frame without scoring it.
    ///
    /// `factors` are decimal returns, finite, length k − 1. `returns` are decimal returns in engine order,
    /// NaN where missing, never fewer than in the previous frame: additional ones belong to newly listed
    /// instruments.
    ///
    /// # Panics
    /// The lengths differ, or `returns` has more instruments than the parameters.
    pub fn step(&mut self, factors: &[f64], returns: &[f64]) {
        self.advance(factors, returns, None);
    }

    /// Runs [`Self::step`] and [`Self::write_means`] in one pass.
    ///
    /// # Panics
    /// Panics of `step` and `write_means`.
    pub fn step_into(&mut self, factors: &[f64], returns: &[f64], means: &mut [f64]) {
        assert_eq!(means.len(), returns.len() * self.design.len(), "k columns of n");
        self.advance(factors, returns, Some(means));
    }

    fn advance(&mut self, factors: &[f64], returns: &[f64], mut means: Option<&mut [f64]>) {
        assert!(returns.len() >= self.place.len(), "instruments are only ever added");
        prefetch(returns);
        self.design[1..].copy_from_slice(factors);
        if self.place.is_empty() && !returns.is_empty() && self.parameters.share_covariance() {
            self.common = Some(CommonCovariance::new(&self.parameters, self.design.len(), returns.len()));
            self.place.resize(returns.len(), Place::Common);
        }
        if let Some(common) = self.common.as_mut().filter(|common| common.count() > 0) {
            let (motion, leaving) = (self.individual.motion(), &mut self.leaving);
            common.step(&self.design, motion, returns, means.as_deref_mut(), leaving);
            self.leave();
        }
        for instrument in self.place.len()..returns.len() {
            self.list(instrument);
        }
        self.individual.step(&self.design, returns, means);
    }

    /// Runs [`Self::step`] and adds the log density of each return under its forecast to the instrument's
    /// log-likelihood.
    ///
    /// # Panics
    /// Panics of [`Self::step`].
    pub fn step_scored(&mut self, factors: &[f64], returns: &[f64]) {
        self.step(factors, returns);
        self.log_likelihood.resize(self.place.len(), 0.0);
        for i in 0..self.place.len() {
            let (f, q, y) = self.last(i);
            if !y.is_nan() {
                let e = y - f;
                self.log_likelihood[i] += -0.5 * (LN_TWO_PI + ln(q) + e * e / q);
            }
        }
    }

    /// Gives the instruments that miss the frame their own copy of the shared covariance after the
    /// transition.
    fn leave(&mut self) {
        let Some(common) = self.common.as_ref().filter(|_| !self.leaving.is_empty()) else {
            return;
        };
        let covariance = common.predicted_covariance();
        for &instrument in &self.leaving {
            let mean: Vec<f64> = (0..self.design.len()).map(|j| common.mean(instrument, j)).collect();
            let lane = self.individual.push(&self.parameters, instrument, &mean, &covariance, true);
            self.place[instrument] = Place::Individual(lane as u32);
        }
        self.leaving.clear();
    }

    /// Adds an instrument with its own covariance at its first frame.
    fn list(&mut self, instrument: usize) {
        let k = self.design.len();
        let covariance = pack(self.parameters.initial_covariance.of(instrument), k);
        let mean = self.parameters.initial_mean.of(instrument);
        let lane = self.individual.push(&self.parameters, instrument, mean, &covariance, true);
        self.place.push(Place::Individual(lane as u32));
    }

    /// Number of instruments listed so far.
    #[must_use]
    pub fn instruments(&self) -> usize {
        self.place.len()
    }

    /// Number k of coefficients: alpha and the betas.
    #[must_use]
    pub fn coefficients(&self) -> usize {
        self.design.len()
    }

    /// Number of instruments that share one covariance.
    #[must_use]
    pub fn sharing(&self) -> usize {
        self.common.as_ref().map_or(0, CommonCovariance::count)
    }

    /// Filtered mean of coefficient j (0 for alpha) of an instrument.
    ///
    /// # Panics
    /// Panics for an unknown instrument, like all methods that take one.
    #[must_use]
    pub fn mean(&self, instrument: usize, j: usize) -> f64 {
        assert!(j < self.design.len(), "coefficient {j} of {}", self.design.len());
        match (self.place[instrument], &self.common) {
            (Place::Common, Some(common)) => common.mean(instrument, j),
            (Place::Individual(lane), _) => self.individual.mean(lane as usize, j),
            (Place::Common, None) => f64::NAN,
        }
    }

    /// Writes the filtered means as k columns of n: coefficient j of instrument i at `j * n + i`.
    ///
    /// # Panics
    /// `columns` does not have length k n.
    pub fn write_means(&self, columns: &mut [f64]) {
        let n = self.place.len();
        assert_eq!(columns.len(), n * self.design.len(), "k columns of n");
        if let Some(common) = self.common.as_ref().filter(|common| common.count() > 0) {
            common.write_means(columns, n);
        }
        self.individual.write_means(columns, n);
    }

    /// Filtered covariance of an instrument's coefficients, row-major k × k, exactly symmetric.
    #[must_use]
    pub fn covariance(&self, instrument: usize) -> Vec<f64> {
        let k = self.design.len();
        let element = |i, j| match (self.place[instrument], &self.common) {
            (Place::Common, Some(common)) => common.covariance(i, j),
            (Place::Individual(lane), _) => self.individual.covariance(lane as usize, i, j),
            (Place::Common, None) => f64::NAN,
        };
        (0..k * k).map(|at| element(at / k, at % k)).collect()
    }

    /// Forecast x'm of the last frame, before its return: a decimal return.
    #[must_use]
    pub fn forecast_mean(&self, instrument: usize) -> f64 {
        self.last(instrument).0
    }

    /// Forecast variance x'Px + R of the last frame, before its return.
    #[must_use]
    pub fn forecast_variance(&self, instrument: usize) -> f64 {
        self.last(instrument).1
    }

    /// Return less forecast of the last frame; NaN if the return was missing.
    #[must_use]
    pub fn forecast_error(&self, instrument: usize) -> f64 {
        let (f, _, y) = self.last(instrument);
        y - f
    }

    /// Sum of the Gaussian log densities of the returns scored by [`Self::step_scored`].
    #[must_use]
    pub fn log_likelihood(&self, instrument: usize) -> f64 {
        self.log_likelihood.get(instrument).copied().unwrap_or(0.0)
    }

    /// Sum of the log-likelihoods over all instruments, in engine order.
    #[must_use]
    pub fn total_log_likelihood(&self) -> f64 {
        self.log_likelihood.iter().sum()
    }

    /// Forecast, forecast variance and return (f, q, y) of an instrument's last frame.
    fn last(&self, instrument: usize) -> (f64, f64, f64) {
        match (self.place[instrument], &self.common) {
            (Place::Common, Some(common)) => common.last(instrument),
            (Place::Individual(lane), _) => self.individual.last(lane as usize),
            (Place::Common, None) => (f64::NAN, f64::NAN, f64::NAN),
        }
    }
}
