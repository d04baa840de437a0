//! Construction of the estimator that the settings select.

use super::dlm::Dlm;
use super::estimator::Estimator;
use super::fixed::FixedEstimator;
use super::mixture::Mixture;
use super::settings::{EstimatorKind, EstimatorSettings};
use super::vendor::VendorModel;
use crate::settings::{Calendar, Invalid};

/// Builds the estimator that the settings select, for `factors` factors.
///
/// # Errors
/// Fails if a required number is not set.
pub fn estimator(
    settings: &EstimatorSettings,
    calendar: &Calendar,
    factors: usize,
) -> Result<Box<dyn Estimator>, Invalid> {
    Ok(match settings.kind {
        EstimatorKind::Dlm => Box::new(Dlm::new(settings, calendar, factors)),
        EstimatorKind::Mixture => Box::new(Mixture::new(settings, calendar, factors)),
        EstimatorKind::Given => Box::new(VendorModel::new(settings, calendar, factors)),
        EstimatorKind::Fixed => Box::new(FixedEstimator::new(settings, calendar, factors)?),
    })
}
