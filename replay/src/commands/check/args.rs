//! Arguments of `check`.

use std::path::PathBuf;

use clap::Args;

use crate::config::InputArgs;

pub(in crate::commands) const CHECK: &str = "\
Say whether price data is fit for research.

It reads the data once and names what a backtest would believe and should not:
  copied_bar       open, high and low are those of another day: look-ahead,
                   where that day is a later one. Of the two rows the wrong
                   one is named
  broken_bar       low <= open, close <= high does not hold; a number is
                   missing, or is no price
  split            divided by a simple ratio net of the market, with the volume
                   scaled the other way where there is volume
  large_move       a large move, possibly a split that is not adjusted
  extreme_return   a bad tick that comes back, or a jump beyond reason that
                   the volume does not explain
  bad_adjustment   adj_close jumps and close does not
  stale            a close that stays longer than chance explains
  reused_ticker    a jump after a gap of dates
  missing_day      a date without a row on which most others have one
  zero_volume      the price moved on a volume of 0
  flat_days        a close that stays the same far more often than others do
  holiday_filled   a date on which no instrument moves
  identical_series the returns of another symbol
  mixed_time_units, wrong_time_unit   times in another unit than the column says
  symbols_alike    symbols that differ by white space or case alone
  duplicate, unsorted   rows that a replay refuses
  factors_misaligned    with --factors: they belong to another day
  factor_constant, factor_level, factors_collinear   with --factors: a factor
                   does not move, is a rate or a level, or repeats others
None of these is certain: real moves may be among them, and data without a
finding may be wrong.

Where there are high and low it also prints what the bars say of the bid-ask
spread (Corwin & Schultz 2012, Abdi & Ranaldo 2017), beside the median quoted
spread where there are bid and ask.

FILE is a Parquet table with a row for each finding: timestamp, symbol,
problem, detail. The data is the same as for `betaflow replay`, sorted by
time; --set data.price=adj_close looks at that column alone.

Of a capture of a venue (JSON lines, as `paper` records them) it says what the
adapter makes of it: messages by type, those that are unknown or refused,
missing numbers, and what there is of each symbol. --bars 1m makes bars of its
trades, which --out writes as `betaflow replay --prices` reads them:
  betaflow check binance.jsonl --venue binance --bars 1m --out bars.parquet

The exit code is 0 where the check ran, whatever it found.

In Python:
  wrong = pd.read_parquet(\"findings.parquet\")
  wrong[wrong.problem == \"copied_bar\"].symbol.value_counts()";

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Parquet file, or folder of files, with prices; or a capture of a venue
    #[arg(value_name = "DATA")]
    pub data: PathBuf,
    /// Parquet table to write: a row for each finding, or of a capture for each bar
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Parquet file with factor returns, to see whether they belong to the same days
    #[arg(long, value_name = "PATH")]
    pub factors: Option<PathBuf>,
    /// The venue that a capture is of, such as binance
    #[arg(long, value_name = "NAME")]
    pub venue: Option<String>,
    /// Make bars of this length of a capture, such as 1m
    #[arg(long, value_name = "TIME", requires = "venue")]
    pub bars: Option<String>,
    /// Print the result as JSON on standard output, and nothing else there
    #[arg(long)]
    pub json: bool,
    /// Settings in a TOML file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One setting, over those of the file; may be given many times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// First date, such as 2015-01-31; earlier data is not seen at all
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// Last date, included
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
}

impl CheckArgs {
    /// As the commands that run have it.
    pub(crate) fn input(&self) -> InputArgs {
        InputArgs {
            prices: Some(self.data.clone()),
            factors: self.factors.clone(),
            config: self.config.clone(),
            set: self.set.clone(),
            from: self.from.clone(),
        }
    }
}
