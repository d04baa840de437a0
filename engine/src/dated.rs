//! Values of instruments that hold from a date on: groups, membership, fees, bounds.
//!
//! A value is in force on the frames of its date and of later dates, until the next value of the same symbol. No row of
//! a later date changes what a frame sees.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Date of values that are in force from the beginning.
pub const FROM_BEGINNING: i64 = i64::MIN;

/// Second row of a symbol with the same date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondRow {
    /// The symbol.
    pub symbol: String,
    /// The date, in days since 1970; [`FROM_BEGINNING`] without one.
    pub date: i64,
}

/// Values by symbol and date.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatedValues<V> {
    /// Dates in days since 1970, increasing, and the value from each on.
    by_symbol: BTreeMap<Arc<str>, Vec<(i64, V)>>,
}

impl<V> DatedValues<V> {
    /// Values of rows (symbol, date, value), in any order. Dates are in days since 1970, or [`FROM_BEGINNING`].
    ///
    /// # Errors
    /// A symbol has two rows of one date. `rows` are read in order, and the error names the later one.
    pub fn new<S: AsRef<str>>(rows: impl IntoIterator<Item = (S, i64, V)>) -> Result<Self, SecondRow> {
        let mut by_symbol: BTreeMap<Arc<str>, Vec<(i64, V)>> = BTreeMap::new();
        for (symbol, date, value) in rows {
            let symbol = symbol.as_ref();
            let second = || SecondRow { symbol: symbol.to_owned(), date };
            let Some(values) = by_symbol.get_mut(symbol) else {
                by_symbol.insert(Arc::from(symbol), vec![(date, value)]);
                continue;
            };
            let at = values.partition_point(|(known, _)| *known < date);
            if values.get(at).is_some_and(|(known, _)| *known == date) {
                return Err(second());
            }
            values.insert(at, (date, value));
        }
        Ok(Self { by_symbol })
    }

    /// Returns true without any row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_symbol.is_empty()
    }

    /// Symbols in alphabetical order.
    pub fn symbols(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_symbol.keys()
    }

    /// Rows of a symbol in the order of their dates; empty without one.
    #[must_use]
    pub fn rows_of(&self, symbol: &str) -> &[(i64, V)] {
        self.by_symbol.get(symbol).map_or(&[], Vec::as_slice)
    }

    /// Value in force on a date.
    #[must_use]
    pub fn on(&self, symbol: &str, date: i64) -> Option<&V> {
        let rows = self.rows_of(symbol);
        let later = rows.partition_point(|(from, _)| *from <= date);
        later.checked_sub(1).map(|at| &rows[at].1)
    }
}

impl<V: Serialize> DatedValues<V> {
    /// SHA-256 of the rows up to a date, included. Equal digests mean equal values on all frames up to that date.
    ///
    /// # Panics
    /// Never: values are numbers, text and options of them.
    #[must_use]
    pub fn digest_until(&self, date: i64) -> [u8; 32] {
        let mut digest = Sha256::new();
        for (symbol, rows) in &self.by_symbol {
            let rows: Vec<&(i64, V)> = rows.iter().take_while(|(from, _)| *from <= date).collect();
            if rows.is_empty() {
                continue;
            }
            let bytes = postcard::to_allocvec(&(&**symbol, rows)).unwrap_or_default();
            digest.update((bytes.len() as u64).to_le_bytes());
            digest.update(bytes);
        }
        digest.finalize().into()
    }

    /// SHA-256 of all rows.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest_until(i64::MAX)
    }
}

/// Values in force on a frame, in engine order.
///
/// Its content is a function of the table, the date and the instruments, so that no state is saved. A frame on which
/// nothing changes costs O(1).
#[derive(Clone, Debug, Default)]
pub struct InForce<V> {
    table: Arc<DatedValues<V>>,
    values: Vec<Option<V>>,
    /// Date of the frame; `None` before the first.
    date: Option<i64>,
    /// First date on which a value changes.
    next: i64,
    /// Address of the names of the last frame: a symbol change moves them.
    names_at: usize,
}

impl<V: Clone + PartialEq> InForce<V> {
    /// Returns the values before the first frame.
    #[must_use]
    pub fn new(table: Arc<DatedValues<V>>) -> Self {
        Self { table, values: Vec::new(), date: None, next: i64::MIN, names_at: 0 }
    }

    /// Moves to a frame of a date, whose instruments have these names in engine order. Dates do not decrease. Returns
    /// true if the value of any instrument differs from that of the preceding frame, or an instrument has joined. After a
    /// symbol change, the rows of the new symbol are in force ([`InstrumentNames::take`](crate::names::InstrumentNames::take)).
    pub fn advance(&mut self, date: i64, names: &[Arc<str>]) -> bool {
        let joined = names.len() != self.values.len();
        let renamed = self.names_at != names.as_ptr().addr();
        self.names_at = names.as_ptr().addr();
        if !joined && !renamed && self.date.is_some() && date < self.next {
            self.date = Some(date);
            return false;
        }
        let mut changed = joined;
        self.values.resize(names.len(), None);
        self.next = i64::MAX;
        for (value, name) in self.values.iter_mut().zip(names) {
            let rows = self.table.rows_of(name);
            let later = rows.partition_point(|(from, _)| *from <= date);
            let current = later.checked_sub(1).map(|at| &rows[at].1);
            if value.as_ref() != current {
                changed = true;
                *value = current.cloned();
            }
            if let Some((from, _)) = rows.get(later) {
                self.next = self.next.min(*from);
            }
        }
        self.date = Some(date);
        changed
    }

    /// Values in engine order; `None` for an instrument without a value in force.
    #[must_use]
    pub fn values(&self) -> &[Option<V>] {
        &self.values
    }

    /// Value of an instrument; `None` without one in force.
    #[must_use]
    pub fn of(&self, instrument: usize) -> Option<&V> {
        self.values.get(instrument).and_then(Option::as_ref)
    }

    /// Table of all values.
    #[must_use]
    pub fn table(&self) -> &Arc<DatedValues<V>> {
        &self.table
    }
}
