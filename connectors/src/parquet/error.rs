//! Errors of data, each with its place, the values found and expected, and a remedy within the data.
//!
//! Settings and commands are named by the program, from the fields of the variants.

use std::fmt;
use std::io;

use betaflow_engine::assembly::AssemblyError;
use betaflow_engine::execution::Need;
use betaflow_engine::frame::Field;
use betaflow_engine::time::{Iso, TimestampNs};

use crate::did_you_mean::question;

/// A cell or a row of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: String,
    /// Row of the whole file, counting from 0.
    pub row: u64,
    /// The column.
    pub column: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: row {} (counting from 0), column `{}`", self.file, self.row, self.column)
    }
}

/// Column whose name is a setting of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedColumn {
    /// Instrument of each row.
    Symbol,
    /// Time of each row.
    Time,
    /// A number of the bar.
    Of(Field),
}

/// An error of a connector.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The path names nothing.
    #[error("{path}: there is no such file or folder; check the spelling{}", question(.nearest.as_deref()))]
    NotFound {
        /// The path.
        path: String,
        /// The nearest name in the folder.
        nearest: Option<String>,
    },
    /// The system refuses to read.
    #[error("{path}: cannot be read: {source}; check the permissions and the disk")]
    Io {
        /// The path.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// More files overlap in time than the process can have open.
    #[error(
        "{path}: cannot be opened: {open} files that overlap in time are open already, which is all that this \
         process may have; raise the limit (`ulimit -n`), or write the data into fewer files, such as one a year"
    )]
    TooManyFiles {
        /// The file that could not be opened.
        path: String,
        /// How many are open.
        open: usize,
    },
    /// A folder without any Parquet file.
    #[error("{folder}: found no file named `*.parquet` or `*.parq` in the folder; expected at least one")]
    NoFiles {
        /// The folder.
        folder: String,
    },
    /// A file of 0 bytes.
    #[error("{file}: the file is empty (0 bytes), expected a Parquet file; was it written completely?")]
    EmptyFile {
        /// The file.
        file: String,
    },
    /// Files without any row.
    #[error("{file}: found 0 rows, expected at least one; was it written completely?")]
    NoRows {
        /// The file, or the folder.
        file: String,
    },
    /// Something else than Parquet.
    #[error(
        "{file}: this is not a Parquet file: it starts with {found}, expected `PAR1`; convert it first, such as \
         with pandas: pd.read_csv(...).to_parquet(...)"
    )]
    NotParquet {
        /// The file.
        file: String,
        /// The first bytes.
        found: String,
    },
    /// Parquet at its beginning only.
    #[error(
        "{file}: the Parquet file is truncated or damaged: it starts with `PAR1`, but its footer cannot be read \
         ({cause}); copy or write it again"
    )]
    Truncated {
        /// The file.
        file: String,
        /// What the reader says.
        cause: String,
    },
    /// A part in the middle that cannot be decoded.
    #[error(
        "{file}: row group {row_group} (rows {first_row} to {last_row}, counting from 0), columns {columns}: cannot \
         be decoded ({cause}); the file is damaged there, copy or write it again"
    )]
    Corrupt {
        /// The file.
        file: String,
        /// The row group, counting from 0.
        row_group: usize,
        /// Its first row.
        first_row: u64,
        /// Its last row.
        last_row: u64,
        /// The columns that are read.
        columns: String,
        /// What the reader says.
        cause: String,
    },
    /// A file that only its key opens.
    #[error(
        "{file}: the Parquet file is encrypted, expected one that is not; decrypt it first, such as with pyarrow and \
         the key: pq.write_table(pq.read_table(...), ...)"
    )]
    Encrypted {
        /// The file.
        file: String,
    },
    /// A column that is stored in a way that is not supported.
    #[error(
        "{file}: column `{column}` has {what}, which is not supported (the file may be fine); write the column as a \
         plain type with a common codec, such as with pandas: df.to_parquet(..., compression=\"zstd\")"
    )]
    Unsupported {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// Its type, codec or encoding.
        what: String,
    },
    /// Two columns of one name.
    #[error(
        "{file}: columns {} and {} (counting from 0) are both named `{column}`, expected one of each name; rename or \
         drop one", .columns.0, .columns.1
    )]
    DuplicateColumn {
        /// The file.
        file: String,
        /// The name.
        column: String,
        /// Positions of the two.
        columns: (usize, usize),
    },
    /// A column that must be there.
    #[error(
        "{file}: there is no column `{column}` ({role}); found the columns {found}{}",
        suggestion(.nearest.as_deref())
    )]
    MissingColumn {
        /// The file.
        file: String,
        /// The name that was expected.
        column: String,
        /// Content of the column.
        role: &'static str,
        /// Reason why the run needs it, if other than the form of the data.
        need: Option<Need>,
        /// The columns of the file.
        found: String,
        /// The most similar name among them.
        nearest: Option<Box<str>>,
        /// The column whose name is a setting, if it is one.
        named: Option<NamedColumn>,
    },
    /// A column of a type that cannot be meant.
    #[error("{file}: column `{column}` has the type {found}, expected {expected}; {hint}")]
    WrongType {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// The types that are read.
        expected: &'static str,
        /// Remedy.
        hint: &'static str,
    },
    /// Two columns that may both be meant.
    #[error("{file}: found both `{first}` and `{second}` as the {role}, expected one")]
    Ambiguous {
        /// The file.
        file: String,
        /// One column.
        first: String,
        /// The other.
        second: String,
        /// What one of them must be.
        role: &'static str,
    },
    /// Rows that are not in time order.
    #[error(
        "{place}: found {}, expected {} (the latest time before) or later; sort the file by time, with pandas: \
         df.sort_values(\"{}\")", Iso(*.found), Iso(*.previous), .place.column
    )]
    Unsorted {
        /// The first row that is too early.
        place: Box<Place>,
        /// Its time.
        found: TimestampNs,
        /// The time before it.
        previous: TimestampNs,
    },
    /// An instrument with two rows at one time.
    #[error(
        "{place}: found a second row of `{symbol}` at {}, expected one; remove one", Iso(*.time)
    )]
    Duplicate {
        /// The second row.
        place: Box<Place>,
        /// The instrument.
        symbol: String,
        /// The time.
        time: TimestampNs,
    },
    /// A number that is neither null nor valid.
    #[error(
        "{place}: found {found} for `{symbol}` at {}, expected {expected}; correct it, or make it null if the \
         instrument did not trade", Iso(*.time)
    )]
    BadValue {
        /// The cell.
        place: Box<Place>,
        /// The instrument.
        symbol: String,
        /// The time.
        time: TimestampNs,
        /// The number.
        found: String,
        /// The valid values.
        expected: &'static str,
    },
    /// A half-spread that cannot be used.
    #[error("{place}: found {found} for `{symbol}`, expected one number of bps from 0 to 1e4 an instrument")]
    BadHalfSpread {
        /// The cell.
        place: Box<Place>,
        /// The instrument.
        symbol: String,
        /// What is there.
        found: String,
    },
    /// A row without time or symbol.
    #[error("{place}: found null, expected a value in every row; remove the row or fill it in")]
    NullKey {
        /// The cell.
        place: Box<Place>,
    },
    /// A time that nanoseconds cannot count.
    #[error("{place}: found a time outside the years 1678 to 2262, expected one inside; check its unit")]
    TimeOutOfRange {
        /// The cell.
        place: Box<Place>,
    },
    /// A text in a time column that is no date.
    #[error(
        "{place}: found {found:?}, expected an ISO date or time such as 2024-01-31 or 2024-01-31T16:00:00Z; convert the \
         column, such as with pandas: pd.to_datetime(...)"
    )]
    NoDate {
        /// The cell.
        place: Box<Place>,
        /// The text.
        found: String,
    },
    /// A symbol without a character.
    #[error(
        "{place}: found the symbol {found:?}, expected the name of an instrument; fill it in or remove the row"
    )]
    EmptySymbol {
        /// The cell.
        place: Box<Place>,
        /// The text.
        found: String,
    },
    /// The name of a folder that does not hold a date.
    #[error("{file}: the folder `{key}={value}` names a time, expected a date as in `{key}=2024-01-31`")]
    PartitionTime {
        /// The file.
        file: String,
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// Rows, but none in the range that was asked for.
    #[error("{file}: found no price between {from} and {to}: the data covers {found}")]
    NothingInRange {
        /// The file, or the folder.
        file: String,
        /// Lower end.
        from: String,
        /// Upper end.
        to: String,
        /// What there is.
        found: String,
    },
    /// Rows, but none before the sealed period.
    #[error(
        "{file}: found no row before {}, where the hold-out begins, expected data before it", Iso(*.seal)
    )]
    NothingBeforeSeal {
        /// The file, or the folder.
        file: String,
        /// Where the sealed period begins.
        seal: TimestampNs,
    },
    /// A number in the factor file that is not a return.
    #[error(
        "{place}: found {found} at {}, expected a simple return as a decimal: finite, above -1 and at most \
         10; is it missing, in percent, or no return at all?", Iso(*.time)
    )]
    BadFactor {
        /// The cell.
        place: Box<Place>,
        /// The time.
        time: TimestampNs,
        /// The number.
        found: String,
    },
    /// A risk-free return that is larger than any rate of its time.
    #[error(
        "{place}: found {found} at {}, which is {:.0} % a year by the spacing of the rows, expected at most {:.0} %: a \
         simple return per row as a decimal; is it an annual rate, or in percent? divide it by the rows of a year, or by \
         100", Iso(*.time), 100.0 * .annual, 100.0 * .max
    )]
    BadRiskFree {
        /// The cell.
        place: Box<Place>,
        /// The time.
        time: TimestampNs,
        /// The number.
        found: f64,
        /// The same compounded over a year.
        annual: f64,
        /// Largest rate a year that is accepted.
        max: f64,
    },
    /// Factor rows that are not in strictly increasing time order.
    #[error(
        "{place}: found {} after {}, expected a later time: factor rows are sorted and have no duplicates",
        Iso(*.found), Iso(*.previous)
    )]
    FactorOrder {
        /// The row.
        place: Box<Place>,
        /// Its time.
        found: TimestampNs,
        /// The time before it.
        previous: TimestampNs,
    },
    /// A frame without a factor row, inside the factors' range.
    #[error(
        "{file}: no factor row for the frame at {}: the rows around it are at {} and {}; {}",
        Iso(*.frame), Iso(*.before), Iso(*.after), gap_remedy(*.zone)
    )]
    FactorGap {
        /// The factor file.
        file: String,
        /// The frame.
        frame: TimestampNs,
        /// The last row before it.
        before: TimestampNs,
        /// The first row after it.
        after: TimestampNs,
        /// The zone, other than UTC, whose midnights the frames are.
        zone: Option<&'static str>,
    },
    /// A factor row for a frame of another date.
    #[error(
        "{file}: the frame at {} would get the factor row of {}, the only one since the frame before it and of \
         another date{}; give prices and factors the same dates, with pandas: df[\"date\"] = \
         df[\"date\"]{}.dt.tz_localize(None)",
        Iso(*.frame), Iso(*.row), zones(*.frame_zone, *.row_zone),
        conversion(*.frame_zone, *.row_zone)
    )]
    FactorOfAnotherDate {
        /// The factor file.
        file: String,
        /// The frame.
        frame: TimestampNs,
        /// The row.
        row: TimestampNs,
        /// The zone whose midnights the frames are.
        frame_zone: Option<&'static str>,
        /// The zone whose midnights the rows are.
        row_zone: Option<&'static str>,
    },
    /// Daily factors for frames inside the day.
    #[error(
        "{file}: the factor rows are dates, but the frames at {} and {} lie inside one day: a day's factor return \
         is not known inside the day (look-ahead); use factors with the frames' own times", Iso(*.first), Iso(*.second)
    )]
    FactorsOfDays {
        /// The factor file.
        file: String,
        /// A frame.
        first: TimestampNs,
        /// The next frame.
        second: TimestampNs,
    },
    /// Factors and prices of different times.
    #[error(
        "{factors}: the factors do not overlap with the prices: factor rows from {} to {}, frames from {} to {}; \
         check the files and the range of dates",
        Iso(.factor_range.0), Iso(.factor_range.1), Iso(.frame_range.0), Iso(.frame_range.1)
    )]
    NoOverlap {
        /// The factor file.
        factors: String,
        /// First and last factor row.
        factor_range: (TimestampNs, TimestampNs),
        /// First and last frame.
        frame_range: (TimestampNs, TimestampNs),
    },
    /// Factors both from a file and from instruments.
    #[error(
        "factors: found both a file of factors and factors made of instruments, expected one; leave one out"
    )]
    FactorsTwice,
    /// Wide data for settings that need more than one number of each bar.
    #[error(
        "{file}: the data is wide (one column a symbol) and has one number a bar: there is no `{column}`, {}; use tidy \
         data with the columns `symbol` and `{column}`, or leave out the setting that needs it", .need.purpose()
    )]
    WideBars {
        /// The file.
        file: String,
        /// The column that is missing.
        column: String,
        /// Reason why the run needs it.
        need: Need,
    },
    /// A number that a message of a feed cannot hold.
    #[error(
        "{file}: `{}` of `{symbol}` is {found} at {}, which a message cannot hold; expected a finite number or null: correct \
         the file", .field.names()[0], Iso(*.time)
    )]
    NotFinite {
        /// The file.
        file: String,
        /// The column.
        field: Field,
        /// The instrument.
        symbol: String,
        /// The time.
        time: TimestampNs,
        /// The number.
        found: f64,
    },
    /// Rules of the assembly that contradict each other.
    #[error("{0}")]
    Rules(AssemblyError),
    /// Settings that contradict each other or the data.
    #[error("{0}")]
    Settings(String),
    /// Rows that are valid one by one and cannot become frames together.
    #[error("{file}: {source}")]
    Assembly {
        /// The file, or the folder.
        file: String,
        /// What is wrong.
        source: AssemblyError,
    },
}

impl DataError {
    /// Adds to a missing column the reason why the run needs it.
    #[must_use]
    pub(crate) fn needed_for(mut self, reason: Need) -> Self {
        if let Self::MissingColumn { need, .. } = &mut self {
            *need = Some(reason);
        }
        self
    }
}

/// Remedy for a frame without a factor row.
fn gap_remedy(zone: Option<&str>) -> String {
    match zone {
        Some(zone) => format!(
            "the prices look like midnights in the time zone {zone}: give them dates, with pandas: df[\"date\"] = \
             df[\"date\"].dt.tz_convert(\"{zone}\").dt.tz_localize(None)"
        ),
        None => "add the row".to_owned(),
    }
}

/// Zones whose midnights the times of prices and factors look like.
fn zones(frames: Option<&str>, rows: Option<&str>) -> String {
    let like = |what, zone: &str| format!("the {what} look like midnights in the time zone {zone}");
    match (frames, rows) {
        (Some(frames), Some(rows)) => format!(" ({}, {})", like("prices", frames), like("factors", rows)),
        (Some(frames), None) => format!(" ({})", like("prices", frames)),
        (None, Some(rows)) => format!(" ({})", like("factors", rows)),
        (None, None) => " (are the prices stamped midnight in another time zone?)".to_owned(),
    }
}

/// How pandas converts times to the zone whose midnights they are.
fn conversion(frames: Option<&str>, rows: Option<&str>) -> String {
    let zone = frames.into_iter().chain(rows).find(|zone| *zone != "UTC");
    zone.map(|zone| format!(".dt.tz_convert(\"{zone}\")")).unwrap_or_default()
}

/// Remedy for a missing column.
fn suggestion(nearest: Option<&str>) -> String {
    let rename = if nearest.is_some() { "rename it" } else { "rename one" };
    format!("{}; {rename}", question(nearest))
}
