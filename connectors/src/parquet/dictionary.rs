//! Slots of symbols, looked up once per dictionary instead of once per row.

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef};
use betaflow_engine::assembly::{Assembler, Slot};

/// Slots of the values of a dictionary, kept while batches share its memory.
#[derive(Default)]
pub(super) struct Dictionary {
    /// Values of the dictionary. Holding the array keeps its memory from being reused, so that equal
    /// addresses mean equal content.
    values: Option<ArrayRef>,
    slots: Vec<Slot>,
    /// Whether a value is empty or white space.
    has_empty: bool,
}

impl Dictionary {
    /// Returns the first row whose symbol is empty or white space; requires a preceding look-up.
    pub(super) fn empty_row(&self, symbols: &ArrayRef) -> Option<usize> {
        if !self.has_empty {
            return None;
        }
        let symbols = symbols.as_dictionary::<Int32Type>();
        let values = symbols.values().as_string::<i32>();
        let is_empty = |key: &i32| values.value(key.unsigned_abs() as usize).trim().is_empty();
        symbols.keys().values().iter().position(is_empty)
    }

    /// Appends the slot of each row's symbol to `out`.
    pub(super) fn look_up(&mut self, symbols: &ArrayRef, assembler: &mut Assembler, out: &mut Vec<Slot>) {
        let symbols = symbols.as_dictionary::<Int32Type>();
        let values = symbols.values();
        if !self.values.as_ref().is_some_and(|known| is_same_memory(known, values)) {
            self.slots.clear();
            self.slots
                .extend(values.as_string::<i32>().iter().map(|name| assembler.slot(name.unwrap_or(""))));
            self.has_empty = values.as_string::<i32>().iter().flatten().any(|name| name.trim().is_empty());
            self.values = Some(values.clone());
        }
        // The reader has checked the keys: non-negative and below the length of the dictionary.
        out.extend(symbols.keys().values().iter().map(|key| self.slots[key.unsigned_abs() as usize]));
    }

    /// Appends the slot of each row's symbol, looked up row by row, so that symbols found only in the sealed
    /// period are not registered.
    pub(super) fn look_up_rows(
        &mut self,
        symbols: &ArrayRef,
        assembler: &mut Assembler,
        out: &mut Vec<Slot>,
    ) {
        let symbols = symbols.as_dictionary::<Int32Type>();
        let values = symbols.values().as_string::<i32>();
        self.has_empty = values.iter().flatten().any(|name| name.trim().is_empty());
        let mut slots: Vec<Option<Slot>> = vec![None; values.len()];
        out.extend(symbols.keys().values().iter().map(|key| {
            let key = key.unsigned_abs() as usize;
            *slots[key].get_or_insert_with(|| assembler.slot(values.value(key)))
        }));
    }
}

fn is_same_memory(a: &ArrayRef, b: &ArrayRef) -> bool {
    let (a, b) = (a.as_string::<i32>(), b.as_string::<i32>());
    a.len() == b.len()
        && a.value_offsets().as_ptr() == b.value_offsets().as_ptr()
        && a.value_data().as_ptr() == b.value_data().as_ptr()
}
