//! The benchmark: equal weights of all tradable instruments, through the same execution and costs.

use serde::{Deserialize, Serialize};

use super::book::{Account, Book};
use super::fills::Fill;
use super::market::Market;
use super::orders::{Order, OrderRecord, orders_towards};
use super::settings::{ExecutionSettings, FillAt};
use crate::frame::Frame;
use crate::settings::Calendar;
use crate::time::TimestampNs;

/// Days between rebalances of the benchmark.
const REBALANCE_DAYS: u32 = 21;

/// Equal weights of the instruments with a price, rebalanced every 21 days, without a cap or a box.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Benchmark {
    book: Book,
    lot: f64,
    every: u64,
    started_at: Option<u64>,
    same_close: bool,
    account: Account,
    fills: Vec<Fill>,
    ended: Vec<OrderRecord>,
    orders: Vec<Order>,
    target: Vec<f64>,
}

impl Benchmark {
    /// Returns a benchmark with the starting NAV of the strategy.
    #[must_use]
    pub fn new(settings: &ExecutionSettings, calendar: &Calendar) -> Self {
        Self {
            book: Book::new(settings, calendar),
            lot: settings.lot,
            every: calendar.frames(REBALANCE_DAYS),
            started_at: None,
            same_close: settings.fill_at == FillAt::SameClose,
            account: Account::default(),
            fills: Vec::new(),
            ended: Vec::new(),
            orders: Vec::new(),
            target: Vec::new(),
        }
    }

    /// Attaches the settings to a restored benchmark: its state does not contain them.
    #[must_use]
    pub(crate) fn under(self, settings: &ExecutionSettings) -> Self {
        Self { book: self.book.under(settings), ..self }
    }

    /// Advances the benchmark to the close of a frame.
    pub fn advance(&mut self, frame: &Frame, market: &Market) {
        self.fills.clear();
        // The benchmark's ended orders are not recorded.
        self.book.take_ended(&mut self.ended);
        self.account = self.book.advance(frame, market, &mut self.fills);
    }

    /// See [`Book::earn_since`].
    pub fn earn_since(&mut self, opened: TimestampNs, frame: &Frame) {
        self.book.earn_since(opened, frame, &mut self.account);
    }

    /// Rebalances on the current frame if due. The first call starts the schedule.
    pub fn decide(&mut self, frame: &Frame, market: &Market) {
        if self.book.is_ruined() {
            return;
        }
        let portfolio = self.book.portfolio();
        let start = *self.started_at.get_or_insert(portfolio.seq);
        if !(portfolio.seq - start).is_multiple_of(self.every) {
            return;
        }
        // Positions that cannot be sold on this frame keep their weight; the remaining NAV is spread over
        // tradable instruments.
        let n = portfolio.tradable.len();
        let traded = portfolio.tradable.iter().filter(|traded| **traded).count();
        let stuck: f64 = (0..n).filter(|&i| !portfolio.tradable[i]).map(|i| portfolio.weight(i)).sum();
        let each = (1.0 - stuck) / traded as f64;
        self.target.clear();
        self.target.extend((0..n).map(|i| if portfolio.tradable[i] { each } else { portfolio.weight(i) }));
        orders_towards(&self.target, portfolio, self.lot, 1.0, &mut self.orders);
        self.book.submit(&self.orders);
        if self.same_close {
            self.book.fill_decided(frame, market, &mut self.fills, &mut self.account);
        }
    }

    /// Net asset value after the frame.
    #[must_use]
    pub fn nav(&self) -> f64 {
        self.book.portfolio().nav
    }
}
