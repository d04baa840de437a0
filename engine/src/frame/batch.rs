//! A list whose elements keep their buffers when it is emptied: several frames in one message.

use std::ops::{Deref, Index};

/// List whose elements keep their buffers when it is emptied.
#[derive(Clone, Debug)]
pub struct Batch<T> {
    items: Vec<T>,
    used: usize,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { items: Vec::new(), used: 0 }
    }
}

impl<T: Default> Batch<T> {
    /// Removes all elements and keeps their memory.
    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// Appends an element and returns it, with the content of its last use.
    pub fn push(&mut self) -> &mut T {
        if self.used == self.items.len() {
            self.items.push(T::default());
        }
        self.used += 1;
        &mut self.items[self.used - 1]
    }

    /// Removes the last element.
    pub fn pop(&mut self) {
        self.used = self.used.saturating_sub(1);
    }
}

impl<T> Deref for Batch<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items[..self.used]
    }
}

impl<T> Index<usize> for Batch<T> {
    type Output = T;

    fn index(&self, position: usize) -> &T {
        &self.items[..self.used][position]
    }
}
