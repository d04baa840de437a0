//! Recalls: shares that the lender takes back are bought on the next bar.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::book::Book;
use super::fills::{Fill, Reason};
use super::market::Market;
use super::orders::{OrderState, changed, nearest_lots, whole_lots};
use super::working::Fate;
use crate::frame::Frame;

/// Relative difference of two quantities that is rounding.
pub(super) const UNIT_DUST: f64 = 1e-9;

/// Shares to buy on the next bar.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Recall {
    /// Engine index.
    pub(super) instrument: u32,
    /// Units, above 0.
    pub(super) quantity: f64,
}

impl Book {
    /// Buys the shares recalled at the preceding close. An instrument that does not trade on the frame keeps its short,
    /// which is recalled again at this close.
    pub(super) fn fill_recalls(&mut self, frame: &Frame, market: &Market, fills: &mut Vec<Fill>) {
        let Self { settings, borrowing, facts, portfolio, .. } = self;
        let Some(borrowing) = borrowing.as_mut().filter(|borrowing| !borrowing.recalls.is_empty()) else {
            return;
        };
        let portfolio = Arc::make_mut(portfolio);
        for Recall { instrument, quantity } in borrowing.recalls.drain(..) {
            let i = instrument as usize;
            let quantity = quantity.min(-portfolio.quantity[i]);
            let price = settings.fill_price(frame, i);
            if quantity.is_nan() || quantity <= 0.0 || price.is_nan() || market.is_stale(i) {
                continue;
            }
            let (fill, impact) = settings.recall_fill(instrument, market, quantity, price);
            portfolio.quantity[i] = changed(portfolio.quantity[i], quantity, settings.lot);
            portfolio.cash -= quantity * price + fill.costs.total();
            facts.recalls += 1;
            facts.note_costs(i, market, &fill, impact);
            fills.push(fill);
        }
    }

    /// Notes the shorts that exceed the shares available at a close, for the next bar. Orders of these instruments that
    /// still work are cancelled; purchases that fill on the next bar anyway count towards the recall.
    pub(super) fn mark_recalls(&mut self) {
        let Self { settings, borrowing, working, ended, portfolio, .. } = self;
        let Some(borrowing) = borrowing else { return };
        borrowing.recalls.clear();
        let over = |i: usize| {
            let (units, available) = (-portfolio.quantity[i], portfolio.shortable[i]);
            if units - available > UNIT_DUST * available { units - available } else { 0.0 }
        };
        let n = portfolio.shortable.len().min(portfolio.quantity.len());
        for i in 0..n {
            let excess = over(i);
            if excess > 0.0 {
                let instrument = i as u32;
                let bought = working.purchases_due(instrument, portfolio.seq + 1);
                let mut quantity = whole_lots((excess - bought).max(0.0), settings.lot);
                if quantity < excess - bought {
                    quantity = nearest_lots(quantity + settings.lot, settings.lot);
                }
                let quantity = quantity.min(-portfolio.quantity[i]);
                borrowing.recalls.push(Recall { instrument, quantity });
            }
        }
        if borrowing.recalls.is_empty() {
            return;
        }
        let from = ended.len();
        working.each_due(portfolio.seq, ended, |order, _| {
            let recalled =
                borrowing.recalls.iter().any(|recall| recall.instrument == order.record.instrument);
            if recalled { Fate::Ends(OrderState::Cancelled) } else { Fate::Works }
        });
        let portfolio = Arc::make_mut(portfolio);
        for Recall { instrument, quantity } in &borrowing.recalls {
            let in_flight = &mut portfolio.in_flight[*instrument as usize];
            *in_flight = changed(*in_flight, *quantity, settings.lot);
        }
        self.count_ended(from);
    }
}

impl Fill {
    /// Returns true if the fill pays the costs of an order: a recall does, without one.
    #[must_use]
    pub(super) fn pays_as_order(&self) -> bool {
        matches!(self.reason, Reason::Order | Reason::Recall)
    }
}
