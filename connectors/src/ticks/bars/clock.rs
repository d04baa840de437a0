//! The clock of a venue, by the times of its events.

use super::super::event::Event;
use super::behind::Behind;

/// A time further ahead than this, or than a bar, is doubted, in ns.
const DOUBTED_NS: i64 = 60_000_000_000;
/// Messages in a row that agree are believed, of a jump that is a few times as long as what is doubted.
const AGREE: u64 = 3;
/// Lengths of a jump, each as long as what is doubted, for which one more message has to agree.
const LENGTHS: u64 = 15;
/// Most messages that have to agree.
const AGREE_MAX: u64 = 100;
/// Time over which messages have to agree, for each length of a jump, in ns.
const SPAN_NS: i64 = 1_000_000;
/// Most of that.
const SPAN_NS_MAX: i64 = 10_000_000_000;
/// Jumps of fewer lengths are believed of a single burst: a feed that is played fast leaves nights and weekends out.
const SHORT: i64 = 300;
/// Messages that agree over so long are believed, however few they are, in ns.
const LONG_NS: i64 = 60_000_000_000;
/// Events that wait for others to agree with them; more are dropped and counted.
const WAITING_MAX: usize = 65_536;
/// Events that the clock has to take before it is sure of a time to which it jumped.
const SURE: u64 = 100;

/// A single time that is off must close nothing: one far ahead of all others is believed only once further messages
/// agree with it, the more of them and over the longer the further it is ahead. The first time of all is believed once
/// another is near it. A clock that runs ahead of everything that comes is set back ([`Behind`]).
#[derive(Clone, Debug)]
pub(super) struct VenueClock {
    /// A time further ahead than this is doubted, in ns.
    doubted_ns: i64,
    latest: Option<i64>,
    /// The latest that an event said, whatever the clock was set to.
    heard: Option<i64>,
    /// Whether more than one message says so.
    agreed: bool,
    /// A time that the clock may have reached, though no event says so yet.
    expected: Option<i64>,
    ahead: Option<Ahead>,
    /// Events taken since the first one, or since the clock last jumped.
    taken: u64,
    /// Events in a row that are behind it.
    pub(super) behind: Behind,
}

/// Messages in a row that are far ahead of all before them, and near each other.
#[derive(Clone, Debug)]
struct Ahead {
    latest: i64,
    messages: u64,
    last_message: u64,
    /// When the first of them came, by a monotonic clock, in ns.
    since: Option<i64>,
    waiting: Vec<Event<'static>>,
    /// Events that found no room there.
    dropped: u64,
}

/// What is to be done with an event.
pub(super) enum Verdict {
    /// It is taken. So many before it were not, because nothing agreed with them.
    Taken(u64),
    /// It waits. So many before it are not taken.
    Waits(u64),
    /// The clock jumped: it is taken after what waited.
    TakenAfter(Jump),
    /// It is taken, and what is later than this time was not true.
    TakenInstead(i64),
}

/// A clock that jumped ahead.
pub(super) struct Jump {
    /// From where, ns since 1970 UTC.
    pub(super) from_ns: i64,
    /// Where to, ns since 1970 UTC.
    pub(super) to_ns: i64,
    /// Events that waited for that.
    pub(super) waited: Vec<Event<'static>>,
    /// Events that nothing agreed with, or that found no room to wait.
    pub(super) dropped: u64,
}

impl VenueClock {
    /// The clock of a venue of which bars of some length are made.
    pub(super) fn new(bar_ns: i64) -> Self {
        let doubted_ns = bar_ns.max(DOUBTED_NS);
        Self {
            doubted_ns,
            latest: None,
            heard: None,
            agreed: false,
            expected: None,
            ahead: None,
            taken: 0,
            behind: Behind::new(doubted_ns),
        }
    }

    /// A time further ahead than this is doubted, in ns.
    pub(super) fn doubted_ns(&self) -> i64 {
        self.doubted_ns
    }

    /// The latest time that is believed.
    pub(super) fn latest(&self) -> Option<i64> {
        self.latest.filter(|_| self.agreed)
    }

    /// The latest time that an event said and that is believed.
    pub(super) fn heard(&self) -> Option<i64> {
        self.heard.filter(|_| self.agreed)
    }

    /// Whether many events have agreed with the time that it has.
    pub(super) fn is_sure(&self) -> bool {
        self.taken >= SURE
    }

    /// Judges the time of an event of some message, which came at `received` by a monotonic clock.
    pub(super) fn judge(
        &mut self,
        time_ns: i64,
        event: &Event<'_>,
        message: u64,
        received: Option<i64>,
    ) -> Verdict {
        let Some(latest) = self.latest else {
            (self.latest, self.heard) = (Some(time_ns), Some(time_ns));
            return Verdict::Taken(0);
        };
        if time_ns <= self.reach(latest).saturating_add(self.doubted_ns) {
            let dropped = self.forget();
            if !self.agreed && time_ns < latest.saturating_sub(self.doubted_ns) {
                (self.latest, self.heard) = (Some(time_ns), Some(time_ns));
                return Verdict::TakenInstead(time_ns.saturating_add(self.doubted_ns));
            }
            self.agreed = true;
            self.taken += u64::from(latest.abs_diff(time_ns) <= self.doubted_ns.unsigned_abs());
            self.latest = Some(latest.max(time_ns));
            self.heard = self.heard.max(Some(time_ns));
            return Verdict::Taken(dropped);
        }
        let near = self.ahead.as_ref().is_some_and(|ahead| {
            let agrees = ahead.latest.abs_diff(time_ns) <= self.doubted_ns.unsigned_abs();
            // A feed that is played fast may leap once more before enough time has passed.
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
        if let Some(mut jump) = self.jump(received) {
            jump.dropped += dropped;
            return Verdict::TakenAfter(jump);
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

    /// The latest time that needs no agreement.
    fn reach(&self, latest: i64) -> i64 {
        self.expected.map_or(latest, |expected| expected.max(latest))
    }

    /// Jumps ahead if enough messages agree, now that it is `now` by a monotonic clock.
    pub(super) fn jump(&mut self, now: Option<i64>) -> Option<Jump> {
        let from_ns = self.latest?;
        let ahead = self.ahead.as_ref()?;
        let lengths = ahead.latest.saturating_sub(self.reach(from_ns)) / self.doubted_ns;
        let messages = AGREE.saturating_add(lengths.unsigned_abs() / LENGTHS).min(AGREE_MAX);
        let wanted = if lengths < SHORT { 0 } else { lengths.saturating_mul(SPAN_NS).min(SPAN_NS_MAX) };
        // Where the time between messages is unknown, their number decides.
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

    /// Says that the clock may have reached a time.
    pub(super) fn expect(&mut self, now_ns: i64) {
        self.expected = Some(self.expected.map_or(now_ns, |expected| expected.max(now_ns)));
    }

    /// Sets the clock, and returns what waited for that, and how much waited in vain. `None`: it was there before.
    pub(super) fn advance(&mut self, now_ns: i64) -> Option<(Vec<Event<'static>>, u64)> {
        if self.agreed && self.latest.is_some_and(|latest| latest >= now_ns) {
            return None;
        }
        (self.latest, self.agreed) = (Some(self.latest.map_or(now_ns, |latest| latest.max(now_ns))), true);
        if now_ns == i64::MAX {
            return Some((Vec::new(), self.forget()));
        }
        let until = now_ns.saturating_add(self.doubted_ns);
        match self.ahead.take_if(|ahead| ahead.latest <= until) {
            Some(ahead) => Some((ahead.waiting, ahead.dropped)),
            None => Some((Vec::new(), 0)),
        }
    }

    /// Sets the clock back to a time that many events agree on; returns how many that waited are dropped.
    pub(super) fn set_back(&mut self, to_ns: i64) -> u64 {
        (self.latest, self.heard, self.agreed) = (Some(to_ns), Some(to_ns), true);
        (self.expected, self.taken) = (None, SURE);
        self.forget()
    }

    /// Drops what waits, and says how much that was.
    fn forget(&mut self) -> u64 {
        self.ahead.take().map_or(0, |ahead| ahead.waiting.len() as u64 + ahead.dropped)
    }
}
