//! Bar under construction.

use super::super::event::{Correction, Sets, Trade, VenueBar};
use super::super::ids::IdRanges;
use super::exact_sum::ExactSum;

/// Maximum number of id ranges kept per bar, 256 KiB. A venue with contiguous trade ids needs one range per
/// hole.
const RANGES_MAX: usize = 16_384;

/// Prices and volume of an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// Price of the first trade by time.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Price of the last trade by time.
    pub close: f64,
    /// Quantity traded: exact sum, rounded once.
    pub volume: f64,
    /// Number of trades; 0 if the venue's bar does not state it.
    pub trades: u64,
}

/// Bar of an instrument under construction. A bar sent by the venue takes precedence over a bar of trades.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenBar {
    trades: Option<TradeBar>,
    venue: Option<VenueVersion>,
    /// Number of events in the bar.
    events: u64,
}

/// Time, id and arrival number: trades at the same time are ordered by id, and without ids by arrival.
type Order = (i64, u64, u64);

/// Prices of trades with the same permission to set prices.
#[derive(Clone, Copy, Debug)]
struct Prices {
    first: Order,
    last: Order,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
}

/// Sums over trades.
#[derive(Clone, Debug, Default)]
struct Sums {
    trades: u64,
    volume: ExactSum,
    /// Prices by permission of their trades, in the order of `Sets`: all, only high and low, extended hours.
    prices: [Option<Prices>; 3],
}

#[derive(Clone, Debug, Default)]
struct TradeBar {
    sums: Sums,
    /// Number of trades so far, cancelled ones included.
    arrived: u64,
    ids: IdRanges,
    /// Trades that can still be cancelled.
    kept: Vec<KeptTrade>,
    /// Whether all trades are kept.
    is_whole: bool,
}

/// Trade that can be cancelled.
#[derive(Clone, Copy, Debug)]
struct KeptTrade {
    order: Order,
    price: f64,
    quantity: f64,
    sets: Sets,
}

/// Version of the venue's bar, with the fields by which versions are ordered.
#[derive(Clone, Copy, Debug)]
struct VenueVersion {
    bar: Bar,
    closed: Option<bool>,
    time_ns: i64,
}

impl Sums {
    fn add(&mut self, trade: &KeptTrade) {
        self.trades += 1;
        self.volume.add(trade.quantity);
        if trade.sets == Sets::Nothing {
            return;
        }
        let (order, price) = (trade.order, trade.price);
        let prices = self.prices[trade.sets as usize].get_or_insert(Prices {
            first: order,
            last: order,
            open: price,
            high: price,
            low: price,
            close: price,
        });
        if order < prices.first {
            (prices.first, prices.open) = (order, price);
        }
        if order > prices.last {
            (prices.last, prices.close) = (order, price);
        }
        prices.high = prices.high.max(price);
        prices.low = prices.low.min(price);
    }

    /// Returns the bar; `None` if no trade sets a price.
    fn bar(&self) -> Option<Bar> {
        let [all, high_low, extended] = self.prices;
        let of = all.or(high_low).or(extended)?;
        let (high, low) = match (all, high_low) {
            (Some(all), Some(other)) => (all.high.max(other.high), all.low.min(other.low)),
            _ => (of.high, of.low),
        };
        let (volume, trades) = (self.volume.value(), self.trades);
        Some(Bar { open: of.open, high, low, close: of.close, volume, trades })
    }
}

impl TradeBar {
    /// Recomputes the sums; they do not depend on the order of the trades.
    fn sum_again(&mut self) {
        self.sums = Sums::default();
        self.kept.iter().for_each(|trade| self.sums.add(trade));
    }
}

impl OpenBar {
    /// Adds a trade; returns `false` for a known id. `room` is the number of further trades that may be kept
    /// for cancellation; `forgotten` counts dropped id ranges.
    pub(super) fn add(&mut self, trade: &Trade<'_>, room: &mut usize, forgotten: &mut u64) -> bool {
        let of = self.trades.get_or_insert_with(|| TradeBar { is_whole: true, ..TradeBar::default() });
        if trade.id.is_some_and(|id| !of.ids.insert(id)) {
            return false;
        }
        if of.ids.len() > RANGES_MAX {
            of.ids.forget_first();
            *forgotten += 1;
        }
        of.arrived += 1;
        self.events += 1;
        let Trade { time_ns, id, price, quantity, sets, .. } = *trade;
        let kept = KeptTrade { order: (time_ns, id.unwrap_or(0), of.arrived), price, quantity, sets };
        of.sums.add(&kept);
        match *room {
            0 => of.is_whole = false,
            _ => {
                *room -= 1;
                of.kept.push(kept);
            }
        }
        true
    }

    /// Cancels a trade; returns `false` if it is unknown or not kept.
    pub(super) fn cancel(&mut self, id: u64, room: &mut usize) -> bool {
        let Some((of, at)) = self.find(id) else { return false };
        of.kept.remove(at);
        *room += 1;
        of.sum_again();
        self.events -= 1;
        true
    }

    /// Corrects a trade; returns `false` if it is unknown or not kept.
    pub(super) fn correct(&mut self, correction: &Correction<'_>) -> bool {
        let Some((of, at)) = self.find(correction.id) else { return false };
        let kept = &mut of.kept[at];
        kept.order.1 = correction.new_id;
        (kept.price, kept.quantity, kept.sets) = (correction.price, correction.quantity, correction.sets);
        of.ids.insert(correction.new_id);
        of.sum_again();
        true
    }

    /// Finds a kept trade by its id.
    fn find(&mut self, id: u64) -> Option<(&mut TradeBar, usize)> {
        let of = self.trades.as_mut().filter(|of| of.is_whole)?;
        let at = of.kept.iter().rposition(|kept| kept.order.1 == id)?;
        Some((of, at))
    }

    /// Returns the number of trades kept for cancellation.
    pub(super) fn kept(&self) -> usize {
        self.trades.as_ref().map_or(0, |of| of.kept.len())
    }

    /// Updates the venue's bar; returns `false` if the bar is not a later version.
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
        self.venue =
            Some(VenueVersion { bar: Bar { open, high, low, close, volume, trades }, closed, time_ns });
        true
    }

    /// Returns the number of events in the bar.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// Returns whether every version of the venue's bar was marked incomplete.
    pub(super) fn is_incomplete(&self) -> bool {
        self.venue.is_some_and(|venue| venue.closed == Some(false))
    }

    /// Returns whether the bar has trades but none that sets a price.
    pub(super) fn has_no_price(&self) -> bool {
        self.trades.as_ref().is_some_and(|of| of.sums.trades > 0 && of.sums.bar().is_none())
    }

    /// Closes the bar; `None` if the venue's bar was never completed and no trade sets a price.
    pub(super) fn close(self) -> Option<Bar> {
        match self.venue {
            Some(venue) if venue.closed != Some(false) => Some(venue.bar),
            _ => self.trades.and_then(|of| of.sums.bar()),
        }
    }
}
