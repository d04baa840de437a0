//! Parquet files in the order of their symbols, sorted by time.
//!
//! The order is recognised from the time statistics of the row groups and the times of the first one. Only a file
//! whose symbols follow one another, each in time order, is sorted. Any other row out of order is probably an
//! error of the data, which the cursor reports.

use std::collections::BTreeSet;

use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, cast::AsArray};
use arrow_schema::DataType;
use betaflow_engine::time::TimestampNs;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;

use super::batches::{BATCH_ROWS, Batches, RowGroup, batch_rows, row_groups};
use super::chunks::Chunks;
use super::columns::{is_number, is_text, numbers, times};
use super::input::Location;
use super::prepare::once;
use super::prepared::PreparedFile;
use super::schema::Columns;
use crate::DataError;
use crate::import::{Column, ColumnKind, ColumnRole, ImportOptions, Interpretation, NULL, NULL_TEXT, Sorter};

/// Rows of the first row group whose times are read to recognise the order.
const ROWS_MAX: usize = 1 << 20;

/// Returns a table in time order of a Parquet file in the order of its symbols; `None` for any other file.
pub(super) fn sorted_by_time(
    location: &Location,
    options: &ImportOptions,
) -> Result<Option<PreparedFile>, DataError> {
    // All faults of such a file are reported when it is opened for reading.
    let Ok(chunks) = location.open(0) else { return Ok(None) };
    let Ok(metadata) = location.footer(&chunks) else { return Ok(None) };
    let name = location.name();
    let columns = Columns { file: &name, schema: metadata.schema() };
    let Ok(time) = columns.time(options.time.as_deref()) else { return Ok(None) };
    let Ok(Some(symbol)) = columns.symbol_column(options.symbol.as_deref()) else { return Ok(None) };
    if !is_text(metadata.schema().field(symbol).data_type()) {
        return Ok(None);
    }
    let groups = row_groups(&metadata, Some(time), 0);
    let file = ParquetTable { location, chunks, metadata: &metadata, time, symbol };
    if !(overlaps(&groups) || file.has_step_back(&groups)?) || !file.is_by_symbol(&groups)? {
        return Ok(None);
    }
    once(location, options, || file.sorted(groups, options)).map(Some)
}

/// Returns whether a row group begins before the end of the one before it.
fn overlaps(groups: &[RowGroup]) -> bool {
    let times = groups.windows(2).map(|pair| (pair[0].times, pair[1].times));
    times.into_iter().any(|pair| matches!(pair, (Some((_, last)), Some((first, _))) if first < last))
}

/// Open Parquet file with the positions of its time and symbol.
struct ParquetTable<'a> {
    location: &'a Location,
    chunks: Chunks,
    metadata: &'a ArrowReaderMetadata,
    time: usize,
    symbol: usize,
}

impl ParquetTable<'_> {
    fn batches(&self, columns: &[usize], groups: Vec<RowGroup>, rows: usize) -> Result<Batches, DataError> {
        let (location, chunks) = (self.location, self.chunks.clone());
        Batches::new(location, chunks, self.metadata, columns, Some(self.time), groups, rows)
    }

    /// Returns whether a time of the first row group precedes the one before it.
    fn has_step_back(&self, groups: &[RowGroup]) -> Result<bool, DataError> {
        let first = groups.iter().take(1).copied().collect();
        let Ok(mut batches) = self.batches(&[self.time], first, BATCH_ROWS) else { return Ok(false) };
        let (mut read, mut latest, mut rows) = (Vec::new(), i64::MIN, 0);
        while let Ok(Some(part)) = batches.next() {
            if times(part.batch.column(0), 0, &mut read).is_err() || rows > ROWS_MAX {
                return Ok(false);
            }
            rows += read.len();
            for time in &read {
                if *time < latest {
                    return Ok(true);
                }
                latest = *time;
            }
        }
        Ok(false)
    }

    /// Returns whether the rows up to the second symbol, at least, are those of one symbol after another, and the
    /// times of a symbol increase.
    fn is_by_symbol(&self, groups: &[RowGroup]) -> Result<bool, DataError> {
        let mut projection = [self.time, self.symbol];
        projection.sort_unstable();
        let at = usize::from(self.symbol < self.time);
        let mut batches = self.batches(&projection, groups.to_vec(), BATCH_ROWS)?;
        let (mut read, mut ended) = (Vec::new(), BTreeSet::new());
        let (mut symbol, mut latest, mut run) = (None::<String>, i64::MIN, 0_u64);
        while let Ok(Some(part)) = batches.next() {
            let symbols = part.batch.column(1 - at).as_dictionary::<Int32Type>();
            if times(part.batch.column(at), 0, &mut read).is_err() || symbols.null_count() > 0 {
                return Ok(false);
            }
            let names = symbols.values().as_string::<i32>();
            for (row, time) in read.iter().enumerate() {
                let name = symbols.key(row).map_or("", |key| names.value(key));
                if symbol.as_deref() == Some(name) {
                    if *time <= latest {
                        return Ok(false);
                    }
                    run += 1;
                } else {
                    if !ended.insert(name.to_owned()) {
                        return Ok(false);
                    }
                    // Symbols with several rows each, and a step back where the symbol changes.
                    if symbol.is_some() && *time < latest && run > 1 {
                        return Ok(true);
                    }
                    (symbol, run) = (Some(name.to_owned()), 1);
                }
                latest = *time;
            }
        }
        Ok(false)
    }

    fn sorted(&self, groups: Vec<RowGroup>, options: &ImportOptions) -> Result<PreparedFile, DataError> {
        let name = self.location.name();
        let mut sorter = Sorter::new(&name, columns_of(self.metadata, self.time, Some(self.symbol)));
        read_rows(self.location, &self.chunks, self.metadata, self.time, groups, options, &mut sorter)?;
        let (symbols, nulls) = (sorter.texts.count() as u64, 0);
        let table = sorter.finish(None)?;
        let field = |at: usize| self.metadata.schema().field(at);
        let interpretation = Interpretation {
            file: name.clone(),
            format: "Parquet in the order of its symbols".to_owned(),
            time: Some((field(self.time).name().clone(), field(self.time).data_type().to_string())),
            columns: roles_of(self.metadata, self.time, Some(self.symbol)),
            rows: table.rows,
            symbols: Some(symbols),
            nulls,
            range: table.times.map(|(first, last)| (TimestampNs(first), TimestampNs(last))),
            unsorted: table.unsorted,
            ..Interpretation::default()
        };
        Ok(PreparedFile::new(name, table, false, interpretation))
    }
}

/// Returns the role of a column of a Parquet file in a sorted table.
fn kind_of(kind: &DataType, at: usize, time: usize, symbol: Option<usize>) -> Option<ColumnKind> {
    match kind {
        _ if at == time => Some(ColumnKind::Time),
        _ if symbol == Some(at) => Some(ColumnKind::Text),
        kind if is_number(kind) => Some(ColumnKind::Number),
        _ => None,
    }
}

fn roles_of(metadata: &ArrowReaderMetadata, time: usize, symbol: Option<usize>) -> Vec<(String, ColumnRole)> {
    let fields = metadata.schema().fields().iter().enumerate();
    let roles = fields.map(|(at, field)| {
        let role = match kind_of(field.data_type(), at, time, symbol) {
            Some(ColumnKind::Time) => ColumnRole::Time,
            Some(ColumnKind::Text) => ColumnRole::Text,
            Some(ColumnKind::Number) => ColumnRole::Number,
            None => ColumnRole::LeftOut,
        };
        (field.name().clone(), role)
    });
    roles.collect()
}

/// Returns the columns of a sorted table: time, symbol and all numbers.
fn columns_of(metadata: &ArrowReaderMetadata, time: usize, symbol: Option<usize>) -> Vec<Column> {
    let fields = metadata.schema().fields().iter().enumerate();
    let columns = fields.filter_map(|(at, field)| {
        let kind = kind_of(field.data_type(), at, time, symbol)?;
        Some(Column { name: field.name().clone(), kind })
    });
    columns.collect()
}

/// Adds the rows of a Parquet file before the hold-out to a sorter with the columns of [`columns_of`].
fn read_rows(
    location: &Location,
    chunks: &Chunks,
    metadata: &ArrowReaderMetadata,
    time: usize,
    groups: Vec<RowGroup>,
    options: &ImportOptions,
    sorter: &mut Sorter,
) -> Result<(), DataError> {
    let schema = metadata.schema();
    let symbol = Columns { file: &location.name(), schema }.symbol_column(options.symbol.as_deref())?;
    let fields = schema.fields().iter().enumerate();
    let kinds: Vec<(usize, ColumnKind)> =
        fields.filter_map(|(at, field)| Some((at, kind_of(field.data_type(), at, time, symbol)?))).collect();
    let projection: Vec<usize> = kinds.iter().map(|(at, _)| *at).collect();
    let rows = batch_rows(projection.len(), 4 << 20);
    let mut batches =
        Batches::new(location, chunks.clone(), metadata, &projection, Some(time), groups, rows)?;
    let is_date = matches!(schema.field(time).data_type(), DataType::Date32 | DataType::Date64);
    let (mut read, mut values, mut row) = (Vec::new(), vec![Vec::new(); kinds.len()], Vec::new());
    let seal = options.sealed_from.map_or(i64::MAX, |seal| seal.0);
    while let Some(part) = batches.next()? {
        let mut cells: Vec<Vec<u64>> = Vec::new();
        for (at, (column, kind)) in kinds.iter().enumerate() {
            let array = part.batch.column(at);
            cells.push(match kind {
                ColumnKind::Time => {
                    let place = |row: usize| {
                        location.place(part.first_row + row as u64, schema.field(*column).name().clone())
                    };
                    times(array, 0, &mut read).map_err(|fault| fault.error(array, place))?;
                    read.iter().map(|time| time.cast_unsigned()).collect()
                }
                ColumnKind::Text => texts_of(array, sorter),
                ColumnKind::Number => {
                    numbers(array, &mut values[at]);
                    let bits = |(row, value): (usize, &f64)| {
                        if array.is_null(row) || value.is_nan() { NULL } else { value.to_bits() }
                    };
                    values[at].iter().enumerate().map(bits).collect()
                }
            });
        }
        for at in (0..part.batch.num_rows()).filter(|at| read[*at] < seal) {
            row.clear();
            row.push(part.first_row + at as u64);
            row.extend(cells.iter().map(|cells| cells[at]));
            sorter.push(&row, is_date)?;
        }
    }
    Ok(())
}

fn texts_of(array: &ArrayRef, sorter: &mut Sorter) -> Vec<u64> {
    let rows = array.as_dictionary::<Int32Type>();
    let names = rows.values().as_string::<i32>();
    let known: Vec<u64> = (0..names.len()).map(|at| sorter.texts.number(names.value(at))).collect();
    (0..rows.len()).map(|row| rows.key(row).map_or(NULL_TEXT, |key| known[key])).collect()
}
