//! Several frames in one message, and messages whose memory is used again.

use std::ops::{Deref, Index};
use std::sync::Arc;

/// A list whose elements keep their buffers when it is emptied.
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
    /// Forgets the elements and keeps their memory.
    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// The next element, in whatever state it was left.
    pub fn push(&mut self) -> &mut T {
        if self.used == self.items.len() {
            self.items.push(T::default());
        }
        self.used += 1;
        &mut self.items[self.used - 1]
    }

    /// Takes the last element back.
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

/// Messages that have been sent and will be written again once all receivers have dropped them.
///
/// The sender keeps a pointer to each. One that nobody else holds is free, so nothing has to travel
/// back, and a steady state allocates nothing. The bounded channels bound how many there are.
#[derive(Debug)]
pub(crate) struct Recycler<T> {
    ring: Vec<Arc<T>>,
    next: usize,
}

impl<T> Default for Recycler<T> {
    fn default() -> Self {
        Self { ring: Vec::new(), next: 0 }
    }
}

impl<T: Default> Recycler<T> {
    /// Writes a free message, or a new one, and returns it ready to send.
    pub(crate) fn write<E>(&mut self, fill: impl FnOnce(&mut T) -> Result<(), E>) -> Result<Arc<T>, E> {
        // The oldest is the likeliest to be free: look from there.
        for _ in 0..self.ring.len() {
            let at = self.next;
            self.next = (self.next + 1) % self.ring.len();
            if let Some(free) = Arc::get_mut(&mut self.ring[at]) {
                fill(free)?;
                return Ok(Arc::clone(&self.ring[at]));
            }
        }
        let mut message = T::default();
        fill(&mut message)?;
        let message = Arc::new(message);
        self.ring.insert(self.next, Arc::clone(&message));
        self.next = (self.next + 1) % self.ring.len();
        Ok(message)
    }
}
