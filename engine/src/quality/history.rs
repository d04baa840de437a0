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

/// Last bars of one instrument; the search keys and their hashes are separate columns.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    hashes: Vec<u16>,
    keys: Vec<f64>,
    bars: Vec<Bar>,
    next: usize,
    /// Last bar again: every bar is compared with it, and the bars of a panel do not fit into the caches.
    last: Option<Bar>,
}

impl History {
    /// Adds a bar; `key` is its search key.
    pub(super) fn push(&mut self, bar: Bar, key: f64) {
        if self.bars.len() < WINDOW {
            self.bars.push(bar);
            self.keys.push(key);
            self.hashes.push(hash(key));
        } else {
            self.bars[self.next] = bar;
            self.keys[self.next] = key;
            self.hashes[self.next] = hash(key);
            self.next = (self.next + 1) % WINDOW;
        }
        self.last = Some(bar);
    }

    /// Last bar.
    pub(super) fn last(&self) -> Option<&Bar> {
        self.last.as_ref()
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
        // Few keys have a twin, so a pass over the hashes gives the usual answer.
        let keys = if contains(&self.hashes, hash(key)) { self.keys.as_slice() } else { &[] };
        let same = keys.iter().enumerate().filter(move |(_, other)| **other == key);
        same.map(|(position, _)| self.wrapped(self.next + self.keys.len() - 1 - position))
    }

    /// All bars, in arbitrary order.
    pub(super) fn bars(&self) -> &[Bar] {
        &self.bars
    }
}

/// Hash of a key: the high bits of a product with 2⁶⁴ over the golden ratio. Equal keys have equal hashes.
fn hash(key: f64) -> u16 {
    // Adding 0 gives −0 and 0 the same bits.
    ((key + 0.0).to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as u16
}

kernel!(
    /// Returns true if any of the hashes equals `hash`.
    fn contains(hashes: &[u16], hash: u16) -> bool = contains_body
);

#[inline(always)]
fn contains_body<M: MulAdd>(hashes: &[u16], hash: u16) -> bool {
    hashes.iter().fold(false, |any, other| any | (*other == hash))
}
