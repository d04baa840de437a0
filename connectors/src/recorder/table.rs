//! One Parquet table, written in small row groups so that memory does not grow with its length.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampNanosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use betaflow_engine::time::TimestampNs;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::scenario_table::SettingValue;
use crate::links::follow;

/// Key of the note in the metadata of a file.
const NOTE: &str = "betaflow.note";
/// Rows handed to the writer at a time.
const ROWS_PER_BATCH: usize = 2_048;
/// Rows of a row group. The writer holds one encoded: this bounds its memory.
const ROWS_PER_GROUP: usize = 8_192;

/// A table that could not be written or read back.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It could not be written.
    #[error(
        "{}: could not write the table: {source}; is the disk full? nothing is left of this run",
        path.display()
    )]
    Write {
        /// The table.
        path: PathBuf,
        /// What the writer said.
        source: ParquetError,
    },
    /// It could not be read.
    #[error("{}: could not read the table: {source}; is it one of a run folder?", path.display())]
    Read {
        /// The table.
        path: PathBuf,
        /// What the reader said.
        source: ParquetError,
    },
}

/// What a column holds. Numbers and frame numbers may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Time,
    Integer,
    Text,
    /// Text that may be null.
    OptionalText,
    Number,
    Truth,
}

enum Column {
    Time(TimestampNanosecondBuilder),
    Integer(Int64Builder),
    Text(StringBuilder),
    Number(Float64Builder),
    Truth(BooleanBuilder),
}

/// A table under construction. A row is put cell by cell, in the order of the columns.
pub(crate) struct Table {
    path: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<BufWriter<File>>,
    columns: Vec<Column>,
    next: usize,
    rows: usize,
}

impl Table {
    /// `note`: what whoever reads the table must know, as metadata of the file.
    pub(crate) fn create(
        folder: &Path,
        name: &str,
        columns: &[(&str, Kind)],
        note: Option<&str>,
    ) -> Result<Self, TableError> {
        let path = folder.join(name);
        let failed = |source: ParquetError| TableError::Write { path: path.clone(), source };
        let utc = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        let field = |(name, kind): &(&str, Kind)| match kind {
            Kind::Time => Field::new(*name, utc.clone(), false),
            Kind::Integer => Field::new(*name, DataType::Int64, true),
            Kind::Text => Field::new(*name, DataType::Utf8, false),
            Kind::OptionalText => Field::new(*name, DataType::Utf8, true),
            Kind::Number => Field::new(*name, DataType::Float64, true),
            Kind::Truth => Field::new(*name, DataType::Boolean, false),
        };
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
            // What the writer keeps of every row group until the end is kept small.
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_key_value_metadata(note.map(|note| vec![KeyValue::new(NOTE.to_owned(), note.to_owned())]));
        for (name, kind) in columns {
            let column = ColumnPath::from(*name);
            properties = match kind {
                Kind::Text | Kind::OptionalText | Kind::Truth => properties,
                Kind::Number => properties.set_column_dictionary_enabled(column, false),
                Kind::Time | Kind::Integer => properties
                    .set_column_dictionary_enabled(column.clone(), false)
                    .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED),
            };
        }
        let file = File::create(&path).map_err(|error| failed(error.into()))?;
        let writer =
            ArrowWriter::try_new(BufWriter::new(file), Arc::clone(&schema), Some(properties.build()))
                .map_err(failed)?;
        let builder = |(_, kind): &(&str, Kind)| match kind {
            Kind::Time => Column::Time(TimestampNanosecondBuilder::new().with_data_type(utc.clone())),
            Kind::Integer => Column::Integer(Int64Builder::new()),
            Kind::Text | Kind::OptionalText => Column::Text(StringBuilder::new()),
            Kind::Number => Column::Number(Float64Builder::new()),
            Kind::Truth => Column::Truth(BooleanBuilder::new()),
        };
        let columns = columns.iter().map(builder).collect();
        Ok(Self { path: path.clone(), schema, writer, columns, next: 0, rows: 0 })
    }

    /// Writes a table of its own to `path`; of a symbolic link, to the file that it names. The file appears, or is
    /// replaced, when the table is complete.
    pub(super) fn write_file(
        path: &Path,
        columns: &[(&str, Kind)],
        rows: impl FnOnce(&mut Self) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let failed = |error: std::io::Error| TableError::Write {
            path: path.to_owned(),
            source: ParquetError::External(Box::new(error)),
        };
        let target = follow(path).map_err(failed)?;
        let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (folder, aside) = (target.parent().unwrap_or(Path::new("/")), format!(".{name}.partial"));
        let mut table = Self::create(folder, &aside, columns, None)?;
        rows(&mut table)?;
        table.close()?;
        std::fs::rename(folder.join(&aside), &target).map_err(|error| {
            let _ = std::fs::remove_file(folder.join(&aside));
            failed(error)
        })
    }

    fn column(&mut self) -> &mut Column {
        let at = self.next;
        self.next += 1;
        &mut self.columns[at]
    }

    pub(crate) fn time(&mut self, value: TimestampNs) {
        if let Column::Time(column) = self.column() {
            column.append_value(value.0);
        }
    }

    pub(crate) fn integer(&mut self, value: Option<u64>) {
        if let Column::Integer(column) = self.column() {
            column.append_option(value.map(|value| value as i64));
        }
    }

    pub(crate) fn text(&mut self, value: &str) {
        if let Column::Text(column) = self.column() {
            column.append_value(value);
        }
    }

    pub(crate) fn optional_text(&mut self, value: Option<&str>) {
        if let Column::Text(column) = self.column() {
            column.append_option(value);
        }
    }

    /// A number; NaN is null.
    pub(crate) fn number(&mut self, value: f64) {
        if let Column::Number(column) = self.column() {
            column.append_option((!value.is_nan()).then_some(value));
        }
    }

    /// The value of a setting, in a column of numbers or of texts.
    pub(crate) fn setting(&mut self, value: Option<&SettingValue>, is_number: bool) {
        match value {
            Some(SettingValue::Number(value)) if is_number => self.number(*value),
            None if is_number => self.number(f64::NAN),
            Some(SettingValue::Number(value)) => self.optional_text(Some(&value.to_string())),
            Some(SettingValue::Text(text)) => self.optional_text(Some(text)),
            None => self.optional_text(None),
        }
    }

    pub(crate) fn truth(&mut self, value: bool) {
        if let Column::Truth(column) = self.column() {
            column.append_value(value);
        }
    }

    pub(crate) fn end_row(&mut self) -> Result<(), TableError> {
        debug_assert_eq!(self.next, self.columns.len(), "a row has a cell for every column");
        self.next = 0;
        self.rows += 1;
        if self.rows == ROWS_PER_BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), TableError> {
        let arrays: Vec<ArrayRef> = self
            .columns
            .iter_mut()
            .map(|column| match column {
                Column::Time(builder) => Arc::new(builder.finish()) as ArrayRef,
                Column::Integer(builder) => Arc::new(builder.finish()),
                Column::Text(builder) => Arc::new(builder.finish()),
                Column::Number(builder) => Arc::new(builder.finish()),
                Column::Truth(builder) => Arc::new(builder.finish()),
            })
            .collect();
        self.rows = 0;
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(ParquetError::from)
            .and_then(|batch| self.writer.write(&batch))
            .map_err(|source| TableError::Write { path: self.path.clone(), source })
    }

    /// Writes what is left and the footer.
    pub(crate) fn close(mut self) -> Result<(), TableError> {
        self.flush()?;
        let path = self.path;
        let failed = |source| TableError::Write { path, source };
        // `into_inner` flushes; a plain drop would lose an error of the last write.
        self.writer
            .into_inner()
            .and_then(|buffer| {
                let file = buffer.into_inner().map_err(|error| ParquetError::from(error.into_error()))?;
                file.sync_all().map_err(ParquetError::from)
            })
            .map_err(failed)
    }
}
