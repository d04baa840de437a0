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
        } else if self.book.portfolio().is_ruined() {
            self.target.clear();
            self.target.resize(self.book.portfolio().quantity.len(), 0.0);
        } else {
            // Where nothing is sold, these are the weights held.
            self.write_sales();
        }
        out.extend_from_slice(&self.target);
    }

    pub(super) fn start_with(&mut self, nav: f64) {
        self.book.fund(nav);
    }

    pub(super) fn nav(&self) -> f64 {
        self.book.portfolio().nav
    }

    pub(super) fn facts(&self) -> BenchmarkFacts {
        let Some(stated) = &self.stated else { return BenchmarkFacts::default() };
        let (unplaced, unplaced_symbols) = stated.unplaced();
        BenchmarkFacts {
            unplaced,
            unplaced_symbols,
            has_no_weights: stated.is_without_weights() && self.started_at.is_some(),
            gross_max: stated.gross_max(),
            ..BenchmarkFacts::default()
        }
    }
}

/// Weight of a position; 0 without a price.
fn held(weight: f64) -> f64 {
    if weight.is_nan() { 0.0 } else { weight }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY_NS, TimestampNs};

    /// Frame of three instruments, one a day.
    fn frame(seq: u64, close: [f64; 3]) -> Frame {
        Frame {
            seq,
            timestamp: TimestampNs(seq as i64 * DAY_NS),
            listed: if seq == 0 { ["A", "B", "C"].map(Into::into).to_vec() } else { Vec::new() },
            close: close.to_vec(),
            ..Frame::default()
        }
    }

    /// Benchmark without costs that started on frame 0, and has filled on frame 1.
    fn started(stated: Option<&Arc<WeightRows>>) -> (WeightedBenchmark, Market) {
        let settings =
            ExecutionSettings { commission_bps: 0.0, half_spread_bps: 0.0, ..ExecutionSettings::default() };
        let mut benchmark = WeightedBenchmark::new(&settings, &Calendar::default(), stated);
        let mut market = Market::new(&settings);
        for seq in 0..2 {
            step(&mut benchmark, &mut market, &frame(seq, [10.0; 3]), true);
        }
        (benchmark, market)
    }

    /// Advances over a frame; returns the weights of its target.
    fn step(
        benchmark: &mut WeightedBenchmark,
        market: &mut Market,
        frame: &Frame,
        decides: bool,
    ) -> Vec<f64> {
        market.begin(frame);
        benchmark.advance(frame, market);
        market.end(frame);
        let mut weights = Vec::new();
        benchmark.write_weights(&mut weights);
        if decides {
            benchmark.decide(frame, market);
        }
        weights
    }

    fn near(found: &[f64], expected: &[f64], name: &str) {
        let close = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12);
        assert!(close && found.len() == expected.len(), "{name}: {found:?}, expected {expected:?}");
    }

    #[test]
    fn instrument_that_left_is_sold_at_once_and_the_others_stay() {
        let (mut benchmark, mut market) = started(None);
        let third = 1.0 / 3.0;
        let quantity = benchmark.book.portfolio().quantity[0];
        near(&step(&mut benchmark, &mut market, &frame(2, [10.0; 3]), true), &[third; 3], "held");
        assert_eq!(benchmark.book.open_orders().count(), 0);
        // The second one has left, and the third one does not trade: its price is the last one.
        benchmark.set_members(&[true, false, true]);
        let found = step(&mut benchmark, &mut market, &frame(3, [10.0, 10.0, f64::NAN]), true);
        near(&found, &[third, 0.0, third], "sales");
        let found = step(&mut benchmark, &mut market, &frame(4, [10.0, 20.0, 10.0]), true);
        assert_eq!(benchmark.book.portfolio().quantity, [quantity, 0.0, quantity]);
        near(&found, &[0.25, 0.0, 0.25], "with the cash of the sale");
        // An instrument that has left and does not trade stays until it does.
        benchmark.set_members(&[false, false, true]);
        let found = step(&mut benchmark, &mut market, &frame(5, [f64::NAN, 20.0, 10.0]), true);
        near(&found, &[0.25, 0.0, 0.25], "stays");
        assert_eq!(benchmark.book.open_orders().count(), 0);
        near(
            &step(&mut benchmark, &mut market, &frame(6, [10.0, 20.0, 10.0]), true),
            &[0.0, 0.0, 0.25],
            "goes",
        );
        step(&mut benchmark, &mut market, &frame(7, [10.0, 20.0, 10.0]), true);
        assert_eq!(benchmark.book.portfolio().quantity, [0.0, 0.0, quantity]);
    }

    #[test]
    fn rebalance_spreads_what_is_not_stuck_over_members_that_trade() {
        let (mut benchmark, mut market) = started(None);
        for seq in 2..21 {
            step(&mut benchmark, &mut market, &frame(seq, [10.0, 10.0, 40.0]), true);
        }
        // The third one is two thirds of the NAV and does not trade; the rest goes to both others.
        let found = step(&mut benchmark, &mut market, &frame(21, [10.0, 10.0, f64::NAN]), false);
        near(&found, &[1.0 / 6.0, 1.0 / 6.0, 2.0 / 3.0], "all are members");
        benchmark.set_members(&[true, false, false]);
        let mut found = Vec::new();
        benchmark.write_weights(&mut found);
        near(&found, &[1.0 / 3.0, 0.0, 2.0 / 3.0], "one is a member");
        // On other frames the weights drift.
        benchmark.set_members(&[]);
        let found = step(&mut benchmark, &mut market, &frame(22, [20.0, 10.0, 10.0]), true);
        near(&found, &[0.5, 0.25, 0.25], "drift");
    }

    #[test]
    fn stated_weight_of_an_instrument_that_cannot_be_bought_is_not_placed() {
        let at = |seq: i64| TimestampNs(seq * DAY_NS);
        let rows = [
            (at(0), "A", 0.5),
            (at(0), "B", 0.25),
            (at(3), "A", 0.3),
            (at(3), "B", 0.3),
            (at(3), "C", 0.4),
            (at(3), "D", 0.0),
        ];
        let (mut benchmark, mut market) = started(Some(&Arc::new(WeightRows::new(rows))));
        step(&mut benchmark, &mut market, &frame(2, [10.0; 3]), true);
        // The first one does not trade and keeps its weight, and the second one is not a member.
        benchmark.set_members(&[true, false, true]);
        let found = step(&mut benchmark, &mut market, &frame(3, [f64::NAN, 10.0, 10.0]), true);
        near(&found, &[0.5, 0.0, 0.4], "targets");
        let facts = benchmark.facts();
        assert_eq!((facts.unplaced, facts.unplaced_symbols), (2, vec!["A".to_owned(), "B".to_owned()]));
    }
}
