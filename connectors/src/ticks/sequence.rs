//! Detection of missing and repeated numbers in a venue's messages.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use super::event::{Event, Gap, NoTrade, Trade};
use super::fields::SYMBOL_BYTES_MAX;
use super::ids::IdRanges;

/// Maximum number of streams tracked; numbers of other streams are only counted.
const STREAMS_MAX: usize = 16_384;
/// Maximum number of holes remembered per stream, so that late numbers fill them.
const HOLES_MAX: usize = 256;

/// Lead over the last number beyond which a number opens no gap. The number is ignored until another number
/// near it arrives; the numbering then restarts there.
const FAR: u64 = 1_000_000_000;

/// Numbering of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbering {
    /// Consecutive, as for trades; continues after a reconnect.
    Contiguous,
    /// Consecutive, from the start of the connection.
    OfConnection,
    /// Increasing; holes have no meaning. May restart after a reconnect.
    Increasing,
}

/// Numbers of a venue's streams, with bounded memory.
///
/// A hole is open until all of its numbers arrive; `missing` counts the numbers still missing. Numbers before
/// the first one received are neither missing nor repeated. A number counts as received even if its message
/// is refused.
#[derive(Clone, Debug, Default)]
pub struct Sequences {
    /// Streams by symbol, in byte order.
    streams: BTreeMap<Box<str>, Vec<Stream>>,
    count: usize,
    gaps: u64,
    filled: u64,
    repeats: u64,
    /// Gaps with numbers still missing, including holes no longer remembered.
    open_gaps: u64,
    missing: u64,
    untracked: u64,
    /// Holes opened since the last [`Sequences::take_opened`].
    opened: VecDeque<Hole>,
}

/// Range of numbers missing when a later one arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// Type of the numbered messages.
    pub stream: &'static str,
    /// Instrument; empty if numbers are per connection.
    pub symbol: Box<str>,
    /// First number.
    pub first: u64,
    /// Last number.
    pub last: u64,
}

#[derive(Clone, Debug)]
struct Stream {
    name: &'static str,
    numbering: Numbering,
    /// Numbers received; for an increasing stream, only the last number.
    seen: IdRanges,
    /// Number far ahead, not confirmed yet by another number.
    far: Option<u64>,
    /// Numbers of refused messages: the same number in a valid message is not a repeat.
    refused: IdRanges,
}

/// Effect of a number on its stream.
#[derive(Clone, Copy, Debug, Default)]
struct Effect {
    /// First number missing before this one, and the count of missing numbers.
    missed: Option<(u64, u64)>,
    /// Whether the number was received before, or is out of order in an increasing stream.
    repeated: bool,
    /// Whether the number was missing until now.
    filled: bool,
    /// Gaps opened (1) or closed (-1).
    gaps: i64,
}

impl Stream {
    fn see(&mut self, number: u64) -> Effect {
        let (Some(first), Some(last)) = (self.seen.first(), self.seen.last()) else {
            self.seen.insert(number);
            return Effect::default();
        };
        if self.numbering != Numbering::Increasing {
            let far = self.far.take();
            if number > last.saturating_add(FAR) {
                match far.filter(|far| far.abs_diff(number) <= FAR) {
                    Some(far) => {
                        self.seen = IdRanges::default();
                        self.seen.insert(far.min(number));
                        return self.see(far.max(number));
                    }
                    None => self.far = Some(number),
                }
                return Effect::default();
            }
        }
        match self.numbering {
            Numbering::Increasing if number > last => {
                self.seen = IdRanges::default();
                self.seen.insert(number);
                Effect::default()
            }
            Numbering::Increasing => Effect { repeated: true, ..Effect::default() },
            _ if number < first => Effect::default(),
            _ => {
                let before = self.seen.len();
                let new = self.seen.insert(number);
                let gaps = self.seen.len() as i64 - before as i64;
                if self.seen.len() > HOLES_MAX {
                    // The numbers of the dropped hole stay missing.
                    self.seen.close_first_hole();
                }
                let missed = number.saturating_sub(last).saturating_sub(1);
                Effect {
                    missed: (missed > 0).then(|| (last + 1, missed)),
                    repeated: !new && !self.refused.contains(number),
                    filled: new && number < last,
                    gaps,
                }
            }
        }
    }
}

impl Sequences {
    /// Records a number; if a gap precedes it, returns the first missing number and their count.
    pub(super) fn see(
        &mut self,
        numbering: Numbering,
        name: &'static str,
        symbol: &str,
        number: u64,
    ) -> Option<(u64, u64)> {
        self.note(numbering, name, symbol, number).missed
    }

    fn note(&mut self, numbering: Numbering, name: &'static str, symbol: &str, number: u64) -> Effect {
        let Some(stream) = self.stream(numbering, name, symbol) else {
            self.untracked += 1;
            return Effect::default();
        };
        let seen = stream.see(number);
        self.repeats += u64::from(seen.repeated);
        self.filled += u64::from(seen.filled);
        self.open_gaps = self.open_gaps.saturating_add_signed(seen.gaps);
        self.missing = self.missing.saturating_sub(u64::from(seen.filled));
        if let Some((first, missed)) = seen.missed {
            self.gaps += 1;
            self.missing = self.missing.saturating_add(missed);
            if self.opened.len() == HOLES_MAX {
                self.opened.pop_front();
            }
            let (symbol, last) = (symbol.into(), first + (missed - 1));
            self.opened.push_back(Hole { stream: name, symbol, first, last });
        }
        seen
    }

    /// Records the number of a refused message. Ignores names that no instrument can have.
    pub(super) fn see_refused(
        &mut self,
        numbering: Numbering,
        name: &'static str,
        symbol: &str,
        number: u64,
    ) {
        if symbol.len() > SYMBOL_BYTES_MAX {
            return;
        }
        self.note(numbering, name, symbol, number);
        if let Some(stream) = self.stream(numbering, name, symbol) {
            stream.refused.insert(number);
            if stream.refused.len() > HOLES_MAX {
                stream.refused.forget_first();
            }
        }
    }

    /// Records the numbers of the trades in `out` from `from` on, and appends the gaps before them to `out`.
    pub(super) fn see_trades(&mut self, name: &'static str, out: &mut Vec<Event<'_>>, from: usize) {
        for i in from..out.len() {
            let (symbol, id) = match &out[i] {
                Event::Trade(Trade { symbol, id: Some(id), .. }) => (symbol.clone(), *id),
                Event::NoTrade(NoTrade { symbol, id: Some(id), .. }) => (symbol.clone(), *id),
                _ => continue,
            };
            let seen = self.note(Numbering::Contiguous, name, &symbol, id);
            if let Event::Trade(trade) = &mut out[i] {
                trade.repeated = seen.repeated;
            }
            if let Some((first, missed)) = seen.missed {
                out.push(Event::Gap(Gap { stream: name, symbol, first, missed }));
            }
        }
    }

    /// Records the number of a message of the connection, and appends the gap before it to `out`.
    pub(super) fn see_message(&mut self, name: &'static str, number: u64, out: &mut Vec<Event<'_>>) {
        if let Some((first, missed)) = self.see(Numbering::OfConnection, name, "", number) {
            out.push(Event::Gap(Gap { stream: name, symbol: Cow::Borrowed(""), first, missed }));
        }
    }

    /// Returns the holes opened since the last call, at most the latest 256.
    pub fn take_opened(&mut self) -> impl Iterator<Item = Hole> {
        self.opened.drain(..)
    }

    /// Returns the count of numbers of a hole that are still missing.
    #[must_use]
    pub fn missing_in(&self, hole: &Hole) -> u64 {
        let of =
            self.streams.get(&hole.symbol).and_then(|of| of.iter().find(|known| known.name == hole.stream));
        match of {
            // If the stream has restarted since, it no longer contains the hole.
            Some(stream) if stream.seen.first().is_some_and(|first| first < hole.first) => {
                stream.seen.missing_in(hole.first, hole.last)
            }
            _ => hole.last - hole.first + 1,
        }
    }

    fn stream(&mut self, numbering: Numbering, name: &'static str, symbol: &str) -> Option<&mut Stream> {
        let known = self.streams.get(symbol).and_then(|of| of.iter().position(|stream| stream.name == name));
        let index = match known {
            Some(index) => index,
            None if self.count == STREAMS_MAX => return None,
            None => {
                let streams = self.streams.entry(symbol.into()).or_default();
                let (seen, refused) = (IdRanges::default(), IdRanges::default());
                streams.push(Stream { name, numbering, seen, far: None, refused });
                self.count += 1;
                streams.len() - 1
            }
        };
        self.streams.get_mut(symbol).map(|streams| &mut streams[index])
    }

    /// Clears the streams whose numbering restarts with a connection.
    pub(super) fn reconnected(&mut self) {
        for stream in self.streams.values_mut().flatten() {
            if stream.numbering != Numbering::Contiguous {
                (stream.seen, stream.refused) = (IdRanges::default(), IdRanges::default());
            }
        }
    }

    /// Returns the number of gaps so far.
    #[must_use]
    pub fn gaps(&self) -> u64 {
        self.gaps
    }

    /// Returns the number of gaps with numbers still missing.
    #[must_use]
    pub fn open_gaps(&self) -> u64 {
        self.open_gaps
    }

    /// Returns the count of late numbers that filled a gap.
    #[must_use]
    pub fn filled(&self) -> u64 {
        self.filled
    }

    /// Returns the count of numbers still missing.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// Returns the count of repeated numbers, or of numbers out of order in increasing streams.
    #[must_use]
    pub fn repeats(&self) -> u64 {
        self.repeats
    }

    /// Returns the count of numbers of streams beyond the 16,384 tracked ones.
    #[must_use]
    pub fn untracked(&self) -> u64 {
        self.untracked
    }
}

#[cfg(test)]
mod tests {
    use super::{Numbering, Sequences};

    #[test]
    fn gaps_are_announced_and_filled_and_repeats_counted() {
        use Numbering::{Contiguous, Increasing, OfConnection};
        // Numbers with the count missed at each; gaps, missing and repeats at the end.
        #[allow(clippy::type_complexity)]
        let cases: [(Numbering, &[(u64, u64)], (u64, u64, u64)); 7] = [
            (Contiguous, &[(7, 0), (8, 0), (9, 0)], (0, 0, 0)),
            (Contiguous, &[(7, 0), (10, 2), (9, 0), (8, 0), (11, 0)], (1, 0, 0)),
            (Contiguous, &[(7, 0), (10, 2), (9, 0), (9, 0), (10, 0), (6, 0)], (1, 1, 2)),
            (OfConnection, &[(0, 0), (2, 1), (5, 2)], (2, 3, 0)),
            (Increasing, &[(3, 0), (9, 0), (9, 0), (4, 0), (10, 0)], (0, 0, 2)),
            (Contiguous, &[(0, 0), (u64::MAX, 0), (1, 0)], (0, 0, 0)),
            (Contiguous, &[(5, 0), (5_000_000_000, 0), (5_000_000_001, 0), (5_000_000_003, 1)], (1, 1, 0)),
        ];
        for (numbering, numbers, expected) in cases {
            let mut sequences = Sequences::default();
            for (number, missed) in numbers {
                let found = sequences.see(numbering, "trade", "A", *number).map_or(0, |(_, missed)| missed);
                assert_eq!(found, *missed, "{numbering:?} {numbers:?} at {number}");
            }
            let found = (sequences.gaps(), sequences.missing(), sequences.repeats());
            assert_eq!(found, expected, "{numbering:?} {numbers:?}");
        }
    }

    #[test]
    fn numbers_of_refused_messages_count_as_received_and_close_holes() {
        use Numbering::Contiguous;
        let mut sequences = Sequences::default();
        sequences.see(Contiguous, "trade", "A", 1);
        sequences.see_refused(Contiguous, "trade", "A", 4);
        let holes: Vec<_> = sequences.take_opened().collect();
        assert_eq!((holes.len(), holes[0].first, holes[0].last), (1, 2, 3));
        assert_eq!(sequences.see(Contiguous, "trade", "A", 4), None);
        let numbers = |all: &Sequences| (all.open_gaps(), all.missing(), all.filled(), all.repeats());
        assert_eq!(numbers(&sequences), (1, 2, 0, 0), "the number of a refused message is not a repeat");
        sequences.see(Contiguous, "trade", "A", 3);
        assert_eq!((sequences.missing_in(&holes[0]), numbers(&sequences)), (1, (1, 1, 1, 0)));
        sequences.see(Contiguous, "trade", "A", 2);
        assert_eq!((sequences.missing_in(&holes[0]), numbers(&sequences)), (0, (0, 0, 2, 0)));
        assert_eq!(sequences.take_opened().count(), 0);
    }

    #[test]
    fn numbers_far_ahead_need_another_one_near_them() {
        use Numbering::Contiguous;
        const FAR: u64 = super::FAR;
        // First number beyond the lead.
        const X: u64 = 5 + FAR + 1;
        #[allow(clippy::type_complexity)]
        let cases: [(&[(u64, u64)], (u64, u64, u64)); 7] = [
            (&[(5, 0), (5 + FAR, FAR - 1), (6, 0)], (1, FAR - 2, 0)),
            (&[(5, 0), (X, 0), (6, 0), (7, 0)], (0, 0, 0)),
            (&[(5, 0), (X, 0), (X + FAR, FAR - 1), (X, 0)], (1, FAR - 1, 1)),
            (&[(5, 0), (X, 0), (X + FAR + 1, 0), (X + FAR + 2, 0)], (0, 0, 0)),
            (&[(5, 0), (X + 1, 0), (X, 0), (X + 2, 0), (X, 0)], (0, 0, 1)),
            // A number near the old ones in between forgets the one far ahead.
            (&[(5, 0), (X, 0), (6, 0), (X + 1, 0), (7, 0)], (0, 0, 0)),
            (&[(7, 0), (7, 0), (6, 0), (8, 0)], (0, 0, 1)),
        ];
        for (numbers, expected) in cases {
            let mut sequences = Sequences::default();
            for (number, missed) in numbers {
                let found = sequences.see(Contiguous, "trade", "A", *number).map_or(0, |(_, missed)| missed);
                assert_eq!(found, *missed, "{numbers:?} at {number}");
            }
            let found = (sequences.gaps(), sequences.missing(), sequences.repeats());
            assert_eq!(found, expected, "{numbers:?}");
        }
    }

    #[test]
    fn holes_are_remembered_up_to_a_number_and_until_a_restart() {
        use Numbering::{Contiguous, OfConnection};
        let mut sequences = Sequences::default();
        (0..258).for_each(|i| _ = sequences.see(Contiguous, "trade", "A", 10 * i));
        assert_eq!((sequences.gaps(), sequences.open_gaps(), sequences.missing()), (257, 257, 257 * 9));
        let holes: Vec<_> = sequences.take_opened().collect();
        assert_eq!((holes.len(), holes[0].first, holes[0].last), (256, 11, 19));
        // The first two ranges were joined, without their numbers; the others still receive theirs.
        sequences.see(Contiguous, "trade", "A", 5);
        assert_eq!((sequences.repeats(), sequences.filled(), sequences.missing()), (1, 0, 257 * 9));
        for number in 2_561..2_570 {
            assert_eq!(sequences.missing_in(&holes[255]), 2_570 - number);
            sequences.see(Contiguous, "trade", "A", number);
        }
        assert_eq!((sequences.open_gaps(), sequences.filled(), sequences.missing()), (256, 9, 256 * 9));

        let mut sequences = Sequences::default();
        [1, 4].into_iter().for_each(|number| _ = sequences.see(OfConnection, "message", "", number));
        let hole = sequences.take_opened().next().expect("numbers 2 and 3 are missing");
        assert_eq!(sequences.missing_in(&hole), 2);
        sequences.see(OfConnection, "message", "", 3);
        assert_eq!(sequences.missing_in(&hole), 1);
        // Numbers of the next connection are others, whatever the first one is.
        for first in [1, 2, 3, 9] {
            sequences.reconnected();
            sequences.see(OfConnection, "message", "", first);
            assert_eq!(sequences.missing_in(&hole), 2, "from {first}");
        }
        let other = super::Hole { stream: "trade", ..hole };
        assert_eq!(sequences.missing_in(&other), 2, "a stream without numbers");
    }

    #[test]
    fn refused_numbers_of_impossible_names_are_ignored() {
        let mut sequences = Sequences::default();
        for (length, tracked) in [(0, 1), (64, 2), (65, 2)] {
            sequences.see_refused(Numbering::Contiguous, "trade", &"A".repeat(length), 7);
            assert_eq!(sequences.count, tracked, "{length} bytes");
        }
        // The latest 256 ranges of refused numbers are remembered.
        (0..300).for_each(|i| sequences.see_refused(Numbering::Increasing, "book", "B", 2 * i));
        assert_eq!(sequences.streams["B"][0].refused.len(), 256);
        assert_eq!(sequences.streams["B"][0].refused.first(), Some(88));
    }

    #[test]
    fn only_trade_numbers_continue_after_a_reconnect() {
        let mut sequences = Sequences::default();
        for (number, numbering) in
            [(5, Numbering::Contiguous), (5, Numbering::OfConnection), (5, Numbering::Increasing)]
        {
            sequences.see(numbering, ["a", "b", "c"][numbering as usize], "A", number);
        }
        sequences.reconnected();
        assert_eq!(sequences.see(Numbering::OfConnection, "b", "A", 0), None);
        assert_eq!(sequences.see(Numbering::Increasing, "c", "A", 1), None);
        assert_eq!(sequences.see(Numbering::Contiguous, "a", "A", 8), Some((6, 2)));
        assert_eq!(sequences.repeats(), 0);
    }

    #[test]
    fn memory_is_bounded_for_a_hostile_feed() {
        let mut sequences = Sequences::default();
        for i in 0..20_000_u64 {
            sequences.see(Numbering::Contiguous, "trade", &format!("S{i}"), i);
            sequences.see(Numbering::Contiguous, "trade", "S0", i * 10);
        }
        assert_eq!((sequences.count, sequences.untracked()), (super::STREAMS_MAX, 20_000 - 16_384));
        assert!(sequences.streams["S0"][0].seen.len() <= super::HOLES_MAX);
        assert_eq!(sequences.missing(), 19_999 * 9);
    }
}
