//! Verdict about one file: our frames against those of the Arrow reader of the `parquet` crate.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema};
use betaflow_connectors::parquet::{Input, MemoryTable, Settings};
use betaflow_engine::assembly::FrameColumn;
use betaflow_engine::frame::Field;
use betaflow_engine::time::TimestampNs;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;

use super::allocation::peak;
use super::random::Random;
use crate::support::{line, run};

/// Name of the file in errors.
const NAME: &str = "mutated.parquet";
/// Bounds on one file.
const SECONDS_MAX: u64 = 10;
const BYTES_MAX: usize = 64 << 20;
const BYTES_PER_BYTE: usize = 20;

/// First and last time of the frames.
pub(crate) type Range = Option<(i64, i64)>;

/// Verdict about a file.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Located error.
    Error,
    /// Frames equal to those of the independent reader.
    Alike,
    /// Frames, but the independent reader does not have the codec.
    Unchecked,
    /// File that only this reader accepts, for a known reason.
    Lenient(&'static str),
    /// Any other result.
    Wrong(String),
}

impl Verdict {
    pub(crate) fn class(&self) -> String {
        match self {
            Self::Error => "error".to_owned(),
            Self::Alike => "alike".to_owned(),
            Self::Unchecked => "codec not checked".to_owned(),
            Self::Lenient(why) => format!("lenient: {why}"),
            Self::Wrong(_) => "wrong".to_owned(),
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Wrong(text) => text.clone(),
            other => other.class(),
        }
    }
}

/// Files that the independent reader refuses although their values are certain: part of its error, and the reason.
const LENIENT: [(&str, &str); 5] = [
    ("repetition_level_encoding is missing", "a field of page headers that flat columns do not use"),
    ("Unexpected Encoding", "an unknown encoding of levels that flat columns do not have"),
    ("EOF: Invalid page header", "padding behind the last page of a chunk"),
    ("incompatible arrow schema", "a stale Arrow schema in the metadata"),
    ("definition_level_encoding is missing", "a field of page headers that required columns do not use"),
];

/// Range of frames for a third of the cases.
pub(crate) fn range(random: &mut Random) -> Range {
    const DAY_NS: i64 = 86_400_000_000_000;
    // 2024-01-02, the first day of the files.
    let day = |random: &mut Random| (19_724 + i64::try_from(random.below(24)).unwrap()) * DAY_NS;
    random.one_in(3).then(|| {
        let (a, b) = (day(random), day(random));
        (a.min(b), a.max(b))
    })
}

fn settings(range: Range) -> Settings {
    Settings {
        optional: vec![FrameColumn { field: Field::Volume, checked: true }],
        from: range.map(|(from, _)| TimestampNs(from)),
        to: range.map(|(_, to)| TimestampNs(to)),
        ..Settings::default()
    }
}

fn lines(input: &Input, range: Range) -> Result<Vec<String>, String> {
    let run = run(input, None, settings(range))?;
    let bits =
        |values: &[f64]| values.iter().map(|value| format!("{:x}", value.to_bits())).collect::<Vec<_>>();
    Ok(run
        .frames
        .iter()
        .map(|frame| format!("{} {:?} {:?}", line(frame), bits(&frame.close), bits(&frame.volume)))
        .collect())
}

/// Frames of a file as lines that include the bits of all numbers.
pub(crate) fn frames(bytes: &[u8], range: Range) -> Result<Vec<String>, String> {
    lines(&Input::Bytes { name: NAME.into(), bytes: bytes.to_vec().into() }, range)
}

/// Judges a file.
pub(crate) fn judged(bytes: &[u8], range: Range) -> Verdict {
    let started = Instant::now();
    let (ours, held) = peak(|| catch_unwind(AssertUnwindSafe(|| frames(bytes, range))));
    let allowed = BYTES_MAX + BYTES_PER_BYTE * bytes.len();
    if held > allowed {
        return Verdict::Wrong(format!("{held} bytes held, expected at most {allowed}; result {ours:?}"));
    }
    if started.elapsed() > Duration::from_secs(SECONDS_MAX) {
        return Verdict::Wrong(format!("took {:?}", started.elapsed()));
    }
    let found = match ours {
        Err(_) => return Verdict::Wrong("panic".to_owned()),
        Ok(Err(error)) if error.starts_with(NAME) => return Verdict::Error,
        Ok(Err(error)) => return Verdict::Wrong(format!("an error without the file: {error}")),
        Ok(Ok(found)) => found,
    };
    match reference(bytes) {
        Ok(table) => match lines(&Input::Memory(table), range) {
            Ok(expected) if expected == found => Verdict::Alike,
            Ok(expected) => {
                let at = found.iter().zip(&expected).position(|(a, b)| a != b);
                let at = at.unwrap_or(found.len().min(expected.len()));
                let shown = |all: &[String]| all.get(at).cloned().unwrap_or_else(|| "no frame".to_owned());
                Verdict::Wrong(format!("frame {at}: found {}, expected {}", shown(&found), shown(&expected)))
            }
            Err(error) => Verdict::Wrong(format!("accepted; values of the independent reader: {error}")),
        },
        Err(error) if error.contains("codec") || error.contains("Disabled feature") => Verdict::Unchecked,
        // Only the times of the rows outside a range are read, so the rest of the file may be invalid.
        Err(_) if range.is_some() && frames(bytes, None).is_err() => {
            Verdict::Lenient("invalid outside the range")
        }
        Err(error) => match LENIENT.iter().find(|(part, _)| error.contains(part)) {
            Some((_, why)) => Verdict::Lenient(why),
            None => Verdict::Wrong(format!("accepted; the independent reader: {error}")),
        },
    }
}

/// Table that the Arrow reader of the `parquet` crate reads: the columns of bars, and those others that it can read.
fn reference(bytes: &[u8]) -> Result<MemoryTable, String> {
    let bytes = Bytes::copy_from_slice(bytes);
    let open = || ParquetRecordBatchReaderBuilder::try_new(bytes.clone());
    let quiet = |read: &dyn Fn() -> Result<Vec<RecordBatch>, String>| {
        catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err("panic".to_owned()))
    };
    let builder = catch_unwind(AssertUnwindSafe(|| open().map_err(|error| error.to_string())))
        .unwrap_or_else(|_| Err("panic".to_owned()))?;
    let schema = builder.schema().clone();
    let codecs = builder.metadata().row_groups().iter().flat_map(|group| group.columns());
    let known =
        |codec| matches!(codec, Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_));
    if let Some(chunk) = codecs.map(|chunk| chunk.compression()).find(|codec| !known(*codec)) {
        return Err(format!("codec {chunk}"));
    }
    let mut columns = Vec::new();
    for (index, field) in schema.fields().iter().enumerate() {
        let read = || -> Result<Vec<RecordBatch>, String> {
            let builder = open().map_err(|error| error.to_string())?;
            let mask = ProjectionMask::roots(builder.parquet_schema(), [index]);
            let reader = builder.with_projection(mask).build().map_err(|error| error.to_string())?;
            reader.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())
        };
        match quiet(&read) {
            Ok(batches) => columns.push((field.clone(), batches)),
            Err(error) if ["date", "symbol", "close", "volume"].contains(&field.name().as_str()) => {
                return Err(format!("column {}: {error}", field.name()));
            }
            Err(_) => {}
        }
    }
    columns.retain(|(field, _)| !matches!(field.data_type(), DataType::List(_) | DataType::Struct(_)));
    let schema =
        std::sync::Arc::new(Schema::new(columns.iter().map(|(field, _)| field.clone()).collect::<Vec<_>>()));
    let count = columns.iter().map(|(_, batches)| batches.len()).max().unwrap_or(0);
    let batch = |at: usize| {
        let arrays = columns.iter().map(|(_, batches)| batches.get(at).map(|batch| batch.column(0).clone()));
        let arrays = arrays.collect::<Option<Vec<_>>>().ok_or("columns of different lengths")?;
        RecordBatch::try_new(schema.clone(), arrays).map_err(|error| error.to_string())
    };
    let batches = (0..count).map(batch).collect::<Result<Vec<_>, _>>()?;
    Ok(MemoryTable::new(NAME.to_owned(), schema, batches))
}
