//! What a run says of itself about once a second, in the table `status`: a row of JSON for each of these keys.
//!
//! The run writes them and the dashboard reads them; a member that is missing has its default, so that either may be the
//! older one. Times are nanoseconds since 1970 by the clock of the machine, counts are since the start of the program.

use serde::{Deserialize, Serialize};

/// `feed`: how the data arrives.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct FeedStatus {
    /// When this was written.
    pub time: i64,
    /// What it is connected to.
    pub name: String,
    /// Whether it is connected now.
    pub connected: bool,
    /// Since when it is, or is not.
    pub since: Option<i64>,
    /// When the last message came.
    pub last_message: Option<i64>,
    /// Nothing has come for longer than it may take.
    pub stale: bool,
    /// Messages received.
    pub messages: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Times that messages were missing.
    pub gaps: u64,
    /// Messages that were missing and have not been filled in.
    pub missing: u64,
    /// Messages filled in afterwards.
    pub back_filled: u64,
    /// Connections after the first.
    pub reconnects: u64,
    /// Messages that came twice.
    pub repeats: u64,
    /// Messages that came early or late.
    pub reordered: u64,
    /// Messages that gave way to later ones because the pipeline was full.
    pub conflated: u64,
    /// Messages that were not as documented.
    pub refused: u64,
}

/// `trading`: whether orders may leave the program.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct TradingStatus {
    /// When this was written.
    pub time: i64,
    /// `warming_up`, `trading`, `halted`, `ruined` or `ended`.
    pub state: String,
    /// What stopped it, as a sentence.
    pub why: Option<String>,
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
