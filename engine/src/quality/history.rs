//! Last bars of one instrument.

use crate::processor::{MulAdd, kernel};
use crate::time::TimestampNs;

/// Number of bars kept: a year of daily bars.
pub(super) const WINDOW: usize = 260;

/// One bar; NaN is null. Values that are not prices are kept unchanged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bar {
    pub(super) time: TimestampNs,
    pub(super) open: f64,
    pub(super) high: f64,
    pub(super) low: f64,
    pub(super) close: f64,
    pub(super) volume: f64,
}

/// Last bars of one instrument; the search keys are a separate column.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    keys: Vec<f64>,
    bars: Vec<Bar>,
    next: usize,
}

impl History {
    /// Adds a bar; `key` is its search key.
    pub(super) fn push(&mut self, bar: Bar, key: f64) {
        if self.bars.len() < WINDOW {
            self.bars.push(bar);
            self.keys.push(key);
        } else {
            self.bars[self.next] = bar;
            self.keys[self.next] = key;
            self.next = (self.next + 1) % WINDOW;
        }
    }

    /// The bar `age` bars before the last one.
    pub(super) fn back(&self, age: usize) -> Option<&Bar> {
        let len = self.bars.len();
        (age < len).then(|| &self.bars[self.wrapped(self.next + len - 1 - age)])
    }

    /// Position below the number of bars, of a sum below twice that number; a division takes longer.
    fn wrapped(&self, position: usize) -> usize {
        let len = self.bars.len();
        if position < len { position } else { position - len }
    }

    /// Ages of the bars with this key.
    pub(super) fn with_key(&self, key: f64) -> impl Iterator<Item = usize> {
        // Almost no bar has a twin, so the usual answer comes from one pass over registers.
        let keys = if contains(&self.keys, key) { self.keys.as_slice() } else { &[] };
        let same = keys.iter().enumerate().filter(move |(_, other)| **other == key);
        same.map(|(position, _)| self.wrapped(self.next + self.keys.len() - 1 - position))
    }

    /// All bars, in arbitrary order.
    pub(super) fn bars(&self) -> &[Bar] {
        &self.bars
    }
}

kernel!(
    /// Returns true if any of the keys equals `key`.
    fn contains(keys: &[f64], key: f64) -> bool = contains_body
);

#[inline(always)]
fn contains_body<M: MulAdd>(keys: &[f64], key: f64) -> bool {
    keys.iter().fold(false, |any, other| any | (*other == key))
}
