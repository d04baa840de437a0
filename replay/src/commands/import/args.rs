//! Arguments of `import`.

use std::path::PathBuf;

use betaflow_connectors::import::DateOrder;
use clap::{Args, ValueEnum};

pub(in crate::commands) const IMPORT: &str = "\
Show how files were understood, and write them as one Parquet file.

The command reads CSV files (plain, .gz or .zip), files of Kenneth French's data
library as downloaded, and Parquet files. It prints format, columns, rows and
range. With --out it writes all rows, sorted by time, to one Parquet file.
All commands also read these files directly; an import saves the time to parse
them again.

  CSV          a header, then rows. Separator comma, semicolon, tab or |; a
               decimal comma with any separator but the comma. Empty cells, NA,
               NaN and null are missing. Numbers with thousands separators are
               refused
  dates        2024-01-31, 20240131, 2024/01/31, 31.01.2024, 31/01/2024 or
               01/31/2024 (the order that fits the whole column), with or
               without a time of day; seconds since 1970 are refused
  tidy         columns for time, symbol and numbers
  wide         a time column, and a column of numbers for each instrument
  one symbol   a file without symbols gets its name: AAPL.csv is AAPL
  Ken French   percent divided by 100; -99.99 and -999 missing; a month is its
               last calendar day. Files with several sections need --section,
               or FILE#NAME

Examples:
  betaflow import prices.csv.gz --out prices.parquet
  betaflow import AAPL.csv MSFT.csv --out prices.parquet
  betaflow import 10_Industry_Portfolios.CSV --section 1 --out industries.parquet
  betaflow replay --prices prices.csv --factors F-F_Research_Data_5_Factors.zip

In Python:
  prices = pd.read_parquet(\"prices.parquet\")";

/// Order of day and month.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum OrderArg {
    /// Day, month, year.
    Dmy,
    /// Month, day, year.
    Mdy,
}

impl From<OrderArg> for DateOrder {
    fn from(order: OrderArg) -> Self {
        match order {
            OrderArg::Dmy => Self::DayFirst,
            OrderArg::Mdy => Self::MonthFirst,
        }
    }
}

/// Arguments of `import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Files, or folders of files; FILE#NAME is a section.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Parquet file to write [default: none, only show how the files were understood].
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// Section of a file with stacked sections: its number, its title, or a part of it.
    #[arg(long, value_name = "NAME")]
    pub section: Option<String>,
    /// Symbol of a file of one instrument [default: the file name].
    #[arg(long, value_name = "NAME")]
    pub symbol: Option<String>,
    /// Column of times [default: date, datetime, timestamp, ts or time].
    #[arg(long, value_name = "COLUMN")]
    pub time: Option<String>,
    /// Column of symbols [default: symbol or ticker].
    #[arg(long, value_name = "COLUMN")]
    pub symbol_column: Option<String>,
    /// Order of day and month in dates such as 03/04/2020 [default: the order that fits all dates].
    #[arg(long, value_name = "ORDER")]
    pub date_order: Option<OrderArg>,
    /// Print the result as JSON, and nothing else, on standard output.
    #[arg(long)]
    pub json: bool,
}
