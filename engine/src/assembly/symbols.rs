//! Interned symbols: one lookup per symbol, then an index.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Number of a symbol of the data, in the order of interning. Not the engine order: an instrument joins that
/// at its first price, and never if it is not in the universe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot(pub(super) u32);

impl Slot {
    /// Position in the order of interning.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Names of all slots.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    names: Vec<Arc<str>>,
    by_name: BTreeMap<Arc<str>, Slot>,
}

impl Symbols {
    /// Restores the symbols with these names, in the order of their slots.
    pub(super) fn of(names: &[String]) -> Self {
        let mut symbols = Self::default();
        for name in names {
            symbols.intern(name);
        }
        symbols
    }

    pub(super) fn get(&self, symbol: &str) -> Option<Slot> {
        self.by_name.get(symbol).copied()
    }

    pub(super) fn intern(&mut self, symbol: &str) -> Slot {
        // More than u32::MAX symbols would need 4 billion distinct names in memory.
        #[allow(clippy::cast_possible_truncation)]
        let slot = Slot(self.names.len() as u32);
        let name: Arc<str> = symbol.into();
        self.names.push(Arc::clone(&name));
        self.by_name.insert(name, slot);
        slot
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }

    pub(super) fn name(&self, slot: Slot) -> &Arc<str> {
        &self.names[slot.0 as usize]
    }
}
