//! Fills of due orders, and their costs.

use std::sync::Arc;

use super::book::{Book, ExecutionFacts};
use super::costs::{BPS, Conditions, CostItem, Costs, Impact};
use super::fills::{Fill, Reason};
use super::market::Market;
use super::orders::{OrderState, changed, nearest_lots, whole_lots};
use super::settings::{ExecutionSettings, FillAt, Unfilled};
use super::working::{Fate, WorkingOrder};
use crate::frame::Frame;

impl Book {
    /// Fills the orders that are due, and appends to `fills`.
    pub(super) fn fill_due(&mut self, frame: &Frame, market: &Market, fills: &mut Vec<Fill>) {
        let Self { settings, working, ended, taken, facts, portfolio, .. } = self;
        let portfolio = Arc::make_mut(portfolio);
        if settings.participation_cap.is_some() {
            taken.clear();
            taken.resize(frame.instruments(), 0.0);
        }
        let from = ended.len();
        working.each_due(frame.seq, ended, |order, first| {
            let i = order.record.instrument as usize;
            if first && settings.fill_at != FillAt::SameClose {
                portfolio.in_flight[i] =
                    changed(portfolio.in_flight[i], -order.record.quantity, settings.lot);
            }
            let price = settings.fill_price(frame, i);
            let most = match settings.participation_cap {
                Some(cap) => frame.volume[i].max(0.0) * market.volume_multiplier() * cap - taken[i],
                None => f64::INFINITY,
            };
            let ordered = nearest_lots(order.remaining(), settings.lot);
            let remaining =
                if portfolio.is_member(i) { ordered } else { closing(ordered, portfolio.quantity[i]) };
            order.without_volume = market.is_stale(i);
            let allowed = portfolio.borrowable(i, remaining, settings.lot);
            let quantity = if order.without_volume { 0.0 } else { fillable(allowed, most, settings.lot) };
            facts.cut_shorts += u64::from(allowed != remaining && !price.is_nan() && !order.without_volume);
            if !price.is_nan() && quantity != 0.0 {
                let (fill, impact) = make_fill(settings, order, market, quantity, price);
                order.fill(quantity, quantity == ordered, settings.lot);
                portfolio.quantity[i] = changed(portfolio.quantity[i], quantity, settings.lot);
                portfolio.cash -= quantity * price + fill.costs.total();
                if let Some(taken) = taken.get_mut(i) {
                    *taken += quantity.abs();
                }
                facts.note_costs(i, market, &fill, impact);
                fills.push(fill);
            }
            let fate = fate(order, settings.unfilled);
            if remaining != ordered && (remaining == 0.0 || closing(remaining, portfolio.quantity[i]) == 0.0)
            {
                facts.cancelled_outside += 1;
                return Fate::Ends(OrderState::Cancelled);
            }
            if order.without_volume && fate == Fate::Ends(OrderState::Cancelled) {
                facts.cancelled_without_volume += 1;
            }
            fate
        });
        self.count_ended(from);
    }

    pub(super) fn count_ended(&mut self, from: usize) {
        for order in &self.ended[from..] {
            self.facts.filled += u64::from(order.state == OrderState::Filled);
            self.facts.cancelled += u64::from(order.state == OrderState::Cancelled);
            self.facts.expired += u64::from(order.state == OrderState::Expired);
            self.facts.partly_filled += u64::from(order.state != OrderState::Filled && order.filled != 0.0);
        }
    }
}

/// Part of an order for an instrument outside its spells of membership: what brings the position nearer to 0.
fn closing(ordered: f64, held: f64) -> f64 {
    let reduces = (ordered > 0.0 && held < 0.0) || (ordered < 0.0 && held > 0.0);
    if reduces { ordered.abs().min(held.abs()).copysign(ordered) } else { 0.0 }
}

impl ExecutionFacts {
    /// Counts the costs of a fill.
    pub(super) fn note_costs(&mut self, i: usize, market: &Market, fill: &Fill, impact: Impact) {
        self.spread_usual += u64::from(market.has_usual_spread(i));
        self.impact_unknown += u64::from(impact.unknown);
        self.impact += fill.costs[CostItem::Impact];
        self.impact_as_sized += impact.as_sized;
    }
}

impl ExecutionSettings {
    /// Price of a fill; NaN if the instrument does not trade.
    pub(super) fn fill_price(&self, frame: &Frame, i: usize) -> f64 {
        let close = frame.close[i];
        match self.fill_at {
            _ if close.is_nan() => f64::NAN,
            FillAt::Close | FillAt::SameClose => close,
            FillAt::Open => frame.open[i],
            FillAt::Typical => (frame.high[i] + frame.low[i] + close) / 3.0,
            FillAt::Vwap => (frame.open[i] + frame.high[i] + frame.low[i] + close) / 4.0,
        }
    }

    /// Purchase of recalled shares: the costs are those of an order of its own.
    pub(super) fn recall_fill(
        &self,
        instrument: u32,
        market: &Market,
        quantity: f64,
        price: f64,
    ) -> (Fill, Impact) {
        let commission = self.commission(quantity, price).max(self.commission_min);
        let i = instrument as usize;
        let conditions = market.conditions(i);
        let (costs, impact) = costs_of(self, i, market, (quantity, price), conditions, commission);
        let fill = Fill {
            instrument,
            decided_seq: None,
            quantity,
            price,
            decision_price: f64::NAN,
            costs,
            permanent_impact: impact.permanent,
            conditions,
            reason: Reason::Recall,
        };
        (fill, impact)
    }
}

/// Returns the part of the remainder that volume allows, in whole lots; the whole remainder, unrounded, if
/// volume allows it.
fn fillable(remaining: f64, most: f64, lot: f64) -> f64 {
    if remaining.abs() <= most {
        return remaining;
    }
    // A volume that is NaN or used up allows nothing.
    whole_lots(most.max(0.0), lot).copysign(remaining)
}

fn make_fill(
    settings: &ExecutionSettings,
    order: &mut WorkingOrder,
    market: &Market,
    quantity: f64,
    price: f64,
) -> (Fill, Impact) {
    let i = order.record.instrument as usize;
    let commission = order.charge(settings.commission(quantity, price), settings.commission_min);
    let conditions = market.conditions(i);
    let (costs, impact) = costs_of(settings, i, market, (quantity, price), conditions, commission);
    let fill = Fill {
        instrument: order.record.instrument,
        decided_seq: Some(order.record.decided_seq),
        quantity,
        price,
        decision_price: order.decision_price,
        costs,
        permanent_impact: impact.permanent,
        conditions,
        reason: Reason::Order,
    };
    (fill, impact)
}

/// Costs of a fill, and its impact. `commission`: before the multiplier of stress.
#[inline]
fn costs_of(
    settings: &ExecutionSettings,
    i: usize,
    market: &Market,
    (quantity, price): (f64, f64),
    conditions: Conditions,
    commission: f64,
) -> (Costs, Impact) {
    let impact = impact_in(settings, i, market, quantity, price);
    let costs = Costs::of(&[
        (CostItem::Commission, commission * market.multipliers().commission),
        (CostItem::Spread, (quantity * price).abs() * conditions.half_spread_bps * BPS),
        (CostItem::Impact, impact.temporary + impact.permanent),
    ]);
    (costs, impact)
}

/// Impact of a fill with the multipliers of stress, and its impact by sizing's 3/2-power law.
fn impact_in(settings: &ExecutionSettings, i: usize, market: &Market, quantity: f64, price: f64) -> Impact {
    let impact = settings.impact(quantity, price, market.conditions(i));
    let sized = settings.impact(quantity, price, market.sized_conditions(i));
    let times = market.multipliers().impact;
    Impact {
        temporary: impact.temporary * times,
        permanent: impact.permanent * times,
        as_sized: sized.as_sized * market.sized_multipliers().impact,
        unknown: impact.unknown,
    }
}

fn fate(order: &mut WorkingOrder, unfilled: Unfilled) -> Fate {
    order.record.state =
        if order.record.filled == 0.0 { OrderState::Working } else { OrderState::PartlyFilled };
    match unfilled {
        // A split left less than one lot of the order.
        _ if order.record.quantity == 0.0 => Fate::Ends(OrderState::Cancelled),
        _ if order.remaining() == 0.0 => Fate::Ends(OrderState::Filled),
        Unfilled::Cancel => Fate::Ends(OrderState::Cancelled),
        Unfilled::Carry => Fate::Works,
    }
}

#[cfg(test)]
mod tests {
    use super::super::orders::Order;
    use super::*;
    use crate::settings::Calendar;
    use crate::time::{DAY_NS, TimestampNs};

    #[test]
    fn order_outside_the_spells_fills_only_towards_zero() {
        for (ordered, held, expected) in [
            (50.0, -80.0, 50.0),
            (80.0, -50.0, 50.0),
            (-50.0, 80.0, -50.0),
            (-80.0, 50.0, -50.0),
            (50.0, 80.0, 0.0),
            (-50.0, -80.0, 0.0),
            (50.0, 0.0, 0.0),
            (-50.0, 0.0, 0.0),
            (0.0, 80.0, 0.0),
        ] {
            assert_eq!(closing(ordered, held), expected, "{ordered} of {held}");
        }
    }

    /// Position, order in flight when the instrument leaves, volume of each frame after that, fills on them, and whether
    /// the order ends because of that.
    type Case = (f64, f64, [f64; 2], [f64; 2], bool);

    #[test]
    fn order_ends_when_its_instrument_left_and_nothing_is_left_to_close() {
        let cases: [Case; 9] = [
            (100.0, -150.0, [1e4, 1e4], [-100.0, 0.0], true),
            (-100.0, 150.0, [1e4, 1e4], [100.0, 0.0], true),
            // A tenth of the volume is 60 units, which leave 40.
            (100.0, -150.0, [600.0, 1e4], [-60.0, -40.0], true),
            (100.0, 20.0, [1e4, 1e4], [0.0, 0.0], true),
            (-100.0, -20.0, [1e4, 1e4], [0.0, 0.0], true),
            (0.0, 20.0, [1e4, 1e4], [0.0, 0.0], true),
            // Orders that only close are those of members.
            (100.0, -100.0, [1e4, 1e4], [-100.0, 0.0], false),
            (100.0, -70.0, [1e4, 1e4], [-70.0, 0.0], false),
            (100.0, -100.0, [600.0, 1e4], [-60.0, -40.0], false),
        ];
        let settings = ExecutionSettings {
            participation_cap: Some(0.1),
            unfilled: Unfilled::Carry,
            ..ExecutionSettings::default()
        };
        for (held, ordered, volumes, expected, ends) in cases {
            let (mut book, mut market) = (Book::new(&settings, &Calendar::default()), Market::new(&settings));
            for seq in 0..4 {
                let frame = Frame {
                    seq,
                    timestamp: TimestampNs(seq as i64 * DAY_NS),
                    close: vec![10.0],
                    volume: vec![if seq < 2 { 1e4 } else { volumes[seq as usize - 2] }],
                    ..Frame::default()
                };
                let mut fills = Vec::new();
                market.begin(&frame);
                book.advance(&frame, &market, &mut fills);
                market.end(&frame);
                let filled: f64 = fills.iter().map(|fill| fill.quantity).sum();
                let of_frame = [0.0, held, expected[0], expected[1]];
                assert_eq!(filled, of_frame[seq as usize], "{held} {ordered}, frame {seq}");
                let quantity = [held, ordered].get(seq as usize).copied().unwrap_or(0.0);
                if quantity != 0.0 {
                    book.submit(&[Order { instrument: 0, quantity, decision_price: 10.0 }]);
                }
                if seq == 1 {
                    book.set_members(&[false]);
                }
            }
            let facts = book.facts();
            assert_eq!(facts.cancelled_outside, u64::from(ends), "{held} {ordered}");
            assert_eq!((facts.cancelled, facts.open), (u64::from(ends), 0), "{held} {ordered}");
        }
    }
}
