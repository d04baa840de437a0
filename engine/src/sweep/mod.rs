//! Comparison of runs that differ by their settings: the best, the robust one, the effect of each setting,
//! and break-even costs.
//!
//! | module | content |
//! |---|---|
//! | `axis` | values of a setting, in order |
//! | `grid` | scenarios as positions on these axes, and the one nearest to a configuration |
//! | `candidates` | scenarios that compete to be the best: those in the environment of the configuration |
//! | `choice` | the best scenario, and the robust one |
//! | `tornado` | effect of each setting alone |
//! | `efficient` | growth against drawdown |
//! | `crossing` | zero crossing of a figure along an axis |
//! | `quantiles` | quantiles of a figure over scenarios |
//!
//! A scenario is its row, counted from 0. An undefined figure is NaN; its scenario is never chosen.

mod axis;
mod candidates;
mod choice;
mod crossing;
mod efficient;
mod grid;
mod quantiles;
mod tornado;

pub use axis::{Axis, Value};
pub use candidates::Candidates;
pub use choice::Robust;
pub use crossing::Crossing;
pub use efficient::efficient;
pub use grid::{Anchor, Sweep};
pub use quantiles::Quantiles;
pub use tornado::Swing;
