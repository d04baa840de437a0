//! Reader of a segment.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampNanosecondType};
use parquet::arrow::ProjectionMask;
use parquet::errors::ParquetError;

use super::super::error::StoreError;
use super::super::input::{Input, InputKind};
use super::{DIGEST, RowsDigest, SegmentFile, schema};
use crate::parquet::{CheckedBatches, CheckedFile};

/// Rows decoded at a time: a message of 500 instruments has some 40 kB.
const ROWS_PER_BATCH: usize = 32;

/// Reader of the inputs of a segment, in order, with one row group in memory.
pub(in super::super) struct SegmentReader {
    segment: SegmentFile,
    batches: CheckedBatches,
    batch: Option<RecordBatch>,
    row: usize,
    next: u64,
    digest: RowsDigest,
    /// Digest in the footer, until it was compared.
    written: Option<String>,
    ended: bool,
}

impl SegmentReader {
    pub(in super::super) fn open(segment: &SegmentFile) -> Result<Self, StoreError> {
        let failed = |error: ParquetError| damaged(&segment.path, error.to_string());
        let file = CheckedFile::open(&segment.path).map_err(failed)?;
        if file.schema().fields() != schema().fields() {
            let columns: Vec<_> = file.schema().fields().iter().map(|field| field.name().clone()).collect();
            return Err(damaged(&segment.path, format!("the columns {}", columns.join(", "))));
        }
        let pairs = file.metadata().file_metadata().key_value_metadata();
        let written = pairs.and_then(|pairs| pairs.iter().find(|pair| pair.key == DIGEST)?.value.clone());
        let written = written.ok_or_else(|| damaged(&segment.path, "no digest in its footer".to_owned()))?;
        let batches = file.batches(ProjectionMask::all(), None, ROWS_PER_BATCH).map_err(failed)?;
        Ok(Self {
            segment: segment.clone(),
            batches,
            batch: None,
            row: 0,
            next: segment.first,
            digest: RowsDigest::default(),
            written: Some(written),
            ended: false,
        })
    }

    /// Returns the number after the last input, from the footer.
    pub(in super::super) fn end_of(segment: &SegmentFile) -> Result<u64, StoreError> {
        let file = CheckedFile::open(&segment.path);
        let rows = file.map_err(|error| damaged(&segment.path, error.to_string()))?.rows();
        Ok(segment.first.saturating_add(rows))
    }

    /// Returns the next input; at the end, checks the digest of the whole segment.
    pub(in super::super) fn next(&mut self) -> Result<Option<Input>, StoreError> {
        while !self.ended {
            if let Some(batch) = self.batch.as_ref().filter(|batch| self.row < batch.num_rows()) {
                let input =
                    row_of(batch, self.row).filter(|input| input.seq == self.next).ok_or_else(|| {
                        damaged(&self.segment.path, format!("no input {} at its position", self.next))
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
        match self.written.take() {
            Some(written) if written != found => {
                Err(damaged(&self.segment.path, format!("rows with the digest {found}")))
            }
            _ => Ok(None),
        }
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
        expected: "a segment of inputs as written; restore it from a copy; without it the session can resume but \
                   not be replayed",
    }
}
