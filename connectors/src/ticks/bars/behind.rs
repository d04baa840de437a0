//! Events that are all behind a venue's clock: the clock is wrong, not they.

/// Messages in a row that set a clock back, over at least [`BRIEF_NS`].
const MANY: u64 = 100;
/// Least time over which they come, where it is known, in ns.
const BRIEF_NS: i64 = 1_000_000_000;
/// Messages in a row that set a clock back if they come over at least [`LONG_NS`].
const FEW: u64 = 10;
/// Time over which a few messages are enough, in ns.
const LONG_NS: i64 = 10_000_000_000;

/// Messages in a row all of whose events came after their bars were closed, and whose times are near each other.
#[derive(Clone, Debug)]
pub(super) struct Behind {
    /// Times further from each other than this do not agree, in ns.
    near_ns: i64,
    run: Option<Run>,
}

/// Such messages so far.
#[derive(Clone, Debug)]
struct Run {
    latest: i64,
    messages: u64,
    last_message: u64,
    /// When the first of them came, by a monotonic clock, in ns.
    since: Option<i64>,
    dropped: Dropped,
}

/// Events that were dropped because they are behind the clock, as they were counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dropped {
    /// Count of late events.
    pub(super) late: u64,
    /// Count of events before the first interval that is made.
    pub(super) before: u64,
}

impl Behind {
    /// No message so far.
    pub(super) fn new(near_ns: i64) -> Self {
        Self { near_ns, run: None }
    }

    /// An event that is not behind the clock. Returns how many events before it, of a time before `far_ns`, were dropped as
    /// of before the first interval, without a change of the clock that explains them.
    pub(super) fn end(&mut self, far_ns: i64) -> u64 {
        self.run.take().filter(|run| run.latest < far_ns).map_or(0, |run| run.dropped.before)
    }

    /// An event of a message that is behind the clock. Returns the time that all of the messages agree on, and what was
    /// dropped of them, once they are enough to set the clock back.
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

    /// The time that the messages so far agree on, and what was dropped of them, if they are enough to set the clock back
    /// now that it is `now` by a monotonic clock.
    pub(super) fn due(&mut self, now: Option<i64>) -> Option<(i64, Dropped)> {
        let run = self.run.as_ref()?;
        // Where the time between messages is unknown, their number decides.
        let span = now.zip(run.since).map(|(now, since)| now.saturating_sub(since));
        let many = run.messages >= MANY && span.is_none_or(|span| span >= BRIEF_NS);
        let few = run.messages >= FEW && span.is_some_and(|span| span >= LONG_NS);
        if !many && !few {
            return None;
        }
        self.run.take().map(|run| (run.latest, run.dropped))
    }
}
