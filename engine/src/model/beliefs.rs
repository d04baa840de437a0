//! What the estimate stage says of one frame.

use crate::frame::TimestampNs;
use crate::names::Names;

/// The estimator's output for a frame: the forecast it had made of the frame, and its state after it.
///
/// Columns have length n in engine order; an instrument without a return so far has NaN everywhere.
/// The columns are filled only where `complete` says so: on frames that decide or are recorded.
#[derive(Clone, Debug, Default)]
pub struct Beliefs {
    /// Number of the frame.
    pub seq: u64,
    /// When its bars closed.
    pub timestamp: TimestampNs,
    /// Names of the instruments in engine order.
    pub names: Names,
    /// Factor returns of the frame, length k; NaN where it has none.
    pub factors: Vec<f64>,
    /// Whether the warm-up is over and the schedule has this frame decide.
    pub decides: bool,
    /// Whether the columns below are filled.
    pub complete: bool,
    /// Posterior mean of alpha.
    pub alpha: Vec<f64>,
    /// Posterior mean of the betas: factor j of instrument i at `j * n + i`.
    pub betas: Vec<f64>,
    /// S, the estimate of the observation variance.
    pub observation_var: Vec<f64>,
    /// Degrees of freedom of S.
    pub dof: Vec<f64>,
    /// Which of `scaled_prior_cov` is the instrument's.
    pub group: Vec<u32>,
    /// R* for the next frame, the prior scaled covariance of (alpha, betas), (k+1)² values a group.
    pub scaled_prior_cov: Vec<f64>,
    /// f: the forecast of this frame's return, given its factors and the posterior before it.
    pub forecast_mean: Vec<f64>,
    /// Standard deviation of that forecast (of the t, not its scale; infinite below 2 dof).
    pub forecast_sd: Vec<f64>,
    /// Degrees of freedom of that forecast.
    pub forecast_dof: Vec<f64>,
    /// e = y − f; NaN where the return is missing.
    pub forecast_error: Vec<f64>,
}

impl Beliefs {
    /// Number of instruments.
    #[must_use]
    pub fn instruments(&self) -> usize {
        self.alpha.len()
    }

    /// Betas on factor j, length n.
    #[must_use]
    pub fn betas_on(&self, factor: usize) -> &[f64] {
        let n = self.instruments();
        &self.betas[factor * n..(factor + 1) * n]
    }

    /// R* of the instrument's group, row-major (k+1)².
    #[must_use]
    pub fn prior_cov_of(&self, instrument: usize) -> &[f64] {
        let size = (self.factors.len() + 1) * (self.factors.len() + 1);
        let start = self.group[instrument] as usize * size;
        &self.scaled_prior_cov[start..start + size]
    }

    /// Whether the instrument has had a return.
    #[must_use]
    pub fn started(&self, instrument: usize) -> bool {
        self.group[instrument] != u32::MAX
    }

    /// Takes the forecast back: the frame had no factors, so none was made of it.
    pub fn clear_forecast(&mut self) {
        for column in
            [&mut self.forecast_mean, &mut self.forecast_sd, &mut self.forecast_dof, &mut self.forecast_error]
        {
            column.fill(f64::NAN);
        }
    }

    /// Brings columns that were laid out for fewer instruments to n: a frame can list an instrument and
    /// have no factors to estimate it by.
    pub fn pad(&mut self, n: usize) {
        let (known, k) = (self.instruments(), self.factors.len());
        if known == n {
            return;
        }
        let mut betas = Vec::with_capacity(n * k);
        for factor in 0..k {
            betas.extend_from_slice(self.betas_on(factor));
            betas.resize((factor + 1) * n, f64::NAN);
        }
        self.betas = betas;
        self.group.resize(n, u32::MAX);
        for column in [
            &mut self.alpha,
            &mut self.observation_var,
            &mut self.dof,
            &mut self.forecast_mean,
            &mut self.forecast_sd,
            &mut self.forecast_dof,
            &mut self.forecast_error,
        ] {
            column.resize(n, f64::NAN);
        }
    }

    /// Lays out the columns for n instruments, all NaN.
    pub fn reset(&mut self, n: usize) {
        let k = self.factors.len();
        for (column, length) in [
            (&mut self.alpha, n),
            (&mut self.betas, n * k),
            (&mut self.observation_var, n),
            (&mut self.dof, n),
            (&mut self.forecast_mean, n),
            (&mut self.forecast_sd, n),
            (&mut self.forecast_dof, n),
            (&mut self.forecast_error, n),
        ] {
            column.clear();
            column.resize(length, f64::NAN);
        }
        self.group.clear();
        self.group.resize(n, u32::MAX);
        self.scaled_prior_cov.clear();
    }
}
