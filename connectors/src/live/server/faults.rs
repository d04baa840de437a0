//! Injected faults of a server.

use std::ops::Range;
use std::time::Duration;

use betaflow_engine::random::SplitMix;

use super::reader::Item;

/// Injected faults of a server, to test clients; all depend on the seed. Dropping, repeating and reordering
/// depend only on seed and message number, so they are the same on every connection.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Share of messages dropped from the live stream. A backfill, or a subscription that starts at a dropped
    /// message, contains it.
    pub drop: f64,
    /// Share of messages sent twice.
    pub duplicate: f64,
    /// Share of messages sent up to three places late.
    pub reorder: f64,
    /// Mean lifetime of a connection, which is then cut without a message.
    pub disconnect_every: Option<Duration>,
    /// Length of a stall; the mean time between stalls is ten times as long.
    pub stall: Option<Duration>,
    /// Whether backfills are refused, so that dropped messages stay gaps.
    pub no_backfill: bool,
    /// Seed of all faults.
    pub seed: u64,
}

/// Random number stream of each fault.
#[derive(Clone, Copy)]
enum Purpose {
    Drop = 1,
    Duplicate,
    Reorder,
    Connection,
}

/// Maximum number of places by which a message is late.
const LATE_MAX: u64 = 3;
/// Mean time between stalls, in multiples of their length.
const STALL_AFTER: f64 = 10.0;

impl Faults {
    fn draw(&self, purpose: Purpose, number: u64) -> SplitMix {
        SplitMix::stream(self.seed, purpose as u64, number)
    }

    /// Returns whether the live stream omits this message.
    pub(super) fn drops(&self, seq: u64) -> bool {
        self.drop > 0.0 && self.draw(Purpose::Drop, seq).uniform() < self.drop
    }
}

/// Counts of a stream's faults.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Done {
    pub(super) dropped: u64,
    pub(super) duplicated: u64,
    pub(super) reordered: u64,
}

/// Faults of one connection.
pub(super) struct Stream {
    faults: Faults,
    times: SplitMix,
    /// Number of the first subscribed message.
    first: u64,
    /// Numbers of requested messages that the stream must contain.
    asked: Range<u64>,
    /// Late messages, with the number after which each is sent.
    late: Vec<(u64, Item)>,
    pub(super) done: Done,
}

impl Stream {
    /// Creates the faults of the connection with this number.
    pub(super) fn new(faults: &Faults, connection: u64) -> Self {
        let times = faults.draw(Purpose::Connection, connection);
        Self { faults: faults.clone(), times, first: 0, asked: 0..0, late: Vec::new(), done: Done::default() }
    }

    /// Starts at message `from`.
    pub(super) fn subscribe(&mut self, from: u64) {
        self.first = from;
        self.asked = 0..0;
        self.late.clear();
    }

    /// Drops none of these messages until the next subscription.
    pub(super) fn keep(&mut self, asked: Range<u64>) {
        let kept = if self.asked.is_empty() { &asked } else { &self.asked };
        self.asked = kept.start.min(asked.start)..kept.end.max(asked.end);
    }

    /// Appends the messages to send at the time of `item`.
    pub(super) fn pass(&mut self, item: Item, out: &mut Vec<Item>) {
        let seq = item.seq;
        let wanted = (seq == self.first || self.asked.contains(&seq)) && !self.faults.no_backfill;
        if self.faults.drops(seq) && !wanted {
            self.done.dropped += 1;
        } else {
            let mut repeat = self.faults.draw(Purpose::Duplicate, seq);
            if repeat.uniform() < self.faults.duplicate {
                self.done.duplicated += 1;
                self.late.push((seq + repeat.bits() % (LATE_MAX + 1), item.clone()));
            }
            let mut order = self.faults.draw(Purpose::Reorder, seq);
            if order.uniform() < self.faults.reorder {
                self.done.reordered += 1;
                self.late.push((seq + 1 + order.bits() % LATE_MAX, item));
            } else {
                out.push(item);
            }
        }
        self.late.retain(|(after, item)| {
            let due = *after <= seq;
            if due {
                out.push(item.clone());
            }
            !due
        });
    }

    /// Appends all late messages.
    pub(super) fn flush(&mut self, out: &mut Vec<Item>) {
        out.extend(self.late.drain(..).map(|(_, item)| item));
    }

    /// Draws the lifetime of the connection.
    pub(super) fn lifetime(&mut self) -> Option<Duration> {
        let share = self.times.uniform();
        self.faults.disconnect_every.map(|every| every.mul_f64(0.5 + share))
    }

    /// Draws the time until the next stall, and its length.
    pub(super) fn next_stall(&mut self) -> Option<(Duration, Duration)> {
        let share = self.times.uniform();
        self.faults.stall.map(|stall| (stall.mul_f64(STALL_AFTER * (0.5 + share)), stall))
    }
}
