//! Builder of bars from a venue's messages.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use betaflow_engine::frame::Field;
use betaflow_engine::time::Iso;
use betaflow_engine::time::TimestampNs;
use serde_json::json;

use super::faults::{Fault, Faults, Holes, of_clock};
use super::watch::SymbolWatch;
use super::{BarsFrom, VenueCounts, VenueSettings};
use crate::clock::now;
use crate::live::client::EdgeEvent;
use crate::live::client::backpressure::{Closed, EventSender};
use crate::live::client::counts::{Counters, add, set};
use crate::live::protocol;
use crate::ticks::{Bars, ClockChange, ClosedInterval, Event, Parsed, Venue};

/// Maximum number of different refusals reported per connection; all are counted.
const REPORTED_MAX: usize = 16;

/// Bars and sequence numbers of a venue; they outlive a connection.
pub(crate) struct BarBuilder {
    name: String,
    bars_from: BarsFrom,
    bar_ns: i64,
    lateness_ns: i64,
    from_ns: Option<i64>,
    venue: Box<dyn Venue>,
    bars: Bars,
    closed: Vec<ClosedInterval>,
    seq: u64,
    counts: Arc<Mutex<VenueCounts>>,
    /// Time of the latest event by the venue's clock, and time of its receipt.
    latest: Option<(i64, Instant)>,
    /// Time of the latest event before this connection.
    latest_before: Option<i64>,
    /// Time of the first event of this connection that is not a snapshot of the past.
    first_event: Option<i64>,
    /// Whether the venue's time at the start of this connection is known; its clock advances only then.
    is_located: bool,
    reported: BTreeSet<String>,
    faults: Faults,
    holes: Holes,
    watch: SymbolWatch,
    /// Zero of the monotonic clock of the bars.
    started: Instant,
}

impl BarBuilder {
    pub(crate) fn new(
        settings: &VenueSettings,
        venue: Box<dyn Venue>,
        bars: Bars,
        counts: Arc<Mutex<VenueCounts>>,
    ) -> Self {
        Self {
            name: settings.venue.clone(),
            bars_from: settings.bars_from,
            bar_ns: settings.bar_ns,
            lateness_ns: i64::try_from(settings.lateness.as_nanos()).unwrap_or(i64::MAX),
            from_ns: settings.from_ns,
            venue,
            bars,
            closed: Vec::new(),
            seq: settings.first_seq,
            counts,
            latest: None,
            latest_before: None,
            first_event: None,
            is_located: false,
            reported: BTreeSet::new(),
            faults: Faults::default(),
            holes: Holes::new(i64::try_from(settings.lateness.as_nanos()).unwrap_or(i64::MAX)),
            watch: SymbolWatch::new(settings),
            started: Instant::now(),
        }
    }

    /// Starts another connection.
    pub(crate) fn connected(&mut self, again: bool, sender: &mut EventSender) -> Result<(), Closed> {
        if again {
            // Sequence numbers of the last connection do not continue.
            self.send_holes(true, sender)?;
            self.venue.reconnected();
        }
        self.watch.begin();
        self.latest_before = self.latest.map(|(latest, _)| latest);
        (self.first_event, self.is_located) = (None, false);
        self.reported.clear();
        Ok(())
    }

    /// Returns the number of trades and venue bars included in bars.
    pub(crate) fn taken(&self) -> u64 {
        self.bars.counts().in_bars
    }

    /// Excludes `blocked`, during which no message was read, from the silence of the venue.
    pub(crate) fn blocked(&mut self, blocked: Duration) {
        if let Some((_, received)) = &mut self.latest {
            *received += blocked;
        }
    }

    /// Parses a message and delivers the bars closed by it.
    pub(crate) fn take(
        &mut self,
        text: &str,
        received: Instant,
        sender: &mut EventSender,
    ) -> Result<(), Closed> {
        let mut events = Vec::new();
        let parsed = self.venue.parse(text, &mut events);
        self.report(&parsed, &events, sender)?;
        if let Some((latest, since)) = self.latest {
            self.bars.expect(0, later(latest, received.saturating_duration_since(since)));
        }
        let monotonic = self.monotonic(received);
        self.bars.observe_message_at(0, &events, monotonic, &mut self.closed);
        if let Some(heard) = self.bars.heard_ns(0) {
            events.iter().for_each(|event| self.watch.see(event, heard));
        }
        self.clock_changes(received, sender)?;
        let past = events.contains(&Event::Past);
        let time = events.iter().filter_map(Event::time_ns).max().filter(|_| !past);
        if let Some(time) = time {
            self.first_event.get_or_insert(time);
            if let Some(latest) = self.bars.heard_ns(0)
                && self.latest.is_none_or(|(known, _)| known < latest)
            {
                self.latest = Some((latest, received));
                if !self.is_located {
                    self.is_located = true;
                    self.begin(latest, sender)?;
                }
            }
        }
        self.report_faults(received, sender)?;
        self.publish(Some(parsed), &sender.counters);
        self.deliver(received, sender)
    }

    /// Converts an instant to the monotonic clock of the bars.
    fn monotonic(&self, at: Instant) -> i64 {
        i64::try_from(at.saturating_duration_since(self.started).as_nanos()).unwrap_or(i64::MAX)
    }

    /// Reports steps of the venue's clock; updates the latest time and restarts the symbol monitor.
    fn clock_changes(&mut self, received: Instant, sender: &mut EventSender) -> Result<(), Closed> {
        for change in self.bars.take_changes() {
            sender.send(of_clock(change, &self.name).event())?;
            let (ClockChange::Ahead { to_ns, .. } | ClockChange::Back { to_ns, .. }) = change;
            self.latest = Some((to_ns, received));
            self.watch.begin();
        }
        Ok(())
    }

    /// Reports faults when they first occur.
    fn report_faults(&mut self, now: Instant, sender: &mut EventSender) -> Result<(), Closed> {
        self.send_holes(false, sender)?;
        for fault in self.faults.first(&self.bars.counts(), &self.name) {
            sender.send(fault.event())?;
        }
        if let Some((faults, heard)) = self.watch.look(now) {
            self.counts.lock().unwrap_or_else(PoisonError::into_inner).symbols = heard;
            for fault in faults {
                sender.send(fault.event())?;
            }
        }
        Ok(())
    }

    /// Reports missing sequence numbers: the overdue ones, or all.
    fn send_holes(&mut self, all: bool, sender: &mut EventSender) -> Result<(), Closed> {
        let latest = self.bars.latest_ns(0);
        for event in self.holes.due(self.venue.sequences_mut(), latest, all) {
            sender.send(event)?;
        }
        Ok(())
    }

    /// Advances the venue's clock between messages.
    pub(crate) fn tick(&mut self, sender: &mut EventSender) -> Result<(), Closed> {
        let now = Instant::now();
        self.bars.pass(0, self.monotonic(now), &mut self.closed);
        self.clock_changes(now, sender)?;
        self.report_faults(now, sender)?;
        let Some((latest, received)) = self.latest.filter(|_| self.is_located) else { return Ok(()) };
        self.bars.advance(0, later(latest, received.elapsed()), &mut self.closed);
        self.publish(None, &sender.counters);
        self.deliver(Instant::now(), sender)
    }

    /// Handles the first event of a connection: intervals that started before it may be incomplete.
    fn begin(&mut self, latest: i64, sender: &mut EventSender) -> Result<(), Closed> {
        let began = self.first_event.unwrap_or(latest).min(latest);
        let floor = |time: i64| time.saturating_sub(time.rem_euclid(self.bar_ns));
        let ceil = |time: i64| floor(time.saturating_add(self.bar_ns - 1));
        let whole = match self.bars_from {
            BarsFrom::Trades => ceil(began),
            // The venue may still send the bar that ended last; it is complete.
            BarsFrom::Venue => floor(began).saturating_sub(self.bar_ns),
        };
        // Trades arrive out of order within the lateness, so a lost trade may precede the latest event
        // received or follow the first event of the new connection.
        let ends = ceil(began.saturating_add(self.lateness_ns));
        let outage = match (self.latest_before, self.from_ns) {
            (Some(before), _) => Some((floor(before.saturating_sub(self.lateness_ns)), ends)),
            (None, Some(from)) => Some((from, if self.bars_from == BarsFrom::Trades { ends } else { whole })),
            (None, None) => None,
        };
        // The venue's own bars are complete whenever they arrive.
        if self.latest_before.is_none() && (self.bars_from == BarsFrom::Trades || self.from_ns.is_none()) {
            self.bars.start_from(whole);
            let closed = self.closed.len();
            self.closed.retain(|interval| interval.start_ns >= whole);
            add(&sender.counters.partial, (closed - self.closed.len()) as u64);
        }
        if let Some(from_ns) =
            self.from_ns.filter(|from| self.latest_before.is_none() && *from > ceil(latest))
        {
            let (from, to) = (Iso(TimestampNs(latest)), Iso(TimestampNs(from_ns)));
            let fault = Fault {
                kind: "clock_behind_record",
                text: format!(
                    "the clock of {} is at {from}, before the end of the last recorded bar at {to}; bars resume after that",
                    self.name
                ),
                details: json!({ "latest_ns": latest, "from_ns": from_ns }),
            };
            sender.send(fault.event())?;
        }
        match outage.filter(|(from_ns, to_ns)| from_ns < to_ns) {
            Some((from_ns, to_ns)) => {
                add(&sender.counters.outages, 1);
                sender.send(EdgeEvent::Outage { at: now(), from_ns, to_ns })
            }
            None => Ok(()),
        }
    }

    /// Counts and reports messages of unknown types, refusals and errors of the venue.
    fn report(
        &mut self,
        parsed: &Parsed,
        events: &[Event<'_>],
        sender: &mut EventSender,
    ) -> Result<(), Closed> {
        match parsed {
            Parsed::Known(_) => {}
            Parsed::Unknown(_) => add(&sender.counters.unknown, 1),
            Parsed::Refused(refusal) => {
                add(&sender.counters.refused, 1);
                // The value found differs between messages, so it is not part of the kind.
                let kind = format!("{} {}", refusal.field, refusal.expected);
                let text =
                    format!("message of {}: {refusal}; later ones of this kind are only counted", self.name);
                self.report_refusal(kind, text, sender)?;
            }
        }
        for event in events {
            if let Event::Error(words) = event
                && self.reported.len() < REPORTED_MAX
                && self.reported.insert(words.to_string())
            {
                let text =
                    format!("{} returned an error: {words}; check feed.symbols and feed.bar", self.name);
                let details = json!({ "words": words });
                sender.send(Fault { kind: "venue_error", text, details }.event())?;
            }
        }
        Ok(())
    }

    fn report_refusal(&mut self, kind: String, text: String, sender: &mut EventSender) -> Result<(), Closed> {
        if self.reported.len() >= REPORTED_MAX || !self.reported.insert(kind) {
            return Ok(());
        }
        sender.send(EdgeEvent::Refused { at: now(), text })
    }

    /// Delivers the bars of closed intervals.
    fn deliver(&mut self, received: Instant, sender: &mut EventSender) -> Result<(), Closed> {
        let mut closed = std::mem::take(&mut self.closed);
        for interval in closed.drain(..) {
            let bars = message(self.seq, interval);
            self.seq += 1;
            let text = bars.to_text();
            sender.bars(bars, text, received)?;
        }
        self.closed = closed;
        Ok(())
    }

    /// Publishes the counts for other threads; locks once per message.
    fn publish(&self, parsed: Option<Parsed>, counters: &Counters) {
        let counts = self.bars.counts();
        {
            let mut published = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            published.bars = counts;
            if let Some(parsed) = parsed {
                published.messages.record(parsed);
            }
        }
        let sequences = self.venue.sequences();
        for (counter, count) in [
            (&counters.gaps, sequences.open_gaps()),
            (&counters.missing, sequences.missing()),
            (&counters.filled, sequences.filled()),
            (&counters.repeats, counts.duplicates),
            (&counters.late, counts.late),
            (&counters.doubted, counts.doubted),
            (&counters.before, counts.before),
            (&counters.clock_back, counts.clock_back),
            (&counters.not_asked, counts.not_asked),
            (&counters.no_trade, counts.no_trade),
            (&counters.dropped, counts.ahead),
            (&counters.incomplete, counts.incomplete),
            (&counters.without_price, counts.without_price),
            (&counters.cancelled, counts.cancelled),
            (&counters.corrected, counts.corrected),
            (&counters.cancelled_late, counts.cancelled_late),
            (&counters.corrected_late, counts.corrected_late),
        ] {
            set(counter, count);
        }
    }
}

/// Adds a duration to a time.
fn later(time_ns: i64, passed: Duration) -> i64 {
    time_ns.saturating_add(i64::try_from(passed.as_nanos()).unwrap_or(i64::MAX))
}

/// Converts the bars of an interval to a message of our own protocol.
fn message(seq: u64, interval: ClosedInterval) -> protocol::Bars {
    let fields = [Field::Open, Field::High, Field::Low, Field::Close, Field::Volume];
    let mut columns = fields.map(|field| (field, Vec::with_capacity(interval.bars.len()))).to_vec();
    let mut symbols = Vec::with_capacity(interval.bars.len());
    for (symbol, bar) in interval.bars {
        symbols.push(symbol.to_string());
        let numbers = [bar.open, bar.high, bar.low, bar.close, bar.volume];
        columns.iter_mut().zip(numbers).for_each(|((_, column), number)| column.push(number));
    }
    let timestamp = interval.end_ns;
    protocol::Bars { seq, timestamp, symbols, columns, factors: None, rf: None, factor_rows: Vec::new() }
}
