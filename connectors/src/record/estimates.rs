//! Tables of the estimator: betas of each frame, and the quality of the forecasts by instrument.

use std::sync::Arc;

use betaflow_engine::model::{CalibrationFacts, EmFit, Estimates};
use betaflow_engine::time::TimestampNs;

use super::declare::tables;

tables! {
    /// One row per instrument with a return so far, on the frames that `record.betas` selects: by default the last of each
    /// month (UTC dates) and the last of all, in a replay from the first rebalance on. The coefficients of a row are from
    /// after its frame; the forecast of the row is by the coefficients from before it.
    BetaRow in "betas" from (estimates: &Estimates, i: usize) {
        timestamp: TimestampNs = estimates.timestamp, "", "Close of the frame's bars.";
        seq: u64 = estimates.seq, "", "Number of the frame.";
        symbol: Arc<str> = Arc::clone(&estimates.names[i]), "", "Instrument.";
        alpha: f64 = estimates.alpha[i], "return per frame", "Posterior mean of alpha, after the frame.";
        betas: Vec<f64> as "{factor}" = (0..estimates.loadings()).map(|factor| estimates.betas_on(factor)[i]), "return per factor return", "Posterior mean of the beta, after the frame; null for a group that has no factor.";
        forecast_mean: f64 = estimates.forecast_mean[i], "return per frame", "Forecast of the frame's return, given its factor returns and the posterior from before the frame.";
        forecast_sd: f64 = estimates.forecast_sd[i], "return per frame", "Standard deviation of the forecast; infinite for two degrees of freedom or fewer.";
        forecast_dof: f64 = estimates.forecast_dof[i], "", "Degrees of freedom of the forecast; infinite if its distribution is normal.";
        forecast_error: f64 = estimates.forecast_error[i], "return per frame", "Return less forecast; null without a return.";
        residual_sd: f64 = estimates.observation_var[i].sqrt(), "return per frame", "Standard deviation of the observation noise, after the frame.";
        sd: Vec<f64> as "{coefficient}_sd" = (0..=estimates.loadings()).map(|coefficient| estimates.sd_of(coefficient)[i]), "as the coefficient", "Posterior standard deviation of the coefficient, after the frame.";
    }

    /// One row per instrument: quality of its one-step forecasts. Null where a figure is not defined.
    InstrumentRow in "instruments" from (name: &Arc<str>, facts: &CalibrationFacts) {
        symbol: Arc<str> = Arc::clone(name), "", "Instrument.";
        forecasts: u64 = facts.forecasts, "", "Forecasts scored.";
        hedged_r2: f64 = facts.hedged_r2.unwrap_or(f64::NAN), "share", "1 - sum of squared errors / sum of squared returns.";
        nis: f64 = facts.nis.unwrap_or(f64::NAN), "", "Normalised innovation squared: mean squared error over forecast variance.";
        autocorrelation: f64 = facts.autocorrelation.unwrap_or(f64::NAN), "", "Autocorrelation of the standardised errors at lag 1.";
        coverage_50: f64 = facts.coverage[0].unwrap_or(f64::NAN), "share", "Returns inside the central 50 % interval.";
        coverage_90: f64 = facts.coverage[1].unwrap_or(f64::NAN), "share", "Returns inside the central 90 % interval.";
        coverage_95: f64 = facts.coverage[2].unwrap_or(f64::NAN), "share", "Returns inside the central 95 % interval.";
        log_predictive_density: f64 = facts.log_predictive_density.unwrap_or(f64::NAN), "nats per return", "Mean log predictive density.";
        baseline_log_predictive_density: f64 = facts.baseline_log_predictive_density.unwrap_or(f64::NAN), "nats per return", "Mean log predictive density of a forecast without factors.";
        share_in_alarm: f64 = facts.share_in_alarm.unwrap_or(f64::NAN), "share", "Forecasts during an alarm.";
        alarm: Option<Arc<str>> = facts.alarm.map(|alarm| Arc::from(alarm.name())), "", "Alarm at the end of the run; null without one.";
    }

    /// One row per instrument and frame, of `estimate --smooth`: coefficients given all frames, before and after the row's.
    SmoothedRow in "smoothed" from (of: RowOf<'_>, mean: &[f64], deviations: impl Iterator<Item = f64>) {
        timestamp: TimestampNs = of.timestamp, "", "Close of the frame's bars.";
        seq: u64 = of.seq, "", "Number of the frame.";
        symbol: Arc<str> = Arc::from(of.symbol), "", "Instrument.";
        mean: Vec<f64> as "{coefficient}" = mean.iter().copied(), "as the coefficient", "Mean of the coefficient given all frames.";
        sd: Vec<f64> as "{coefficient}_sd" = deviations, "as the coefficient", "Standard deviation of the coefficient given all frames.";
    }

    /// One row per instrument, of `estimate --em`: the fitted state-space model. The initial state is from
    /// before the first frame. Null if no model could be fitted.
    ParametersRow in "parameters" from (symbol: &str, fitted: Option<&EmFit>) {
        symbol: Arc<str> = Arc::from(symbol), "", "Instrument.";
        steps: u64 = fitted.map_or(0, |fitted| fitted.log_likelihood.len().saturating_sub(1) as u64), "", "EM steps.";
        converged: bool = fitted.is_some_and(|fitted| fitted.converged), "", "True if the tolerance was reached before the limit of steps.";
        log_likelihood_first: f64 = fitted.and_then(|fitted| fitted.log_likelihood.first().copied()).unwrap_or(f64::NAN), "nats", "Log-likelihood of the initial parameters.";
        log_likelihood: f64 = fitted.and_then(|fitted| fitted.log_likelihood.last().copied()).unwrap_or(f64::NAN), "nats", "Log-likelihood of the fitted parameters.";
        observation_variance: f64 = fitted.map_or(f64::NAN, |fitted| fitted.parameters.observation_variance), "", "Observation variance R.";
        q: Vec<f64> as "q_{pair}" = upper_triangle(fitted.map(|fitted| fitted.parameters.transition_covariance.as_slice())), "", "Transition covariance Q, upper triangle.";
        m0: Vec<f64> as "m0_{coefficient}" = fitted.into_iter().flat_map(|fitted| fitted.parameters.initial_mean.iter().copied()), "", "Mean of the initial state.";
        p0: Vec<f64> as "p0_{pair}" = upper_triangle(fitted.map(|fitted| fitted.parameters.initial_covariance.as_slice())), "", "Covariance of the initial state, upper triangle.";
    }

    /// One row per instrument and frame, of `estimate --compare rolling`: least squares over the last 252 days. The
    /// coefficients of a row are from before its frame, unlike those of `betas`.
    RollingRow in "rolling" from (of: RowOf<'_>, coefficients: &[f64], forecast: f64, error: f64) {
        timestamp: TimestampNs = of.timestamp, "", "Close of the frame's bars.";
        seq: u64 = of.seq, "", "Number of the frame.";
        symbol: Arc<str> = Arc::from(of.symbol), "", "Instrument.";
        coefficients: Vec<f64> as "{coefficient}" = coefficients.iter().copied(), "as the coefficient", "Coefficient, from before the frame.";
        forecast_mean: f64 = forecast, "return per frame", "Forecast of the frame's return with these coefficients.";
        forecast_error: f64 = error, "return per frame", "Return less forecast.";
    }
}

/// Instrument and frame of a row.
#[derive(Clone, Copy, Debug)]
pub struct RowOf<'a> {
    /// Close of the frame's bars.
    pub timestamp: TimestampNs,
    /// Number of the frame.
    pub seq: u64,
    /// Instrument.
    pub symbol: &'a str,
}

/// Upper triangle of a square matrix, by rows; empty without a matrix.
fn upper_triangle(matrix: Option<&[f64]>) -> Vec<f64> {
    let matrix = matrix.unwrap_or_default();
    let k = matrix.len().isqrt();
    (0..k).flat_map(|a| matrix[a * k + a..(a + 1) * k].iter().copied()).collect()
}
