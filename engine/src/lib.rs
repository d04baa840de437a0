//! The engine of betaflow.
pub mod assembly;
pub mod execution;
pub mod frame;
pub mod ledger;
pub mod metrics;
pub mod model;
pub mod names;
pub mod pipeline;
pub mod portfolio;
pub mod settings;
pub mod source;
pub mod strategy;
