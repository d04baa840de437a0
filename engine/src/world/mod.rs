//! Stress: changes of the environment (costs and data), not of the user's choices.
//!
//! [`WorldSettings`] has two halves. [`CostStress`](crate::execution::CostStress) is the stress on costs, which
//! [`execution`](crate::execution) charges.
//!
//! Stress on the data is a source that wraps another source. Each wrapper is deterministic, and every stage
//! downstream works as on real data.
//!
//! | part | effect on the data |
//! |---|---|
//! | [`Reversed`] | a factor's returns change sign, and each instrument moves with it by its beta |
//! | [`Gap`] | missing frames; the next frame carries their price moves |
//! | [`Recorded`], [`Path`] | all frames in memory, in another order: resampled, or with the worst windows repeated |
//!
//! The order is fixed: a path is drawn from the original data, then its factor is reversed, then its feed has
//! the gap. With default settings sources and costs are bit-identical to those without stress.
//!
//! Conventions:
//!
//! Every multiplier of costs is 1 by default. `Market::conditions` has the charged costs,
//! `Market::sized_conditions` those that sizing assumes.
//!
//! A path draws price moves, not prices. [`Path`] keeps one scale per instrument and run of dates; it is 1
//! while the path equals the data.
//!
//! An instrument without a price on a drawn date has none on the path, even if it is held.
//! `execution.delist_after` then closes it.
//!
//! Each wrapper keeps the contract of a source: frames numbered from 0, engine order by the first price that
//! it emits (`listing.rs`). `DataFacts::world` lists its changes.
//!
//! The wrappers enclose the source that ends at the hold-out. `betaflow score` rejects paths, because their
//! dates are not those of the hold-out.
//!
//! Scenarios with equal [`WorldSettings::of_source`] share one pass over the data.
//!
//! A bootstrap and the worst windows hold all frames in memory, once for all paths of a stress run.
//! `betaflow` rejects more than 2 GB.

mod apply;
mod charges;
mod error;
mod gap;
mod listing;
mod path;
mod plan;
mod recorded;
mod reversed;
mod settings;

pub use apply::apply;
pub use charges::{REPRICING_SETTINGS, charges};
pub use error::{PathChange, WorldError};
pub use gap::Gap;
pub use path::Path;
pub use recorded::Recorded;
pub use reversed::Reversed;
pub use settings::WorldSettings;

use crate::frame::Frame;

/// Returns true if closes are prices. In data of returns without trading, closes are those returns.
fn has_prices(frame: &Frame) -> bool {
    let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits();
    frame.returns.is_empty() || !frame.returns.iter().zip(&frame.close).all(same)
}
