//! The model of one instrument, and its filter over a whole history.

use super::matrix;
use super::parameters::FixedParameters;
use super::smoother::{Moments, Smoothed};
use crate::settings::Invalid;

/// The parameters of one instrument; see [`FixedParameters`] for the model and its letters.
#[derive(Clone, Debug, PartialEq)]
pub struct StateSpace {
    /// F, row-major k × k.
    pub transition: Vec<f64>,
    /// Q, row-major k × k.
    pub transition_covariance: Vec<f64>,
    /// R.
    pub observation_variance: f64,
    /// m_0, length k.
    pub initial_mean: Vec<f64>,
    /// P_0, row-major k × k.
    pub initial_covariance: Vec<f64>,
}

impl StateSpace {
    /// What pykalman takes where it is told nothing: F = Q = P_0 = I, R = 1, m_0 = 0.
    #[must_use]
    pub fn standard(k: usize) -> Self {
        Self {
            transition: matrix::identity(k),
            transition_covariance: matrix::identity(k),
            observation_variance: 1.0,
            initial_mean: vec![0.0; k],
            initial_covariance: matrix::identity(k),
        }
    }

    /// k, the number of coefficients.
    #[must_use]
    pub fn coefficients(&self) -> usize {
        self.initial_mean.len()
    }

    /// Checks every shape and range.
    ///
    /// # Errors
    /// The first parameter that is of another size or out of its range.
    pub fn check(&self) -> Result<(), Invalid> {
        FixedParameters::from(self.clone()).check(self.coefficients())
    }

    /// Filters a whole history: the moments of every frame, and the log-likelihood (Gaussian, summed over the
    /// returns that are there).
    ///
    /// `factors` are the frames' factor returns one after another, T × (k − 1); `returns` has length T, NaN
    /// where there is none.
    ///
    /// # Panics
    /// Where the lengths do not fit together.
    #[must_use]
    pub fn filter(&self, factors: &[f64], returns: &[f64]) -> (Moments, f64) {
        let k = self.coefficients();
        assert_eq!(factors.len(), (k - 1) * returns.len(), "one row of factors a frame");
        let (mut m, mut p) = (self.initial_mean.clone(), self.initial_covariance.clone());
        matrix::mirror(&mut p, k);
        let mut x = vec![1.0; k];
        let mut moments = Moments::new(k);
        let mut log_likelihood = 0.0;
        for (t, y) in returns.iter().enumerate() {
            x[1..].copy_from_slice(&factors[t * (k - 1)..(t + 1) * (k - 1)]);
            if t > 0 {
                m = matrix::times_vector(&self.transition, &m);
                p = matrix::congruence(&self.transition, &p, k);
                for (p, q) in p.iter_mut().zip(&self.transition_covariance) {
                    *p += q;
                }
                matrix::mirror(&mut p, k);
            }
            let (a, r) = (m.clone(), p.clone());
            if !y.is_nan() {
                let px = matrix::times_vector(&p, &x);
                let q = matrix::dot(&px, &x) + self.observation_variance;
                let e = y - matrix::dot(&m, &x);
                for i in 0..k {
                    let gain = px[i] / q;
                    m[i] += gain * e;
                    for j in i..k {
                        p[i * k + j] -= gain * px[j];
                    }
                }
                matrix::mirror(&mut p, k);
                log_likelihood -= 0.5 * (libm::log(2.0 * std::f64::consts::PI * q) + e * e / q);
            }
            moments.push(&m, &p, &a, &r);
        }
        (moments, log_likelihood)
    }

    /// Filters and looks back: the coefficients of every frame given all frames, as `pykalman` smooths.
    ///
    /// # Panics
    /// As [`Self::filter`].
    #[must_use]
    pub fn smooth(&self, factors: &[f64], returns: &[f64]) -> Smoothed {
        self.filter(factors, returns).0.smooth(&self.transition)
    }
}
