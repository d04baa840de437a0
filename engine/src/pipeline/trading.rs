//! Trading: a ledger from frames and decisions.

use std::sync::Arc;

use serde::Serialize;

use super::error::StageError;
use super::message::Decision;
use super::range_checks::{check_account, check_decided};
use crate::execution::{
    Account, Benchmark, Book, ExecutionFacts, ExecutionSettings, Fill, FillAt, Market, Opening, OpeningError,
    Portfolio,
};
use crate::frame::Frame;
use crate::ledger::{
    Attribution, AttributionInputs, Contributions, DigestChain, EstimatesOfFrame, Frames, LedgerFrame,
    RecordSettings, RunFacts,
};
use crate::membership::{Members, Membership};
use crate::names::InstrumentNames;
use crate::range::{OnOutOfRange, OutOfRange};
use crate::settings::Calendar;
use crate::state::{StateError, restore_under, save_under};
use crate::strategy::StrategyFailure;
use crate::time::{TimestampNs, UtcOffset};
use crate::world::WorldSettings;

/// Name used in error messages.
const STATE: &str = "execute stage";

/// Error that ends trading.
#[derive(Debug, thiserror::Error)]
pub enum TradingError {
    /// A value out of range.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// Holdings with which the account cannot open.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// A strategy whose code fails.
    #[error(transparent)]
    Strategy(#[from] StrategyFailure),
}

impl TradingError {
    /// Returns the inner error.
    #[must_use]
    pub fn into_inner(self) -> StageError {
        match self {
            Self::OutOfRange(error) => error.into(),
            Self::Opening(error) => error.into(),
            Self::Strategy(error) => error.into(),
        }
    }
}

/// Moves the book from frame to frame and writes its ledger.
///
/// Each frame is advanced to its close, receives its decision, and is completed.
pub struct Trading {
    calendar: Calendar,
    world: WorldSettings,
    market: Market,
    book: Book,
    /// Holdings with which the account opens on the first rebalance.
    opening: Option<Opening>,
    /// Benchmark of the run, if any.
    benchmark: Option<Benchmark>,
    /// Members of the universe, if it has spells.
    members: Option<Members>,
    /// True if sizing measures risk against the benchmark.
    active: bool,
    /// Attribution of the change of NAV, if requested.
    attribution: Option<Attribution>,
    /// True if orders fill on the frame of their rebalance.
    same_close: bool,
    on_out_of_range: OnOutOfRange,
    /// NAV at the preceding close.
    nav_before: f64,
    record: RecordSettings,
    names: InstrumentNames,
    digest: DigestChain,
    costs_so_far: f64,
    started: bool,
    /// True once the account is ruined and the ledger has ended.
    ended: bool,
    /// Number and time of the last frame before the first decision.
    last_without_ledger: Option<(u64, TimestampNs, UtcOffset)>,
    account: Account,
    fills: Vec<Fill>,
}

impl Trading {
    /// Returns trading without benchmark and attribution.
    #[must_use]
    pub fn new(settings: &ExecutionSettings, calendar: &Calendar, record: RecordSettings) -> Self {
        Self {
            calendar: *calendar,
            world: WorldSettings::default(),
            market: Market::new(settings),
            book: Book::new(settings, calendar),
            opening: settings.opening.clone().map(Opening::new),
            benchmark: None,
            members: None,
            active: false,
            attribution: None,
            same_close: settings.fill_at == FillAt::SameClose,
            on_out_of_range: OnOutOfRange::default(),
            nav_before: settings.nav,
            record,
            names: InstrumentNames::default(),
            digest: DigestChain::default(),
            costs_so_far: 0.0,
            started: false,
            ended: false,
            last_without_ledger: None,
            account: Account::default(),
            fills: Vec::new(),
        }
    }

    /// Adds stress on costs.
    #[must_use]
    pub fn in_world(self, settings: &ExecutionSettings, world: &WorldSettings) -> Self {
        Self { market: Market::stressed(settings, &world.cost_stress()), world: world.clone(), ..self }
    }

    /// Adds a benchmark of the same NAV in the same market. `active`: true if sizing measures risk against it, and
    /// then its weights are part of each portfolio.
    #[must_use]
    pub fn against(self, benchmark: Benchmark, active: bool) -> Self {
        Self { benchmark: Some(benchmark), active, ..self }
    }

    /// Adds the spells of membership of the universe.
    #[must_use]
    pub fn among(self, membership: Option<&Arc<Membership>>) -> Self {
        Self { members: membership.map(|membership| Members::new(Arc::clone(membership))), ..self }
    }

    /// Adds attribution.
    #[must_use]
    pub fn explained(self, attribution: Attribution) -> Self {
        Self { book: self.book.with_moves(), attribution: Some(attribution), ..self }
    }

    /// Tracks volume and volatility over `window` days even without market impact.
    #[must_use]
    pub fn watching(self, window: u32) -> Self {
        Self { market: self.market.watching(window), ..self }
    }

    /// Sets the effect of an account value out of range.
    #[must_use]
    pub fn when_out_of_range(self, on_out_of_range: OnOutOfRange) -> Self {
        Self { on_out_of_range, ..self }
    }

    /// Advances the book to the close of a frame, and returns its portfolio.
    ///
    /// # Errors
    /// Returns the value of the account or of a fill that is out of range, under `OnOutOfRange::Stop`.
    pub fn advance(&mut self, frame: &Frame) -> Result<&Arc<Portfolio>, OutOfRange> {
        if self.ended {
            return Ok(self.book.portfolio());
        }
        self.names.take(frame);
        self.fills.clear();
        self.nav_before = self.book.portfolio().nav;
        self.market.begin(frame);
        let opening = self.opening.as_mut().filter(|_| !self.started);
        if let Some(members) = &mut self.members {
            let members = members.advance(frame, &self.names);
            self.book.set_members(members);
            if let Some(benchmark) = &mut self.benchmark {
                benchmark.set_members(members);
            }
        }
        if let Some(opening) = opening {
            self.book.empty();
            if !frame.renamed.is_empty() {
                opening.forget();
            }
        }
        let opening = self.opening.as_mut().filter(|_| !self.started);
        self.account = self.book.advance(frame, &self.market, &mut self.fills);
        if let Some(opening) = opening {
            let cash = opening.cash();
            self.account = self.book.hold(opening.quantities(&self.names), cash);
        }
        if let Some(benchmark) = &mut self.benchmark {
            benchmark.advance(frame, &self.market);
        }
        self.market.end(frame);
        self.book.price_trades(&self.market);
        if let Some(benchmark) = self.benchmark.as_mut().filter(|_| self.active) {
            self.book.set_benchmark(|n, weights| benchmark.write_weights(n, weights));
        }
        self.check()?;
        Ok(self.book.portfolio())
    }

    fn check(&self) -> Result<(), OutOfRange> {
        match self.on_out_of_range {
            OnOutOfRange::Halt => Ok(()),
            OnOutOfRange::Stop => {
                let portfolio = self.book.portfolio();
                check_account(portfolio, &self.account, &self.fills, &self.names)?;
                let benchmark = self.benchmark.as_ref().map_or(0.0, Benchmark::nav);
                check_decided(&[("benchmark NAV", benchmark)], portfolio)
            }
        }
    }

    /// Returns true for the first rebalance of an account whose orders fill on their own frame.
    /// [`Trading::open`] must then be called before [`Trading::complete`].
    #[must_use]
    pub fn opens(&self, decision: &Decision) -> bool {
        self.same_close && !self.started && decision.decides && self.last_without_ledger.is_some()
    }

    /// Writes the opening of the account: the ledger of the frame before the first rebalance.
    pub fn open(&mut self, ledger: &mut LedgerFrame) {
        let (seq, timestamp, utc_offset) = self.last_without_ledger.unwrap_or_default();
        let portfolio = self.book.portfolio();
        let factors = self.attribution.as_ref().map_or(0, |attribution| attribution.exposures().len());
        *ledger = LedgerFrame {
            seq,
            timestamp,
            utc_offset,
            opening: true,
            names: self.names.clone(),
            nav: portfolio.nav,
            nav_gross: portfolio.nav,
            cash: portfolio.cash,
            benchmark_nav: self.benchmark.as_ref().map_or(f64::NAN, Benchmark::nav),
            contributions: Contributions::none(factors),
            exposures: vec![0.0; factors],
            predicted_volatility: f64::NAN,
            ..LedgerFrame::default()
        };
        ledger.digest = self.digest.extend(ledger);
    }

    /// Books the decision of the frame and writes its ledger. Returns false before the first rebalance and
    /// after ruin, when no ledger exists.
    ///
    /// # Errors
    /// The errors of [`Self::advance`], for fills at the close of the frame itself; or the account cannot open
    /// with its holdings.
    pub fn complete(
        &mut self,
        frame: &Frame,
        decision: &Decision,
        ledger: &mut LedgerFrame,
    ) -> Result<bool, TradingError> {
        if self.ended {
            return Ok(false);
        }
        if let (Some(opening), true, false) = (&self.opening, decision.due, self.started) {
            let portfolio = self.book.portfolio();
            opening.check(portfolio, &self.names)?;
            // The account opens at this close, without a change of NAV.
            self.nav_before = portfolio.nav;
            if let Some(benchmark) = &mut self.benchmark {
                benchmark.start_with(portfolio.nav);
            }
        }
        if let (true, Some((_, opened, utc_offset))) = (self.opens(decision), self.last_without_ledger) {
            let opened = opened.local(utc_offset).date();
            self.book.earn_since(opened, frame, &mut self.account);
            if let Some(benchmark) = &mut self.benchmark {
                benchmark.earn_since(opened, frame);
            }
        }
        if decision.decides {
            self.started = true;
            self.book.submit(&decision.orders);
            if self.same_close {
                self.book.fill_decided(frame, &self.market, &mut self.fills, &mut self.account);
                self.check()?;
            }
        }
        if !self.started {
            self.last_without_ledger = Some((frame.seq, frame.timestamp, frame.utc_offset));
            return Ok(false);
        }
        if let Some(benchmark) = &mut self.benchmark {
            benchmark.decide(frame, &self.market);
        }
        let groups = decision.groups.as_ref().map_or(&[][..], |estimates| &estimates.get().groups);
        if let (Some(attribution), Some(moves)) = (&mut self.attribution, self.book.moves()) {
            attribution.explain(AttributionInputs {
                moves,
                account: &self.account,
                fills: &self.fills,
                borrow: self.book.borrow_charges(),
                factors: &frame.factors,
                groups,
                rf: frame.rf,
                nav_before: self.nav_before,
            });
            if let Some(estimates) = decision.estimates.as_ref().map(EstimatesOfFrame::get)
                && !estimates.only_recorded
            {
                attribution.set_coefficients(estimates);
            }
        }
        self.costs_so_far += self.account.costs.total();
        self.write(frame, decision, ledger);
        self.ended = self.book.is_ruined();
        Ok(true)
    }

    /// Last digest of the chain.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest.last()
    }

    /// Counts of the orders and fills.
    #[must_use]
    pub fn execution(&self) -> ExecutionFacts {
        let (crossed_quotes, volatile_dates) = (self.market.crossed_quotes(), self.market.volatile_dates());
        let volumes = self.market.volume_facts();
        ExecutionFacts { volumes, crossed_quotes, volatile_dates, ..self.book.facts() }
    }

    /// Adds the facts of trading at the end of a run.
    pub fn end(&self, facts: &mut RunFacts) {
        facts.digest = self.digest();
        facts.execution = self.execution();
        facts.membership = self.members.as_ref().map(Members::facts);
        facts.open_orders = self.book.open_orders().collect();
        facts.benchmark = self.benchmark.as_ref().map(Benchmark::facts).unwrap_or_default();
        if let Some(attribution) = &self.attribution {
            let (instruments, cash) = attribution.sums();
            facts.contributions = instruments.to_vec();
            facts.cash_contributions = cash.clone();
        }
    }

    /// Saves the state after the frames so far.
    ///
    /// # Errors
    /// Fails if the state cannot be encoded.
    pub fn save(&self) -> Result<Vec<u8>, StateError> {
        let Self { market, book, benchmark, attribution, names, digest, last_without_ledger, .. } = self;
        let ledger = (digest, self.costs_so_far, self.started, self.ended, last_without_ledger);
        let members = self.members.as_ref().map(Members::state);
        save_under(STATE, &self.settings(), &(market, book, benchmark, attribution, names, ledger, members))
    }

    /// Restores a saved state.
    ///
    /// # Errors
    /// Fails if the bytes are not the state of trading under the same settings.
    pub fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        let (market, book, benchmark, attribution, names, ledger, members): (_, Book, _, _, _, _, Option<_>) =
            restore_under(STATE, &self.settings(), state)?;
        let settings = self.book.settings();
        let (benchmark, own): (Option<Benchmark>, _) = (benchmark, self.benchmark.take());
        self.benchmark = benchmark.zip(own).map(|(benchmark, own)| benchmark.under(&own, settings));
        self.book = book.under(settings);
        if let Some((members, state)) = self.members.as_mut().zip(members) {
            members.resume(state);
        }
        (self.market, self.attribution, self.names) = (market, attribution, names);
        (self.digest, self.costs_so_far, self.started, self.ended, self.last_without_ledger) = ledger;
        Ok(())
    }

    fn settings(&self) -> impl Serialize {
        let excess = self.attribution.as_ref().map(Attribution::in_excess);
        let benchmark = self.benchmark.as_ref().map(|benchmark| benchmark.rule().identity());
        (
            self.book.settings(),
            self.calendar,
            &self.world,
            benchmark,
            self.active,
            excess,
            self.members.is_some(),
        )
    }

    fn write(&mut self, frame: &Frame, decision: &Decision, ledger: &mut LedgerFrame) {
        let portfolio = self.book.portfolio();
        ledger.seq = frame.seq;
        (ledger.timestamp, ledger.utc_offset) = (frame.timestamp, frame.utc_offset);
        ledger.ends_month = frame.ends_month;
        ledger.opening = false;
        if !ledger.names.is_same(&self.names) {
            ledger.names = self.names.clone();
        }
        ledger.given_factors = frame.factors.len();
        ledger.nav = portfolio.nav;
        ledger.nav_gross = portfolio.nav + self.costs_so_far;
        ledger.cash = portfolio.cash;
        ledger.account = self.account;
        ledger.rf = frame.rf;
        ledger.benchmark_nav = self.benchmark.as_ref().map_or(f64::NAN, Benchmark::nav);
        ledger.fills.clear();
        ledger.fills.extend_from_slice(&self.fills);
        ledger.borrow.clear();
        ledger.borrow.extend_from_slice(self.book.borrow_charges().unwrap_or_default());
        ledger.change = portfolio.nav - self.nav_before;
        ledger.exposures.clear();
        if let Some(attribution) = &self.attribution {
            ledger.contributions.copy_from(attribution.frame());
            ledger.exposures.extend_from_slice(attribution.exposures());
        }
        ledger.decided = decision.decides;
        ledger.halt = decision.halt;
        ledger.loss = decision.loss;
        ledger.out_of_range.clone_from(&decision.out_of_range);
        ledger.turnover = decision.turnover;
        ledger.multipliers.clone_from(&decision.multipliers);
        ledger.shown.clone_from(&decision.shown);
        ledger.capped = decision.capped;
        ledger.target.clone_from(&decision.target);
        ledger.expected.clone_from(&decision.expected);
        ledger.premia.clone_from(&decision.premia);
        ledger.predicted_volatility = decision.predicted_volatility;
        ledger.risk.clone_from(&decision.risk);
        if ledger.group_factors.len() != decision.group_factors.len() {
            ledger.group_factors = decision.group_factors.clone();
        }
        ledger.estimates.clone_from(&decision.estimates);
        ledger.membership.clear();
        if let Some(members) = &mut self.members {
            members.close(self.book.portfolio(), &mut ledger.membership);
        }
        ledger.held.clear();
        let recorded = match self.record.weights {
            Frames::All | Frames::Last => true,
            Frames::Rebalances => decision.decides,
            Frames::Monthly => frame.ends_month,
            Frames::None => false,
        };
        if recorded && !self.book.is_ruined() {
            let value = |(q, p): (&f64, &f64)| q * p / portfolio.nav;
            ledger.held.extend(portfolio.quantity.iter().zip(&portfolio.price).map(value));
        }
        ledger.groups.clear();
        if let (Some(estimates), Some(attribution), true) =
            (&decision.groups, &mut self.attribution, !ledger.held.is_empty())
        {
            let columns = &estimates.get().groups;
            attribution.take_groups(columns, &ledger.held, &portfolio.benchmark, &mut ledger.groups);
        }
        self.book.take_ended(&mut ledger.ended);
        ledger.digest = self.digest.extend(ledger);
    }
}
