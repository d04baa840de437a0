//! Rows of a table in the order of its symbols, in time order.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Int32Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_schema::{DataType, TimeUnit};

use super::super::columns::{is_text, times};
use super::super::row_groups::{BATCH_ROWS, Bounds};
use super::batches::MemoryBatches;
use super::rows::{MemoryRows, bounds_of_sorted};
use crate::DataError;
use crate::import::Interpretation;

/// Columns and start of the hold-out for which an order was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OrderKey {
    time: usize,
    symbol: usize,
    seal: Option<i64>,
}

/// Rows before the hold-out in time order; rows of one time keep their order.
#[derive(Debug)]
pub(super) struct TimeOrder {
    pub(super) rows: Vec<u32>,
    /// First and last time of each row group.
    pub(super) bounds: Vec<Bounds>,
    pub(super) interpretation: Interpretation,
}

/// Facts about rows that were sorted.
pub(in super::super) struct SortedRows {
    pub(in super::super) rows: u64,
    /// Number of distinct symbols.
    pub(in super::super) symbols: u64,
    /// First and last time.
    pub(in super::super) times: Option<(i64, i64)>,
    /// Rows that preceded an earlier row.
    pub(in super::super) unsorted: u64,
}

/// Times by record batch, as far as their order depends on them.
enum TimeCells<'a> {
    Longs(Vec<&'a [i64]>),
    Days(Vec<&'a [i32]>),
    /// Times of texts, by row of the table.
    Parsed(Vec<i64>),
}

impl MemoryRows {
    /// Returns the rows before `seal` sorted by time; `None` for more rows than a `u32` counts. `describe` makes
    /// the note about the table.
    pub(in super::super) fn sorted_by_time(
        &self,
        time: usize,
        symbol: usize,
        seal: Option<i64>,
        describe: impl FnOnce(&SortedRows) -> Interpretation,
    ) -> Result<Option<Self>, DataError> {
        if u32::try_from(self.len()).is_err() {
            return Ok(None);
        }
        let table = self.table();
        let unsorted = Self::new(table);
        let order = table.order(OrderKey { time, symbol, seal }, || {
            unsorted.find_order(time, symbol, seal.unwrap_or(i64::MAX), describe)
        })?;
        Ok(Some(Self::sorted(table, order)))
    }

    fn find_order(
        &self,
        time: usize,
        symbol: usize,
        seal: i64,
        describe: impl FnOnce(&SortedRows) -> Interpretation,
    ) -> Result<TimeOrder, DataError> {
        let mut projection = [time, symbol];
        projection.sort_unstable();
        let at = usize::from(symbol < time);
        let time_name = self.schema().field(time).name();
        let are_texts = is_text(self.schema().field(time).data_type());
        let mut batches = MemoryBatches::new(self, &projection, None, self.row_groups(None, 0), BATCH_ROWS);
        let (mut rows, mut parsed, mut read) = (Vec::new(), Vec::new(), Vec::new());
        let (mut symbols, mut latest, mut facts) =
            (Symbols::default(), i64::MIN, SortedRows { rows: 0, symbols: 0, times: None, unsorted: 0 });
        while let Some(part) = batches.next()? {
            let array = part.batch.column(at);
            let place = |row: usize| self.place(part.first_row + row as u64, time_name.clone());
            times(array, 0, &mut read).map_err(|fault| fault.error(array, place))?;
            let keys = part.batch.column(1 - at);
            symbols.start(keys);
            for (row, time) in read.iter().enumerate().filter(|(_, time)| **time < seal) {
                // The number of rows fits, see above.
                rows.push((part.first_row + row as u64) as u32);
                facts.unsorted += u64::from(*time < latest);
                latest = latest.max(*time);
                let known = facts.times.unwrap_or((*time, *time));
                facts.times = Some((known.0.min(*time), known.1.max(*time)));
                symbols.add(keys, row);
            }
            if are_texts {
                parsed.extend_from_slice(&read);
            }
        }
        (facts.rows, facts.symbols) = (rows.len() as u64, symbols.names.len() as u64);
        let arrays = (0..self.batches()).map(|batch| self.column(batch, time));
        let cells = if are_texts { TimeCells::Parsed(parsed) } else { TimeCells::of(arrays) };
        self.sort(&mut rows, &cells);
        rows.shrink_to_fit();
        let time_of = |at: usize| {
            let place = self.at(rows[at] as usize);
            let cell = match &cells {
                TimeCells::Parsed(times) => return times.get(rows[at] as usize).copied(),
                _ => self.column(place.batch, time).slice(place.row, 1),
            };
            let mut one = Vec::new();
            times(&cell, 0, &mut one).ok().and_then(|()| one.first().copied())
        };
        let bounds = bounds_of_sorted(rows.len(), time_of);
        Ok(TimeOrder { bounds, interpretation: describe(&facts), rows })
    }

    /// Sorts row numbers by time. The sort is stable and merges the runs that it finds.
    fn sort(&self, rows: &mut [u32], cells: &TimeCells<'_>) {
        let at = |row: &u32| self.at(*row as usize);
        match cells {
            TimeCells::Longs(times) => rows.sort_by_key(|row| {
                let place = at(row);
                times[place.batch][place.row]
            }),
            TimeCells::Days(days) => rows.sort_by_key(|row| {
                let place = at(row);
                days[place.batch][place.row]
            }),
            TimeCells::Parsed(times) => rows.sort_by_key(|row| times[*row as usize]),
        }
    }
}

impl<'a> TimeCells<'a> {
    fn of(arrays: impl Iterator<Item = &'a ArrayRef>) -> Self {
        let (mut longs, mut days) = (Vec::new(), Vec::new());
        for array in arrays {
            match array.data_type() {
                DataType::Date32 => days.push(&array.as_primitive::<Date32Type>().values()[..]),
                DataType::Date64 => longs.push(&array.as_primitive::<Date64Type>().values()[..]),
                DataType::Timestamp(unit, _) => longs.push(match unit {
                    TimeUnit::Second => &array.as_primitive::<TimestampSecondType>().values()[..],
                    TimeUnit::Millisecond => &array.as_primitive::<TimestampMillisecondType>().values()[..],
                    TimeUnit::Microsecond => &array.as_primitive::<TimestampMicrosecondType>().values()[..],
                    TimeUnit::Nanosecond => &array.as_primitive::<TimestampNanosecondType>().values()[..],
                }),
                _ => {}
            }
        }
        if longs.is_empty() { Self::Days(days) } else { Self::Longs(longs) }
    }
}

/// Distinct symbols of rows.
#[derive(Default)]
struct Symbols {
    names: BTreeSet<String>,
    /// Dictionary of the batch, and whether each of its texts is counted.
    values: Option<ArrayRef>,
    counted: Vec<bool>,
}

impl Symbols {
    /// Starts a batch.
    fn start(&mut self, keys: &ArrayRef) {
        let values = keys.as_dictionary::<Int32Type>().values();
        if !self.values.as_ref().is_some_and(|known| Arc::ptr_eq(known, values)) {
            self.counted = vec![false; values.len()];
            self.values = Some(Arc::clone(values));
        }
    }

    fn add(&mut self, keys: &ArrayRef, row: usize) {
        let keys = keys.as_dictionary::<Int32Type>();
        let Some(key) = keys.key(row).filter(|key| !self.counted[*key]) else { return };
        let texts: &StringArray = keys.values().as_string::<i32>();
        self.counted[key] = true;
        self.names.insert(texts.value(key).to_owned());
    }
}
