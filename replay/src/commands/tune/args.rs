//! Arguments of `tune`.

use clap::Args;

use crate::config::SettingFlag;
use crate::study::StudyArgs;

pub(in crate::commands) const TUNE: &str = "\
Choose settings on training frames and test them on other ones.

A grid file, as for stress, has the settings to choose from. Only choices may
vary (sizing, strategy, estimator, ...); the environment, such as costs, is
that of the configuration. Each choice runs once through all the data. Folds
only select the returns that are scored:
  walk_forward   consecutive blocks; each is tested with the choice that was
                 best before it, with an embargo between
  k_fold         blocks; each is tested with the choice that was best on both
                 sides of it
  combinatorial  every combination of tune.tested=2 blocks is tested with the
                 choice that was best on the others: many paths through the data
The joined test blocks are the out-of-sample result, which estimates the result
of choosing in this way. The choice that is best on all frames is in-sample: it
is the recommendation. Each fold has the positions of its choice from the start
of the data; changing from one choice to the next is not charged.

Settings of [tune], with their defaults; the first ones are flags as well:
  tune.method=walk_forward   or k_fold, combinatorial
  tune.folds=5               blocks; 10 for combinatorial
  tune.embargo=21            days left out: before a block in walk_forward,
                             after it in the others
  tune.objective=sharpe      or sortino, calmar, growth, worst_block: the
                             lowest Sharpe ratio of tune.blocks=4; all net
  tune.purge=0               days left out before a block, and after it
  tune.overfitting_blocks=16 blocks for the probability of overfitting

--shard I/N runs part I of N of the settings, for instance on another machine;
`betaflow merge` chooses among all of them.

The folder has:
  summary.json     the out-of-sample result, each choice with its certainty,
                   the recommendation, multiple testing
  folds.parquet    a row for each block: dates, choice, scores, runner-up
  out_of_sample.parquet  a row for each bar: returns of the choices, of the
                   unchanged configuration and of the best in hindsight
  scenarios.parquet, scenario_returns.parquet   as of stress
  best.toml        the recommended settings, for --config of any command
  report.html, run.toml, grid.toml

Examples:
  betaflow tune --grid grid.toml
  betaflow tune --grid grid.toml --method combinatorial --embargo 60
  betaflow score --config runs/tune-1/best.toml";

/// Arguments of `tune`.
#[derive(Debug, Args)]
pub(crate) struct TuneArgs {
    /// Division of the data: walk_forward, k_fold or combinatorial [default: walk_forward].
    #[arg(long, value_name = "NAME")]
    pub method: Option<String>,
    /// Test blocks [default: 5; 10 for combinatorial].
    #[arg(long, value_name = "NUMBER")]
    pub folds: Option<String>,
    /// Days left out beside a test block [default: 21].
    #[arg(long, value_name = "DAYS")]
    pub embargo: Option<String>,
    /// Figure to choose by: sharpe, sortino, calmar, growth or worst_block [default: sharpe].
    #[arg(long, value_name = "NAME")]
    pub objective: Option<String>,
    #[command(flatten)]
    pub study: StudyArgs,
}

impl TuneArgs {
    /// Flags that stand for settings.
    pub(crate) fn flags(&self) -> Vec<SettingFlag> {
        let flags = [
            ("method", "--method", &self.method),
            ("folds", "--folds", &self.folds),
            ("embargo", "--embargo", &self.embargo),
            ("objective", "--objective", &self.objective),
        ];
        let flags = flags.into_iter().filter_map(|(key, flag, value)| {
            Some(SettingFlag { table: "tune", key, value: value.clone()?, flag })
        });
        flags.collect()
    }
}
