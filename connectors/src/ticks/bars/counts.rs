//! Counts of events by outcome.

/// Outcome of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOutcome {
    /// Included in its bar.
    InBar,
    /// Dropped: its bar is closed.
    Late,
    /// Dropped: a repeated event, or an older version of a bar.
    Duplicate,
    /// Dropped: its interval starts before the first interval built.
    Before,
    /// Dropped: its interval was closed before the clock was set back.
    ClockBack,
    /// Dropped: too many intervals are open.
    Ahead,
    /// Far ahead of all other events; waits for confirmation by other messages.
    Doubted,
    /// Dropped: a bar of another length, or an instrument outside the subscription.
    NotAsked,
    /// Not a trade; makes no bar.
    NoTrade,
    /// Cancelled or corrected a trade of an open bar.
    Changed,
    /// Cancels or corrects a trade outside all open bars; only counted.
    ChangedLate,
}

/// Counts of events by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BarCounts {
    /// Trades and venue bars included in bars.
    pub in_bars: u64,
    /// Events after their bar was closed.
    pub late: u64,
    /// Repeated events and older versions of bars.
    pub duplicates: u64,
    /// Events of intervals before the first interval built.
    pub before: u64,
    /// Events of `before` far behind the venue's clock, while other events agreed with the clock.
    pub far_behind: u64,
    /// Events dropped because the venue's clock stepped back to a time before closed bars.
    pub clock_back: u64,
    /// Events dropped because too many intervals were open.
    pub ahead: u64,
    /// Events far ahead of all others, dropped as unconfirmed.
    pub doubted: u64,
    /// Events of instruments or bar lengths outside the subscription.
    pub not_asked: u64,
    /// Reports for subscribed instruments that are not trades, such as aggregates of quantity 0.
    pub no_trade: u64,
    /// Trades cancelled while their bar was open.
    pub cancelled: u64,
    /// Trades corrected while their bar was open.
    pub corrected: u64,
    /// Cancellations of trades outside all open bars.
    pub cancelled_late: u64,
    /// Corrections of trades outside all open bars.
    pub corrected_late: u64,
    /// Trades that could not be kept for cancellation, because the maximum was reached.
    pub unkept: u64,
    /// Bars of a venue that were never completed.
    pub incomplete: u64,
    /// Bars omitted because no trade sets a price.
    pub without_price: u64,
    /// Id ranges dropped within a bar; a repetition of their trades would count.
    pub forgotten: u64,
    /// Closed bars.
    pub bars: u64,
}
