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
//! message ─▶ Venue::parse ─▶ events ─▶ Bars ─▶ bars that closed together
//! ```
//!
//! A connector does the reading and knows where each row stands; what a frame is, is the engine's affair.
//! Every error says where (file, row, column), what was found, what was expected and what to do.

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
