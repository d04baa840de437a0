//! Sees from a venue's numbers what is missing and what came twice.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::event::{Event, Gap};
use super::ids::IdRanges;

/// Numbered streams that are followed; more are only counted.
const STREAMS_MAX: usize = 16_384;
/// Holes that are remembered in a stream, so that late numbers fill them.
const HOLES_MAX: usize = 256;

/// How a venue numbers a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbering {
    /// One by one, as trades are; goes on after a reconnect.
    Contiguous,
    /// One by one, from the start of the connection.
    OfConnection,
    /// Upwards, with holes that mean nothing; after a reconnect it may begin anew.
    Increasing,
}

/// The numbers of a venue's streams. Its size does not grow with what a venue sends.
///
/// A gap is announced when it opens. `missing` counts what is missing still: late numbers fill it. Numbers before the
/// first one seen are neither missing nor repeated.
#[derive(Clone, Debug, Default)]
pub struct Sequences {
    /// By the symbols' bytes, then by the stream.
    streams: BTreeMap<Box<str>, Vec<Stream>>,
    count: usize,
    gaps: u64,
    repeats: u64,
    /// Holes that are not remembered any more.
    given_up: u64,
    untracked: u64,
}

#[derive(Clone, Debug)]
struct Stream {
    name: &'static str,
    numbering: Numbering,
    /// Of a stream that only increases, the last number alone.
    seen: IdRanges,
}

/// What a number says.
#[derive(Default)]
struct Seen {
    /// Numbers between the last one and this.
    missed: u64,
    /// It was there before, or is out of order where numbers only increase.
    repeated: bool,
    /// Holes that are not remembered any more.
    given_up: u64,
}

impl Stream {
    fn see(&mut self, number: u64) -> Seen {
        let (Some(first), Some(last)) = (self.seen.first(), self.seen.last()) else {
            self.seen.insert(number);
            return Seen::default();
        };
        match self.numbering {
            Numbering::Increasing if number > last => {
                self.seen = IdRanges::default();
                self.seen.insert(number);
                Seen::default()
            }
            Numbering::Increasing => Seen { repeated: true, ..Seen::default() },
            _ if number < first => Seen::default(),
            _ => {
                let repeated = !self.seen.insert(number);
                let given_up = if self.seen.len() > HOLES_MAX { self.seen.close_first_hole() } else { 0 };
                Seen { missed: number.saturating_sub(last).saturating_sub(1), repeated, given_up }
            }
        }
    }
}

impl Sequences {
    /// Notes a number; returns how many are missing before it, of those that should have come by now.
    pub(super) fn see(
        &mut self,
        numbering: Numbering,
        name: &'static str,
        symbol: &str,
        number: u64,
    ) -> Option<u64> {
        let Some(stream) = self.stream(numbering, name, symbol) else {
            self.untracked += 1;
            return None;
        };
        let Seen { missed, repeated, given_up } = stream.see(number);
        self.gaps += u64::from(missed > 0);
        self.repeats += u64::from(repeated);
        self.given_up = self.given_up.saturating_add(given_up);
        (missed > 0).then_some(missed)
    }

    /// Notes the numbers of the trades in `out` from `from` on, and adds the gaps before them to `out`.
    pub(super) fn see_trades(&mut self, name: &'static str, out: &mut Vec<Event<'_>>, from: usize) {
        for i in from..out.len() {
            let Event::Trade(trade) = &out[i] else { continue };
            let Some(id) = trade.id else { continue };
            if let Some(missed) = self.see(Numbering::Contiguous, name, &trade.symbol, id) {
                let symbol = trade.symbol.clone();
                out.push(Event::Gap(Gap { stream: name, symbol, missed }));
            }
        }
    }

    /// Notes the number of a message in its connection, and adds the gap before it to `out`.
    pub(super) fn see_message(&mut self, name: &'static str, number: u64, out: &mut Vec<Event<'_>>) {
        if let Some(missed) = self.see(Numbering::OfConnection, name, "", number) {
            out.push(Event::Gap(Gap { stream: name, symbol: Cow::Borrowed(""), missed }));
        }
    }

    fn stream(&mut self, numbering: Numbering, name: &'static str, symbol: &str) -> Option<&mut Stream> {
        let known = self.streams.get(symbol).and_then(|of| of.iter().position(|stream| stream.name == name));
        let index = match known {
            Some(index) => index,
            None if self.count == STREAMS_MAX => return None,
            None => {
                let streams = self.streams.entry(symbol.into()).or_default();
                streams.push(Stream { name, numbering, seen: IdRanges::default() });
                self.count += 1;
                streams.len() - 1
            }
        };
        self.streams.get_mut(symbol).map(|streams| &mut streams[index])
    }

    /// Forgets what begins anew with a connection.
    pub(super) fn reconnected(&mut self) {
        for stream in self.streams.values_mut().flatten() {
            if stream.numbering != Numbering::Contiguous {
                self.given_up = self.given_up.saturating_add(stream.seen.holes());
                stream.seen = IdRanges::default();
            }
        }
    }

    /// How often numbers were missing when the next one came.
    #[must_use]
    pub fn gaps(&self) -> u64 {
        self.gaps
    }

    /// How many numbers are missing still.
    #[must_use]
    pub fn missing(&self) -> u64 {
        let open = self.streams.values().flatten().map(|stream| stream.seen.holes());
        open.fold(self.given_up, u64::saturating_add)
    }

    /// How many numbers came again, or, where numbers only increase, not in their order.
    #[must_use]
    pub fn repeats(&self) -> u64 {
        self.repeats
    }

    /// Numbers of streams beyond the 16,384 that are followed.
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
        // Numbers, those missed at each; gaps, missing and repeats at the end.
        #[allow(clippy::type_complexity)]
        let cases: [(Numbering, &[(u64, u64)], (u64, u64, u64)); 6] = [
            (Contiguous, &[(7, 0), (8, 0), (9, 0)], (0, 0, 0)),
            (Contiguous, &[(7, 0), (10, 2), (9, 0), (8, 0), (11, 0)], (1, 0, 0)),
            (Contiguous, &[(7, 0), (10, 2), (9, 0), (9, 0), (10, 0), (6, 0)], (1, 1, 2)),
            (OfConnection, &[(0, 0), (2, 1), (5, 2)], (2, 3, 0)),
            (Increasing, &[(3, 0), (9, 0), (9, 0), (4, 0), (10, 0)], (0, 0, 2)),
            (Contiguous, &[(0, 0), (u64::MAX, u64::MAX - 1)], (1, u64::MAX - 1, 0)),
        ];
        for (numbering, numbers, expected) in cases {
            let mut sequences = Sequences::default();
            for (number, missed) in numbers {
                let found = sequences.see(numbering, "trade", "A", *number).unwrap_or(0);
                assert_eq!(found, *missed, "{numbering:?} {numbers:?} at {number}");
            }
            let found = (sequences.gaps(), sequences.missing(), sequences.repeats());
            assert_eq!(found, expected, "{numbering:?} {numbers:?}");
        }
    }

    #[test]
    fn only_trades_are_numbered_on_after_a_reconnect() {
        let mut sequences = Sequences::default();
        for (number, numbering) in
            [(5, Numbering::Contiguous), (5, Numbering::OfConnection), (5, Numbering::Increasing)]
        {
            sequences.see(numbering, ["a", "b", "c"][numbering as usize], "A", number);
        }
        sequences.reconnected();
        assert_eq!(sequences.see(Numbering::OfConnection, "b", "A", 0), None);
        assert_eq!(sequences.see(Numbering::Increasing, "c", "A", 1), None);
        assert_eq!(sequences.see(Numbering::Contiguous, "a", "A", 8), Some(2));
        assert_eq!(sequences.repeats(), 0);
    }

    #[test]
    fn a_hostile_feed_grows_nothing_without_end() {
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
