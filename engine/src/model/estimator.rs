//! What every estimator does, whatever its model.

use super::beliefs::Beliefs;

/// An online filter of alpha and factor betas for all instruments.
pub trait Estimator: Send {
    /// One frame: forecast the returns given the frame's factors, then learn from them.
    ///
    /// `factors` has length k, all finite; `returns` has length n in engine order, NaN where missing,
    /// and n never shrinks. `score` says whether the frame counts in [`Self::facts`].
    fn step(&mut self, factors: &[f64], returns: &[f64], score: bool);

    /// Writes the forecast of the last frame and the state after it.
    fn write(&mut self, beliefs: &mut Beliefs);

    /// How well it has forecast so far.
    fn facts(&self) -> EstimatorFacts;
}

/// Quality of the forecasts, over all instruments and all frames scored.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EstimatorFacts {
    /// Forecasts scored.
    pub forecasts: u64,
    /// 1 − Σ error² / Σ return².
    pub hedged_r2: Option<f64>,
    /// Mean log predictive density of a return.
    pub mean_log_predictive_density: Option<f64>,
    /// Groups of instruments with the same observation history, at the end.
    pub groups: u64,
    /// Instruments in the largest of them.
    pub largest_group: u64,
}
