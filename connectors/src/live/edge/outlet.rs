//! The way out of an edge: bounded, and blocking when it is full.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use betaflow_engine::frame::TimestampNs;
use crossbeam_channel::{SendTimeoutError, Sender, TrySendError};
use tokio::sync::watch;

use super::EdgeEvent;
use super::counts::{Counters, add};

/// Nobody wants any more events.
pub(super) struct Over;

/// How often a blocked edge looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(20);

pub(super) struct Outlet {
    sender: Sender<EdgeEvent>,
    stop: watch::Receiver<bool>,
    pub(super) counters: Arc<Counters>,
    /// How long it has been blocked since this was last taken.
    blocked: Duration,
}

impl Outlet {
    pub(super) fn new(
        sender: Sender<EdgeEvent>,
        stop: watch::Receiver<bool>,
        counters: Arc<Counters>,
    ) -> Self {
        Self { sender, stop, counters, blocked: Duration::ZERO }
    }

    /// The signal to stop.
    pub(super) fn stop(&self) -> watch::Receiver<bool> {
        self.stop.clone()
    }

    /// Hands an event over. It blocks the thread while the channel is full, and with it everything at this edge: that
    /// is what keeps the server from sending on.
    pub(super) fn send(&mut self, event: EdgeEvent) -> Result<(), Over> {
        let mut event = match self.sender.try_send(event) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Disconnected(_)) => return Err(Over),
            Err(TrySendError::Full(event)) => event,
        };
        add(&self.counters.blocked, 1);
        let begun = Instant::now();
        loop {
            if *self.stop.borrow() {
                return Err(Over);
            }
            event = match self.sender.send_timeout(event, LOOK) {
                Ok(()) => break,
                Err(SendTimeoutError::Disconnected(_)) => return Err(Over),
                Err(SendTimeoutError::Timeout(event)) => event,
            };
        }
        let blocked = begun.elapsed();
        add(&self.counters.blocked_ns, u64::try_from(blocked.as_nanos()).unwrap_or(u64::MAX));
        self.blocked += blocked;
        Ok(())
    }

    /// How long it was blocked: nothing was read then, so silence and gaps do not count that time.
    pub(super) fn take_blocked(&mut self) -> Duration {
        std::mem::take(&mut self.blocked)
    }
}

/// The time of the wall clock.
pub(super) fn now() -> TimestampNs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampNs(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
