//! Arguments of `diff`.

use std::path::PathBuf;

use clap::Args;

pub(in crate::commands) const DIFF: &str = "\
Name the first event in which two runs differ, and split the gap between their
final values.

RUN is a run folder of `betaflow replay` or the state folder of a `betaflow
paper`, in any combination. Frames are matched by their time, values are
compared to the last bit (zero has no sign), and events come in the order in which a frame goes:
its data, fills, costs, value, and then the decision on it.

The gap between the values on the last common frame is split by frame. With
q what is held, w what would be held had every order filled whole on its first
frame, m what a unit earned by price, split and dividend, and A and B the runs:
  data       sum q_A (m_B - m_A), and other prices of the same fills' bars
  decision   sum (w_B - w_A) m_B, and what was ordered more or less made
             between the price of the fill and the close
  fill       sum ((q_B - w_B) - (q_A - w_A)) m_B, and the same of what was
             filled more or less, or at another price
  cost       costs of A less those of B
  interest   interest on cash of B less that of A
  start      the gap on the first common frame, where one began before it
A position that was not filled stays a matter of fills until the next orders
fall due, which knew of it. Whatever else follows from an earlier difference,
such as sizes by another value, counts where it shows. What only one has, a
frame, is data. They add up to the gap; what is left by rounding, or cannot be
told, is `not explained`, with the reason.

Prices are those of the data that the run had: of a state folder its inputs,
of a run folder the files in its run.toml, which have to be there as they were:
they have to give the value on record.

The exit code is 0 where nothing differs, 1 where something does, 2 for errors.

Example:
  betaflow diff runs/replay-1 runs/replay-2
  betaflow diff runs/paper runs/replay-1 --json";

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// Run folder or state folder
    #[arg(value_name = "RUN")]
    pub a: PathBuf,
    /// The one to compare it with
    #[arg(value_name = "RUN")]
    pub b: PathBuf,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}
