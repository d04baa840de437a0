//! Columns of returns from a separate file: one column per trial or factor.

use arrow_array::Array;
use betaflow_engine::time::TimestampNs;

use super::batches::{Batches, TABLE_BATCH_BYTES, batch_rows, before, unseal};
use super::columns::{numbers, text, times};
use super::factors::LARGEST_FACTOR;
use super::input::Location;
use super::merge::name_of;
use super::place::Place;
use super::prepare::prepare;
use super::schema::{Columns, FactorColumns};
use super::settings::Input;
use crate::DataError;
use crate::import::{Content, ImportOptions};

/// Rows to read, and the treatment of nulls.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReturnRows {
    /// Contents of the columns in errors, such as "trials".
    pub what: &'static str,
    /// True if a series may have no return at a time; otherwise a null is an error.
    pub nulls: bool,
    /// First time.
    pub from: Option<TimestampNs>,
    /// Last time.
    pub to: Option<TimestampNs>,
    /// Start of the sealed period: of the rows from there on, only the order of the times is checked.
    pub sealed_from: Option<TimestampNs>,
}

/// Returns of several series on common times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReturnTable {
    /// Name of each series.
    pub names: Vec<String>,
    /// Time of each row, strictly increasing.
    pub times: Vec<TimestampNs>,
    /// Simple returns of each series, one per row; NaN for a null.
    pub returns: Vec<Vec<f64>>,
    /// Name of the column `rf`, which is checked but is not a series.
    pub rf: Option<String>,
}

/// Reads a file, Parquet, CSV or one of Kenneth French, with a time column and one column of simple returns (decimals above −1 and at most 10) per series.
///
/// # Errors
/// The file is missing, has no time column, a column that does not hold numbers, no row in the range, times that do not
/// increase, or a number that is not a return.
pub fn read_returns(input: &Input, rows: &ReturnRows) -> Result<ReturnTable, DataError> {
    let options = ImportOptions {
        content: Content::Factors,
        sealed_from: rows.sealed_from,
        ..ImportOptions::default()
    };
    let input = &prepare(input, &options)?;
    let file = name_of(input);
    let location = input.single(rows.what)?;
    let table = location.open(0)?;
    let columns = Columns { file: &file, schema: table.schema() };
    let time = columns.time(None).map_err(unnamed)?;
    let FactorColumns { factors: series, rf } =
        columns.returns(time, "every column except the time has returns; cast or drop it")?;
    let wanted: Vec<usize> = series.iter().chain(&rf).map(|(column, _)| *column).collect();
    let mut projection = wanted.clone();
    projection.push(time);
    projection.sort_unstable();
    let in_batch = |column: &usize| projection.binary_search(column).unwrap_or(0);
    let seal = rows.sealed_from.map(|seal| seal.0);
    let mut groups = table.row_groups(Some(time), 0);
    unseal(&mut groups, seal);
    let batch_rows = batch_rows(projection.len(), TABLE_BATCH_BYTES);
    let batches = table.batches(&projection, Some(time), groups, batch_rows)?;
    let names: Vec<String> = series.into_iter().map(|(_, name)| name).collect();
    let rf = rf.map(|(_, name)| name);
    let mut reading = RowReader {
        rows,
        seal,
        time: in_batch(&time),
        columns: wanted.iter().map(in_batch).collect(),
        time_name: table.schema().field(time).name().clone(),
        latest: None,
        any: false,
        table: ReturnTable { returns: vec![Vec::new(); names.len()], names, rf, ..ReturnTable::default() },
        file,
        location,
    };
    reading.read_all(batches)?;
    reading.table()
}

/// Removes the hint that the column's name is a setting: the name of the time column of such a file is not.
fn unnamed(mut error: DataError) -> DataError {
    if let DataError::MissingColumn { named, .. } = &mut error {
        *named = None;
    }
    error
}

/// Reader of a file in progress.
struct RowReader<'a> {
    rows: &'a ReturnRows,
    seal: Option<i64>,
    file: String,
    location: Location,
    /// Position of the time column in a batch.
    time: usize,
    /// Positions of the series in a batch; that of `rf`, if present, is last.
    columns: Vec<usize>,
    time_name: String,
    latest: Option<i64>,
    /// True if the file has a row.
    any: bool,
    table: ReturnTable,
}

impl RowReader<'_> {
    fn read_all(&mut self, mut batches: Batches) -> Result<(), DataError> {
        let (mut read, mut values) = (Vec::new(), Vec::new());
        while let Some(rows) = batches.next()? {
            let column = rows.batch.column(if rows.is_whole { self.time } else { 0 });
            times(column, 0, &mut read).map_err(|fault| {
                fault.error(column, |row| self.place(rows.first_row + row as u64, &self.time_name))
            })?;
            batches.check_bounds(&rows, &read)?;
            self.check_order(&read, rows.first_row)?;
            self.any = true;
            if !rows.is_whole {
                batches.check_left_out(&rows, &read, before(self.seal), i64::MIN)?;
                continue;
            }
            let end = self.seal.and_then(|seal| read.iter().position(|time| *time >= seal));
            if end.is_some() {
                // From the seal on, only the times are read.
                batches.times_only()?;
            }
            let from = self.rows.from.map_or(0, |from| read.partition_point(|time| *time < from.0));
            let to = self.rows.to.map_or(read.len(), |to| read.partition_point(|time| *time <= to.0));
            let to = to.min(end.unwrap_or(read.len()));
            if from >= to {
                continue;
            }
            let batch = rows.batch.slice(from, to - from);
            let kept = &read[from..to];
            self.table.times.extend(kept.iter().map(|time| TimestampNs(*time)));
            for (at, column) in self.columns.iter().enumerate() {
                let cells = batch.column(*column);
                numbers(cells, &mut values);
                if let Some(row) = values.iter().position(|value| !self.is_return(*value)) {
                    let found = if cells.is_valid(row) { text(cells, row) } else { "null".to_owned() };
                    let name = batch.schema().field(*column).name().clone();
                    let place = self.place(rows.first_row + (from + row) as u64, &name);
                    return Err(DataError::BadFactor { place, time: TimestampNs(kept[row]), found });
                }
                if let Some(series) = self.table.returns.get_mut(at) {
                    series.extend_from_slice(&values);
                }
            }
        }
        Ok(())
    }

    /// Returns true for a return, and for a null where nulls are allowed. The reader of numbers maps null to NaN, and NaN
    /// to minus infinity.
    fn is_return(&self, value: f64) -> bool {
        (value > -1.0 && value <= LARGEST_FACTOR) || (value.is_nan() && self.rows.nulls)
    }

    fn place(&self, row: u64, column: &str) -> Box<Place> {
        self.location.place(row, column.to_owned())
    }

    /// Checks that times increase.
    fn check_order(&mut self, times: &[i64], first_row: u64) -> Result<(), DataError> {
        for (row, time) in times.iter().enumerate() {
            if let Some(previous) = self.latest.filter(|latest| latest >= time) {
                let place = self.place(first_row + row as u64, &self.time_name);
                let (found, previous) = (TimestampNs(*time), TimestampNs(previous));
                return Err(DataError::FactorOrder { place, found, previous });
            }
            self.latest = Some(*time);
        }
        Ok(())
    }

    fn table(self) -> Result<ReturnTable, DataError> {
        match (self.table.times.is_empty(), self.any, self.rows.sealed_from) {
            (false, ..) => Ok(self.table),
            (true, false, _) => Err(DataError::NoRows { file: self.file }),
            (true, true, Some(seal)) => Err(DataError::NothingBeforeSeal { file: self.file, seal }),
            (true, true, None) => Err(DataError::Settings(format!(
                "{}: found no row in the range of dates (data.from, data.to), expected one that overlaps the file",
                self.file
            ))),
        }
    }
}
