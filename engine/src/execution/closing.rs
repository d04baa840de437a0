//! Positions closed without an order: delisting and ruin.

use std::sync::Arc;

use super::book::{Account, Book};
use super::costs::Costs;
use super::fills::{Fill, Reason};
use super::market::Market;
use super::orders::OrderState;
use super::portfolio::Portfolio;
use super::working::Fate;

/// Share of the starting NAV up to which a positive NAV is the rounding error of a total loss.
const ROUNDING_OF_NAV: f64 = 1e-12;

impl Book {
    /// Closes the positions of instruments without a price for too long, at the last price less the haircut.
    /// Returns their value at the last prices.
    pub(super) fn close_delisted(&mut self, market: &Market, fills: &mut Vec<Fill>) -> f64 {
        let kept = 1.0 - self.settings.haircut(market.multipliers());
        let mut value = 0.0;
        let portfolio = Arc::make_mut(&mut self.portfolio);
        let from = self.ended.len();
        for (i, &silent) in self.silent.iter().enumerate() {
            if silent < self.delist_after {
                continue;
            }
            if silent == self.delist_after {
                let seq = portfolio.seq;
                self.working.each_due(seq, &mut self.ended, |order, _| {
                    match order.record.instrument as usize {
                        instrument if instrument == i => Fate::Ends(OrderState::Expired),
                        _ => Fate::Works,
                    }
                });
            }
            if portfolio.quantity[i] == 0.0 {
                continue;
            }
            value += portfolio.quantity[i] * portfolio.price[i];
            self.facts.delistings += 1;
            let price = kept * portfolio.price[i];
            fills.push(close(portfolio, i, price, market, Reason::Delisting));
        }
        self.count_ended(from);
        value
    }

    /// Closes an account whose NAV is 0 or below. The fills are at the last prices, from which that NAV
    /// follows, so they do not change it.
    pub(super) fn close_ruined(&mut self, market: &Market, fills: &mut Vec<Fill>, account: &mut Account) {
        let nav = self.portfolio.nav;
        if nav > 0.0 && nav <= ROUNDING_OF_NAV * self.settings.nav {
            let portfolio = Arc::make_mut(&mut self.portfolio);
            portfolio.cash -= nav;
            portfolio.nav = 0.0;
        }
        if !self.portfolio.is_ruined() {
            return;
        }
        self.ruined = true;
        let from = self.ended.len();
        self.working.lapse(&mut self.ended);
        self.count_ended(from);
        let portfolio = Arc::make_mut(&mut self.portfolio);
        portfolio.in_flight.fill(0.0);
        for i in 0..portfolio.quantity.len() {
            if portfolio.quantity[i] != 0.0 {
                let price = portfolio.price[i];
                fills.push(close(portfolio, i, price, market, Reason::Ruin));
            }
        }
        (account.gross_exposure, account.net_exposure, account.shorts) = (0.0, 0.0, 0.0);
        (account.own_fee_shorts, account.own_fees) = (0.0, 0.0);
    }
}

/// Closes a position at a price, without costs.
fn close(portfolio: &mut Portfolio, i: usize, price: f64, market: &Market, reason: Reason) -> Fill {
    let quantity = -portfolio.quantity[i];
    portfolio.quantity[i] = 0.0;
    portfolio.cash -= quantity * price;
    Fill {
        instrument: i as u32,
        decided_seq: None,
        quantity,
        price,
        decision_price: f64::NAN,
        costs: Costs::default(),
        permanent_impact: 0.0,
        conditions: market.conditions(i),
        reason,
    }
}
