//! Messages in order, each once.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::live::protocol::Bars;

/// A message as it came, and when it was read.
pub(super) type Received = (Bars, String, Instant);

/// Numbers that a message may be ahead of the next one before it takes [`AGREED`] messages to believe it.
pub(super) const AHEAD_MAX: u64 = 100_000;
/// Messages behind a gap that show that a number far ahead is no mistake.
const AGREED: usize = 16;

/// What became of a message.
pub(super) enum Pushed {
    /// It is the next one.
    Next(Received),
    /// It is held back.
    Early,
    /// It was there before.
    Repeat,
    /// It came early, and there is no room for it.
    Full(Received),
}

/// Puts messages in order by their number.
pub(super) struct Order {
    next: u64,
    held: BTreeMap<u64, Received>,
    bytes: usize,
    held_max: usize,
    bytes_max: usize,
    /// Messages before this number are known to exist.
    known: u64,
}

impl Order {
    pub(super) fn new(from: u64, held_max: usize, bytes_max: usize) -> Self {
        Self { next: from, held: BTreeMap::new(), bytes: 0, held_max, bytes_max, known: from }
    }

    /// Number of the next message.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Number of messages held back.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Takes a message.
    pub(super) fn push(&mut self, received: Received) -> Pushed {
        let seq = received.0.seq;
        if seq < self.next || self.held.contains_key(&seq) {
            return Pushed::Repeat;
        }
        self.know(seq.saturating_add(1));
        if seq == self.next {
            self.next += 1;
            return Pushed::Next(received);
        }
        let bytes = self.bytes.saturating_add(received.1.len());
        if self.held.len() >= self.held_max || bytes > self.bytes_max {
            return Pushed::Full(received);
        }
        self.bytes = bytes;
        self.held.insert(seq, received);
        Pushed::Early
    }

    /// A message that was held back and is the next one now.
    pub(super) fn pop(&mut self) -> Option<Received> {
        let received = self.held.remove(&self.next)?;
        self.bytes -= received.1.len();
        self.next += 1;
        Some(received)
    }

    /// Learns that all messages before this number exist; a number far ahead is not believed.
    pub(super) fn know(&mut self, end: u64) {
        if end <= self.next.saturating_add(AHEAD_MAX) {
            self.known = self.known.max(end);
        }
    }

    /// Drops messages that are far ahead of all others, while they are few; returns the number of the first.
    pub(super) fn drop_far(&mut self) -> Option<u64> {
        let (first, _) = self.held.first_key_value()?;
        let first = *first;
        if first <= self.next.saturating_add(AHEAD_MAX) || self.held.len() >= AGREED {
            return None;
        }
        self.held.clear();
        self.bytes = 0;
        Some(first)
    }

    /// The first messages that are missing, the last included.
    pub(super) fn missing(&self) -> Option<(u64, u64)> {
        let end = self.held.first_key_value().map_or(self.known, |(seq, _)| *seq);
        (end > self.next).then(|| (self.next, end - 1))
    }

    /// Goes on behind missing messages.
    pub(super) fn give_up(&mut self, to: u64) {
        self.next = self.next.max(to.saturating_add(1));
        while let Some(entry) = self.held.first_entry().filter(|entry| *entry.key() < self.next) {
            self.bytes -= entry.remove().1.len();
        }
    }

    /// Forgets what is held back: a new connection begins with the next message.
    pub(super) fn forget(&mut self) {
        self.held.clear();
        self.bytes = 0;
        self.known = self.next;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn message(seq: u64) -> Received {
        let bars = Bars {
            seq,
            timestamp: 0,
            symbols: Vec::new(),
            columns: Vec::new(),
            factors: None,
            rf: None,
            factor_rows: Vec::new(),
        };
        (bars, "text".to_owned(), Instant::now())
    }

    /// Pushes messages, and returns the numbers that came out.
    fn through(order: &mut Order, seqs: &[u64]) -> Vec<u64> {
        let mut out = Vec::new();
        for seq in seqs {
            if let Pushed::Next((bars, _, _)) = order.push(message(*seq)) {
                out.push(bars.seq);
            }
            out.extend(std::iter::from_fn(|| order.pop()).map(|(bars, _, _)| bars.seq));
        }
        out
    }

    proptest! {
        #[test]
        fn whatever_comes_goes_out_once_and_in_order_and_no_more_is_held_than_allowed(
            seqs in prop::collection::vec(0_u64..40, 0..200),
            held_max in 0_usize..12,
        ) {
            let mut order = Order::new(0, held_max, 1 << 20);
            let mut out = Vec::new();
            for seq in seqs {
                out.extend(through(&mut order, &[seq]));
                prop_assert!(order.held() <= held_max);
                prop_assert_eq!(order.bytes, 4 * order.held());
            }
            prop_assert_eq!(&out, &(0..order.next()).collect::<Vec<_>>());
            if let Some((from, to)) = order.missing() {
                prop_assert_eq!(from, order.next());
                let rest: Vec<u64> = (from..=to).collect();
                prop_assert_eq!(&through(&mut order, &rest)[..rest.len()], &rest[..]);
            }
        }
    }

    #[test]
    fn what_is_missing_is_known_from_what_came_early_and_from_what_the_server_says() {
        let mut order = Order::new(3, 10, 1 << 20);
        assert_eq!(order.missing(), None);
        assert_eq!(through(&mut order, &[3, 6, 8]), [3]);
        assert_eq!(order.missing(), Some((4, 5)));
        order.give_up(5);
        assert_eq!(order.pop().unwrap().0.seq, 6);
        assert_eq!(order.missing(), Some((7, 7)));
        assert_eq!(through(&mut order, &[7]), [7, 8]);
        assert_eq!(order.missing(), None);
        order.know(11);
        assert_eq!(order.missing(), Some((9, 10)));
        order.forget();
        assert_eq!((order.missing(), order.next()), (None, 9));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut order = Order::new(0, 10, 9);
        assert!(matches!(order.push(message(1)), Pushed::Early));
        assert!(matches!(order.push(message(2)), Pushed::Early));
        assert!(matches!(order.push(message(3)), Pushed::Full(_)));
        assert!(matches!(order.push(message(2)), Pushed::Repeat));
    }
}
