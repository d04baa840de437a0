//! The Kalman filter with given parameters, and EM, which estimates them.

mod common_covariance;
mod em;
mod estimator;
mod filter;
mod initial;
mod kernel;
mod parameters;
mod per_instrument;
mod state_space;

pub use em::{Em, EmFit};
pub use estimator::FixedEstimator;
pub use filter::Fixed;
pub use parameters::{FixedParameters, PerInstrument};
pub use state_space::StateSpace;
