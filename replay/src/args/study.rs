//! Arguments of `stress` and `tune`, which try many settings.

use std::path::PathBuf;

use clap::Args;

use super::{OwnFlag, RunArgs};

pub(super) const STRESS: &str = "\
See how far returns survive other caps, costs, delays and sizes.

A grid file names settings and their values, and means all combinations:
  [grid]
  \"sizing.turnover_cap\" = [0.02, 0.08, 0.3]
  \"execution.half_spread_bps\" = [0, 4, 10, 25]
A range is { from = 1, to = 20 } of whole numbers, or of numbers
{ from = 0.01, to = 0.3, count = 5, scale = \"log\" }. Or the file is a
list of scenarios:
  [[scenario]]
  \"execution.delay_bars\" = 2
or a random sample (scrambled Sobol) from ranges and lists:
  [sample]
  count = 256
  seed = 1
  \"sizing.turnover_cap\" = { from = 0.01, to = 0.3, scale = \"log\" }

Data and estimator are gone through once for all scenarios that share them
(those that differ in [data], [universe], [factors], [estimator] or in when
they decide need a pass of their own), and each scenario is, bit for bit, the
replay with its settings: the digests are equal.

The best is sought among choices (what a user picks: sizing, strategy,
estimator) in the world of the configuration (costs, delays, data), and shown
with its deflated Sharpe ratio, the probability of backtest overfitting and the
minimum backtest length. Trials are the distinct choices of all runs on the
data: PRICES.trials.jsonl has them on record (of the embedded data
tutorial.trials.jsonl in the current folder); --trials says where else, or none.

With trades = \"fixed\" above the grid, which then varies nothing but costs, the
trades are those of the configuration, and each scenario only prices them
again: no replays, no digests, and sizing did not know these costs.

What has ended is kept beside the folder until all have: a run that was
interrupted or killed goes on with the same command and --out DIR --resume.

The folder holds:
  scenarios.parquet  a row a scenario: its settings, digest, metrics net and
                     gross, turnover, costs, break-even cost, capacity_of_same_trades
  scenario_returns.parquet  the net return of each scenario on each bar
  report.html        maps of Sharpe ratio, growth and drawdown, the cost at
                     which it dies, and which setting matters most
  summary.json, run.toml, grid.toml";

pub(super) const TUNE: &str = "\
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

/// Arguments of the commands that try many settings.
#[derive(Debug, Args)]
pub(crate) struct StudyArgs {
    /// TOML file that says which settings vary
    #[arg(long, value_name = "FILE")]
    pub grid: PathBuf,
    #[command(flatten)]
    pub run: RunArgs,
    /// Go on with a run for this folder that was interrupted
    #[arg(long, requires = "out")]
    pub resume: bool,
    /// Ledger of what has been tried on the data; `none` to keep none [default: PRICES.trials.jsonl]
    #[arg(long, value_name = "FILE")]
    pub trials: Option<PathBuf>,
    /// Write no report.html (it takes 5 MB)
    #[arg(long)]
    pub no_report: bool,
}

/// Arguments of `stress`.
#[derive(Debug, Args)]
pub(crate) struct StressArgs {
    #[command(flatten)]
    pub study: StudyArgs,
}

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
    /// With the flags that stand for settings among them.
    pub(crate) fn with_settings(&self) -> RunArgs {
        let flags = [
            ("method", "--method", &self.method),
            ("folds", "--folds", &self.folds),
            ("embargo", "--embargo", &self.embargo),
            ("objective", "--objective", &self.objective),
        ];
        let own = flags.into_iter().filter_map(|(key, flag, value)| {
            Some(OwnFlag { table: "tune", key, value: value.clone()?, flag })
        });
        let mut run = self.study.run.clone();
        run.input.own.extend(own);
        run
    }
}
