//! Engine of betaflow: estimation, sizing, execution and accounting, without input or output.
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
//! | [`frame`], [`source`], [`assembly`] | market data: the bars of one timestamp as columns in engine order |
//! | [`dated`], [`groups`] | values of instruments that hold from a date on; groups such as sectors |
//! | [`membership`] | spells of membership of the universe |
//! | [`model`] | online estimation of alpha and factor betas (West & Harrison) |
//! | [`portfolio`] | factor risk, Kelly sizing, limits |
//! | [`execution`] | orders, fills, costs, the account |
//! | [`ledger`], [`metrics`] | record of each frame, its digest, performance figures |
//! | [`range`] | range of valid numbers, and the effect of values outside it |
//! | [`quality`] | data-quality checks |
//! | [`risk`] | comparison of risk models out of sample |
//! | [`signal`] | forecasts of a user: predictive power of a signal |
//! | [`validation`] | tuning out-of-sample, multiple testing |
//! | [`state`] | state of a run between frames, as bytes |
//! | [`strategy`] | interface of strategies |
//! | [`warning`] | warnings about data and estimates, as data |
//! | [`sweep`] | comparison of runs that differ by their settings |
//! | [`world`] | stressed environments: costs, feed gaps and resampled paths |
//! | [`pipeline`] | stages, bounded channels, threads: the only module that uses threads |
//!
//! The engine reads no clock, no file and no environment variable, and no output depends on the order of a
//! hash map. Its output is a function of data, settings and version; no output at time t depends on data
//! after t; every placement of stages on threads gives the same bits.

// Compiles and runs the Rust example of the FAQ as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../../replay/docs/faq.md")]
pub struct Faq;

pub mod assembly;
pub mod dated;
mod distributions;
pub mod execution;
pub mod frame;
pub mod groups;
pub mod ledger;
mod linalg;
pub mod membership;
pub mod metrics;
pub mod model;
pub mod names;
mod percentile;
pub mod pipeline;
pub mod portfolio;
pub mod processor;
pub mod quality;
pub mod random;
pub mod range;
pub mod risk;
pub mod settings;
pub mod signal;
pub mod source;
pub mod state;
pub mod strategy;
pub mod sweep;
pub mod time;
pub mod validation;
pub mod warning;
pub mod world;
