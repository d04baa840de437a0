//! Settings of a Parquet source.

use std::path::PathBuf;

use betaflow_engine::assembly::{Expression, FactorGap, FrameColumn, Renames, Universe, Values};
use betaflow_engine::execution::Need;
use betaflow_engine::frame::Field;
use betaflow_engine::time::{TimestampNs, Zone};
use bytes::Bytes;

use super::prepared::PreparedFile;
use crate::import::{Content, ImportOptions};

/// Location of a file or a folder of files.
#[derive(Clone, Debug)]
pub enum Input {
    /// File, or folder searched recursively.
    Path(PathBuf),
    /// File in memory, such as one embedded in the program.
    Bytes {
        /// Name in messages.
        name: String,
        /// Content.
        bytes: Bytes,
    },
    /// Several inputs: their rows together, or files of factors joined by time.
    Several(Vec<Input>),
    /// Table that [`prepare`](super::prepare) made of a file of another format or order.
    Prepared(PreparedFile),
    /// Arrow table in memory.
    Memory(super::MemoryTable),
}

impl<P: Into<PathBuf>> From<P> for Input {
    fn from(path: P) -> Self {
        Self::Path(path.into())
    }
}

/// End of a bar that the time column states. Frames carry the close, when the bar is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeIs {
    /// Close of the bar.
    #[default]
    Close,
    /// Open of the bar; its length is added.
    Open {
        /// Length of a bar, in ns.
        bar_ns: i64,
    },
}

/// Treatment of a row with invalid numbers, a duplicate row, or a row out of time order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadRow {
    /// Refuse the data.
    #[default]
    Error,
    /// Skip and count the row (in wide data, the cell); of duplicates the first is kept.
    Skip,
    /// Like `Skip`, and collect the row for `ParquetSource::take_refused`, for a data check.
    Report,
}

/// Reason for which a row was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Duplicate: the instrument already has a row at this time.
    Duplicate,
    /// Out of time order.
    Unsorted,
    /// Number that is neither null nor valid.
    Value,
}

/// Skipped row.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedRow {
    /// Time of the frame.
    pub time: TimestampNs,
    /// Instrument; empty if a whole row of wide data is affected.
    pub symbol: String,
    /// Reason.
    pub refusal: Refusal,
    /// Place, finding and expectation.
    pub detail: String,
}

/// Settings for reading price data.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Column of the traded price. With `values = Returns` it is the column of returns, and "close" then
    /// means "return".
    pub price: String,
    /// Column of the price from which returns are computed; `None`: `price`.
    pub return_price: Option<String>,
    /// Columns required besides the close and the return price, with the reason; data without them is
    /// refused.
    pub required: Vec<(Field, Need)>,
    /// Optional fields of frames, and whether they are checked when read.
    pub optional: Vec<FrameColumn>,
    /// Whether the data states prices or returns.
    pub values: Values,
    /// Name of the time column; `None`: `date`, `datetime`, `timestamp`, `ts` or `time`.
    pub time: Option<String>,
    /// Name of the symbol column; `None`: `symbol` or `ticker`.
    pub symbol: Option<String>,
    /// Names of columns that differ from the usual ones; `"none"` excludes a column.
    pub names: Vec<(Field, String)>,
    /// End of the bar that the time column states.
    pub time_is: TimeIs,
    /// First time of the frames.
    pub from: Option<TimestampNs>,
    /// Last time of the frames.
    pub to: Option<TimestampNs>,
    /// Start of the sealed period: the data of each file ends before its first row at or after this time, and
    /// behind it only the order of the times is checked.
    pub sealed_from: Option<TimestampNs>,
    /// Treatment of bad rows.
    pub on_bad_row: BadRow,
    /// Treatment of a frame without factors inside the factors' range.
    pub factor_gap: FactorGap,
    /// Maximum annual risk-free rate, 0.5 for 50 %.
    pub rf_max: f64,
    /// Instruments that become columns.
    pub universe: Universe,
    /// Factor expressions over instruments of the data, by name. Not combined with a factor file.
    pub factors: Vec<(String, Expression)>,
    /// Instrument of the benchmark, which is read even if it is not traded.
    pub benchmark: Option<String>,
    /// Time zone of the frames' dates.
    pub zone: Zone,
    /// Symbol changes of the instruments.
    pub renames: Renames,
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
            benchmark: None,
            zone: Zone::UTC,
            renames: Renames::default(),
        }
    }
}

impl Settings {
    /// Returns the column of the traded price, or of the returns.
    pub(super) fn value_column(&self) -> &str {
        match self.values {
            values if values.are_returns() && self.price == "close" => "return",
            _ => &self.price,
        }
    }

    /// Returns the configured column name of a field.
    pub(super) fn name_of(&self, field: Field) -> Option<&str> {
        self.names.iter().find(|(named, _)| *named == field).map(|(_, name)| name.as_str())
    }

    /// Returns the fields of frames besides the close, among those that the data has.
    pub(crate) fn wanted(&self, has: impl Fn(Field) -> bool) -> Vec<FrameColumn> {
        let second = self.return_column().map(|_| Field::ReturnPrice);
        let checked = second.into_iter().chain(self.required.iter().map(|(field, _)| *field));
        let mut wanted: Vec<FrameColumn> =
            checked.map(|field| FrameColumn { field, checked: true }).collect();
        for optional in &self.optional {
            let known = wanted.iter().any(|column| column.field == optional.field);
            // Returns have no index of prices; a volume of 0 means the same for a return as for a price.
            if !known && (!self.values.are_returns() || optional.field == Field::Volume) {
                wanted.push(*optional);
            }
        }
        wanted.retain(|column| has(column.field));
        wanted
    }

    /// Returns the options for reading a file that is not a Parquet file in time order.
    pub(super) fn import_options(&self, content: Content) -> ImportOptions {
        let is_prices = content == Content::Prices;
        let own = [Some(self.value_column()), self.return_column()].into_iter().flatten();
        let named = self.names.iter().map(|(_, name)| name.as_str()).filter(|name| *name != NO_COLUMN);
        ImportOptions {
            content,
            time: self.time.clone().filter(|_| is_prices),
            symbol: self.symbol.clone().filter(|_| is_prices),
            numbers: own.chain(named).filter(|_| is_prices).map(str::to_owned).collect(),
            sealed_from: self.sealed_from,
            ..ImportOptions::default()
        }
    }

    /// Returns the column of the return price if it differs from the price.
    pub(crate) fn return_column(&self) -> Option<&str> {
        self.return_price.as_deref().filter(|name| *name != self.price)
    }

    /// Returns the offset from the time column to the close of the bar, in ns.
    pub(super) fn shift_ns(&self) -> i64 {
        match self.time_is {
            TimeIs::Close => 0,
            TimeIs::Open { bar_ns } => bar_ns,
        }
    }
}

/// Default of [`Settings::rf_max`].
pub const RF_MAX: f64 = 0.5;

/// Column name that excludes a column.
pub(super) const NO_COLUMN: &str = "none";
