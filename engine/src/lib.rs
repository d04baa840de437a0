//! The engine of betaflow.
pub mod assembly;
pub mod frame;
pub mod source;
