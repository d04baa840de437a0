//! A frame: all instruments' bars that close at one timestamp.

use std::sync::Arc;

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimestampNs(pub i64);

/// Nanoseconds in a day.
pub const DAY_NS: i64 = 86_400_000_000_000;

impl TimestampNs {
    /// Days since 1970-01-01 of the UTC date that the timestamp falls on.
    #[must_use]
    pub const fn date(self) -> i64 {
        self.0.div_euclid(DAY_NS)
    }

    /// Whether the timestamp is a midnight, which is what a plain date becomes.
    #[must_use]
    pub const fn is_midnight(self) -> bool {
        self.0.rem_euclid(DAY_NS) == 0
    }
}

/// One timestamp's bars as columns of length n, in engine order.
///
/// Engine order is the order of the instruments' first prices, ties by the bytes of the symbol. It is
/// append-only, so a column of an earlier frame is a prefix-compatible view of the same instruments.
/// A NaN in a column means that the instrument did not trade in this frame; sources refuse every
/// other value that is not a positive finite number.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// Number of the frame, from 0, the same in every table and across restarts.
    pub seq: u64,
    /// When the bars closed.
    pub timestamp: TimestampNs,
    /// Names of the instruments that join the engine order with this frame, in that order.
    pub listed: Vec<Arc<str>>,
    /// The price that trades and that positions are valued at, length n.
    pub close: Vec<f64>,
    /// Opening price, length n; empty where no fill asks for it.
    pub open: Vec<f64>,
    /// The price that returns are made of, length n; empty where it is `close`.
    pub return_price: Vec<f64>,
    /// Simple returns as the data states them, length n; empty where the data states prices.
    pub returns: Vec<f64>,
    /// Simple returns of the k factors from the preceding frame to this one (decimal). All NaN where
    /// the factors have no row for this frame: the frame then updates no estimate.
    pub factors: Vec<f64>,
    /// Risk-free return from the preceding frame to this one; 0 where the factors have none.
    pub rf: f64,
}

impl Frame {
    /// Number of instruments in the engine order as of this frame.
    #[must_use]
    pub fn instruments(&self) -> usize {
        self.close.len()
    }

    /// Whether the factors have a row for this frame.
    #[must_use]
    pub fn has_factors(&self) -> bool {
        self.factors.iter().all(|f| f.is_finite())
    }

    /// Empties every column and keeps its memory.
    pub fn clear(&mut self) {
        self.listed.clear();
        self.close.clear();
        self.open.clear();
        self.return_price.clear();
        self.returns.clear();
        self.factors.clear();
        self.rf = 0.0;
    }
}
