//! What a run says of itself about once a second, in the table `status`: a row of JSON for each of these keys.
//!
//! The run writes them and the dashboard reads them; a member that is missing has its default, so that either may be the
//! older one. Times are nanoseconds since 1970 by the clock of the machine, counts are since the start of the program.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A run says about once a second how it is. A status older than this says nothing of the present.
pub(crate) const FRESH: Duration = Duration::from_secs(10);

/// `feed`: how the data arrives.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct FeedStatus {
    /// Time of this status.
    pub time: i64,
    /// Name of the feed.
    pub name: String,
    /// True while it is connected.
    pub connected: bool,
    /// Time since which it is connected, or is not.
    pub since: Option<i64>,
    /// Time of the last message.
    pub last_message: Option<i64>,
    /// Whether the feed was silent for too long and nothing has come since.
    pub stale: bool,
    /// Begin of the present outage; none while the feed is heard.
    pub outage_since: Option<i64>,
    /// Times that the feed was lost: disconnected, or silent for too long.
    pub outages: u64,
    /// Outages after which data of a venue may be missing.
    pub data_outages: u64,
    /// Messages received.
    pub messages: u64,
    /// Faults and symbols of a venue.
    pub venue: crate::commands::dashboard::VenueStatus,
    /// Bytes received.
    pub bytes: u64,
    /// Messages handed to the pipeline.
    pub delivered: u64,
    /// Gaps in the numbers of the messages.
    pub gaps: u64,
    /// Messages missing and not filled in.
    pub missing: u64,
    /// Messages filled in afterwards.
    pub back_filled: u64,
    /// Requests for missing messages.
    pub requests: u64,
    /// Connections after the first.
    pub reconnects: u64,
    /// Attempts to connect that failed.
    pub failures: u64,
    /// Times that the feed was silent for too long.
    pub silences: u64,
    /// Messages that came again.
    pub repeats: u64,
    /// Messages out of order.
    pub reordered: u64,
    /// Early messages without room, asked for again.
    pub overflowed: u64,
    /// Messages merged into later ones because the pipeline was full.
    pub conflated: u64,
    /// Messages refused because they were malformed.
    pub refused: u64,
    /// Messages of unknown type.
    pub unknown: u64,
    /// Trades and bars of a venue after their bar was closed.
    pub late: u64,
    /// Trades and bars of a venue far ahead of all others.
    pub doubted: u64,
    /// Trades and bars of a venue from before its first interval.
    pub before: u64,
    /// Trades and bars of a venue dropped for another reason.
    pub dropped: u64,
    /// Bars of a venue left out because the connection began inside them.
    pub partial: u64,
    /// Events that found the channel full.
    pub blocked: u64,
    /// Time that they waited.
    pub blocked_ns: u64,
}

/// `trading`: whether orders may leave the program.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct TradingStatus {
    /// Time of this status.
    pub time: i64,
    /// `warming_up`, `trading`, `halted`, `ruined`, `ended` or `failed`.
    pub state: String,
    /// Reason of a state other than `trading`, as a sentence.
    pub why: Option<String>,
    /// Time since which the state folder cannot be written, as while the disk is full.
    pub unwritable_since: Option<i64>,
    /// Time at which the run ended in order: its feed ended, or it was asked to stop.
    pub ended: Option<i64>,
}

impl TradingStatus {
    /// Whether the run ended in order.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_some() || self.state == "ended"
    }
}

/// `queues`: how full the channels between the stages are.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct QueuesStatus {
    /// When this was written.
    pub time: i64,
    /// In the order of the pipeline.
    pub queues: Vec<QueueStatus>,
}

/// One channel.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct QueueStatus {
    /// What it joins, such as `feed to source`.
    pub name: String,
    /// Messages in it.
    pub depth: u64,
    /// Most that it can hold.
    pub capacity: u64,
    /// Most that it has held.
    pub highest: u64,
}

/// `latency`: how long each stage took.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct LatencyStatus {
    /// When this was written.
    pub time: i64,
    /// In the order of the pipeline, the whole way last.
    pub stages: Vec<StageLatency>,
}

/// The latencies of one stage, in nanoseconds.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct StageLatency {
    /// Such as `estimate`, or `message to decision`.
    pub stage: String,
    /// How many were measured.
    pub count: u64,
    /// Their sum.
    pub sum_ns: u64,
    /// Median.
    pub p50_ns: u64,
    /// 99 % took at most this.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// Upper end of each bucket, included, and how many fell into it; ends ascend.
    pub buckets: Vec<(u64, u64)>,
}

/// All that the table says. `None`: the run has not said it.
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
    /// When the run last said anything.
    pub(crate) fn time(&self) -> Option<i64> {
        let times = [
            self.feed.as_ref().map(|row| row.time),
            self.trading.as_ref().map(|row| row.time),
            self.queues.as_ref().map(|row| row.time),
            self.latency.as_ref().map(|row| row.time),
        ];
        times.into_iter().flatten().max()
    }

    /// Whether orders may leave the program at a time; a status that is too old says no.
    pub(crate) fn is_trading(&self, now: i64) -> bool {
        self.is_fresh(now) && self.trading.as_ref().is_some_and(|trading| trading.state == "trading")
    }

    /// Whether the run has said how it is within [`FRESH`].
    pub(crate) fn is_fresh(&self, now: i64) -> bool {
        self.time().is_some_and(|time| now.saturating_sub(time) <= FRESH.as_nanos() as i64)
    }

    /// Takes one row of the table. Keys that are not known here are for others.
    ///
    /// # Errors
    /// It is not JSON of the row's form.
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

/// Status of a run in the same process, as of its last pulse. It takes the place of the one on record, which stays old while
/// the disk is full.
#[derive(Clone, Default)]
pub(crate) struct LiveStatus(Arc<Mutex<(u64, Option<Status>)>>);

impl LiveStatus {
    /// Replaces the status.
    pub(crate) fn publish(&self, status: Status) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = (slot.0 + 1, Some(status));
    }

    /// Returns the status, where there has been one.
    pub(crate) fn read(&self) -> Option<Status> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Counts the replacements.
    pub(crate) fn version(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }
}
