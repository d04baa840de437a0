//! Reader of the rows of a file of the user.

use std::collections::VecDeque;

use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, RecordBatch, cast::AsArray};
use arrow_schema::DataType;
use betaflow_engine::range::NUMBER_MAX;
use betaflow_engine::time::{DAY_NS, TimestampNs, Zone};

use super::super::batches::{Batches, TABLE_BATCH_BYTES, batch_rows, before, unseal};
use super::super::columns::{numbers, text, times};
use super::super::files::list;
use super::super::first_text::located;
use super::super::given_error::GivenError;
use super::super::input::Location;
use super::super::place::Place;
use super::super::prepare::prepared_text;
use super::super::schema::Columns;
use super::super::settings::Input;
use super::super::time_order::sorted_by_time;
use super::layout::{Cells, Layout};
use super::{CellTime, DateRule, GivenKind, RowSink, RowTimes};
use crate::DataError;
use crate::import::{Content, ImportOptions};

/// Number of a symbol that has no number yet.
const UNNUMBERED: u32 = u32::MAX;

/// Rows of one file, or of the files of a folder in the order of their names.
///
/// Rows must be in the order of their times. They are read as far as a frame needs them; rows from the hold-out
/// on are not read.
pub struct GivenRows {
    kind: GivenKind,
    rule: DateRule,
    seal: Option<i64>,
    waiting: VecDeque<Location>,
    open: Option<OpenRows>,
    /// Latest time so far.
    latest: Option<i64>,
    ended: bool,
    names: Vec<String>,
}

/// An open file at its next row.
struct OpenRows {
    location: Location,
    batches: Batches,
    layout: Layout,
    batch: Option<LoadedBatch>,
}

struct LoadedBatch {
    batch: RecordBatch,
    first_row: u64,
    at: usize,
    times: Vec<i64>,
    known: Vec<Option<i64>>,
    /// Numbers of each value column; empty for a column that the file lacks.
    values: Vec<Vec<f64>>,
    /// Number of each symbol of the batch's dictionary, or of each column.
    ids: Vec<u32>,
}

/// First time of the rows that are not read: rows of the date of the hold-out's start are stamped with its midnight UTC,
/// which may be before the start.
fn sealed_rows(seal: TimestampNs, zone: &Zone) -> i64 {
    seal.0.min(zone.date(seal).saturating_mul(DAY_NS))
}

impl GivenRows {
    /// Opens the files at their first row. `sealed_from`: time of the first row that must not be read.
    ///
    /// # Errors
    /// The files are missing, or the first lacks a column.
    pub fn open(
        input: &Input,
        kind: GivenKind,
        rule: DateRule,
        sealed_from: Option<TimestampNs>,
    ) -> Result<Self, DataError> {
        let waiting: VecDeque<Location> = list(input)?.into_iter().map(|file| file.location).collect();
        let names = waiting.iter().map(Location::name).collect();
        let mut rows = Self {
            kind,
            seal: sealed_from.map(|seal| sealed_rows(seal, &rule.zone)),
            rule,
            waiting,
            open: None,
            latest: None,
            ended: false,
            names,
        };
        rows.open_next()?;
        Ok(rows)
    }

    /// Content of the files.
    #[must_use]
    pub fn kind(&self) -> &GivenKind {
        &self.kind
    }

    /// Name of the first file.
    #[must_use]
    pub fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// Rule that says from when on a date is known.
    #[must_use]
    pub fn rule(&self) -> DateRule {
        self.rule.clone()
    }

    fn open_next(&mut self) -> Result<bool, DataError> {
        let Some(location) = self.waiting.pop_front() else { return Ok(false) };
        let location = prepared(location, self.seal.map(TimestampNs))?;
        let file = location.name();
        let table = location.open(0)?;
        let columns = Columns { file: &file, schema: table.schema() };
        let layout = Layout::of(&columns, &self.kind).map_err(|error| located(error, &location, &table))?;
        let projection = layout.projection();
        let rows = batch_rows(projection.len(), TABLE_BATCH_BYTES);
        let mut groups = table.row_groups(Some(layout.time), 0);
        unseal(&mut groups, self.seal);
        let batches = table.batches(&projection, Some(layout.time), groups, rows)?;
        let layout = layout.within(&projection);
        self.open = Some(OpenRows { location, batches, layout, batch: None });
        Ok(true)
    }

    /// Passes all rows with a time up to `until` (ns) to `sink`.
    ///
    /// # Errors
    /// A row is invalid, out of order or repeated.
    pub(crate) fn read_until(&mut self, until: i64, sink: &mut impl RowSink) -> Result<(), DataError> {
        while !self.ended {
            let Some(open) = &mut self.open else {
                self.ended = !self.open_next()?;
                continue;
            };
            let batch = match &mut open.batch {
                Some(batch) if batch.at < batch.times.len() => batch,
                _ => match open.load(self.seal)? {
                    true => continue,
                    false => {
                        self.open = None;
                        continue;
                    }
                },
            };
            let (row, time) = (batch.at, batch.times[batch.at]);
            if self.seal.is_some_and(|seal| time >= seal) {
                self.ended = true;
                return Ok(());
            }
            if time > until {
                return Ok(());
            }
            let place = *open.location.place(batch.first_row + row as u64, String::new());
            if let Some(previous) = self.latest.filter(|latest| *latest > time) {
                let column = batch.batch.schema().field(open.layout.time).name().clone();
                return Err(DataError::Unsorted {
                    place: Box::new(Place { column, ..place }),
                    found: TimestampNs(time),
                    previous: TimestampNs(previous),
                });
            }
            self.latest = Some(time);
            batch.at += 1;
            let cell = |column: usize, at: i64| {
                let is_of_date_type = is_date_type(batch.batch.column(column).data_type());
                CellTime { at, is_of_date_type }
            };
            let known_at = batch.known.get(row).copied().flatten();
            let times = RowTimes {
                time: cell(open.layout.time, time),
                known_at: open.layout.known_at.zip(known_at).map(|(column, at)| cell(column, at)),
            };
            let cells = RowCells { kind: &self.kind, place, row, times };
            match &open.layout.cells {
                Cells::Tidy { key, values } => cells.push_tidy(batch, *key, values, sink)?,
                Cells::Wide(symbols) => cells.push_wide(batch, symbols, sink)?,
            }
        }
        Ok(())
    }
}

/// Replaces a text table, or a file in the order of its symbols, by a table in time order.
fn prepared(location: Location, sealed_from: Option<TimestampNs>) -> Result<Location, DataError> {
    let options = ImportOptions { content: Content::Table, sealed_from, ..ImportOptions::default() };
    let prepared = match prepared_text(&location, &options)? {
        Some(prepared) => Some(Location::Prepared(prepared)),
        None => sorted_by_time(&location, &options)?,
    };
    Ok(prepared.unwrap_or(location))
}

fn is_date_type(kind: &DataType) -> bool {
    matches!(kind, DataType::Date32 | DataType::Date64)
}

impl OpenRows {
    /// Reads the next batch; returns false at the end of the file.
    fn load(&mut self, seal: Option<i64>) -> Result<bool, DataError> {
        self.batch = None;
        let Some(rows) = self.batches.next()? else { return Ok(false) };
        let Layout { time, known_at, cells } = &self.layout;
        let at = if rows.is_whole { *time } else { 0 };
        let column = rows.batch.column(at);
        let mut read = Vec::new();
        times(column, 0, &mut read).map_err(|fault| {
            fault.error(column, |row| self.place(&rows.batch, rows.first_row + row as u64, at))
        })?;
        self.batches.check_bounds(&rows, &read)?;
        if !rows.is_whole {
            // Rows of the hold-out: only their times are there, and nothing reads them.
            self.batches.check_left_out(&rows, &read, before(seal), i64::MIN)?;
            let (batch, first_row) = (rows.batch, rows.first_row);
            let batch = LoadedBatch {
                batch,
                first_row,
                at: 0,
                times: read,
                known: Vec::new(),
                values: Vec::new(),
                ids: Vec::new(),
            };
            self.batch = Some(batch);
            return Ok(true);
        }
        let known = match known_at {
            Some(column) => self.known(&rows.batch, rows.first_row, *column)?,
            None => Vec::new(),
        };
        let mut values = Vec::new();
        let ids = match cells {
            Cells::Tidy { key, values: columns } => {
                for column in columns {
                    let mut out = Vec::new();
                    if let Some(column) = column {
                        numbers(rows.batch.column(*column), &mut out);
                    }
                    values.push(out);
                }
                rows.batch.column(*key).as_dictionary::<Int32Type>().values().len()
            }
            Cells::Wide(symbols) => {
                for (column, _) in symbols {
                    let mut out = Vec::new();
                    numbers(rows.batch.column(*column), &mut out);
                    values.push(out);
                }
                symbols.len()
            }
        };
        self.batch = Some(LoadedBatch {
            batch: rows.batch,
            first_row: rows.first_row,
            at: 0,
            times: read,
            known,
            values,
            ids: vec![UNNUMBERED; ids],
        });
        Ok(true)
    }

    /// Times of `known_at`, which may be null.
    fn known(
        &self,
        batch: &RecordBatch,
        first_row: u64,
        column: usize,
    ) -> Result<Vec<Option<i64>>, DataError> {
        let array = batch.column(column);
        if array.null_count() == 0 {
            let mut read = Vec::new();
            times(array, 0, &mut read).map_err(|fault| {
                fault.error(array, |row| self.place(batch, first_row + row as u64, column))
            })?;
            return Ok(read.into_iter().map(Some).collect());
        }
        (0..array.len())
            .map(|row| {
                if array.is_null(row) {
                    return Ok(None);
                }
                let (cell, mut out): (ArrayRef, _) = (array.slice(row, 1), Vec::new());
                times(&cell, 0, &mut out).map_err(|fault| {
                    fault.error(&cell, |_| self.place(batch, first_row + row as u64, column))
                })?;
                Ok(out.first().copied())
            })
            .collect()
    }

    fn place(&self, batch: &RecordBatch, row: u64, column: usize) -> Box<Place> {
        self.location.place(row, batch.schema().field(column).name().clone())
    }
}

/// A row of a batch, and its times.
struct RowCells<'a> {
    kind: &'a GivenKind,
    place: Place,
    row: usize,
    times: RowTimes,
}

impl RowCells<'_> {
    fn push_tidy(
        self,
        batch: &mut LoadedBatch,
        key: usize,
        columns: &[Option<usize>],
        sink: &mut impl RowSink,
    ) -> Result<(), DataError> {
        let keys = batch.batch.column(key).as_dictionary::<Int32Type>();
        let name_of = |column: usize| batch.batch.schema().field(column).name().clone();
        let Some(entry) = keys.key(self.row).filter(|_| keys.is_valid(self.row)) else {
            return Err(DataError::NullKey { place: Box::new(Place { column: name_of(key), ..self.place }) });
        };
        let symbol = keys.values().as_string::<i32>().value(entry);
        if symbol.trim().is_empty() {
            let place = Box::new(Place { column: name_of(key), ..self.place });
            return Err(DataError::EmptySymbol { place, found: symbol.to_owned() });
        }
        let mut values = [f64::NAN; 64];
        let mut many = Vec::new();
        let values: &mut [f64] = match values.get_mut(..columns.len()) {
            Some(values) => values,
            None => {
                many.resize(columns.len(), f64::NAN);
                &mut many
            }
        };
        for (j, column) in columns.iter().enumerate() {
            let Some(column) = column else { continue };
            let (value, cell) = (batch.values[j][self.row], batch.batch.column(*column));
            values[j] = self.checked(j, value, cell, symbol, || name_of(*column))?;
        }
        if let (GivenKind::FactorCov(factors), id) = (self.kind, batch.ids[entry])
            && id == UNNUMBERED
            && !factors.iter().any(|factor| factor == symbol)
        {
            let place = Box::new(Place { column: name_of(key), ..self.place });
            let (found, factors) = (symbol.to_owned(), factors.clone());
            return Err(GivenError::UnknownFactor { place, found, factors }.into());
        }
        let id = &mut batch.ids[entry];
        if *id == UNNUMBERED {
            *id = sink.id(symbol);
        }
        sink.push(*id, &self.times, values).map_err(|_| DataError::Duplicate {
            place: Box::new(Place { column: name_of(key), ..self.place }),
            symbol: symbol.to_owned(),
            time: TimestampNs(self.times.time.at),
        })
    }

    fn push_wide(
        self,
        batch: &mut LoadedBatch,
        symbols: &[(usize, String)],
        sink: &mut impl RowSink,
    ) -> Result<(), DataError> {
        for (j, (column, symbol)) in symbols.iter().enumerate() {
            let cell = batch.batch.column(*column);
            let mut values = [f64::NAN; 2];
            values[0] = self.checked(0, batch.values[j][self.row], cell, symbol, || symbol.clone())?;
            let id = &mut batch.ids[j];
            if *id == UNNUMBERED {
                *id = sink.id(symbol);
            }
            let columns = self.kind.columns();
            sink.push(*id, &self.times, &values[..columns]).map_err(|_| DataError::Duplicate {
                place: Box::new(Place { column: symbol.clone(), ..self.place.clone() }),
                symbol: symbol.clone(),
                time: TimestampNs(self.times.time.at),
            })?;
        }
        Ok(())
    }

    /// Checks the value of column j; a NaN in the file is absent like a null.
    fn checked(
        &self,
        j: usize,
        value: f64,
        cell: &ArrayRef,
        symbol: &str,
        column: impl Fn() -> String,
    ) -> Result<f64, DataError> {
        let is_nan = || text(cell, self.row).eq_ignore_ascii_case("nan");
        let last = self.kind.columns() - 1;
        let (valid, expected) = match self.kind {
            GivenKind::Forecasts if j == 1 => (0.0..=NUMBER_MAX, "a number from 0 to 1e30"),
            GivenKind::Weights => (-1e3..=1e3, "a share of NAV from -1000 to 1000"),
            GivenKind::Betas(_) if j == last => (f64::MIN_POSITIVE..=NUMBER_MAX, "a number above 0"),
            _ => (-NUMBER_MAX..=NUMBER_MAX, "a number from -1e30 to 1e30"),
        };
        if value.is_nan() || valid.contains(&value) {
            return Ok(value);
        }
        if is_nan() {
            return Ok(f64::NAN);
        }
        Err(GivenError::BadValue {
            place: Box::new(Place { column: column(), ..self.place.clone() }),
            symbol: symbol.to_owned(),
            time: TimestampNs(self.times.time.at),
            found: text(cell, self.row),
            expected,
        }
        .into())
    }
}
