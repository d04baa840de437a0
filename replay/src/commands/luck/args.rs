//! Arguments of `luck`.

use std::path::PathBuf;

use clap::Args;

pub(in crate::commands) const LUCK: &str = "\
Test the best of many trials for luck: deflated Sharpe ratio, overfitting.

RETURNS is a table with a time column and one column of simple returns (0.01
for 1 %) for each trial, from any program. Every trial that was looked at
belongs in it; --trials N counts those that are not. A null means that a trial
has no return at that time. A column `rf` is not a trial.

For each trial, over its own returns:
  Sharpe ratio     mean / sample standard deviation * sqrt(periods a year), with
                   its standard error (Mertens 2002) and P(SR > 0), the
                   probabilistic Sharpe ratio (Bailey & Lopez de Prado 2012)
  deflated Sharpe ratio   P(SR > SR0), where SR0 is the expected highest ratio of
                   N trials without skill, from the variance of the ratios of
                   all trials (Bailey & Lopez de Prado 2014)
  minimum track record length   years after which P(SR > 0) is 0.95
For the best trial:
  minimum backtest length   years below which the best of N trials without skill
                   is expected to reach its ratio, (E[max N]/SR)^2, and the
                   bound 2 ln N / SR^2 (Bailey, Borwein, Lopez de Prado & Zhu
                   2014)
For all trials, over the times at which each of them has a return:
  probability of overfitting   by CSCV: share of the splits into two halves in
                   which the best trial of one half is at or below the median
                   in the other (Bailey et al. 2017)
  correlation      the highest Pearson correlation of each trial with those
                   before it; competition platforms accept at most 0.5

The periods a year follow from the spacing of the rows: 252 a year for dates
(365 with weekends) times the rows per date, 52 for weeks, 12 for months, 4 for
quarters, 1 for years.

With --out the folder has luck.parquet (a row per trial), correlations.parquet
(a row per pair), summary.json and report.html.

In Python:
  returns.to_parquet(\"trials.parquet\")   # index: dates, a column per trial
  luck = pd.read_parquet(\"runs/luck/luck.parquet\")";

/// Arguments of `luck`.
#[derive(Debug, Args)]
pub(crate) struct LuckArgs {
    /// File with a time column and a column of returns for each trial.
    #[arg(value_name = "RETURNS")]
    pub returns: PathBuf,
    /// Number of trials, those that are not in the file included [default: columns with a Sharpe ratio].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub trials: Option<u64>,
    /// Variance of the annual Sharpe ratios of all trials [default: that of the columns].
    #[arg(long, value_name = "V")]
    pub sharpe_variance: Option<f64>,
    /// Periods a year, such as 252 [default: by the spacing of the rows].
    #[arg(long, value_name = "N")]
    pub periods_per_year: Option<f64>,
    /// Blocks of the probability of overfitting, an even number from 2 to 20.
    #[arg(long, value_name = "S", default_value_t = 16)]
    pub blocks: usize,
    /// Highest correlation with an earlier trial that is accepted.
    #[arg(long, value_name = "C", default_value_t = 0.5)]
    pub max_correlation: f64,
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
