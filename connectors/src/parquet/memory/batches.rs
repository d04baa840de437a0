//! Batches of a table in memory.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;

use arrow_array::builder::NullBufferBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, NullArray, PrimitiveArray, RecordBatch, RecordBatchOptions,
    downcast_primitive,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::super::columns::is_text;
use super::super::row_groups::{RowGroup, Rows};
use super::places::{InBatch, Part, Run};
use super::rows::MemoryRows;
use super::texts::{TextKeys, keys_type};
use crate::DataError;

/// Number of neighbouring rows below which rows are collected instead of sliced.
const SLICE_MIN: usize = 64;

/// Reader of projected columns of a table in memory, batch by batch.
pub(in super::super) struct MemoryBatches {
    rows: MemoryRows,
    whole: Projection,
    /// Time column alone, if the table has one.
    time: Option<Projection>,
    texts: BTreeMap<usize, TextKeys>,
    groups: VecDeque<RowGroup>,
    /// Row group being read, and whether all columns of the projection are read.
    current: Option<(RowGroup, bool)>,
    /// Whether only times are read from here to the end of the table.
    times_only: bool,
    next_row: u64,
    batch_rows: usize,
}

/// Columns and their types in a batch.
#[derive(Clone)]
struct Projection {
    columns: Vec<usize>,
    schema: SchemaRef,
}

impl Projection {
    fn new(rows: &MemoryRows, columns: &[usize]) -> Self {
        let fields = columns.iter().map(|column| {
            let field = rows.schema().field(*column);
            let is_text = is_text(field.data_type());
            let kind = if is_text { keys_type() } else { field.data_type().clone() };
            // A null in a column declared without nulls is found by the readers.
            Field::new(field.name(), kind, true)
        });
        Self { columns: columns.to_vec(), schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())) }
    }
}

impl MemoryBatches {
    /// Starts at the first of `groups`; see `OpenTable::batches`.
    pub(in super::super) fn new(
        rows: &MemoryRows,
        projection: &[usize],
        time: Option<usize>,
        mut groups: Vec<RowGroup>,
        batch_rows: usize,
    ) -> Self {
        groups.retain(|group| group.rows > 0 && (group.is_wanted || time.is_some()));
        Self {
            rows: rows.clone(),
            whole: Projection::new(rows, projection),
            time: time.map(|time| Projection::new(rows, &[time])),
            texts: BTreeMap::new(),
            groups: groups.into(),
            current: None,
            times_only: false,
            next_row: 0,
            batch_rows,
        }
    }

    /// Reads the next rows.
    pub(in super::super) fn next(&mut self) -> Result<Option<Rows>, DataError> {
        loop {
            let Some((group, is_whole)) = self.current else {
                let Some(group) = self.groups.pop_front() else { return Ok(None) };
                self.next_row = group.first_row;
                self.current = Some((group, group.is_wanted && !self.times_only));
                continue;
            };
            let first_row = self.next_row;
            let left = usize::try_from(group.first_row + group.rows - first_row).unwrap_or(0);
            if left == 0 {
                self.current = None;
                continue;
            }
            let part = self.part(usize::try_from(first_row).unwrap_or(0), left);
            let projection = match &self.time {
                Some(time) if !is_whole => time,
                _ => &self.whole,
            };
            let arrays = projection
                .columns
                .iter()
                .map(|column| array(&self.rows, *column, &part, &mut self.texts))
                .collect::<Result<Vec<_>, _>>()?;
            let count = part.rows();
            let options = RecordBatchOptions::new().with_row_count(Some(count));
            let batch = RecordBatch::try_new_with_options(Arc::clone(&projection.schema), arrays, &options);
            let batch = batch.map_err(|error| DataError::Io {
                path: self.rows.table().name().to_owned(),
                source: std::io::Error::other(error),
            })?;
            self.next_row += count as u64;
            return Ok(Some(Rows { batch, first_row, is_whole, bounds: group.times, group }));
        }
    }

    /// Selects the rows of the next batch, of at most `left` rows.
    fn part(&self, row: usize, left: usize) -> Part {
        let length = left.min(self.batch_rows.max(1));
        match self.rows.neighbours(row) {
            neighbours if neighbours >= length.min(SLICE_MIN) => {
                Part::Slice { first: self.rows.at(row), rows: length.min(neighbours) }
            }
            _ => Part::Places((row..row + length).map(|row| self.rows.at(row)).collect()),
        }
    }

    /// Reads only times from here to the end of the table; see `Batches::times_only`.
    pub(in super::super) fn times_only(&mut self) -> u64 {
        let left = match self.current {
            Some((group, true)) => group.first_row + group.rows - self.next_row,
            _ => 0,
        };
        let wanted = self.groups.iter().filter(|group| group.is_wanted).map(|group| group.rows).sum::<u64>();
        self.times_only = true;
        if let Some((_, is_whole)) = &mut self.current {
            *is_whole = false;
        }
        left + wanted
    }
}

/// Returns the cells of a column: a slice without a copy, or a copy of single cells; texts become keys of a
/// dictionary.
fn array(
    rows: &MemoryRows,
    column: usize,
    part: &Part,
    texts: &mut BTreeMap<usize, TextKeys>,
) -> Result<ArrayRef, DataError> {
    let kind = rows.schema().field(column).data_type();
    if is_text(kind) {
        return texts.entry(column).or_default().keys_of(rows, column, part);
    }
    Ok(match part {
        Part::Slice { first: InBatch { batch, row }, rows: count } => {
            rows.column(*batch, column).slice(*row, *count)
        }
        Part::Places(_) => collected(rows, column, part, kind),
    })
}

macro_rules! collect {
    ($kind:ty, $rows:ident, $column:ident, $part:ident, $type:ident) => {
        Arc::new(primitives::<$kind>($rows, $column, $part, $type)) as ArrayRef
    };
}

/// Copies single cells of a column. Readers project only columns of numbers, times and texts.
fn collected(rows: &MemoryRows, column: usize, part: &Part, kind: &DataType) -> ArrayRef {
    downcast_primitive! {
        kind => (collect, rows, column, part, kind),
        _ => Arc::new(NullArray::new(part.rows()))
    }
}

fn primitives<T: ArrowPrimitiveType>(
    rows: &MemoryRows,
    column: usize,
    part: &Part,
    kind: &DataType,
) -> PrimitiveArray<T> {
    let mut cells = Vec::with_capacity(part.rows());
    let mut valid = NullBufferBuilder::new(part.rows());
    let read = |batch, run: Run<'_>| {
        let array = rows.column(batch, column).as_primitive::<T>();
        let mut copy = |row: usize| {
            cells.push(array.value(row));
            valid.append(array.is_valid(row));
        };
        match run {
            Run::Range(rows) => rows.for_each(&mut copy),
            Run::List(places) => places.iter().for_each(|place| copy(place.row)),
        }
        Ok::<_, Infallible>(())
    };
    let Ok(()) = part.for_each_run(read);
    PrimitiveArray::<T>::new(cells.into(), valid.finish()).with_data_type(kind.clone())
}

#[cfg(test)]
mod tests {
    use arrow_array::types::{Float64Type, Int32Type};
    use arrow_array::{Float64Array, StringArray};

    use super::super::MemoryTable;
    use super::*;

    #[test]
    fn neighbouring_rows_are_slices_of_the_table() {
        let cells = Float64Array::from_iter_values((0..300).map(f64::from));
        let start = cells.values().as_ptr();
        let whole = RecordBatch::try_from_iter([("close", Arc::new(cells) as ArrayRef)]);
        let Ok(whole) = whole else { panic!("a column") };
        // Rows of a record batch and of a batch that is read; number of rows of each batch, and true if it is a slice.
        type Case<'a> = (usize, usize, &'a [(usize, bool)]);
        let cases: [Case<'_>; 5] = [
            (300, 100, &[(100, true), (100, true), (100, true)]),
            (300, 280, &[(280, true), (20, true)]),
            (64, 100, &[(64, true), (64, true), (64, true), (64, true), (44, true)]),
            (63, 100, &[(100, false), (100, false), (100, false)]),
            (63, 50, &[(50, true), (50, false), (50, false), (50, false), (50, true), (50, false)]),
        ];
        for (length, batch_rows, expected) in cases {
            let parts = (0..300).step_by(length).map(|at| whole.slice(at, length.min(300 - at)));
            let table = MemoryTable::new("prices".to_owned(), whole.schema(), parts.collect());
            let rows = MemoryRows::new(&table);
            let mut batches = MemoryBatches::new(&rows, &[0], None, rows.row_groups(None, 0), batch_rows);
            let (mut found, mut values) = (Vec::new(), Vec::new());
            while let Ok(Some(part)) = batches.next() {
                let array = part.batch.column(0).as_primitive::<Float64Type>();
                let at = start.wrapping_add(values.len());
                assert_eq!(part.first_row, values.len() as u64);
                found.push((array.len(), array.values().as_ptr() == at));
                values.extend_from_slice(array.values());
            }
            assert_eq!(found, expected, "{length} {batch_rows}");
            assert!(values.iter().copied().eq((0..300).map(f64::from)), "{length} {batch_rows}");
        }
    }

    #[test]
    fn dictionary_starts_again_after_many_texts() {
        const ROWS: usize = 150_000;
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..ROWS).map(|row| row.to_string())));
        let Ok(whole) = RecordBatch::try_from_iter([("symbol", texts)]) else { panic!("a column") };
        let table = MemoryTable::new("prices".to_owned(), whole.schema(), vec![whole]);
        let rows = MemoryRows::new(&table);
        for batch_rows in [8_192, 10_000] {
            let mut batches = MemoryBatches::new(&rows, &[0], None, rows.row_groups(None, 0), batch_rows);
            let (mut row, mut known, mut largest) = (0, 0, 0);
            while let Ok(Some(part)) = batches.next() {
                let count = part.batch.num_rows();
                known = if known > 1 << 16 { count } else { known + count };
                largest = largest.max(known);
                let array = part.batch.column(0).as_dictionary::<Int32Type>();
                assert_eq!(array.values().len(), known, "row {row}");
                let texts = array.values().as_string::<i32>();
                for at in [0, count - 1] {
                    assert_eq!(array.key(at).map(|key| texts.value(key)), Some(&*(row + at).to_string()));
                }
                row += count;
            }
            assert_eq!((row, largest > 1 << 16), (ROWS, true));
        }
    }
}
