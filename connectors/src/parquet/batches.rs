//! Record batches of a file, one row group after the other.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;

use super::columns::{is_text, times};
use super::input::{Chunks, Location, guarded};
use crate::DataError;

/// Rows in a batch of a file of few columns: enough to pay for the call, few enough to stay in cache.
pub(super) const BATCH_ROWS: usize = 8192;
/// Decoded bytes of a batch at most, for files of many columns.
const BATCH_BYTES: usize = 4 << 20;

/// Rows in a batch, given the columns and the bytes that this file may use.
pub(super) fn batch_rows(columns: usize, bytes: usize) -> usize {
    let row = columns.max(1) * size_of::<f64>();
    (bytes.min(BATCH_BYTES) / row).clamp(16, BATCH_ROWS)
}

/// A part of a file that is decoded on its own, so that an error in it has a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowGroup {
    index: usize,
    first_row: u64,
    rows: u64,
    /// First and last time by the statistics, where there are any.
    pub(super) times: Option<(i64, i64)>,
}

/// The row groups of a file; `time` is the position of its time column.
pub(super) fn row_groups(metadata: &ArrowReaderMetadata, time: Option<usize>, shift: i64) -> Vec<RowGroup> {
    let bounds = time.and_then(|time| time_bounds(metadata, time, shift));
    let mut first_row = 0;
    let groups = metadata.metadata().row_groups().iter().enumerate().map(|(index, group)| {
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        let times = bounds.as_ref().and_then(|bounds| bounds[index]);
        let group = RowGroup { index, first_row, rows, times };
        first_row += rows;
        group
    });
    groups.collect()
}

type Bounds = Option<(i64, i64)>;

fn time_bounds(metadata: &ArrowReaderMetadata, time: usize, shift: i64) -> Option<Vec<Bounds>> {
    let schema = metadata.schema();
    let name = schema.field(time).name();
    let statistics = StatisticsConverter::try_new(name, schema, metadata.parquet_schema()).ok()?;
    let groups = metadata.metadata().row_groups();
    let ends = [statistics.row_group_mins(groups).ok()?, statistics.row_group_maxes(groups).ok()?];
    let mut one = Vec::new();
    let mut at = |end: &ArrayRef, index: usize| {
        times(&end.slice(index, 1), shift, &mut one).ok().and_then(|()| one.first().copied())
    };
    Some((0..groups.len()).map(|index| Some((at(&ends[0], index)?, at(&ends[1], index)?))).collect())
}

/// The row groups of a file that ends before its first row at or after `seal`; the last may straddle it.
pub(super) fn unsealed(mut groups: Vec<RowGroup>, seal: Option<i64>) -> Vec<RowGroup> {
    let Some(seal) = seal else { return groups };
    let reaches = |group: &RowGroup| group.times.is_some_and(|(_, last)| last >= seal);
    if let Some(at) = groups.iter().position(reaches) {
        let straddles = groups[at].times.is_some_and(|(first, _)| first < seal);
        groups.truncate(at + usize::from(straddles));
    }
    groups
}

impl RowGroup {
    /// Whether it may hold a time between the bounds, both included.
    pub(super) fn overlaps(&self, from: i64, to: i64) -> bool {
        self.rows > 0 && self.times.is_none_or(|(first, last)| first <= to && last >= from)
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }
}

/// Reads the columns that were asked for, batch by batch.
pub(super) struct Batches {
    file: String,
    chunks: Chunks,
    metadata: ArrowReaderMetadata,
    mask: ProjectionMask,
    columns: String,
    /// The types that the columns must come in.
    kinds: Vec<DataType>,
    batch_rows: usize,
    groups: VecDeque<RowGroup>,
    current: Option<(RowGroup, ParquetRecordBatchReader)>,
    next_row: u64,
}

impl Batches {
    /// Starts at the first of `groups`. Batches have the columns of `projection`, which is sorted.
    pub(super) fn new(
        location: &Location,
        chunks: Chunks,
        metadata: &ArrowReaderMetadata,
        projection: &[usize],
        groups: Vec<RowGroup>,
        batch_rows: usize,
    ) -> Result<Self, DataError> {
        let damaged =
            |cause: ParquetError| DataError::Truncated { file: location.name(), cause: cause.to_string() };
        let metadata = with_dictionaries(metadata, projection).map_err(damaged)?;
        let kinds = projection.iter().map(|column| metadata.schema().field(*column).data_type().clone());
        let names = projection.iter().map(|column| format!("`{}`", metadata.schema().field(*column).name()));
        let columns = names.take(8).collect::<Vec<_>>().join(", ");
        Ok(Self {
            file: location.name(),
            chunks,
            mask: ProjectionMask::roots(metadata.parquet_schema(), projection.iter().copied()),
            columns,
            kinds: kinds.collect(),
            metadata,
            batch_rows,
            groups: groups.into(),
            current: None,
            next_row: 0,
        })
    }

    /// The next batch and the number of its first row in the file.
    pub(super) fn next(&mut self) -> Result<Option<(RecordBatch, u64)>, DataError> {
        loop {
            if self.current.is_none() {
                let Some(group) = self.groups.pop_front() else { return Ok(None) };
                let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
                    self.chunks.clone(),
                    self.metadata.clone(),
                )
                .with_projection(self.mask.clone())
                .with_row_groups(vec![group.index])
                .with_batch_size(self.batch_rows);
                let reader = guarded(|| builder.build()).map_err(|cause| self.corrupt(group, &cause))?;
                self.next_row = group.first_row;
                self.current = Some((group, reader));
            }
            let Some((group, reader)) = &mut self.current else { continue };
            let group = *group;
            match guarded(|| Ok(reader.next().transpose()?)).transpose() {
                Some(Ok(batch)) => {
                    self.check_kinds(group, &batch)?;
                    let first_row = self.next_row;
                    self.next_row += batch.num_rows() as u64;
                    return Ok(Some((batch, first_row)));
                }
                Some(Err(cause)) => return Err(self.corrupt(group, &cause)),
                None if self.next_row != group.first_row + group.rows => {
                    return Err(self.corrupt(group, &format!("it ends after row {}", self.next_row)));
                }
                None => self.current = None,
            }
        }
    }

    /// Ends the batches, because what is left of the file is not wanted, and returns how many rows are left.
    pub(super) fn stop(&mut self) -> u64 {
        let current =
            self.current.take().map_or(0, |(group, _)| group.first_row + group.rows - self.next_row);
        current + self.groups.drain(..).map(|group| group.rows).sum::<u64>()
    }

    /// Checks that the columns come as the footer says: two places of a damaged file may disagree.
    fn check_kinds(&self, group: RowGroup, batch: &RecordBatch) -> Result<(), DataError> {
        let found = batch.columns().iter().map(|column| column.data_type());
        match found.zip(&self.kinds).find(|(found, expected)| found != expected) {
            Some((found, expected)) => {
                Err(self.corrupt(group, &format!("found the type {found}, expected {expected}")))
            }
            None => Ok(()),
        }
    }

    fn corrupt(&self, group: RowGroup, cause: &dyn std::fmt::Display) -> DataError {
        DataError::Corrupt {
            file: self.file.clone(),
            row_group: group.index,
            first_row: group.first_row,
            last_row: group.first_row + group.rows.saturating_sub(1),
            columns: self.columns.clone(),
            cause: cause.to_string(),
        }
    }
}

/// Asks for string columns as dictionaries: as they are stored, without a copy of the name in each row.
fn with_dictionaries(
    metadata: &ArrowReaderMetadata,
    projection: &[usize],
) -> Result<ArrowReaderMetadata, ParquetError> {
    let schema = metadata.schema();
    if !projection.iter().any(|column| is_text(schema.field(*column).data_type())) {
        return Ok(metadata.clone());
    }
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let fields: Vec<Arc<Field>> = (schema.fields().iter().enumerate())
        .map(|(column, field)| match projection.contains(&column) && is_text(field.data_type()) {
            true => Arc::new(field.as_ref().clone().with_data_type(dictionary.clone())),
            false => Arc::clone(field),
        })
        .collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    let options = ArrowReaderOptions::new().with_schema(schema);
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)
}
