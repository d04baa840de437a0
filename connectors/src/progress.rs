//! Progress of a source, for display.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that a source increases and other threads read.
#[derive(Debug, Default)]
pub struct Progress {
    read: AtomicU64,
    passed_over: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// Returns the rows decoded so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Returns the share of the rows already passed, from 0 to 1; footers give the number of rows.
    #[must_use]
    pub fn share(&self) -> f64 {
        let done = self.rows() + self.passed_over.load(Ordering::Relaxed);
        let total = self.total.load(Ordering::Relaxed);
        // Precision above 2^53 rows does not matter for display.
        #[allow(clippy::cast_precision_loss)]
        let share = if total == 0 { 0.0 } else { done as f64 / total as f64 };
        share.min(1.0)
    }

    pub(crate) fn add_total(&self, rows: u64) {
        self.total.fetch_add(rows, Ordering::Relaxed);
    }

    pub(crate) fn add_read(&self, rows: u64) {
        self.read.fetch_add(rows, Ordering::Relaxed);
    }

    pub(crate) fn add_passed_over(&self, rows: u64) {
        self.passed_over.fetch_add(rows, Ordering::Relaxed);
    }
}
