//! Arguments of `signal`.

use std::path::PathBuf;

use clap::Args;

use crate::run::RunArgs;

pub(in crate::commands) const SIGNAL: &str = "\
Measure the predictive power of forecasts: information coefficients,
quantiles, turnover.

FORECASTS has a time column, symbol and forecast, or a column per symbol, as
for strategy.kind=forecasts. The forward return over h bars runs from the
close of the bar on which a cross-section is known to the close h bars later,
dividends and splits included. Definitions equal those of alphalens-reloaded
0.4 where it has them; alphalens with periods=(h,) and filter_zscore=None gives
the figures of horizon h, for cross-sections without many equal forecasts.
  rank IC     Spearman correlation of forecast and forward return; IC is
              Pearson's. Errors are those of Newey and West. ICIR is the mean
              over the standard deviation, annualised
  residual    the same with the returns that the factors do not explain, by
              the betas of the bar before
  quantiles   mean return of the fifths of each cross-section. Turnover is the
              share of new names since one horizon before. Costs are turnover,
              bought and sold, times execution.commission_bps plus
              execution.half_spread_bps
  exposure    correlation of the forecasts with the betas on each factor
  breadth     names times independent cross-sections a year. The fundamental
              law promises a Sharpe ratio of IC x root of breadth; a replay of
              the forecasts with all costs and limits shows what is left

The horizon of the forecasts (strategy.horizon, in days) is one of the
horizons. --no-replay skips the replay.

The run folder has:
  summary.json     all figures at each horizon, and those of the replay
  signal.parquet   a row for each cross-section and horizon
  report.html      cumulative IC, decay, quantiles and turnover on one page
  equity.parquet, fills.parquet, ...   tables of the replay
  run.toml         all settings

In Python:
  rows = pd.read_parquet(\"runs/signal-1/signal.parquet\")
  rows[rows.horizon == 5].set_index(\"timestamp\").rank_ic.cumsum().plot()";

/// Arguments of `signal`.
#[derive(Debug, Args)]
pub(crate) struct SignalArgs {
    /// Parquet or CSV file of forecasts [default: strategy.path of the configuration].
    #[arg(value_name = "FORECASTS", conflicts_with_all = ["forecasts", "weights"])]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub run: RunArgs,
    /// Horizons in bars, such as 1,5,21 [default: 1,2,3,5,10,21,42,63].
    #[arg(long, value_name = "BARS", value_delimiter = ',')]
    pub horizons: Vec<usize>,
    /// Carry the last price over a missing one, as alphalens with pandas below 3 does.
    #[arg(long)]
    pub carry_prices: bool,
    /// Skip the replay that trades the forecasts.
    #[arg(long)]
    pub no_replay: bool,
    /// Skip report.html, which has 5 MB.
    #[arg(long)]
    pub no_report: bool,
}

impl SignalArgs {
    /// Arguments of the replay, with the file as that of `--forecasts`.
    pub(crate) fn replay(&self) -> RunArgs {
        let mut run = self.run.clone();
        run.input.forecasts = self.file.clone().or(run.input.forecasts);
        run
    }

    /// Name and flags of the command, which run.toml does not contain.
    pub(crate) fn command(&self) -> String {
        let mut text = "signal".to_owned();
        if !self.horizons.is_empty() {
            let bars: Vec<String> = self.horizons.iter().map(usize::to_string).collect();
            text += &format!(" --horizons {}", bars.join(","));
        }
        for (flag, is_set) in [("--carry-prices", self.carry_prices), ("--no-replay", self.no_replay)] {
            if is_set {
                text += &format!(" {flag}");
            }
        }
        text
    }
}
