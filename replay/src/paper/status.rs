//! What a run says of itself: to the state folder once a second, and in the log once a minute.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use betaflow_connectors::live::{Edge, EdgeReceiver, Latencies};
use betaflow_connectors::store::WriterHandle;
use betaflow_engine::assembly::Iso;
use betaflow_engine::frame::TimestampNs;
use tracing::{error, info, warn};

use super::standing::{Standings, ruin};
use crate::dashboard::status::{
    FeedStatus, LatencyStatus, QueueStatus, QueuesStatus, StageLatency, TradingStatus,
};

/// How often the state folder is told.
const PULSE: Duration = Duration::from_secs(1);
/// Pulses from one sentence in the log to the next.
const SENTENCE: u64 = 60;

/// Nanoseconds since 1970.
pub(super) fn now() -> i64 {
    i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

/// Called from the thread that writes.
pub(super) fn trouble(why: Option<&str>) {
    match why {
        Some(why) => error!("trading stops: the state cannot be written ({why}); it goes on when it can"),
        None => info!("trading goes on: the state is written again"),
    }
}

/// What there is to be told of.
pub(super) struct Sources {
    /// What the feed is called.
    pub(super) name: String,
    pub(super) edge: Arc<Edge>,
    pub(super) connected: Arc<AtomicBool>,
    pub(super) standings: Standings,
    pub(super) latencies: Arc<Latencies>,
    /// Capacity of the channels between the stages.
    pub(super) capacity: usize,
    pub(super) writer: WriterHandle,
}

/// The thread that tells it.
pub(super) struct Pulse {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Pulse {
    pub(super) fn start(sources: Sources) -> Result<Self> {
        let (stop, stopped) = channel();
        let mut teller = Teller::new(sources);
        let thread = std::thread::Builder::new().name("pulse".to_owned()).spawn(move || {
            for beat in 1_u64.. {
                teller.tell(None);
                if beat.is_multiple_of(SENTENCE) {
                    teller.sentence();
                }
                if stopped.recv_timeout(PULSE) != Err(RecvTimeoutError::Timeout) {
                    teller.tell(Some("ended"));
                    break;
                }
            }
        })?;
        Ok(Self { stop, thread })
    }

    pub(super) fn stop(self) {
        // A thread that has gone needs no word.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

struct Teller {
    sources: Sources,
    events: EdgeReceiver,
    /// Messages at the last look, and when there was one more than before.
    last: (u64, Option<i64>),
    /// Most events that have waited.
    highest: usize,
}

impl Teller {
    fn new(sources: Sources) -> Self {
        Self { events: sources.edge.events(), sources, last: (0, None), highest: 0 }
    }

    /// Writes all rows; `ended` is the state of a run that is over.
    fn tell(&mut self, ended: Option<&str>) {
        let time = now();
        let feed = self.feed(time, ended.is_some());
        let rows = [
            ("feed", serde_json::to_string(&feed)),
            ("trading", serde_json::to_string(&self.trading(time, ended))),
            ("queues", serde_json::to_string(&self.queues(time))),
            ("latency", serde_json::to_string(&self.latency(time))),
        ];
        for (key, text) in rows {
            if let Ok(text) = text {
                self.sources.writer.status(key, text);
            }
        }
    }

    fn feed(&mut self, time: i64, ended: bool) -> FeedStatus {
        let counts = self.sources.edge.counts();
        if counts.messages != self.last.0 {
            self.last = (counts.messages, Some(time));
        }
        FeedStatus {
            time,
            name: self.sources.name.clone(),
            connected: !ended && self.sources.connected.load(Ordering::Relaxed),
            last_message: self.last.1,
            messages: counts.messages,
            bytes: counts.bytes,
            gaps: counts.gaps,
            missing: counts.missing,
            back_filled: counts.filled,
            reconnects: counts.connections.saturating_sub(1),
            repeats: counts.repeats,
            reordered: counts.early,
            conflated: counts.conflated,
            refused: counts.refused,
            ..FeedStatus::default()
        }
    }

    fn trading(&self, time: i64, ended: Option<&str>) -> TradingStatus {
        let standing = self.sources.standings.now();
        let state = match (ended, standing.nav, standing.halt) {
            _ if standing.ruined.is_some() => "ruined",
            (Some(state), ..) => state,
            (None, None, _) => "warming_up",
            (None, Some(_), Some(_)) => "halted",
            (None, Some(_), None) => "trading",
        };
        let why = standing.ruined.map(ruin).or_else(|| standing.halt.map(|halt| halt.text().to_owned()));
        TradingStatus { time, state: state.to_owned(), why }
    }

    fn queues(&mut self, time: i64) -> QueuesStatus {
        let depth = self.events.len();
        self.highest = self.highest.max(depth);
        let queue = |name: &str, (depth, highest): (usize, usize), capacity: usize| QueueStatus {
            name: name.to_owned(),
            depth: depth as u64,
            capacity: capacity as u64,
            highest: highest as u64,
        };
        let capacity = self.events.capacity().unwrap_or(0);
        let queues = vec![
            queue("feed to source", (depth, self.highest), capacity),
            queue("source to estimate", self.sources.latencies.waiting(), self.sources.capacity),
        ];
        QueuesStatus { time, queues }
    }

    fn latency(&self, time: i64) -> LatencyStatus {
        let stages = self.sources.latencies.stages().into_iter().map(|stage| StageLatency {
            stage: stage.stage.to_owned(),
            count: stage.count,
            sum_ns: stage.sum_ns,
            p50_ns: stage.p50_ns,
            p99_ns: stage.p99_ns,
            max_ns: stage.max_ns,
            buckets: stage.buckets,
        });
        LatencyStatus { time, stages: stages.collect() }
    }

    fn sentence(&self) {
        let (standing, counts) = (self.sources.standings.now(), self.sources.edge.counts());
        if standing.frames == 0 {
            let (bars, messages) = (counts.delivered, counts.messages);
            warn!(
                "no frame yet: {messages} messages and {bars} bars so far; a frame needs a price of an instrument that is \
                 traded, and of those that [factors] are made of"
            );
            return;
        }
        let at = Iso(TimestampNs(standing.timestamp));
        let nav = standing
            .nav
            .map_or_else(|| "warming up".to_owned(), |nav| format!("value {}", super::value_text(nav)));
        let state = match (standing.ruined, standing.halt) {
            (Some(_), _) => ", ruined",
            (None, Some(_)) => ", halted",
            (None, None) => "",
        };
        info!("frame {} at {at}: {nav}{state}; {} messages so far", standing.seq, counts.messages);
    }
}

/// The slowest stages of a run, as a table.
pub(super) fn latency_table(latencies: &Latencies) -> String {
    let stages = latencies.stages();
    if stages.iter().all(|stage| stage.count == 0) {
        return String::new();
    }
    let mut text =
        format!("{:<22}{:>10}{:>12}{:>12}{:>12}\n", "latency", "count", "p50 µs", "p99 µs", "max µs");
    for stage in stages {
        let us = |ns: u64| format!("{:.1}", ns as f64 / 1e3);
        text += &format!(
            "{:<22}{:>10}{:>12}{:>12}{:>12}\n",
            stage.stage,
            stage.count,
            us(stage.p50_ns),
            us(stage.p99_ns),
            us(stage.max_ns)
        );
    }
    text
}
