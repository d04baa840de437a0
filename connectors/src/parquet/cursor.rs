//! An open price file, at one of its rows.

use arrow_array::{Array, RecordBatch};
use betaflow_engine::assembly::{Assembler, Bar, Fault, Field, Slot, Values};
use betaflow_engine::frame::{Frame, TimestampNs};

use super::batches::{Batches, batch_rows};
use super::columns::{TimeFault, first_from, numbers, text, times};
use super::dictionary::Dictionary;
use super::files::{PriceFile, range};
use super::schema::{Key, Layout};
use super::settings::{BadRow, Refusal, RefusedRow, Settings};
use crate::error::Place;
use crate::{DataError, Progress};

/// What the cursors of a source share.
pub(super) struct Shared<'a> {
    pub(super) settings: &'a Settings,
    pub(super) progress: &'a Progress,
    pub(super) assembler: &'a mut Assembler,
    pub(super) counts: &'a mut Counts,
}

/// Rows counted so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) rows: u64,
    pub(super) skipped: u64,
    unsorted: u64,
    /// Rows passed over that somebody wants to know about.
    pub(super) refused: Vec<RefusedRow>,
}

/// Rows that come after a later one, beyond which the data is not sorted by time at all.
const UNSORTED_MAX: u64 = 1_000;

/// Where the columns are in a batch.
enum Plan {
    Tidy { symbol: Option<usize>, columns: Vec<(Field, usize)> },
    Wide { columns: Vec<usize>, slots: Vec<Slot> },
}

/// An open file, at its next row.
pub(super) struct Cursor {
    /// Position among the files by name.
    pub(super) order: usize,
    file: String,
    batches: Batches,
    plan: Plan,
    time: Key<usize>,
    constant_time: i64,
    constant_slot: Option<Slot>,
    batch: Option<RecordBatch>,
    first_row: u64,
    at: usize,
    times: Vec<i64>,
    /// Tidy: the symbol of each row. Empty in wide data.
    slots: Vec<Slot>,
    dictionary: Dictionary,
    /// Tidy: one a field, in the order of the plan. Wide: one a symbol.
    numbers: Vec<Vec<f64>>,
    /// Time of the rows handed on last.
    last: i64,
    range: (i64, i64),
}

impl Cursor {
    /// Opens a file at its first row in the range; `bytes` bounds the decoded data it may hold.
    pub(super) fn open(
        file: &PriceFile,
        shared: &mut Shared<'_>,
        open: usize,
        bytes: usize,
    ) -> Result<Self, DataError> {
        let opened = file.open(shared.settings, shared.assembler, open)?;
        let range = range(shared.settings);
        let groups = opened.groups.iter().copied().filter(|group| group.overlaps(range.0, range.1)).collect();
        let projection = opened.layout.projection();
        let in_batch = |column: usize| projection.binary_search(&column).unwrap_or(0);
        let rows = batch_rows(projection.len(), bytes);
        let batches =
            Batches::new(&file.location, opened.chunks, &opened.metadata, &projection, groups, rows)?;
        let (time, constant_time) = match opened.layout.time() {
            Key::Column(column) => (Key::Column(in_batch(*column)), 0),
            Key::Constant(time) => (Key::Constant(0), time.saturating_add(shared.settings.shift_ns())),
        };
        let (plan, constant_slot) = plan(&opened.layout, in_batch, shared.assembler);
        let mut cursor = Self {
            order: file.order,
            file: file.location.name(),
            batches,
            plan,
            time,
            constant_time,
            constant_slot,
            batch: None,
            first_row: 0,
            at: 0,
            times: Vec::new(),
            slots: Vec::new(),
            dictionary: Dictionary::default(),
            numbers: Vec::new(),
            last: i64::MIN,
            range,
        };
        cursor.settle(shared)?;
        Ok(cursor)
    }

    /// The time of the next row, if there is one.
    pub(super) fn head(&self) -> Option<i64> {
        self.times.get(self.at).copied()
    }

    /// Hands all rows at time `t`, which is that of the next row, to the assembler.
    pub(super) fn drain(
        &mut self,
        t: i64,
        shared: &mut Shared<'_>,
        frame: &mut Frame,
    ) -> Result<(), DataError> {
        while self.head() == Some(t) {
            let rest = &self.times[self.at..];
            let end = self.at + rest.iter().position(|time| *time != t).unwrap_or(rest.len());
            match self.plan {
                Plan::Tidy { .. } => self.put_rows(end, shared, frame)?,
                Plan::Wide { .. } => self.put_cells(end, shared, frame)?,
            }
            self.at = end;
            self.last = t;
            self.settle(shared)?;
        }
        Ok(())
    }

    fn put_rows(&mut self, end: usize, shared: &mut Shared<'_>, frame: &mut Frame) -> Result<(), DataError> {
        shared.counts.rows += (end - self.at) as u64;
        let Plan::Tidy { columns, .. } = &self.plan else { return Ok(()) };
        let [close, others @ ..] = self.numbers.as_slice() else { return Ok(()) };
        let rows = self.at..end;
        for ((row, slot), close) in rows.clone().zip(&self.slots[rows.clone()]).zip(&close[rows]) {
            let mut bar = Bar::of_close(*close);
            for ((field, _), numbers) in columns[1..].iter().zip(others) {
                bar[*field] = numbers[row];
            }
            if let Err(fault) = shared.assembler.put(frame, *slot, &bar) {
                self.fault(fault, row, *slot, None, shared)?;
            }
        }
        Ok(())
    }

    fn put_cells(&mut self, end: usize, shared: &mut Shared<'_>, frame: &mut Frame) -> Result<(), DataError> {
        let Plan::Wide { columns, slots } = &self.plan else { return Ok(()) };
        for row in self.at..end {
            for ((column, slot), values) in columns.iter().zip(slots).zip(&self.numbers) {
                let value = values[row];
                shared.counts.rows += u64::from(!value.is_nan());
                if let Err(fault) = shared.assembler.put(frame, *slot, &Bar::of_close(value)) {
                    self.fault(fault, row, *slot, Some(*column), shared)?;
                }
            }
        }
        Ok(())
    }

    /// Moves on to the next row that is wanted, reading batches as needed.
    fn settle(&mut self, shared: &mut Shared<'_>) -> Result<(), DataError> {
        loop {
            let Some(time) = self.head() else {
                if !self.load(shared)? {
                    return Ok(());
                }
                continue;
            };
            if time < self.last {
                self.too_early(time, shared)?;
            } else if time > self.range.1 {
                // Sorted data has nothing more inside the range.
                self.times.clear();
                shared.progress.add_passed_over(self.batches.stop());
                return Ok(());
            } else if time >= self.range.0 {
                return Ok(());
            }
            self.at += 1;
        }
    }

    fn load(&mut self, shared: &mut Shared<'_>) -> Result<bool, DataError> {
        self.at = 0;
        self.times.clear();
        let Some((mut batch, first_row)) = self.batches.next()? else {
            self.batch = None;
            return Ok(false);
        };
        shared.progress.add_read(batch.num_rows() as u64);
        if let (Key::Column(column), Some(seal)) = (&self.time, shared.settings.sealed_from)
            && let Some(row) = first_from(batch.column(*column), shared.settings.shift_ns(), seal.0)
        {
            // Cut off before anything is checked: the file ends here, whatever comes behind.
            batch = batch.slice(0, row);
            shared.progress.add_passed_over(self.batches.stop());
        }
        self.first_row = first_row;
        match self.time {
            Key::Column(column) => {
                let shift = shared.settings.shift_ns();
                times(batch.column(column), shift, &mut self.times).map_err(|fault| {
                    let name = batch.schema().field(column).name().clone();
                    time_error(fault, |row| self.place_of(row, name))
                })?;
            }
            Key::Constant(_) => self.times.resize(batch.num_rows(), self.constant_time),
        }
        self.load_numbers(&batch);
        self.load_slots(&batch, shared)?;
        self.batch = Some(batch);
        Ok(true)
    }

    fn load_numbers(&mut self, batch: &RecordBatch) {
        match &self.plan {
            Plan::Tidy { columns, .. } => {
                self.numbers.resize_with(columns.len(), Vec::new);
                for ((_, column), out) in columns.iter().zip(&mut self.numbers) {
                    numbers(batch.column(*column), out);
                }
            }
            Plan::Wide { columns, .. } => {
                self.numbers.resize_with(columns.len(), Vec::new);
                for (column, out) in columns.iter().zip(&mut self.numbers) {
                    numbers(batch.column(*column), out);
                }
            }
        }
    }

    fn load_slots(&mut self, batch: &RecordBatch, shared: &mut Shared<'_>) -> Result<(), DataError> {
        self.slots.clear();
        let Plan::Tidy { symbol, .. } = &self.plan else { return Ok(()) };
        if let Some(slot) = self.constant_slot {
            self.slots.resize(batch.num_rows(), slot);
        }
        let Some(column) = symbol else { return Ok(()) };
        let symbols = batch.column(*column);
        if let Some(row) =
            (symbols.null_count() > 0).then(|| (0..symbols.len()).find(|row| symbols.is_null(*row)))
        {
            let name = batch.schema().field(*column).name().clone();
            return Err(DataError::NullKey { place: self.place_of(row.unwrap_or(0), name) });
        }
        match shared.settings.sealed_from {
            None => self.dictionary.look_up(symbols, shared.assembler, &mut self.slots),
            Some(_) => Dictionary::look_up_rows(symbols, shared.assembler, &mut self.slots),
        }
        Ok(())
    }

    fn place_of(&self, row: usize, column: String) -> Box<Place> {
        Box::new(Place { file: self.file.clone(), row: self.first_row + row as u64, column })
    }

    /// A place in the batch at hand; a column that is no column of it is a part of the file's path.
    fn place(&self, row: usize, column: Option<usize>) -> Box<Place> {
        let name = column
            .zip(self.batch.as_ref())
            .map(|(column, batch)| batch.schema().field(column).name().clone());
        self.place_of(row, name.unwrap_or_else(|| "(the folder's name)".to_owned()))
    }

    #[cold]
    fn too_early(&self, time: i64, shared: &mut Shared<'_>) -> Result<(), DataError> {
        if shared.settings.on_bad_row == BadRow::Skip {
            shared.counts.skipped += 1;
            return Ok(());
        }
        let column = if let Key::Column(column) = self.time { Some(column) } else { None };
        let (found, previous) = (TimestampNs(time), TimestampNs(self.last));
        let error = DataError::Unsorted { place: self.place(self.at, column), found, previous };
        shared.counts.unsorted += 1;
        let all = shared.counts.unsorted > UNSORTED_MAX && 2 * shared.counts.unsorted > shared.counts.rows;
        if shared.settings.on_bad_row == BadRow::Error || all {
            return Err(error);
        }
        let symbol = self.slots.get(self.at).map(|slot| shared.assembler.symbol(*slot).to_owned());
        let symbol = symbol.unwrap_or_default();
        refuse(
            shared.counts,
            RefusedRow { time: found, symbol, refusal: Refusal::Unsorted, detail: error.to_string() },
        );
        Ok(())
    }

    #[cold]
    fn fault(
        &self,
        fault: Fault,
        row: usize,
        slot: Slot,
        cell: Option<usize>,
        shared: &mut Shared<'_>,
    ) -> Result<(), DataError> {
        if shared.settings.on_bad_row == BadRow::Skip {
            shared.counts.skipped += 1;
            return Ok(());
        }
        let error = self.error_of(fault, row, slot, cell, shared);
        if shared.settings.on_bad_row == BadRow::Error {
            return Err(error);
        }
        let refusal = if fault == Fault::Duplicate { Refusal::Duplicate } else { Refusal::Value };
        let symbol = shared.assembler.symbol(slot).to_owned();
        let (time, detail) = (TimestampNs(self.times[row]), error.to_string());
        refuse(shared.counts, RefusedRow { time, symbol, refusal, detail });
        Ok(())
    }

    fn error_of(
        &self,
        fault: Fault,
        row: usize,
        slot: Slot,
        cell: Option<usize>,
        shared: &Shared<'_>,
    ) -> DataError {
        let symbol = shared.assembler.symbol(slot).to_owned();
        let time = TimestampNs(self.times[row]);
        let tidy = |field: Option<Field>| match (&self.plan, field) {
            (Plan::Tidy { symbol, .. }, None) => *symbol,
            (Plan::Tidy { columns, .. }, Some(field)) => {
                columns.iter().find(|(known, _)| *known == field).map(|(_, column)| *column)
            }
            (Plan::Wide { .. }, _) => None,
        };
        let (field, found) = match fault {
            Fault::Duplicate => {
                return DataError::Duplicate { place: self.place(row, cell.or(tidy(None))), symbol, time };
            }
            Fault::Value { field, found } => (field, found),
        };
        let column = cell.or(tidy(Some(field)));
        let cell = column.zip(self.batch.as_ref()).map(|(column, batch)| text(batch.column(column), row));
        let expected = match (shared.settings.values, field) {
            (Values::ReturnsOfAnySize, Field::Close) => "a finite return, or null",
            (Values::Returns, Field::Close) => "a finite return above -1 (decimal, not percent), or null",
            (_, Field::Volume) => "a finite volume of at least 0, or null",
            (_, Field::Dividend) => "a finite dividend of at least 0, or null",
            (_, Field::Split) => "a finite ratio of at least 0 (0 or 1 for none), or null",
            _ => "a positive finite price, or null",
        };
        let found = cell.unwrap_or_else(|| found.to_string());
        DataError::BadValue { place: self.place(row, column), symbol, time, found, expected }
    }
}

fn refuse(counts: &mut Counts, row: RefusedRow) {
    counts.skipped += 1;
    counts.refused.push(row);
}

/// The error for a time that cannot be used.
pub(super) fn time_error(fault: TimeFault, place: impl FnOnce(usize) -> Box<Place>) -> DataError {
    match fault {
        TimeFault::Null(row) => DataError::NullKey { place: place(row) },
        TimeFault::OutOfRange(row) => DataError::TimeOutOfRange { place: place(row) },
    }
}

/// Finds the columns of a layout in the batches, and the symbol of a file of one symbol.
fn plan(
    layout: &Layout,
    in_batch: impl Fn(usize) -> usize,
    assembler: &mut Assembler,
) -> (Plan, Option<Slot>) {
    match layout {
        Layout::Tidy { symbol, columns, .. } => {
            let (symbol, slot) = match symbol {
                Key::Column(column) => (Some(in_batch(*column)), None),
                Key::Constant(symbol) => (None, Some(assembler.slot(symbol))),
            };
            let columns = columns.iter().map(|(field, column)| (*field, in_batch(*column))).collect();
            (Plan::Tidy { symbol, columns }, slot)
        }
        Layout::Wide { symbols, others, .. } => {
            // Known to be in the data, for the check of the universe's names.
            others.iter().for_each(|symbol| _ = assembler.slot(symbol));
            let columns = symbols.iter().map(|(column, _)| in_batch(*column)).collect();
            let slots = symbols.iter().map(|(_, symbol)| assembler.slot(symbol)).collect();
            (Plan::Wide { columns, slots }, None)
        }
    }
}
