//! Sources of market data, live feeds, and the record of a run.
//!
//! ```text
//! files ─▶ plan ─▶ cursors ─▶ merge by time ─▶ engine::assembly ─▶ frames
//!                                     factor file ─▶ join ──▲
//! ```
//!
//! A live venue is text in and events out (`ticks`), without a socket:
//!
//! ```text
//! message ─▶ Venue::parse ─▶ events ─▶ Bars ─▶ bars of closed intervals
//! ```
//!
//! Connectors read data and know the place of each row; the engine defines frames. Every error names place
//! (file, row, column), finding, expectation and remedy.

mod data_warnings;
mod did_you_mean;
mod files;
mod iso_time;
mod links;
pub mod live;
pub mod parquet;
mod progress;
pub mod record;
mod risk_free;
pub mod store;
pub mod ticks;
pub mod tutorial;

pub use did_you_mean::{hint, nearest, question};
pub use files::read_text;
pub use parquet::{DataError, NamedColumn, Place};
pub use progress::Progress;
