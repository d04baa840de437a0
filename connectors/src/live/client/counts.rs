//! What came, counted.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What has come through an edge so far.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct EdgeCounts { $($(#[$doc])* pub $name: u64),* }

        /// The same while it is counted.
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
    /// Bytes of these.
    bytes,
    /// Messages handed over.
    delivered,
    /// Messages that had come before.
    repeats,
    /// Messages that came before one that belongs before them.
    early,
    /// Messages that came early and found no room: they were asked for again.
    overflowed,
    /// Gaps that were given up; of a venue, gaps in its numbers that are still open.
    gaps,
    /// Messages in these.
    missing,
    /// Requests for missing messages.
    requests,
    /// Messages that came late or on request, and closed a gap; of a venue, numbers that came behind later ones.
    filled,
    /// Messages refused because they were malformed or too large.
    refused,
    /// Messages of a type that is not known.
    unknown,
    /// Connections that were made.
    connections,
    /// Connections that were made again after the first.
    reconnects,
    /// Attempts that failed.
    failures,
    /// Times that the feed said nothing for too long.
    stale,
    /// Events that found the channel full.
    blocked,
    /// Nanoseconds waited for the channel.
    blocked_ns,
    /// Messages that were merged into the one before because there was no room.
    conflated,
    /// Trades and bars of a venue that came after their bar was closed.
    late,
    /// Trades and bars of a venue that were far ahead of all others, and nothing agreed with them.
    doubted,
    /// Trades and bars of a venue of intervals before the first that is made.
    before,
    /// Trades and bars of a venue of other instruments or lengths than those that were asked for.
    not_asked,
    /// Reports of a venue that are no trades, such as aggregates of quantity 0.
    no_trade,
    /// Trades and bars of a venue that were dropped because its clock stepped back behind bars that are closed.
    clock_back,
    /// Trades and bars of a venue that were dropped because too many intervals were open.
    dropped,
    /// Bars of a venue that were never complete.
    incomplete,
    /// Bars none of whose trades sets a price.
    without_price,
    /// Trades that a venue took back while their bar was open.
    cancelled,
    /// Trades that a venue replaced while their bar was open.
    corrected,
    /// Trades that a venue took back after their bar was closed.
    cancelled_late,
    /// Trades that a venue replaced after their bar was closed.
    corrected_late,
    /// Bars of a venue that were not handed over because the connection began inside them.
    partial,
    /// Times during which a venue was not heard.
    outages,
}

impl EdgeCounts {
    /// Faults of a venue by kind, those that have happened.
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

/// Sets a counter that is counted elsewhere.
pub(in crate::live) fn set(counter: &AtomicU64, count: u64) {
    counter.store(count, Ordering::Relaxed);
}
