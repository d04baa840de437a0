//! Arguments of `tune`.

use clap::Args;

use crate::config::SettingFlag;
use crate::study::StudyArgs;

pub(in crate::commands) const TUNE: &str = "\
Choose settings by what was known, judge them by what came after.

A grid file, as for stress, names the settings to choose from; only choices
(sizing, strategy, estimator, ...): what happens to a trader, such as costs, is
that of the configuration. Each setting runs once, in order, through all the
data. Folds only select which returns are scored:
  walk_forward   blocks one after the other, each judged by the setting that
                 was best before it, with an embargo between
  k_fold         blocks judged by the setting that was best on both sides
  combinatorial  every tune.tested=2 of the blocks are judged at once, by the
                 best on the others: many paths through the data
The joined blocks are the out-of-sample result: what to expect of choosing like
this. The best on all frames is in-sample: it says what to use. A fold's book
is that of the chosen setting from the beginning; to go over from one to the
other is not charged.

Settings, with their defaults; the first ones are flags as well:
  tune.method=walk_forward   or k_fold, combinatorial
  tune.folds=5               blocks; 10 of combinatorial
  tune.embargo=21            days left out: before a block in walk_forward,
                             after it in the others
  tune.objective=sharpe      or sortino, calmar, growth, worst_block: the
                             lowest Sharpe ratio of tune.blocks=4; all net
  tune.purge=0               days left out before a block as well
  tune.overfitting_blocks=16 of the probability of overfitting

The folder holds:
  summary.json     the out-of-sample result, each choice and how sure it is,
                   the recommendation, luck
  folds.parquet    a row a block: when, what was chosen, scores, runner-up
  out_of_sample.parquet  a row a bar: what the choices earned, beside the
                   configuration as it is and the best in hindsight
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
    /// How the data is divided: walk_forward, k_fold or combinatorial
    #[arg(long, value_name = "NAME")]
    pub method: Option<String>,
    /// Blocks that are judged
    #[arg(long, value_name = "NUMBER")]
    pub folds: Option<String>,
    /// Days left out around them
    #[arg(long, value_name = "DAYS")]
    pub embargo: Option<String>,
    /// What settings are compared by: sharpe, sortino, calmar, growth or worst_block
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
