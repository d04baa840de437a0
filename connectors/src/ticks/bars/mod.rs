//! Time bars from ticks, by event time.
//!
//! * An interval closes once the watermark has passed its end.
//!   The watermark is the time of the latest event less the lateness; with several venues, the earliest of
//!   their times.
//! * Any order of arrival within the lateness gives the same bars bit for bit, and a closed bar never changes.
//!   Open and close are chosen by time, then by id; volume is the exact sum, rounded once.
//! * Time that passes without events is an input ([`Bars::advance`]), by the venue's clock.
//!   This clock is the time of the latest event plus the elapsed monotonic time. Exchange time is never
//!   compared with the time of receipt.
//! * A bar sent by the venue takes precedence over a bar built from trades.
//!   A venue's bar that was never marked complete is omitted.
//! * The symbols are fixed at the start.
//!   Open intervals, sequences and counts are bounded, so memory does not grow with the messages of a venue.
//!
//! The clock of a venue (`clock.rs`) rejects outliers:
//!
//! * An event more than a minute, or a bar, ahead of all others waits and does not move the clock.
//!   The lead is measured from the time expected by [`Bars::expect`], if later. The event is accepted once
//!   enough consecutive messages agree: three for a lead of some minutes, a hundred over ten seconds of a
//!   monotonic clock for days. A message that disagrees in between drops the event.
//! * A clock ahead of a hundred consecutive messages is set back (`lag.rs`, [`ClockChange::Back`]).
//!   If few events agreed with the old time, the bars that it opened are discarded; otherwise the open bars
//!   close.
//! * No interval closes twice: bars continue after the last closed one.

mod cancels;
mod clock;
mod counts;
mod exact_sum;
mod lag;
mod open_bar;
mod set_back;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::event::Event;
use clock::{Jump, VenueClock, Verdict};
pub use counts::{BarCounts, EventOutcome};
pub use open_bar::Bar;
use open_bar::OpenBar;
pub use set_back::ClockChange;
pub use settings::{BarSettings, BarsError, LatePolicy};

/// Maximum number of open intervals; events beyond them are dropped and counted. Only a stopped venue beside
/// a running one, without [`Bars::advance`], comes near this number.
const INTERVALS_MAX: usize = 1024;
/// Maximum number of trades of open bars kept for cancellation, 12 MiB.
const KEPT_MAX: usize = 262_144;
/// Maximum number of pending clock changes; later ones are not reported.
const CHANGES_MAX: usize = 16;

/// Bars of a closed interval, without instruments that had no trade in it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosedInterval {
    /// Start of the interval, ns since 1970 UTC.
    pub start_ns: i64,
    /// End of the interval, exclusive, ns since 1970 UTC.
    pub end_ns: i64,
    /// Bars in byte order of the symbols.
    pub bars: Vec<(Arc<str>, Bar)>,
}

/// Builder of bars from the events of one or more venues.
#[derive(Clone, Debug)]
pub struct Bars {
    settings: BarSettings,
    /// Symbols in byte order.
    symbols: Vec<Arc<str>>,
    /// One clock per venue.
    clocks: Vec<VenueClock>,
    /// Number of the next message.
    message: u64,
    /// Receipt of the current message by a monotonic clock, in ns.
    received: Option<i64>,
    /// Watermark: intervals that end at or before it are closed.
    watermark: i64,
    /// End of the last closed interval; at most the watermark, unless a clock was set back.
    closed: i64,
    changes: Vec<ClockChange>,
    /// Whether trades are kept for cancellation, and the number of trades that may still be kept.
    keeps: bool,
    room: usize,
    /// [`BarSettings::from_ns`] as configured.
    from_ns: i64,
    /// Open intervals by start, each with its bars by symbol.
    open: BTreeMap<i64, Vec<Option<OpenBar>>>,
    counts: BarCounts,
}

impl Bars {
    /// Creates a builder for these instruments from `venues` venues. Repeated instruments count once.
    ///
    /// # Errors
    /// A setting is out of range, or there is no venue or no instrument.
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

    /// Keeps the trades of open bars, at most 262,144, so that they can be cancelled.
    #[must_use]
    pub fn with_cancels(mut self) -> Self {
        (self.keeps, self.room) = (true, KEPT_MAX);
        self
    }

    /// Adds an event of a venue, numbered from 0; appends closed intervals to `out`. Never sets a clock back.
    ///
    /// # Panics
    /// `venue` is out of range.
    pub fn observe(
        &mut self,
        venue: usize,
        event: &Event<'_>,
        out: &mut Vec<ClosedInterval>,
    ) -> EventOutcome {
        (self.message, self.received) = (self.message + 1, None);
        let taken = self.judge(venue, event);
        self.follow(out);
        taken
    }

    /// Adds all events of a venue's message before any interval closes. A message about the past
    /// ([`Event::Past`]) does not move the clock.
    ///
    /// # Panics
    /// `venue` is out of range.
    pub fn observe_message(&mut self, venue: usize, events: &[Event<'_>], out: &mut Vec<ClosedInterval>) {
        self.observe_at(venue, events, None, out);
    }

    /// Adds all events of a message received at `received_ns` by a monotonic clock. Times far from the clock
    /// must then also agree over a time span.
    ///
    /// # Panics
    /// `venue` is out of range.
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

    /// Adds an event if the venue's clock accepts its time, after the events that waited for this time.
    fn judge(&mut self, venue: usize, event: &Event<'_>) -> EventOutcome {
        let Some(time_ns) = event.time_ns() else { return self.put(event) };
        match self.clocks[venue].judge(time_ns, event, self.message, self.received) {
            Verdict::Accepted(dropped) => self.counts.doubted += dropped,
            Verdict::Waits(dropped) => {
                self.counts.doubted += dropped;
                return EventOutcome::Doubted;
            }
            Verdict::AcceptedAfterJump(jump) => self.take_jump(jump),
            Verdict::AcceptedInstead(until_ns) => {
                let start_ns = self.start_of(until_ns);
                let wrong = self.open.split_off(&start_ns.saturating_add(1));
                self.counts.doubted += self.take_back(wrong);
            }
        }
        self.put(event)
    }

    /// Adds the events that waited for a jump of the clock.
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

    /// Adds an event to its bar.
    fn put(&mut self, event: &Event<'_>) -> EventOutcome {
        let taken = self.take(event);
        let counts = &mut self.counts;
        match taken {
            EventOutcome::InBar => counts.in_bars += 1,
            EventOutcome::Late => counts.late += 1,
            EventOutcome::Duplicate => counts.duplicates += 1,
            EventOutcome::Before => counts.before += 1,
            EventOutcome::Ahead => counts.ahead += 1,
            EventOutcome::NotAsked => counts.not_asked += 1,
            EventOutcome::ClockBack => counts.clock_back += 1,
            EventOutcome::NoTrade
            | EventOutcome::Doubted
            | EventOutcome::Changed
            | EventOutcome::ChangedLate => {}
        }
        taken
    }

    /// Removes the events of discarded open intervals from the counts; returns their number.
    fn take_back(&mut self, intervals: BTreeMap<i64, Vec<Option<OpenBar>>>) -> u64 {
        let mut events = 0;
        for open_bar in intervals.into_values().flatten().flatten() {
            events += open_bar.events();
            self.room += open_bar.kept();
        }
        self.counts.in_bars -= events;
        events
    }

    /// Returns the changes of the venues' clocks since the last call.
    pub fn take_changes(&mut self) -> Vec<ClockChange> {
        std::mem::take(&mut self.changes)
    }

    /// Advances the venue's clock to `now_ns`, ns since 1970 UTC; appends closed intervals to `out`.
    ///
    /// The time is that of the venue's clock, not the local one: its latest event plus the elapsed time of a
    /// monotonic clock. It decides which bars exist, so it must be recorded as an input. `i64::MAX` ends the
    /// feed and closes all intervals.
    ///
    /// # Panics
    /// `venue` is out of range.
    pub fn advance(&mut self, venue: usize, now_ns: i64, out: &mut Vec<ClosedInterval>) {
        let Some((waited, dropped)) = self.clocks[venue].advance(now_ns) else { return };
        self.counts.doubted += dropped;
        waited.iter().for_each(|event| _ = self.put(event));
        self.follow(out);
    }

    /// Records that no message arrived until `now_ns` by the monotonic clock of [`Bars::observe_message_at`].
    /// If enough time has passed, accepts a time far ahead that no message contradicts, or sets back a clock
    /// ahead of all recent messages.
    ///
    /// # Panics
    /// `venue` is out of range.
    pub fn pass(&mut self, venue: usize, now_ns: i64, out: &mut Vec<ClosedInterval>) {
        if let Some(jump) = self.clocks[venue].jump(Some(now_ns)) {
            self.take_jump(jump);
            self.follow(out);
        }
        self.pass_behind(venue, now_ns, out);
    }

    /// Records that the venue's clock may have reached `now_ns`, ns since 1970 UTC, without an event: after
    /// an outage, events near this time are accepted. Closes no interval.
    ///
    /// # Panics
    /// `venue` is out of range.
    pub fn expect(&mut self, venue: usize, now_ns: i64) {
        self.clocks[venue].expect(now_ns);
    }

    /// Discards intervals that start before `from_ns`, ns since 1970 UTC. Their events are counted as `before`.
    pub fn start_from(&mut self, from_ns: i64) {
        if from_ns > self.settings.from_ns {
            self.settings.from_ns = from_ns;
            let kept = self.open.split_off(&from_ns);
            let before = std::mem::replace(&mut self.open, kept);
            self.counts.before += self.take_back(before);
        }
    }

    /// Advances the watermark to the earliest clock less the lateness, and closes the intervals before it.
    fn follow(&mut self, out: &mut Vec<ClosedInterval>) {
        // No bar is complete before every venue has sent an event.
        let Some(furthest_behind) = self.clocks.iter().map(VenueClock::latest).min().flatten() else {
            return;
        };
        let lateness_ns = if furthest_behind == i64::MAX { 0 } else { self.settings.lateness_ns };
        self.watermark = self.watermark.max(furthest_behind.saturating_sub(lateness_ns));
        self.close(out);
    }

    /// Returns the latest time of a venue by events or [`Bars::advance`], ns since 1970 UTC; `None` while
    /// only one message supports it.
    #[must_use]
    pub fn latest_ns(&self, venue: usize) -> Option<i64> {
        self.clocks.get(venue).and_then(VenueClock::latest)
    }

    /// Returns the latest event time of a venue, ns since 1970 UTC, independent of [`Bars::advance`]; `None`
    /// while only one message supports it.
    #[must_use]
    pub fn heard_ns(&self, venue: usize) -> Option<i64> {
        self.clocks.get(venue).and_then(VenueClock::heard)
    }

    /// Returns the watermark, ns since 1970 UTC: intervals that end at or before it do not change.
    #[must_use]
    pub fn watermark_ns(&self) -> i64 {
        self.watermark
    }

    /// Returns the counts of events by outcome.
    #[must_use]
    pub fn counts(&self) -> BarCounts {
        self.counts
    }

    fn take(&mut self, event: &Event<'_>) -> EventOutcome {
        match event {
            Event::Trade(trade) => {
                let start_ns = self.start_of(trade.time_ns);
                let (mut room, mut forgotten) = (self.room, 0);
                let taken = self.open_bar(&trade.symbol, start_ns);
                let taken = taken.map(|bar| bar.add(trade, &mut room, &mut forgotten));
                self.counts.unkept += u64::from(self.keeps && taken == Ok(true) && room == self.room);
                self.room = room;
                self.counts.forgotten += forgotten;
                match taken {
                    // The venue's numbering shows that the trade is a repetition.
                    Err(EventOutcome::Late | EventOutcome::ClockBack) if trade.repeated => {
                        EventOutcome::Duplicate
                    }
                    taken => taken.map_or_else(|reason| reason, in_bar),
                }
            }
            Event::Bar(bar) => {
                let length_ns = bar.end_ns.saturating_sub(bar.start_ns);
                if length_ns != self.settings.length_ns || self.start_of(bar.start_ns) != bar.start_ns {
                    return EventOutcome::NotAsked;
                }
                self.open_bar(&bar.symbol, bar.start_ns)
                    .map_or_else(|reason| reason, |b| in_bar(b.replace(bar)))
            }
            Event::NoTrade(report) => match self.column(&report.symbol) {
                Some(_) => {
                    self.counts.no_trade += 1;
                    EventOutcome::NoTrade
                }
                None => EventOutcome::NotAsked,
            },
            Event::Cancel(cancel) => self.cancel(&cancel.symbol, cancel.id),
            // A correction to quantity 0 is a cancellation.
            Event::Correction(right) if right.quantity == 0.0 => self.cancel(&right.symbol, right.id),
            Event::Correction(right) => self.correct(right),
            _ => EventOutcome::NoTrade,
        }
    }

    fn start_of(&self, time_ns: i64) -> i64 {
        time_ns.saturating_sub(time_ns.rem_euclid(self.settings.length_ns))
    }

    fn column(&self, symbol: &str) -> Option<usize> {
        self.symbols.binary_search_by(|known| (**known).cmp(symbol)).ok()
    }

    /// Returns the bar under construction for an event, or the outcome of an event without a bar.
    fn open_bar(&mut self, symbol: &str, start_ns: i64) -> Result<&mut OpenBar, EventOutcome> {
        let column = self.column(symbol).ok_or(EventOutcome::NotAsked)?;
        let end_ns = start_ns.saturating_add(self.settings.length_ns);
        if end_ns <= self.closed && self.closed > self.watermark {
            return Err(EventOutcome::ClockBack);
        }
        if start_ns < self.settings.from_ns {
            return Err(EventOutcome::Before);
        }
        if end_ns <= self.watermark {
            return Err(EventOutcome::Late);
        }
        if self.open.len() == INTERVALS_MAX && !self.open.contains_key(&start_ns) {
            return Err(EventOutcome::Ahead);
        }
        let bars = self.open.entry(start_ns).or_insert_with(|| vec![None; self.symbols.len()]);
        Ok(bars[column].get_or_insert_default())
    }

    /// Closes the intervals that end at or before the watermark, the earliest first.
    fn close(&mut self, out: &mut Vec<ClosedInterval>) {
        while let Some(interval) = self.open.first_entry() {
            let start_ns = *interval.key();
            let end_ns = start_ns.saturating_add(self.settings.length_ns);
            if end_ns > self.watermark {
                return;
            }
            let mut bars = Vec::new();
            for (symbol, open_bar) in self.symbols.iter().zip(interval.remove()) {
                let Some(open_bar) = open_bar else { continue };
                self.counts.incomplete += u64::from(open_bar.is_incomplete());
                self.counts.without_price += u64::from(open_bar.has_no_price());
                self.room += open_bar.kept();
                bars.extend(open_bar.close().map(|bar| (symbol.clone(), bar)));
            }
            self.counts.bars += bars.len() as u64;
            self.closed = self.closed.max(end_ns);
            if !bars.is_empty() {
                out.push(ClosedInterval { start_ns, end_ns, bars });
            }
        }
    }
}

fn in_bar(new: bool) -> EventOutcome {
    if new { EventOutcome::InBar } else { EventOutcome::Duplicate }
}
