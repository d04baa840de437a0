//! Stages joined by bounded channels, and the loop that runs them on threads.

mod assemblies;
mod error;
mod graph;
mod message;
mod node;
mod placement;
mod range_checks;
mod recycler;
mod runner;
mod settings;
mod sizing;
mod stage;
pub mod stages;
mod timing;
mod trading;

pub use assemblies::{ResumeError, estimating, repricing, resuming, sweeping, trading};
pub use error::{PipelineError, StageError};
pub use graph::{Graph, RunOptions, RunReport};
pub use message::{Decision, Message, Passed, ScenarioOutcome};
pub use placement::Placement;
pub use settings::RunSettings;
pub use sizing::Sizing;
pub use stage::{Outbox, Stage};
pub use stages::ScenarioError;
pub use timing::{Clock, Handled, StageTiming, Watch, Watcher, no_clock};
pub use trading::Trading;
