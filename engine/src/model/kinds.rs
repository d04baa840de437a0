//! Construction of the estimator that the settings select.

use super::dlm::Dlm;
use super::estimator::Estimator;
use super::fixed::FixedEstimator;
use super::mixture::Mixture;
use super::settings::{EstimatorKind, EstimatorSettings};
use super::vendor::VendorModel;
use crate::settings::{Calendar, Invalid, require};

/// Builds the estimator that the settings select, for `factors` factors.
///
/// # Errors
/// Fails if a required number is not set.
pub fn estimator(
    settings: &EstimatorSettings,
    calendar: &Calendar,
    factors: usize,
) -> Result<Box<dyn Estimator>, Invalid> {
    estimator_with_groups(settings, calendar, factors, 0)
}

/// Builds the estimator that the settings select, for `factors` factors and `columns` columns of groups that make
/// factors ([`Estimator::set_groups`]).
///
/// # Errors
/// Fails if a required number is not set, or the filter has no factors of groups.
pub fn estimator_with_groups(
    settings: &EstimatorSettings,
    calendar: &Calendar,
    factors: usize,
    columns: usize,
) -> Result<Box<dyn Estimator>, Invalid> {
    let kind = settings.kind;
    let takes_groups = matches!(kind, EstimatorKind::Dlm | EstimatorKind::Mixture);
    let expected = "\"mixture\" or \"dlm\", because factors are made of groups";
    require(takes_groups || columns == 0, "kind", format!("{:?}", kind.name()), expected)?;
    Ok(match kind {
        EstimatorKind::Dlm => Box::new(Dlm::with_groups(settings, calendar, factors, columns)),
        EstimatorKind::Mixture => Box::new(Mixture::with_groups(settings, calendar, factors, columns)),
        EstimatorKind::Given => Box::new(VendorModel::new(settings, calendar, factors)),
        EstimatorKind::Fixed => Box::new(FixedEstimator::new(settings, calendar, factors)?),
    })
}
