//! Faults injected on purpose.

use std::time::Duration;

use betaflow_engine::random::SplitMix;

use super::reader::Item;

/// Faults of a server, so that clients can be tried. All are a function of the seed; whether a message is dropped,
/// repeated or reordered is one of the seed and its number alone, the same on every connection.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Share of the messages that the live stream never carries; a backfill has them, and so has a subscription that
    /// begins with one.
    pub drop: f64,
    /// Share of the messages that come twice.
    pub duplicate: f64,
    /// Share of the messages that come up to three places late.
    pub reorder: f64,
    /// How long a connection lives on average before it is cut without a word.
    pub disconnect_every: Option<Duration>,
    /// How long the server is silent once in a while: after ten times as long on average.
    pub stall: Option<Duration>,
    /// Whether nothing is sent again: what is dropped stays a gap.
    pub no_backfill: bool,
    /// Where all of it comes from.
    pub seed: u64,
}

/// What a fault is drawn for.
#[derive(Clone, Copy)]
enum Purpose {
    Drop = 1,
    Duplicate,
    Reorder,
    Connection,
}

/// Places by which a message comes late at most.
const LATE_MAX: u64 = 3;
/// Silence comes after so many times its length.
const STALL_AFTER: f64 = 10.0;

impl Faults {
    fn draw(&self, purpose: Purpose, number: u64) -> SplitMix {
        SplitMix::stream(self.seed, purpose as u64, number)
    }

    /// Whether the live stream never carries this message.
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

/// The faults of one connection.
pub(super) struct Stream {
    faults: Faults,
    times: SplitMix,
    /// Number of the first message that was subscribed to.
    first: u64,
    /// Messages that come late, with the number after which they come.
    late: Vec<(u64, Item)>,
    pub(super) done: Done,
}

impl Stream {
    /// The faults of the connection with this number.
    pub(super) fn new(faults: &Faults, connection: u64) -> Self {
        let times = faults.draw(Purpose::Connection, connection);
        Self { faults: faults.clone(), times, first: 0, late: Vec::new(), done: Done::default() }
    }

    /// Begins with this message.
    pub(super) fn subscribe(&mut self, from: u64) {
        self.first = from;
        self.late.clear();
    }

    /// What is sent when this message is due.
    pub(super) fn pass(&mut self, item: Item, out: &mut Vec<Item>) {
        let seq = item.seq;
        let wanted = seq == self.first && !self.faults.no_backfill;
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

    /// What is late still.
    pub(super) fn flush(&mut self, out: &mut Vec<Item>) {
        out.extend(self.late.drain(..).map(|(_, item)| item));
    }

    /// How long the connection lives.
    pub(super) fn lifetime(&mut self) -> Option<Duration> {
        let share = self.times.uniform();
        self.faults.disconnect_every.map(|every| every.mul_f64(0.5 + share))
    }

    /// How long it is until the next silence, and how long that is.
    pub(super) fn next_stall(&mut self) -> Option<(Duration, Duration)> {
        let share = self.times.uniform();
        self.faults.stall.map(|stall| (stall.mul_f64(STALL_AFTER * (0.5 + share)), stall))
    }
}
