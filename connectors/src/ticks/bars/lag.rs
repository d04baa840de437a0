//! Detection of a venue's clock that runs ahead: all recent events lie behind it.

/// Number of consecutive messages that set a clock back if they span at least [`BRIEF_NS`].
const MANY: u64 = 100;
/// Minimum time span of [`MANY`] messages, in ns; not required if times of receipt are unknown.
const BRIEF_NS: i64 = 1_000_000_000;
/// Number of consecutive messages that set a clock back if they span at least [`LONG_NS`].
const FEW: u64 = 10;
/// Minimum time span of [`FEW`] messages, in ns.
const LONG_NS: i64 = 10_000_000_000;

/// Detector of consecutive messages, with times near each other, whose events all arrived after their bars
/// closed.
#[derive(Clone, Debug)]
pub(super) struct LagDetector {
    /// Maximum distance between agreeing times, in ns.
    near_ns: i64,
    run: Option<Run>,
}

/// Current run of these messages.
#[derive(Clone, Debug)]
struct Run {
    latest: i64,
    messages: u64,
    last_message: u64,
    /// Receipt of the first message by a monotonic clock, in ns.
    since: Option<i64>,
    dropped: Dropped,
}

/// Counts of events dropped because they lie behind the clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dropped {
    /// Number of late events.
    pub(super) late: u64,
    /// Number of events before the first interval built.
    pub(super) before: u64,
}

impl LagDetector {
    /// Creates the detector without a run.
    pub(super) fn new(near_ns: i64) -> Self {
        Self { near_ns, run: None }
    }

    /// Ends the run at an event that is not behind the clock. If the times of the run precede `far_ns`,
    /// returns the number of its events dropped as before the first interval; otherwise 0.
    pub(super) fn end(&mut self, far_ns: i64) -> u64 {
        self.run.take().filter(|run| run.latest < far_ns).map_or(0, |run| run.dropped.before)
    }

    /// Adds an event behind the clock. If enough messages agree, returns their time and the counts of their
    /// dropped events.
    pub(super) fn add(
        &mut self,
        time_ns: i64,
        message: u64,
        received: Option<i64>,
        dropped: Dropped,
    ) -> Option<(i64, Dropped)> {
        let near = self.near_ns.unsigned_abs();
        if self.run.as_ref().is_some_and(|run| run.latest.abs_diff(time_ns) > near) {
            self.run = None;
        }
        let run = self.run.get_or_insert(Run {
            latest: time_ns,
            messages: 0,
            last_message: u64::MAX,
            since: received,
            dropped: Dropped::default(),
        });
        run.latest = run.latest.max(time_ns);
        run.messages += u64::from(run.last_message != message);
        run.last_message = message;
        run.dropped.late += dropped.late;
        run.dropped.before += dropped.before;
        self.due(received)
    }

    /// Returns the agreed time and the counts of dropped events if the run suffices to set the clock back.
    /// `now`: time of a monotonic clock.
    pub(super) fn due(&mut self, now: Option<i64>) -> Option<(i64, Dropped)> {
        let run = self.run.as_ref()?;
        // If the time between messages is unknown, their number decides.
        let span = now.zip(run.since).map(|(now, since)| now.saturating_sub(since));
        let many = run.messages >= MANY && span.is_none_or(|span| span >= BRIEF_NS);
        let few = run.messages >= FEW && span.is_some_and(|span| span >= LONG_NS);
        if !many && !few {
            return None;
        }
        self.run.take().map(|run| (run.latest, run.dropped))
    }
}
