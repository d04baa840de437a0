//! Data quality: defects of a panel that invalidate a backtest, and the bid-ask spreads that its bars imply.
//!
//! | file | problem |
//! |---|---|
//! | `copies.rs` | bars copied from another day of the same instrument: look-ahead if the other day is later |
//! | `moves.rs` | unadjusted splits, bad ticks, implausible returns, bad adjustment |
//! | `shape.rs` | bars whose values contradict each other or are not prices |
//! | `stale.rs` | prices that stay unchanged while the others move |
//! | `inactivity.rs` | prices unchanged on many days, and dates without any move |
//! | `identical.rs` | one return series under several symbols |
//! | `spelling.rs` | symbols that differ only by white space or case |
//! | `units.rs` | times in another unit than the declared one |
//! | `attendance.rs` | days without a row, and reused tickers |
//! | `spreads.rs` | bid-ask spreads by Corwin & Schultz, Abdi & Ranaldo, and as quoted |
//! | `verdict.rs` | verdict on the panel: [`Verdict`] |
//! | `factor_inspector.rs`, `factor_sums.rs` | factors dated a day early or late; constant and collinear factors |
//!
//! The [`Inspector`] takes frames in time order and yields [`Finding`]s. It keeps a window of past bars for
//! each instrument and a few unresolved jumps and twins, never the whole data. A finding may come a few
//! frames after its row: a jump has three bars to reverse, and a copied bar is identified by the gap after
//! it.
//!
//! It has two callers. `betaflow check` reads whole bars unchecked (`FrameColumn::checked`); the source
//! reports the rows that it rejects (`BadRow::Report`). `SourceStage` inspects every frame of a run and
//! issues one warning per kind of problem; for that, a replay of daily data also reads open, high, low and
//! volume if they exist. In intraday bars it checks for jumps only, at one division per price.
//!
//! The [`FactorInspector`] keeps k² sums over the same frames. At the end it regresses the mean return of the
//! panel on the factors of the preceding, the same and the next frame.
//!
//! Copies of a return series are found by random projections over blocks of 128 frames, not by comparing
//! pairs (`identical.rs`).

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
pub use spreads::{SpreadErrors, SpreadEstimates, SpreadInspector};
pub use tally::{Count, Tally};
pub use units::is_change_of_unit;
pub use verdict::Verdict;

pub use crate::warning::Problem;
