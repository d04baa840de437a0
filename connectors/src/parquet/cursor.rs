//! Cursor in an open price file.

use arrow_array::{Array, RecordBatch};
use betaflow_engine::assembly::{Assembler, Fault, Slot, Values};
use betaflow_engine::frame::Bar;
use betaflow_engine::frame::Field;
use betaflow_engine::frame::Frame;
use betaflow_engine::time::TimestampNs;

use super::batches::{Batches, batch_rows};
use super::columns::{numbers, text, times};
use super::dictionary::Dictionary;
use super::files::{PriceFile, range};
use super::input::Location;
use super::place::Place;
use super::runs::run_length;
use super::schema::{Key, Layout};
use super::settings::{BadRow, Refusal, RefusedRow, Settings};
use crate::{DataError, Progress};

/// State shared by the cursors of a source.
pub(super) struct ReadContext<'a> {
    pub(super) settings: &'a Settings,
    pub(super) progress: &'a Progress,
    pub(super) assembler: &'a mut Assembler,
    pub(super) counts: &'a mut Counts,
}

/// Row counts so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) rows: u64,
    pub(super) skipped: u64,
    unsorted: u64,
    /// Skipped rows, collected if the settings require it.
    pub(super) refused: Vec<RefusedRow>,
}

/// Column name in messages for a value from a folder name.
const FOLDER: &str = "(the folder's name)";

/// Number of rows out of order beyond which the data counts as unsorted.
const UNSORTED_MAX: u64 = 1_000;

/// Number of rows of a timestamp from which the assembler takes them at once.
const ROWS_AT_ONCE_MIN: usize = 8;

/// Positions of the columns in a batch.
enum Plan {
    Tidy {
        symbol: Option<usize>,
        columns: Vec<(Field, usize)>,
    },
    Wide {
        columns: Vec<usize>,
        slots: Vec<Slot>,
    },
    /// Fields of each symbol and the positions of their numbers in `columns`.
    Levels {
        columns: Vec<usize>,
        symbols: Vec<(Slot, Vec<(Field, usize)>)>,
    },
}

/// Open file, at its next row.
pub(super) struct Cursor {
    /// Position among the files of the input.
    pub(super) order: usize,
    location: Location,
    batches: Batches,
    plan: Plan,
    time: Key<usize>,
    /// Name of the time column, for messages.
    time_name: String,
    constant_time: i64,
    constant_slot: Option<Slot>,
    batch: Option<RecordBatch>,
    first_row: u64,
    at: usize,
    times: Vec<i64>,
    /// Symbol of each row of tidy data; empty for wide data.
    slots: Vec<Slot>,
    dictionary: Dictionary,
    /// Numbers of the batch. Tidy: one vector per field of the plan; wide: one per symbol; two levels: one
    /// per column.
    numbers: Vec<Vec<f64>>,
    /// Closes of one row of wide data.
    row: Vec<f64>,
    /// Latest time so far.
    last: i64,
    range: (i64, i64),
    /// Times of a batch from its first row at or after the seal on, and the number of that row.
    sealed: Option<(Vec<i64>, u64)>,
}

impl Cursor {
    /// Opens a file at its first row in the range. `bytes`: maximum size of its decoded data.
    pub(super) fn open(
        file: &PriceFile,
        context: &mut ReadContext<'_>,
        open: usize,
        bytes: usize,
    ) -> Result<Self, DataError> {
        let opened = file.open(context.settings, context.assembler, open)?;
        let range = range(context.settings);
        let projection = opened.layout.projection();
        let in_batch = |column: usize| projection.binary_search(&column).unwrap_or(0);
        let rows = batch_rows(projection.len(), bytes);
        let (time, time_name, constant_time) = match opened.layout.time() {
            Key::Column(column) => {
                let name = opened.table.schema().field(*column).name().clone();
                (Key::Column(in_batch(*column)), name, 0)
            }
            Key::Constant(time) => {
                (Key::Constant(0), FOLDER.to_owned(), time.saturating_add(context.settings.shift_ns()))
            }
        };
        let of_time = if let Key::Column(column) = opened.layout.time() { Some(*column) } else { None };
        let batches = opened.table.batches(&projection, of_time, opened.groups, rows)?;
        let (plan, constant_slot) = plan(&opened.layout, in_batch, context.assembler);
        let mut cursor = Self {
            order: file.order,
            location: file.location.clone(),
            batches,
            plan,
            time,
            time_name,
            constant_time,
            constant_slot,
            batch: None,
            first_row: 0,
            at: 0,
            times: Vec::new(),
            slots: Vec::new(),
            dictionary: Dictionary::default(),
            numbers: Vec::new(),
            row: Vec::new(),
            last: i64::MIN,
            range,
            sealed: None,
        };
        cursor.settle(context)?;
        Ok(cursor)
    }

    /// Returns the time of the next row; `None` at the end.
    pub(super) fn head(&self) -> Option<i64> {
        self.times.get(self.at).copied()
    }

    /// Passes all rows at time `t`, the time of the next row, to the assembler.
    pub(super) fn drain(
        &mut self,
        t: i64,
        context: &mut ReadContext<'_>,
        frame: &mut Frame,
    ) -> Result<(), DataError> {
        while self.head() == Some(t) {
            let end = self.at + run_length(&self.times[self.at..]);
            match self.plan {
                Plan::Tidy { .. } => self.put_rows(end, context, frame)?,
                Plan::Wide { .. } => self.put_cells(end, context, frame)?,
                Plan::Levels { .. } => self.put_series(end, context, frame)?,
            }
            self.at = end;
            self.settle(context)?;
        }
        Ok(())
    }

    fn put_rows(
        &mut self,
        end: usize,
        context: &mut ReadContext<'_>,
        frame: &mut Frame,
    ) -> Result<(), DataError> {
        context.counts.rows += (end - self.at) as u64;
        let Plan::Tidy { columns, .. } = &self.plan else { return Ok(()) };
        let [close, others @ ..] = self.numbers.as_slice() else { return Ok(()) };
        let rows = self.at..end;
        if rows.len() >= ROWS_AT_ONCE_MIN {
            let others = columns[1..].iter().zip(others).map(|((field, _), numbers)| {
                let numbers: &[f64] = &numbers[rows.clone()];
                (*field, numbers)
            });
            let (slots, close) = (&self.slots[rows.clone()], &close[rows.clone()]);
            if context.assembler.put_all(frame, slots, close, others) {
                return Ok(());
            }
        }
        for ((row, slot), close) in rows.clone().zip(&self.slots[rows.clone()]).zip(&close[rows]) {
            let mut bar = Bar::of_close(*close);
            for ((field, _), numbers) in columns[1..].iter().zip(others) {
                bar[*field] = numbers[row];
            }
            if let Err(fault) = context.assembler.put(frame, *slot, &bar) {
                self.fault(fault, row, *slot, None, context)?;
            }
        }
        Ok(())
    }

    fn put_cells(
        &mut self,
        end: usize,
        context: &mut ReadContext<'_>,
        frame: &mut Frame,
    ) -> Result<(), DataError> {
        let Plan::Wide { columns, slots } = &self.plan else { return Ok(()) };
        for row in self.at..end {
            self.row.clear();
            self.row.extend(self.numbers.iter().map(|values| values[row]));
            context.counts.rows += self.row.iter().filter(|value| !value.is_nan()).count() as u64;
            if self.row.len() >= ROWS_AT_ONCE_MIN
                && context.assembler.put_all(frame, slots, &self.row, std::iter::empty())
            {
                continue;
            }
            for ((column, slot), value) in columns.iter().zip(slots).zip(&self.row) {
                let value = *value;
                if let Err(fault) = context.assembler.put(frame, *slot, &Bar::of_close(value)) {
                    self.fault(fault, row, *slot, Some(*column), context)?;
                }
            }
        }
        Ok(())
    }

    fn put_series(
        &mut self,
        end: usize,
        context: &mut ReadContext<'_>,
        frame: &mut Frame,
    ) -> Result<(), DataError> {
        let Plan::Levels { columns, symbols } = &self.plan else { return Ok(()) };
        for row in self.at..end {
            for (slot, fields) in symbols {
                let mut bar = Bar::of_close(f64::NAN);
                for (field, position) in fields {
                    bar[*field] = self.numbers[*position][row];
                }
                context.counts.rows += u64::from(!bar[Field::Close].is_nan());
                if let Err(fault) = context.assembler.put(frame, *slot, &bar) {
                    let field = if let Fault::Value { field, .. } = fault { field } else { Field::Close };
                    let position =
                        fields.iter().find(|(known, _)| *known == field).map_or(0, |known| known.1);
                    self.fault(fault, row, *slot, Some(columns[position]), context)?;
                }
            }
        }
        Ok(())
    }

    /// Moves to the next wanted row; reads batches if needed. Checks the order of all times, including those
    /// outside the range.
    fn settle(&mut self, context: &mut ReadContext<'_>) -> Result<(), DataError> {
        loop {
            let Some(time) = self.head() else {
                if !self.load(context)? {
                    return Ok(());
                }
                continue;
            };
            if time < self.last {
                self.too_early(self.at, time, context)?;
                self.at += 1;
                continue;
            }
            self.last = time;
            if time > self.range.1 {
                // In sorted data, no later row is inside the range.
                let times = std::mem::take(&mut self.times);
                self.slots.clear();
                self.check_order(&times[self.at..], self.first_row + self.at as u64, context)?;
                context.progress.add_passed_over(self.batches.times_only()?);
            } else if time >= self.range.0 {
                return Ok(());
            } else {
                self.at += 1;
            }
        }
    }

    /// Checks the order of the times of unwanted rows.
    fn check_order(
        &mut self,
        times: &[i64],
        first_row: u64,
        context: &mut ReadContext<'_>,
    ) -> Result<(), DataError> {
        // Row numbers count from the first of these times.
        self.first_row = first_row;
        for (row, time) in times.iter().enumerate() {
            if *time < self.last {
                self.too_early(row, *time, context)?;
            } else {
                self.last = *time;
            }
        }
        Ok(())
    }

    /// Reads the next batch that may contain wanted rows.
    fn load(&mut self, context: &mut ReadContext<'_>) -> Result<bool, DataError> {
        loop {
            self.at = 0;
            self.times.clear();
            if let Some((times, first_row)) = self.sealed.take() {
                self.slots.clear();
                self.check_order(&times, first_row, context)?;
            }
            let Some(mut rows) = self.batches.next()? else {
                self.batch = None;
                return Ok(false);
            };
            self.first_row = rows.first_row;
            match self.time {
                Key::Column(column) => {
                    let times_of = rows.batch.column(if rows.is_whole { column } else { 0 });
                    times(times_of, context.settings.shift_ns(), &mut self.times).map_err(|fault| {
                        fault.error(times_of, |row| self.place_of(row, self.time_name.clone()))
                    })?;
                    self.batches.check_bounds(&rows, &self.times)?;
                }
                Key::Constant(_) => self.times.resize(rows.batch.num_rows(), self.constant_time),
            }
            if !rows.is_whole {
                let times = std::mem::take(&mut self.times);
                self.slots.clear();
                self.batches.check_left_out(&rows, &times, self.range, self.last)?;
                self.check_order(&times, rows.first_row, context)?;
                self.times = times;
                continue;
            }
            context.progress.add_read(rows.batch.num_rows() as u64);
            if let (Key::Column(_), Some(seal)) = (&self.time, context.settings.sealed_from)
                && let Some(row) = self.times.iter().position(|time| *time >= seal.0)
            {
                // From the seal on, only the times are checked; the other columns are cut off before any
                // check.
                self.sealed = Some((self.times.split_off(row), rows.first_row + row as u64));
                rows.batch = rows.batch.slice(0, row);
                context.progress.add_passed_over(self.batches.times_only()?);
            }
            self.load_numbers(&rows.batch);
            self.load_slots(&rows.batch, context)?;
            self.batch = Some(rows.batch);
            return Ok(true);
        }
    }

    fn load_numbers(&mut self, batch: &RecordBatch) {
        match &self.plan {
            Plan::Tidy { columns, .. } => {
                self.numbers.resize_with(columns.len(), Vec::new);
                for ((_, column), out) in columns.iter().zip(&mut self.numbers) {
                    numbers(batch.column(*column), out);
                }
            }
            Plan::Wide { columns, .. } | Plan::Levels { columns, .. } => {
                self.numbers.resize_with(columns.len(), Vec::new);
                for (column, out) in columns.iter().zip(&mut self.numbers) {
                    numbers(batch.column(*column), out);
                }
            }
        }
    }

    fn load_slots(&mut self, batch: &RecordBatch, context: &mut ReadContext<'_>) -> Result<(), DataError> {
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
        match context.settings.sealed_from {
            None => self.dictionary.look_up(symbols, context.assembler, &mut self.slots),
            Some(_) => self.dictionary.look_up_rows(symbols, context.assembler, &mut self.slots),
        }
        if let Some(row) = self.dictionary.empty_row(symbols) {
            let name = batch.schema().field(*column).name().clone();
            let (place, found) = (self.place_of(row, name), text(symbols, row));
            return Err(DataError::EmptySymbol { place, found });
        }
        Ok(())
    }

    fn place_of(&self, row: usize, column: String) -> Box<Place> {
        self.location.place(self.first_row + row as u64, column)
    }

    /// Returns a place in the current batch; `None` stands for a value from the file's path.
    fn place(&self, row: usize, column: Option<usize>) -> Box<Place> {
        let name = column
            .zip(self.batch.as_ref())
            .map(|(column, batch)| batch.schema().field(column).name().clone());
        self.place_of(row, name.unwrap_or_else(|| FOLDER.to_owned()))
    }

    /// Refuses a row whose time precedes an earlier row's, inside or outside the range. Skipped rows are
    /// counted only inside the range.
    #[cold]
    fn too_early(&self, row: usize, time: i64, context: &mut ReadContext<'_>) -> Result<(), DataError> {
        if context.settings.on_bad_row == BadRow::Skip {
            let is_lost = (self.range.0..=self.range.1).contains(&time);
            context.counts.skipped += u64::from(is_lost);
            return Ok(());
        }
        let (found, previous) = (TimestampNs(time), TimestampNs(self.last));
        let place = self.place_of(row, self.time_name.clone());
        let error = DataError::Unsorted { place, found, previous };
        context.counts.unsorted += 1;
        let all = context.counts.unsorted > UNSORTED_MAX && 2 * context.counts.unsorted > context.counts.rows;
        if context.settings.on_bad_row == BadRow::Error || all {
            return Err(error);
        }
        let symbol = self.slots.get(row).map(|slot| context.assembler.symbol(*slot).to_owned());
        let (symbol, detail) = (symbol.unwrap_or_default(), error.to_string());
        refuse(context.counts, RefusedRow { time: found, symbol, refusal: Refusal::Unsorted, detail });
        Ok(())
    }

    #[cold]
    fn fault(
        &self,
        fault: Fault,
        row: usize,
        slot: Slot,
        cell: Option<usize>,
        context: &mut ReadContext<'_>,
    ) -> Result<(), DataError> {
        if context.settings.on_bad_row == BadRow::Skip {
            context.counts.skipped += 1;
            return Ok(());
        }
        let error = self.error_of(fault, row, slot, cell, context);
        if context.settings.on_bad_row == BadRow::Error {
            return Err(error);
        }
        let refusal = if fault == Fault::Duplicate { Refusal::Duplicate } else { Refusal::Value };
        let symbol = context.assembler.symbol(slot).to_owned();
        let (time, detail) = (TimestampNs(self.times[row]), error.to_string());
        refuse(context.counts, RefusedRow { time, symbol, refusal, detail });
        Ok(())
    }

    fn error_of(
        &self,
        fault: Fault,
        row: usize,
        slot: Slot,
        cell: Option<usize>,
        context: &ReadContext<'_>,
    ) -> DataError {
        let symbol = context.assembler.symbol(slot).to_owned();
        let time = TimestampNs(self.times[row]);
        let tidy = |field: Option<Field>| match (&self.plan, field) {
            (Plan::Tidy { symbol, .. }, None) => *symbol,
            (Plan::Tidy { columns, .. }, Some(field)) => {
                columns.iter().find(|(known, _)| *known == field).map(|(_, column)| *column)
            }
            (Plan::Wide { .. } | Plan::Levels { .. }, _) => None,
        };
        let (field, found) = match fault {
            Fault::Duplicate => {
                return DataError::Duplicate { place: self.place(row, cell.or(tidy(None))), symbol, time };
            }
            Fault::Renamed => {
                return DataError::Renamed { place: self.place(row, cell.or(tidy(None))), symbol, time };
            }
            Fault::Value { field, found } => (field, found),
        };
        let column = cell.or(tidy(Some(field)));
        let cell = column.zip(self.batch.as_ref()).map(|(column, batch)| text(batch.column(column), row));
        let expected = match (context.settings.values, field) {
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

/// Finds the columns of a layout in the batches, and the symbol of a single-symbol file.
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
            // Registered for the check of the universe's names.
            others.iter().for_each(|symbol| _ = assembler.slot(symbol));
            let columns = symbols.iter().map(|(column, _)| in_batch(*column)).collect();
            let slots = symbols.iter().map(|(_, symbol)| assembler.slot(symbol)).collect();
            (Plan::Wide { columns, slots }, None)
        }
        Layout::Levels { symbols, others, .. } => {
            others.iter().for_each(|symbol| _ = assembler.slot(symbol));
            let (mut columns, mut all) = (Vec::new(), Vec::new());
            for series in symbols {
                let mut fields = Vec::new();
                for (field, column) in &series.columns {
                    fields.push((*field, columns.len()));
                    columns.push(in_batch(*column));
                }
                all.push((assembler.slot(&series.symbol), fields));
            }
            (Plan::Levels { columns, symbols: all }, None)
        }
    }
}
