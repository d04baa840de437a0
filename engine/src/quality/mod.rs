//! Data quality: defects of a panel that make a backtest worthless, and the bid-ask spreads that its bars
//! suggest.
//!
//! | file | problem |
//! |---|---|
//! | `copies.rs` | bars copied from another day of the same instrument: look-ahead, if the other day is a later one |
//! | `moves.rs` | splits that are not adjusted, bad ticks, implausible returns, bad adjustment |
//! | `shape.rs` | bars whose numbers contradict each other or are no prices |
//! | `stale.rs` | a price that stays the same while the others move |
//! | `inactivity.rs` | prices flat on many days, and dates on which nothing moves |
//! | `identical.rs` | one return series under several symbols |
//! | `spelling.rs` | symbols that differ only by white space or by case |
//! | `units.rs` | times in another unit than the declared one |
//! | `attendance.rs` | days without a row, and tickers that a new company took over |
//! | `spreads.rs` | no problem, but a fact: bid-ask spreads by Corwin & Schultz, Abdi & Ranaldo, and as quoted |
//! | `verdict.rs` | verdict on the panel: [`Verdict`] |
//! | `factor_inspector.rs`, `factor_sums.rs` | factors a day ahead of the prices or behind them; constant and collinear factors |
//!
//! The [`Inspector`] takes frames in time order and yields [`Finding`]s. It holds a window of past bars for
//! each instrument and a few open suspicions, never the data. A finding may come a few frames after its row: a
//! jump has three bars to come back, and a copied bar is judged with the gap after it.
//!
//! Two callers: `betaflow check` reads whole bars unchecked (`Wanted::checked`), and the source hands over the
//! rows that it refuses (`BadRow::Report`). `SourceStage` inspects every frame of a run and makes one warning
//! per kind of problem. For that, a replay of daily data also reads open, high, low and volume if they exist.
//! For bars inside a day it looks for jumps only, at one division per price.
//!
//! [`FactorInspector`] keeps k² sums over the same frames. At the end it regresses the panel's mean return on
//! the factors of the preceding, the same and the next frame.
//!
//! The inspector of daily data keeps 260 bars of each instrument that has high and low or volume. Copies of a
//! return series are found by random projections over blocks of 128 frames, not by comparing pairs
//! (`identical.rs`).

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
