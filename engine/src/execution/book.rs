//! A book: working orders, positions and cash, advanced one frame at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use super::costs::{BPS, Costs, fill_costs};
use super::orders::Order;
use super::portfolio::Portfolio;
use super::settings::{CashInterest, ExecutionSettings, FillAt, Unfilled};
use crate::frame::Frame;
use crate::settings::Calendar;

/// Days in the year of a carrying rate.
const DAYS_OF_RATES: f64 = 365.0;

/// Why a fill happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// An order.
    Order,
    /// No price for `delist_after` days.
    Delisting,
}

/// One fill.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fill {
    /// Engine index.
    pub instrument: u32,
    /// The frame that decided it; none for a delisting.
    pub decided_seq: Option<u64>,
    /// Quantity, signed.
    pub quantity: f64,
    /// The frame's price, before costs.
    pub price: f64,
    /// The price it was decided at; NaN for a delisting.
    pub decision_price: f64,
    /// What it cost.
    pub costs: Costs,
    /// Why.
    pub reason: Reason,
}

/// Orders of one decision.
#[derive(Clone, Debug, Default)]
struct Ticket {
    decided_seq: u64,
    due_seq: u64,
    orders: Vec<Order>,
}

/// What a frame did to the account, besides moving prices.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Account {
    /// Costs of the frame, item by item.
    pub costs: Costs,
    /// Interest on cash; negative where cash is.
    pub interest: f64,
    /// Σ|quantity × price| over NAV.
    pub gross_exposure: f64,
    /// Σ quantity × price over NAV.
    pub net_exposure: f64,
}

/// What became of the orders of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExecutionFacts {
    /// Orders decided.
    pub orders: u64,
    /// Orders filled.
    pub filled: u64,
    /// Orders cancelled because their instrument had no price on their frame.
    pub cancelled: u64,
    /// Positions closed because their instrument had no price for too long.
    pub delistings: u64,
}

/// Working orders, positions and cash (the execution simulator and its accounting).
///
/// A frame goes: interest and carrying costs since the last frame; fills that are due; prices move to the
/// close; positions without a price for too long are closed. So ΔNAV = price P&L + interest − costs.
#[derive(Clone, Debug)]
pub struct Book {
    settings: ExecutionSettings,
    delist_after: u64,
    portfolio: Arc<Portfolio>,
    /// Frames since the instrument's last price.
    silent: Vec<u64>,
    working: VecDeque<Ticket>,
    spare: Vec<Ticket>,
    facts: ExecutionFacts,
    /// Whether money is at work: nothing accrues before the first decision.
    open: bool,
}

impl Book {
    /// A book with cash only.
    #[must_use]
    pub fn new(settings: &ExecutionSettings, calendar: &Calendar) -> Self {
        let portfolio = Portfolio { nav: settings.nav, cash: settings.nav, ..Portfolio::default() };
        Self {
            settings: settings.clone(),
            delist_after: calendar.frames(settings.delist_after),
            portfolio: Arc::new(portfolio),
            silent: Vec::new(),
            working: VecDeque::new(),
            spare: Vec::new(),
            facts: ExecutionFacts::default(),
            open: false,
        }
    }

    /// The portfolio as of the last frame.
    #[must_use]
    pub fn portfolio(&self) -> &Arc<Portfolio> {
        &self.portfolio
    }

    /// What became of the orders so far.
    #[must_use]
    pub fn facts(&self) -> ExecutionFacts {
        self.facts
    }

    /// Takes the orders decided on the frame at hand. Remainders of earlier orders whose frame has
    /// passed are cancelled by it; orders in flight stay.
    pub fn submit(&mut self, orders: &[Order]) {
        self.open = true;
        let seq = self.portfolio.seq;
        while self.working.front().is_some_and(|ticket| ticket.due_seq <= seq) {
            if let Some(ticket) = self.working.pop_front() {
                self.facts.cancelled += ticket.orders.len() as u64;
                self.spare.push(ticket);
            }
        }
        if orders.is_empty() {
            return;
        }
        self.facts.orders += orders.len() as u64;
        let mut ticket = self.spare.pop().unwrap_or_default();
        ticket.decided_seq = seq;
        ticket.due_seq = seq + self.settings.delay_bars;
        ticket.orders.clear();
        ticket.orders.extend_from_slice(orders);
        let portfolio = Arc::make_mut(&mut self.portfolio);
        for order in orders {
            portfolio.in_flight[order.instrument as usize] += order.quantity;
        }
        self.working.push_back(ticket);
    }

    /// One frame: everything that happens to the book up to its close. Appends to `fills`.
    pub fn advance(&mut self, frame: &Frame, fills: &mut Vec<Fill>) -> Account {
        let mut account = Account::default();
        // Alone here, unless whoever was shown the portfolio still looks at it: then on a copy.
        let portfolio = Arc::make_mut(&mut self.portfolio);
        if self.open {
            carry(&self.settings, portfolio, frame, &mut account);
        }
        let n = frame.instruments();
        portfolio.quantity.resize(n, 0.0);
        portfolio.in_flight.resize(n, 0.0);
        portfolio.price.resize(n, f64::NAN);
        portfolio.traded.resize(n, false);
        self.silent.resize(n, 0);
        portfolio.seq = frame.seq;
        portfolio.timestamp = frame.timestamp;
        let from = fills.len();
        self.fill_due(frame, fills);
        self.mark(frame);
        self.close_delisted(fills);
        for fill in &fills[from..] {
            account.costs += fill.costs;
        }
        self.value(&mut account);
        account
    }

    fn fill_due(&mut self, frame: &Frame, fills: &mut Vec<Fill>) {
        let prices = match self.settings.fill_at {
            FillAt::Typical | FillAt::Vwap | FillAt::SameClose => &frame.close,
            FillAt::Close => &frame.close,
            FillAt::Open => &frame.open,
        };
        let portfolio = Arc::make_mut(&mut self.portfolio);
        let mut finished = 0;
        for ticket in &mut self.working {
            if ticket.due_seq > frame.seq {
                break;
            }
            let first_try = ticket.due_seq == frame.seq;
            ticket.orders.retain(|order| {
                let i = order.instrument as usize;
                if first_try {
                    portfolio.in_flight[i] -= order.quantity;
                }
                let price = prices[i];
                if price.is_nan() {
                    let carried = self.settings.unfilled == Unfilled::Carry;
                    self.facts.cancelled += u64::from(!carried);
                    return carried;
                }
                self.facts.filled += 1;
                let notional = order.quantity * price;
                let costs = fill_costs(&self.settings, notional);
                portfolio.quantity[i] += order.quantity;
                portfolio.cash -= notional + costs.total();
                fills.push(Fill {
                    instrument: order.instrument,
                    decided_seq: Some(ticket.decided_seq),
                    quantity: order.quantity,
                    price,
                    decision_price: order.decision_price,
                    costs,
                    reason: Reason::Order,
                });
                false
            });
            finished += usize::from(ticket.orders.is_empty());
        }
        if finished > 0 {
            let spare = &mut self.spare;
            self.working.retain_mut(|ticket| {
                let keep = !ticket.orders.is_empty();
                if !keep {
                    spare.push(std::mem::take(ticket));
                }
                keep
            });
        }
        self.settle_in_flight();
    }

    /// With nothing in flight the column is exactly 0, not a rounding of it.
    fn settle_in_flight(&mut self) {
        let seq = self.portfolio.seq;
        if self.working.iter().all(|ticket| ticket.due_seq <= seq) {
            Arc::make_mut(&mut self.portfolio).in_flight.fill(0.0);
        }
    }

    fn mark(&mut self, frame: &Frame) {
        let portfolio = Arc::make_mut(&mut self.portfolio);
        for (i, &close) in frame.close.iter().enumerate() {
            let traded = !close.is_nan();
            portfolio.traded[i] = traded;
            portfolio.price[i] = if traded { close } else { portfolio.price[i] };
            self.silent[i] = if traded { 0 } else { self.silent[i] + 1 };
        }
    }

    fn close_delisted(&mut self, fills: &mut Vec<Fill>) {
        let portfolio = Arc::make_mut(&mut self.portfolio);
        for (i, &silent) in self.silent.iter().enumerate() {
            if silent < self.delist_after || portfolio.quantity[i] == 0.0 {
                continue;
            }
            let (quantity, price) = (-portfolio.quantity[i], portfolio.price[i]);
            let haircut = (quantity * price).abs() * self.settings.delisting_haircut;
            portfolio.quantity[i] = 0.0;
            portfolio.cash -= quantity * price + haircut;
            self.facts.delistings += 1;
            fills.push(Fill {
                instrument: i as u32,
                decided_seq: None,
                quantity,
                price,
                decision_price: f64::NAN,
                costs: Costs { haircut, ..Costs::default() },
                reason: Reason::Delisting,
            });
        }
    }

    /// NAV and exposures at the close, summed in engine order.
    fn value(&mut self, account: &mut Account) {
        let portfolio = Arc::make_mut(&mut self.portfolio);
        let (mut long, mut short) = (0.0, 0.0);
        let mut value = portfolio.cash;
        for (quantity, price) in portfolio.quantity.iter().zip(&portfolio.price) {
            let position = quantity * price;
            value += position;
            long += position.max(0.0);
            short += position.min(0.0);
        }
        portfolio.nav = value;
        account.gross_exposure = (long - short) / value;
        account.net_exposure = (long + short) / value;
    }
}

/// Interest on cash, fee on shorts and financing of negative cash since the last frame, on what was
/// held at its close.
fn carry(settings: &ExecutionSettings, portfolio: &mut Portfolio, frame: &Frame, account: &mut Account) {
    let days = (frame.timestamp.date() - portfolio.timestamp.date()) as f64;
    let rate = match settings.cash_interest {
        CashInterest::RiskFree => frame.rf,
        CashInterest::PerYear(rate) => rate * days / DAYS_OF_RATES,
    };
    account.interest = portfolio.cash * rate;
    let years = days / DAYS_OF_RATES;
    if settings.borrow_bps_per_year > 0.0 {
        let shorts = portfolio.quantity.iter().zip(&portfolio.price).map(|(q, p)| (-q * p).max(0.0));
        account.costs.borrow = shorts.sum::<f64>() * settings.borrow_bps_per_year * BPS * years;
    }
    account.costs.financing = (-portfolio.cash).max(0.0) * settings.financing_bps_per_year * BPS * years;
    portfolio.cash += account.interest - account.costs.borrow - account.costs.financing;
}
