//! The close of a frame: prices, net asset value and the costs of trading for sizing.

use std::sync::Arc;

use super::book::{Account, Book};
use super::market::Market;
use super::settings::FillAt;
use crate::frame::Frame;

impl Book {
    /// Sets the column to exactly 0 when no order is in flight.
    pub(super) fn settle_in_flight(&mut self) {
        if !self.working.in_flight(self.portfolio.seq) {
            Arc::make_mut(&mut self.portfolio).in_flight.fill(0.0);
        }
    }

    /// Marks to the close, and sets the tradable instruments. Orders that fill at the close of their own frame need a
    /// close that is not stale. Returns the longest number of frames since the last price of an instrument.
    pub(super) fn mark(&mut self, frame: &Frame, market: &Market) -> u64 {
        let same_close = self.settings.fill_at == FillAt::SameClose;
        let portfolio = Arc::make_mut(&mut self.portfolio);
        if market.admits_any() && !same_close && all_known(&frame.close) {
            portfolio.price.copy_from_slice(&frame.close);
            portfolio.tradable.fill(true);
            self.silent.fill(0);
            return 0;
        }
        let mut longest = 0;
        for (i, &close) in frame.close.iter().enumerate() {
            let traded = !close.is_nan();
            portfolio.tradable[i] = traded && market.admits(i) && !(same_close && market.is_stale(i));
            portfolio.price[i] = if traded { close } else { portfolio.price[i] };
            self.silent[i] = if traded { 0 } else { self.silent[i] + 1 };
            longest = longest.max(self.silent[i]);
        }
        longest
    }

    /// NAV and exposures at the close, summed in engine order.
    pub(super) fn value(&mut self, account: &mut Account) {
        let portfolio = Arc::make_mut(&mut self.portfolio);
        let (mut long, mut short) = (0.0, 0.0);
        let mut value = portfolio.cash;
        for (quantity, price) in portfolio.quantity.iter().zip(&portfolio.price) {
            let position = quantity * price;
            value += position;
            long += if position > 0.0 { position } else { 0.0 };
            short += if position < 0.0 { position } else { 0.0 };
        }
        portfolio.nav = value;
        account.gross_exposure = (long - short) / value;
        account.net_exposure = (long + short) / value;
        account.shorts = 0.0 - short;
        (account.own_fee_shorts, account.own_fees) = portfolio.own_fees();
    }

    /// Writes the costs of trading into the portfolio for sizing. The market has ended the frame.
    pub fn price_trades(&mut self, market: &Market) {
        let settings = &self.settings;
        let portfolio = Arc::make_mut(&mut self.portfolio);
        let n = portfolio.price.len();
        if !market.varies() && settings.commission_per_share == 0.0 && portfolio.linear_cost.len() == n {
            return;
        }
        portfolio.linear_cost.clear();
        portfolio.impact.clear();
        let times = market.sized_multipliers();
        for i in 0..n {
            let (price, conditions) = (portfolio.price[i], market.sized_conditions(i));
            portfolio.linear_cost.push(settings.linear_cost(price, conditions, times.commission));
            if settings.has_impact() {
                let impact = settings.sized_impact(portfolio.nav, price, conditions);
                portfolio.impact.push(impact * times.impact);
            }
        }
    }
}

/// Returns true if no value is NaN, without a branch for each value.
fn all_known(values: &[f64]) -> bool {
    values.iter().fold(true, |all, value| all & !value.is_nan())
}
