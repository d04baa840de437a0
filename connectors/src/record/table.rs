//! Parquet writer of a table: small row groups, so that memory does not grow with its length.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampNanosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::checksum::Summed;
use super::column::{Column, Kind, Place, Record, RunNames, Value};
use super::syncing::{Syncing, sync};
use crate::links::follow;

/// Key of the note in the metadata of a file.
const NOTE: &str = "betaflow.note";
/// Rows passed to the writer at a time.
const ROWS_PER_BATCH: usize = 2_048;
/// Rows per row group. The writer holds one group encoded: this bounds its memory.
const ROWS_PER_GROUP: usize = 8_192;

/// Error of writing or reading a table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Write error.
    #[error(
        "{}: could not write the table: {source}; is the disk full? the incomplete run was removed",
        path.display()
    )]
    Write {
        /// File of the table.
        path: PathBuf,
        /// Error of the writer.
        source: ParquetError,
    },
    /// Read error.
    #[error("{}: could not read the table: {source}; is it a table of a run folder?", path.display())]
    Read {
        /// File of the table.
        path: PathBuf,
        /// Error of the reader.
        source: ParquetError,
    },
}

/// Values of a column that are not written yet.
enum Cells {
    Time(TimestampNanosecondBuilder),
    Integer(Int64Builder),
    Text(StringBuilder),
    Number(Float64Builder),
    Truth(BooleanBuilder),
}

impl Cells {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Time => Self::Time(TimestampNanosecondBuilder::new().with_data_type(utc())),
            Kind::Integer => Self::Integer(Int64Builder::new()),
            Kind::Text | Kind::OptionalText => Self::Text(StringBuilder::new()),
            Kind::Number => Self::Number(Float64Builder::new()),
            Kind::Truth => Self::Truth(BooleanBuilder::new()),
        }
    }

    /// Appends a value; a value of another kind is null.
    fn append(&mut self, value: Value<'_>) {
        match (self, value) {
            (Self::Time(cells), Value::Time(time)) => cells.append_value(time.0),
            (Self::Integer(cells), Value::Integer(whole)) => cells.append_value(whole as i64),
            (Self::Text(cells), Value::Text(text)) => cells.append_value(text),
            (Self::Number(cells), Value::Number(number)) => cells.append_value(number),
            (Self::Truth(cells), Value::Truth(truth)) => cells.append_value(truth),
            (Self::Time(cells), _) => cells.append_null(),
            (Self::Integer(cells), _) => cells.append_null(),
            (Self::Text(cells), _) => cells.append_null(),
            (Self::Number(cells), _) => cells.append_null(),
            (Self::Truth(cells), _) => cells.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Time(cells) => Arc::new(cells.finish()),
            Self::Integer(cells) => Arc::new(cells.finish()),
            Self::Text(cells) => Arc::new(cells.finish()),
            Self::Number(cells) => Arc::new(cells.finish()),
            Self::Truth(cells) => Arc::new(cells.finish()),
        }
    }

    /// Reserves the space of a batch of numbers at once, for a table that has filled one.
    fn reserve(&mut self) {
        match self {
            Self::Time(cells) => {
                *cells = TimestampNanosecondBuilder::with_capacity(ROWS_PER_BATCH).with_data_type(utc());
            }
            Self::Integer(cells) => *cells = Int64Builder::with_capacity(ROWS_PER_BATCH),
            Self::Number(cells) => *cells = Float64Builder::with_capacity(ROWS_PER_BATCH),
            Self::Text(_) | Self::Truth(_) => {}
        }
    }
}

fn utc() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

fn field<R>(column: &Column<R>) -> Field {
    let name = column.name.as_ref();
    match column.kind {
        Kind::Time => Field::new(name, utc(), false),
        Kind::Integer => Field::new(name, DataType::Int64, true),
        Kind::Text => Field::new(name, DataType::Utf8, false),
        Kind::OptionalText => Field::new(name, DataType::Utf8, true),
        Kind::Number => Field::new(name, DataType::Float64, true),
        Kind::Truth => Field::new(name, DataType::Boolean, false),
    }
}

/// Name of the Parquet file of a table.
#[must_use]
pub fn file_name<R: Record>() -> String {
    format!("{}.parquet", R::TABLE)
}

/// Writer of the Parquet file of the records `R`.
pub struct TableWriter<R> {
    path: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<Summed<BufWriter<File>>>,
    columns: Vec<Column<R>>,
    cells: Vec<Cells>,
    rows: usize,
}

impl<R: Record> TableWriter<R> {
    /// Creates the file of the table in a run folder. `note`: text for readers, in the metadata of the file.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(folder: &Path, names: &RunNames, note: Option<&str>) -> Result<Self, TableError> {
        Self::create_file(folder.join(file_name::<R>()), names, note)
    }

    fn create_file(path: PathBuf, names: &RunNames, note: Option<&str>) -> Result<Self, TableError> {
        let failed = |source: ParquetError| TableError::Write { path: path.clone(), source };
        let mut columns = R::columns(names);
        columns.retain(|column| column.place == Place::Everywhere);
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
            // The writer keeps the statistics of every row group until the end: write only the small ones.
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_key_value_metadata(note.map(|note| vec![KeyValue::new(NOTE.to_owned(), note.to_owned())]));
        for column in &columns {
            let path = ColumnPath::from(column.name.as_ref());
            properties = match column.kind {
                Kind::Text | Kind::OptionalText | Kind::Truth => properties,
                Kind::Number => properties.set_column_dictionary_enabled(path, false),
                Kind::Time | Kind::Integer => properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            };
        }
        let file = File::create(&path).map_err(|error| failed(error.into()))?;
        let writer = ArrowWriter::try_new(
            Summed::new(BufWriter::new(file)),
            Arc::clone(&schema),
            Some(properties.build()),
        )
        .map_err(failed)?;
        let cells = columns.iter().map(|column| Cells::of(column.kind)).collect();
        Ok(Self { path, schema, writer, columns, cells, rows: 0 })
    }

    /// Writes one table to `path`, or to the target of a symbolic link. The file appears, or is replaced, when the table
    /// is complete.
    pub(super) fn write_file(
        path: &Path,
        rows: impl FnOnce(&mut Self) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let failed = |error: std::io::Error| TableError::Write {
            path: path.to_owned(),
            source: ParquetError::External(Box::new(error)),
        };
        let target = follow(path).map_err(failed)?;
        let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let aside = target.parent().unwrap_or(Path::new("/")).join(format!(".{name}.partial"));
        let mut table = Self::create_file(aside.clone(), &RunNames::default(), None)?;
        rows(&mut table)?;
        table.close()?;
        std::fs::rename(&aside, &target).map_err(|error| {
            let _ = std::fs::remove_file(&aside);
            failed(error)
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn push(&mut self, record: &R) -> Result<(), TableError> {
        for (column, cells) in self.columns.iter().zip(&mut self.cells) {
            cells.append(column.value(record));
        }
        self.rows += 1;
        if self.rows == ROWS_PER_BATCH {
            self.flush()?;
            self.cells.iter_mut().for_each(Cells::reserve);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), TableError> {
        let arrays = self.cells.iter_mut().map(Cells::finish).collect();
        self.rows = 0;
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(ParquetError::from)
            .and_then(|batch| self.writer.write(&batch))
            .map_err(|source| TableError::Write { path: self.path.clone(), source })
    }

    /// Writes the remaining rows and the footer, and waits until they are on the disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn close(self) -> Result<(), TableError> {
        let (path, file) = self.finish()?;
        sync(path, &file)
    }

    /// Writes the remaining rows and the footer, which go to the disk while the caller continues.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn close_into(self, syncing: &Syncing) -> Result<(), TableError> {
        let (path, file) = self.finish()?;
        syncing.start(path, file)
    }

    fn finish(mut self) -> Result<(PathBuf, File), TableError> {
        self.flush()?;
        let path = self.path;
        let mut writer = self.writer;
        // `into_inner` flushes; a plain drop would lose an error of the last write.
        let file = writer
            .flush()
            .and_then(|()| Ok(writer.sync()?))
            .and_then(|()| {
                let checksum = writer.inner().checksum(writer.flushed_row_groups());
                writer.append_key_value_metadata(checksum);
                writer.into_inner()
            })
            .and_then(|summed| {
                let buffer = summed.into_inner();
                buffer.into_inner().map_err(|error| ParquetError::from(error.into_error()))
            });
        match file {
            Ok(file) => Ok((path, file)),
            Err(source) => Err(TableError::Write { path, source }),
        }
    }
}
