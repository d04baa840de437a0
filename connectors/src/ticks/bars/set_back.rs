//! Steps of a venue's clock.

use super::super::event::Event;
use super::clock::VenueClock;
use super::lag::Dropped;
use super::{Bars, ClosedInterval};

/// Step of a venue's clock, in addition to elapsed time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockChange {
    /// Step ahead to a time on which many messages agree.
    Ahead {
        /// Time before the change, ns since 1970 UTC.
        from_ns: i64,
        /// Time after the change, ns since 1970 UTC.
        to_ns: i64,
    },
    /// Step back to a time on which many messages agree, with no message ahead of it.
    Back {
        /// Time before the change, ns since 1970 UTC.
        from_ns: i64,
        /// Time after the change, ns since 1970 UTC.
        to_ns: i64,
        /// Trades and bars dropped before the step or discarded by the step.
        dropped: u64,
        /// End of the last closed interval, ns since 1970 UTC, if it is after `to_ns`: bars resume from
        /// there.
        resumes_ns: Option<i64>,
    },
}

impl Bars {
    /// Checks whether an event is behind the venue's clock; sets the clock back after many consecutive
    /// messages behind it.
    pub(super) fn look_behind(&mut self, venue: usize, event: &Event<'_>, out: &mut Vec<ClosedInterval>) {
        let Some(time_ns) = event.time_ns() else { return };
        let Some(from_ns) = self.clocks[venue].latest() else { return };
        let end_ns = self.start_of(time_ns).saturating_add(self.settings.length_ns);
        if end_ns > from_ns.saturating_sub(self.settings.lateness_ns) || from_ns == i64::MAX {
            let clock = &mut self.clocks[venue];
            let far_ns = from_ns.saturating_sub(clock.confirm_ns());
            self.counts.far_behind += clock.lag.end(far_ns);
            return;
        }
        let dropped = self.dropped(event);
        let agreed = self.clocks[venue].lag.add(time_ns, self.message, self.received, dropped);
        if let Some((to_ns, dropped)) = agreed {
            self.set_back(venue, (from_ns, to_ns), dropped, out);
        }
    }

    /// Sets the clock back if enough messages are behind it at time `now_ns` of a monotonic clock; no further
    /// message may arrive.
    pub(super) fn pass_behind(&mut self, venue: usize, now_ns: i64, out: &mut Vec<ClosedInterval>) {
        let Some(from_ns) = self.clocks[venue].latest().filter(|latest| *latest < i64::MAX) else { return };
        if let Some((to_ns, dropped)) = self.clocks[venue].lag.due(Some(now_ns)) {
            self.set_back(venue, (from_ns, to_ns), dropped, out);
        }
    }

    /// Returns the counts of an event dropped because it is behind the clock.
    fn dropped(&self, event: &Event<'_>) -> Dropped {
        let (symbol, start_ns) = match event {
            Event::Trade(trade) if !trade.repeated => (&trade.symbol, self.start_of(trade.time_ns)),
            Event::Bar(bar) if bar.end_ns - bar.start_ns == self.settings.length_ns => {
                (&bar.symbol, bar.start_ns)
            }
            _ => return Dropped::default(),
        };
        let end_ns = start_ns.saturating_add(self.settings.length_ns);
        if self.column(symbol).is_none() || (end_ns <= self.closed && self.closed > self.watermark) {
            return Dropped::default();
        }
        let before = start_ns < self.settings.from_ns;
        Dropped { late: u64::from(!before && end_ns <= self.watermark), before: u64::from(before) }
    }

    /// Sets the clock of a venue back. If few events agreed with the old time, it was wrong, and the
    /// intervals that it opened are discarded. Otherwise the open intervals close, because no more events
    /// will arrive for them.
    fn set_back(
        &mut self,
        venue: usize,
        (from_ns, to_ns): (i64, i64),
        dropped: Dropped,
        out: &mut Vec<ClosedInterval>,
    ) {
        let clock = &mut self.clocks[venue];
        let (was_sure, until_ns) = (clock.is_sure(), to_ns.saturating_add(clock.confirm_ns()));
        self.counts.doubted += clock.set_back(to_ns);
        let until_ns = self.start_of(until_ns).saturating_add(1);
        let mut count = dropped.late + dropped.before;
        self.counts.late -= dropped.late;
        self.counts.before -= dropped.before;
        self.counts.clock_back += count;
        match was_sure {
            true => {
                self.watermark = i64::MAX;
                self.close(out);
            }
            false => {
                let wrong = self.open.split_off(&until_ns);
                let taken_back = self.take_back(wrong);
                self.counts.doubted += taken_back;
                count += taken_back;
            }
        }
        let behind = self.clocks.iter().filter_map(VenueClock::latest).min().unwrap_or(to_ns);
        self.watermark = behind.saturating_sub(self.settings.lateness_ns);
        if self.settings.from_ns > to_ns {
            // The start of the first interval was derived from the wrong time.
            let next = self.start_of(to_ns).saturating_add(self.settings.length_ns);
            self.settings.from_ns = self.from_ns.max(next);
        }
        let resumes_ns = Some(self.closed.max(self.from_ns)).filter(|end| *end > to_ns);
        self.change(ClockChange::Back { from_ns, to_ns, dropped: count, resumes_ns });
    }
}
