//! Writer of a segment.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, StringBuilder, TimestampNanosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::super::disk::{DiskStep, SharedDisk, pass};
use super::super::error::StoreError;
use super::super::input::Input;
use super::{DIGEST, PREFIX, RowsDigest, SUFFIX, SegmentFile, folder, schema};

/// Bytes of bodies per row group. Writer and reader hold one row group, several times over with its copies, and the C
/// library keeps that memory for the thread: with groups of 2 MiB the first segment of a run raised its memory by 8 MB.
const GROUP_BYTES: usize = 256 << 10;

/// Segment being written. Removes its file if it is dropped before completion.
pub(in super::super) struct SegmentWriter {
    writer: ArrowWriter<BufWriter<File>>,
    schema: SchemaRef,
    seq: Int64Builder,
    kind: StringBuilder,
    timestamp: TimestampNanosecondBuilder,
    body: StringBuilder,
    held: usize,
    digest: RowsDigest,
    first: u64,
    partial: PartialFile,
}

struct PartialFile {
    path: PathBuf,
    target: PathBuf,
    disk: SharedDisk,
    done: bool,
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.done {
            // If the file cannot be removed, the next attempt overwrites it.
            let _ = pass(&*self.disk, DiskStep::RemovePartial, |error| error, || fs::remove_file(&self.path));
        }
    }
}

impl SegmentWriter {
    pub(in super::super) fn create(
        database: &Path,
        first: u64,
        disk: SharedDisk,
    ) -> Result<Self, StoreError> {
        let folder = folder(database);
        let io = |doing| {
            let path = folder.clone();
            move |source| StoreError::Io { path, doing, source }
        };
        let target = folder.join(format!("{PREFIX}{first:012}{SUFFIX}"));
        let path = folder.join(format!(".{PREFIX}{first:012}{SUFFIX}.partial"));
        let doing = "create a file in the folder of segments";
        let file = pass(
            &*disk,
            DiskStep::CreateSegment,
            |source| io(doing)(source),
            || {
                fs::create_dir_all(&folder).map_err(io("create the folder of segments"))?;
                File::create(&path).map_err(io(doing))
            },
        )?;
        let partial = PartialFile { path, target, disk, done: false };
        let schema = schema();
        let delta = |properties: WriterPropertiesBuilder, name: &str| {
            let column = ColumnPath::from(name);
            properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED)
        };
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_statistics_enabled(EnabledStatistics::None)
            .set_offset_index_disabled(true)
            .set_column_dictionary_enabled(ColumnPath::from("body"), false);
        let properties = delta(delta(properties, "seq"), "timestamp").build();
        let writer = ArrowWriter::try_new(BufWriter::new(file), Arc::clone(&schema), Some(properties))
            .map_err(|source| unwritten(&partial.target, source))?;
        Ok(Self {
            writer,
            schema,
            seq: Int64Builder::new(),
            kind: StringBuilder::new(),
            timestamp: TimestampNanosecondBuilder::new().with_timezone("UTC"),
            body: StringBuilder::new(),
            held: 0,
            digest: RowsDigest::default(),
            first,
            partial,
        })
    }

    pub(in super::super) fn push(&mut self, input: &Input) -> Result<(), StoreError> {
        self.digest.add(input);
        self.seq.append_value(i64::try_from(input.seq).unwrap_or(i64::MAX));
        self.kind.append_value(input.kind.name());
        self.timestamp.append_value(input.timestamp);
        self.body.append_value(&input.body);
        self.held += input.body.len();
        if self.held >= GROUP_BYTES { self.end_group() } else { Ok(()) }
    }

    fn end_group(&mut self) -> Result<(), StoreError> {
        self.held = 0;
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(self.seq.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.timestamp.finish()),
            Arc::new(self.body.finish()),
        ];
        pass(&*self.partial.disk, DiskStep::WriteSegment, ParquetError::from, || {
            RecordBatch::try_new(Arc::clone(&self.schema), arrays)
                .map_err(ParquetError::from)
                .and_then(|batch| self.writer.write(&batch))
                .and_then(|()| self.writer.flush())
        })
        .map_err(|source| unwritten(&self.partial.target, source))
    }

    /// Syncs the segment and moves it to its final path.
    pub(in super::super) fn complete(mut self) -> Result<SegmentFile, StoreError> {
        self.end_group()?;
        let Self { mut writer, digest, first, mut partial, .. } = self;
        writer.append_key_value_metadata(KeyValue::new(DIGEST.to_owned(), digest.hex()));
        // `into_inner` flushes; a plain drop would lose an error of the last write.
        let synced = pass(&*partial.disk, DiskStep::SyncSegment, ParquetError::from, || {
            let buffer = writer.into_inner()?;
            let file = buffer.into_inner().map_err(|error| ParquetError::from(error.into_error()))?;
            file.sync_all().map_err(ParquetError::from)
        });
        synced.map_err(|source| unwritten(&partial.target, source))?;
        let io = |doing| {
            let path = partial.target.clone();
            move |source| StoreError::Io { path, doing, source }
        };
        let doing = "move the segment to its final path";
        let rename = || fs::rename(&partial.path, &partial.target).map_err(io(doing));
        pass(&*partial.disk, DiskStep::RenameSegment, |source| io(doing)(source), rename)?;
        // A name is durable once its folder is synced.
        for folder in partial.target.ancestors().skip(1).take(2).filter(|_| cfg!(unix)) {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(io("sync the segment"))?;
        }
        partial.done = true;
        Ok(SegmentFile { first, path: partial.target.clone() })
    }
}

fn unwritten(path: &Path, source: ParquetError) -> StoreError {
    StoreError::Segment {
        path: path.to_owned(),
        found: source.to_string(),
        expected: "space to write it; the inputs stay in the database until then",
    }
}
