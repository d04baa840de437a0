//! Many runs that differ by their settings, side by side: which is best, which stays good when the settings are a
//! little off, which setting matters, and from which cost on nothing is earned.
//!
//! | read | for |
//! |---|---|
//! | `axis` | the values that a setting takes, in order |
//! | `grid` | the scenarios as places on these axes, and the one nearest to a configuration |
//! | `candidates` | the scenarios that may be called best: those in the environment of the configuration |
//! | `choice` | the best scenario, and the robust one |
//! | `tornado` | what each setting does by itself |
//! | `efficient` | growth against drawdown |
//! | `crossing` | where a line falls through zero |
//! | `quantiles` | quantiles of a figure over many paths |
//!
//! A scenario is its row, counting from 0. NaN is a figure that is not defined: it is never chosen.

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
