//! Arguments of `estimate`.

use clap::{Args, ValueEnum};

use crate::run::{ReportArgs, RunArgs};

pub(in crate::commands) const ESTIMATE: &str = "\
Estimate alpha and factor betas through historical data, without trading.

The command does the work of `pykalman.KalmanFilter(...).filter(...)` for all
instruments at once, with missing prices and late listings. betas.parquet in
the run folder has a row for each bar and instrument: alpha and betas after the
bar, and the forecast of the bar's return by the betas before it, with its
error. report.html shows the quality of the forecasts and plots the betas of a
few instruments (--plot); it is one file and needs no network.

Offline estimation uses all bars and never trades: --smooth writes
smoothed.parquet, the betas of each bar given all bars; --em 50 fits variances
and a prior to each instrument, parameters.parquet. --compare rolling compares
the variance that the filter explains out of sample with that of least squares
over the last 63, 126, 252 and 504 days; rolling.parquet has the betas over 252
days. --compare risk compares the predicted risk of random, minimum-variance,
group and long-short portfolios with that of covariances of the last 252 bars:
exponentially weighted, of Ledoit and Wolf, and of a rolling regression.

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

/// Arguments of offline estimation.
#[derive(Debug, Args)]
pub(crate) struct OfflineArgs {
    /// Write smoothed.parquet: the betas of each bar given all bars.
    #[arg(long)]
    pub smooth: bool,
    /// Fit variances and prior of each instrument by EM, in at most STEPS steps.
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub em: Option<u32>,
    /// Compare forecasts or predicted risk with those of other methods, out of sample.
    #[arg(long, value_name = "WITH")]
    pub compare: Option<Rival>,
}

/// Method that the filter is compared with.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Rival {
    /// Least squares over the last 63, 126, 252 and 504 days.
    Rolling,
    /// Predicted risk of portfolios by other covariances: exponentially weighted, Ledoit-Wolf, factors alone.
    Risk,
}
