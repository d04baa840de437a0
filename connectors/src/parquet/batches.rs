//! Record batches of a table, one row group after another.

use super::file_batches::FileBatches;
use super::memory::MemoryBatches;
pub(super) use super::row_groups::{
    BATCH_ROWS, RowGroup, Rows, TABLE_BATCH_BYTES, batch_rows, before, unseal,
};
use crate::DataError;

/// Reader of projected columns, batch by batch.
pub(super) enum Batches {
    /// Reader of a Parquet file.
    File(Box<FileBatches>),
    /// Reader of a table in memory.
    Memory(Box<MemoryBatches>),
}

impl Batches {
    /// Reads the next rows.
    pub(super) fn next(&mut self) -> Result<Option<Rows>, DataError> {
        match self {
            Self::File(batches) => batches.next(),
            Self::Memory(batches) => batches.next(),
        }
    }

    /// Reads only times from here to the end of a table with a time column; returns the number of wanted rows
    /// skipped.
    pub(super) fn times_only(&mut self) -> Result<u64, DataError> {
        match self {
            Self::File(batches) => batches.times_only(),
            Self::Memory(batches) => Ok(batches.times_only()),
        }
    }

    /// Checks that a row group that is not wanted has no time between `wanted`, both included: a row group before it may
    /// reach the seal by its statistics alone. Times before `latest`, or before an earlier one, are out of order, which the
    /// caller reports.
    pub(super) fn check_left_out(
        &self,
        rows: &Rows,
        times: &[i64],
        wanted: (i64, i64),
        latest: i64,
    ) -> Result<(), DataError> {
        match self {
            Self::File(batches) => batches.check_left_out(rows, times, wanted, latest),
            Self::Memory(_) => Ok(()),
        }
    }

    /// Checks the times of `rows` against the statistics of their row group: wrong statistics would skip
    /// wanted row groups.
    pub(super) fn check_bounds(&self, rows: &Rows, times: &[i64]) -> Result<(), DataError> {
        match self {
            Self::File(batches) => batches.check_bounds(rows, times),
            // Bounds of a table in memory were taken from its times.
            Self::Memory(_) => Ok(()),
        }
    }
}
