//! What every estimator does, whatever its model.

use super::calibration::CalibrationFacts;
use super::dlm::Dlm;
use super::estimates::Estimates;
use super::fixed::FixedEstimator;
use super::mixture::Mixture;
use super::settings::{EstimatorKind, EstimatorSettings};
use crate::settings::{Calendar, Invalid};
use crate::state::StateError;

/// An online filter of alpha and factor betas for all instruments.
pub trait Estimator: Send {
    /// One frame: forecast the returns given the frame's factors, then learn from them.
    ///
    /// `factors` has length k, all finite; `returns` has length n in engine order, NaN where missing,
    /// and n never shrinks. `score` says whether the frame counts in [`Self::facts`].
    fn step(&mut self, factors: &[f64], returns: &[f64], score: bool);

    /// Writes the forecast of the last frame and the state after it, into estimates of which `factors` and
    /// `decides` are set.
    fn write(&mut self, estimates: &mut Estimates);

    /// How well it has forecast so far.
    fn facts(&self) -> EstimatorFacts;

    /// All that the frames so far have made of it.
    ///
    /// # Errors
    /// It cannot be written down.
    fn save(&self) -> Result<Vec<u8>, StateError>;

    /// Becomes what was saved; to the bit, what comes after is as if it had seen those frames itself.
    ///
    /// # Errors
    /// The bytes are no state of such an estimator under the same settings. It is then as it was.
    fn load(&mut self, state: &[u8]) -> Result<(), StateError>;
}

/// The estimator that the settings name, for `factors` factors.
///
/// # Errors
/// A number that it has to be given is not.
pub fn estimator(
    settings: &EstimatorSettings,
    calendar: &Calendar,
    factors: usize,
) -> Result<Box<dyn Estimator>, Invalid> {
    Ok(match settings.kind {
        EstimatorKind::Dlm => Box::new(Dlm::new(settings, calendar, factors)),
        EstimatorKind::Mixture => Box::new(Mixture::new(settings, calendar, factors)),
        EstimatorKind::Fixed => Box::new(FixedEstimator::new(settings, calendar, factors)?),
    })
}

/// Quality of the forecasts, over all frames scored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EstimatorFacts {
    /// Over all instruments.
    pub total: CalibrationFacts,
    /// Of each instrument, in engine order.
    pub instruments: Vec<CalibrationFacts>,
    /// Groups of instruments with the same observation history, at the end.
    pub groups: u64,
    /// Instruments in the largest of them.
    pub largest_group: u64,
}
