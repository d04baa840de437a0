//! Alerts of `paper` to a webhook: one POST of JSON for each event that a trader must learn at once.
//!
//! * An alert is raised where it arises, not read back from the database, which a full disk makes useless: by
//!   the writer's trouble (`paper/disk.rs`), by the recorder that watches halts (`paper/run_status.rs`), by the
//!   inputs, which follow the connection (`paper/link.rs`), and at the end.
//! * `Alerts::raise` takes a short lock and never waits. `queue.rs` is bounded, keeps the order, merges
//!   repeated alerts of a flapping feed, and reads no clock.
//! * `delivery.rs` is the one thread; `post.rs` is one attempt. Attempts are repeated until the server accepts
//!   the alert, for a day at most.
//! * `Config::alerts` is not serialised: neither digest nor record contains the address.

mod delivery;
mod post;
mod queue;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;
use tracing::warn;

use crate::config::AlertSettings;
use delivery::Outbox;
use post::Poster;

/// How long the end of a run waits for the next alert to be delivered: a slow server is given time for each.
const GRACE: Duration = Duration::from_secs(5);
/// Most that it waits in all.
const GRACE_MAX: Duration = Duration::from_secs(30);
/// The same where the disk is full, which has been waited for already: the run ends within five seconds.
const GRACE_OF_FULL_DISK: Duration = Duration::from_millis(1_500);

/// Kind of an event that raises an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Trading stops for a reason that is no limit.
    TradingStopped,
    /// A limit of `[limits]` is met, and trading stops.
    LimitMet,
    /// Trading goes on.
    TradingResumed,
    /// The feed is disconnected or silent.
    FeedLost,
    /// The feed is heard again.
    FeedBack,
    /// The state cannot be written, and trading stops.
    DiskFull,
    /// The state is written again, and trading goes on.
    DiskWritable,
    /// The account is ruined.
    Ruined,
    /// The run ended in order.
    RunEnded,
    /// The run ended with an error.
    RunFailed,
}

/// Alerts of a topic replace each other while they wait: only the last one is still true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    Trading,
    Feed,
    Disk,
}

impl Kind {
    /// Name in the JSON.
    fn name(self) -> &'static str {
        match self {
            Self::TradingStopped => "trading_stopped",
            Self::LimitMet => "limit_met",
            Self::TradingResumed => "trading_resumed",
            Self::FeedLost => "feed_lost",
            Self::FeedBack => "feed_back",
            Self::DiskFull => "disk_full",
            Self::DiskWritable => "disk_writable",
            Self::Ruined => "ruined",
            Self::RunEnded => "run_ended",
            Self::RunFailed => "run_failed",
        }
    }

    fn is_alarm(self) -> bool {
        !matches!(self, Self::TradingResumed | Self::FeedBack | Self::DiskWritable | Self::RunEnded)
    }

    fn topic(self) -> Option<Topic> {
        match self {
            Self::TradingStopped | Self::LimitMet | Self::TradingResumed => Some(Topic::Trading),
            Self::FeedLost | Self::FeedBack => Some(Topic::Feed),
            Self::DiskFull | Self::DiskWritable => Some(Topic::Disk),
            Self::Ruined | Self::RunEnded | Self::RunFailed => None,
        }
    }
}

/// One alert: the JSON that is posted.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Alert {
    /// Unique; the same in every attempt to deliver it.
    id: String,
    /// Name of its kind; `merged` of several that found no room.
    event: &'static str,
    /// `alarm` or `info`.
    severity: &'static str,
    /// Time of the event by the clock of the machine, as ISO 8601 in UTC.
    time: String,
    text: String,
    /// Name of the feed, once it is known.
    run: Option<String>,
    /// Name of the state folder.
    state: String,
    /// Number of the frame, of an event that belongs to one.
    frame: Option<u64>,
    version: &'static str,
    /// Number of events that it stands for.
    count: u64,
    /// Time of the first of them, where there are several.
    #[serde(skip)]
    since: Option<String>,
    /// These by kind, where there are several.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    events: BTreeMap<&'static str, u64>,
}

/// Raises alerts. Clones share a queue; the default discards everything.
#[derive(Clone, Default)]
pub(crate) struct Alerts(Option<Arc<AlertSender>>);

struct AlertSender {
    outbox: Arc<Outbox>,
    state: String,
    run: Mutex<Option<String>>,
    /// Part of each id that no other process has.
    process: String,
}

impl Alerts {
    /// Starts the thread that delivers, where there is a webhook. `state`: the state folder.
    ///
    /// # Errors
    /// The certificates cannot be read, or the system gives no thread.
    pub(crate) fn start(settings: &AlertSettings, state: &Path) -> Result<Self> {
        let Some(webhook) = settings.webhook() else { return Ok(Self::default()) };
        let poster = Poster::new(webhook, settings.ca.clone()).context("alerts")?;
        let state = std::path::absolute(state).unwrap_or_else(|_| state.to_owned());
        let state = state.file_name().unwrap_or(state.as_os_str()).to_string_lossy().into_owned();
        let process = format!("{:x}-{:x}", jiff::Timestamp::now().as_nanosecond(), std::process::id());
        let outbox = delivery::start(poster)?;
        Ok(Self(Some(Arc::new(AlertSender { outbox, state, run: Mutex::default(), process }))))
    }

    /// Sets the name of the feed.
    pub(crate) fn name(&self, run: &str) {
        if let Some(raising) = &self.0 {
            *raising.run.lock().unwrap_or_else(PoisonError::into_inner) = Some(run.to_owned());
        }
    }

    /// Raises an alert, without waiting for anything.
    pub(crate) fn raise(&self, kind: Kind, frame: Option<u64>, text: String) {
        let Some(raising) = &self.0 else { return };
        let run = raising.run.lock().unwrap_or_else(PoisonError::into_inner).clone();
        raising.outbox.push(kind.topic(), Instant::now(), |number| Alert {
            id: format!("{}-{number}", raising.process),
            event: kind.name(),
            severity: if kind.is_alarm() { "alarm" } else { "info" },
            time: jiff::Timestamp::now().to_string(),
            text,
            run,
            state: raising.state.clone(),
            frame,
            version: env!("CARGO_PKG_VERSION"),
            count: 1,
            since: None,
            events: BTreeMap::new(),
        });
    }

    /// Waits some seconds for what is not delivered yet, and says what was not. `full`: the disk is full.
    pub(crate) fn finish(&self, full: bool) {
        let Some(raising) = &self.0 else { return };
        let (grace, most) = if full { (GRACE_OF_FULL_DISK, GRACE_OF_FULL_DISK) } else { (GRACE, GRACE_MAX) };
        let left = raising.outbox.close(grace, most);
        if !left.is_empty() {
            let events: Vec<_> = left.iter().map(|alert| alert.event).collect();
            let seconds = grace.as_secs_f64();
            warn!(
                "{} alerts were not delivered within {seconds} s of the end: {}",
                left.len(),
                shortened(&events)
            );
        }
    }
}

/// The first names of a list, and how many there are besides.
fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 10;
    let text = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}
