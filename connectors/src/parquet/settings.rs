//! What a Parquet source is asked for.

use std::path::PathBuf;

use betaflow_engine::assembly::{Expression, FactorGap, FrameColumn, Universe, Values};
use betaflow_engine::execution::Need;
use betaflow_engine::frame::Field;
use betaflow_engine::time::TimestampNs;
use bytes::Bytes;

/// Where a Parquet file or a folder of them is.
#[derive(Clone, Debug)]
pub enum Input {
    /// A file, or a folder that is searched for files with its sub-folders.
    Path(PathBuf),
    /// A file in memory, such as one embedded in the program.
    Bytes {
        /// What messages call it.
        name: String,
        /// Its content.
        bytes: Bytes,
    },
}

impl<P: Into<PathBuf>> From<P> for Input {
    fn from(path: P) -> Self {
        Self::Path(path.into())
    }
}

/// Which end of a bar its time column states. Frames carry the close, when the bar is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeIs {
    /// The close of the bar.
    #[default]
    Close,
    /// The open of the bar: its length is added.
    Open {
        /// Length of a bar in nanoseconds.
        bar_ns: i64,
    },
}

/// What happens to a row whose numbers are bad, which repeats an instrument's row, or whose time is too
/// early.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadRow {
    /// The data is refused.
    #[default]
    Error,
    /// The row (in wide data, the cell) is passed over and counted; of duplicates the first is kept.
    Skip,
    /// As `Skip`, and kept for [`ParquetSource::take_refused`](super::ParquetSource::take_refused), for whoever
    /// judges the data.
    Report,
}

/// Why a row was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The instrument has a row at this time already.
    Duplicate,
    /// The row comes after a later one.
    Unsorted,
    /// A number is neither null nor valid.
    Value,
}

/// A row that was passed over.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedRow {
    /// Its time, as frames have it.
    pub time: TimestampNs,
    /// Its instrument; empty in wide data where it is about the whole row.
    pub symbol: String,
    /// Why.
    pub refusal: Refusal,
    /// Where it is, what was found and what was expected.
    pub detail: String,
}

/// How price data is read.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Column of the price that trades. With `values = Returns` it is the column of returns, and then
    /// "close" means "return".
    pub price: String,
    /// Column of the price that returns are made of; `None` where it is `price`.
    pub return_price: Option<String>,
    /// Columns needed beside the close and the return price, with the reason; data without them is refused.
    pub required: Vec<(Field, Need)>,
    /// What frames have where the data has it, with whether it is checked as it is read.
    pub optional: Vec<FrameColumn>,
    /// Whether the data states prices or returns.
    pub values: Values,
    /// Name of the time column; `None` to look for `date`, `datetime`, `timestamp`, `ts` or `time`.
    pub time: Option<String>,
    /// Name of the symbol column; `None` for `symbol` or `ticker`.
    pub symbol: Option<String>,
    /// Names of columns, where they are not the usual ones; `"none"` for a column that is not to be read.
    pub names: Vec<(Field, String)>,
    /// Which end of the bar the time column states.
    pub time_is: TimeIs,
    /// Frames before this are not seen at all.
    pub from: Option<TimestampNs>,
    /// Frames after this are not seen at all.
    pub to: Option<TimestampNs>,
    /// Where a sealed period begins: the data of each file ends before its first row at or after this, and of what
    /// follows only the order of the times is checked.
    pub sealed_from: Option<TimestampNs>,
    /// What happens to bad rows.
    pub on_bad_row: BadRow,
    /// What happens to a frame without factors inside the factors' range.
    pub factor_gap: FactorGap,
    /// Largest risk-free rate a year that is accepted, 0.5 for 50 %.
    pub rf_max: f64,
    /// Which instruments become columns.
    pub universe: Universe,
    /// Factors made of instruments in the data, by name. Not together with a factor file.
    pub factors: Vec<(String, Expression)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            price: "close".to_owned(),
            return_price: None,
            required: Vec::new(),
            optional: Vec::new(),
            values: Values::Prices,
            time: None,
            symbol: None,
            names: Vec::new(),
            time_is: TimeIs::Close,
            from: None,
            to: None,
            sealed_from: None,
            on_bad_row: BadRow::Error,
            factor_gap: FactorGap::Error,
            rf_max: RF_MAX,
            universe: Universe::default(),
            factors: Vec::new(),
        }
    }
}

impl Settings {
    /// The column of the numbers that trade, or of the returns.
    pub(super) fn value_column(&self) -> &str {
        match self.values {
            values if values.are_returns() && self.price == "close" => "return",
            _ => &self.price,
        }
    }

    /// The name that was given to the column of a field.
    pub(super) fn name_of(&self, field: Field) -> Option<&str> {
        self.names.iter().find(|(named, _)| *named == field).map(|(_, name)| name.as_str())
    }

    /// What frames have beside the close, of what the data has.
    pub(crate) fn wanted(&self, has: impl Fn(Field) -> bool) -> Vec<FrameColumn> {
        let second = self.return_column().map(|_| Field::ReturnPrice);
        let checked = second.into_iter().chain(self.required.iter().map(|(field, _)| *field));
        let mut wanted: Vec<FrameColumn> =
            checked.map(|field| FrameColumn { field, checked: true }).collect();
        for optional in &self.optional {
            let known = wanted.iter().any(|column| column.field == optional.field);
            // Prices of returns belong to no index; a volume of 0 says the same of a return as of a price.
            if !known && (!self.values.are_returns() || optional.field == Field::Volume) {
                wanted.push(*optional);
            }
        }
        wanted.retain(|column| has(column.field));
        wanted
    }

    /// The second price, where it is another one.
    pub(crate) fn return_column(&self) -> Option<&str> {
        self.return_price.as_deref().filter(|name| *name != self.price)
    }

    /// What is added to the time column to get the close of the bar.
    pub(super) fn shift_ns(&self) -> i64 {
        match self.time_is {
            TimeIs::Close => 0,
            TimeIs::Open { bar_ns } => bar_ns,
        }
    }
}

/// Default of [`Settings::rf_max`].
pub const RF_MAX: f64 = 0.5;

/// The name of a column that is not to be read.
pub(super) const NO_COLUMN: &str = "none";
