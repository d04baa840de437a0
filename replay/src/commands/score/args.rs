//! Arguments of `score`.

use clap::{Args, ValueEnum};

use crate::run::RunArgs;

pub(in crate::commands) const SCORE: &str = "\
Trade through the hold-out as well, and score it: the one command that reads it.

holdout.from is the date that the hold-out begins with. Every other command
ends its data before it: nothing at or after it is read, and nothing that they
write depends on it. score runs the strategy through all data, once and in
order, and measures the hold-out alone: its first return is from the last value
before it. It writes a run folder like that of replay; summary.json has the
figures under holdout, and those before it under holdout.before.

A period can be seen for the first time only once. Every opening is written to
PRICES.holdout.jsonl beside the prices before anything is scored, and its
result after: time, digests of data and settings, start, the last bar scored,
version, the run's digest, the net Sharpe ratio. Of the embedded data it is
tutorial.holdout.jsonl in the current folder. How often any part of this period
has been read before, whatever the start or the data, is shown with what came
of it.

Examples:
  betaflow score --config runs/replay-1/run.toml --set holdout.from=2020-01-01
  betaflow score --set holdout.from=2020-01-01 --profile tutorial

In Python:
  openings = pd.read_json(\"prices.parquet.holdout.jsonl\", lines=True)";

/// Costs of a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Costs as they are set
    Full,
    /// No impact and half the costs, with a sentence on each figure
    Tutorial,
}

/// Arguments of `score`.
#[derive(Debug, Args)]
pub(crate) struct ScoreArgs {
    #[command(flatten)]
    pub run: RunArgs,
    /// How forgiving to be
    #[arg(long, value_enum, default_value_t = Profile::Full)]
    pub profile: Profile,
    /// Write no report.html (it takes 5 MB)
    #[arg(long)]
    pub no_report: bool,
}
