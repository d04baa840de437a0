//! Errors of data, each with its place, finding, expectation and a remedy that changes the data.
//!
//! The program adds the names of settings and commands from the fields of the variants.

use std::io;

use betaflow_engine::assembly::AssemblyError;
use betaflow_engine::execution::Need;
use betaflow_engine::frame::Field;
use betaflow_engine::time::{Iso, TimestampNs};

use super::benchmark::BenchmarkFault;
use super::given_error::GivenError;
use super::place::Place;
use crate::did_you_mean::question;
use crate::import::ImportError;
use crate::iso_time::has_form;

/// Column whose name is configurable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedColumn {
    /// Instrument of each row.
    Symbol,
    /// Time of each row.
    Time,
    /// Number of the bar.
    Of(Field),
}

/// Error of a connector.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Path that does not exist.
    #[error("{path}: no such file or folder{}; check the spelling{}", current_folder(.path), question(.nearest.as_deref()))]
    NotFound {
        /// Path.
        path: String,
        /// Nearest name in the folder.
        nearest: Option<String>,
    },
    /// System error on reading.
    #[error("{path}: cannot be read: {source}; check the permissions and the disk")]
    Io {
        /// Path.
        path: String,
        /// System error.
        source: io::Error,
    },
    /// More files that overlap in time than the process may open.
    #[error(
        "{path}: cannot be opened: found {open} open files that overlap in time, expected no more than the limit \
         of this process; raise the limit (`ulimit -n`), or write the data into fewer files, such as one per year"
    )]
    TooManyFiles {
        /// File that could not be opened.
        path: String,
        /// Number of open files.
        open: usize,
    },
    /// Folder without Parquet files.
    #[error(
        "{folder}: found no file named `*.parquet`, `*.parq`, `*.csv`, `*.tsv` or `*.csv.gz` in the folder; expected at least one"
    )]
    NoFiles {
        /// Path of the folder.
        folder: String,
    },
    /// File of 0 bytes.
    #[error(
        "{file}: the file is empty (0 bytes), expected a table with rows; check that it was written completely"
    )]
    EmptyFile {
        /// Path of the file.
        file: String,
    },
    /// Files without any row.
    #[error("{file}: found 0 rows, expected at least one; check that the file was written completely")]
    NoRows {
        /// Path of the file or folder.
        file: String,
    },
    /// File of another format.
    #[error(
        "{file}: not a Parquet file: found {found} at its start, expected `PAR1`; give a text table a name that ends with \
         .csv, and convert other files, such as with pandas: pd.read_excel(...).to_parquet(...)"
    )]
    NotParquet {
        /// Path of the file.
        file: String,
        /// First bytes of the file.
        found: String,
    },
    /// File with the name of a text table and another content.
    #[error(
        "{file}: not a text table: found {found} at its start, expected a line with the names of the columns, separated by \
         commas, semicolons, tabs or vertical bars, and a line for each row; save it again as CSV"
    )]
    NotText {
        /// Path of the file.
        file: String,
        /// First bytes of the file.
        found: String,
    },
    /// Parquet file with an unreadable footer.
    #[error(
        "{file}: the Parquet file is truncated or damaged: it starts with `PAR1`, but its footer cannot be read \
         ({cause}); copy or write it again"
    )]
    Truncated {
        /// Path of the file.
        file: String,
        /// Cause, as reported by the reader.
        cause: String,
    },
    /// Row group that cannot be decoded.
    #[error(
        "{file}: row group {row_group} (rows {first_row} to {last_row}, counting from 0), columns {columns}: cannot \
         be decoded ({cause}); the file is damaged there; copy or write it again"
    )]
    Corrupt {
        /// Path of the file.
        file: String,
        /// Row group, counting from 0.
        row_group: usize,
        /// First row of the row group.
        first_row: u64,
        /// Last row of the row group.
        last_row: u64,
        /// Columns being read.
        columns: String,
        /// Cause, as reported by the reader.
        cause: String,
    },
    /// Encrypted file.
    #[error(
        "{file}: found an encrypted Parquet file, expected an unencrypted one; decrypt it first, such as with pyarrow and \
         the key: pq.write_table(pq.read_table(...), ...)"
    )]
    Encrypted {
        /// Path of the file.
        file: String,
    },
    /// Column with an unsupported type, codec or encoding.
    #[error(
        "{file}: column `{column}` has {what}, which is not supported (the file may be fine); write the column as a \
         plain type with a common codec, such as with pandas: df.to_parquet(..., compression=\"zstd\")"
    )]
    Unsupported {
        /// Path of the file.
        file: String,
        /// Name of the column.
        column: String,
        /// Type, codec or encoding of the column.
        what: String,
    },
    /// Two columns with the same name.
    #[error(
        "{file}: columns {} and {} (counting from 0) are both named `{column}`, expected one of each name; rename or \
         drop one", .columns.0, .columns.1
    )]
    DuplicateColumn {
        /// Path of the file.
        file: String,
        /// Repeated name.
        column: String,
        /// Positions of both columns.
        columns: (usize, usize),
    },
    /// Missing column.
    #[error(
        "{file}: no column `{column}` ({role}); found the columns {found}{}",
        suggestion(.nearest.as_deref())
    )]
    MissingColumn {
        /// Path of the file.
        file: String,
        /// Expected name.
        column: String,
        /// Content of the column.
        role: &'static str,
        /// Reason why the run needs the column, if a setting requires it.
        need: Option<Need>,
        /// Columns of the file.
        found: String,
        /// Most similar name among these columns.
        nearest: Option<Box<str>>,
        /// Column whose name is configurable, if this is one.
        named: Option<NamedColumn>,
    },
    /// Column of an unexpected type.
    #[error("{file}: column `{column}` has the type {found}, expected {expected}; {hint}")]
    WrongType {
        /// Path of the file.
        file: String,
        /// Name of the column.
        column: String,
        /// Type of the column.
        found: String,
        /// Accepted types.
        expected: &'static str,
        /// Remedy.
        hint: &'static str,
    },
    /// Two columns with the same role.
    #[error("{file}: found both `{first}` and `{second}` as the {role}, expected one")]
    Ambiguous {
        /// Path of the file.
        file: String,
        /// First column.
        first: String,
        /// Second column.
        second: String,
        /// Role of the column.
        role: &'static str,
    },
    /// Rows out of time order.
    #[error(
        "{place}: found {}, expected {} (the latest time so far) or later; sort the file by time, with pandas: \
         df.sort_values(\"{}\")", Iso(*.found), Iso(*.previous), .place.column
    )]
    Unsorted {
        /// First row that is too early.
        place: Box<Place>,
        /// Time of the row.
        found: TimestampNs,
        /// Time of the preceding row.
        previous: TimestampNs,
    },
    /// Two rows of an instrument at one time.
    #[error(
        "{place}: found a second row of `{symbol}` at {}, expected one; remove one", Iso(*.time)
    )]
    Duplicate {
        /// Second row.
        place: Box<Place>,
        /// Symbol of the instrument.
        symbol: String,
        /// Time of the row.
        time: TimestampNs,
    },
    /// Row of a symbol after its change to another one.
    #[error(
        "{place}: found a row of `{symbol}` at {}, expected none, because data.renames replaces the symbol by another one; \
         correct the date of the change, or give the other instrument a symbol of its own", Iso(*.time)
    )]
    Renamed {
        /// The row.
        place: Box<Place>,
        /// Old symbol.
        symbol: String,
        /// Time of the row.
        time: TimestampNs,
    },
    /// Invalid number.
    #[error(
        "{place}: found {found} for `{symbol}` at {}, expected {expected}; correct it, or make it null if the \
         instrument did not trade", Iso(*.time)
    )]
    BadValue {
        /// Place of the cell.
        place: Box<Place>,
        /// Symbol of the instrument.
        symbol: String,
        /// Time of the row.
        time: TimestampNs,
        /// Value found.
        found: String,
        /// Valid values.
        expected: &'static str,
    },
    /// Error of a file of forecasts, weights or a risk model.
    #[error(transparent)]
    Given(#[from] GivenError),
    /// Half-spread that is missing, repeated or out of range.
    #[error(
        "{place}: found {found} for `{symbol}`, expected one number per instrument from 0 to 1e4 bps; correct the file"
    )]
    BadHalfSpread {
        /// Place of the cell.
        place: Box<Place>,
        /// Symbol of the instrument.
        symbol: String,
        /// Content of the cell.
        found: String,
    },
    /// Benchmark that cannot be used.
    #[error(transparent)]
    Benchmark(#[from] BenchmarkFault),
    /// Quantity of the holdings that is not a number, or a repeated instrument.
    #[error(
        "{place}: found {found} for {holder}, expected one number for each instrument held, and for cash in one row without a \
         symbol; correct the file"
    )]
    BadHolding {
        /// Place of the cell.
        place: Box<Place>,
        /// Symbol of the instrument, or cash.
        holder: String,
        /// Content of the cell.
        found: String,
    },
    /// Invalid cell of a small file about instruments or dates.
    #[error("{place}: found {found}, expected {expected}; correct the file")]
    BadCell {
        /// Place of the cell.
        place: Box<Place>,
        /// Content of the cell.
        found: String,
        /// Valid contents.
        expected: String,
    },
    /// Row without time or symbol.
    #[error("{place}: found null, expected a value in every row; fill it in or remove the row")]
    NullKey {
        /// Place of the cell.
        place: Box<Place>,
    },
    /// Time outside the range of 64-bit nanoseconds.
    #[error("{place}: found a time outside the years 1678 to 2262, expected one inside; check its unit")]
    TimeOutOfRange {
        /// Place of the cell.
        place: Box<Place>,
    },
    /// Text in a time column that is not a date.
    #[error("{place}: found {found:?}, expected {}", expected_time(.found))]
    NoDate {
        /// Place of the cell.
        place: Box<Place>,
        /// Text of the cell.
        found: String,
    },
    /// Empty symbol.
    #[error(
        "{place}: found the symbol {found:?}, expected the name of an instrument; fill it in or remove the row"
    )]
    EmptySymbol {
        /// Place of the cell.
        place: Box<Place>,
        /// Text of the cell.
        found: String,
    },
    /// Folder name without a valid date.
    #[error("{file}: the folder `{key}={value}` names a time, expected a date as in `{key}=2024-01-31`")]
    PartitionTime {
        /// Path of the file.
        file: String,
        /// Key of the folder name.
        key: String,
        /// Value of the folder name.
        value: String,
    },
    /// Rows exist, but none in the requested range.
    #[error(
        "{file}: found no price between {from} and {to}, expected a range that overlaps the data: {found}"
    )]
    NothingInRange {
        /// Path of the file or folder.
        file: String,
        /// Start of the range.
        from: String,
        /// End of the range.
        to: String,
        /// Range of the data.
        found: String,
    },
    /// Rows exist, but none before the sealed period.
    #[error(
        "{file}: found no row before {}, the start of the hold-out, expected data before it", Iso(*.seal)
    )]
    NothingBeforeSeal {
        /// Path of the file or folder.
        file: String,
        /// Start of the sealed period.
        seal: TimestampNs,
    },
    /// Number in a file of returns that is not a return.
    #[error(
        "{place}: found {found} at {}, expected a simple return as a decimal: finite, above -1 and at most \
         10; check whether it is missing, in percent, or a price", Iso(*.time)
    )]
    BadFactor {
        /// Place of the cell.
        place: Box<Place>,
        /// Time of the row.
        time: TimestampNs,
        /// Value found.
        found: String,
    },
    /// Risk-free return above any plausible rate.
    #[error(
        "{place}: found {found} at {}, which is {:.0} % a year by the spacing of the rows, expected at most {:.0} %: a \
         simple return per row as a decimal; divide an annual rate by the rows per year, or a rate in percent by 100", Iso(*.time), 100.0 * .annual, 100.0 * .max
    )]
    BadRiskFree {
        /// Place of the cell.
        place: Box<Place>,
        /// Time of the row.
        time: TimestampNs,
        /// Value found.
        found: f64,
        /// Return compounded over a year.
        annual: f64,
        /// Maximum annual rate.
        max: f64,
    },
    /// Rows of returns whose times are not strictly increasing.
    #[error(
        "{place}: found {} after {}, expected a later time; sort the rows by time and remove duplicates",
        Iso(*.found), Iso(*.previous)
    )]
    FactorOrder {
        /// Row of the file.
        place: Box<Place>,
        /// Time of the row.
        found: TimestampNs,
        /// Time of the preceding row.
        previous: TimestampNs,
    },
    /// Frame without a factor row, inside the factors' range.
    #[error(
        "{file}: no factor row for the frame at {}: the rows around it are at {} and {}; {}",
        Iso(*.frame), Iso(*.before), Iso(*.after), gap_remedy(*.zone)
    )]
    FactorGap {
        /// Path of the factor file.
        file: String,
        /// Time of the frame.
        frame: TimestampNs,
        /// Last row before the frame.
        before: TimestampNs,
        /// First row after the frame.
        after: TimestampNs,
        /// Zone, other than UTC, whose midnights the frames are.
        zone: Option<&'static str>,
    },
    /// Factor row that would be joined to a frame of another date.
    #[error(
        "{file}: the frame at {} would get the factor row of {}, the only one since the preceding frame, but of \
         another date{}; give prices and factors the same dates, with pandas: df[\"date\"] = \
         df[\"date\"]{}.dt.tz_localize(None)",
        Iso(*.frame), Iso(*.row), zones(*.frame_zone, *.row_zone),
        conversion(*.frame_zone, *.row_zone)
    )]
    FactorOfAnotherDate {
        /// Path of the factor file.
        file: String,
        /// Time of the frame.
        frame: TimestampNs,
        /// Row of the factor file.
        row: TimestampNs,
        /// Zone whose midnights the frames are.
        frame_zone: Option<&'static str>,
        /// Zone whose midnights the rows are.
        row_zone: Option<&'static str>,
    },
    /// Daily factors for frames inside the day.
    #[error(
        "{file}: the factor rows are dates, but the frames at {} and {} lie inside one day: a day's factor return \
         is not known inside the day (look-ahead); use factors with the frames' own times", Iso(*.first), Iso(*.second)
    )]
    FactorsOfDays {
        /// Path of the factor file.
        file: String,
        /// First frame inside the day.
        first: TimestampNs,
        /// Second frame inside the day.
        second: TimestampNs,
    },
    /// Factors and prices without a common period.
    #[error(
        "{factors}: the factors do not overlap with the prices: factor rows from {} to {}, frames from {} to {}; \
         check the files and the range of dates",
        Iso(.factor_range.0), Iso(.factor_range.1), Iso(.frame_range.0), Iso(.frame_range.1)
    )]
    NoOverlap {
        /// Path of the factor file.
        factors: String,
        /// Times of the first and the last factor row.
        factor_range: (TimestampNs, TimestampNs),
        /// Times of the first and the last frame.
        frame_range: (TimestampNs, TimestampNs),
    },
    /// Factors from both a file and instruments.
    #[error(
        "factors: found both a factor file and factor expressions, expected one of them; remove the other"
    )]
    FactorsTwice,
    /// Wide data for settings that need more than one number per bar.
    #[error(
        "{file}: found wide data (one column per symbol, one number per bar), expected the column `{column}`, {}; use tidy \
         data with the columns `symbol` and `{column}`, or remove the setting that needs it", .need.purpose()
    )]
    WideBars {
        /// Path of the file.
        file: String,
        /// Missing column.
        column: String,
        /// Reason why the run needs it.
        need: Need,
    },
    /// Number that a message of a feed cannot hold.
    #[error(
        "{file}: `{}` of `{symbol}` at {}: found {found}, expected a finite number or null; correct the file", .field.names()[0], Iso(*.time)
    )]
    NotFinite {
        /// Path of the file.
        file: String,
        /// Name of the column.
        field: Field,
        /// Symbol of the instrument.
        symbol: String,
        /// Time of the row.
        time: TimestampNs,
        /// Value found.
        found: f64,
    },
    /// Text file, or several factor files.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// Assembly rules that contradict each other.
    #[error("{0}")]
    Rules(AssemblyError),
    /// Settings that contradict each other or the data.
    #[error("{0}")]
    Settings(String),
    /// Rows that are valid individually but cannot form frames together.
    #[error("{file}: {source}")]
    Assembly {
        /// Path of the file or folder.
        file: String,
        /// Error of the assembly.
        source: AssemblyError,
    },
}

impl DataError {
    /// Adds the reason why the run needs a missing column.
    #[must_use]
    pub(crate) fn needed_for(mut self, reason: Need) -> Self {
        if let Self::MissingColumn { need, .. } = &mut self {
            *need = Some(reason);
        }
        self
    }
}

/// Returns the remedy for a frame without a factor row.
fn gap_remedy(zone: Option<&str>) -> String {
    match zone {
        Some(zone) => format!(
            "the prices resemble midnights in the time zone {zone}; give them dates, with pandas: df[\"date\"] = \
             df[\"date\"].dt.tz_convert(\"{zone}\").dt.tz_localize(None)"
        ),
        None => "add the row".to_owned(),
    }
}

/// Returns the zones whose midnights the times of prices and factors resemble, as text.
fn zones(frames: Option<&str>, rows: Option<&str>) -> String {
    let like = |what, zone: &str| format!("the {what} resemble midnights in the time zone {zone}");
    match (frames, rows) {
        (Some(frames), Some(rows)) => format!(" ({}, {})", like("prices", frames), like("factors", rows)),
        (Some(frames), None) => format!(" ({})", like("prices", frames)),
        (None, Some(rows)) => format!(" ({})", like("factors", rows)),
        (None, None) => " (check whether the prices are stamped at midnight of another time zone)".to_owned(),
    }
}

/// Returns the pandas conversion of times to the zone whose midnights they are.
fn conversion(frames: Option<&str>, rows: Option<&str>) -> String {
    let zone = frames.into_iter().chain(rows).find(|zone| *zone != "UTC");
    zone.map(|zone| format!(".dt.tz_convert(\"{zone}\")")).unwrap_or_default()
}

/// Returns what a time column holds, and how to get there from a text.
fn expected_time(found: &str) -> &'static str {
    match has_form("YYYY-MM-DD", found) {
        true => "a day and time that the calendar has; correct the cell",
        false => {
            "an ISO date or time such as 2024-01-31 or 2024-01-31T16:00:00Z; convert the column, such as with pandas: \
             pd.to_datetime(...)"
        }
    }
}

/// Returns the remedy for a missing column.
fn suggestion(nearest: Option<&str>) -> String {
    let rename = if nearest.is_some() { "rename it" } else { "rename one" };
    format!("{}; {rename}", question(nearest))
}

/// Returns a note about the current folder, if the path is relative or lies below it.
fn current_folder(path: &str) -> String {
    let Ok(folder) = std::env::current_dir() else { return String::new() };
    let path = std::path::Path::new(path);
    match path.is_relative() || path.starts_with(&folder) {
        true => format!(" (relative paths count from the current folder {})", folder.display()),
        false => String::new(),
    }
}
