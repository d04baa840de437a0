//! Arguments of `diff`.

use std::path::PathBuf;

use clap::Args;

pub(in crate::commands) const DIFF: &str = "\
Find the first event in which two runs differ, and attribute the gap between
their final NAVs.

RUN is a run folder of `betaflow replay` or a state folder of `betaflow paper`,
in any combination. Frames are matched by their time. Values are compared to
the last bit (0 equals -0). The events of a frame come in the order data,
fills, costs, NAV, rebalance.

The gap between the NAVs on the last common frame is attributed frame by frame.
For the runs A and B, q is the quantity held, w the quantity held if every
order had filled whole on its first frame, and m the gain of a unit by price,
split and dividend:
  data       sum q_A (m_B - m_A), and other prices of the same fills' bars
  decision   sum (w_B - w_A) m_B, and the gain of different order quantities
             between the price of the fill and the close
  fill       sum ((q_B - w_B) - (q_A - w_A)) m_B, and the gain of different
             filled quantities and fill prices
  cost       costs of A less those of B
  interest   interest on cash of B less that of A
  start      the gap on the first common frame, if one run began before it
A position that did not fill counts as fill until the next orders fall due,
whose quantities include it. Other consequences of an earlier difference, such
as sizes by another NAV, count where they appear. A frame that only one run has
counts as data. The parts add up to the gap; rounding and parts that cannot be
determined are `not explained`, with the reason.

Prices come from the data of the run: the inputs of a state folder, or the
files in the run.toml of a run folder. The files must be unchanged: they must
reproduce the recorded NAV.

The exit code is 0 if nothing differs, 1 if something differs, 2 for errors.

Example:
  betaflow diff runs/replay-1 runs/replay-2
  betaflow diff runs/paper runs/replay-1 --json";

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// Run folder or state folder.
    #[arg(value_name = "RUN")]
    pub a: PathBuf,
    /// Run folder or state folder to compare it with.
    #[arg(value_name = "RUN")]
    pub b: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}
