//! Ticks to time bars, by event time.
//!
//! * An interval closes once the watermark has passed its end. The watermark is the time of the latest event
//!   less the lateness; of several venues the furthest behind counts.
//! * Any order of arrival within the lateness gives the same bars, to the bit, and no bar changes after it has
//!   closed. Open and close are chosen by time, then by id; volume is the exact sum, rounded once.
//! * Time without events comes from outside ([`Bars::advance`]), by the venue's clock: the time of its latest
//!   event plus the elapsed monotonic time. Exchange time is never compared with the time of receipt.
//! * A bar of the venue takes precedence over one made of trades. A venue's bar that was never marked complete
//!   is left out.
//! * Symbols are named beforehand. Open intervals, sequences and counts are bounded, so memory does not grow
//!   with the messages of a venue.
//!
//! The clock of a venue (`clock.rs`) rejects outliers:
//!
//! * An event more than a minute, or a bar, ahead of all others waits and moves nothing. Elapsed time counts
//!   ([`Bars::expect`]). It is accepted once more messages in a row agree: three for some minutes, a hundred
//!   over ten seconds of a monotonic clock for days. A message in between that does not agree drops it.
//! * A clock ahead of a hundred messages in a row is set back to them (`behind.rs`, [`ClockChange::Back`]). If
//!   few messages ever agreed with it, the bars that it opened are taken back; otherwise its open bars close.
//! * No interval closes twice: bars continue after the last closed one.

mod behind;
mod building;
mod cancels;
mod clock;
mod counts;
mod exact_sum;
mod set_back;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::event::Event;
pub use building::Bar;
use building::Building;
use clock::{Jump, VenueClock, Verdict};
pub use counts::{BarCounts, Taken};
pub use set_back::ClockChange;
pub use settings::{BarSettings, BarsError, LatePolicy};

/// Intervals that may be open at once; events beyond them are dropped and counted. It takes a venue that stands still
/// beside one that runs, and nobody who advances the first, to come near it.
const INTERVALS_MAX: usize = 1024;
/// Trades of open bars that are kept so that they can be taken back, 12 MiB.
const KEPT_MAX: usize = 262_144;
/// Most changes of clocks that wait to be taken; more are only counted.
const CHANGES_MAX: usize = 16;

/// The bars of an interval that is closed. Instruments that did not trade in it have none.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosedInterval {
    /// Its start, ns since 1970 UTC.
    pub start_ns: i64,
    /// Its end, ns since 1970 UTC, which belongs to the next interval.
    pub end_ns: i64,
    /// Its bars, in the order of the symbols' bytes.
    pub bars: Vec<(Arc<str>, Bar)>,
}

/// Makes bars of events of one or more venues.
#[derive(Clone, Debug)]
pub struct Bars {
    settings: BarSettings,
    /// In the order of their bytes.
    symbols: Vec<Arc<str>>,
    /// One for each venue.
    clocks: Vec<VenueClock>,
    /// Number of the next message.
    message: u64,
    /// When the message came, by a monotonic clock, in ns.
    received: Option<i64>,
    /// What lies before is complete; intervals that end by it are closed.
    watermark: i64,
    /// End of the last interval that was closed. It lies behind the watermark unless a clock was set back.
    closed: i64,
    changes: Vec<ClockChange>,
    /// Whether trades can be taken back, and how many more of them are kept for that.
    keeps: bool,
    room: usize,
    /// [`BarSettings::from_ns`] as it was given.
    from_ns: i64,
    /// Open intervals by their starts; bars by symbol.
    open: BTreeMap<i64, Vec<Option<Building>>>,
    counts: BarCounts,
}

impl Bars {
    /// Bars of these instruments, from so many venues. Instruments named twice count once.
    ///
    /// # Errors
    /// Settings out of their range; no venue; no instrument.
    pub fn new<'a>(
        settings: BarSettings,
        venues: usize,
        symbols: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, BarsError> {
        settings.check()?;
        let mut symbols: Vec<Arc<str>> = symbols.into_iter().map(Arc::from).collect();
        symbols.sort_unstable();
        symbols.dedup();
        for (what, none) in [("venues", venues == 0), ("symbols", symbols.is_empty())] {
            if none {
                return Err(BarsError::Nothing { what });
            }
        }
        let clocks = vec![VenueClock::new(settings.length_ns); venues];
        let open = BTreeMap::new();
        let counts = BarCounts::default();
        Ok(Self {
            settings,
            symbols,
            clocks,
            message: 0,
            received: None,
            watermark: i64::MIN,
            closed: i64::MIN,
            changes: Vec::new(),
            keeps: false,
            room: 0,
            from_ns: settings.from_ns,
            open,
            counts,
        })
    }

    /// Keeps the trades of open bars, at most 262,144, so that a venue can take them back.
    #[must_use]
    pub fn with_cancels(mut self) -> Self {
        (self.keeps, self.room) = (true, KEPT_MAX);
        self
    }

    /// Takes an event of a venue, counted from 0; what it closes is added to `out`. It sets no clock back.
    ///
    /// # Panics
    /// There is no such venue.
    pub fn observe(&mut self, venue: usize, event: &Event<'_>, out: &mut Vec<ClosedInterval>) -> Taken {
        (self.message, self.received) = (self.message + 1, None);
        let taken = self.judge(venue, event);
        self.follow(out);
        taken
    }

    /// Takes all that a message of a venue says before anything is closed by it. Of a message that says what was before
    /// ([`Event::Past`]) no time moves the clock.
    ///
    /// # Panics
    /// There is no such venue.
    pub fn observe_message(&mut self, venue: usize, events: &[Event<'_>], out: &mut Vec<ClosedInterval>) {
        self.observe_at(venue, events, None, out);
    }

    /// The same, of a message that came at `received_ns` by a monotonic clock: times that are off have to agree over some
    /// time as well.
    ///
    /// # Panics
    /// There is no such venue.
    pub fn observe_message_at(
        &mut self,
        venue: usize,
        events: &[Event<'_>],
        received_ns: i64,
        out: &mut Vec<ClosedInterval>,
    ) {
        self.observe_at(venue, events, Some(received_ns), out);
    }

    fn observe_at(
        &mut self,
        venue: usize,
        events: &[Event<'_>],
        received: Option<i64>,
        out: &mut Vec<ClosedInterval>,
    ) {
        (self.message, self.received) = (self.message + 1, received);
        let past = events.contains(&Event::Past);
        for event in events {
            match past {
                true => _ = self.put(event),
                false => _ = self.judge(venue, event),
            }
        }
        self.follow(out);
        for event in events.iter().filter(|_| !past) {
            self.look_behind(venue, event, out);
        }
    }

    /// Takes an event, and what waited for it, as the clock of its venue has it.
    fn judge(&mut self, venue: usize, event: &Event<'_>) -> Taken {
        let Some(time_ns) = event.time_ns() else { return self.put(event) };
        match self.clocks[venue].judge(time_ns, event, self.message, self.received) {
            Verdict::Taken(dropped) => self.counts.doubted += dropped,
            Verdict::Waits(dropped) => {
                self.counts.doubted += dropped;
                return Taken::Doubted;
            }
            Verdict::TakenAfter(jump) => self.take_jump(jump),
            Verdict::TakenInstead(until_ns) => {
                let start_ns = self.start_of(until_ns);
                let wrong = self.open.split_off(&start_ns.saturating_add(1));
                self.counts.doubted += self.take_back(wrong);
            }
        }
        self.put(event)
    }

    /// Takes what waited for a clock that jumped ahead.
    fn take_jump(&mut self, jump: Jump) {
        self.counts.doubted += jump.dropped;
        jump.waited.iter().for_each(|event| _ = self.put(event));
        self.change(ClockChange::Ahead { from_ns: jump.from_ns, to_ns: jump.to_ns });
    }

    fn change(&mut self, change: ClockChange) {
        if self.changes.len() < CHANGES_MAX {
            self.changes.push(change);
        }
    }

    /// Puts an event into its bar.
    fn put(&mut self, event: &Event<'_>) -> Taken {
        let taken = self.take(event);
        let counts = &mut self.counts;
        match taken {
            Taken::InBar => counts.in_bars += 1,
            Taken::Late => counts.late += 1,
            Taken::Duplicate => counts.duplicates += 1,
            Taken::Before => counts.before += 1,
            Taken::Ahead => counts.ahead += 1,
            Taken::NotAsked => counts.not_asked += 1,
            Taken::ClockBack => counts.clock_back += 1,
            Taken::NoTrade | Taken::Doubted | Taken::Changed | Taken::ChangedLate => {}
        }
        taken
    }

    /// Counts the events of open intervals that are not to be closed as not taken; returns how many they are.
    fn take_back(&mut self, intervals: BTreeMap<i64, Vec<Option<Building>>>) -> u64 {
        let mut events = 0;
        for building in intervals.into_values().flatten().flatten() {
            events += building.events();
            self.room += building.kept();
        }
        self.counts.in_bars -= events;
        events
    }

    /// Changes of the venues' clocks since the last call.
    pub fn take_changes(&mut self) -> Vec<ClockChange> {
        std::mem::take(&mut self.changes)
    }

    /// Says that the venue's clock has reached a time, ns since 1970 UTC; what that closes is added to `out`.
    ///
    /// That is the venue's clock, not ours: the time of its latest event plus what has passed since by a monotonic clock.
    /// It decides which bars there are, so it is an input to be recorded. `i64::MAX` ends the feed: all is closed.
    ///
    /// # Panics
    /// There is no such venue.
    pub fn advance(&mut self, venue: usize, now_ns: i64, out: &mut Vec<ClosedInterval>) {
        let Some((waited, dropped)) = self.clocks[venue].advance(now_ns) else { return };
        self.counts.doubted += dropped;
        waited.iter().for_each(|event| _ = self.put(event));
        self.follow(out);
    }

    /// Says that no message came until `now_ns` by the monotonic clock of [`Bars::observe_message_at`]: a time far ahead that
    /// nothing contradicts is believed after a while, and so are messages that are all behind the clock.
    ///
    /// # Panics
    /// There is no such venue.
    pub fn pass(&mut self, venue: usize, now_ns: i64, out: &mut Vec<ClosedInterval>) {
        if let Some(jump) = self.clocks[venue].jump(Some(now_ns)) {
            self.take_jump(jump);
            self.follow(out);
        }
        self.pass_behind(venue, now_ns, out);
    }

    /// Says that the venue's clock may have reached a time, ns since 1970 UTC, though it was not heard of: after an outage
    /// its events are believed from there on. Nothing is closed by it.
    ///
    /// # Panics
    /// There is no such venue.
    pub fn expect(&mut self, venue: usize, now_ns: i64) {
        self.clocks[venue].expect(now_ns);
    }

    /// Makes no interval that starts before this time, ns since 1970 UTC; events of those that are open are counted as
    /// [`BarCounts::before`].
    pub fn start_from(&mut self, from_ns: i64) {
        if from_ns > self.settings.from_ns {
            self.settings.from_ns = from_ns;
            let kept = self.open.split_off(&from_ns);
            let before = std::mem::replace(&mut self.open, kept);
            self.counts.before += self.take_back(before);
        }
    }

    /// Moves the watermark as the clocks say, and closes what it passes.
    fn follow(&mut self, out: &mut Vec<ClosedInterval>) {
        // No venue's bars are complete before each has been heard of.
        let Some(furthest_behind) = self.clocks.iter().map(VenueClock::latest).min().flatten() else {
            return;
        };
        let lateness_ns = if furthest_behind == i64::MAX { 0 } else { self.settings.lateness_ns };
        self.watermark = self.watermark.max(furthest_behind.saturating_sub(lateness_ns));
        self.close(out);
    }

    /// The time of the latest event of a venue, or to which it was advanced, ns since 1970 UTC. None as long as a single
    /// message says it.
    #[must_use]
    pub fn latest_ns(&self, venue: usize) -> Option<i64> {
        self.clocks.get(venue).and_then(VenueClock::latest)
    }

    /// The latest time that an event of a venue said, ns since 1970 UTC, whatever it was advanced to. None as long as a
    /// single message says it.
    #[must_use]
    pub fn heard_ns(&self, venue: usize) -> Option<i64> {
        self.clocks.get(venue).and_then(VenueClock::heard)
    }

    /// What lies before this time, ns since 1970 UTC, changes nothing any more where its interval ends by it.
    #[must_use]
    pub fn watermark_ns(&self) -> i64 {
        self.watermark
    }

    /// Events by what became of them.
    #[must_use]
    pub fn counts(&self) -> BarCounts {
        self.counts
    }

    fn take(&mut self, event: &Event<'_>) -> Taken {
        match event {
            Event::Trade(trade) => {
                let start_ns = self.start_of(trade.time_ns);
                let (mut room, mut forgotten) = (self.room, 0);
                let taken = self.building(&trade.symbol, start_ns);
                let taken = taken.map(|bar| bar.add(trade, &mut room, &mut forgotten));
                self.counts.unkept += u64::from(self.keeps && taken == Ok(true) && room == self.room);
                self.room = room;
                self.counts.forgotten += forgotten;
                match taken {
                    // The venue's numbers tell that it is not new.
                    Err(Taken::Late | Taken::ClockBack) if trade.repeated => Taken::Duplicate,
                    taken => taken.map_or_else(|reason| reason, in_bar),
                }
            }
            Event::Bar(bar) => {
                let length_ns = bar.end_ns.saturating_sub(bar.start_ns);
                if length_ns != self.settings.length_ns || self.start_of(bar.start_ns) != bar.start_ns {
                    return Taken::NotAsked;
                }
                self.building(&bar.symbol, bar.start_ns)
                    .map_or_else(|reason| reason, |b| in_bar(b.replace(bar)))
            }
            Event::NoTrade(report) => match self.column(&report.symbol) {
                Some(_) => {
                    self.counts.no_trade += 1;
                    Taken::NoTrade
                }
                None => Taken::NotAsked,
            },
            Event::Cancel(cancel) => self.cancel(&cancel.symbol, cancel.id),
            // What has no quantity any more is no trade.
            Event::Correction(right) if right.quantity == 0.0 => self.cancel(&right.symbol, right.id),
            Event::Correction(right) => self.correct(right),
            _ => Taken::NoTrade,
        }
    }

    fn start_of(&self, time_ns: i64) -> i64 {
        time_ns.saturating_sub(time_ns.rem_euclid(self.settings.length_ns))
    }

    fn column(&self, symbol: &str) -> Option<usize> {
        self.symbols.binary_search_by(|known| (**known).cmp(symbol)).ok()
    }

    /// The bar in the making that an event belongs to, or why there is none.
    fn building(&mut self, symbol: &str, start_ns: i64) -> Result<&mut Building, Taken> {
        let column = self.column(symbol).ok_or(Taken::NotAsked)?;
        let end_ns = start_ns.saturating_add(self.settings.length_ns);
        if end_ns <= self.closed && self.closed > self.watermark {
            return Err(Taken::ClockBack);
        }
        if start_ns < self.settings.from_ns {
            return Err(Taken::Before);
        }
        if end_ns <= self.watermark {
            return Err(Taken::Late);
        }
        if self.open.len() == INTERVALS_MAX && !self.open.contains_key(&start_ns) {
            return Err(Taken::Ahead);
        }
        let bars = self.open.entry(start_ns).or_insert_with(|| vec![None; self.symbols.len()]);
        Ok(bars[column].get_or_insert_default())
    }

    /// Closes the intervals that end by the watermark, the earliest first.
    fn close(&mut self, out: &mut Vec<ClosedInterval>) {
        while let Some(interval) = self.open.first_entry() {
            let start_ns = *interval.key();
            let end_ns = start_ns.saturating_add(self.settings.length_ns);
            if end_ns > self.watermark {
                return;
            }
            let mut bars = Vec::new();
            for (symbol, building) in self.symbols.iter().zip(interval.remove()) {
                let Some(building) = building else { continue };
                self.counts.incomplete += u64::from(building.is_incomplete());
                self.counts.without_price += u64::from(building.has_no_price());
                self.room += building.kept();
                bars.extend(building.close().map(|bar| (symbol.clone(), bar)));
            }
            self.counts.bars += bars.len() as u64;
            self.closed = self.closed.max(end_ns);
            if !bars.is_empty() {
                out.push(ClosedInterval { start_ns, end_ns, bars });
            }
        }
    }
}

fn in_bar(new: bool) -> Taken {
    if new { Taken::InBar } else { Taken::Duplicate }
}
