//! Progress of a call, readable from any thread, and the request to end it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Progress of a call.
#[derive(Debug, Default)]
pub struct CallProgress {
    done: AtomicU64,
    total: AtomicU64,
    is_interrupted: AtomicBool,
}

impl CallProgress {
    /// Returns the amount of work done, and its total; both are 0 until the total is known. The unit differs
    /// between commands: rows for one run, frames of all scenarios for a study.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }

    /// Asks the command to end: its next frame is an error, and no partial folder remains.
    pub fn interrupt(&self) {
        self.is_interrupted.store(true, Ordering::Relaxed);
    }

    /// Returns true after [`Self::interrupt`].
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.is_interrupted.load(Ordering::Relaxed)
    }

    /// Sets the amounts.
    pub(crate) fn set(&self, done: u64, total: u64) {
        self.done.store(done, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }
}
