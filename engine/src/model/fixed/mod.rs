//! Kalman filter with given parameters, and EM, which estimates them.
//!
//! In the pipeline F = I, and Q, R and P₀ are settings; an instrument starts at its first
//! return. Instruments with the same parameters and no missed frame share one covariance
//! (`common_covariance.rs`). All others are filtered eight at a time (`kernel.rs`). The update of many means
//! by one gain is in `model/lanes/one_gain.rs`, which `dlm` uses as well.

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
pub use estimator::{FirstFrame, FixedEstimator};
pub use filter::Fixed;
pub use parameters::{FixedParameters, PerInstrument};
pub use state_space::StateSpace;
