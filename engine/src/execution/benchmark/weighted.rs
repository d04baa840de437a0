//! A portfolio as benchmark: its weights go through the execution and the costs of the strategy.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::book::{Account, Book};
use super::super::fills::Fill;
use super::super::market::Market;
use super::super::orders::{Order, OrderRecord, orders_towards};
use super::super::settings::{ExecutionSettings, FillAt};
use super::BenchmarkFacts;
use super::rule::WeightRows;
use super::stated::StatedWeights;
use crate::frame::Frame;
use crate::settings::Calendar;

/// Days between rebalances to equal weights.
const REBALANCE_DAYS: u32 = 21;

/// Equal weights of the instruments with a price, rebalanced every 21 days, or stated weights; without a cap or
/// a box.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WeightedBenchmark {
    book: Book,
    lot: f64,
    every: u64,
    started_at: Option<u64>,
    /// Weights of a file; `None` for equal weights.
    stated: Option<StatedWeights>,
    same_close: bool,
    account: Account,
    fills: Vec<Fill>,
    ended: Vec<OrderRecord>,
    orders: Vec<Order>,
    target: Vec<f64>,
}

impl WeightedBenchmark {
    pub(super) fn new(
        settings: &ExecutionSettings,
        calendar: &Calendar,
        stated: Option<&Arc<WeightRows>>,
    ) -> Self {
        Self {
            book: Book::new(settings, calendar),
            lot: settings.lot,
            every: calendar.frames(REBALANCE_DAYS),
            started_at: None,
            stated: stated.map(StatedWeights::new),
            same_close: settings.fill_at == FillAt::SameClose,
            account: Account::default(),
            fills: Vec::new(),
            ended: Vec::new(),
            orders: Vec::new(),
            target: Vec::new(),
        }
    }

    pub(super) fn under(self, own: &Self, settings: &ExecutionSettings) -> Self {
        let stated = self.stated.zip(own.stated.as_ref()).map(|(saved, own)| saved.under(own));
        Self { book: self.book.under(settings), stated, ..self }
    }

    pub(super) fn advance(&mut self, frame: &Frame, market: &Market) {
        self.fills.clear();
        // The benchmark's ended orders are not recorded.
        self.book.take_ended(&mut self.ended);
        self.account = self.book.advance(frame, market, &mut self.fills);
        if let Some(stated) = &mut self.stated {
            stated.advance(frame);
        }
    }

    pub(super) fn earn_since(&mut self, opened: i64, frame: &Frame) {
        self.book.earn_since(opened, frame, &mut self.account);
    }

    /// Returns true if the current frame rebalances, once the benchmark has started.
    fn is_due(&self) -> bool {
        let seq = self.book.portfolio().seq;
        match &self.stated {
            _ if self.book.is_ruined() => false,
            Some(stated) => stated.is_due(),
            None => (seq - self.started_at.unwrap_or(seq)).is_multiple_of(self.every),
        }
    }

    /// Sets which instruments are members on the next frame.
    pub(super) fn set_members(&mut self, members: &[bool]) {
        self.book.set_members(members);
    }

    /// Returns true if an instrument outside its spells of membership can be sold on this frame.
    fn has_left(&self) -> bool {
        let portfolio = self.book.portfolio();
        let left = |i: &usize| {
            !portfolio.is_member(*i) && portfolio.tradable[*i] && held(portfolio.weight(*i)) != 0.0
        };
        !portfolio.members.is_empty() && (0..portfolio.members.len()).any(|i| left(&i))
    }

    /// Writes the target weights of a frame between rebalances: only instruments outside their spells are sold.
    fn write_sales(&mut self) {
        let Self { book, target, .. } = self;
        let portfolio = book.portfolio();
        let kept = |i: usize| portfolio.is_member(i) || !portfolio.tradable[i];
        target.clear();
        target.extend(
            (0..portfolio.tradable.len()).map(|i| if kept(i) { held(portfolio.weight(i)) } else { 0.0 }),
        );
    }

    /// Writes the target weights of a rebalance. Positions that cannot be traded on this frame keep their weight, and
    /// only members of the universe get one; for equal weights, the remaining NAV is spread over tradable instruments.
    fn write_target(&mut self) {
        let Self { book, stated, target, .. } = self;
        let portfolio = book.portfolio();
        let n = portfolio.tradable.len();
        target.clear();
        if let Some(stated) = stated {
            target.resize(n, 0.0);
            stated.write(target);
            for i in (0..n).filter(|&i| !portfolio.is_member(i)) {
                target[i] = 0.0;
            }
            for i in (0..n).filter(|&i| !portfolio.tradable[i]) {
                target[i] = held(portfolio.weight(i));
            }
            return;
        }
        let traded = (0..n).filter(|&i| portfolio.tradable[i] && portfolio.is_member(i)).count();
        let stuck: f64 = (0..n).filter(|&i| !portfolio.tradable[i]).map(|i| portfolio.weight(i)).sum();
        let each = (1.0 - stuck) / traded as f64;
        target.extend((0..n).map(|i| match portfolio.tradable[i] {
            true if portfolio.is_member(i) => each,
            true => 0.0,
            false => portfolio.weight(i),
        }));
    }

    pub(super) fn decide(&mut self, frame: &Frame, market: &Market) {
        if self.book.is_ruined() {
            return;
        }
        self.started_at.get_or_insert(self.book.portfolio().seq);
        let is_due = self.is_due();
        if is_due {
            self.write_target();
        } else if self.has_left() {
            self.write_sales();
        } else {
            return;
        }
        let portfolio = self.book.portfolio();
        if let Some(stated) = self.stated.as_mut().filter(|_| is_due) {
            stated.decided(portfolio);
        }
        let gross: f64 = self.target.iter().map(|weight| weight.abs()).sum();
        // Rounding to lots keeps the gross exposure within that of the target; equal weights sum to 1.
        let gross_max = if self.stated.is_some() { gross } else { 1.0 };
        orders_towards(&self.target, portfolio, self.lot, gross_max, &mut self.orders);
        self.book.submit(&self.orders);
        if self.same_close {
            self.book.fill_decided(frame, market, &mut self.fills, &mut self.account);
        }
    }

    pub(super) fn write_weights(&mut self, out: &mut Vec<f64>) {
        if self.is_due() {
            self.write_target();
            out.extend_from_slice(&self.target);
            return;
        }
        if !self.book.is_ruined() && self.has_left() {
            self.write_sales();
            out.extend_from_slice(&self.target);
            return;
        }
        let portfolio = self.book.portfolio();
        let n = portfolio.quantity.len();
        match portfolio.is_ruined() {
            true => out.resize(n, 0.0),
            false => out.extend((0..n).map(|i| held(portfolio.weight(i)))),
        }
    }

    pub(super) fn start_with(&mut self, nav: f64) {
        self.book.fund(nav);
    }

    pub(super) fn nav(&self) -> f64 {
        self.book.portfolio().nav
    }

    pub(super) fn facts(&self) -> BenchmarkFacts {
        let (unplaced, unplaced_symbols) =
            self.stated.as_ref().map(StatedWeights::unplaced).unwrap_or_default();
        BenchmarkFacts { unplaced, unplaced_symbols, ..BenchmarkFacts::default() }
    }
}

/// Weight of a position; 0 without a price.
fn held(weight: f64) -> f64 {
    if weight.is_nan() { 0.0 } else { weight }
}
