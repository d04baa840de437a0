//! Status of a run: published and written to the state folder once a second, logged once a minute.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use betaflow_connectors::live::{Edge, EdgeReceiver, Latencies};
use betaflow_connectors::store::WriterHandle;
use betaflow_engine::time::Iso;
use betaflow_engine::time::TimestampNs;
use tracing::{info, warn};

use super::disk::Disk;
use super::halts::reason;
use super::link::Link;
use super::run_status::{SharedRunStatus, ruin};
use crate::commands::dashboard::VenueStatus;
use crate::commands::dashboard::status::{
    FeedStatus, LatencyStatus, LiveStatus, QueueStatus, QueuesStatus, StageLatency, Status, TradingStatus,
};
use crate::terminal::{Table, decimals, grouped};

/// Interval of the status rows.
const PULSE: Duration = Duration::from_secs(1);
/// Pulses per log line.
const PULSES_PER_LINE: u64 = 60;

/// Nanoseconds since 1970.
pub(crate) fn now() -> i64 {
    betaflow_connectors::clock::now().0
}

/// Inputs of the pulse, and where it writes.
pub(crate) struct Sources {
    /// Name of the feed.
    pub(crate) name: String,
    pub(crate) edge: Arc<Edge>,
    pub(crate) link: Link,
    pub(crate) disk: Disk,
    pub(crate) run_status: SharedRunStatus,
    pub(crate) latencies: Arc<Latencies>,
    /// Capacity of the channels between the stages.
    pub(crate) capacity: usize,
    pub(crate) writer: WriterHandle,
    /// Status for a dashboard in this process, current even when the disk is full.
    pub(crate) live: LiveStatus,
}

/// End of a run.
#[derive(Clone, Debug)]
enum Ending {
    /// Normal end: the feed ended, or the run was stopped.
    Normal,
    /// End with an error.
    Failed(String),
}

/// The thread that reports the status.
pub(crate) struct Pulse {
    stop: Sender<Ending>,
    thread: JoinHandle<()>,
}

impl Pulse {
    pub(crate) fn start(sources: Sources) -> Result<Self> {
        let (stop, stopped) = channel();
        let mut reporter = StatusReporter::new(sources);
        let thread = std::thread::Builder::new().name("pulse".to_owned()).spawn(move || {
            for beat in 1_u64.. {
                reporter.report(None);
                if beat.is_multiple_of(PULSES_PER_LINE) {
                    reporter.log_line();
                }
                match stopped.recv_timeout(PULSE) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(ending) => {
                        reporter.report(Some(&ending));
                        break;
                    }
                    // The run was abandoned; how it ended is unknown.
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
        })?;
        Ok(Self { stop, thread })
    }

    /// Writes the last status: a normal end, or the error in `failed`.
    pub(crate) fn stop(self, failed: Option<String>) {
        // The thread may have panicked; the panic was printed.
        let _ = self.stop.send(failed.map_or(Ending::Normal, Ending::Failed));
        let _ = self.thread.join();
    }
}

struct StatusReporter {
    sources: Sources,
    events: EdgeReceiver,
    /// Messages at the last pulse, and the time at which their number last grew.
    last: (u64, Option<i64>),
    /// Highest depth of the event channel.
    highest: usize,
}

impl StatusReporter {
    fn new(sources: Sources) -> Self {
        Self { events: sources.edge.events(), sources, last: (0, None), highest: 0 }
    }

    /// Publishes all rows in this process and writes them to the state folder.
    fn report(&mut self, ending: Option<&Ending>) {
        let time = now();
        let status = Status {
            feed: Some(self.feed(time, ending.is_some())),
            trading: Some(self.trading(time, ending)),
            queues: Some(self.queues(time)),
            latency: Some(self.latency(time)),
        };
        let rows = [
            ("feed", serde_json::to_string(&status.feed)),
            ("trading", serde_json::to_string(&status.trading)),
            ("queues", serde_json::to_string(&status.queues)),
            ("latency", serde_json::to_string(&status.latency)),
        ];
        self.sources.live.publish(status);
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
        let link = self.sources.link.now();
        FeedStatus {
            time,
            name: self.sources.name.clone(),
            connected: !ended && link.connected,
            since: if ended { Some(time) } else { link.since },
            last_message: self.last.1,
            stale: !ended && link.stale,
            outage_since: link.outage_since.filter(|_| !ended),
            outages: link.outages,
            data_outages: counts.outages,
            messages: counts.messages,
            venue: VenueStatus::of(&self.sources.edge),
            bytes: counts.bytes,
            delivered: counts.delivered,
            gaps: counts.gaps,
            missing: counts.missing,
            back_filled: counts.filled,
            requests: counts.requests,
            reconnects: counts.connections.saturating_sub(1),
            failures: counts.failures,
            silences: counts.stale,
            repeats: counts.repeats,
            reordered: counts.early,
            overflowed: counts.overflowed,
            conflated: counts.conflated,
            refused: counts.refused,
            unknown: counts.unknown,
            late: counts.late,
            doubted: counts.doubted,
            before: counts.before,
            dropped: counts.dropped,
            partial: counts.partial,
            blocked: counts.blocked,
            blocked_ns: counts.blocked_ns,
        }
    }

    fn trading(&self, time: i64, ending: Option<&Ending>) -> TradingStatus {
        let run_status = self.sources.run_status.now();
        let disk = self.sources.disk.trouble();
        let halt = run_status.halt.map(reason);
        let (state, why) = match (ending, run_status.ruined, &disk) {
            (Some(Ending::Failed(why)), ..) => ("failed", Some(why.clone())),
            (_, Some(ruined), _) => ("ruined", Some(ruin(ruined))),
            (Some(Ending::Normal), ..) => ("ended", halt),
            (None, None, Some((since, why))) => {
                let since = Iso(TimestampNs(since / 1_000_000_000 * 1_000_000_000));
                let why =
                    format!("cannot write the state folder since {since} ({why}); resumes after a write");
                ("halted", Some(why))
            }
            (None, None, None) => match (run_status.nav, halt) {
                (None, why) => ("warming_up", why),
                (Some(_), Some(why)) => ("halted", Some(why)),
                (Some(_), None) => ("trading", None),
            },
        };
        TradingStatus {
            time,
            state: state.to_owned(),
            why,
            unwritable_since: disk.map(|(since, _)| since),
            ended: matches!(ending, Some(Ending::Normal)).then_some(time),
        }
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

    fn log_line(&self) {
        let (run_status, counts) = (self.sources.run_status.now(), self.sources.edge.counts());
        if run_status.frames == 0 {
            let (bars, messages) = (counts.delivered, counts.messages);
            warn!(
                "no frame yet: {messages} messages and {bars} bars so far; a frame needs a price of a traded instrument \
                 and of the instruments in [factors]"
            );
            return;
        }
        let at = Iso(TimestampNs(run_status.timestamp));
        let nav = run_status.nav.map_or_else(
            || "warming up".to_owned(),
            |nav| format!("NAV {}", crate::commands::paper::value_text(nav)),
        );
        let state = match (run_status.ruined, run_status.halt) {
            (Some(_), _) => ", ruined",
            (None, Some(_)) => ", halted",
            (None, None) => "",
        };
        info!("frame {} at {at}: {nav}{state}; {} messages so far", run_status.seq, counts.messages);
    }
}

/// Returns the table of the latency of each measured stage.
pub(crate) fn latency_table(latencies: &Latencies) -> Table {
    let mut table = Table::new(["", "Count", "p50, µs", "p99, µs", "Maximum, µs"]);
    for stage in latencies.stages().into_iter().filter(|stage| stage.count > 0) {
        let us = |ns: u64| decimals(ns as f64 / 1e3, 1);
        let count = grouped(stage.count as f64);
        table.row([stage.stage.to_string(), count, us(stage.p50_ns), us(stage.p99_ns), us(stage.max_ns)]);
    }
    table
}
