//! Interface of all estimators.

use super::calibration::CalibrationFacts;
use super::estimates::Estimates;
use crate::frame::CrossSection;
use crate::groups::GroupColumn;
use crate::state::StateError;

/// Online filter of alpha and factor betas for all instruments.
pub trait Estimator: Send {
    /// Processes one frame: forecasts the returns given the frame's factors, then updates from them.
    ///
    /// `factors` has length k, all finite; `returns` has length n in engine order, NaN where missing, and n
    /// never shrinks. `score`: true if the frame counts in [`Self::facts`].
    fn step(&mut self, factors: &[f64], returns: &[f64], score: bool);

    /// Writes the forecast of the last frame and the state after it into `estimates`, whose `factors` and
    /// `decides` are set.
    fn write(&mut self, estimates: &mut Estimates);

    /// Takes the groups of the instruments in the next frame, and the returns of their factors, before [`Self::step`]:
    /// those of all columns that make factors, as many as the estimator was made for. `of` has length n.
    fn set_groups(&mut self, groups: &[GroupColumn]) {
        let _ = groups;
    }

    /// Takes a vendor's betas that become known on the last frame, after [`Self::step`].
    fn give(&mut self, betas: &CrossSection) {
        let _ = betas;
    }

    /// Quality of the forecasts so far.
    fn facts(&self) -> EstimatorFacts;

    /// Serializes the complete state after the frames so far.
    ///
    /// # Errors
    /// Fails if the state cannot be serialized.
    fn save(&self) -> Result<Vec<u8>, StateError>;

    /// Restores a saved state; all later results equal those of an uninterrupted run bit by bit.
    ///
    /// # Errors
    /// Fails if the bytes are not the state of the same kind of estimator under the same settings. The
    /// estimator is then unchanged.
    fn load(&mut self, state: &[u8]) -> Result<(), StateError>;
}

/// Quality of the forecasts over all scored frames.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EstimatorFacts {
    /// Calibration over all instruments.
    pub total: CalibrationFacts,
    /// Calibration of each instrument, in engine order.
    pub instruments: Vec<CalibrationFacts>,
    /// Number of groups of instruments with the same observation history, at the end.
    pub groups: u64,
    /// Number of instruments in the largest group.
    pub largest_group: u64,
}
