//! Rows in any order, sorted by time with bounded memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::lines::{Lines, LinesBuilder};
use super::runs::Runs;
use super::writer::{TableWriter, Target, Written};
use super::{io_error, temporary};
use crate::DataError;

/// Maximum bytes of rows in memory before they become a sorted run on disk.
const HELD_BYTES: usize = 64 << 20;

/// Bits of a missing number; no reader of numbers returns this NaN.
pub(crate) const NULL: u64 = 0x7FF8_0000_0000_0BAD;
/// Number of a missing text.
pub(crate) const NULL_TEXT: u64 = u64::MAX;

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    /// Time in ns since 1970.
    Time,
    /// Text, as its number among the [`Texts`] of the table.
    Text,
    /// Bits of a number, or [`NULL`].
    Number,
}

/// Column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: ColumnKind,
}

/// Distinct texts of a table, numbered in the order of their first row.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    numbers: HashMap<Arc<str>, u64>,
    texts: Vec<Arc<str>>,
    last: u64,
}

impl Texts {
    /// Returns the number of a text.
    pub(crate) fn number(&mut self, text: &str) -> u64 {
        // Files sorted by symbol repeat the last one.
        if self.texts.get(usize::try_from(self.last).unwrap_or(0)).is_some_and(|last| &**last == text) {
            return self.last;
        }
        self.last = match self.numbers.get(text) {
            Some(number) => *number,
            None => {
                let (number, text) = (self.texts.len() as u64, Arc::<str>::from(text));
                self.texts.push(Arc::clone(&text));
                self.numbers.insert(text, number);
                number
            }
        };
        self.last
    }

    /// Returns the text of a number; `None` for [`NULL_TEXT`].
    pub(super) fn text(&self, number: u64) -> Option<&str> {
        self.texts.get(usize::try_from(number).ok()?).map(|text| &**text)
    }

    /// Number of distinct texts.
    pub(crate) fn count(&self) -> usize {
        self.texts.len()
    }
}

/// Prepared table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) written: Written,
    pub(crate) lines: Lines,
    pub(crate) rows: u64,
    /// Rows that preceded an earlier row.
    pub(crate) unsorted: u64,
    /// First and last time, in ns since 1970.
    pub(crate) times: Option<(i64, i64)>,
    /// Counts of rows that no run accepts; 0 if they were not counted.
    pub(crate) refused: RefusedRows,
}

/// Counts of rows that no run accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RefusedRows {
    /// Rows with the time and the symbol of an earlier row.
    pub(crate) repeated: u64,
    /// Rows without a symbol, in a table with symbols.
    pub(crate) unnamed: u64,
}

/// Counter of rows that no run accepts, over rows in the order of their times.
struct RefusedCounter {
    /// Positions of time and symbol in a row.
    time: usize,
    symbol: Option<usize>,
    /// Time of the last row, and the symbols of that time.
    last: Option<u64>,
    symbols: HashSet<Option<u64>>,
    found: RefusedRows,
}

impl RefusedCounter {
    fn add(&mut self, row: &[u64], texts: &Texts) {
        let symbol = self.symbol.map(|symbol| row[symbol]);
        let is_unnamed = |number| texts.text(number).is_none_or(|text| text.trim().is_empty());
        if symbol.is_some_and(is_unnamed) {
            self.found.unnamed += 1;
            return;
        }
        if self.last.replace(row[self.time]) != Some(row[self.time]) {
            self.symbols.clear();
        }
        self.found.repeated += u64::from(!self.symbols.insert(symbol));
    }
}

/// Collector of rows. A row has its line first and then a cell for each column, all as 64 bits.
pub(crate) struct Sorter {
    /// Name of the file, for errors.
    file: String,
    columns: Vec<Column>,
    /// Position of the time in a row.
    time: Option<usize>,
    pub(crate) texts: Texts,
    /// True while every time is a date without a time of day.
    are_dates: bool,
    held: Vec<u64>,
    /// Bytes of rows at which those held become a run.
    held_max: usize,
    runs: Runs,
    rows: u64,
    unsorted: u64,
    times: Option<(i64, i64)>,
    /// Latest time so far, and whether the rows held are sorted.
    latest: i64,
    is_sorted: bool,
    /// True to count the rows that no run accepts, for a table that the user keeps.
    pub(crate) counts_refused: bool,
}

impl Sorter {
    /// Returns an empty sorter of rows with these columns. `file`: name for errors.
    pub(crate) fn new(file: &str, columns: Vec<Column>) -> Self {
        let time = columns.iter().position(|column| column.kind == ColumnKind::Time);
        let width = columns.len() + 1;
        Self {
            file: file.to_owned(),
            columns,
            time: time.map(|time| time + 1),
            texts: Texts::default(),
            are_dates: true,
            held: Vec::new(),
            held_max: HELD_BYTES,
            runs: Runs::new(width),
            rows: 0,
            unsorted: 0,
            times: None,
            latest: i64::MIN,
            is_sorted: true,
            counts_refused: false,
        }
    }

    /// Adds a row: its line, then its cells. `is_date`: true if its time has no time of day.
    ///
    /// # Errors
    /// A temporary file cannot be written.
    pub(crate) fn push(&mut self, row: &[u64], is_date: bool) -> Result<(), DataError> {
        if let Some(time) = self.time {
            let time = row[time].cast_signed();
            self.are_dates &= is_date;
            self.unsorted += u64::from(time < self.latest);
            self.is_sorted &= time >= self.latest;
            self.latest = self.latest.max(time);
            self.times = Some(self.times.map_or((time, time), |(a, b)| (a.min(time), b.max(time))));
        }
        self.rows += 1;
        self.held.extend_from_slice(row);
        if self.held.len() * size_of::<u64>() >= self.held_max { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> Result<(), DataError> {
        let order = self.order();
        let width = self.columns.len() + 1;
        let rows = order.iter().map(|row| &self.held[*row as usize * width..][..width]);
        self.runs.add(rows).map_err(|error| io_error(&self.file, error))?;
        self.held.clear();
        self.is_sorted = true;
        Ok(())
    }

    /// Returns the rows held in the order of their times; rows of one time keep their order.
    fn order(&self) -> Vec<u32> {
        let width = self.columns.len() + 1;
        // At most 64 MiB of rows are held, so their number fits.
        let rows = u32::try_from(self.held.len() / width).unwrap_or(u32::MAX);
        let mut order: Vec<u32> = (0..rows).collect();
        if let Some(time) = self.time.filter(|_| !self.is_sorted) {
            order.sort_by_key(|row| self.held[*row as usize * width + time].cast_signed());
        }
        order
    }

    /// Writes the rows sorted by time. With `target` `None` the table is written to memory if all rows are
    /// held there, else to a temporary file.
    ///
    /// # Errors
    /// The file system refuses a write.
    pub(crate) fn finish(mut self, target: Option<Target>) -> Result<Table, DataError> {
        let file = self.file.clone();
        let failed = |error| io_error(&file, error);
        let is_spilled = !self.runs.is_empty();
        let target = match target {
            Some(target) => target,
            None if is_spilled => Target::File(temporary::temporary_file().map_err(failed)?),
            None => Target::Memory,
        };
        let mut writer = TableWriter::new(target, &self.columns, self.are_dates).map_err(failed)?;
        let mut lines = LinesBuilder::default();
        let mut counter = self.time.filter(|_| self.counts_refused).map(|time| RefusedCounter {
            time,
            symbol: self
                .columns
                .iter()
                .position(|column| column.kind == ColumnKind::Text)
                .map(|text| text + 1),
            last: None,
            symbols: HashSet::new(),
            found: RefusedRows::default(),
        });
        if is_spilled {
            if !self.held.is_empty() {
                self.spill()?;
            }
            self.held = Vec::new();
            let mut merge = self.runs.merge(self.time).map_err(failed)?;
            while let Some(row) = merge.next().map_err(failed)? {
                lines.push(row[0]).map_err(failed)?;
                if let Some(counter) = &mut counter {
                    counter.add(row, &self.texts);
                }
                writer.push(&row[1..], &self.texts).map_err(failed)?;
            }
        } else {
            let width = self.columns.len() + 1;
            for row in self.order() {
                let row = &self.held[row as usize * width..][..width];
                lines.push(row[0]).map_err(failed)?;
                if let Some(counter) = &mut counter {
                    counter.add(row, &self.texts);
                }
                writer.push(&row[1..], &self.texts).map_err(failed)?;
            }
        }
        let written = writer.finish(&self.texts).map_err(failed)?;
        let lines = lines.finish().map_err(failed)?;
        let refused = counter.map(|counter| counter.found).unwrap_or_default();
        Ok(Table { written, lines, rows: self.rows, unsorted: self.unsorted, times: self.times, refused })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use arrow_array::cast::AsArray as _;
    use arrow_array::types::{Date32Type, Float64Type};
    use betaflow_engine::time::DAY_NS;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    /// Day, symbol, number and line of each row.
    type Rows = Vec<(i32, String, Option<f64>, u64)>;

    fn sorted(held_max: usize) -> Rows {
        let column = |name: &str, kind| Column { name: name.to_owned(), kind };
        let columns = vec![
            column("symbol", ColumnKind::Text),
            column("date", ColumnKind::Time),
            column("close", ColumnKind::Number),
        ];
        let mut sorter = Sorter::new("test", columns);
        sorter.held_max = held_max;
        for (line, (symbol, day)) in
            (0..7_i64).flat_map(|symbol| (0..50).map(move |day| (symbol, day))).enumerate()
        {
            let text = sorter.texts.number(&format!("S{symbol}"));
            let number = if day % 5 == 0 { NULL } else { (symbol as f64 + day as f64).to_bits() };
            sorter.push(&[line as u64 + 2, text, (day * DAY_NS).cast_unsigned(), number], true).unwrap();
        }
        let table = sorter.finish(None).unwrap();
        assert_eq!((table.rows, table.unsorted > 0, table.times), (350, true, Some((0, 49 * DAY_NS))));
        let mut rows = Vec::new();
        let mut read = |batch: arrow_array::RecordBatch| {
            let (symbols, dates) =
                (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<Date32Type>());
            let numbers = batch.column(2).as_primitive::<Float64Type>();
            for ((symbol, date), number) in symbols.iter().zip(dates).zip(numbers) {
                let line = table.lines.line(rows.len() as u64).unwrap();
                rows.push((date.unwrap(), symbol.unwrap().to_owned(), number, line));
            }
        };
        match &table.written {
            Written::Memory(bytes) => {
                let reader =
                    ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap().build().unwrap();
                reader.for_each(|batch| read(batch.unwrap()));
            }
            Written::File(file) => {
                let file = file.lock().unwrap().try_clone().unwrap();
                let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
                reader.for_each(|batch| read(batch.unwrap()));
            }
        }
        rows
    }

    #[test]
    fn runs_on_disk_give_the_rows_sorted_in_memory() {
        let expected = sorted(HELD_BYTES);
        assert!(expected.is_sorted_by_key(|row| (row.0, row.3)), "ties keep their order");
        for rows in [1, 7, 49, 50, 349] {
            assert_eq!(sorted(rows * 4 * size_of::<u64>()), expected, "{rows} rows held");
        }
    }
}
