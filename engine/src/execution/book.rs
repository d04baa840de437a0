//! A book: working orders, positions and cash, advanced one frame at a time.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::borrow::{BorrowCharge, Borrowing};
use super::carrying::{carry, rate_on_cash};
use super::costs::Costs;
use super::fills::{Fill, Reason};
use super::market::Market;
use super::moves::Moves;
use super::orders::{Order, OrderRecord, OrderState, changed, fraction_beyond, nearest_lots, whole_lots};
use super::portfolio::Portfolio;
use super::settings::{ExecutionSettings, FillAt};
use super::volumes::VolumeFacts;
use super::working::{Fate, Working};
use crate::frame::Frame;
use crate::settings::Calendar;

/// Changes of the account on a frame besides price moves, and its exposures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Costs of the frame, item by item.
    pub costs: Costs,
    /// Interest on cash; negative on negative cash.
    pub interest: f64,
    /// Dividends on the positions of the preceding close; negative if short positions pay more than long ones
    /// receive.
    pub dividends: f64,
    /// Σ|quantity × price| over NAV.
    pub gross_exposure: f64,
    /// Σ quantity × price over NAV.
    pub net_exposure: f64,
    /// Value at the last prices of the positions delisted on the frame; negative for shorts.
    pub delisted: f64,
    /// Value of the short positions at the close, positive: the base of the borrow fee until the next close.
    pub shorts: f64,
    /// Value of the shorts at the close that have a fee of their own by `borrow_file`, positive.
    pub own_fee_shorts: f64,
    /// Fee of these shorts in currency per year, before multipliers.
    pub own_fees: f64,
}

/// Counts of the orders and fills of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExecutionFacts {
    /// Orders submitted.
    pub orders: u64,
    /// Orders filled whole.
    pub filled: u64,
    /// Orders whose remainder was cancelled.
    pub cancelled: u64,
    /// Cancelled orders whose last due bar had no volume.
    pub cancelled_without_volume: u64,
    /// Orders cancelled, in whole or in part, because their instrument left its spell of membership before the fill.
    pub cancelled_outside: u64,
    /// Orders whose remainder expired with their instrument.
    pub expired: u64,
    /// Cancelled or expired orders that were filled in part.
    pub partly_filled: u64,
    /// Orders still open at the end.
    pub open: u64,
    /// Positions closed because their instrument had no price for too long.
    pub delistings: u64,
    /// Fills that bought back recalled shares.
    pub recalls: u64,
    /// Fills of sales cut because no more shares could be borrowed.
    pub cut_shorts: u64,
    /// Fractions of lots left by splits and paid out in cash.
    pub fractions: u64,
    /// Cash paid out for them; negative if short positions paid it.
    pub cash_in_lieu: f64,
    /// Fills without impact because volume or volatility was not known yet.
    pub impact_unknown: u64,
    /// Fills that paid the usual half-spread because no quote or estimate existed yet.
    pub spread_usual: u64,
    /// Counts of the volume data.
    pub volumes: VolumeFacts,
    /// Bars whose quote was crossed.
    pub crossed_quotes: u64,
    /// UTC dates that were volatile, if volatility changes costs.
    pub volatile_dates: u64,
    /// Impact charged, in currency.
    pub impact: f64,
    /// Impact of the same fills by sizing's 3/2-power law.
    pub impact_as_sized: f64,
}

/// Working orders, positions and cash (the execution simulator and its accounting).
///
/// A frame is processed in this order: interest and carrying costs since the last frame; splits and dividends
/// of the positions at its close, and cash in lieu of the fractions of lots that splits leave; recalls; fills that are
/// due; marking to the close; delistings. A position without a price for too long is closed at its last price
/// less the haircut. That is a price move, not a cost: a short position gains what a long one loses. Hence
/// ΔNAV = price P&L + dividends + interest − costs.
///
/// An account whose NAV is then 0 or below is ruined: every position is closed at its last price without
/// costs, every order expires, and the account no longer changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Book {
    /// Not part of the state: see [`Book::under`].
    #[serde(skip)]
    pub(super) settings: ExecutionSettings,
    pub(super) delist_after: u64,
    #[serde(with = "crate::state::pointee")]
    pub(super) portfolio: Arc<Portfolio>,
    /// Frames since the instrument's last price.
    pub(super) silent: Vec<u64>,
    pub(super) working: Working,
    /// Orders that ended since the last call of [`Book::take_ended`].
    pub(super) ended: Vec<OrderRecord>,
    /// Volume used by the frame's fills.
    pub(super) taken: Vec<f64>,
    /// Price gains of the positions, if recorded for attribution.
    moves: Option<Moves>,
    /// Terms of borrowing and recalls, with `borrow_file`.
    pub(super) borrowing: Option<Borrowing>,
    pub(super) facts: ExecutionFacts,
    /// True from the first rebalance on: no interest accrues before it.
    open: bool,
    /// True once NAV is 0 or below: the account then stays unchanged.
    pub(super) ruined: bool,
}

impl Book {
    /// Returns a book that holds cash only.
    #[must_use]
    pub fn new(settings: &ExecutionSettings, calendar: &Calendar) -> Self {
        let portfolio = Portfolio { nav: settings.nav, cash: settings.nav, ..Portfolio::default() };
        Self {
            settings: settings.clone(),
            delist_after: calendar.frames(settings.delist_after),
            portfolio: Arc::new(portfolio),
            silent: Vec::new(),
            working: Working::default(),
            ended: Vec::new(),
            taken: Vec::new(),
            moves: None,
            borrowing: settings.borrow.as_ref().map(Borrowing::new),
            facts: ExecutionFacts::default(),
            open: false,
            ruined: false,
        }
    }

    /// Attaches the settings to a restored book: its state does not contain them.
    #[must_use]
    pub(crate) fn under(self, settings: &ExecutionSettings) -> Self {
        let borrowing = self.borrowing.map(|borrowing| borrowing.under(settings));
        Self { settings: settings.clone(), borrowing, ..self }
    }

    /// Settings of the book.
    #[must_use]
    pub fn settings(&self) -> &ExecutionSettings {
        &self.settings
    }

    /// Portfolio as of the last frame.
    #[must_use]
    pub fn portfolio(&self) -> &Arc<Portfolio> {
        &self.portfolio
    }

    /// Writes the weights of the benchmark into the portfolio, for sizing. `write` takes the number of instruments and
    /// the column.
    pub(crate) fn set_benchmark(&mut self, write: impl FnOnce(usize, &mut Vec<f64>)) {
        let portfolio = Arc::make_mut(&mut self.portfolio);
        write(portfolio.quantity.len(), &mut portfolio.benchmark);
    }

    /// Sets which instruments are members on the next frame; empty without a membership.
    pub(crate) fn set_members(&mut self, members: &[bool]) {
        if self.portfolio.members != members {
            let portfolio = Arc::make_mut(&mut self.portfolio);
            portfolio.members.clear();
            portfolio.members.extend_from_slice(members);
        }
    }

    /// Records the price gain of each position from now on.
    #[must_use]
    pub fn with_moves(self) -> Self {
        Self { moves: Some(Moves::default()), ..self }
    }

    /// Price gains on the last frame, if recorded.
    #[must_use]
    pub fn moves(&self) -> Option<&Moves> {
        self.moves.as_ref()
    }

    /// Fees on shorts of the last frame, by instrument in engine order; `None` without `borrow_file`.
    #[must_use]
    pub fn borrow_charges(&self) -> Option<&[BorrowCharge]> {
        self.borrowing.as_ref().map(Borrowing::charges)
    }

    /// Returns true once NAV is 0 or below.
    #[must_use]
    pub fn is_ruined(&self) -> bool {
        self.ruined
    }

    /// Counts of the orders and fills so far.
    #[must_use]
    pub fn facts(&self) -> ExecutionFacts {
        ExecutionFacts { open: self.working.records().count() as u64, ..self.facts }
    }

    /// Moves the orders that ended since the last call into `into`.
    pub fn take_ended(&mut self, into: &mut Vec<OrderRecord>) {
        into.clear();
        into.append(&mut self.ended);
    }

    /// Open orders.
    pub fn open_orders(&self) -> impl Iterator<Item = OrderRecord> {
        self.working.records()
    }

    /// Submits the orders of the current frame. Cancels the remainders of earlier orders whose fill frame has
    /// passed; orders in flight stay.
    pub fn submit(&mut self, orders: &[Order]) {
        if self.ruined {
            return;
        }
        self.open = true;
        let seq = self.portfolio.seq;
        let from = self.ended.len();
        let Self { working, ended, facts, .. } = self;
        working.each_due(seq, ended, |order, _| {
            facts.cancelled_without_volume += u64::from(order.without_volume);
            Fate::Ends(OrderState::Cancelled)
        });
        self.count_ended(from);
        self.facts.orders += orders.len() as u64;
        let delay = if self.settings.fill_at == FillAt::SameClose { 0 } else { self.settings.delay_bars };
        self.working.submit(orders, seq, seq + delay);
        if delay > 0 && !orders.is_empty() {
            let portfolio = Arc::make_mut(&mut self.portfolio);
            for order in orders {
                let in_flight = &mut portfolio.in_flight[order.instrument as usize];
                *in_flight = changed(*in_flight, order.quantity, self.settings.lot);
            }
        }
    }

    /// Advances the book to the close of a frame, and appends to `fills`. The market must have begun the
    /// frame and not ended it.
    pub fn advance(&mut self, frame: &Frame, market: &Market, fills: &mut Vec<Fill>) -> Account {
        let mut account = Account::default();
        if self.ruined {
            return account;
        }
        // Copies only while another stage still reads the portfolio.
        let portfolio = Arc::make_mut(&mut self.portfolio);
        let borrowing = &mut self.borrowing;
        if let Some(borrowing) = borrowing {
            borrowing.clear_charges();
        }
        if self.open {
            carry(&self.settings, portfolio, frame, market.multipliers(), borrowing.as_mut(), &mut account);
        }
        let n = frame.instruments();
        portfolio.quantity.resize(n, 0.0);
        portfolio.in_flight.resize(n, 0.0);
        portfolio.price.resize(n, f64::NAN);
        portfolio.tradable.resize(n, false);
        self.silent.resize(n, 0);
        portfolio.seq = frame.seq;
        (portfolio.timestamp, portfolio.utc_offset) = (frame.timestamp, frame.utc_offset);
        if let Some(borrowing) = borrowing {
            borrowing.begin(frame, self.settings.lot, portfolio);
        }
        if let Some(moves) = &mut self.moves {
            moves.begin(portfolio);
        }
        self.act(market, &mut account);
        if let Some(moves) = &mut self.moves {
            moves.hold(&self.portfolio);
        }
        let from = fills.len();
        self.keep_lots(frame, market, fills);
        self.fill_recalls(frame, market, fills);
        self.fill_due(frame, market, fills);
        self.settle_in_flight();
        let longest_silence = self.mark(frame, market);
        if longest_silence >= self.delist_after {
            account.delisted = self.close_delisted(market, fills);
        }
        self.mark_recalls();
        self.close_account(&fills[from..], &mut account);
        self.close_ruined(market, fills, &mut account);
        account
    }

    /// Pays the interest of the current frame on the cash of an account that opened at the preceding close,
    /// on the date `opened` (days since 1970), because its first orders fill on the frame itself.
    pub fn earn_since(&mut self, opened: i64, frame: &Frame, account: &mut Account) {
        let days = (frame.date() - opened) as f64;
        let portfolio = Arc::make_mut(&mut self.portfolio);
        account.interest = portfolio.cash * rate_on_cash(&self.settings, frame.rf, days);
        portfolio.cash += account.interest;
    }

    /// Fills the orders of the frame at its own close, for `fill_at = "same_close"`.
    pub fn fill_decided(
        &mut self,
        frame: &Frame,
        market: &Market,
        fills: &mut Vec<Fill>,
        account: &mut Account,
    ) {
        let from = fills.len();
        self.fill_due(frame, market, fills);
        for fill in &fills[from..] {
            account.costs += fill.costs;
        }
        self.value(account);
        self.close_ruined(market, fills, account);
    }

    fn close_account(&mut self, fills: &[Fill], account: &mut Account) {
        for fill in fills {
            account.costs += fill.costs;
        }
        if let Some(moves) = &mut self.moves {
            moves.end(&self.portfolio, fills);
        }
        self.value(account);
    }

    /// Applies splits and dividends to the positions of the preceding close.
    fn act(&mut self, market: &Market, account: &mut Account) {
        if market.actions().is_empty() {
            return;
        }
        let portfolio = Arc::make_mut(&mut self.portfolio);
        for action in market.actions() {
            let i = action.instrument as usize;
            if action.split != 1.0 {
                portfolio.quantity[i] *= action.split;
                portfolio.in_flight[i] *= action.split;
                portfolio.price[i] /= action.split;
                self.working.split(*action);
                if let Some(borrowing) = &mut self.borrowing {
                    borrowing.split(*action);
                }
            }
            let cash = portfolio.quantity[i] * action.dividend;
            portfolio.cash += cash;
            account.dividends += cash;
            if let Some(moves) = &mut self.moves {
                moves.pay(i, cash);
            }
        }
    }

    /// Rounds positions and open orders to whole lots after splits, towards zero. The fraction of a position
    /// is paid out in cash at the frame's close, or at the last price if the frame has none.
    fn keep_lots(&mut self, frame: &Frame, market: &Market, fills: &mut Vec<Fill>) {
        let Self { settings, working, facts, portfolio, .. } = self;
        if settings.lot == 0.0 || market.actions().is_empty() {
            return;
        }
        let portfolio = Arc::make_mut(portfolio);
        for action in market.actions().iter().filter(|action| action.split != 1.0) {
            let i = action.instrument as usize;
            let held = portfolio.quantity[i];
            let whole = whole_lots(held, settings.lot);
            working.round(action.instrument, held, whole, settings.lot);
            portfolio.quantity[i] = whole;
            // Orders that fill at the close of their own frame are never in flight.
            if settings.fill_at != FillAt::SameClose {
                let in_flight = working.ordered_from(action.instrument, frame.seq);
                portfolio.in_flight[i] = nearest_lots(in_flight, settings.lot);
            }
            let fraction = fraction_beyond(held, whole);
            if fraction == 0.0 {
                continue;
            }
            let price = if frame.close[i].is_nan() { portfolio.price[i] } else { frame.close[i] };
            portfolio.cash += fraction * price;
            facts.fractions += 1;
            facts.cash_in_lieu += fraction * price;
            fills.push(Fill {
                instrument: action.instrument,
                decided_seq: None,
                quantity: -fraction,
                price,
                decision_price: f64::NAN,
                costs: Costs::default(),
                permanent_impact: 0.0,
                conditions: market.conditions(i),
                reason: Reason::CashInLieu,
            });
        }
    }
}
