//! When a run is to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;

/// Asked to stop by a signal or by the clock; a clone is of the same wish.
#[derive(Clone)]
pub(super) struct Stop {
    asked: Arc<AtomicBool>,
    at: Option<Instant>,
}

impl Stop {
    /// SIGINT and SIGTERM finish the frame at hand; so does the end of the time given.
    ///
    /// # Errors
    /// The system takes no handler.
    pub(super) fn new(run_for: Option<Duration>) -> Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&asked);
        ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))?;
        Ok(Self { asked, at: run_for.map(|time| Instant::now() + time) })
    }

    /// Whether it is time.
    pub(super) fn is_due(&self) -> bool {
        self.asked.load(Ordering::Relaxed) || self.at.is_some_and(|at| Instant::now() >= at)
    }
}
