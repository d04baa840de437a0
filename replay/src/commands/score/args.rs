//! Arguments of `score`.

use clap::{Args, ValueEnum};

use crate::run::RunArgs;

pub(in crate::commands) const SCORE: &str = "\
Trade through the hold-out as well, and score it; the only command that reads
the hold-out.

holdout.from is the first date of the hold-out. Every other command ends its
data before that date, and none of its results depends on later data. `score`
runs the strategy once through all data in order and measures the hold-out
alone: its first return starts at the last NAV before the hold-out. It writes a
run folder like `replay`; summary.json has the figures of the hold-out under
holdout, and those before it under holdout.before.

A hold-out is unseen only once. Every opening is written to the hold-out log
PRICES.holdout.jsonl beside the prices before it is scored, and its result
afterwards: time, digests of data and settings, first and last scored bar,
version, digest of the run, net Sharpe ratio. The log of the embedded data is
tutorial.holdout.jsonl in the current folder. The output lists all earlier
openings that overlap this period, with their results.

Examples:
  betaflow score --config runs/replay-1/run.toml --set holdout.from=2020-01-01
  betaflow score --set holdout.from=2020-01-01 --profile tutorial

In Python:
  openings = pd.read_json(\"prices.parquet.holdout.jsonl\", lines=True)";

/// Costs of a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Costs of the configuration.
    Full,
    /// No impact and half of the costs, with an explanation of each figure.
    Tutorial,
}

/// Arguments of `score`.
#[derive(Debug, Args)]
pub(crate) struct ScoreArgs {
    #[command(flatten)]
    pub run: RunArgs,
    /// Costs of the run.
    #[arg(long, value_enum, default_value_t = Profile::Full)]
    pub profile: Profile,
    /// Skip report.html, which has 5 MB.
    #[arg(long)]
    pub no_report: bool,
}
