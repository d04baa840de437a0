//! Q, R and the prior from data: expectation–maximisation (Shumway & Stoffer 1982).

use super::matrix;
use super::smoother::Smoothed;
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
    /// `pykalman.em` estimates unless told otherwise, in the same order. Frames without a return enter by
    /// their smoothed coefficients and not into R.
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
            let smoothed = moments.smooth(&parameters.transition);
            let Some(next) = maximise(&parameters, &smoothed, factors, returns) else {
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

/// The M step: parameters that maximise the expected log-likelihood of coefficients and returns.
fn maximise(now: &StateSpace, smoothed: &Smoothed, factors: &[f64], returns: &[f64]) -> Option<StateSpace> {
    let observation_variance = residual_variance(now.coefficients(), smoothed, factors, returns)?;
    let transition_covariance = innovation_covariance(now, smoothed);
    Some(StateSpace {
        transition: now.transition.clone(),
        transition_covariance,
        observation_variance,
        initial_mean: smoothed.mean(0).to_vec(),
        initial_covariance: smoothed.covariance(0).to_vec(),
    })
}

/// R: the mean of (y − x's)² + x'S x over the returns that are there.
fn residual_variance(k: usize, smoothed: &Smoothed, factors: &[f64], returns: &[f64]) -> Option<f64> {
    let mut x = vec![1.0; k];
    let (mut sum, mut count) = (0.0, 0.0);
    for (t, y) in returns.iter().enumerate().filter(|(_, y)| !y.is_nan()) {
        x[1..].copy_from_slice(&factors[t * (k - 1)..(t + 1) * (k - 1)]);
        let e = y - matrix::dot(&x, smoothed.mean(t));
        let sx = matrix::times_vector(smoothed.covariance(t), &x);
        sum += e * e + matrix::dot(&x, &sx);
        count += 1.0;
    }
    let variance = sum / count;
    (variance.is_finite() && variance > 0.0).then_some(variance)
}

/// Q: the mean of the expected squares of θ_{t+1} − F θ_t,
/// d d' + F S_t F' + S_{t+1} − V F' − F V' with d = s_{t+1} − F s_t and V = Cov(θ_{t+1}, θ_t).
fn innovation_covariance(now: &StateSpace, smoothed: &Smoothed) -> Vec<f64> {
    let (k, f) = (now.coefficients(), &now.transition);
    let mut sum = vec![0.0; k * k];
    let frames = smoothed.frames();
    for t in 1..frames {
        let moved = matrix::times_vector(f, smoothed.mean(t - 1));
        let d: Vec<f64> = smoothed.mean(t).iter().zip(moved).map(|(s, moved)| s - moved).collect();
        let carried = matrix::congruence(f, smoothed.covariance(t - 1), k);
        let cross = matrix::times_transposed(smoothed.lag_one_covariance(t), f, k);
        for i in 0..k {
            for j in i..k {
                let at = i * k + j;
                let spread = carried[at] + smoothed.covariance(t)[at];
                sum[at] += d[i] * d[j] + spread - cross[at] - cross[j * k + i];
            }
        }
    }
    // One frame says nothing of how coefficients move.
    let count = frames.saturating_sub(1);
    if count == 0 {
        return now.transition_covariance.clone();
    }
    for value in &mut sum {
        *value /= count as f64;
    }
    matrix::mirror(&mut sum, k);
    sum
}
