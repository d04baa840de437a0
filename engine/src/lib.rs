//! The engine of betaflow.
pub mod frame;
pub mod source;
