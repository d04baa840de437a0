//! Small files of facts about instruments or dates, read as a whole: groups, membership, fees, sessions.

use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, cast::AsArray};
use betaflow_engine::time::{DAY_NS, Date, Iso, TimestampNs};

use super::batches::{TABLE_BATCH_BYTES, batch_rows};
use super::columns::{is_number, is_text, is_time, numbers, text, times};
use super::input::Location;
use super::merge::name_of;
use super::place::Place;
use super::prepare::prepare;
use super::schema::Columns;
use super::settings::Input;
use crate::DataError;
use crate::import::{Content, ImportOptions};
use crate::iso_time::parse_time;

/// Content of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmallKind {
    /// Text; numbers are read as text.
    Text,
    /// Numbers or booleans; true is 1.
    Number,
    /// Times of day as text, or timestamps, read as text in UTC.
    Clock,
    /// Dates: dates, the dates of times, text such as 2015-01-31, or whole numbers such as 20150131.
    Date,
}

/// Column to read.
#[derive(Clone, Debug)]
pub struct SmallColumn<'a> {
    /// Name, ignoring case; `symbol` also stands for `ticker`.
    pub name: &'a str,
    /// Content of the column.
    pub kind: SmallKind,
    /// Meaning, such as "the group of the instrument", for the error without it.
    pub role: &'static str,
    /// True if a file without the column is an error.
    pub required: bool,
}

impl<'a> SmallColumn<'a> {
    /// A column that every file has.
    #[must_use]
    pub const fn required(name: &'a str, kind: SmallKind, role: &'static str) -> Self {
        Self { name, kind, role, required: true }
    }

    /// A column that a file may lack.
    #[must_use]
    pub const fn optional(name: &'a str, kind: SmallKind, role: &'static str) -> Self {
        Self { name, kind, role, required: false }
    }
}

/// Rows of a small file.
#[derive(Debug)]
pub struct SmallTable {
    location: Location,
    /// Name in the file and cells of each requested column; `None` for one that the file lacks.
    columns: Vec<Option<(String, Cells)>>,
    rows: usize,
}

#[derive(Debug)]
enum Cells {
    Text(Vec<Option<String>>),
    /// Numbers, NaN for null; a NaN in the data is minus infinity.
    Number(Vec<f64>),
    /// Days since 1970, `None` for null, and the text of what is not a date.
    Date(Vec<Result<Option<i64>, String>>),
}

impl SmallTable {
    /// Reads the columns of a file, Parquet or CSV, or of a table in memory. `content` names it in errors, as in "one
    /// file of groups".
    ///
    /// # Errors
    /// The file is missing or empty, or lacks a required column.
    pub fn read(input: &Input, content: &str, wanted: &[SmallColumn<'_>]) -> Result<Self, DataError> {
        let names = |kinds: &[SmallKind]| {
            let columns = wanted.iter().filter(|column| kinds.contains(&column.kind));
            columns.map(|column| column.name.to_owned()).collect()
        };
        let options = ImportOptions {
            content: Content::Table,
            texts: names(&[SmallKind::Text, SmallKind::Clock, SmallKind::Date]),
            numbers: names(&[SmallKind::Number]),
            ..ImportOptions::default()
        };
        let input = &prepare(input, &options)?;
        let file = name_of(input);
        let location = input.single(content)?;
        let table = location.open(0)?;
        let found = Columns { file: &file, schema: table.schema() };
        let positions: Vec<Option<usize>> =
            wanted.iter().map(|column| found.small(column)).collect::<Result<_, _>>()?;
        let mut projection: Vec<usize> = positions.iter().flatten().copied().collect();
        projection.sort_unstable();
        projection.dedup();
        let mut columns: Vec<Option<(String, Cells)>> = Vec::new();
        for (column, at) in wanted.iter().zip(&positions) {
            let cells = match column.kind {
                SmallKind::Text | SmallKind::Clock => Cells::Text(Vec::new()),
                SmallKind::Number => Cells::Number(Vec::new()),
                SmallKind::Date => Cells::Date(Vec::new()),
            };
            columns.push(at.map(|at| (table.schema().field(at).name().clone(), cells)));
        }
        let rows = batch_rows(projection.len().max(1), TABLE_BATCH_BYTES);
        let mut batches = table.batches(&projection, None, table.row_groups(None, 0), rows)?;
        let mut count = 0;
        while let Some(rows) = batches.next()? {
            count += rows.batch.num_rows();
            for (column, at) in columns.iter_mut().zip(&positions) {
                if let (Some((_, cells)), Some(at)) = (column, at) {
                    cells.extend(rows.batch.column(projection.binary_search(at).unwrap_or(0)));
                }
            }
        }
        if count == 0 {
            return Err(DataError::NoRows { file });
        }
        Ok(Self { location, columns, rows: count })
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Name of the file.
    #[must_use]
    pub fn file(&self) -> String {
        self.location.name()
    }

    /// Returns true if the file has the column, numbered as requested.
    #[must_use]
    pub fn has(&self, column: usize) -> bool {
        self.columns[column].is_some()
    }

    /// Text of a cell without spaces around it; `None` for null, for empty text, and without the column.
    #[must_use]
    pub fn text(&self, column: usize, row: usize) -> Option<&str> {
        match &self.columns[column] {
            Some((_, Cells::Text(cells))) => {
                cells[row].as_deref().map(str::trim).filter(|text| !text.is_empty())
            }
            _ => None,
        }
    }

    /// Symbol of a row.
    ///
    /// # Errors
    /// The cell has none.
    pub fn symbol(&self, column: usize, row: usize) -> Result<&str, DataError> {
        self.text(column, row).ok_or_else(|| DataError::NullKey { place: self.place(column, row) })
    }

    /// Number of a cell; `None` for null and without the column.
    ///
    /// # Errors
    /// The number is not finite.
    pub fn number(&self, column: usize, row: usize) -> Result<Option<f64>, DataError> {
        match &self.columns[column] {
            Some((_, Cells::Number(cells))) => match cells[row] {
                value if value.is_nan() => Ok(None),
                value if value.is_finite() => Ok(Some(value)),
                _ => Err(self.bad_cell(column, row, "a finite number or null")),
            },
            _ => Ok(None),
        }
    }

    /// Date of a cell in days since 1970; `None` for null and without the column.
    ///
    /// # Errors
    /// The cell is not a date.
    pub fn date(&self, column: usize, row: usize) -> Result<Option<i64>, DataError> {
        match &self.columns[column] {
            Some((_, Cells::Date(cells))) => match &cells[row] {
                Ok(date) => Ok(*date),
                Err(_) => Err(self.bad_cell(column, row, "a date such as 2015-01-31, or null")),
            },
            _ => Ok(None),
        }
    }

    /// Place of a cell in the file.
    #[must_use]
    pub fn place(&self, column: usize, row: usize) -> Box<Place> {
        let name = self.columns[column].as_ref().map_or(String::new(), |(name, _)| name.clone());
        self.location.place(row as u64, name)
    }

    /// Error of a cell that is not what the caller expects.
    #[must_use]
    pub fn bad_cell(&self, column: usize, row: usize, expected: impl Into<String>) -> DataError {
        let found = match self.columns[column].as_ref().map(|(_, cells)| cells) {
            Some(Cells::Text(cells)) => cells[row].clone().map(|text| format!("{text:?}")),
            Some(Cells::Number(cells)) => match cells[row] {
                value if value.is_nan() => None,
                f64::NEG_INFINITY => Some("NaN or minus infinity".to_owned()),
                value => Some(value.to_string()),
            },
            Some(Cells::Date(cells)) => match &cells[row] {
                Ok(date) => date.map(|days| Date::of(TimestampNs(days.saturating_mul(DAY_NS))).to_string()),
                Err(text) => Some(format!("{text:?}")),
            },
            None => None,
        };
        let found = found.unwrap_or_else(|| "null".to_owned());
        DataError::BadCell { place: self.place(column, row), found, expected: expected.into() }
    }
}

impl Columns<'_> {
    /// Finds a column of a small file.
    fn small(&self, wanted: &SmallColumn<'_>) -> Result<Option<usize>, DataError> {
        let SmallColumn { name, kind, role, required } = *wanted;
        if name == "symbol" {
            return if required { self.symbol().map(Some) } else { self.symbol_if_any(None) };
        }
        let Some(at) = self.find(name, false, role)? else {
            return if required { Err(self.missing(name, role, None, &[])) } else { Ok(None) };
        };
        let found = self.schema.field(at).data_type();
        let is_boolean = *found == arrow_schema::DataType::Boolean;
        let (fits, expected) = match kind {
            SmallKind::Text => (is_text(found) || is_number(found), "text"),
            SmallKind::Clock => (is_text(found) || is_time(found), "a time of day or a timestamp"),
            SmallKind::Number => (is_number(found) || is_boolean, "a number or a boolean"),
            SmallKind::Date => (is_time(found) || is_text(found) || is_number(found), "a date"),
        };
        if fits {
            return Ok(Some(at));
        }
        Err(DataError::WrongType {
            file: self.file.to_owned(),
            column: self.schema.field(at).name().clone(),
            found: found.to_string(),
            expected,
            hint: "cast it",
        })
    }
}

impl Cells {
    /// Appends the cells of a batch.
    fn extend(&mut self, array: &ArrayRef) {
        let rows = 0..array.len();
        match self {
            Self::Text(cells) if is_time(array.data_type()) => {
                let cell = |row: usize| (!array.is_null(row)).then(|| moment_text(array, row));
                cells.extend(rows.map(cell));
            }
            Self::Text(cells) => {
                let cell = |row: usize| (!array.is_null(row)).then(|| text(array, row));
                cells.extend(rows.map(cell));
            }
            Self::Number(cells) => {
                if let Some(booleans) = array.as_boolean_opt() {
                    cells.extend(
                        booleans.iter().map(|cell| cell.map_or(f64::NAN, |is| f64::from(u8::from(is)))),
                    );
                    return;
                }
                let mut values = Vec::new();
                numbers(array, &mut values);
                cells.append(&mut values);
            }
            Self::Date(cells) => cells.extend(rows.map(|row| date_of(array, row))),
        }
    }
}

/// Text of a timestamp in UTC, with its time of day even at midnight.
fn moment_text(array: &ArrayRef, row: usize) -> String {
    let mut at = Vec::new();
    match (times(&array.slice(row, 1), 0, &mut at), at.first()) {
        (Ok(()), Some(time)) => {
            let text = Iso(TimestampNs(*time)).to_string();
            if TimestampNs(*time).is_midnight() { format!("{text}T00:00:00Z") } else { text }
        }
        _ => text(array, row),
    }
}

/// Date of a cell in days since 1970.
fn date_of(array: &ArrayRef, row: usize) -> Result<Option<i64>, String> {
    if array.is_null(row) {
        return Ok(None);
    }
    let shown = || text(array, row);
    if is_time(array.data_type()) {
        let mut at = Vec::new();
        return match times(&array.slice(row, 1), 0, &mut at) {
            Ok(()) => Ok(at.first().map(|time| time.div_euclid(DAY_NS))),
            Err(_) => Err("a date outside the years 1678 to 2261".to_owned()),
        };
    }
    if let Some(texts) = array.as_dictionary_opt::<Int32Type>() {
        let key = texts.key(row).unwrap_or(0);
        let cell = texts.values().as_string::<i32>().value(key).trim();
        if cell.is_empty() {
            return Ok(None);
        }
        return date_of_text(cell).map(Some).ok_or_else(|| cell.to_owned());
    }
    let mut value = Vec::new();
    numbers(&array.slice(row, 1), &mut value);
    match value.first() {
        Some(number) if number.is_nan() => Ok(None),
        Some(number) if number.fract() == 0.0 && (1e7..1e8).contains(number) => {
            date_of_text(&format!("{number:.0}")).map(Some).ok_or_else(shown)
        }
        _ => Err(shown()),
    }
}

/// Date of text such as `2015-01-31`, `20150131` or a time of that date.
fn date_of_text(text: &str) -> Option<i64> {
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return date_of_text(&format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]));
    }
    parse_time(text).map(|time| time.div_euclid(DAY_NS))
}
