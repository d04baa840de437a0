//! Reader of columns of numbers from the tables of a run folder, row by row.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampNanosecondType;
use arrow_array::{Array, Float64Array, RecordBatch};
use betaflow_engine::time::TimestampNs;
use parquet::arrow::ProjectionMask;
use parquet::errors::ParquetError;

use super::checksum::open_table;
use super::table::TableError;
use crate::parquet::CheckedFile;

/// Rows decoded at a time.
const ROWS_PER_BATCH: usize = 4_096;
const TIMESTAMP: &str = "timestamp";
const SYMBOL: &str = "symbol";

/// Columns and number of rows of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Names of the columns, in order.
    pub columns: Vec<String>,
    /// Number of rows.
    pub rows: u64,
}

/// Layout of a table of a run folder; `None` if the table does not exist.
///
/// # Errors
/// The file is not a Parquet table.
pub fn layout_of(folder: &Path, table: &str) -> Result<Option<Layout>, TableError> {
    let path = folder.join(table);
    if !path.exists() {
        return Ok(None);
    }
    let layout = || -> Result<Layout, ParquetError> {
        let file = CheckedFile::open(&path)?;
        let columns = file.schema().fields().iter().map(|field| field.name().clone()).collect();
        Ok(Layout { columns, rows: file.rows() })
    };
    layout().map(Some).map_err(|source| TableError::Read { path: path.clone(), source })
}

/// Passes each row of a table to `take`: its timestamp, and its numbers in the columns `names`; null is NaN.
///
/// # Errors
/// The table is missing, or has no such columns.
pub fn read_numbers(
    folder: &Path,
    table: &str,
    names: &[&str],
    take: impl FnMut(TimestampNs, &[f64]),
) -> Result<(), TableError> {
    let path = folder.join(table);
    read(&path, names, take).map_err(|source| TableError::Read { path, source })
}

/// [`read_numbers`] for a table with a row for each instrument: passes its symbol to `take`, `None` for null.
///
/// # Errors
/// The table is missing, or has no such columns.
pub fn read_named(
    folder: &Path,
    table: &str,
    names: &[&str],
    mut take: impl FnMut(Option<&str>, &[f64]),
) -> Result<(), TableError> {
    let path = folder.join(table);
    let each = |batch: &RecordBatch, row: usize, values: &[f64]| {
        let symbols = batch.column_by_name(SYMBOL).and_then(|column| column.as_string_opt::<i32>());
        let symbols = symbols.ok_or_else(|| missing(SYMBOL, "texts"))?;
        take((!symbols.is_null(row)).then(|| symbols.value(row)), values);
        Ok(())
    };
    rows(&path, SYMBOL, names, each).map_err(|source| TableError::Read { path, source })
}

pub(super) fn read(
    path: &Path,
    names: &[&str],
    mut take: impl FnMut(TimestampNs, &[f64]),
) -> Result<(), ParquetError> {
    rows(path, TIMESTAMP, names, |batch, row, values| {
        let times = batch
            .column_by_name(TIMESTAMP)
            .and_then(|column| column.as_primitive_opt::<TimestampNanosecondType>());
        take(TimestampNs(times.ok_or_else(|| missing(TIMESTAMP, "times"))?.value(row)), values);
        Ok(())
    })
}

fn rows(
    path: &Path,
    key: &str,
    names: &[&str],
    mut each: impl FnMut(&RecordBatch, usize, &[f64]) -> Result<(), ParquetError>,
) -> Result<(), ParquetError> {
    let file = open_table(path)?;
    let wanted = names.iter().copied().chain([key]);
    let columns = ProjectionMask::columns(file.metadata().file_metadata().schema_descr(), wanted);
    let mut values = vec![0.0; names.len()];
    for batch in file.batches(columns, None, ROWS_PER_BATCH)? {
        let batch = batch?;
        let column = |name: &&str| -> Result<&Float64Array, ParquetError> {
            let numbers = batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref());
            numbers.ok_or_else(|| missing(name, "numbers"))
        };
        let columns = names.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            for (value, column) in values.iter_mut().zip(&columns) {
                *value = if column.is_null(row) { f64::NAN } else { column.value(row) };
            }
            each(&batch, row, &values)?;
        }
    }
    Ok(())
}

fn missing(name: &str, kind: &str) -> ParquetError {
    ParquetError::General(format!("there is no column `{name}` of {kind}"))
}
