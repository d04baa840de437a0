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
    match () {
        () if remaining.abs() <= most => remaining,
        () if most > 0.0 => whole_lots(most, lot).copysign(remaining),
        // No volume left, or NaN.
        () => 0.0,
    }
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
