//! Reuse of the memory of sent messages.

use std::sync::Arc;

/// Sent messages, reused once all receivers have dropped them.
///
/// The sender keeps a pointer to each message. A message without another pointer is free, so none has to
/// travel back, and a steady state allocates nothing. The bounded channels limit the number of messages.
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
    /// Fills a free message, or a new one, and returns it ready to send.
    pub(crate) fn write<E>(&mut self, fill: impl FnOnce(&mut T) -> Result<(), E>) -> Result<Arc<T>, E> {
        // Search from the oldest message, the likeliest to be free.
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
