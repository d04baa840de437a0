//! Rows of a table in memory, in the order in which they are read.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::Schema;

use super::super::columns::{is_text, times};
use super::super::row_groups::{BATCH_ROWS, Bounds, RowGroup};
use super::MemoryTable;
use super::batches::MemoryBatches;
use super::order::TimeOrder;
use super::places::InBatch;
use crate::Place;
use crate::import::Interpretation;

/// Rows of a row group.
const GROUP_ROWS: usize = 8 * BATCH_ROWS;

/// Rows of a table, in its order or in that of their times. Clones share them.
#[derive(Clone, Debug)]
pub(in super::super) struct MemoryRows {
    table: MemoryTable,
    order: Option<Arc<TimeOrder>>,
}

/// Times of the row groups of a table.
#[derive(Debug)]
pub(super) struct TimeSurvey {
    /// First and last time of each row group; `None` for texts, and for a group with an invalid time.
    bounds: Vec<Bounds>,
    /// False if no row precedes an earlier row.
    may_step_back: bool,
}

impl MemoryRows {
    /// Returns the rows in the order of the table.
    pub(in super::super) fn new(table: &MemoryTable) -> Self {
        Self { table: table.clone(), order: None }
    }

    pub(super) fn sorted(table: &MemoryTable, order: Arc<TimeOrder>) -> Self {
        Self { table: table.clone(), order: Some(order) }
    }

    pub(in super::super) fn table(&self) -> &MemoryTable {
        &self.table
    }

    pub(in super::super) fn schema(&self) -> &Schema {
        &self.table.0.schema
    }

    /// Returns how a table that was sorted by time was understood.
    pub(in super::super) fn interpretation(&self) -> Option<&Interpretation> {
        self.order.as_ref().map(|order| &order.interpretation)
    }

    /// Returns the place of a cell in the user's table.
    pub(in super::super) fn place(&self, row: u64, column: String) -> Box<Place> {
        let known =
            self.order.as_ref().map(|order| order.rows.get(usize::try_from(row).unwrap_or(usize::MAX)));
        let row = known.flatten().map_or(row, |row| u64::from(*row));
        Box::new(Place { file: self.table.name().to_owned(), row, line: None, column })
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.order.as_ref().map_or_else(|| self.table.0.places.rows(), |order| order.rows.len())
    }

    /// Returns the place of a row that exists.
    pub(super) fn at(&self, row: usize) -> InBatch {
        let row = self.order.as_ref().map_or(row, |order| order.rows[row] as usize);
        self.table.0.places.at(row)
    }

    /// Returns the number of rows from `row` on that are neighbours in one record batch; 0 if the order is not
    /// that of the table.
    pub(super) fn neighbours(&self, row: usize) -> usize {
        if self.order.is_some() { 0 } else { self.table.0.places.left(row) }
    }

    /// Number of record batches.
    pub(super) fn batches(&self) -> usize {
        self.table.0.batches.len()
    }

    /// Returns a column of a record batch.
    pub(super) fn column(&self, batch: usize, column: usize) -> &ArrayRef {
        self.table.0.batches[batch].column(column)
    }

    /// Returns the row groups; `time` is the position of the time column, `shift` is added to its times.
    pub(in super::super) fn row_groups(&self, time: Option<usize>, shift: i64) -> Vec<RowGroup> {
        let bounds: &[Bounds] = match (&self.order, time) {
            (_, None) => &[],
            (Some(order), Some(_)) => &order.bounds,
            (None, Some(time)) => &self.survey(time).bounds,
        };
        let shifted = |(first, last): (i64, i64)| Some((first.checked_add(shift)?, last.checked_add(shift)?));
        let groups = (0..self.len()).step_by(GROUP_ROWS).enumerate().map(|(index, first)| RowGroup {
            index,
            first_row: first as u64,
            rows: GROUP_ROWS.min(self.len() - first) as u64,
            times: bounds.get(index).copied().flatten().and_then(shifted),
            is_wanted: true,
        });
        groups.collect()
    }

    /// Returns false if no time of the table precedes an earlier one.
    pub(in super::super) fn may_step_back(&self, time: usize) -> bool {
        self.survey(time).may_step_back
    }

    fn survey(&self, time: usize) -> &TimeSurvey {
        self.table.0.surveys[time].get_or_init(|| Self::new(&self.table).surveyed(time))
    }

    fn surveyed(&self, time: usize) -> TimeSurvey {
        if is_text(self.schema().field(time).data_type()) {
            return TimeSurvey { bounds: Vec::new(), may_step_back: true };
        }
        let groups = self.row_groups(None, 0);
        // Widened by each batch of the group; `None` after an invalid time.
        let mut bounds = vec![Some((i64::MAX, i64::MIN)); groups.len()];
        let mut batches = MemoryBatches::new(self, &[time], None, groups, BATCH_ROWS);
        let (mut read, mut latest, mut may_step_back) = (Vec::new(), i64::MIN, false);
        while let Ok(Some(rows)) = batches.next() {
            let group = &mut bounds[rows.group.index];
            if times(rows.batch.column(0), 0, &mut read).is_err() {
                *group = None;
                continue;
            }
            let first = read.iter().copied().fold(i64::MAX, i64::min);
            let last = read.iter().copied().fold(i64::MIN, i64::max);
            may_step_back |= !read.is_sorted() || first < latest;
            latest = latest.max(last);
            *group = group.map(|(from, to)| (from.min(first), to.max(last)));
        }
        TimeSurvey { bounds, may_step_back }
    }
}

/// First and last time of each row group of times in order.
pub(super) fn bounds_of_sorted(rows: usize, time: impl Fn(usize) -> Option<i64>) -> Vec<Bounds> {
    let ends = (0..rows).step_by(GROUP_ROWS).map(|first| (first, rows.min(first + GROUP_ROWS) - 1));
    ends.map(|(first, last)| time(first).zip(time(last))).collect()
}
