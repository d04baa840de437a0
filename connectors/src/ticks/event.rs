//! What a venue says.

use std::borrow::Cow;

/// One thing that a message says, borrowed from the message.
///
/// Prices are positive and finite, quantities are finite and not negative; symbols are the venue's own names, of 1 to
/// 64 bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'m> {
    /// A trade.
    Trade(Trade<'m>),
    /// The best bid and ask.
    Quote(Quote<'m>),
    /// A bar that the venue made.
    Bar(VenueBar<'m>),
    /// What else the message says happened before the subscription, such as the latest trades so far.
    Past,
    /// A change or a snapshot of the order book, which nothing here reads further.
    Book,
    /// The venue is alive.
    Heartbeat {
        /// The venue's time, ns since 1970 UTC, where it says it.
        time_ns: Option<i64>,
    },
    /// The venue acknowledges a subscription.
    Subscribed,
    /// The venue speaks of itself, such as `online`.
    Status(Cow<'m, str>),
    /// The venue refuses something, in its words.
    Error(Cow<'m, str>),
    /// Numbers are missing before this message.
    Gap(Gap<'m>),
}

impl Event<'_> {
    /// When it happened by the venue's clock, ns since 1970 UTC; none where the venue does not say.
    #[must_use]
    pub fn time_ns(&self) -> Option<i64> {
        match self {
            Self::Trade(trade) => Some(trade.time_ns),
            Self::Bar(bar) => Some(bar.time_ns),
            Self::Quote(Quote { time_ns, .. }) | Self::Heartbeat { time_ns } => *time_ns,
            Self::Past | Self::Book | Self::Subscribed | Self::Status(_) | Self::Error(_) | Self::Gap(_) => {
                None
            }
        }
    }

    /// What goes into a bar, without the message that it was read from; `None` of anything else.
    pub(super) fn kept(&self) -> Option<Event<'static>> {
        let owned = |symbol: &str| Cow::Owned(symbol.to_owned());
        match self {
            Self::Trade(trade) => {
                let Trade { time_ns, price, quantity, id, .. } = *trade;
                Some(Event::Trade(Trade { symbol: owned(&trade.symbol), time_ns, price, quantity, id }))
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

/// A trade, or several fills of one order at one price where the venue aggregates them.
#[derive(Clone, Debug, PartialEq)]
pub struct Trade<'m> {
    /// The instrument.
    pub symbol: Cow<'m, str>,
    /// When it happened, ns since 1970 UTC.
    pub time_ns: i64,
    /// Price, in the quote currency.
    pub price: f64,
    /// Quantity, positive.
    pub quantity: f64,
    /// What tells it from the instrument's other trades; none where the venue has no such number.
    pub id: Option<u64>,
}

/// The best bid and ask.
#[derive(Clone, Debug, PartialEq)]
pub struct Quote<'m> {
    /// The instrument.
    pub symbol: Cow<'m, str>,
    /// When it was so, ns since 1970 UTC, where the venue says it.
    pub time_ns: Option<i64>,
    /// The best bid; none where nobody bids.
    pub bid: Option<Level>,
    /// The best ask; none where nobody asks.
    pub ask: Option<Level>,
    /// Number of the change of the book, where the venue has one.
    pub update_id: Option<u64>,
}

/// A price and what is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Price, in the quote currency.
    pub price: f64,
    /// Quantity at that price, where the venue says it.
    pub quantity: Option<f64>,
}

/// A bar that the venue made.
#[derive(Clone, Debug, PartialEq)]
pub struct VenueBar<'m> {
    /// The instrument.
    pub symbol: Cow<'m, str>,
    /// When the message was made, ns since 1970 UTC; the bar's end where the venue does not say.
    pub time_ns: i64,
    /// Its start, ns since 1970 UTC.
    pub start_ns: i64,
    /// Its end, ns since 1970 UTC, which belongs to the next bar.
    pub end_ns: i64,
    /// Price of its first trade.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Price of its last trade.
    pub close: f64,
    /// Quantity traded.
    pub volume: f64,
    /// Number of trades, where the venue says it.
    pub trades: Option<u64>,
    /// Whether it is complete; none where the venue does not say, and then its last version is the complete one.
    pub closed: Option<bool>,
}

/// Numbers that should have come and did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap<'m> {
    /// The type of the messages that are numbered.
    pub stream: &'static str,
    /// The instrument; empty where the connection as a whole is numbered.
    pub symbol: Cow<'m, str>,
    /// How many numbers are missing.
    pub missed: u64,
}
