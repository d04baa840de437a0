//! Rows of a user's file, held until they are known, and the section in force.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::frame::{CrossSection, Renamed};
use crate::source::{EXAMPLES, QueueFacts};
use crate::time::TimestampNs;

const NOWHERE: u32 = u32::MAX;

/// A second row of an instrument with the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clash;

/// Rows of a file in the order of their times, released on the first frame that knows them.
///
/// The rows of one time are a section, which replaces the earlier section as a whole. Rows of the time in force
/// that become known later are added to it; rows of an earlier time are then too late and are counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Queue {
    columns: usize,
    ids: BTreeMap<String, u32>,
    /// Engine index of each id.
    places: Vec<u32>,
    /// Number of instruments in the engine order.
    listed: usize,
    /// Names in the engine order that no row has had so far.
    waiting: BTreeMap<String, u32>,
    /// Rows by (time from which they are known, their own time).
    pending: BTreeMap<(i64, i64), Rows>,
    /// Time of the section in force.
    of: Option<i64>,
    /// Values in force: column j of id i at `i * columns + j`; NaN if absent.
    values: Vec<f64>,
    /// Latest (time, known from) of each id, to find a second row.
    latest: Vec<(i64, i64)>,
    started: bool,
    facts: QueueFacts,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Rows {
    ids: Vec<u32>,
    values: Vec<f64>,
}

impl Queue {
    /// Returns an empty queue of rows with a number of columns.
    #[must_use]
    pub fn new(columns: usize) -> Self {
        Self { columns, ..Self::default() }
    }

    /// Number of an instrument for [`Self::push`].
    pub fn id(&mut self, symbol: &str) -> u32 {
        if let Some(id) = self.ids.get(symbol) {
            return *id;
        }
        let id = self.places.len() as u32;
        self.places.push(self.waiting.remove(symbol).unwrap_or(NOWHERE));
        self.latest.push((i64::MIN, i64::MIN));
        self.values.resize(self.places.len() * self.columns, f64::NAN);
        self.ids.insert(symbol.to_owned(), id);
        id
    }

    /// Adds a row of the time `of` that is known from `known` on, both in ns; `values` has one number per
    /// column, NaN if absent.
    ///
    /// # Errors
    /// Fails if the instrument has the same row twice.
    pub fn push(&mut self, id: u32, of: i64, known: i64, values: &[f64]) -> Result<(), Clash> {
        if self.latest[id as usize] == (of, known) {
            return Err(Clash);
        }
        self.revise(id, of, known, values);
        Ok(())
    }

    /// Adds a row like [`Self::push`]; it replaces an earlier row of the same instrument and times.
    pub fn revise(&mut self, id: u32, of: i64, known: i64, values: &[f64]) {
        self.latest[id as usize] = (of, known);
        let rows = self.pending.entry((known, of)).or_default();
        rows.ids.push(id);
        rows.values.extend_from_slice(values);
        self.facts.rows += 1;
    }

    /// Time of the section in force.
    #[must_use]
    pub fn in_force(&self) -> Option<TimestampNs> {
        self.of.map(TimestampNs)
    }

    /// Takes the instruments that join the engine order.
    pub fn list(&mut self, listed: &[Arc<str>]) {
        for name in listed {
            let place = self.listed as u32;
            self.listed += 1;
            match self.ids.get(&**name) {
                Some(id) => self.places[*id as usize] = place,
                None => drop(self.waiting.insert(name.to_string(), place)),
            }
        }
    }

    /// Takes the symbol changes of a frame. Rows under the old symbol that act later stay those of the instrument.
    pub fn rename(&mut self, renamed: &[Renamed]) {
        for Renamed { instrument, name } in renamed {
            match self.ids.get(&**name) {
                Some(id) => self.places[*id as usize] = *instrument,
                None => drop(self.waiting.insert(name.to_string(), *instrument)),
            }
        }
    }

    /// Writes the section into `out` if it changes on a frame at `time`. `joined`: true if an instrument joins
    /// the engine order on the frame.
    pub fn release(&mut self, time: TimestampNs, joined: bool, out: &mut CrossSection) {
        let mut changed = false;
        let before = self.of;
        while let Some(entry) = self.pending.first_entry().filter(|entry| entry.key().0 <= time.0) {
            let (_, of) = *entry.key();
            let rows = entry.remove();
            if self.of.is_some_and(|current| of < current) {
                self.facts.late.add(of);
                continue;
            }
            if self.of != Some(of) {
                if let Some(skipped) = self.of.filter(|current| changed && before != Some(*current)) {
                    if self.started {
                        self.facts.replaced.add(skipped);
                    } else {
                        self.facts.before_first += 1;
                    }
                }
                self.values.fill(f64::NAN);
                self.of = Some(of);
            }
            for (id, values) in rows.ids.iter().zip(rows.values.chunks(self.columns)) {
                let at = *id as usize * self.columns;
                self.values[at..at + self.columns].copy_from_slice(values);
            }
            changed = true;
        }
        self.started = true;
        if self.of != before {
            self.facts.sections += 1;
        }
        if let Some(of) = self.of.filter(|_| changed || joined) {
            self.write(of, out);
        }
    }

    fn write(&self, of: i64, out: &mut CrossSection) {
        let n = self.listed;
        out.of = Some(TimestampNs(of));
        out.columns = self.columns;
        out.values.clear();
        out.values.resize(n * self.columns, f64::NAN);
        for (place, values) in self.places.iter().zip(self.values.chunks(self.columns)) {
            // An instrument with a symbol change has two ids; a section has rows of one of them.
            let known = |value: &f64| *place != NOWHERE && !value.is_nan();
            for (column, value) in values.iter().enumerate().filter(|(_, value)| known(value)) {
                out.values[column * n + *place as usize] = *value;
            }
        }
    }

    /// Counts so far; instruments that the data does not have yet count as unmatched.
    #[must_use]
    pub fn facts(&self) -> QueueFacts {
        let unmatched = || self.ids.iter().filter(|(_, id)| self.places[**id as usize] == NOWHERE);
        QueueFacts {
            unmatched: unmatched().count() as u64,
            unmatched_first: unmatched().take(EXAMPLES).map(|(name, _)| name.clone()).collect(),
            instruments: self.ids.len() as u64,
            ..self.facts.clone()
        }
    }
}
