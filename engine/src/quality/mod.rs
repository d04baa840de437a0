//! Is the data fit for research? What a careful person looks for before believing a backtest.
//!
//! | file | problem |
//! |---|---|
//! | `copies.rs` | bars copied from another day of the same instrument: look-ahead, if the other day is a later one |
//! | `moves.rs`, `ratio.rs` | splits that are not adjusted, bad ticks, returns beyond reason, bad adjustment |
//! | `shape.rs` | bars whose numbers contradict each other or are no prices |
//! | `stale.rs` | a price that stands still while the others move |
//! | `attendance.rs` | days without a row, and tickers that a new company took over |
//! | `alignment.rs` | factors that are a day ahead of the prices, or behind |
//!
//! The [`Inspector`] takes frames in time order and yields [`Finding`]s. It holds a window of past bars for each
//! instrument and a handful of suspicions, never the data. A finding may come a few frames after the row it is about:
//! whether a jump is a split is known when it has not come back.

mod alignment;
mod attendance;
mod copies;
mod finding;
mod history;
mod inspector;
mod moves;
mod ratio;
mod shape;
mod spelling;
mod stale;
mod tally;

pub use alignment::Alignment;
pub use finding::{Finding, Problem};
pub use inspector::{Depth, Inspector};
pub use tally::{Count, Tally};
