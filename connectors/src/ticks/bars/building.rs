//! A bar in the making.

use super::super::event::{Trade, VenueBar};
use super::super::ids::IdRanges;
use super::exact_sum::ExactSum;

/// Ranges of ids that are kept for a bar, 256 KiB. Venues that number trades one by one need one for each hole.
const RANGES_MAX: usize = 16_384;

/// Prices and volume of an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// Price of its first trade by time.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Price of its last trade by time.
    pub close: f64,
    /// Quantity traded: the exact sum, rounded once.
    pub volume: f64,
    /// Number of trades, as the venue reports them; 0 where a bar of the venue does not say.
    pub trades: u64,
}

/// What is known of an instrument's bar. A bar of the venue goes before one of trades.
#[derive(Clone, Debug, Default)]
pub(super) struct Building {
    trades: Option<OfTrades>,
    venue: Option<OfVenue>,
    /// Events that are in it.
    events: u64,
}

/// Trades at the same time are in the order of their ids, and without ids in that of their arrival.
type Order = (i64, u64, u64);

#[derive(Clone, Debug)]
struct OfTrades {
    bar: Bar,
    first: Order,
    last: Order,
    volume: ExactSum,
    ids: IdRanges,
}

/// A version of the venue's bar, and what tells whether it is later than another.
#[derive(Clone, Copy, Debug)]
struct OfVenue {
    bar: Bar,
    closed: Option<bool>,
    time_ns: i64,
}

impl Building {
    /// Adds a trade; `false` where its id was there already. `forgotten` counts ids that are not remembered any more.
    pub(super) fn add(&mut self, trade: &Trade<'_>, forgotten: &mut u64) -> bool {
        let price = trade.price;
        let of = self.trades.get_or_insert_with(|| OfTrades {
            bar: Bar { open: price, high: price, low: price, close: price, volume: 0.0, trades: 0 },
            first: (i64::MAX, u64::MAX, u64::MAX),
            last: (i64::MIN, 0, 0),
            volume: ExactSum::default(),
            ids: IdRanges::default(),
        });
        if trade.id.is_some_and(|id| !of.ids.insert(id)) {
            return false;
        }
        if of.ids.len() > RANGES_MAX {
            of.ids.forget_first();
            *forgotten += 1;
        }
        of.bar.trades += 1;
        self.events += 1;
        let order = (trade.time_ns, trade.id.unwrap_or(0), of.bar.trades);
        if order < of.first {
            (of.first, of.bar.open) = (order, price);
        }
        if order > of.last {
            (of.last, of.bar.close) = (order, price);
        }
        of.bar.high = of.bar.high.max(price);
        of.bar.low = of.bar.low.min(price);
        of.volume.add(trade.quantity);
        true
    }

    /// Takes a bar of the venue; `false` where it is no later version than the one that is there.
    pub(super) fn replace(&mut self, bar: &VenueBar<'_>) -> bool {
        let version =
            |closed: Option<bool>, time_ns: i64, trades: u64| (closed == Some(true), time_ns, trades);
        let trades = bar.trades.unwrap_or(0);
        let found = version(bar.closed, bar.time_ns, trades);
        if self.venue.is_some_and(|v| version(v.closed, v.time_ns, v.bar.trades) >= found) {
            return false;
        }
        self.events += 1;
        let VenueBar { open, high, low, close, volume, closed, time_ns, .. } = *bar;
        self.venue = Some(OfVenue { bar: Bar { open, high, low, close, volume, trades }, closed, time_ns });
        true
    }

    /// How many events are in it.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// Whether all that came of the venue's bar says that it is not complete.
    pub(super) fn is_incomplete(&self) -> bool {
        self.venue.is_some_and(|venue| venue.closed == Some(false))
    }

    /// The bar at the end of its interval; none where the venue's was never complete and no trades came.
    pub(super) fn close(self) -> Option<Bar> {
        match self.venue {
            Some(venue) if venue.closed != Some(false) => Some(venue.bar),
            _ => self.trades.map(|of| Bar { volume: of.volume.value(), ..of.bar }),
        }
    }
}
