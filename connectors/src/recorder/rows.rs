//! A table of a run folder read back row by row, at the pace of whoever reads.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampNanosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use betaflow_engine::time::TimestampNs;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

use super::table::TableError;

/// Rows decoded at a time.
const ROWS_PER_BATCH: usize = 1_024;
const TIMESTAMP: &str = "timestamp";
const SEQ: &str = "seq";

/// A row of a frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableRow {
    /// When the frame's bars closed.
    pub timestamp: TimestampNs,
    /// Number of the frame.
    pub seq: u64,
    /// Numbers of the columns asked for, whole ones included; NaN for null.
    pub numbers: Vec<f64>,
    /// Texts of the columns asked for; empty for null.
    pub texts: Vec<String>,
}

/// A table with a `timestamp` and a `seq`, read from its beginning.
pub struct TableRows {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    numbers: Vec<String>,
    texts: Vec<String>,
    batch: Option<RecordBatch>,
    row: usize,
    next: Option<TableRow>,
}

impl TableRows {
    /// Opens `table` of a run folder for the columns `numbers` and `texts`.
    ///
    /// # Errors
    /// The table is not there, or has no such columns.
    pub fn open(folder: &Path, table: &str, numbers: &[&str], texts: &[&str]) -> Result<Self, TableError> {
        let path = folder.join(table);
        let open = || -> Result<ParquetRecordBatchReader, ParquetError> {
            let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(&path)?)?;
            let wanted = || numbers.iter().chain(texts).copied().chain([TIMESTAMP, SEQ]);
            if let Some(name) = wanted().find(|name| builder.schema().index_of(name).is_err()) {
                return Err(ParquetError::General(format!("there is no column `{name}`")));
            }
            let columns = ProjectionMask::columns(builder.parquet_schema(), wanted());
            builder.with_projection(columns).with_batch_size(ROWS_PER_BATCH).build()
        };
        let batches = open().map_err(|source| TableError::Read { path: path.clone(), source })?;
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let (numbers, texts) = (owned(numbers), owned(texts));
        Ok(Self { path, batches, numbers, texts, batch: None, row: 0, next: None })
    }

    /// The next row.
    ///
    /// # Errors
    /// The table cannot be read.
    pub fn next_row(&mut self) -> Result<Option<TableRow>, TableError> {
        if let Some(next) = self.next.take() {
            return Ok(Some(next));
        }
        self.read().map_err(|source| TableError::Read { path: self.path.clone(), source })
    }

    /// The next row where it is of frame `seq`; earlier ones are passed over.
    ///
    /// # Errors
    /// The table cannot be read.
    pub fn next_of(&mut self, seq: u64) -> Result<Option<TableRow>, TableError> {
        while let Some(row) = self.next_row()? {
            if row.seq == seq {
                return Ok(Some(row));
            }
            if row.seq > seq {
                self.next = Some(row);
                break;
            }
        }
        Ok(None)
    }

    fn read(&mut self) -> Result<Option<TableRow>, ParquetError> {
        loop {
            if let Some(batch) = self.batch.as_ref().filter(|batch| self.row < batch.num_rows()) {
                let row = self.row;
                self.row += 1;
                let numbers = self.numbers.iter().map(|name| number(column(batch, name)?, row));
                let texts = self.texts.iter().map(|name| text(column(batch, name)?, row));
                let times = column(batch, TIMESTAMP)?.as_primitive_opt::<TimestampNanosecondType>();
                let times = times.ok_or_else(|| kind(TIMESTAMP, "times"))?;
                let seqs = column(batch, SEQ)?.as_primitive_opt::<Int64Type>();
                let seqs = seqs.ok_or_else(|| kind(SEQ, "whole numbers"))?;
                return Ok(Some(TableRow {
                    timestamp: TimestampNs(times.value(row)),
                    seq: seqs.value(row).unsigned_abs(),
                    numbers: numbers.collect::<Result<_, _>>()?,
                    texts: texts.collect::<Result<_, _>>()?,
                }));
            }
            self.row = 0;
            self.batch = self.batches.next().transpose().map_err(ParquetError::from)?;
            if self.batch.is_none() {
                return Ok(None);
            }
        }
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ParquetError> {
    batch.column_by_name(name).ok_or_else(|| ParquetError::General(format!("there is no column `{name}`")))
}

fn number(column: &ArrayRef, row: usize) -> Result<f64, ParquetError> {
    if column.is_null(row) {
        return Ok(f64::NAN);
    }
    match column.data_type() {
        DataType::Float64 => Ok(column.as_primitive::<Float64Type>().value(row)),
        // Numbers of frames: exact below 2^53.
        #[allow(clippy::cast_precision_loss)]
        DataType::Int64 => Ok(column.as_primitive::<Int64Type>().value(row) as f64),
        other => Err(ParquetError::General(format!("found a column of {other}, expected numbers"))),
    }
}

fn text(column: &ArrayRef, row: usize) -> Result<String, ParquetError> {
    let texts = column.as_string_opt::<i32>();
    let texts = texts
        .ok_or_else(|| ParquetError::General("found a column of no texts, expected texts".to_owned()))?;
    Ok(if texts.is_null(row) { String::new() } else { texts.value(row).to_owned() })
}

fn kind(name: &str, of: &str) -> ParquetError {
    ParquetError::General(format!("`{name}` is no column of {of}"))
}
