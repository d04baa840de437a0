//! Data quality: defects of a panel that make a backtest worthless, and the bid-ask spreads that its bars suggest.
//!
//! | file | problem |
//! |---|---|
//! | `copies.rs` | bars copied from another day of the same instrument: look-ahead, if the other day is a later one |
//! | `moves.rs`, `ratio.rs` | splits that are not adjusted, bad ticks, returns beyond reason, bad adjustment |
//! | `shape.rs` | bars whose numbers contradict each other or are no prices |
//! | `stale.rs` | a price that stands still while the others move |
//! | `inactivity.rs` | prices flat on many days, and dates on which nothing moves |
//! | `identical.rs` | one return series under several symbols |
//! | `units.rs` | times in another unit than the declared one |
//! | `attendance.rs` | days without a row, and tickers that a new company took over |
//! | `spreads.rs` | no problem, but a fact: bid-ask spreads by Corwin & Schultz, Abdi & Ranaldo, and as quoted |
//! | `verdict.rs` | whether the problems found make a backtest meaningless: [`Verdict`] |
//! | `factor_inspector.rs`, `factor_sums.rs` | factors that are a day ahead of the prices, or behind; constant and collinear factors |
//!
//! The [`Inspector`] takes frames in time order and yields [`Finding`]s. It holds a window of past bars for each
//! instrument and a handful of suspicions, never the data. A finding may come a few frames after the row it is about:
//! whether a jump is a split is known when it has not come back.

mod attendance;
mod copies;
mod factor_inspector;
mod factor_sums;
mod finding;
mod history;
mod identical;
mod inactivity;
mod inspector;
mod moves;
mod number;
mod shape;
mod spelling;
mod spreads;
mod stale;
mod tally;
pub(crate) mod units;
mod verdict;

pub use factor_inspector::FactorInspector;
pub use finding::Finding;
pub use inspector::{Depth, Inspector};
pub use spreads::{SpreadEstimates, SpreadInspector};
pub use tally::{Count, Tally};
pub use units::is_change_of_unit;
pub use verdict::Verdict;

pub use crate::warning::Problem;
