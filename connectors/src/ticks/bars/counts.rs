//! Events by what became of them.

/// Outcome of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is in its bar.
    InBar,
    /// Its bar is closed already: dropped and counted.
    Late,
    /// It was there before, or is an older version of a bar: dropped and counted.
    Duplicate,
    /// Its interval starts before the first that is made: dropped and counted.
    Before,
    /// Its interval is not later than the last one that was closed, and the clock was set back since: dropped and counted.
    ClockBack,
    /// Too many intervals are open: dropped and counted.
    Ahead,
    /// Far ahead of all others: it waits for other messages to agree.
    Doubted,
    /// A bar of another length, or of an instrument outside of the subscription: dropped and counted.
    NotAsked,
    /// It makes no bar.
    NoTrade,
    /// It took back or replaced a trade of an open bar.
    Changed,
    /// It takes back or replaces a trade that is in no open bar: counted.
    ChangedLate,
}

/// Events by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BarCounts {
    /// Trades and bars of venues that are in bars.
    pub in_bars: u64,
    /// That came after their bar was closed.
    pub late: u64,
    /// That came again, and older versions of bars.
    pub duplicates: u64,
    /// Events of intervals before the first that is made.
    pub before: u64,
    /// Those of `before` that are far behind the venue's clock while other events went on with it.
    pub far_behind: u64,
    /// That were dropped because the venue's clock stepped back behind bars that are closed.
    pub clock_back: u64,
    /// That found too many intervals open.
    pub ahead: u64,
    /// That were far ahead of all others, and nothing agreed with them.
    pub doubted: u64,
    /// Events of other instruments or other lengths.
    pub not_asked: u64,
    /// Reports of instruments that were asked for that are no trades, such as aggregates of quantity 0.
    pub no_trade: u64,
    /// Trades that were taken back while their bar was open.
    pub cancelled: u64,
    /// Trades that were replaced while their bar was open.
    pub corrected: u64,
    /// Cancellations of trades that are in no open bar.
    pub cancelled_late: u64,
    /// Corrections of trades that are in no open bar.
    pub corrected_late: u64,
    /// Trades beyond those that are kept to be taken back.
    pub unkept: u64,
    /// Bars of a venue that were never complete.
    pub incomplete: u64,
    /// Bars whose trades set no price: they are not made.
    pub without_price: u64,
    /// Ranges of trade numbers that were forgotten within a bar, so that what came again would count.
    pub forgotten: u64,
    /// Bars that were closed.
    pub bars: u64,
}
