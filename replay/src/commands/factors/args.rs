//! Arguments of `factors`.

use std::path::PathBuf;

use clap::Args;

use crate::config::InputArgs;

pub(in crate::commands) const FACTORS: &str = "\
Show how factors have done lately, and how much of it may be luck.

FILE has a time column and one column of simple returns (0.01 for 1 %) for each
factor; a column `rf` is not a factor. Without FILE the factors are those of
--prices with --factors or [factors], and without --prices those of the
tutorial. Returns within one date are compounded first.

For each factor:
  windows          the last 1, 3, 6, 12 and 36 calendar months, and all dates.
                   A window of n months holds the dates after the same day n
                   months before the last date, as in pandas
                     date > last - pd.DateOffset(months=n)
                   (monthly data: the last n calendar months). Null where no
                   date is before the window
  return           compounded over the window
  volatility       sample standard deviation * sqrt(days a year)
                   (data.days_per_year, 252)
  t                mean / sample standard deviation * sqrt(number of dates)
  percentile       of the return of the last calendar month, so far, among all
                   calendar months: average rank / number of months, as in
                   pandas rank(pct=True)
  premium          expected return lambda per frame and its standard deviation,
                   as sizing uses them after the last frame:
                   sum(f)/(n0 + t) and sqrt(F/(n0 + t)), with
                   sizing.premium_prior_days, premium_half_life and
                   factor_half_life; the band is +-1.96 standard deviations
  drawdown         of the compounded returns, current and maximum
  chance as the best   share of the resamples in which the highest t of all
                   factors is at least the t of this factor over the last 12
                   months (all dates if there are fewer); alone: in which its
                   own t is
A resample has as many dates as the 12 months, drawn from all dates in blocks
of a month on average (stationary bootstrap), the same dates for all factors,
after subtracting the mean of each factor over all dates. Correlations and
resamples use the dates on which every factor has a return.

With --out the folder has factors.parquet (a row per factor and window),
premia.parquet (a row per frame and factor), summary.json and report.html.

In Python:
  windows = pd.read_parquet(\"runs/factors/factors.parquet\")
  windows.pivot(index=\"factor\", columns=\"months\", values=\"t\")";

/// Arguments of `factors`.
#[derive(Debug, Args)]
pub(crate) struct FactorsArgs {
    /// Files with a time column and a column of returns for each factor; several are joined by time.
    #[arg(value_name = "FILE", conflicts_with_all = ["prices", "factors"])]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub input: InputArgs,
    /// Last date, included [default: all data].
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// Number of resamples.
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub resamples: u32,
    /// Seed of the resamples.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
    /// Folder to write: tables, summary.json, report.html.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace an earlier result in that folder; other files stay.
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Print summary.json, and nothing else, on standard output.
    #[arg(long)]
    pub json: bool,
}
