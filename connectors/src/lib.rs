//! Sources of market data, live feeds, and the record of a run.
//!
//! ```text
//! files ─▶ plan ─▶ cursors ─▶ merge by time ─▶ engine::assembly ─▶ frames
//!                                     factor file ─▶ join ──▲
//! ```
//!
//! The adapter of a live venue (`ticks`) parses text into events and uses no socket:
//!
//! ```text
//! message ─▶ Venue::parse ─▶ events ─▶ Bars ─▶ bars of closed intervals
//! ```
//!
//! Connectors read data and locate each row; the engine defines frames. Every error names the place (file,
//! row, column), the finding, the expectation and the remedy.

pub mod clock;
mod data_warnings;
mod did_you_mean;
mod files;
pub mod import;
mod iso_time;
mod links;
pub mod live;
pub mod parquet;
mod progress;
pub mod record;
mod risk_free;
mod sections;
pub mod store;
pub mod ticks;
pub mod tutorial;
mod user_data;

pub use did_you_mean::{hint, nearest, question};
pub use files::read_text;
pub use parquet::{DataError, DataPlace, NamedColumn, Place};
pub use progress::Progress;
pub use sections::Sections;
pub use user_data::WithUserData;
