//! Events of a venue.

use std::borrow::Cow;

/// Event of a message; borrows from the message.
///
/// Prices are positive and finite, quantities are finite and not negative; symbols are the venue's own names, of 1 to
/// 64 bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'m> {
    /// Trade.
    Trade(Trade<'m>),
    /// Report that is not a market trade, such as an aggregate of quantity 0. The number of the report counts
    /// as received.
    NoTrade(NoTrade<'m>),
    /// Cancellation of a trade.
    Cancel(Cancel<'m>),
    /// Correction of a trade.
    Correction(Correction<'m>),
    /// Best bid and ask.
    Quote(Quote<'m>),
    /// Bar of the venue.
    Bar(VenueBar<'m>),
    /// Mark that the other events of the message precede the subscription, such as the latest trades.
    Past,
    /// Change or snapshot of the order book; its content is not parsed.
    Book,
    /// Heartbeat of the venue.
    Heartbeat {
        /// Time of the venue, ns since 1970 UTC, if stated.
        time_ns: Option<i64>,
    },
    /// Acknowledgement of a subscription.
    Subscribed,
    /// Status of the venue, such as `online`.
    Status(Cow<'m, str>),
    /// Error message of the venue.
    Error(Cow<'m, str>),
    /// Gap in the numbering before this message.
    Gap(Gap<'m>),
}

impl Event<'_> {
    /// Returns the event time by the venue's clock, ns since 1970 UTC; `None` if not stated.
    #[must_use]
    pub fn time_ns(&self) -> Option<i64> {
        match self {
            Self::Trade(trade) => Some(trade.time_ns),
            Self::Bar(bar) => Some(bar.time_ns),
            Self::NoTrade(report) => Some(report.time_ns),
            Self::Quote(Quote { time_ns, .. }) | Self::Heartbeat { time_ns } => *time_ns,
            // A cancellation may arrive hours after its trade.
            Self::Cancel(_) | Self::Correction(_) => None,
            Self::Past | Self::Book | Self::Subscribed | Self::Status(_) | Self::Error(_) | Self::Gap(_) => {
                None
            }
        }
    }

    /// Returns an owned copy of an event that enters bars; `None` for others.
    pub(super) fn kept(&self) -> Option<Event<'static>> {
        let owned = |symbol: &str| Cow::Owned(symbol.to_owned());
        match self {
            Self::Trade(trade) => {
                let Trade { time_ns, price, quantity, id, sets, repeated, .. } = *trade;
                let symbol = owned(&trade.symbol);
                Some(Event::Trade(Trade { symbol, time_ns, price, quantity, id, sets, repeated }))
            }
            Self::Bar(bar) => {
                let VenueBar { time_ns, start_ns, end_ns, open, high, low, close, .. } = *bar;
                let (volume, trades, closed) = (bar.volume, bar.trades, bar.closed);
                let symbol = owned(&bar.symbol);
                Some(Event::Bar(VenueBar {
                    symbol,
                    time_ns,
                    start_ns,
                    end_ns,
                    open,
                    high,
                    low,
                    close,
                    volume,
                    trades,
                    closed,
                }))
            }
            _ => None,
        }
    }
}

/// Trade, or several fills of one order at one price if the venue aggregates them.
#[derive(Clone, Debug, PartialEq)]
pub struct Trade<'m> {
    /// Instrument.
    pub symbol: Cow<'m, str>,
    /// Event time, ns since 1970 UTC.
    pub time_ns: i64,
    /// Price, in the quote currency.
    pub price: f64,
    /// Quantity, positive.
    pub quantity: f64,
    /// Id, unique among the instrument's trades; `None` if the venue has no ids.
    pub id: Option<u64>,
    /// Prices of a bar that the trade sets.
    pub sets: Sets,
    /// Whether the trade is a repetition by the venue's numbering.
    pub repeated: bool,
}

/// Prices of a bar that a trade sets besides the volume, least restricted first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sets {
    /// Open, high, low and close.
    #[default]
    All,
    /// High and low; open and close only if no other trade of the bar sets them.
    HighLow,
    /// All prices, but only if no other trade of the bar sets any; for trades outside regular hours.
    Extended,
    /// No price.
    Nothing,
}

/// Report that is not a market trade.
#[derive(Clone, Debug, PartialEq)]
pub struct NoTrade<'m> {
    /// Instrument.
    pub symbol: Cow<'m, str>,
    /// Event time, ns since 1970 UTC.
    pub time_ns: i64,
    /// Number among the instrument's trades; `None` if the venue has no numbers.
    pub id: Option<u64>,
}

/// Cancellation of a trade.
#[derive(Clone, Debug, PartialEq)]
pub struct Cancel<'m> {
    /// Instrument.
    pub symbol: Cow<'m, str>,
    /// Id of the trade.
    pub id: u64,
}

/// Correction of a trade, which keeps its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction<'m> {
    /// Instrument.
    pub symbol: Cow<'m, str>,
    /// Id of the wrong trade.
    pub id: u64,
    /// Id of the corrected trade.
    pub new_id: u64,
    /// Corrected price.
    pub price: f64,
    /// Corrected quantity; 0 cancels the trade.
    pub quantity: f64,
    /// Prices of a bar that the trade sets.
    pub sets: Sets,
}

/// Best bid and ask.
#[derive(Clone, Debug, PartialEq)]
pub struct Quote<'m> {
    /// Instrument.
    pub symbol: Cow<'m, str>,
    /// Event time, ns since 1970 UTC, if stated.
    pub time_ns: Option<i64>,
    /// Best bid; `None` if that side is empty.
    pub bid: Option<Level>,
    /// Best ask; `None` if that side is empty.
    pub ask: Option<Level>,
    /// Number of the book update, if the venue has one.
    pub update_id: Option<u64>,
}

/// Price level of the book.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Price, in the quote currency.
    pub price: f64,
    /// Quantity at that price, if stated.
    pub quantity: Option<f64>,
}

/// Bar of the venue.
#[derive(Clone, Debug, PartialEq)]
pub struct VenueBar<'m> {
    /// Instrument.
    pub symbol: Cow<'m, str>,
    /// Time of the message, ns since 1970 UTC; the bar's end if not stated.
    pub time_ns: i64,
    /// Start, ns since 1970 UTC.
    pub start_ns: i64,
    /// End, exclusive, ns since 1970 UTC.
    pub end_ns: i64,
    /// Price of the first trade.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Price of the last trade.
    pub close: f64,
    /// Quantity traded.
    pub volume: f64,
    /// Number of trades, if stated.
    pub trades: Option<u64>,
    /// Whether the bar is complete; `None` if not stated, then the last version counts as complete.
    pub closed: Option<bool>,
}

/// Gap in a venue's numbering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap<'m> {
    /// Type of the numbered messages.
    pub stream: &'static str,
    /// Instrument; empty if numbers are per connection.
    pub symbol: Cow<'m, str>,
    /// First missing number.
    pub first: u64,
    /// Count of missing numbers.
    pub missed: u64,
}
