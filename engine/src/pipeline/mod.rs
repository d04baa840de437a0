//! Stages joined by bounded channels, and the loop that runs them on threads.

mod assemblies;
mod batch;
mod error;
mod graph;
mod message;
mod node;
mod placement;
mod runner;
mod sizing;
mod stage;
pub mod stages;
mod timing;
mod trading;

pub use assemblies::{ResumeError, RunSettings, estimating, repricing, resuming, sweeping, trading};
pub use batch::Batch;
pub use error::{PipelineError, StageError};
pub use graph::{Graph, RunOptions, RunReport};
pub use message::{Decision, Message, Passed, ScenarioOutcome};
pub use placement::Placement;
pub use sizing::Sizing;
pub use stage::{Outbox, Stage};
pub use stages::ScenarioError;
pub use timing::{Clock, Handled, StageTiming, Watch, Watcher, no_clock};
pub use trading::Trading;
