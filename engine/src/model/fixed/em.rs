//! Q, R and the prior from data: expectation–maximisation (Shumway & Stoffer 1982).

use super::matrix::{self, transposed};
use super::smoother::Moments;
use super::state_space::StateSpace;
use crate::settings::{Invalid, require};

/// How far to iterate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Em {
    /// At most so many steps.
    pub steps: usize,
    /// Stops when a step changes the log-likelihood by less than this share of it; 0 for all the steps.
    pub tolerance: f64,
}

impl Default for Em {
    fn default() -> Self {
        Self { steps: 100, tolerance: 1e-6 }
    }
}

/// What EM has found.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// The parameters after the last step.
    pub parameters: StateSpace,
    /// Log-likelihood of the start, and after each step: never decreasing but for rounding.
    pub log_likelihood: Vec<f64>,
    /// Whether the tolerance was reached before the steps ran out.
    pub converged: bool,
}

impl Em {
    /// Fits Q, R, m_0 and P_0 to the history of one instrument, starting at `start` and keeping its F: what
    /// `pykalman.em` estimates unless told otherwise. Frames without a return enter by their smoothed
    /// coefficients and not into R.
    ///
    /// `factors` are T × (k − 1), `returns` have length T, NaN where there is none. An R that would vanish, or a
    /// history without a return, ends the fit before that step.
    ///
    /// # Errors
    /// Where a parameter of `start`, or the tolerance, is out of its range.
    ///
    /// # Panics
    /// Where the lengths do not fit together.
    pub fn fit(&self, start: &StateSpace, factors: &[f64], returns: &[f64]) -> Result<Fitted, Invalid> {
        start.check()?;
        let tolerance = self.tolerance;
        require(tolerance >= 0.0, "tolerance", tolerance, "a number of at least 0")?;
        let mut parameters = start.clone();
        let (mut moments, first) = parameters.filter(factors, returns);
        let mut log_likelihood = vec![first];
        let mut converged = false;
        for _ in 0..self.steps {
            let Some(next) = maximise(&parameters, &moments, factors, returns) else {
                break;
            };
            let (next_moments, now) = next.filter(factors, returns);
            let before = log_likelihood.last().copied().unwrap_or(first);
            (parameters, moments) = (next, next_moments);
            log_likelihood.push(now);
            if (now - before).abs() < tolerance * now.abs() {
                converged = true;
                break;
            }
        }
        Ok(Fitted { parameters, log_likelihood, converged })
    }
}

/// One step: the parameters that maximise the expected log-likelihood of coefficients and returns under `now`.
///
/// In terms of smoothed disturbances (Koopman 1993; Durbin & Koopman 4.4, 4.5, 7.3.4): backwards over the frames
/// go r and N, the gradient and the information of later returns at a_t, and
/// Q ← Q + Q mean(r r' − N) Q, R ← R + R² mean(u² − D), m_0 ← a_0 + R_0 r, P_0 ← R_0 − R_0 N R_0.
/// The same step by way of smoothed and lag-one covariances, as `pykalman` takes it, subtracts large matrices:
/// after five steps on daily returns its Q has three digits. This has all of them, and inverts nothing.
fn maximise(now: &StateSpace, moments: &Moments, factors: &[f64], returns: &[f64]) -> Option<StateSpace> {
    let (k, frames) = (now.coefficients(), returns.len());
    let to_last = transposed(&now.transition, k);
    let observation_variance = now.observation_variance;
    let mut x = vec![1.0; k];
    let (mut r, mut n) = (vec![0.0; k], vec![0.0; k * k]);
    let mut moved = vec![0.0; k * k];
    let (mut scattered, mut count) = (0.0, 0.0);
    for t in (0..frames).rev() {
        if t + 1 < frames {
            // r_t and N_t are of θ_{t+1}: what the disturbance between the two frames is told.
            for i in 0..k {
                for j in i..k {
                    moved[i * k + j] += r[i] * r[j] - n[i * k + j];
                }
            }
            r = matrix::times_vector(&to_last, &r);
            n = matrix::congruence(&to_last, &n, k);
        }
        if returns[t].is_nan() {
            continue;
        }
        x[1..].copy_from_slice(&factors[t * (k - 1)..(t + 1) * (k - 1)]);
        let px = matrix::times_vector(moments.prior_covariance(t), &x);
        let q = matrix::dot(&px, &x) + observation_variance;
        let gain: Vec<f64> = px.iter().map(|px| px / q).collect();
        let ng = matrix::times_vector(&n, &gain);
        let u = (returns[t] - matrix::dot(moments.prior_mean(t), &x)) / q - matrix::dot(&gain, &r);
        let d = 1.0 / q + matrix::dot(&gain, &ng);
        scattered += u * u - d;
        count += 1.0;
        // L = I − A x': r ← x e/q + L'r = r + x u, N ← x x'/q + L'N L = N − x (NA)' − (NA) x' + x x' D.
        for i in 0..k {
            r[i] += x[i] * u;
            for j in i..k {
                n[i * k + j] += x[i] * x[j] * d - (x[i] * ng[j] + ng[i] * x[j]);
            }
        }
        matrix::mirror(&mut n, k);
    }
    let squared = observation_variance * observation_variance;
    let observation_variance = observation_variance + squared * scattered / count;
    if !(observation_variance > 0.0 && observation_variance.is_finite()) {
        return None;
    }
    matrix::mirror(&mut moved, k);
    // One frame says nothing of how coefficients move.
    let mut transition_covariance = now.transition_covariance.clone();
    if frames > 1 {
        let change = matrix::congruence(&now.transition_covariance, &moved, k);
        for (q, change) in transition_covariance.iter_mut().zip(change) {
            *q += change / (frames - 1) as f64;
        }
    }
    let (mut initial_mean, mut initial_covariance) =
        (now.initial_mean.clone(), now.initial_covariance.clone());
    for (m, change) in initial_mean.iter_mut().zip(matrix::times_vector(&now.initial_covariance, &r)) {
        *m += change;
    }
    let known = matrix::congruence(&now.initial_covariance, &n, k);
    for (p, known) in initial_covariance.iter_mut().zip(known) {
        *p -= known;
    }
    matrix::mirror(&mut initial_covariance, k);
    matrix::mirror(&mut transition_covariance, k);
    let transition = now.transition.clone();
    Some(StateSpace {
        transition,
        transition_covariance,
        observation_variance,
        initial_mean,
        initial_covariance,
    })
}
