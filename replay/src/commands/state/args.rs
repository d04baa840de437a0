//! Arguments of `state`.

use std::path::PathBuf;

use clap::Args;

pub(in crate::commands) const STATE: &str = "\
Say what a state folder holds, also while a run writes to it.

Whether a run is at work, its version and main settings, the feed, inputs on
record and frames committed, the value and what it has earned since the start,
positions with what was wanted, the last orders, costs, the last checkpoint,
the last events, and what a start would do. It only reads: a run at work is
neither held up nor changed.

The folder:
  state.db         SQLite: meta, inputs, equity, fills, orders, weights, betas,
                   events, checkpoints, status
  session/inputs-NUMBER.parquet   earlier inputs: seq, kind, timestamp, body
  lock             held by the run at work

Example:
  betaflow state runs/paper
  betaflow state runs/paper --json";

/// Arguments of `state`.
#[derive(Debug, Args)]
pub(crate) struct StateArgs {
    /// State folder of a `paper` run
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}
