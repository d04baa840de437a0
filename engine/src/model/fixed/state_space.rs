//! State-space model of one instrument, and its filter over a whole history.

use nalgebra::{DMatrix, DVector};

use crate::linalg::{asymmetry, least_relative_eigenvalue};
use crate::model::smoother::{Moments, Smoothed};
use crate::settings::{Invalid, require};

/// Parameters of one instrument; see [`FixedParameters`](super::FixedParameters) for the model and its
/// notation.
#[derive(Clone, Debug, PartialEq)]
pub struct StateSpace {
    /// Transition F, k × k.
    pub transition: DMatrix<f64>,
    /// Transition covariance Q, k × k, symmetric.
    pub transition_covariance: DMatrix<f64>,
    /// Observation variance R.
    pub observation_variance: f64,
    /// Prior mean m_0, length k.
    pub initial_mean: DVector<f64>,
    /// Prior covariance P_0, k × k, symmetric.
    pub initial_covariance: DMatrix<f64>,
}

impl StateSpace {
    /// Defaults of pykalman: F = Q = P_0 = I, R = 1, m_0 = 0.
    #[must_use]
    pub fn standard(k: usize) -> Self {
        Self {
            transition: DMatrix::identity(k, k),
            transition_covariance: DMatrix::identity(k, k),
            observation_variance: 1.0,
            initial_mean: DVector::zeros(k),
            initial_covariance: DMatrix::identity(k, k),
        }
    }

    /// Number k of coefficients.
    #[must_use]
    pub fn coefficients(&self) -> usize {
        self.initial_mean.len()
    }

    /// Checks every shape and range.
    ///
    /// # Errors
    /// Returns the first parameter with a wrong size or out of range.
    pub fn check(&self) -> Result<(), Invalid> {
        let k = self.coefficients();
        require(k >= 1, "coefficients", k, "at least 1: alpha")?;
        check_transition(self.transition.as_slice(), k)?;
        check_covariance("transition_covariance", self.transition_covariance.as_slice(), k)?;
        check_observation_variance(self.observation_variance)?;
        check_mean(self.initial_mean.as_slice(), k)?;
        check_covariance("initial_covariance", self.initial_covariance.as_slice(), k)
    }

    /// Filters a whole history; returns the moments of every frame and the log-likelihood (Gaussian, summed
    /// over the returns that are present).
    ///
    /// `factors` are the factor returns frame by frame, T × (k − 1); `returns` has length T, NaN where
    /// missing.
    ///
    /// # Panics
    /// The lengths do not match.
    #[must_use]
    pub fn filter(&self, factors: &[f64], returns: &[f64]) -> (Moments, f64) {
        let k = self.coefficients();
        assert_eq!(factors.len(), (k - 1) * returns.len(), "one row of factors per frame");
        let (f, q) = (&self.transition, &self.transition_covariance);
        let (mut m, mut p) = (self.initial_mean.clone(), self.initial_covariance.clone());
        p.fill_lower_triangle_with_upper_triangle();
        let mut x = DVector::repeat(k, 1.0);
        let mut moments = Moments::new(k);
        let mut log_likelihood = 0.0;
        for (t, y) in returns.iter().enumerate() {
            x.as_mut_slice()[1..].copy_from_slice(&factors[t * (k - 1)..(t + 1) * (k - 1)]);
            if t > 0 {
                m = f * m;
                p = f * p * f.transpose() + q;
                p.fill_lower_triangle_with_upper_triangle();
            }
            let (a, r) = (m.clone(), p.clone());
            if !y.is_nan() {
                let px = &p * &x;
                let variance = px.dot(&x) + self.observation_variance;
                let e = y - m.dot(&x);
                let gain = &px / variance;
                m.axpy(e, &gain, 1.0);
                p.ger(-1.0, &gain, &px, 1.0);
                p.fill_lower_triangle_with_upper_triangle();
                log_likelihood -= 0.5 * (libm::log(2.0 * std::f64::consts::PI * variance) + e * e / variance);
            }
            moments.push(m.as_slice(), p.as_slice(), a.as_slice(), r.as_slice());
        }
        (moments, log_likelihood)
    }

    /// Filters and smooths: coefficients of every frame given all frames, as `pykalman` does.
    ///
    /// # Panics
    /// The lengths do not match.
    #[must_use]
    pub fn smooth(&self, factors: &[f64], returns: &[f64]) -> Smoothed {
        self.filter(factors, returns).0.smooth(&self.transition)
    }
}

/// Checks F, k × k.
pub(super) fn check_transition(f: &[f64], k: usize) -> Result<(), Invalid> {
    let finite = f.len() == k * k && f.iter().all(|value| value.is_finite());
    require(finite, "transition", shape(f), "k × k finite numbers, row-major")
}

/// Checks R.
pub(super) fn check_observation_variance(r: f64) -> Result<(), Invalid> {
    require(r > 0.0 && r.is_finite(), "observation_variance", r, "a finite number above 0")
}

/// Checks m_0, length k.
pub(super) fn check_mean(m: &[f64], k: usize) -> Result<(), Invalid> {
    let finite = m.len() == k && m.iter().all(|value| value.is_finite());
    require(finite, "initial_mean", shape(m), "k finite numbers")
}

/// Checks Q or P_0, k × k.
pub(super) fn check_covariance(key: &'static str, p: &[f64], k: usize) -> Result<(), Invalid> {
    let finite = p.len() == k * k && p.iter().all(|value| value.is_finite());
    require(finite, key, shape(p), "k × k finite numbers, row-major")?;
    let matrix = DMatrix::from_row_slice(k, k, p);
    require(asymmetry(&matrix) <= 1e-9, key, format!("{p:?}"), "a symmetric matrix")?;
    let least = least_relative_eigenvalue(&matrix);
    require(least >= -1e-9, key, format!("{p:?}"), "a matrix without negative eigenvalues")
}

fn shape(values: &[f64]) -> String {
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => format!("{} numbers, one of them {value}", values.len()),
        None => format!("{} numbers", values.len()),
    }
}
