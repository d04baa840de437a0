//! The Kalman filter with given parameters, and what looks back on it: smoothing and EM.

mod em;
mod filter;
mod kernel;
mod matrix;
mod own;
mod parameters;
mod shared;
mod smoother;
mod start;
mod state_space;

pub use em::{Em, Fitted};
pub use filter::Fixed;
pub use parameters::{FixedParameters, PerInstrument};
pub use smoother::{Moments, Smoothed};
pub use state_space::StateSpace;
