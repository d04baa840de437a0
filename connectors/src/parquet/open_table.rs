//! Open table whose rows are read batch by batch.

use arrow_schema::Schema;

use super::batches::{Batches, RowGroup};
use super::file_batches::{FileBatches, ParquetFile, row_groups};
use super::memory::{MemoryBatches, MemoryRows};
use crate::DataError;

/// Open table with the names and types of its columns.
pub(super) enum OpenTable {
    /// Parquet file.
    File(ParquetFile),
    /// Record batches in memory.
    Memory(MemoryRows),
}

impl OpenTable {
    /// Names and types of the columns.
    pub(super) fn schema(&self) -> &Schema {
        match self {
            Self::File(file) => file.metadata.schema(),
            Self::Memory(rows) => rows.schema(),
        }
    }

    /// Returns the row groups; `time` is the position of the time column, `shift` is added to its times.
    pub(super) fn row_groups(&self, time: Option<usize>, shift: i64) -> Vec<RowGroup> {
        match self {
            Self::File(file) => row_groups(file, time, shift),
            Self::Memory(rows) => rows.row_groups(time, shift),
        }
    }

    /// Starts at the first of `groups`. Batches have the columns of `projection`, which is sorted; a column of
    /// text is a dictionary of strings with 32-bit keys. Batches of unwanted row groups have only the column
    /// `time`; without a time column these row groups are skipped.
    pub(super) fn batches(
        &self,
        projection: &[usize],
        time: Option<usize>,
        groups: Vec<RowGroup>,
        batch_rows: usize,
    ) -> Result<Batches, DataError> {
        match self {
            Self::File(file) => FileBatches::new(file, projection, time, groups, batch_rows)
                .map(|batches| Batches::File(Box::new(batches))),
            Self::Memory(rows) => {
                let batches = MemoryBatches::new(rows, projection, time, groups, batch_rows);
                Ok(Batches::Memory(Box::new(batches)))
            }
        }
    }
}
