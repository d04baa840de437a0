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
    /// A report of no trade of the market, such as an aggregate of quantity 0. Its number counts as received.
    NoTrade(NoTrade<'m>),
    /// A trade that the venue takes back.
    Cancel(Cancel<'m>),
    /// A trade that the venue replaces by another one.
    Correction(Correction<'m>),
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
            Self::NoTrade(report) => Some(report.time_ns),
            Self::Quote(Quote { time_ns, .. }) | Self::Heartbeat { time_ns } => *time_ns,
            // A cancellation may come hours after its trade.
            Self::Cancel(_) | Self::Correction(_) => None,
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
    /// Prices of a bar that it sets.
    pub sets: Sets,
    /// Whether the venue's numbers say that it came before.
    pub repeated: bool,
}

/// Prices of a bar that a trade sets beside its volume, the least restricted first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sets {
    /// Open, high, low and close.
    #[default]
    All,
    /// High and low; open and close only in a bar where no other trade sets them.
    HighLow,
    /// Prices of a bar in which no other trade sets any: a trade outside of regular hours.
    Extended,
    /// No price.
    Nothing,
}

/// A report that is no trade of the market.
#[derive(Clone, Debug, PartialEq)]
pub struct NoTrade<'m> {
    /// The instrument.
    pub symbol: Cow<'m, str>,
    /// When it happened, ns since 1970 UTC.
    pub time_ns: i64,
    /// Its number among the instrument's trades; none where the venue has no such number.
    pub id: Option<u64>,
}

/// A trade that is taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct Cancel<'m> {
    /// The instrument.
    pub symbol: Cow<'m, str>,
    /// Number of the trade.
    pub id: u64,
}

/// A trade that is replaced. It stays where it is in time.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction<'m> {
    /// The instrument.
    pub symbol: Cow<'m, str>,
    /// Number of the trade.
    pub id: u64,
    /// Number of the trade in its place.
    pub new_id: u64,
    /// The right price.
    pub price: f64,
    /// The right quantity; 0 takes the trade back.
    pub quantity: f64,
    /// Prices of a bar that it sets.
    pub sets: Sets,
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
    /// The first number that is missing.
    pub first: u64,
    /// How many numbers are missing.
    pub missed: u64,
}
