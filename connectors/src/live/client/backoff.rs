//! Waiting times between connection attempts.

use std::time::Duration;

use betaflow_engine::random::SplitMix;

use super::backpressure::{Closed, EventSender};

/// Exponential backoff with jitter. A wait lasts between half and all of its nominal length, so that clients
/// disconnected at the same time do not reconnect at the same time.
pub(in crate::live) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
    random: SplitMix,
}

impl Backoff {
    pub(in crate::live) fn new(first: Duration, longest: Duration, seed: u64) -> Self {
        Self { first, longest, next: first.min(longest), random: SplitMix::new(seed) }
    }

    /// Returns the next wait.
    pub(in crate::live) fn wait(&mut self) -> Duration {
        let wait = self.next.mul_f64(0.5 + 0.5 * self.random.uniform());
        self.next = self.next.saturating_mul(2).min(self.longest);
        wait
    }

    /// Resets the wait to its first length.
    pub(in crate::live) fn reset(&mut self) {
        self.next = self.first.min(self.longest);
    }
}

/// Waits before another attempt, and sends pending events when the channel has room.
pub(in crate::live) async fn sleep(wait: Duration, sender: &mut EventSender) -> Result<(), Closed> {
    let mut stop = sender.stop();
    tokio::select! {
        over = sender.flushing() => Err(over),
        () = tokio::time::sleep(wait) => Ok(()),
        _ = stop.wait_for(|stop| *stop) => Err(Closed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_within_bounds_and_depend_only_on_the_seed() {
        let [first, longest] = [100, 1_000].map(Duration::from_millis);
        let waits = |seed| {
            let mut backoff = Backoff::new(first, longest, seed);
            (0..8).map(|_| backoff.wait()).collect::<Vec<_>>()
        };
        let full = [100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000].map(Duration::from_millis);
        for (wait, full) in waits(1).iter().zip(full) {
            assert!(*wait >= full / 2 && *wait <= full, "{wait:?} of {full:?}");
        }
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
        let mut backoff = Backoff::new(first, longest, 1);
        let before = backoff.wait();
        backoff.wait();
        backoff.reset();
        assert!(before <= first && backoff.wait() <= first);
    }
}
