//! The Kalman filter with given parameters, and what looks back on it: smoothing and EM.

mod common_covariance;
mod em;
mod estimator;
mod filter;
mod initial;
mod kernel;
mod matrix;
mod parameters;
mod per_instrument;
mod smoother;
mod state_space;

pub use em::{Em, Fitted};
pub use estimator::FixedEstimator;
pub use filter::Fixed;
pub use parameters::{FixedParameters, PerInstrument};
pub use smoother::{Moments, Smoothed};
pub use state_space::StateSpace;
