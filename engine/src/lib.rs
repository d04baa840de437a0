//! The engine of betaflow: everything that decides, and nothing that reads or writes.
//!
//! ```text
//!             frames                estimates              decisions             ledger
//!  source ──────────────▶ estimate ──────────▶ size ──────────────▶ execute ──────────▶ record
//!     │                                         ▲ ◀───────────────────┘  ▲
//!     │                                         portfolio after frame t  │
//!     └───────────────────────── the same frames ────────────────────────┘
//! ```
//!
//! | module | concept |
//! |---|---|
//! | [`frame`], [`source`], [`assembly`] | market data: one timestamp's bars as columns in engine order |
//! | [`model`] | online estimation of alpha and factor betas (West & Harrison) |
//! | [`portfolio`] | factor risk, Kelly, limits |
//! | [`execution`] | orders, fills, costs, the account |
//! | [`ledger`], [`metrics`] | what happened, its digest, what it was worth |
//! | [`range`] | numbers that a run computes with, and what happens beyond them |
//! | [`quality`] | whether the data is fit for research |
//! | [`validation`] | tuning without hindsight, and how much of a result is luck |
//! | [`state`] | what a run carries from frame to frame, as bytes |
//! | [`strategy`] | what a strategy is |
//! | [`warning`] | facts that change how results are to be read, as data |
//! | [`sweep`] | many runs that differ by their settings, side by side |
//! | [`world`] | stressed worlds: costs, feeds and paths that are not those of the data |
//! | [`pipeline`] | stages, bounded channels, threads: the only module that knows them |
//!
//! The engine reads no clock, no file and no environment variable, and has no map whose order shows. Its
//! output is a function of data, settings and version; no output at time t depends on data after t; every
//! placement of stages on threads gives the same bits.

// The Rust of the README is compiled and run with the documentation's tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

pub mod assembly;
mod distributions;
pub mod execution;
pub mod frame;
pub mod ledger;
mod linalg;
pub mod metrics;
pub mod model;
pub mod names;
mod percentile;
pub mod pipeline;
pub mod portfolio;
pub mod quality;
pub mod random;
pub mod range;
pub mod settings;
pub mod source;
pub mod state;
pub mod strategy;
pub mod sweep;
pub mod time;
pub mod validation;
pub mod warning;
pub mod world;
