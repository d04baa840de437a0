//! Record batches of a Parquet file.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReader};
use parquet::arrow::{FieldLevels, ProjectionMask, parquet_to_arrow_field_levels};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use betaflow_engine::time::Iso;
use betaflow_engine::time::TimestampNs;

use super::chunks::{Chunks, guarded};
use super::columns::{is_text, times};
use super::pages::{GroupPages, unread_codec};
use super::row_groups::{Bounds, RowGroup, Rows};
use super::runs::runs;
use crate::DataError;

/// Open Parquet file with its footer.
pub(super) struct ParquetFile {
    /// Name in messages.
    pub(super) name: String,
    pub(super) chunks: Chunks,
    pub(super) metadata: ArrowReaderMetadata,
}

/// Returns the row groups of a file; `time` is the position of its time column.
pub(super) fn row_groups(file: &ParquetFile, time: Option<usize>, shift: i64) -> Vec<RowGroup> {
    let metadata = &file.metadata;
    let bounds = time.and_then(|time| time_bounds(metadata, time, shift));
    let mut first_row = 0;
    let groups = metadata.metadata().row_groups().iter().enumerate().map(|(index, group)| {
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        let times = bounds.as_ref().and_then(|bounds| bounds[index]);
        let group = RowGroup { index, first_row, rows, times, is_wanted: rows > 0 };
        first_row += rows;
        group
    });
    groups.collect()
}

fn time_bounds(metadata: &ArrowReaderMetadata, time: usize, shift: i64) -> Option<Vec<Bounds>> {
    let schema = metadata.schema();
    let field = schema.field(time);
    if is_text(field.data_type()) {
        // Statistics of texts may be truncated.
        return None;
    }
    let groups = metadata.metadata().row_groups();
    let ends = guarded(|| {
        let statistics = StatisticsConverter::try_new(field.name(), schema, metadata.parquet_schema())?;
        Ok([statistics.row_group_mins(groups)?, statistics.row_group_maxes(groups)?])
    });
    let ends = ends.ok()?;
    let mut one = Vec::new();
    let mut at = |end: &ArrayRef, index: usize| {
        times(&end.slice(index, 1), shift, &mut one).ok().and_then(|()| one.first().copied())
    };
    Some((0..groups.len()).map(|index| Some((at(&ends[0], index)?, at(&ends[1], index)?))).collect())
}

/// Reader of projected columns of a file, batch by batch.
pub(super) struct FileBatches {
    file: String,
    chunks: Chunks,
    metadata: Arc<ParquetMetaData>,
    /// Columns of the projection and their Arrow types.
    levels: FieldLevels,
    /// Time column alone, if the file has one.
    time_levels: Option<FieldLevels>,
    /// Whether only times are read from here to the end of the file.
    times_only: bool,
    columns: String,
    /// Expected types of the columns.
    kinds: Vec<DataType>,
    /// Expected type of the time column.
    time_kind: Vec<DataType>,
    batch_rows: usize,
    groups: VecDeque<RowGroup>,
    current: Option<Current>,
    next_row: u64,
}

/// Row group being read.
struct Current {
    group: RowGroup,
    /// Whether all columns of the projection are read, or only the time.
    is_whole: bool,
    reader: ParquetRecordBatchReader,
    /// Number of leading rows to skip, because they were emitted before the reader was replaced.
    passed: u64,
}

impl FileBatches {
    /// Starts at the first of `groups`. Batches have the columns of `projection`, which is sorted. Batches of
    /// unwanted row groups have only the column `time`; without a time column these row groups are skipped.
    pub(super) fn new(
        file: &ParquetFile,
        projection: &[usize],
        time: Option<usize>,
        mut groups: Vec<RowGroup>,
        batch_rows: usize,
    ) -> Result<Self, DataError> {
        let metadata = &file.metadata;
        let schema = with_dictionaries(metadata.schema(), projection);
        let kinds = projection.iter().map(|column| schema.field(*column).data_type().clone()).collect();
        let names = projection.iter().map(|column| format!("`{}`", schema.field(*column).name()));
        let columns = names.take(8).collect::<Vec<_>>().join(", ");
        let parquet_schema = metadata.parquet_schema();
        let mask = ProjectionMask::roots(parquet_schema, projection.iter().copied());
        for (leaf, column) in parquet_schema.columns().iter().enumerate() {
            let codec = groups.iter().find_map(|group| unread_codec(metadata.metadata(), group.index, leaf));
            if let Some(codec) = codec.filter(|_| mask.leaf_included(leaf)) {
                let what = format!("the codec {codec}");
                return Err(DataError::Unsupported {
                    file: file.name.clone(),
                    column: column.path().string(),
                    what,
                });
            }
        }
        let levels = |mask| {
            guarded(|| parquet_to_arrow_field_levels(parquet_schema, mask, Some(schema.fields())))
                .map_err(|cause| DataError::Truncated { file: file.name.clone(), cause: cause.to_string() })
        };
        let time_levels =
            time.map(|time| levels(ProjectionMask::roots(parquet_schema, [time]))).transpose()?;
        let levels = levels(mask)?;
        groups.retain(|group| group.rows > 0 && (group.is_wanted || time.is_some()));
        Ok(Self {
            file: file.name.clone(),
            chunks: file.chunks.clone(),
            metadata: Arc::clone(metadata.metadata()),
            levels,
            time_levels,
            times_only: false,
            columns,
            kinds,
            time_kind: time.map(|time| schema.field(time).data_type().clone()).into_iter().collect(),
            batch_rows,
            groups: groups.into(),
            current: None,
            next_row: 0,
        })
    }

    /// Reads the next rows.
    pub(super) fn next(&mut self) -> Result<Option<Rows>, DataError> {
        loop {
            if self.current.is_none() {
                let Some(group) = self.groups.pop_front() else { return Ok(None) };
                self.next_row = group.first_row;
                self.start(group, 0)?;
            }
            let Some(current) = &mut self.current else { continue };
            let group = current.group;
            match guarded(|| Ok(current.reader.next().transpose()?)).transpose() {
                Some(Ok(batch)) => {
                    let (is_whole, rows) = (current.is_whole, batch.num_rows() as u64);
                    // Rows emitted before the reader was replaced.
                    let known = current.passed.min(rows);
                    current.passed -= known;
                    self.check_kinds(group, &batch, is_whole)?;
                    if known == rows {
                        continue;
                    }
                    let batch = batch.slice(known as usize, (rows - known) as usize);
                    let first_row = self.next_row;
                    self.next_row += batch.num_rows() as u64;
                    return Ok(Some(Rows { batch, first_row, is_whole, bounds: group.times, group }));
                }
                Some(Err(cause)) => return Err(self.unreadable(group, &cause)),
                None if self.next_row != group.first_row + group.rows => {
                    return Err(
                        self.corrupt(group, &format!("the row group ends after row {}", self.next_row))
                    );
                }
                None => self.current = None,
            }
        }
    }

    /// Opens a row group whose first `passed` rows were already emitted.
    fn start(&mut self, group: RowGroup, passed: u64) -> Result<(), DataError> {
        let is_whole = group.is_wanted && !self.times_only;
        let levels = match &self.time_levels {
            Some(levels) if !is_whole => levels,
            _ => &self.levels,
        };
        let pages = GroupPages::new(self.chunks.clone(), Arc::clone(&self.metadata), group.index);
        let reader = guarded(|| {
            ParquetRecordBatchReader::try_new_with_row_groups(levels, &pages, self.batch_rows, None)
        });
        let reader = reader.map_err(|cause| self.unreadable(group, &cause))?;
        self.current = Some(Current { group, is_whole, reader, passed });
        Ok(())
    }

    /// Reads only times from here to the end of the file; see `Batches::times_only`.
    pub(super) fn times_only(&mut self) -> Result<u64, DataError> {
        let current = self.current.take();
        let left = current
            .as_ref()
            .map_or(0, |current| current.group.first_row + current.group.rows - self.next_row);
        let wanted = self.groups.iter().filter(|group| group.is_wanted).map(|group| group.rows).sum::<u64>();
        let is_whole = current.as_ref().is_none_or(|current| current.is_whole);
        self.times_only = true;
        match current {
            Some(Current { group, is_whole: true, .. }) if left > 0 => {
                self.start(group, self.next_row - group.first_row)?
            }
            other => self.current = other,
        }
        Ok(if is_whole { left + wanted } else { wanted })
    }

    /// Checks the times of `rows` against the statistics of their row group: wrong statistics would skip
    /// wanted row groups.
    pub(super) fn check_bounds(&self, rows: &Rows, times: &[i64]) -> Result<(), DataError> {
        let Some((first, last)) = rows.bounds else { return Ok(()) };
        let outside = runs(times).map(|run| run[0]).find(|time| !(first..=last).contains(time));
        let Some(time) = outside else { return Ok(()) };
        let [first, last, time] = [first, last, time].map(|time| Iso(TimestampNs(time)));
        Err(self.corrupt(
            rows.group,
            &format!("its statistics give times from {first} to {last}, but it contains {time}"),
        ))
    }

    /// Checks the times of a row group that is not wanted; see `Batches::check_left_out`.
    pub(super) fn check_left_out(
        &self,
        rows: &Rows,
        times: &[i64],
        wanted: (i64, i64),
        mut latest: i64,
    ) -> Result<(), DataError> {
        if rows.group.is_wanted {
            return Ok(());
        }
        for time in times {
            if *time >= latest {
                latest = *time;
                if (wanted.0..=wanted.1).contains(time) {
                    let time = Iso(TimestampNs(*time));
                    let cause =
                        format!("the statistics of the row groups leave it out, but it contains {time}");
                    return Err(self.corrupt(rows.group, &cause));
                }
            }
        }
        Ok(())
    }

    /// Checks the column types against the footer, which may differ in a damaged file.
    fn check_kinds(&self, group: RowGroup, batch: &RecordBatch, is_whole: bool) -> Result<(), DataError> {
        let found = batch.columns().iter().map(|column| column.data_type());
        let kinds = if is_whole { &self.kinds } else { &self.time_kind };
        match found.zip(kinds).find(|(found, expected)| found != expected) {
            Some((found, expected)) => {
                Err(self.corrupt(group, &format!("found the type {found}, expected {expected}")))
            }
            None => Ok(()),
        }
    }

    /// Returns the error for damaged or unsupported pages.
    fn unreadable(&self, group: RowGroup, cause: &ParquetError) -> DataError {
        // Each layer of the reader adds a prefix to the error of a page.
        let text = cause.to_string();
        let mut text = text.as_str();
        while let Some(rest) = ["Arrow: ", "External: ", "Parquet argument error: ", "Parquet error: "]
            .iter()
            .find_map(|word| text.strip_prefix(word))
        {
            text = rest;
        }
        match text.strip_prefix("NYI: ").and_then(|text| text.split_once(": ")) {
            Some((column, what)) => DataError::Unsupported {
                file: self.file.clone(),
                column: column.trim_start_matches("column ").trim_matches('`').to_owned(),
                what: what.to_owned(),
            },
            None => self.corrupt(group, &text),
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

/// Returns the schema with string columns as dictionaries, their stored form, to avoid a copy of the text per
/// row.
fn with_dictionaries(schema: &Schema, projection: &[usize]) -> Schema {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let fields: Vec<Arc<Field>> = (schema.fields().iter().enumerate())
        .map(|(column, field)| match projection.contains(&column) && is_text(field.data_type()) {
            true => Arc::new(field.as_ref().clone().with_data_type(dictionary.clone())),
            false => Arc::clone(field),
        })
        .collect();
    Schema::new(fields)
}
