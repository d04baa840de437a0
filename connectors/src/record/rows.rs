//! Parquet reader of a table: typed records, one after the other.

use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampNanosecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampNanosecondArray,
};
use betaflow_engine::time::TimestampNs;
use parquet::arrow::ProjectionMask;
use parquet::errors::ParquetError;

use super::checksum::open_table;
use super::column::{Column, Kind, Place, Record, RunNames, Value};
use super::table::{TableError, file_name};
use crate::parquet::CheckedBatches;

/// Rows decoded at a time.
const ROWS_PER_BATCH: usize = 1_024;

/// Values of a column in the current batch.
enum Cells {
    Time(TimestampNanosecondArray),
    Integer(Int64Array),
    Text(StringArray),
    Number(Float64Array),
    Truth(BooleanArray),
}

impl Cells {
    fn of(kind: Kind, array: &ArrayRef) -> Option<Self> {
        Some(match kind {
            Kind::Time => Self::Time(array.as_primitive_opt::<TimestampNanosecondType>()?.clone()),
            Kind::Integer => Self::Integer(array.as_primitive_opt::<Int64Type>()?.clone()),
            Kind::Text | Kind::OptionalText => Self::Text(array.as_string_opt::<i32>()?.clone()),
            Kind::Number => Self::Number(array.as_primitive_opt::<Float64Type>()?.clone()),
            Kind::Truth => Self::Truth(array.as_boolean_opt()?.clone()),
        })
    }

    fn value(&self, row: usize) -> Value<'_> {
        match self {
            Self::Time(cells) if cells.is_valid(row) => Value::Time(TimestampNs(cells.value(row))),
            Self::Integer(cells) if cells.is_valid(row) => Value::Integer(cells.value(row).unsigned_abs()),
            Self::Text(cells) if cells.is_valid(row) => Value::Text(cells.value(row)),
            Self::Number(cells) if cells.is_valid(row) => Value::Number(cells.value(row)),
            Self::Truth(cells) if cells.is_valid(row) => Value::Truth(cells.value(row)),
            _ => Value::Null,
        }
    }
}

/// Rows of a table, from its beginning.
pub struct TableRows<R> {
    path: PathBuf,
    batches: CheckedBatches,
    columns: Vec<Column<R>>,
    /// Number columns that the file does not have.
    absent: Vec<Column<R>>,
    cells: Vec<Cells>,
    row: usize,
    rows: usize,
}

impl<R: Record> TableRows<R> {
    /// Opens the table of a run folder. A column of numbers that a file of an earlier version lacks is null.
    ///
    /// # Errors
    /// The table does not exist, or a column is missing or has another type.
    pub fn open(folder: &Path) -> Result<Self, TableError> {
        Self::open_columns(folder, |_| true)
    }

    /// Opens the table for some of its columns; the others keep their defaults.
    ///
    /// # Errors
    /// The table does not exist, or one of these columns is missing or has another type.
    pub fn open_columns(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Self, TableError> {
        let path = folder.join(file_name::<R>());
        let open = || -> Result<_, ParquetError> {
            let file = open_table(&path)?;
            let mut columns = R::columns(&RunNames::default());
            columns.retain(|column| column.place == Place::Everywhere && wanted(&column.name));
            let has = |column: &Column<R>| file.schema().index_of(&column.name).is_ok();
            let (columns, absent): (Vec<_>, Vec<_>) = columns.into_iter().partition(has);
            if let Some(column) = absent.iter().find(|column| column.kind != Kind::Number) {
                return Err(ParquetError::General(format!("there is no column `{}`", column.name)));
            }
            let names = columns.iter().map(|column| column.name.as_ref());
            let mask = ProjectionMask::columns(file.metadata().file_metadata().schema_descr(), names);
            let batches = file.batches(mask, None, ROWS_PER_BATCH)?;
            Ok((columns, absent, batches))
        };
        let (columns, absent, batches) =
            open().map_err(|source| TableError::Read { path: path.clone(), source })?;
        Ok(Self { path, batches, columns, absent, cells: Vec::new(), row: 0, rows: 0 })
    }

    /// Next row; `None` after the last one.
    ///
    /// # Errors
    /// The table cannot be read.
    pub fn next_row(&mut self) -> Result<Option<R>, TableError> {
        self.read().map_err(|source| TableError::Read { path: self.path.clone(), source })
    }

    fn read(&mut self) -> Result<Option<R>, ParquetError> {
        while self.row == self.rows {
            let Some(batch) = self.batches.next().transpose()? else { return Ok(None) };
            (self.row, self.rows) = (0, batch.num_rows());
            let cells = self.columns.iter().map(|column| {
                let array = batch.column_by_name(&column.name);
                array.and_then(|array| Cells::of(column.kind, array)).ok_or_else(|| {
                    let (name, kind) = (&column.name, column.kind.name());
                    ParquetError::General(format!("column `{name}` has another type, expected {kind}"))
                })
            });
            self.cells = cells.collect::<Result<_, _>>()?;
        }
        let mut record = R::default();
        for (column, cells) in self.columns.iter().zip(&self.cells) {
            column.set(&mut record, cells.value(self.row));
        }
        self.absent.iter().for_each(|column| column.set(&mut record, Value::Null));
        self.row += 1;
        Ok(Some(record))
    }
}
