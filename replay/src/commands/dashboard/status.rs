//! Status of a run, written about once a second to the table `status` as one JSON row per key.
//!
//! A missing field takes its default, so that the run and the dashboard may have different versions. Times
//! are nanoseconds since 1970 by the system clock; counts start with the program.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Maximum age of a fresh status; a run writes it about once a second.
pub(crate) const FRESH: Duration = Duration::from_secs(10);

/// Row `feed`: health of the data feed.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct FeedStatus {
    /// Time of this status.
    pub time: i64,
    /// Name of the feed.
    pub name: String,
    /// True if the feed is connected.
    pub connected: bool,
    /// Time of the last connect or disconnect.
    pub since: Option<i64>,
    /// Time of the last message.
    pub last_message: Option<i64>,
    /// True if the silence limit has passed since the last message.
    pub stale: bool,
    /// Start of the present outage, `None` while messages arrive.
    pub outage_since: Option<i64>,
    /// Number of outages: disconnected or silent for too long.
    pub outages: u64,
    /// Outages that may have lost data of the venue.
    pub data_outages: u64,
    /// Messages received.
    pub messages: u64,
    /// Data faults and symbols of a venue.
    pub venue: crate::commands::dashboard::VenueStatus,
    /// Bytes received.
    pub bytes: u64,
    /// Messages delivered to the pipeline.
    pub delivered: u64,
    /// Gaps in the message sequence.
    pub gaps: u64,
    /// Missing messages that were not back-filled.
    pub missing: u64,
    /// Back-filled messages.
    pub back_filled: u64,
    /// Back-fill requests.
    pub requests: u64,
    /// Reconnections.
    pub reconnects: u64,
    /// Failed connection attempts.
    pub failures: u64,
    /// Number of times that the silence limit passed.
    pub silences: u64,
    /// Duplicate messages.
    pub repeats: u64,
    /// Messages received out of order.
    pub reordered: u64,
    /// Early messages dropped from a full reorder buffer and requested again.
    pub overflowed: u64,
    /// Messages merged into later ones because the pipeline was busy.
    pub conflated: u64,
    /// Malformed messages.
    pub refused: u64,
    /// Messages of unknown type.
    pub unknown: u64,
    /// Trades and bars of a venue that arrived after their bar closed.
    pub late: u64,
    /// Trades and bars of a venue with an implausible time, far ahead of the watermark.
    pub doubted: u64,
    /// Trades and bars of a venue from before its first interval.
    pub before: u64,
    /// Trades and bars of a venue dropped for other reasons.
    pub dropped: u64,
    /// Partial bars of a venue, left out because the connection started within them.
    pub partial: u64,
    /// Events delayed by a full channel.
    pub blocked: u64,
    /// Time that events waited for a full channel, nanoseconds.
    pub blocked_ns: u64,
}

/// Row `trading`: state of trading, and its reason.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct TradingStatus {
    /// Time of this status.
    pub time: i64,
    /// `warming_up`, `trading`, `halted`, `ruined`, `ended` or `failed`.
    pub state: String,
    /// Reason for a state other than `trading`, one sentence.
    pub why: Option<String>,
    /// Time since which the state folder cannot be written, for example while the disk is full.
    pub unwritable_since: Option<i64>,
    /// Time of the normal end: the feed ended, or the run was stopped.
    pub ended: Option<i64>,
}

impl TradingStatus {
    /// True if the run ended normally.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_some() || self.state == "ended"
    }
}

/// Row `queues`: depth of the channels between stages.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct QueuesStatus {
    /// Time of this status.
    pub time: i64,
    /// Channels in pipeline order.
    pub queues: Vec<QueueStatus>,
}

/// One channel.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct QueueStatus {
    /// Name of both ends, such as `feed to source`.
    pub name: String,
    /// Messages in the channel.
    pub depth: u64,
    /// Capacity of the channel.
    pub capacity: u64,
    /// Highest depth so far.
    pub highest: u64,
}

/// Row `latency`: latency of each stage.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct LatencyStatus {
    /// Time of this status.
    pub time: i64,
    /// Stages in pipeline order; the whole path last.
    pub stages: Vec<StageLatency>,
}

/// Latencies of one stage, in nanoseconds.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct StageLatency {
    /// Name of the stage, such as `estimate` or `message to decision`.
    pub stage: String,
    /// Number of measurements.
    pub count: u64,
    /// Sum of the measurements.
    pub sum_ns: u64,
    /// Median.
    pub p50_ns: u64,
    /// 99th percentile.
    pub p99_ns: u64,
    /// Maximum.
    pub max_ns: u64,
    /// Upper bound (inclusive) and count of each bucket, ascending.
    pub buckets: Vec<(u64, u64)>,
}

/// Rows of the table; `None` if the run has not written a row.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Status {
    /// Row `feed`.
    pub feed: Option<FeedStatus>,
    /// Row `trading`.
    pub trading: Option<TradingStatus>,
    /// Row `queues`.
    pub queues: Option<QueuesStatus>,
    /// Row `latency`.
    pub latency: Option<LatencyStatus>,
}

impl Status {
    /// Time of the latest row.
    pub(crate) fn time(&self) -> Option<i64> {
        let times = [
            self.feed.as_ref().map(|row| row.time),
            self.trading.as_ref().map(|row| row.time),
            self.queues.as_ref().map(|row| row.time),
            self.latency.as_ref().map(|row| row.time),
        ];
        times.into_iter().flatten().max()
    }

    /// True if the run may send orders at a time; a stale status counts as no.
    pub(crate) fn is_trading(&self, now: i64) -> bool {
        self.is_fresh(now) && self.trading.as_ref().is_some_and(|trading| trading.state == "trading")
    }

    /// True if the latest row is at most [`FRESH`] old.
    pub(crate) fn is_fresh(&self, now: i64) -> bool {
        self.time().is_some_and(|time| now.saturating_sub(time) <= FRESH.as_nanos() as i64)
    }

    /// Parses one row of the table; unknown keys are ignored.
    ///
    /// # Errors
    /// The row is not JSON of the expected form.
    pub(crate) fn take(&mut self, key: &str, value: &str) -> serde_json::Result<()> {
        match key {
            "feed" => self.feed = Some(serde_json::from_str(value)?),
            "trading" => self.trading = Some(serde_json::from_str(value)?),
            "queues" => self.queues = Some(serde_json::from_str(value)?),
            "latency" => self.latency = Some(serde_json::from_str(value)?),
            _ => {}
        }
        Ok(())
    }
}

/// Status of a run in the same process, as of its last update. It replaces the recorded status, which stays
/// old while the disk is full.
#[derive(Clone, Default)]
pub(crate) struct LiveStatus(Arc<Mutex<(u64, Option<Status>)>>);

impl LiveStatus {
    /// Replaces the status.
    pub(crate) fn publish(&self, status: Status) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = (slot.0 + 1, Some(status));
    }

    /// Returns the status, `None` before the first.
    pub(crate) fn read(&self) -> Option<Status> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Returns the number of replacements.
    pub(crate) fn version(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }
}
