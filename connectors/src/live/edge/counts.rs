//! What came, counted.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What has come through an edge so far.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct EdgeCounts { $($(#[$doc])* pub $name: u64),* }

        /// The same while it is counted.
        #[derive(Default)]
        pub(super) struct Counters { $(pub(super) $name: AtomicU64),* }

        impl Counters {
            pub(super) fn read(&self) -> EdgeCounts {
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
}

/// Adds to a counter.
pub(super) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}
