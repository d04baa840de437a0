//! Row groups and batches of a table, whatever its form.

use arrow_array::RecordBatch;

/// Rows per batch of a file with few columns: enough to amortise the call, few enough to stay in cache.
pub(super) const BATCH_ROWS: usize = 8192;
/// Maximum decoded bytes of a batch, for files with many columns.
const BATCH_BYTES: usize = 4 << 20;
/// Maximum decoded bytes of a batch of a file besides the prices: factors, a benchmark, or facts about instruments.
pub(super) const TABLE_BATCH_BYTES: usize = 64 * BATCH_ROWS;

/// Returns the rows per batch, from the number of columns and the maximum bytes of the file.
pub(super) fn batch_rows(columns: usize, bytes: usize) -> usize {
    let row = columns.max(1) * size_of::<f64>();
    (bytes.min(BATCH_BYTES) / row).clamp(16, BATCH_ROWS)
}

/// First and last time.
pub(super) type Bounds = Option<(i64, i64)>;

/// Row group of a table. Those of a file are decoded separately so that an error can name it.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowGroup {
    pub(super) index: usize,
    pub(super) first_row: u64,
    pub(super) rows: u64,
    /// First and last time, if they are known: a file may lack statistics.
    pub(super) times: Bounds,
    /// Whether all columns are read; otherwise only the times, to check their order.
    pub(super) is_wanted: bool,
}

/// Marks row groups from the seal on as unwanted: the data ends before its first row at or after `seal`. The
/// last wanted row group may contain later rows.
pub(super) fn unseal(groups: &mut [RowGroup], seal: Option<i64>) {
    let Some(seal) = seal else { return };
    let reaches = |group: &RowGroup| group.times.is_some_and(|(_, last)| last >= seal);
    if let Some(at) = groups.iter().position(reaches) {
        let straddles = groups[at].times.is_some_and(|(first, _)| first < seal);
        groups[at + usize::from(straddles)..].iter_mut().for_each(|group| group.is_wanted = false);
    }
}

/// Returns the first and last time before the seal, both included.
pub(super) fn before(seal: Option<i64>) -> (i64, i64) {
    (i64::MIN, seal.map_or(i64::MAX, |seal| seal.saturating_sub(1)))
}

impl RowGroup {
    /// Returns whether the group may hold a time between the bounds, both included.
    pub(super) fn overlaps(&self, from: i64, to: i64) -> bool {
        self.is_wanted && self.times.is_none_or(|(first, last)| first <= to && last >= from)
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }
}

/// Consecutive rows of one row group.
pub(super) struct Rows {
    /// Columns of the projection, or only the time.
    pub(super) batch: RecordBatch,
    /// Number of the first row in the table.
    pub(super) first_row: u64,
    /// Whether all columns of the projection are present.
    pub(super) is_whole: bool,
    /// First and last time by the statistics of the row group.
    pub(super) bounds: Bounds,
    pub(super) group: RowGroup,
}

#[cfg(test)]
mod tests {
    use super::{RowGroup, batch_rows, unseal};

    #[test]
    fn batches_have_bounded_bytes_and_at_least_sixteen_rows() {
        let cases = [
            (1, usize::MAX, 8192),
            (0, usize::MAX, 8192),
            (64, usize::MAX, 8192),
            (1_000, usize::MAX, 524),
            (1_000_000, usize::MAX, 16),
            (1, 800, 100),
            (2, 800, 50),
            (1, 8, 16),
        ];
        for (columns, bytes, rows) in cases {
            assert_eq!(batch_rows(columns, bytes), rows, "{columns} columns in {bytes} bytes");
        }
    }

    #[test]
    fn row_groups_are_wanted_up_to_the_first_that_reaches_the_seal() {
        let times = [(1, 3), (4, 6), (7, 9)];
        // Seal, and the number of row groups that are wanted: the last one may hold later rows.
        for (seal, wanted) in
            [(None, 3), (Some(10), 3), (Some(9), 3), (Some(7), 2), (Some(6), 2), (Some(4), 1), (Some(1), 0)]
        {
            let group = |(index, times): (usize, &(i64, i64))| RowGroup {
                index,
                first_row: 0,
                rows: 3,
                times: Some(*times),
                is_wanted: true,
            };
            let mut groups: Vec<_> = times.iter().enumerate().map(group).collect();
            unseal(&mut groups, seal);
            let found: Vec<_> = groups.iter().map(|group| group.is_wanted).collect();
            let expected: Vec<_> = (0..3).map(|index| index < wanted).collect();
            assert_eq!(found, expected, "{seal:?}");
            let first = groups[0];
            let overlaps = [(3, 9), (0, 1), (4, 9), (-5, 0)].map(|(from, to)| first.overlaps(from, to));
            assert_eq!(overlaps, [wanted > 0, wanted > 0, false, false], "{seal:?}");
        }
    }
}
