//! Writer of a prepared table as Parquet.

use std::fs::File;
use std::io::{self, Seek as _};
use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, Date32Array, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use betaflow_engine::time::DAY_NS;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::sorter::{Column, ColumnKind, NULL, Texts};

/// Maximum bytes of the rows of one batch.
const BATCH_BYTES: usize = 4 << 20;
/// Maximum bytes and rows of a row group.
const GROUP_BYTES: usize = 32 << 20;
const GROUP_ROWS: usize = 131_072;

/// Place to which a table is written.
#[derive(Debug)]
pub(crate) enum Target {
    /// Memory.
    Memory,
    /// Temporary file.
    File(File),
    /// File that the user keeps.
    Kept(File),
}

/// Written table.
#[derive(Clone, Debug)]
pub(crate) enum Written {
    /// In memory.
    Memory(Bytes),
    /// In a file.
    File(Arc<Mutex<File>>),
}

enum Sink {
    Memory(ArrowWriter<Vec<u8>>),
    File(ArrowWriter<File>),
}

/// Writer of rows in their final order.
pub(super) struct TableWriter {
    sink: Sink,
    schema: SchemaRef,
    kinds: Vec<ColumnKind>,
    are_dates: bool,
    /// Cells of the rows of the next batch.
    cells: Vec<u64>,
    batch_cells: usize,
}

impl TableWriter {
    /// Starts a table. `are_dates`: true if no time has a time of day.
    ///
    /// # Errors
    /// The file system refuses a write.
    pub(super) fn new(target: Target, columns: &[Column], are_dates: bool) -> io::Result<Self> {
        let fields = columns.iter().map(|column| {
            let kind = match column.kind {
                ColumnKind::Time if are_dates => DataType::Date32,
                ColumnKind::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
                ColumnKind::Text => DataType::Utf8,
                ColumnKind::Number => DataType::Float64,
            };
            Field::new(&column.name, kind, column.kind != ColumnKind::Time)
        });
        let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let row = columns.len().max(1) * size_of::<u64>();
        let compression = match target {
            Target::Kept(_) => Compression::ZSTD(ZstdLevel::try_new(3).map_err(io::Error::other)?),
            _ => Compression::SNAPPY,
        };
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_max_row_group_row_count(Some((GROUP_BYTES / row).clamp(1024, GROUP_ROWS)))
            .build();
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let sink = match target {
            Target::Memory => {
                let writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&schema), options);
                Sink::Memory(writer.map_err(io::Error::other)?)
            }
            Target::File(file) | Target::Kept(file) => {
                let writer = ArrowWriter::try_new_with_options(file, Arc::clone(&schema), options);
                Sink::File(writer.map_err(io::Error::other)?)
            }
        };
        let batch_cells = (BATCH_BYTES / row).clamp(16, 8192) * columns.len().max(1);
        let kinds = columns.iter().map(|column| column.kind).collect();
        Ok(Self { sink, schema, kinds, are_dates, cells: Vec::new(), batch_cells })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// The file system refuses a write.
    pub(super) fn push(&mut self, cells: &[u64], texts: &Texts) -> io::Result<()> {
        self.cells.extend_from_slice(cells);
        if self.cells.len() >= self.batch_cells { self.flush(texts) } else { Ok(()) }
    }

    fn flush(&mut self, texts: &Texts) -> io::Result<()> {
        if self.cells.is_empty() {
            return Ok(());
        }
        let columns = self.kinds.iter().enumerate().map(|(column, kind)| self.array(column, *kind, texts));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns.collect());
        let batch = batch.map_err(io::Error::other)?;
        match &mut self.sink {
            Sink::Memory(writer) => writer.write(&batch).map_err(io::Error::other)?,
            Sink::File(writer) => writer.write(&batch).map_err(io::Error::other)?,
        }
        self.cells.clear();
        Ok(())
    }

    fn array(&self, column: usize, kind: ColumnKind, texts: &Texts) -> ArrayRef {
        let cells = self.cells.iter().skip(column).step_by(self.kinds.len());
        match kind {
            // Dates of 64-bit nanoseconds lie within 32-bit days.
            ColumnKind::Time if self.are_dates => Arc::new(Date32Array::from_iter_values(
                cells.map(|cell| i32::try_from(cell.cast_signed().div_euclid(DAY_NS)).unwrap_or(i32::MAX)),
            )),
            ColumnKind::Time => {
                let times = TimestampNanosecondArray::from_iter_values(cells.map(|cell| cell.cast_signed()));
                Arc::new(times.with_timezone("UTC"))
            }
            ColumnKind::Text => Arc::new(cells.map(|cell| texts.text(*cell)).collect::<StringArray>()),
            ColumnKind::Number => Arc::new(
                cells.map(|cell| (*cell != NULL).then(|| f64::from_bits(*cell))).collect::<Float64Array>(),
            ),
        }
    }

    /// Completes the table.
    ///
    /// # Errors
    /// The file system refuses a write.
    pub(super) fn finish(mut self, texts: &Texts) -> io::Result<Written> {
        self.flush(texts)?;
        Ok(match self.sink {
            Sink::Memory(writer) => Written::Memory(writer.into_inner().map_err(io::Error::other)?.into()),
            Sink::File(writer) => {
                let mut file = writer.into_inner().map_err(io::Error::other)?;
                file.rewind()?;
                Written::File(Arc::new(Mutex::new(file)))
            }
        })
    }
}
