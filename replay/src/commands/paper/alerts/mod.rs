//! Alerts of `paper` to a webhook: one JSON POST for each event that needs a trader's attention.
//!
//! An alert is raised where its event happens, because reading it back from the database would fail on a full
//! disk. [`Alerts::raise`] never waits for the network: `queue.rs` is bounded and merges repeated alerts of a
//! flapping feed; one thread (`delivery.rs`) retries each attempt (`post.rs`) for up to a day.
//!
//! `Config::alerts` is not serialised, so neither the digest nor the state folder contains the address.

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

/// Time that the end of a run waits for each further alert to be delivered.
const GRACE: Duration = Duration::from_secs(5);
/// Maximum wait of the end of a run.
const GRACE_MAX: Duration = Duration::from_secs(30);
/// Maximum wait when the disk is full: the run has already waited for the disk and must end within five
/// seconds.
const GRACE_OF_FULL_DISK: Duration = Duration::from_millis(1_500);

/// Kind of an event that raises an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Trading stops for a reason other than a limit.
    TradingStopped,
    /// A limit of `[limits]` is reached, and trading stops.
    LimitMet,
    /// Trading resumes.
    TradingResumed,
    /// The feed is disconnected or silent.
    FeedLost,
    /// The feed is back after an outage.
    FeedBack,
    /// The state folder cannot be written, and trading stops.
    DiskFull,
    /// The state folder can be written again, and trading resumes.
    DiskWritable,
    /// The account is ruined.
    Ruined,
    /// The run ended normally.
    RunEnded,
    /// The run ended with an error.
    RunFailed,
}

/// Subject of alerts that replace each other while they wait, because only the last is current.
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

/// One alert: the JSON body of the POST.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Alert {
    /// Unique identifier, the same in every attempt to deliver the alert.
    id: String,
    /// Name of the kind, or `merged` for several alerts that exceeded the queue.
    event: &'static str,
    /// `alarm` or `info`.
    severity: &'static str,
    /// Time of the event by the system clock, ISO 8601 in UTC.
    time: String,
    text: String,
    /// Name of the feed, once it is known.
    run: Option<String>,
    /// Name of the state folder.
    state: String,
    /// Sequence number of the frame, if the event belongs to one.
    frame: Option<u64>,
    version: &'static str,
    /// Number of events that the alert stands for.
    count: u64,
    /// Time of the first event, if there are several.
    #[serde(skip)]
    since: Option<String>,
    /// Number of events by kind, if there are several.
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
    /// Prefix of all identifiers, unique to this process.
    process: String,
}

impl Alerts {
    /// Starts the delivery thread if a webhook is configured. `state` is the state folder.
    ///
    /// # Errors
    /// The certificates cannot be read, or the system refuses another thread.
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

    /// Queues an alert without waiting.
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

    /// Waits some seconds for undelivered alerts and logs those that remain. `full`: the disk is full.
    pub(crate) fn finish(&self, full: bool) {
        let Some(raising) = &self.0 else { return };
        let (grace, most) = if full { (GRACE_OF_FULL_DISK, GRACE_OF_FULL_DISK) } else { (GRACE, GRACE_MAX) };
        let left = raising.outbox.close(grace, most);
        if !left.is_empty() {
            let events: Vec<_> = left.iter().map(|alert| alert.event).collect();
            let seconds = grace.as_secs_f64();
            let count = left.len();
            let noun = if count == 1 { "alert" } else { "alerts" };
            warn!(
                "{count} {noun} not delivered within {seconds} s after the end of the run: {}",
                shortened(&events)
            );
        }
    }
}

/// First names of a list, and the number of the others.
fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 10;
    let text = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}
