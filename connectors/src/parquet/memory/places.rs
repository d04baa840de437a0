//! Record batch and row of each row of a table.

use std::ops::Range;

/// Row of a record batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InBatch {
    pub(super) batch: usize,
    pub(super) row: usize,
}

/// Rows of a batch that is read.
pub(super) enum Part {
    /// Consecutive rows of one record batch.
    Slice {
        /// First row.
        first: InBatch,
        /// Number of rows.
        rows: usize,
    },
    /// Rows anywhere.
    Places(Vec<InBatch>),
}

/// Rows of one record batch.
pub(super) enum Run<'a> {
    /// Consecutive rows.
    Range(Range<usize>),
    /// Rows in any order.
    List(&'a [InBatch]),
}

impl Part {
    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Slice { rows, .. } => *rows,
            Self::Places(places) => places.len(),
        }
    }

    /// Calls `read` with each record batch and its rows, in order. Arrays are looked up once for a run instead of
    /// once for a cell.
    pub(super) fn for_each_run<E>(
        &self,
        mut read: impl FnMut(usize, Run<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::Slice { first: InBatch { batch, row }, rows } => read(*batch, Run::Range(*row..row + rows)),
            Self::Places(places) => places
                .chunk_by(|one, next| one.batch == next.batch)
                .try_for_each(|run| read(run[0].batch, Run::List(run))),
        }
    }
}

/// Division of the rows of a table into its record batches.
#[derive(Debug)]
pub(super) struct Places {
    /// First row of each batch; the last entry is the number of all rows.
    starts: Vec<usize>,
    /// Batch of every row number that is a multiple of 2^`shift`, so that a search is short.
    marks: Vec<u32>,
    shift: u32,
}

impl Places {
    /// `rows`: number of rows of each batch, at least 1.
    pub(super) fn new(rows: impl ExactSizeIterator<Item = usize>) -> Self {
        let mut starts = Vec::with_capacity(rows.len() + 1);
        starts.push(0);
        let mut end = 0;
        for rows in rows {
            end += rows;
            starts.push(end);
        }
        // About one mark per batch.
        let shift = (end / (starts.len() - 1).max(1)).max(1).ilog2();
        let mut batch = 0;
        let marks = (0..end).step_by(1 << shift).map(|row| {
            while starts[batch + 1] <= row {
                batch += 1;
            }
            u32::try_from(batch).unwrap_or(u32::MAX)
        });
        let marks = marks.collect();
        Self { starts, marks, shift }
    }

    /// Number of rows of the table.
    pub(super) fn rows(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    /// Returns the place of a row, which must exist.
    pub(super) fn at(&self, row: usize) -> InBatch {
        let mut batch = self.marks[row >> self.shift] as usize;
        while self.starts[batch + 1] <= row {
            batch += 1;
        }
        InBatch { batch, row: row - self.starts[batch] }
    }

    /// Returns the number of rows from `row` to the end of its batch.
    pub(super) fn left(&self, row: usize) -> usize {
        let InBatch { batch, .. } = self.at(row);
        self.starts[batch + 1] - row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_in_its_batch() {
        for batches in [vec![], vec![1], vec![7], vec![1, 1, 1], vec![5, 1, 900, 2, 3], vec![1, 64, 1, 63]] {
            let places = Places::new(batches.iter().copied());
            assert_eq!(places.rows(), batches.iter().sum::<usize>());
            let all = batches
                .iter()
                .enumerate()
                .flat_map(|(batch, rows)| (0..*rows).map(move |row| (InBatch { batch, row }, rows - row)));
            for (row, (place, left)) in all.enumerate() {
                assert_eq!((places.at(row), places.left(row)), (place, left), "{batches:?}");
            }
        }
    }
}
