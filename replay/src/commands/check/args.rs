//! Arguments of `check`.

use std::path::PathBuf;

use clap::Args;

use crate::config::InputArgs;

pub(in crate::commands) const CHECK: &str = "\
Check the quality of price data.

The command reads the data once and lists findings that would mislead a
backtest:
  copied_bar       open, high and low are those of another day: look-ahead if
                   that day is later. The finding names the wrong row of the two
  broken_bar       low <= open, close <= high does not hold, or a number is
                   missing or not a price
  split            a move by a simple ratio, net of the market; with volume,
                   the volume changed by the inverse ratio
  large_move       a large move, possibly a split that is not adjusted
  extreme_return   a bad tick that reverses, or an extreme jump that the volume
                   does not explain
  bad_adjustment   adj_close jumps and close does not
  stale            a close that stays the same longer than chance explains
  reused_ticker    a jump after a gap of dates
  missing_day      a date without a row on which most other instruments have one
  zero_volume      the price moved on a volume of 0
  flat_days        a close that stays the same far more often than others
  holiday_filled   a date on which no instrument moves
  identical_series the returns of another symbol
  mixed_time_units, wrong_time_unit   times in another unit than the column's
  symbols_alike    symbols that differ only by white space or case
  duplicate, unsorted   rows that a replay refuses
  factors_misaligned    with --factors: the factors belong to another day
  factor_constant, factor_level, factors_collinear   with --factors: a factor
                   is constant, is a rate or a level, or repeats others
No finding is certain: some may be real moves, and data without findings may
still be wrong.

With highs and lows the command also prints estimates of the bid-ask spread
(Corwin & Schultz 2012, Abdi & Ranaldo 2017; with opens also EDGE, Ardia,
Guidotti & Kroencke 2024). If the data has bid and ask, the median quoted
spread is beside them, with the mean relative error of each estimate.

FILE is a Parquet table with a row for each finding: timestamp, symbol,
problem, detail. The data has the same form as for `betaflow replay`.
--set data.price=adj_close checks only that column.

A capture of a venue (JSON lines, as `paper` records them) is checked by the
venue's adapter: messages by type, unknown and refused ones, missing numbers,
and the content for each symbol. --bars 1m makes bars of its trades, and --out
writes them in the form of `betaflow replay --prices`:
  betaflow check binance.jsonl --venue binance --bars 1m --out bars.parquet

The exit code is 0 whatever the findings.

In Python:
  wrong = pd.read_parquet(\"findings.parquet\")
  wrong[wrong.problem == \"copied_bar\"].symbol.value_counts()";

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// File or folder of files with prices; or a capture of a venue.
    #[arg(value_name = "DATA")]
    pub data: PathBuf,
    /// Parquet table to write: a row for each finding, or with --bars for each bar.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// File with factor returns, to check that they belong to the same days; repeatable.
    #[arg(long, value_name = "PATH")]
    pub factors: Vec<PathBuf>,
    /// Venue of the capture, such as binance.
    #[arg(long, value_name = "NAME")]
    pub venue: Option<String>,
    /// Make bars of this length from the capture, such as 1m.
    #[arg(long, value_name = "TIME", requires = "venue")]
    pub bars: Option<String>,
    /// Print the result as JSON, and nothing else, on standard output.
    #[arg(long)]
    pub json: bool,
    /// TOML file of settings.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One setting, which takes precedence over the file; repeatable.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// First date, such as 2015-01-31; earlier data is not read [default: all data].
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// Last date, included [default: all data].
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
}

impl CheckArgs {
    /// Returns the arguments in the form of the commands that run.
    pub(crate) fn input(&self) -> InputArgs {
        InputArgs {
            prices: Some(self.data.clone()),
            factors: self.factors.clone(),
            config: self.config.clone(),
            set: self.set.clone(),
            from: self.from.clone(),
            ..InputArgs::default()
        }
    }
}
