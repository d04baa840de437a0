//! Counters of an edge.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counts of an edge so far.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct EdgeCounts { $($(#[$doc])* pub $name: u64),* }

        /// Atomic counters of [`EdgeCounts`].
        #[derive(Default)]
        pub(in crate::live) struct Counters { $(pub(in crate::live) $name: AtomicU64),* }

        impl Counters {
            pub(in crate::live) fn read(&self) -> EdgeCounts {
                EdgeCounts { $($name: self.$name.load(Ordering::Relaxed)),* }
            }
        }
    };
}

counts! {
    /// Texts received.
    messages,
    /// Bytes of these texts.
    bytes,
    /// Messages delivered to the channel.
    delivered,
    /// Repeated messages, dropped.
    repeats,
    /// Messages that arrived before a message of lower number.
    early,
    /// Early messages without room in the buffer; they were requested again.
    overflowed,
    /// Gaps given up; for a venue, open gaps in its numbering.
    gaps,
    /// Messages missing in these gaps.
    missing,
    /// Requests for missing messages.
    requests,
    /// Messages that arrived late or on request and closed a gap; for a venue, late numbers that filled a
    /// gap.
    filled,
    /// Messages refused because they were malformed or too large.
    refused,
    /// Messages of an unknown type.
    unknown,
    /// Connections made.
    connections,
    /// Connections made after the first.
    reconnects,
    /// Failed connection attempts.
    failures,
    /// Number of times that the feed was silent for too long.
    stale,
    /// Events for which the channel was full.
    blocked,
    /// Time blocked on the channel, in ns.
    blocked_ns,
    /// Messages merged into the preceding one because the channel was full.
    conflated,
    /// Trades and bars of a venue that arrived after their bar was closed.
    late,
    /// Trades and bars of a venue dropped because no message confirmed their time, far ahead of all others.
    doubted,
    /// Trades and bars of a venue from intervals before the first requested one.
    before,
    /// Trades and bars of a venue for instruments or bar lengths that were not requested.
    not_asked,
    /// Reports of a venue that are not trades, such as aggregates of quantity 0.
    no_trade,
    /// Trades and bars of a venue dropped because its clock stepped back to a time before closed bars.
    clock_back,
    /// Trades and bars of a venue dropped because too many intervals were open.
    dropped,
    /// Bars of a venue that were never completed.
    incomplete,
    /// Bars without a trade that sets a price.
    without_price,
    /// Trades cancelled by the venue while their bar was open.
    cancelled,
    /// Trades corrected by the venue while their bar was open.
    corrected,
    /// Trades cancelled by the venue after their bar was closed.
    cancelled_late,
    /// Trades corrected by the venue after their bar was closed.
    corrected_late,
    /// Bars of a venue not delivered because the connection began inside their interval.
    partial,
    /// Outages of a venue.
    outages,
}

impl EdgeCounts {
    /// Returns the nonzero fault counts of a venue, by kind.
    pub fn faults(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let all = [
            ("refused", self.refused),
            ("unknown", self.unknown),
            ("gaps", self.gaps),
            ("missing", self.missing),
            ("filled", self.filled),
            ("duplicates", self.repeats),
            ("late", self.late),
            ("doubted", self.doubted),
            ("before", self.before),
            ("clock_back", self.clock_back),
            ("not_asked", self.not_asked),
            ("no_trade", self.no_trade),
            ("dropped", self.dropped),
            ("incomplete", self.incomplete),
            ("without_price", self.without_price),
            ("cancelled", self.cancelled),
            ("corrected", self.corrected),
            ("cancelled_late", self.cancelled_late),
            ("corrected_late", self.corrected_late),
            ("partial", self.partial),
            ("outages", self.outages),
        ];
        all.into_iter().filter(|(_, count)| *count > 0)
    }
}

/// Adds to a counter.
pub(in crate::live) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

/// Sets a counter that is maintained elsewhere.
pub(in crate::live) fn set(counter: &AtomicU64, count: u64) {
    counter.store(count, Ordering::Relaxed);
}
