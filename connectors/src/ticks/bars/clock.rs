//! Clock of a venue, derived from the times of its events.

use super::super::event::Event;
use super::lag::LagDetector;

/// Lead over the clock beyond which a time needs confirmation, in ns; at least one bar length.
const CONFIRM_NS: i64 = 60_000_000_000;
/// Number of consecutive messages that confirm a short jump.
const AGREE: u64 = 3;
/// Jump length, in multiples of the confirmation lead, for which one more message must agree.
const LENGTHS: u64 = 15;
/// Maximum number of messages that must agree.
const AGREE_MAX: u64 = 100;
/// Time span over which messages must agree, per multiple of the confirmation lead, in ns.
const SPAN_NS: i64 = 1_000_000;
/// Maximum of that time span, in ns.
const SPAN_NS_MAX: i64 = 10_000_000_000;
/// Jump length, in multiples of the confirmation lead, below which no time span is required: a fast playback
/// skips nights and weekends.
const SHORT: i64 = 300;
/// Time span over which [`AGREE`] messages confirm a jump of any length, in ns.
const LONG_NS: i64 = 60_000_000_000;
/// Maximum number of events that wait for confirmation; more are dropped and counted.
const WAITING_MAX: usize = 65_536;
/// Number of events that must agree with a clock before it counts as sure.
const SURE: u64 = 100;

/// Clock of a venue that ignores outliers. A time far ahead of all others is accepted only when other
/// messages agree with it; the further ahead it is, the more messages are required, and over a longer time
/// span. The first time is confirmed by another time near it. A clock ahead of all later events is set back
/// ([`LagDetector`]).
#[derive(Clone, Debug)]
pub(super) struct VenueClock {
    /// Lead beyond which a time needs confirmation, in ns.
    confirm_ns: i64,
    latest: Option<i64>,
    /// Latest time of an accepted event, independent of [`VenueClock::advance`].
    heard: Option<i64>,
    /// Whether more than one message confirms the time.
    agreed: bool,
    /// Time that the clock may have reached without an event.
    expected: Option<i64>,
    ahead: Option<Ahead>,
    /// Number of events that agreed with the clock since its first time or its last jump.
    taken: u64,
    /// Consecutive events behind the clock.
    pub(super) lag: LagDetector,
}

/// Consecutive messages far ahead of the clock, with times near each other.
#[derive(Clone, Debug)]
struct Ahead {
    latest: i64,
    messages: u64,
    last_message: u64,
    /// Receipt of the first message by a monotonic clock, in ns.
    since: Option<i64>,
    waiting: Vec<Event<'static>>,
    /// Events dropped because `waiting` was full.
    dropped: u64,
}

/// Treatment of an event.
pub(super) enum Verdict {
    /// Accepted; this number of waiting events was dropped as unconfirmed.
    Accepted(u64),
    /// Waits for confirmation; this number of earlier waiting events was dropped.
    Waits(u64),
    /// Accepted after the waiting events, because the clock jumped.
    AcceptedAfterJump(Jump),
    /// Accepted; all accepted times later than this one were wrong.
    AcceptedInstead(i64),
}

/// Jump of the clock ahead.
pub(super) struct Jump {
    /// Time before the jump, ns since 1970 UTC.
    pub(super) from_ns: i64,
    /// Time after the jump, ns since 1970 UTC.
    pub(super) to_ns: i64,
    /// Events that waited for the jump.
    pub(super) waited: Vec<Event<'static>>,
    /// Events dropped as unconfirmed or without room to wait.
    pub(super) dropped: u64,
}

impl VenueClock {
    /// Creates the clock of a venue for bars of this length.
    pub(super) fn new(bar_ns: i64) -> Self {
        let confirm_ns = bar_ns.max(CONFIRM_NS);
        Self {
            confirm_ns,
            latest: None,
            heard: None,
            agreed: false,
            expected: None,
            ahead: None,
            taken: 0,
            lag: LagDetector::new(confirm_ns),
        }
    }

    /// Returns the lead beyond which a time needs confirmation, in ns.
    pub(super) fn confirm_ns(&self) -> i64 {
        self.confirm_ns
    }

    /// Returns the latest confirmed time.
    pub(super) fn latest(&self) -> Option<i64> {
        self.latest.filter(|_| self.agreed)
    }

    /// Returns the latest confirmed time of an event.
    pub(super) fn heard(&self) -> Option<i64> {
        self.heard.filter(|_| self.agreed)
    }

    /// Returns whether at least [`SURE`] events have agreed with the clock.
    pub(super) fn is_sure(&self) -> bool {
        self.taken >= SURE
    }

    /// Checks the time of an event. `received`: receipt of its message by a monotonic clock, in ns.
    pub(super) fn judge(
        &mut self,
        time_ns: i64,
        event: &Event<'_>,
        message: u64,
        received: Option<i64>,
    ) -> Verdict {
        let Some(latest) = self.latest else {
            (self.latest, self.heard) = (Some(time_ns), Some(time_ns));
            return Verdict::Accepted(0);
        };
        if time_ns <= self.reach(latest).saturating_add(self.confirm_ns) {
            let dropped = self.forget();
            if !self.agreed && time_ns < latest.saturating_sub(self.confirm_ns) {
                (self.latest, self.heard) = (Some(time_ns), Some(time_ns));
                return Verdict::AcceptedInstead(time_ns.saturating_add(self.confirm_ns));
            }
            self.agreed = true;
            self.taken += u64::from(latest.abs_diff(time_ns) <= self.confirm_ns.unsigned_abs());
            self.latest = Some(latest.max(time_ns));
            self.heard = self.heard.max(Some(time_ns));
            return Verdict::Accepted(dropped);
        }
        let near = self.ahead.as_ref().is_some_and(|ahead| {
            let agrees = ahead.latest.abs_diff(time_ns) <= self.confirm_ns.unsigned_abs();
            // A fast playback may jump again before the required time span has passed.
            agrees || (ahead.messages >= AGREE && time_ns > ahead.latest)
        });
        let dropped = if near { 0 } else { self.forget() };
        let ahead = self.ahead.get_or_insert_with(|| Ahead {
            latest: time_ns,
            messages: 0,
            last_message: u64::MAX,
            since: received,
            waiting: Vec::new(),
            dropped: 0,
        });
        ahead.latest = ahead.latest.max(time_ns);
        ahead.messages += u64::from(ahead.last_message != message);
        ahead.last_message = message;
        // A jump takes several messages, so none was dropped before this one.
        if let Some(jump) = self.jump(received) {
            return Verdict::AcceptedAfterJump(jump);
        }
        if let Some(ahead) = &mut self.ahead {
            match event.kept() {
                Some(kept) if ahead.waiting.len() < WAITING_MAX => ahead.waiting.push(kept),
                Some(_) => ahead.dropped += 1,
                None => {}
            }
        }
        Verdict::Waits(dropped)
    }

    /// Returns the later of `latest` and the expected time.
    fn reach(&self, latest: i64) -> i64 {
        self.expected.map_or(latest, |expected| expected.max(latest))
    }

    /// Jumps ahead if enough messages agree at time `now` of a monotonic clock.
    pub(super) fn jump(&mut self, now: Option<i64>) -> Option<Jump> {
        let from_ns = self.latest?;
        let ahead = self.ahead.as_ref()?;
        let lengths = ahead.latest.saturating_sub(self.reach(from_ns)) / self.confirm_ns;
        let messages = AGREE.saturating_add(lengths.unsigned_abs() / LENGTHS).min(AGREE_MAX);
        let wanted = if lengths < SHORT { 0 } else { lengths.saturating_mul(SPAN_NS).min(SPAN_NS_MAX) };
        // If the time between messages is unknown, their number decides.
        let span = now.zip(ahead.since).map(|(now, since)| now.saturating_sub(since));
        let enough = ahead.messages >= messages && span.is_none_or(|span| span >= wanted);
        let long = ahead.messages >= AGREE && span.is_some_and(|span| span >= LONG_NS);
        if !enough && !long {
            return None;
        }
        let Ahead { latest, waiting, dropped, .. } = self.ahead.take()?;
        (self.latest, self.heard, self.agreed, self.taken) = (Some(latest), Some(latest), true, 0);
        Some(Jump { from_ns, to_ns: latest, waited: waiting, dropped })
    }

    /// Records that the clock may have reached a time.
    pub(super) fn expect(&mut self, now_ns: i64) {
        self.expected = Some(self.expected.map_or(now_ns, |expected| expected.max(now_ns)));
    }

    /// Advances the clock to `now_ns`; returns the events that waited for this time and the number of dropped
    /// events. `None` if the clock is at or past `now_ns`.
    pub(super) fn advance(&mut self, now_ns: i64) -> Option<(Vec<Event<'static>>, u64)> {
        if self.agreed && self.latest.is_some_and(|latest| latest >= now_ns) {
            return None;
        }
        (self.latest, self.agreed) = (Some(self.latest.map_or(now_ns, |latest| latest.max(now_ns))), true);
        if now_ns == i64::MAX {
            return Some((Vec::new(), self.forget()));
        }
        let until = now_ns.saturating_add(self.confirm_ns);
        match self.ahead.take_if(|ahead| ahead.latest <= until) {
            Some(ahead) => Some((ahead.waiting, ahead.dropped)),
            None => Some((Vec::new(), 0)),
        }
    }

    /// Sets the clock back to a time on which many events agree; returns the number of dropped waiting
    /// events.
    pub(super) fn set_back(&mut self, to_ns: i64) -> u64 {
        (self.latest, self.heard, self.agreed) = (Some(to_ns), Some(to_ns), true);
        (self.expected, self.taken) = (None, SURE);
        self.forget()
    }

    /// Drops the waiting events and returns their number.
    fn forget(&mut self) -> u64 {
        self.ahead.take().map_or(0, |ahead| ahead.waiting.len() as u64 + ahead.dropped)
    }
}
