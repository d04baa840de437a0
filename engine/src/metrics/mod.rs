//! What a run was worth: the figures of `empyrical`, and the tally that makes them from the ledger.

mod moments;
mod performance;
mod series;
mod uncertainty;

pub use performance::{Comparing, Comparison, EquityPoint, Performance, Tally, TurnoverFacts};
pub use series::{Accumulator, Figures};
pub use uncertainty::SharpeUncertainty;
