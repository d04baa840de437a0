//! The clock of a venue, by the times of its events.

use super::super::event::Event;

/// A time further ahead than this, or than a bar, is doubted, in ns.
const DOUBTED_NS: i64 = 60_000_000_000;
/// Messages in a row that agree are believed.
const AGREE: u32 = 3;
/// Events that wait for others to agree with them; more are dropped and counted.
const WAITING_MAX: usize = 65_536;

/// A single time that is off must close nothing: one far ahead of all others is believed only once further messages
/// agree with it. The first time of all is believed once another is near it.
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
}

/// Messages in a row that are far ahead of all before them, and near each other.
#[derive(Clone, Debug)]
struct Ahead {
    latest: i64,
    messages: u32,
    last_message: u64,
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
    /// It is taken after these, which waited.
    TakenAfter(Vec<Event<'static>>, u64),
    /// It is taken, and what is later than this time was not true.
    TakenInstead(i64),
}

impl VenueClock {
    /// The clock of a venue of which bars of some length are made.
    pub(super) fn new(bar_ns: i64) -> Self {
        let doubted_ns = bar_ns.max(DOUBTED_NS);
        Self { doubted_ns, latest: None, heard: None, agreed: false, expected: None, ahead: None }
    }

    /// The latest time that is believed.
    pub(super) fn latest(&self) -> Option<i64> {
        self.latest.filter(|_| self.agreed)
    }

    /// The latest time that an event said and that is believed.
    pub(super) fn heard(&self) -> Option<i64> {
        self.heard.filter(|_| self.agreed)
    }

    /// Judges the time of an event of some message.
    pub(super) fn judge(&mut self, time_ns: i64, event: &Event<'_>, message: u64) -> Verdict {
        let Some(latest) = self.latest else {
            (self.latest, self.heard) = (Some(time_ns), Some(time_ns));
            return Verdict::Taken(0);
        };
        let reach = self.expected.map_or(latest, |expected| expected.max(latest));
        if time_ns <= reach.saturating_add(self.doubted_ns) {
            let dropped = self.forget();
            if !self.agreed && time_ns < latest.saturating_sub(self.doubted_ns) {
                (self.latest, self.heard) = (Some(time_ns), Some(time_ns));
                return Verdict::TakenInstead(time_ns.saturating_add(self.doubted_ns));
            }
            self.agreed = true;
            self.latest = Some(latest.max(time_ns));
            self.heard = self.heard.max(Some(time_ns));
            return Verdict::Taken(dropped);
        }
        let near = self
            .ahead
            .as_ref()
            .is_some_and(|ahead| ahead.latest.abs_diff(time_ns) <= self.doubted_ns.unsigned_abs());
        let dropped = if near { 0 } else { self.forget() };
        let ahead = self.ahead.get_or_insert_with(|| Ahead {
            latest: time_ns,
            messages: 0,
            last_message: u64::MAX,
            waiting: Vec::new(),
            dropped: 0,
        });
        ahead.latest = ahead.latest.max(time_ns);
        ahead.messages += u32::from(ahead.last_message != message);
        ahead.last_message = message;
        if ahead.messages >= AGREE {
            let (time_ns, waiting, lost) = (ahead.latest, std::mem::take(&mut ahead.waiting), ahead.dropped);
            self.ahead = None;
            (self.latest, self.heard, self.agreed) = (Some(time_ns), Some(time_ns), true);
            return Verdict::TakenAfter(waiting, dropped + lost);
        }
        match event.kept() {
            Some(kept) if ahead.waiting.len() < WAITING_MAX => ahead.waiting.push(kept),
            Some(_) => ahead.dropped += 1,
            None => {}
        }
        Verdict::Waits(dropped)
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

    /// Drops what waits, and says how much that was.
    fn forget(&mut self) -> u64 {
        self.ahead.take().map_or(0, |ahead| ahead.waiting.len() as u64 + ahead.dropped)
    }
}
