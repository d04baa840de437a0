//! A segment: inputs that no restart needs any more, in a Parquet file of the state folder.
//!
//! `session/inputs-<number of the first, 12 digits>.parquet` has `seq, kind, timestamp, body` of inputs without a gap. It is
//! written aside, made to last and renamed, so that a segment under its name is whole. A digest over its rows is in the
//! footer: what a disk or a hand has changed since is found by whoever reads it.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, StringBuilder, TimestampNanosecondBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampNanosecondType};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use betaflow_engine::ledger::hex;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use sha2::{Digest as _, Sha256};

use super::error::StoreError;
use super::folder::{Input, InputKind};

/// Folder of the segments inside a state folder.
const FOLDER: &str = "session";
const PREFIX: &str = "inputs-";
const SUFFIX: &str = ".parquet";
/// Key of the digest in the footer.
const DIGEST: &str = "betaflow.digest";
/// Bytes of bodies in a row group: a reader holds one.
const GROUP_BYTES: usize = 2 << 20;
/// Rows decoded at a time.
const ROWS_PER_BATCH: usize = 256;

/// A segment by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentFile {
    /// Number of its first input.
    pub(super) first: u64,
    pub(super) path: PathBuf,
}

/// The segments beside a database, in order.
pub(super) fn segments(database: &Path) -> Result<Vec<SegmentFile>, StoreError> {
    let folder = folder(database);
    let failed = |source| StoreError::Io { path: folder.clone(), doing: "look into the folder", source };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let first = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok());
        found.extend(first.map(|first| SegmentFile { first, path }));
    }
    found.sort();
    Ok(found)
}

fn folder(database: &Path) -> PathBuf {
    database.with_file_name(FOLDER)
}

fn schema() -> SchemaRef {
    let utc = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("seq", DataType::Int64, false),
        Field::new("kind", DataType::Utf8, false),
        Field::new("timestamp", utc, false),
        Field::new("body", DataType::Utf8, false),
    ]))
}

/// The digest over the rows of a segment.
#[derive(Default)]
struct RowsDigest(Sha256);

impl RowsDigest {
    fn add(&mut self, input: &Input) {
        let Self(digest) = self;
        digest.update(input.seq.to_le_bytes());
        digest.update([u8::from(input.kind == InputKind::Control)]);
        digest.update(input.timestamp.to_le_bytes());
        digest.update((input.body.len() as u64).to_le_bytes());
        digest.update(input.body.as_bytes());
    }

    fn hex(self) -> String {
        hex(&self.0.finalize().into())
    }
}

/// A segment in the making. Dropped before it is complete, it removes itself.
pub(super) struct SegmentWriter {
    writer: ArrowWriter<BufWriter<File>>,
    schema: SchemaRef,
    seq: Int64Builder,
    kind: StringBuilder,
    timestamp: TimestampNanosecondBuilder,
    body: StringBuilder,
    held: usize,
    digest: RowsDigest,
    aside: Aside,
}

struct Aside {
    path: PathBuf,
    target: PathBuf,
    done: bool,
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.done {
            // What cannot be removed is written over by the next attempt.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl SegmentWriter {
    pub(super) fn create(database: &Path, first: u64) -> Result<Self, StoreError> {
        let folder = folder(database);
        let io = |doing| {
            let path = folder.clone();
            move |source| StoreError::Io { path, doing, source }
        };
        fs::create_dir_all(&folder).map_err(io("create the folder of segments"))?;
        let target = folder.join(format!("{PREFIX}{first:012}{SUFFIX}"));
        let path = folder.join(format!(".{PREFIX}{first:012}{SUFFIX}.partial"));
        let file = File::create(&path).map_err(io("create a file in the folder of segments"))?;
        let aside = Aside { path, target, done: false };
        let schema = schema();
        let delta = |properties: parquet::file::properties::WriterPropertiesBuilder, name: &str| {
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
            .map_err(|source| unwritten(&aside.target, source))?;
        Ok(Self {
            writer,
            schema,
            seq: Int64Builder::new(),
            kind: StringBuilder::new(),
            timestamp: TimestampNanosecondBuilder::new().with_timezone("UTC"),
            body: StringBuilder::new(),
            held: 0,
            digest: RowsDigest::default(),
            aside,
        })
    }

    pub(super) fn push(&mut self, input: &Input) -> Result<(), StoreError> {
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
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(ParquetError::from)
            .and_then(|batch| self.writer.write(&batch))
            .and_then(|()| self.writer.flush())
            .map_err(|source| unwritten(&self.aside.target, source))
    }

    /// Puts the segment in its place, for good.
    pub(super) fn complete(mut self) -> Result<SegmentFile, StoreError> {
        self.end_group()?;
        let Self { mut writer, digest, mut aside, .. } = self;
        writer.append_key_value_metadata(KeyValue::new(DIGEST.to_owned(), digest.hex()));
        // `into_inner` flushes; a plain drop would lose an error of the last write.
        let synced = writer.into_inner().and_then(|buffer| {
            let file = buffer.into_inner().map_err(|error| ParquetError::from(error.into_error()))?;
            file.sync_all().map_err(ParquetError::from)
        });
        synced.map_err(|source| unwritten(&aside.target, source))?;
        let io = |doing| {
            let path = aside.target.clone();
            move |source| StoreError::Io { path, doing, source }
        };
        fs::rename(&aside.path, &aside.target).map_err(io("put the segment in its place"))?;
        // The name, and that of the folder, only last once their folders are written.
        for folder in aside.target.ancestors().skip(1).take(2).filter(|_| cfg!(unix)) {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(io("make the segment last"))?;
        }
        aside.done = true;
        let first = first_of(&aside.target);
        Ok(SegmentFile { first, path: aside.target.clone() })
    }
}

fn first_of(path: &Path) -> u64 {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.trim_start_matches(PREFIX).trim_end_matches(SUFFIX).parse().unwrap_or(0)
}

fn unwritten(path: &Path, source: ParquetError) -> StoreError {
    StoreError::Segment {
        path: path.to_owned(),
        found: source.to_string(),
        expected: "room to write it; the inputs stay in the database until it is there",
    }
}

/// The inputs of a segment, in order; a row group is held at a time.
pub(super) struct SegmentReader {
    segment: SegmentFile,
    batches: ParquetRecordBatchReader,
    batch: Option<RecordBatch>,
    row: usize,
    next: u64,
    digest: RowsDigest,
    written: String,
    ended: bool,
}

impl SegmentReader {
    pub(super) fn open(segment: &SegmentFile) -> Result<Self, StoreError> {
        let failed = |error: ParquetError| damaged(&segment.path, error.to_string());
        let file = File::open(&segment.path).map_err(|source| StoreError::Io {
            path: segment.path.clone(),
            doing: "open the segment",
            source,
        })?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed)?;
        if builder.schema().fields() != schema().fields() {
            let columns: Vec<_> =
                builder.schema().fields().iter().map(|field| field.name().clone()).collect();
            return Err(damaged(&segment.path, format!("the columns {}", columns.join(", "))));
        }
        let pairs = builder.metadata().file_metadata().key_value_metadata();
        let written = pairs.and_then(|pairs| pairs.iter().find(|pair| pair.key == DIGEST)?.value.clone());
        let written = written.ok_or_else(|| damaged(&segment.path, "no digest in its footer".to_owned()))?;
        let batches = builder.with_batch_size(ROWS_PER_BATCH).build().map_err(failed)?;
        Ok(Self {
            segment: segment.clone(),
            batches,
            batch: None,
            row: 0,
            next: segment.first,
            digest: RowsDigest::default(),
            written,
            ended: false,
        })
    }

    /// Number behind the last input, by the footer alone.
    pub(super) fn end_of(segment: &SegmentFile) -> Result<u64, StoreError> {
        let failed = |found: String| damaged(&segment.path, found);
        let file = File::open(&segment.path).map_err(|error| failed(error.to_string()))?;
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| failed(error.to_string()))?;
        Ok(segment.first + builder.metadata().file_metadata().num_rows().unsigned_abs())
    }

    /// The next input; at the end, where there is none, the whole has been checked.
    pub(super) fn next(&mut self) -> Result<Option<Input>, StoreError> {
        while !self.ended {
            if let Some(batch) = self.batch.as_ref().filter(|batch| self.row < batch.num_rows()) {
                let input =
                    row_of(batch, self.row).filter(|input| input.seq == self.next).ok_or_else(|| {
                        damaged(&self.segment.path, format!("no input {} in its place", self.next))
                    })?;
                self.row += 1;
                self.next += 1;
                self.digest.add(&input);
                return Ok(Some(input));
            }
            self.row = 0;
            self.batch = match self.batches.next() {
                Some(batch) => Some(batch.map_err(|error| damaged(&self.segment.path, error.to_string()))?),
                None => {
                    self.ended = true;
                    None
                }
            };
        }
        let found = std::mem::take(&mut self.digest).hex();
        if !self.written.is_empty() && found != self.written {
            return Err(damaged(&self.segment.path, format!("rows with the digest {found}")));
        }
        self.written.clear();
        Ok(None)
    }
}

fn row_of(batch: &RecordBatch, row: usize) -> Option<Input> {
    let seq = batch.column(0).as_primitive_opt::<Int64Type>()?.value(row);
    let kind = batch.column(1).as_string_opt::<i32>()?.value(row);
    let timestamp = batch.column(2).as_primitive_opt::<TimestampNanosecondType>()?.value(row);
    let body = batch.column(3).as_string_opt::<i32>()?.value(row).to_owned();
    Some(Input { seq: u64::try_from(seq).ok()?, kind: InputKind::of(kind), timestamp, body })
}

fn damaged(path: &Path, found: String) -> StoreError {
    StoreError::Segment {
        path: path.to_owned(),
        found,
        expected: "a segment of inputs as it was written: put it back from a copy; without it the session can go on, but \
                   not be replayed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_the_first_input_and_another_file_is_no_segment() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("state.db");
        assert_eq!(segments(&database).unwrap(), []);
        fs::create_dir(folder.path().join("session")).unwrap();
        for name in [
            "inputs-000000004096.parquet",
            "inputs-000000000000.parquet",
            ".inputs-000000008192.parquet.partial",
            "a.txt",
        ] {
            fs::write(folder.path().join("session").join(name), "").unwrap();
        }
        let found: Vec<u64> = segments(&database).unwrap().iter().map(|segment| segment.first).collect();
        assert_eq!(found, [0, 4_096]);
    }
}
