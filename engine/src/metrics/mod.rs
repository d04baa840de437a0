//! What a run was worth: the figures of `empyrical`, and the tally that makes them from the ledger.

mod performance;
mod series;

pub use performance::{Performance, Tally, TurnoverFacts};
pub use series::Figures;
