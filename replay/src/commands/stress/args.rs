//! Arguments of `stress`.

use clap::Args;

use crate::study::StudyArgs;

pub(in crate::commands) const STRESS: &str = "\
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

/// Arguments of `stress`.
#[derive(Debug, Args)]
pub(crate) struct StressArgs {
    #[command(flatten)]
    pub study: StudyArgs,
}
