//! Arguments of `estimate`.

use clap::{Args, ValueEnum};

use crate::run::{ReportArgs, RunArgs};

pub(in crate::commands) const ESTIMATE: &str = "\
Follow alpha and factor betas through historical data, without trading.

What `pykalman.KalmanFilter(...).filter(...)` does, for all instruments at
once, with missing prices and late listings. betas.parquet in the run folder
has a row for each bar and instrument: alpha and betas as known after the bar,
and the forecast of the bar's return by yesterday's betas, with its error.
report.html shows how well the forecasts held and draws the betas of a few
instruments (--plot); it is one file and opens without a network.

With hindsight, which never trades: --smooth writes smoothed.parquet, the
betas of each bar given all bars; --em 50 fits variances and a prior to each
instrument, parameters.parquet. --compare rolling says how much more of the
variance the filter explains out of sample than least squares over the last
63, 126, 252 and 504 days, with the betas of 252 days in rolling.parquet.

In Python:
  betas = pd.read_parquet(\"runs/estimate-1/betas.parquet\")
  betas[betas.symbol == \"AAPL\"].plot(x=\"timestamp\", y=\"mkt\")";

/// Arguments of `estimate`.
#[derive(Debug, Args)]
pub(crate) struct EstimateArgs {
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub report: ReportArgs,
    #[command(flatten)]
    pub offline: OfflineArgs,
}

/// What looks at a run from its end.
#[derive(Debug, Args)]
pub(crate) struct OfflineArgs {
    /// Also the betas of each bar given all bars: smoothed.parquet
    #[arg(long)]
    pub smooth: bool,
    /// Also fit variances and prior of each instrument by EM, in at most so many steps
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub em: Option<u32>,
    /// Also compare the forecasts with those of another method, out of sample
    #[arg(long, value_name = "WITH")]
    pub compare: Option<Rival>,
}

/// What the filter is compared with.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Rival {
    /// Least squares over the last 63, 126, 252 and 504 days
    Rolling,
}
