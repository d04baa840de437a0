//! Arguments of `state`.

use std::path::PathBuf;

use clap::Args;

pub(in crate::commands) const STATE: &str = "\
Show the contents of a state folder, also while a run writes to it.

The output has the status of the run, its version and main settings, the feed,
recorded inputs and committed frames, NAV and return since the start, positions
and target weights, the last orders, costs, the last checkpoint, the last
events, and the frames that a restart would compute again. The command only
reads: it neither delays nor changes a run.

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
    /// State folder of a `paper` run.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Print the contents as JSON.
    #[arg(long)]
    pub json: bool,
}
