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
    /// Gaps that were given up.
    gaps,
    /// Messages in these.
    missing,
    /// Requests for missing messages.
    requests,
    /// Messages that came late or on request, and closed a gap.
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
    /// Trades and bars of a venue that were dropped for any other reason, such as instruments that were not asked for.
    dropped,
    /// Bars of a venue that were not handed over because the connection began inside them.
    partial,
    /// Times during which a venue was not heard.
    outages,
}

/// Adds to a counter.
pub(in crate::live) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

/// Sets a counter that is counted elsewhere.
pub(in crate::live) fn set(counter: &AtomicU64, count: u64) {
    counter.store(count, Ordering::Relaxed);
}
