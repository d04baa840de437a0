//! Latencies from a message to its rebalance, by stage.

use std::collections::VecDeque;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

use betaflow_engine::pipeline::{Handled, Watch};
use hdrhistogram::Histogram;

/// Longest distinguishable time: ten minutes.
const LONGEST_NS: u64 = 600_000_000_000;
/// Significant digits of the histograms.
const DIGITS: u8 = 2;
/// Upper bounds of the buckets in ns, inclusive: 1, 2 and 5 in each decade from 1 µs to 10 s. They are the
/// same for every stage and every run, so that Prometheus can sum histograms.
pub const BUCKETS_NS: [u64; 22] = [
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    200_000_000,
    500_000_000,
    1_000_000_000,
    2_000_000_000,
    5_000_000_000,
    10_000_000_000,
];
/// Maximum number of frames being measured; beyond it, the oldest are not measured.
const UNDER_WAY_MAX: usize = 65_536;

/// Measured stages, in the order in which a message passes them.
const STAGES: [&str; 9] = [
    "feed to source",
    "input on record",
    "frame assembled",
    "positions valued",
    "estimates updated",
    "orders decided",
    "decision booked",
    "ledger handed on",
    "message to decision",
];
const QUEUED: usize = 0;
const LOGGED: usize = 1;
const ASSEMBLED: usize = 2;
const VALUED: usize = 3;
const BELIEVED: usize = 4;
const DECIDED: usize = 5;
const BOOKED: usize = 6;
const RECORDED: usize = 7;
const WHOLE: usize = 8;

/// Returns the nanoseconds since the first call, by a monotonic clock.
#[must_use]
pub fn monotonic_ns() -> u64 {
    since_start(Instant::now())
}

fn since_start(at: Instant) -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = *START.get_or_init(Instant::now);
    u64::try_from(at.saturating_duration_since(start).as_nanos()).unwrap_or(u64::MAX)
}

/// Latency histograms of a run, filled by the working threads and readable from any thread. Memory is
/// constant.
pub struct Latencies {
    inner: Mutex<Inner>,
}

struct Inner {
    stages: Vec<Histogram<u64>>,
    sums: [u64; STAGES.len()],
    /// Counts of each stage by the bounds of [`BUCKETS_NS`]; the last counts times above all bounds.
    buckets: [[u64; BUCKETS_NS.len() + 1]; STAGES.len()],
    /// Times of receipt of the frames that have not passed the size stage; `None` for recorded messages.
    under_way: VecDeque<Option<u64>>,
    /// Whether the last frame that passed the size stage came from the feed.
    decided_live: bool,
    /// Messages queued between source and estimate: last observed and maximum.
    waiting: (usize, usize),
}

/// Latencies of one stage, in ns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageLatency {
    /// Name of the stage.
    pub stage: &'static str,
    /// Number of measurements.
    pub count: u64,
    /// Sum of all measurements.
    pub sum_ns: u64,
    /// Median.
    pub p50_ns: u64,
    /// 99th percentile.
    pub p99_ns: u64,
    /// Maximum.
    pub max_ns: u64,
    /// Upper bound of each bucket of [`BUCKETS_NS`] and its count. Longer times are only in `count`.
    pub buckets: Vec<(u64, u64)>,
}

impl Default for Latencies {
    fn default() -> Self {
        // The library accepts these constant bounds and digits.
        let histogram = || Histogram::new_with_bounds(1, LONGEST_NS, DIGITS);
        let stages = STAGES.iter().filter_map(|_| histogram().ok()).collect();
        Self {
            inner: Mutex::new(Inner {
                stages,
                sums: [0; STAGES.len()],
                buckets: [[0; BUCKETS_NS.len() + 1]; STAGES.len()],
                under_way: VecDeque::new(),
                decided_live: false,
                waiting: (0, 0),
            }),
        }
    }
}

impl Latencies {
    /// Records that a message was dequeued, logged and made into a frame. `received`: time of receipt; `None`
    /// for a recorded message.
    pub fn framed(&self, received: Option<Instant>, taken_ns: u64, logged_ns: u64, framed_ns: u64) {
        let mut inner = self.lock();
        if inner.under_way.len() == UNDER_WAY_MAX {
            inner.under_way.pop_front();
        }
        let received = received.map(since_start);
        inner.under_way.push_back(received);
        if let Some(received) = received {
            inner.add(QUEUED, received, taken_ns);
            inner.add(LOGGED, taken_ns, logged_ns);
            inner.add(ASSEMBLED, logged_ns, framed_ns);
        }
    }

    /// Returns the latencies so far, in the order of the stages.
    #[must_use]
    pub fn stages(&self) -> Vec<StageLatency> {
        let inner = self.lock();
        let of = |(i, histogram): (usize, &Histogram<u64>)| StageLatency {
            stage: STAGES[i],
            count: histogram.len(),
            sum_ns: inner.sums[i],
            p50_ns: histogram.value_at_quantile(0.5),
            p99_ns: histogram.value_at_quantile(0.99),
            max_ns: histogram.max(),
            buckets: BUCKETS_NS.into_iter().zip(inner.buckets[i]).collect(),
        };
        inner.stages.iter().enumerate().map(of).collect()
    }

    /// Returns the messages queued between source and estimate: last observed and maximum.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        self.lock().waiting
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn add(&mut self, stage: usize, from_ns: u64, to_ns: u64) {
        let took = to_ns.saturating_sub(from_ns).max(1);
        self.sums[stage] = self.sums[stage].saturating_add(took);
        self.stages[stage].saturating_record(took);
        self.buckets[stage][BUCKETS_NS.partition_point(|upper| *upper < took)] += 1;
    }
}

impl Watch for Latencies {
    fn handled(&self, handled: Handled) {
        let Handled { stage, message, waiting, begun_ns, ended_ns } = handled;
        let index = match (stage, message) {
            ("execute", "frames") => VALUED,
            ("estimate", "frames") => BELIEVED,
            ("size", "portfolio") => DECIDED,
            ("execute", "decision") => BOOKED,
            ("record", "ledger" | "without_ledger") => RECORDED,
            _ => return,
        };
        let mut inner = self.lock();
        if index == BELIEVED {
            inner.waiting = (waiting, inner.waiting.1.max(waiting));
        }
        // The times of recorded messages would measure the disk, not the latency of the feed.
        let live = inner.under_way.front().copied().flatten();
        let measured = if matches!(index, BOOKED | RECORDED) { inner.decided_live } else { live.is_some() };
        if measured {
            inner.add(index, begun_ns, ended_ns);
        }
        if index == DECIDED {
            inner.under_way.pop_front();
            inner.decided_live = live.is_some();
            if let Some(received) = live {
                inner.add(WHOLE, received, ended_ns);
            }
        }
    }
}
