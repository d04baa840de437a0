//! Online estimation of alpha and factor betas, as the textbook has it.
//!
//! Nothing here knows a thread, a channel or a clock. The letters are those of West & Harrison; the
//! table in [`Dlm`] translates them.

mod beliefs;
mod covariance;
mod dlm;
mod estimator;
mod fixed;
mod group;
mod lanes;
mod ln;
mod mixture;
mod returns;
mod rolling;
mod settings;

pub use beliefs::Beliefs;
pub use covariance::{Evolution, ScaledCovariance};
pub use dlm::Dlm;
pub use estimator::{Estimator, EstimatorFacts};
pub use fixed::{Em, Fitted, Fixed, FixedParameters, Moments, PerInstrument, Smoothed, StateSpace};
pub use mixture::Mixture;
pub use returns::Returns;
pub use rolling::RollingRegression;
pub use settings::{EstimatorKind, EstimatorSettings, WindUp};
