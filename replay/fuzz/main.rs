//! Fuzz targets of the program; `connectors/fuzz/harness/mod.rs` says how they run.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../connectors/fuzz/harness/mod.rs"]
mod harness;

mod checkpoints;
mod configuration;
mod dashboard;
mod folders;
mod sealed;
