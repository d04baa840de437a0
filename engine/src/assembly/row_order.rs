//! Instruments of the rows of a timestamp, in the order of the rows.
//!
//! Most data repeats that order from timestamp to timestamp. The destinations of a known order are looked up
//! once, and a column of such rows is copied whole.

use super::symbols::Slot;

/// Slots compared at once.
const BLOCK: usize = 16;

/// Order of rows, each of another instrument, and the destinations of their numbers.
#[derive(Debug, Default)]
pub(super) struct RowOrder {
    slots: Vec<Slot>,
    /// Position of each row in a column of the frame; [`NO_COLUMN`] for rows that have none.
    positions: Vec<u32>,
    /// Position of the first row, if the others follow it one by one.
    start: Option<usize>,
    /// Rows that have effects besides numbers in columns.
    special: Vec<usize>,
}

/// Position of a row without a column.
pub(super) const NO_COLUMN: u32 = u32::MAX;

impl RowOrder {
    /// Returns true if the rows are those of `slots`.
    pub(super) fn is_of(&self, slots: &[Slot]) -> bool {
        let is_same = |(a, b): (&[Slot], &[Slot])| a.iter().zip(b).fold(true, |same, (a, b)| same & (a == b));
        self.slots.len() == slots.len() && self.slots.chunks(BLOCK).zip(slots.chunks(BLOCK)).all(is_same)
    }

    /// Replaces the order. `row` returns the position of an instrument's row, and true if the row is special.
    pub(super) fn replace(&mut self, slots: &[Slot], mut row: impl FnMut(Slot) -> (u32, bool)) {
        self.clear();
        for (at, slot) in slots.iter().enumerate() {
            let (position, is_special) = row(*slot);
            self.positions.push(position);
            if is_special {
                self.special.push(at);
            }
        }
        self.slots.extend_from_slice(slots);
        let first = self.positions.first().copied().filter(|first| *first != NO_COLUMN);
        let follows = |pair: &[u32]| pair[1] == pair[0].wrapping_add(1);
        self.start = first.filter(|_| self.positions.windows(2).all(follows)).map(|first| first as usize);
    }

    /// Forgets the order.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.positions.clear();
        self.special.clear();
        self.start = None;
    }

    /// Slots of the rows.
    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Special rows.
    pub(super) fn special(&self) -> &[usize] {
        &self.special
    }

    /// Writes the numbers of the rows into a column.
    pub(super) fn write(&self, numbers: &[f64], column: &mut [f64]) {
        match self.start.and_then(|start| column.get_mut(start..start + numbers.len())) {
            Some(cells) => cells.copy_from_slice(numbers),
            None => self.write_if(numbers, column, |_| true),
        }
    }

    /// Writes the numbers of the rows that `wants` into a column.
    pub(super) fn write_if(&self, numbers: &[f64], column: &mut [f64], wants: impl Fn(usize) -> bool) {
        for (row, (position, number)) in self.positions.iter().zip(numbers).enumerate() {
            if let Some(cell) = column.get_mut(*position as usize).filter(|_| wants(row)) {
                *cell = *number;
            }
        }
    }

    /// Returns true if a row with a column satisfies `has`.
    pub(super) fn any(&self, has: impl Fn(usize) -> bool) -> bool {
        self.positions.iter().enumerate().any(|(row, position)| *position != NO_COLUMN && has(row))
    }
}
