//! execute: frames and orders in, fills and the account out.

use std::sync::Arc;

use super::super::batch::{Batch, Recycler};
use super::super::error::{Miswired, StageError};
use super::super::message::{Decision, Message};
use super::super::stage::{Outbox, Stage};
use crate::assembly::Iso;
use crate::execution::{Account, Benchmark, Book, ExecutionSettings, Fill, FillAt, InvisibleSplits, Market};
use crate::frame::Frame;
use crate::ledger::{Attributed, Attribution, DigestChain, Frames, LedgerFrame, RecordSettings, RunFacts};
use crate::names::Names;
use crate::settings::Calendar;

const FRAMES: usize = 0;
const DECISIONS: usize = 1;
/// Outlets.
const ACKNOWLEDGE: usize = 0;
const LEDGER: usize = 1;

/// Moves the book from frame to frame.
///
/// Frame t is handled once the decision of t−1 is known; then the portfolio is acknowledged to sizing; with
/// the decision of t the frame's ledger is complete.
pub struct Execute {
    market: Market,
    book: Book,
    benchmark: Benchmark,
    attribution: Attribution,
    /// Whether orders fill on the frame that decides them.
    same_close: bool,
    /// NAV at the preceding close.
    nav_before: f64,
    record: RecordSettings,
    names: Names,
    digest: DigestChain,
    costs_so_far: f64,
    started: bool,
    frames: Option<(Arc<Batch<Frame>>, usize)>,
    account: Account,
    fills: Vec<Fill>,
    messages: Recycler<LedgerFrame>,
}

impl Execute {
    /// A book and a benchmark with the same NAV, in the same market.
    #[must_use]
    pub fn new(
        settings: &ExecutionSettings,
        calendar: &Calendar,
        record: RecordSettings,
        attribution: Attribution,
    ) -> Self {
        Self {
            market: Market::new(settings),
            attribution,
            same_close: settings.fill_at == FillAt::SameClose,
            nav_before: settings.nav,
            book: Book::new(settings, calendar).with_moves(),
            benchmark: Benchmark::new(settings, calendar),
            record,
            names: Names::default(),
            digest: DigestChain::default(),
            costs_so_far: 0.0,
            started: false,
            frames: None,
            account: Account::default(),
            fills: Vec::new(),
            messages: Recycler::default(),
        }
    }

    /// Handles the frame at the position and tells sizing how it stands.
    fn advance(&mut self, frames: &Arc<Batch<Frame>>, position: usize, out: &mut Outbox) {
        let frame = &frames[position];
        self.names.extend(&frame.listed);
        self.fills.clear();
        self.nav_before = self.book.portfolio().nav;
        self.market.begin(frame);
        self.account = self.book.advance(frame, &self.market, &mut self.fills);
        self.benchmark.advance(frame, &self.market);
        self.market.end(frame);
        self.book.price_trades(&self.market);
        self.frames = Some((Arc::clone(frames), position));
        out.send(ACKNOWLEDGE, Message::Acknowledged(Arc::clone(self.book.portfolio())));
    }

    fn complete(
        &mut self,
        frame: &Frame,
        decision: &Decision,
    ) -> Result<Option<Arc<LedgerFrame>>, StageError> {
        if decision.decides {
            self.started = true;
            self.book.submit(&decision.orders);
            if self.same_close {
                self.book.fill_decided(frame, &self.market, &mut self.fills, &mut self.account);
            }
        }
        if !self.started {
            return Ok(None);
        }
        self.benchmark.decide(frame, &self.market);
        if let Some(moves) = self.book.moves() {
            self.attribution.explain(Attributed {
                moves,
                account: &self.account,
                fills: &self.fills,
                factors: &frame.factors,
                rf: frame.rf,
                nav_before: self.nav_before,
            });
        }
        if let Some(beliefs) = &decision.beliefs {
            self.attribution.believe(beliefs.get());
        }
        self.costs_so_far += self.account.costs.total();
        let mut messages = std::mem::take(&mut self.messages);
        let written = messages.write(|ledger: &mut LedgerFrame| {
            self.write(frame, decision, ledger);
            Ok::<_, StageError>(())
        });
        self.messages = messages;
        written.map(Some)
    }

    fn write(&mut self, frame: &Frame, decision: &Decision, ledger: &mut LedgerFrame) {
        let portfolio = self.book.portfolio();
        ledger.seq = frame.seq;
        ledger.timestamp = frame.timestamp;
        if ledger.names.len() != self.names.len() {
            ledger.names = self.names.clone();
        }
        ledger.nav = portfolio.nav;
        ledger.nav_gross = portfolio.nav + self.costs_so_far;
        ledger.cash = portfolio.cash;
        ledger.account = self.account;
        ledger.rf = frame.rf;
        ledger.benchmark_nav = self.benchmark.nav();
        ledger.fills.clear();
        ledger.fills.extend_from_slice(&self.fills);
        ledger.change = portfolio.nav - self.nav_before;
        ledger.contributions.copy_from(self.attribution.frame());
        ledger.exposures.clear();
        ledger.exposures.extend_from_slice(self.attribution.exposures());
        ledger.decided = decision.decides;
        ledger.turnover = decision.turnover;
        ledger.cap_multiplier = decision.multipliers.turnover;
        ledger.gross_multiplier = decision.multipliers.gross;
        ledger.net_multiplier = decision.multipliers.net;
        ledger.shown.clone_from(&decision.shown);
        ledger.capped = decision.capped;
        ledger.target.clone_from(&decision.target);
        ledger.beliefs.clone_from(&decision.beliefs);
        ledger.held.clear();
        let recorded = match self.record.weights {
            Frames::All | Frames::Last => true,
            Frames::Rebalances => decision.decides,
            Frames::None => false,
        };
        if recorded {
            let value = |(q, p): (&f64, &f64)| q * p / portfolio.nav;
            ledger.held.extend(portfolio.quantity.iter().zip(&portfolio.price).map(value));
        }
        self.book.take_ended(&mut ledger.ended);
        ledger.digest = self.digest.extend(ledger);
    }
}

impl Stage for Execute {
    fn name(&self) -> &'static str {
        "execute"
    }

    fn wants(&self) -> usize {
        if self.frames.is_some() { DECISIONS } else { FRAMES }
    }

    fn handle(&mut self, message: Message, out: &mut Outbox) -> Result<(), StageError> {
        match message {
            Message::Frames(frames) if !frames.is_empty() => self.advance(&frames, 0, out),
            Message::Frames(_) => {}
            Message::Decided(decision) => {
                let Some((frames, position)) = self.frames.take() else {
                    return Err(Miswired { stage: self.name() }.into());
                };
                debug_assert_eq!(decision.seq, frames[position].seq, "a decision is of the frame at hand");
                if let Some(ledger) = self.complete(&frames[position], &decision)? {
                    out.send(LEDGER, Message::Ledger(ledger));
                }
                if position + 1 < frames.len() {
                    self.advance(&frames, position + 1, out);
                }
            }
            _ => return Err(Miswired { stage: self.name() }.into()),
        }
        Ok(())
    }

    fn end(&mut self, facts: &mut RunFacts, _: &mut Outbox) -> Result<(), StageError> {
        facts.digest = self.digest.last();
        facts.execution = self.book.facts();
        if let Some(InvisibleSplits { count, first: (instrument, at) }) = self.market.invisible_splits() {
            facts.data.warnings.push(format!(
                "{count} split(s) that the data states do not show in its prices, first that of `{}` at {}: if they \
                 are adjusted already, positions are now split once too often; set data.split = \"none\"",
                self.names[instrument as usize],
                Iso(at)
            ));
        }
        facts.open_orders = self.book.open_orders().collect();
        let (instruments, cash) = self.attribution.sums();
        facts.contributions = instruments.to_vec();
        facts.cash_contributions = cash.clone();
        Ok(())
    }
}
