//! Stages: each converts messages to calls of types that have no channels.

mod data_warnings;
mod estimate;
mod execute;
mod record;
mod reprice;
mod scenario_tally;
mod scenarios;
mod size;
mod source;
mod spacing;

pub use estimate::{Columns, Estimate, Schedule};
pub use execute::Execute;
pub use record::Record;
pub use reprice::Reprice;
pub use scenarios::{Gather, ScenarioError, Scenarios, TakeOutcomes};
pub use size::Size;
pub use source::SourceStage;
