//! The thread that delivers alerts, one after the other.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tracing::{info, warn};

use super::post::{Outcome, Poster};
use super::queue::{CAPACITY, Queue};
use super::{Alert, Topic};

/// Wait after the first attempt that fails; each further one doubles it, up to the most.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_MOST: Duration = Duration::from_secs(300);
/// An alert that no server takes for so long is given up.
const GIVE_UP: Duration = Duration::from_secs(24 * 3_600);

/// Queue between those who raise alerts and the thread that delivers them.
#[derive(Default)]
pub(crate) struct Outbox {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    queue: Queue,
    /// Number of the next alert.
    next: u64,
    /// The run is over: nothing more comes.
    closed: bool,
}

/// Starts the thread. It ends when the outbox is closed and empty, and at the latest with the program.
///
/// # Errors
/// The system gives no thread.
pub(crate) fn start(poster: Poster) -> Result<Arc<Outbox>> {
    let outbox = Arc::new(Outbox::default());
    let delivering = Arc::clone(&outbox);
    std::thread::Builder::new()
        .name("alerts".to_owned())
        .spawn(move || delivering.deliver(&poster))
        .context("the system gives no thread to deliver alerts with")?;
    Ok(outbox)
}

impl Outbox {
    /// Adds an alert, which is made with its number.
    pub(crate) fn push(&self, topic: Option<Topic>, now: Instant, alert: impl FnOnce(u64) -> Alert) {
        let mut inner = self.lock();
        let alert = alert(inner.next);
        inner.next += 1;
        let before = inner.queue.merged;
        inner.queue.push(topic, now, alert);
        let merged = inner.queue.merged;
        drop(inner);
        self.changed.notify_all();
        // The first of a series is logged, and then each hundredth.
        if merged > before && merged % 100 == 1 {
            warn!("more than {CAPACITY} alerts wait: the oldest are merged into one, {merged} so far");
        }
    }

    /// Accepts no more, waits as long as an alert is delivered within `grace` of the one before, at most `most` in all, and
    /// returns what is not delivered by then.
    pub(crate) fn close(&self, grace: Duration, most: Duration) -> Vec<Alert> {
        let end = Instant::now() + most;
        let mut until = Instant::now() + grace;
        let mut inner = self.lock();
        inner.closed = true;
        inner.queue.release(Instant::now());
        self.changed.notify_all();
        while !inner.queue.is_empty() {
            let left = until.min(end).saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let before = inner.queue.left().len();
            inner = self.wait(inner, left);
            if inner.queue.left().len() < before {
                until = Instant::now() + grace;
            }
        }
        inner.queue.left()
    }

    fn deliver(&self, poster: &Poster) {
        let (mut failures, mut dropped) = (0, 0_u64);
        let mut since = Instant::now();
        while let Some(alert) = self.next() {
            if failures == 0 {
                since = Instant::now();
            }
            let outcome = match serde_json::to_string(&alert) {
                Ok(body) => poster.post(body, &alert.id),
                Err(error) => Outcome::Refused(error.to_string()),
            };
            match outcome {
                Outcome::Delivered => {
                    if failures > 0 {
                        info!("alerts are delivered again to {poster}");
                    }
                }
                Outcome::Refused(why) => {
                    dropped += 1;
                    warn!("alert {} was dropped ({dropped} so far): {poster} answered {why}", alert.event);
                }
                Outcome::Again(why, _) if since.elapsed() > GIVE_UP => {
                    dropped += 1;
                    warn!(
                        "alert {} was dropped ({dropped} so far) after a day of attempts: {poster}: {why}",
                        alert.event
                    );
                }
                Outcome::Again(why, after) => {
                    let wait = after.unwrap_or_default().max(backoff(failures)).min(RETRY_MOST);
                    // All attempts of an outage are one sentence.
                    if failures == 0 {
                        let seconds = wait.as_secs_f64();
                        warn!(
                            "alert {} was not delivered to {poster}: {why}; next attempt in {seconds:.1} s",
                            alert.event
                        );
                    }
                    failures += 1;
                    self.pause(wait);
                    continue;
                }
            }
            failures = 0;
            self.done();
        }
    }

    /// Waits for an alert; `None` once there will be no more.
    fn next(&self) -> Option<Alert> {
        let mut inner = self.lock();
        loop {
            let now = Instant::now();
            let due = match inner.queue.next(now) {
                Ok(alert) => return Some(alert.clone()),
                Err(due) => due,
            };
            if inner.closed {
                return None;
            }
            inner = match due {
                Some(due) => self.wait(inner, due.saturating_duration_since(now)),
                None => self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn done(&self) {
        self.lock().queue.done();
        self.changed.notify_all();
    }

    /// Waits before another attempt; hardly at the end of the run.
    fn pause(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut inner = self.lock();
        while !inner.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            inner = self.wait(inner, left);
        }
        drop(inner);
        std::thread::sleep(wait.min(RETRY_FIRST));
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, inner: MutexGuard<'a, Inner>, most: Duration) -> MutexGuard<'a, Inner> {
        self.changed.wait_timeout(inner, most).unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Wait after so many failures before: exponential, and half of it at random, so that many runs do not come at once.
fn backoff(failures: u32) -> Duration {
    let most = RETRY_FIRST.saturating_mul(1 << failures.min(16)).min(RETRY_MOST);
    // A new state of the hasher is random.
    let share = RandomState::new().hash_one(failures) as f64 / u64::MAX as f64;
    most.mul_f64(0.5 + 0.5 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes_and_differ() {
        for (failures, most) in [(0, 0.5), (1, 1.0), (5, 16.0), (9, 256.0), (10, 300.0), (1_000, 300.0)] {
            let waits: Vec<f64> = (0..50).map(|_| backoff(failures).as_secs_f64()).collect();
            assert!(waits.iter().all(|wait| (0.5 * most..=most).contains(wait)), "{failures}: {waits:?}");
            assert!(waits.iter().any(|wait| *wait != waits[0]), "{failures}: {waits:?}");
        }
    }
}
