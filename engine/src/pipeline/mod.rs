//! Stages joined by bounded channels, and the loop that runs them on threads.
//!
//! A `Stage` is one method that writes to an output buffer, and an end hook. A stage with two inlets names
//! the one that it reads next (`Stage::wants`). The order of events is therefore the same under every
//! placement. At most one request is outstanding between size and execute.
//!
//! A `Node` is a stage with its channel ends. `Node::step` never blocks. One loop (`runner.rs`) drives a
//! group of nodes, the furthest downstream first. If none can proceed, the group waits for any channel of its
//! nodes, receives and sends alike. Any grouping of neighbours is therefore free of deadlock at any capacity.
//!
//! The types [`Sizing`] and [`Trading`] decide and trade without channels; the stages `Size` and `Execute`
//! connect them to channels. A `Scenarios` stage holds many pairs of them and steps them through the same
//! frames and estimates ([`sweeping`]).
//!
//! Messages are `Arc`s that their sender keeps in a ring (`recycler.rs`). The sender reuses a message without
//! other owners, so a steady state allocates nothing.
//!
//! A stage that fails or panics ends its group. Its channels close, the neighbours stop, and the run returns
//! the error with the stage's name.
//!
//! A source requests a checkpoint by `Frame::checkpoint`. The request travels with the frame through
//! estimates, decision and ledger. Each stage adds its state once it has handled that frame, so a checkpoint
//! is consistent without a pause.

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
pub use message::{Decision, FrameWithoutLedger, Message, ScenarioOutcome};
pub use placement::Placement;
pub use range_checks::check_estimates;
pub use settings::RunSettings;
pub use sizing::Sizing;
pub use stage::{Outbox, Stage};
pub use stages::ScenarioError;
pub use timing::{Clock, Handled, StageTiming, Watch, Watcher, no_clock};
pub use trading::{Trading, TradingError};
