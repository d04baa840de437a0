//! Assembly of frames from the rows of successive timestamps.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::basket::Basket;
use super::benchmark::BenchmarkPrice;
use super::renaming::{self, Renaming};
use super::row_order::{NO_COLUMN, RowOrder};
use super::symbols::Symbols;
use super::{AssemblyError, Fault, FrameColumn, Outcome, Rules, Slot, Universe, UnmatchedName, Values};
use crate::frame::Bar;
use crate::frame::Field;
use crate::frame::Frame;
use crate::source::DataFacts;
use crate::state::{StateError, restore_under, save_under};
use crate::time::{Date, TimestampNs};

/// Destination of a row's values: an index into the engine order, or one of the constants below.
pub(super) type Target = u32;
const IGNORED: Target = u32::MAX;
const UNLISTED: Target = u32::MAX - 1;
/// Instrument of a factor expression; its entry is in `constituents`.
const CONSTITUENT: Target = u32::MAX - 2;
/// Instrument that is only the benchmark: it makes no frame.
const BENCHMARK: Target = u32::MAX - 3;
/// Symbol that another one has replaced.
pub(super) const GONE: Target = u32::MAX - 4;

/// Returns true for an index into the engine order.
pub(super) const fn is_column(target: Target) -> bool {
    target < GONE
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Tick of the last timestamp at which the instrument had a row.
    seen: u64,
    pub(super) target: Target,
    /// True if the data has the symbol; false if only a symbol change names it so far.
    in_data: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Constituent {
    slot: Slot,
    position: usize,
    /// Destination among the columns; never `CONSTITUENT`.
    target: Target,
}

/// Assembles the rows of successive timestamps into frames.
#[derive(Debug)]
pub struct Assembler {
    pub(super) rules: Rules,
    /// Universe of the rules, by all symbols of an instrument.
    universe: Universe,
    factor_names: Vec<String>,
    constituent_names: BTreeSet<String>,
    constituents: Vec<Constituent>,
    basket: Basket,
    benchmark: BenchmarkPrice,
    pub(super) symbols: Symbols,
    pub(super) entries: Vec<Entry>,
    pub(super) renaming: Renaming,
    /// Error of a symbol change, for the end of the timestamp.
    pub(super) failure: Option<AssemblyError>,
    /// Rows of instruments that are not yet in the engine order.
    unlisted: Vec<(Slot, Bar)>,
    /// Order of the rows last taken at once.
    pub(super) order: RowOrder,
    /// True if the timestamp has a row so far.
    has_rows: bool,
    /// True if rows were taken at once, and `Entry::seen` of their instruments is not set.
    unmarked: bool,
    /// Index of each instrument of the engine order, where the data states returns.
    index: Vec<f64>,
    instruments: usize,
    floor: f64,
    tick: u64,
    priced: bool,
    timestamp: TimestampNs,
    next_seq: u64,
}

/// Name used in error messages.
const STATE: &str = "assembler";

/// Level of a return index before the first return.
const INDEX_START: f64 = 100.0;

impl Assembler {
    /// Returns an assembler before the first row.
    ///
    /// # Errors
    /// Fails if the rules contradict each other.
    pub fn new(rules: Rules) -> Result<Self, AssemblyError> {
        rules.universe.check()?;
        let factor_names: Vec<String> = rules.factors.iter().map(|(name, _)| name.clone()).collect();
        for (i, name) in factor_names.iter().enumerate() {
            if factor_names[..i].contains(name) {
                return Err(AssemblyError::FactorTwice(name.clone()));
            }
        }
        let terms = rules.factors.iter().flat_map(|(_, expression)| expression.terms());
        let constituent_names: BTreeSet<String> = terms.map(|(_, symbol)| symbol.clone()).collect();
        renaming::check(&rules, &constituent_names)?;
        Ok(Self {
            constituent_names,
            universe: rules.renames.widen(&rules.universe),
            renaming: Renaming::default(),
            failure: None,
            basket: Basket::new(&rules.factors, rules.values, rules.factor_gap),
            benchmark: BenchmarkPrice::default(),
            floor: rules.values.floor(),
            rules,
            factor_names,
            constituents: Vec::new(),
            symbols: Symbols::default(),
            entries: Vec::new(),
            unlisted: Vec::new(),
            order: RowOrder::default(),
            has_rows: false,
            unmarked: false,
            index: Vec::new(),
            instruments: 0,
            tick: 0,
            priced: false,
            timestamp: TimestampNs::default(),
            next_seq: 0,
        })
    }

    /// Sets the columns that frames have besides the close, once the columns of the data are known.
    ///
    /// # Errors
    /// Fails for a checked column if the data states returns.
    pub fn set_fields(&mut self, fields: Vec<FrameColumn>) -> Result<(), AssemblyError> {
        self.rules.fields = fields;
        match self.rules.fields.iter().find(|column| column.checked && self.rules.values.are_returns()) {
            Some(column) => Err(AssemblyError::PricesOfReturns(column.field)),
            None => Ok(()),
        }
    }

    /// Names of the factors made of instruments, in the order of [`Frame::factors`].
    #[must_use]
    pub fn factor_names(&self) -> &[String] {
        &self.factor_names
    }

    /// Number of instruments in the engine order.
    #[must_use]
    pub fn instruments(&self) -> usize {
        self.instruments
    }

    /// Returns true if rows of `symbol` are needed, as a column, for a factor or for the benchmark.
    #[must_use]
    pub fn wants(&self, symbol: &str) -> bool {
        self.constituent_names.contains(symbol) || self.is_benchmark(symbol) || self.trades(symbol)
    }

    fn is_benchmark(&self, symbol: &str) -> bool {
        self.rules.benchmark.as_deref() == Some(symbol)
    }

    /// Returns true if `symbol` becomes a column once it has a price.
    fn trades(&self, symbol: &str) -> bool {
        self.universe.trades(symbol, &self.constituent_names)
    }

    /// Slot of a symbol. The lookup is slow: call once per symbol and keep the slot.
    pub fn slot(&mut self, symbol: &str) -> Slot {
        let slot = self.place(symbol);
        self.entries[slot.index()].in_data = true;
        slot
    }

    /// Slot of a symbol that a row or a symbol change names.
    pub(super) fn place(&mut self, symbol: &str) -> Slot {
        if let Some(slot) = self.symbols.get(symbol) {
            return slot;
        }
        let slot = self.symbols.intern(symbol);
        let is_benchmark = self.is_benchmark(symbol);
        let mut target = match self.trades(symbol) {
            true if self.rules.renames.is_gone(self.renaming.applied, symbol) => GONE,
            true => UNLISTED,
            false if is_benchmark => BENCHMARK,
            false => IGNORED,
        };
        if is_benchmark {
            self.benchmark.slot = Some(slot);
        }
        if let Some(position) = self.basket.position(symbol) {
            self.constituents.push(Constituent { slot, position, target });
            target = CONSTITUENT;
        }
        self.entries.push(Entry { seen: 0, target, in_data: false });
        slot
    }

    /// The symbol of a slot.
    #[must_use]
    pub fn symbol(&self, slot: Slot) -> &str {
        self.symbols.name(slot)
    }

    /// All symbols that have a slot.
    pub fn symbols(&self) -> impl Iterator<Item = &str> {
        self.symbols.names()
    }

    /// Starts the rows of a timestamp: clears `frame` and resizes it to all instruments so far.
    pub fn begin(&mut self, timestamp: TimestampNs, frame: &mut Frame) {
        self.rename_until(timestamp);
        frame.clear();
        frame.timestamp = timestamp;
        frame.utc_offset = self.rules.zone.offset(timestamp);
        frame.close.resize(self.instruments, f64::NAN);
        for column in &self.rules.fields {
            frame.column_mut(column.field).resize(self.instruments, f64::NAN);
        }
        self.unlisted.clear();
        self.basket.reset();
        self.tick += 1;
        (self.has_rows, self.unmarked) = (false, false);
        self.priced = false;
        self.timestamp = timestamp;
    }

    /// Takes one row of the timestamp. Rows of instruments outside the universe are not checked.
    ///
    /// # Errors
    /// Fails if the row is a duplicate or has a value that is neither null nor valid; the state is then
    /// unchanged.
    #[inline]
    pub fn put(&mut self, frame: &mut Frame, slot: Slot, bar: &Bar) -> Result<(), Fault> {
        if self.unmarked {
            self.mark();
        }
        self.has_rows = true;
        let entry = &mut self.entries[slot.0 as usize];
        if entry.target == IGNORED {
            return Ok(());
        }
        if entry.seen == self.tick {
            return Err(Fault::Duplicate);
        }
        if entry.target == GONE && !bar[Field::Close].is_nan() {
            return Err(Fault::Renamed);
        }
        if let Some(fault) = self.rules.fault_in(self.floor, bar) {
            return Err(fault);
        }
        entry.seen = self.tick;
        self.take(frame, slot, bar);
        Ok(())
    }

    /// Takes all rows of the timestamp at once, each of another instrument: the closes of the rows, and the
    /// columns of other fields. Returns false, and takes none, if the timestamp has other rows, several of an
    /// instrument, or one that is not valid: [`Assembler::put`] takes these one by one.
    pub fn put_all<'a>(
        &mut self,
        frame: &mut Frame,
        slots: &[Slot],
        closes: &[f64],
        others: impl Iterator<Item = (Field, &'a [f64])> + Clone,
    ) -> bool {
        if self.has_rows || !self.rules.are_valid(self.floor, closes, others.clone()) {
            return false;
        }
        if !self.order.is_of(slots) && !self.learn(slots) {
            return false;
        }
        let Self { order, entries, .. } = self;
        if order
            .special()
            .iter()
            .any(|row| entries[slots[*row].index()].target == GONE && !closes[*row].is_nan())
        {
            // `learn` has marked the rows, and `put` would take them for duplicates.
            slots.iter().for_each(|slot| entries[slot.index()].seen = 0);
            return false;
        }
        (self.has_rows, self.unmarked) = (true, true);
        self.order.write(closes, &mut frame.close);
        self.priced |= self.order.any(|row| !closes[row].is_nan());
        let all_traded = !closes.iter().fold(false, |missing, close| missing | close.is_nan());
        for column in &self.rules.fields {
            let Some((field, numbers)) = others.clone().find(|(field, _)| *field == column.field) else {
                continue;
            };
            if field.outlives_trading() {
                self.order.write(numbers, frame.column_mut(field));
                let acts = matches!(field, Field::Dividend | Field::Split);
                self.priced = self.priced || (acts && self.order.any(|row| numbers[row] > 0.0));
            } else if all_traded {
                self.order.write(numbers, frame.column_mut(field));
            } else {
                self.order.write_if(numbers, frame.column_mut(field), |row| !closes[row].is_nan());
            }
        }
        for at in 0..self.order.special().len() {
            let row = self.order.special()[at];
            let mut bar = Bar::of_close(closes[row]);
            others.clone().for_each(|(field, numbers)| bar[field] = numbers[row]);
            self.take(frame, slots[row], &bar);
        }
        true
    }

    /// Looks up the destinations of the instruments; returns false if one of them has several rows.
    fn learn(&mut self, slots: &[Slot]) -> bool {
        let Self { entries, order, tick, benchmark, .. } = self;
        for (at, slot) in slots.iter().enumerate() {
            let entry = &mut entries[slot.0 as usize];
            if entry.seen == *tick {
                slots[..at].iter().for_each(|slot| entries[slot.0 as usize].seen = 0);
                return false;
            }
            entry.seen = *tick;
        }
        order.replace(slots, |slot| match entries[slot.0 as usize].target {
            IGNORED => (NO_COLUMN, false),
            UNLISTED | CONSTITUENT | BENCHMARK | GONE => (NO_COLUMN, true),
            target => (target, benchmark.slot == Some(slot)),
        });
        true
    }

    /// Marks the instruments whose rows were taken at once, before a row that may be a duplicate.
    #[cold]
    fn mark(&mut self) {
        self.order.slots().iter().for_each(|slot| self.entries[slot.0 as usize].seen = self.tick);
        self.unmarked = false;
    }

    /// Takes a row that is valid and the first of its instrument.
    #[inline]
    fn take(&mut self, frame: &mut Frame, slot: Slot, bar: &Bar) {
        let target = self.entries[slot.0 as usize].target;
        if self.benchmark.slot == Some(slot) {
            self.benchmark.observe(bar, &self.rules);
        }
        if bar[Field::Close].is_nan() {
            self.put_without_trade(frame, target, bar);
        } else if let Some(close) = frame.close.get_mut(target as usize) {
            *close = bar[Field::Close];
            self.write(frame, target, bar);
            self.priced = true;
        } else {
            self.put_elsewhere(frame, slot, target, bar);
        }
    }

    /// Checks the values of one row of a timestamp as [`Assembler::put`] does, without taking the row.
    ///
    /// # Errors
    /// Fails if a value is neither null nor valid, or a return takes its index out of the range of numbers.
    pub fn check(&self, timestamp: TimestampNs, symbol: &str, bar: &Bar) -> Result<(), Fault> {
        let is_gone = || self.rules.renames.is_gone_on(Date::of(self.rules.zone.local(timestamp)), symbol);
        if !bar[Field::Close].is_nan() && self.wants(symbol) && is_gone() {
            return Err(Fault::Renamed);
        }
        let fault = self.rules.fault_in(self.floor, bar).or_else(|| self.index_fault(symbol, bar));
        match fault.filter(|_| self.wants(symbol)) {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    /// Returns the fault of a return after which the index is not a positive finite number.
    fn index_fault(&self, symbol: &str, bar: &Bar) -> Option<Fault> {
        let found = bar[Field::Close];
        if self.rules.values != Values::Returns || found.is_nan() {
            return None;
        }
        let target = self.symbols.get(symbol).map(|slot| self.entries[slot.0 as usize].target);
        let index = target.and_then(|target| self.index.get(target as usize)).unwrap_or(&INDEX_START);
        let after = index * (1.0 + found);
        let out_of_range = !(after > 0.0 && after < f64::INFINITY);
        out_of_range.then_some(Fault::Value { field: Field::Close, found })
    }

    /// Writes the columns other than the close.
    #[inline]
    fn write(&self, frame: &mut Frame, target: Target, bar: &Bar) {
        for column in &self.rules.fields {
            frame.column_mut(column.field)[target as usize] = bar[column.field];
        }
    }

    /// Writes the quote, dividend or split of an instrument that is listed but did not trade. A dividend or
    /// split without a trade still gives the timestamp a frame.
    #[cold]
    fn put_without_trade(&mut self, frame: &mut Frame, target: Target, bar: &Bar) {
        for column in self.rules.fields.iter().filter(|column| column.field.outlives_trading()) {
            if let Some(cell) = frame.column_mut(column.field).get_mut(target as usize) {
                *cell = bar[column.field];
                let acts = matches!(column.field, Field::Dividend | Field::Split) && *cell > 0.0;
                self.priced |= acts;
            }
        }
    }

    #[cold]
    fn put_elsewhere(&mut self, frame: &mut Frame, slot: Slot, mut target: Target, bar: &Bar) {
        self.priced |= target != BENCHMARK;
        if target == CONSTITUENT
            && let Some(constituent) = self.constituents.iter().find(|constituent| constituent.slot == slot)
        {
            let field = if self.rules.has(Field::ReturnPrice) { Field::ReturnPrice } else { Field::Close };
            let price = bar[field];
            self.basket.set(constituent.position, price);
            target = constituent.target;
        }
        if target == UNLISTED {
            self.unlisted.push((slot, *bar));
        } else if let Some(close) = frame.close.get_mut(target as usize) {
            *close = bar[Field::Close];
            self.write(frame, target, bar);
        }
    }

    /// Ends the timestamp of a source whose factors have rows of their own. `join` writes the factors into
    /// `frame` and returns false if the frame is to be left out; it is not called for a timestamp without
    /// prices. `facts` counts the frame; `located` adds the place in the data to an error.
    ///
    /// # Errors
    /// Errors of `join` and of [`Assembler::finish`].
    pub fn finish_joined<E>(
        &mut self,
        frame: &mut Frame,
        facts: &mut DataFacts,
        join: impl FnOnce(&mut Frame) -> Result<bool, E>,
        located: impl FnOnce(AssemblyError) -> E,
    ) -> Result<Outcome, E> {
        if !self.priced {
            return Ok(Outcome::Empty);
        }
        let outcome = match join(frame)? {
            true => self.finish(frame),
            // A frame left out lists no instrument and updates no index.
            false => self.basket.close(self.timestamp, &mut frame.factors).map(|_| Outcome::LeftOut),
        };
        let outcome = outcome.map_err(located)?;
        match outcome {
            Outcome::Emitted => {
                facts.frames += 1;
                facts.first.get_or_insert(self.timestamp);
                facts.last = Some(self.timestamp);
            }
            Outcome::LeftOut => facts.left_out += 1,
            Outcome::Empty => {}
        }
        Ok(outcome)
    }

    /// Ends the timestamp: completes `frame`, and numbers it if it is emitted.
    ///
    /// # Errors
    /// Fails on a gap in the prices of a factor's instrument, or an index beyond the range of numbers.
    pub fn finish(&mut self, frame: &mut Frame) -> Result<Outcome, AssemblyError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if !self.priced {
            return Ok(Outcome::Empty);
        }
        if !self.basket.close(self.timestamp, &mut frame.factors)? {
            return Ok(Outcome::LeftOut);
        }
        self.list(frame);
        self.write_renames(frame);
        match self.rules.values {
            Values::Prices => {}
            Values::Returns => self.cumulate(frame)?,
            Values::ReturnsOfAnySize => frame.returns.clone_from(&frame.close),
        }
        frame.benchmark = self.benchmark.close();
        frame.seq = self.next_seq;
        self.next_seq += 1;
        Ok(Outcome::Emitted)
    }

    /// Appends the instruments with a first price to the engine order, sorted by the bytes of the symbol.
    fn list(&mut self, frame: &mut Frame) {
        if self.unlisted.is_empty() {
            return;
        }
        let mut unlisted = std::mem::take(&mut self.unlisted);
        unlisted.sort_unstable_by(|(a, _), (b, _)| self.symbols.name(*a).cmp(self.symbols.name(*b)));
        for &(slot, bar) in &unlisted {
            // Fits: there are no more instruments than slots, and a slot is a u32.
            #[allow(clippy::cast_possible_truncation)]
            let target = self.instruments as Target;
            self.instruments += 1;
            match self.constituents.iter_mut().find(|constituent| constituent.slot == slot) {
                Some(constituent) => constituent.target = target,
                None => self.entries[slot.0 as usize].target = target,
            }
            self.watch(slot, target);
            frame.listed.push(self.symbols.name(slot).clone());
            frame.close.push(bar[Field::Close]);
            for column in &self.rules.fields {
                frame.column_mut(column.field).push(bar[column.field]);
            }
        }
        unlisted.clear();
        self.unlisted = unlisted;
        self.order.clear();
    }

    /// Copies the stated returns to `returns` and compounds them into the index, the traded price.
    fn cumulate(&mut self, frame: &mut Frame) -> Result<(), AssemblyError> {
        self.index.resize(self.instruments, INDEX_START);
        frame.returns.clone_from(&frame.close);
        for (i, (index, close)) in self.index.iter_mut().zip(&mut frame.close).enumerate() {
            if close.is_nan() {
                continue;
            }
            *index *= 1.0 + *close;
            *close = *index;
            if !(*index > 0.0 && *index < f64::INFINITY) {
                let instrument = self.name_of(i);
                let found = frame.close[i];
                return Err(AssemblyError::IndexOutOfRange { instrument, timestamp: self.timestamp, found });
            }
        }
        Ok(())
    }

    /// Symbol at a position of the engine order. Slow: for messages only.
    fn name_of(&self, position: usize) -> String {
        let by_entry = self.entries.iter().position(|entry| entry.target as usize == position);
        let slot = by_entry.and_then(|slot| u32::try_from(slot).ok()).map(Slot);
        let constituent = self.constituents.iter().find(|c| c.target as usize == position).map(|c| c.slot);
        slot.or(constituent).map(|slot| self.symbol(slot).to_owned()).unwrap_or_default()
    }

    /// Saves the state between two timestamps.
    ///
    /// # Errors
    /// Fails if the state cannot be encoded; no such case is known.
    pub fn save(&self) -> Result<Vec<u8>, StateError> {
        let Self { entries, constituents, basket, benchmark, index, renaming, .. } = self;
        let Self { instruments, tick, timestamp, next_seq, .. } = self;
        let symbols: Vec<&str> = self.symbols.names().collect();
        let counts = (instruments, tick, timestamp, next_seq);
        let prices = (basket, benchmark, index, renaming);
        save_under(STATE, &self.rules, &(symbols, entries, constituents, prices, counts))
    }

    /// Restores a saved state: frames continue with the next number, and slots are those of the saved symbols.
    ///
    /// # Errors
    /// Fails if the bytes are not the state of an assembler with the same rules.
    pub fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        let (symbols, entries, constituents, prices, counts): (Vec<String>, _, _, _, _) =
            restore_under(STATE, &self.rules, state)?;
        self.symbols = Symbols::of(&symbols);
        (self.entries, self.constituents) = (entries, constituents);
        (self.basket, self.benchmark, self.index, self.renaming) = prices;
        (self.instruments, self.tick, self.timestamp, self.next_seq) = counts;
        self.unlisted.clear();
        self.order.clear();
        self.priced = false;
        Ok(())
    }

    /// Makes the checks that need the end of the data.
    ///
    /// # Errors
    /// Fails if the factor expressions never had a value.
    pub fn check_end(&self) -> Result<(), AssemblyError> {
        self.basket.check_end()
    }

    /// First of the trailing frames that are left out because an instrument of a factor has no price any
    /// more, and that instrument.
    #[must_use]
    pub fn withheld(&self) -> Option<(TimestampNs, &str)> {
        self.basket.withheld().map(|(timestamp, instrument)| (*timestamp, instrument.as_str()))
    }

    /// Instrument of the benchmark if no row so far had a price of it.
    #[must_use]
    pub fn unpriced_benchmark(&self) -> Option<&str> {
        self.rules.benchmark.as_deref().filter(|_| !self.benchmark.has_price())
    }

    /// Names in the rules of the universe that no row so far had.
    #[must_use]
    pub fn unseen(&self) -> Vec<UnmatchedName> {
        self.rules.universe.unseen(|symbol| self.is_in_data(symbol))
    }

    /// Returns true if the data has the symbol.
    pub(super) fn is_in_data(&self, symbol: &str) -> bool {
        self.symbols.get(symbol).is_some_and(|slot| self.entries[slot.index()].in_data)
    }
}
