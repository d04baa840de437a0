//! The thread that delivers alerts, one at a time.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tracing::{info, warn};

use super::post::{Outcome, Poster};
use super::queue::{CAPACITY, Queue};
use super::{Alert, Topic};

/// Wait after the first failed attempt; doubled after each further one up to [`RETRY_MOST`].
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_MOST: Duration = Duration::from_secs(300);
/// Maximum age of an undelivered alert; older ones are dropped.
const GIVE_UP: Duration = Duration::from_secs(24 * 3_600);

/// Queue between the threads that raise alerts and the thread that delivers them.
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
    /// True after the end of the run: no alert follows.
    closed: bool,
}

/// Starts the thread. It ends when the outbox is closed and empty, or with the program.
///
/// # Errors
/// The system refuses another thread.
pub(crate) fn start(poster: Poster) -> Result<Arc<Outbox>> {
    let outbox = Arc::new(Outbox::default());
    let delivering = Arc::clone(&outbox);
    std::thread::Builder::new()
        .name("alerts".to_owned())
        .spawn(move || delivering.deliver(&poster))
        .context("cannot start the thread that delivers alerts")?;
    Ok(outbox)
}

impl Outbox {
    /// Adds an alert, created with its number.
    pub(crate) fn push(&self, topic: Option<Topic>, now: Instant, alert: impl FnOnce(u64) -> Alert) {
        let mut inner = self.lock();
        let alert = alert(inner.next);
        inner.next += 1;
        let before = inner.queue.merged;
        inner.queue.push(topic, now, alert);
        let merged = inner.queue.merged;
        drop(inner);
        self.changed.notify_all();
        // Log the first merged alert, and then each hundredth.
        if merged > before && merged % 100 == 1 {
            warn!("alert queue full ({CAPACITY} alerts): merging the oldest, {merged} so far");
        }
    }

    /// Closes the queue and returns the undelivered alerts. Waits while each alert is delivered within
    /// `grace` of the one before, at most `most` in total.
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
                        info!("alert delivery to {poster} works again");
                    }
                }
                Outcome::Refused(why) => {
                    dropped += 1;
                    warn!("alert {} dropped ({dropped} so far): {poster} answered {why}", alert.event);
                }
                Outcome::Again(why, _) if since.elapsed() > GIVE_UP => {
                    dropped += 1;
                    warn!(
                        "alert {} dropped ({dropped} so far) after a day of attempts: {poster}: {why}",
                        alert.event
                    );
                }
                Outcome::Again(why, after) => {
                    let wait = after.unwrap_or_default().max(backoff(failures)).min(RETRY_MOST);
                    // Log only the first failed attempt of an outage.
                    if failures == 0 {
                        let seconds = wait.as_secs_f64();
                        warn!(
                            "alert {} not delivered to {poster}: {why}; next attempt in {seconds:.1} s",
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

    /// Waits for the next alert; `None` after the queue is closed and empty.
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

    /// Waits before another attempt; at most [`RETRY_FIRST`] once the queue is closed.
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

/// Wait after `failures` failed attempts: exponential, half of it random, so that several runs do not retry
/// together.
fn backoff(failures: u32) -> Duration {
    let most = RETRY_FIRST.saturating_mul(1 << failures.min(16)).min(RETRY_MOST);
    // Each `RandomState` has a new random key.
    let share = RandomState::new().hash_one(failures) as f64 / u64::MAX as f64;
    most.mul_f64(0.5 + 0.5 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_five_minutes_and_is_random() {
        for (failures, most) in [(0, 0.5), (1, 1.0), (5, 16.0), (9, 256.0), (10, 300.0), (1_000, 300.0)] {
            let waits: Vec<f64> = (0..50).map(|_| backoff(failures).as_secs_f64()).collect();
            assert!(waits.iter().all(|wait| (0.5 * most..=most).contains(wait)), "{failures}: {waits:?}");
            assert!(waits.iter().any(|wait| *wait != waits[0]), "{failures}: {waits:?}");
        }
    }
}
