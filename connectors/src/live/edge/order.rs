//! Ordering and de-duplication of messages by number.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::live::protocol::Bars;

/// Parsed message, its text, and the time at which it was read.
pub(super) type Received = (Bars, String, Instant);

/// Maximum lead of a number over the next one; beyond it, [`AGREED`] messages must agree.
pub(super) const AHEAD_MAX: u64 = 100_000;
/// Number of held messages that confirm a number far ahead.
const AGREED: usize = 16;

/// Result of ordering a message.
pub(super) enum Pushed {
    /// Next message.
    Next(Received),
    /// Early message, held back.
    Early,
    /// Repeated message.
    Repeat,
    /// Early message without room in the buffer.
    Full(Received),
}

/// Buffer that orders messages by their number.
pub(super) struct Order {
    next: u64,
    held: BTreeMap<u64, Received>,
    bytes: usize,
    held_max: usize,
    bytes_max: usize,
    /// The feed contains all messages before this number.
    known: u64,
}

impl Order {
    pub(super) fn new(from: u64, held_max: usize, bytes_max: usize) -> Self {
        Self { next: from, held: BTreeMap::new(), bytes: 0, held_max, bytes_max, known: from }
    }

    /// Returns the number of the next message.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Returns the number of messages held back.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Orders a message.
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

    /// Returns a held message that is now the next one.
    pub(super) fn pop(&mut self) -> Option<Received> {
        let received = self.held.remove(&self.next)?;
        self.bytes -= received.1.len();
        self.next += 1;
        Some(received)
    }

    /// Returns the last released message to the missing ones: it was refused, so a correct one may still come.
    pub(super) fn refused(&mut self) {
        self.next = self.next.saturating_sub(1);
    }

    /// Records that the feed contains all messages before `end`; ignores a number far ahead.
    pub(super) fn know(&mut self, end: u64) {
        if end <= self.next.saturating_add(AHEAD_MAX) {
            self.known = self.known.max(end);
        }
    }

    /// Drops the held messages if they are few and far ahead of the next one; returns the number of the
    /// first.
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

    /// Returns the first range of missing messages, both bounds included.
    pub(super) fn missing(&self) -> Option<(u64, u64)> {
        let end = self.held.first_key_value().map_or(self.known, |(seq, _)| *seq);
        (end > self.next).then(|| (self.next, end - 1))
    }

    /// Continues after the missing messages up to `to`.
    pub(super) fn give_up(&mut self, to: u64) {
        self.next = self.next.max(to.saturating_add(1));
        while let Some(entry) = self.held.first_entry().filter(|entry| *entry.key() < self.next) {
            self.bytes -= entry.remove().1.len();
        }
    }

    /// Drops all held messages: a new connection subscribes from the next message on.
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

    /// Pushes messages and returns the numbers of those released.
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
        fn messages_are_released_once_in_order_and_the_buffer_is_bounded(
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
    fn missing_range_follows_from_early_messages_and_server_counts() {
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
    fn refused_message_is_missing_until_a_correct_one_arrives() {
        let mut order = Order::new(0, 10, 1 << 20);
        assert_eq!(through(&mut order, &[0, 2]), [0]);
        assert_eq!(through(&mut order, &[1]), [1, 2]);
        order.refused();
        assert_eq!((order.missing(), order.next()), (Some((2, 2)), 2));
        assert_eq!(through(&mut order, &[2, 3]), [2, 3]);
        assert_eq!(order.missing(), None);
    }

    #[test]
    fn buffer_is_bounded_by_bytes() {
        let mut order = Order::new(0, 10, 9);
        assert!(matches!(order.push(message(1)), Pushed::Early));
        assert!(matches!(order.push(message(2)), Pushed::Early));
        assert!(matches!(order.push(message(3)), Pushed::Full(_)));
        assert!(matches!(order.push(message(2)), Pushed::Repeat));
    }
}
