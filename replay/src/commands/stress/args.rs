//! Arguments of `stress`.

use clap::Args;

use crate::study::StudyArgs;

pub(in crate::commands) const STRESS: &str = "\
Run many scenarios of caps, costs, delays and sizes over one reading of the
data.

A grid file has settings and their values. [grid] means all combinations:
  [grid]
  \"sizing.turnover_cap\" = [0.02, 0.08, 0.3]
  \"execution.half_spread_bps\" = [0, 4, 10, 25]
A range of whole numbers is { from = 1, to = 20 }; a range of numbers is
{ from = 0.01, to = 0.3, count = 5, scale = \"log\" }. Or the file is a list
of scenarios:
  [[scenario]]
  \"execution.delay_bars\" = 2
or a random sample (scrambled Sobol) from ranges and lists:
  [sample]
  count = 256
  seed = 1
  \"sizing.turnover_cap\" = { from = 0.01, to = 0.3, scale = \"log\" }

Scenarios that share data, estimator and rebalance schedule share one pass; a
difference in [data], [universe], [factors], [estimator] or the schedule needs
a pass of its own. Each scenario has the same digest as a replay with its
settings.

The best scenario is a choice (sizing, strategy, estimator) in the environment
of the configuration (costs, delays, data). It is shown with its deflated
Sharpe ratio, the probability of backtest overfitting and the minimum backtest
length. Trials are the distinct choices of all runs on the data, in the trials
log PRICES.trials.jsonl (embedded data: tutorial.trials.jsonl in the current
folder); --trials names another file, or none.

With trades = \"fixed\" above a grid that varies only costs, all scenarios have
the trades of the configuration, and only their costs differ: no replays, no
digests, and sizing did not know these costs.

Results are kept beside the folder until all scenarios have ended. The same
command with --out DIR --resume resumes an interrupted run.

--shard I/N runs part I of N, for instance on another machine, and `betaflow
merge` makes one folder of all parts, equal to that of a run without shards.

The folder has:
  scenarios.parquet  a row for each scenario: settings, digest, net and gross
                     metrics, turnover, costs, break-even cost,
                     capacity_of_same_trades
  scenario_returns.parquet  the net return of each scenario on each bar
  report.html        maps of Sharpe ratio, growth and maximum drawdown, the
                     break-even cost, and the effect of each setting
  summary.json, run.toml, grid.toml";

/// Arguments of `stress`.
#[derive(Debug, Args)]
pub(crate) struct StressArgs {
    #[command(flatten)]
    pub study: StudyArgs,
}
