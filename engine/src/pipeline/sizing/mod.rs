//! Sizing: a decision from estimates and a portfolio.

mod counts;
mod membership;
mod terms;

use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::Serialize;

use self::counts::{budget, count_budget};
use self::terms::InstrumentTerms;
use super::message::Decision;
use super::range_checks::{check_decided, check_portfolio, check_weights};
use super::settings::RunSettings;
use super::trading::TradingError;
use crate::execution::{FillAt, Portfolio, orders_towards};
use crate::ledger::SizingFacts;
use crate::model::Estimates;
use crate::names::InstrumentNames;
use crate::portfolio::{
    BookRisk, BoundedGroups, ExposureBounds, FactorMoments, FactorRisk, FirstRebalance, Goal, GroupSlots,
    Halt, Limits, LossLimits, LossWatch, Multipliers, NoTrade, Outcome, RiskState, Sizer, SizingSettings,
    Solution, check_group_names,
};
use crate::range::{OnOutOfRange, OutOfRange};
use crate::settings::{Calendar, Invalid, require};
use crate::state::{Part, StateError, restore_under, save_under};
use crate::strategy::{Context, Strategy, StrategyError, StrategyFailure, TargetKind, Targets};

/// Turnover beyond every cap, for a first rebalance without one.
const UNCAPPED: f64 = 1e6;

/// Name used in error messages.
const STATE: &str = "size stage";

/// Sizes the strategy's targets within the limits, and turns weights into orders.
pub struct Sizing {
    settings: SizingSettings,
    calendar: Calendar,
    /// Frames over which a cost amortises and an estimation error persists.
    horizon: f64,
    lot: f64,
    shown_dates: Option<RangeInclusive<i64>>,
    strategy: Box<dyn Strategy>,
    /// Names of the K factors: the given ones, then those of groups.
    factor_names: Vec<String>,
    /// Places of the groups' factors.
    slots: GroupSlots,
    /// Returns of the K factors.
    factor_returns: Vec<f64>,
    moments: FactorMoments,
    risk: FactorRisk,
    book: BookRisk,
    /// True if orders fill at the close of their rebalance.
    same_close: bool,
    sizer: Sizer,
    terms: InstrumentTerms,
    bounded: BoundedGroups,
    targets: Targets,
    held: Vec<f64>,
    /// True for each tradable instrument that is a member; not used without a membership.
    eligible: Vec<bool>,
    /// Held weights less those of the benchmark.
    active: Vec<f64>,
    /// Σ times these weights.
    slope: Vec<f64>,
    solution: Solution,
    day: Option<(i64, f64)>,
    limits: LossLimits,
    losses: LossWatch,
    opens_with_holdings: bool,
    on_out_of_range: OnOutOfRange,
    /// Names of the instruments as of the last frame with complete estimates.
    names: InstrumentNames,
    /// Targets of the last rebalance with trades; empty if the turnover cap bound.
    last_target: Vec<f64>,
    facts: SizingFacts,
}

impl Sizing {
    /// Returns the sizing of a strategy on the named factors.
    ///
    /// # Errors
    /// Fails if an exposure bound names another factor, or the warm-up is too short for `fill_at`.
    pub fn new(
        settings: &RunSettings,
        factors: &[String],
        strategy: Box<dyn Strategy>,
    ) -> Result<Self, Invalid> {
        let RunSettings { calendar, sizing, execution, estimator, .. } = settings;
        require(
            execution.fill_at != FillAt::SameClose || estimator.warmup > 0,
            "warmup",
            estimator.warmup,
            "at least 1 day where `fill_at` is \"same_close\": the first return starts at the frame before the first fills",
        )?;
        check_group_names(&sizing.group_bounds, &settings.groups)?;
        let mut bounds = Vec::new();
        for (name, [lower, upper]) in &sizing.exposure_bounds {
            let factor = factors.iter().position(|factor| factor == name);
            let expected = "names of factors of the data";
            require(factor.is_some(), "exposure_bounds", format!("{name} (factors: {factors:?})"), expected)?;
            bounds.push(ExposureBounds { factor: factor.unwrap_or(0), lower: *lower, upper: *upper });
        }
        let horizon = sizing.cost_horizon * f64::from(calendar.frames_per_day);
        Ok(Self {
            settings: sizing.clone(),
            calendar: *calendar,
            horizon,
            lot: execution.lot,
            shown_dates: settings.shown_dates.clone(),
            strategy,
            factor_names: factors.to_vec(),
            slots: GroupSlots::new(factors.len()),
            factor_returns: Vec::new(),
            moments: FactorMoments::new(sizing, calendar, factors.len()),
            risk: FactorRisk::default(),
            book: BookRisk::new(sizing, calendar),
            same_close: execution.fill_at == FillAt::SameClose,
            sizer: Sizer::new(sizing, horizon, bounds),
            terms: InstrumentTerms::new(settings),
            bounded: BoundedGroups::default(),
            targets: Targets::default(),
            held: Vec::new(),
            eligible: Vec::new(),
            active: Vec::new(),
            slope: Vec::new(),
            solution: Solution::default(),
            day: None,
            limits: settings.limits,
            losses: LossWatch::default(),
            opens_with_holdings: execution.opening.is_some(),
            on_out_of_range: settings.on_out_of_range,
            names: InstrumentNames::default(),
            last_target: Vec::new(),
            facts: SizingFacts::default(),
        })
    }

    /// Decides on a frame from its estimates and the portfolio.
    ///
    /// # Errors
    /// Returns the failure of the strategy, and a value out of range under `OnOutOfRange::Stop`.
    pub fn decide(
        &mut self,
        frame: &Estimates,
        portfolio: &Portfolio,
        decision: &mut Decision,
    ) -> Result<(), TradingError> {
        if frame.complete && !self.names.is_same(&frame.names) {
            self.names = frame.names.clone();
        }
        if let Err(error) = self.observe(frame) {
            return Err(self.failure(frame, error).into());
        }
        self.book.learn(portfolio.nav, &self.factor_returns);
        if decision.group_factors.len() != self.slots.names().len() {
            decision.group_factors = self.slots.names().clone();
        }
        decision.seq = frame.seq;
        decision.decides = frame.decides && !portfolio.is_ruined();
        decision.due = frame.decides;
        decision.orders.clear();
        decision.target.clear();
        decision.expected.clear();
        decision.premia.clear();
        decision.turnover = 0.0;
        decision.multipliers.clone_from(&Multipliers::default());
        decision.capped = false;
        if self.opens_with_holdings && self.facts.decisions == 0 {
            // Before the account opens, the value of its holdings is neither a peak nor a loss.
            self.losses.restart();
        }
        let halt = self.losses.observe(&self.limits, frame.date(), portfolio.nav, frame.supervision);
        let wrong = match &frame.out_of_range {
            Some(wrong) => Err(OutOfRange::clone(wrong)),
            None => check_portfolio(portfolio, &self.names),
        };
        let halt = self.stop_or_halt(wrong)?.or(halt);
        decision.halt = halt.filter(|_| decision.decides);
        decision.loss = self.losses.loss(decision.halt);
        decision.out_of_range = None;
        decision.shown = None;
        decision.estimates = None;
        if decision.decides {
            self.rebalance(frame, portfolio, decision)?;
            decision.out_of_range = self.losses.out_of_range().cloned().map(Box::new);
        }
        self.predict(frame, portfolio, decision);
        Ok(())
    }

    /// Predicts the risk of the book after the frame.
    fn predict(&mut self, frame: &Estimates, portfolio: &Portfolio, decision: &mut Decision) {
        let Self { book, held, risk, moments, settings, facts, .. } = self;
        decision.risk.clear();
        decision.predicted_volatility = f64::NAN;
        if facts.decisions == 0 || portfolio.is_ruined() || decision.out_of_range.is_some() {
            return book.clear();
        }
        let weights = if self.same_close && decision.decides {
            &decision.target
        } else {
            let Portfolio { quantity, price, nav, .. } = portfolio;
            held.clear();
            held.extend(quantity.iter().zip(price).map(|(q, p)| if *q == 0.0 { 0.0 } else { q * p / nav }));
            &*held
        };
        book.predict((portfolio.nav, weights), risk, (moments, &frame.factor_cov), settings.scale_residuals);
        if !book.variance().is_finite() {
            return book.clear();
        }
        decision.predicted_volatility = (book.variance() * self.calendar.frames_per_year()).sqrt();
        decision.risk.extend_from_slice(book.parts());
        if book.variance() > 0.0 {
            facts.risk.push(book.parts());
        }
        facts.predicted_variance += if decision.decides { book.variance() } else { 0.0 };
    }

    /// Passes the series of the frame to the strategy.
    fn observe(&mut self, frame: &Estimates) -> Result<(), StrategyError> {
        if frame.factors.iter().all(|f| f.is_finite()) {
            let known = self.slots.factors();
            self.slots.write_returns(&frame.factors, &frame.groups, &mut self.factor_returns);
            if self.slots.factors() > known {
                let names = self.slots.names()[known - self.slots.given()..].iter();
                self.factor_names.extend(names.map(ToString::to_string));
                self.moments.extend(self.slots.factors());
            }
            self.moments.observe(&self.factor_returns);
            self.strategy.observe(&self.factor_returns, &self.calendar)?;
        } else {
            self.factor_returns.clone_from(&frame.factors);
        }
        if !frame.returns.is_empty() {
            self.strategy.observe_returns(&frame.returns, &self.calendar)?;
        }
        if !frame.residuals.is_empty() {
            self.strategy.observe_residuals(&frame.residuals, &self.calendar)?;
        }
        if frame.signal.of.is_some() { self.take_signal(frame) } else { Ok(()) }
    }

    /// Adds strategy and frame to an error of the strategy.
    #[cold]
    fn failure(&self, frame: &Estimates, error: StrategyError) -> StrategyFailure {
        let (timestamp, seq) = (frame.timestamp, frame.seq);
        StrategyFailure { strategy: self.strategy.name().to_owned(), timestamp, seq, source: error.into() }
    }

    /// Passes forecasts or weights that become known to the strategy.
    fn take_signal(&mut self, frame: &Estimates) -> Result<(), StrategyError> {
        self.risk.assemble(frame, &self.moments, &self.slots, false, self.horizon);
        let context = Context {
            estimates: frame,
            factor_names: &self.factor_names,
            calendar: &self.calendar,
            premia: self.moments.premia().as_slice(),
            risk: &self.risk,
            held: &[],
            tradable: &[],
            weight_max: self.settings.weight_max,
        };
        self.strategy.observe_signal(&frame.signal, context)
    }

    /// Ends the run on a value out of range, or halts trading from here on.
    fn stop_or_halt(&mut self, checked: Result<(), OutOfRange>) -> Result<Option<Halt>, OutOfRange> {
        match (checked, self.on_out_of_range) {
            (Err(wrong), OnOutOfRange::Stop) => Err(wrong),
            (Err(wrong), OnOutOfRange::Halt) => Ok(Some(self.losses.stop(&self.limits, wrong))),
            (Ok(()), _) => Ok(self.losses.out_of_range().map(|_| Halt::OutOfRange)),
        }
    }

    /// Saves the state after the frames so far.
    ///
    /// # Errors
    /// Fails if the strategy does not implement `save`.
    pub fn save(&self) -> Result<Vec<u8>, StateError> {
        let Self { moments, slots, book, day, losses, last_target, facts, .. } = self;
        let strategy = Part::from(self.strategy.save()?);
        let risk = (moments, slots, book, self.risk.state());
        save_under(STATE, &self.settings(), &(strategy, risk, day, losses, last_target, facts))
    }

    /// Restores a saved state.
    ///
    /// # Errors
    /// Fails if the bytes are not the state of the same strategy under the same settings.
    pub fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        let (strategy, risk, day, losses, last_target, facts): (Part, _, _, _, _, _) =
            restore_under(STATE, &self.settings(), state)?;
        let (moments, slots, book, risk): (_, GroupSlots, _, RiskState<Vec<f64>>) = risk;
        self.strategy.load(&strategy)?;
        self.risk.restore(risk);
        (self.moments, self.book, self.day, self.losses) = (moments, book, day, losses);
        (self.last_target, self.facts) = (last_target, facts);
        self.factor_names.truncate(slots.given());
        self.factor_names.extend(slots.names().iter().map(ToString::to_string));
        self.slots = slots;
        Ok(())
    }

    fn settings(&self) -> impl Serialize {
        (self.strategy.name(), &self.settings, self.limits, self.calendar, self.lot, self.slots.given())
    }

    /// Counts so far.
    #[must_use]
    pub fn facts(&self) -> SizingFacts {
        let group_factors = self.slots.names().iter().map(ToString::to_string).collect();
        SizingFacts { strategy: self.strategy.facts(), group_factors, ..self.facts.clone() }
    }

    fn rebalance(
        &mut self,
        estimates: &Estimates,
        portfolio: &Portfolio,
        decision: &mut Decision,
    ) -> Result<(), TradingError> {
        self.facts.decisions += 1;
        let n = portfolio.quantity.len();
        self.held.clear();
        self.held.extend((0..n).map(|i| portfolio.weight(i)));
        self.terms.advance(&self.settings, estimates, portfolio);
        self.take_members(portfolio);
        let spent = match self.day {
            Some((date, spent)) if date == portfolio.date() => spent,
            _ => 0.0,
        };
        if decision.halt == Some(Halt::OutOfRange) {
            self.hold(decision);
            return Ok(());
        }
        if self.settings.scale_residuals {
            self.risk.scale_residuals(self.book.scale());
        }
        let uncertain = self.settings.parameter_uncertainty;
        self.risk.assemble(estimates, &self.moments, &self.slots, uncertain, self.horizon);
        if let Err(error) = self.write_targets(estimates, portfolio) {
            return Err(self.failure(estimates, error).into());
        }
        if self.settings.parameter_uncertainty {
            self.risk.add_expected_variance(&self.targets.expected_sd, self.horizon);
        }
        if self.targets.kind == TargetKind::Expected {
            decision.expected.clone_from(&self.targets.values);
        }
        let premia = self.moments.premia().iter().copied();
        decision.premia.extend(premia.zip(self.moments.premium_deviations()));
        let drifted = self.drift() >= self.settings.rebalance_drift;
        self.facts.halted += u64::from(decision.halt.is_some());
        let idle = match self.targets.kind {
            _ if decision.halt.is_some() => Some(NoTrade::Halted),
            _ if portfolio.is_ruined() => Some(NoTrade::Ruined),
            TargetKind::NoForecast => Some(NoTrade::NoForecast),
            TargetKind::Hold => Some(NoTrade::StrategyHolds),
            _ if !drifted => Some(NoTrade::WithinDrift),
            _ => None,
        };
        // Rebalances without trades so far; this one is counted, but not yet among them.
        let first = self.facts.decisions == self.facts.no_trade + 1;
        let free = first && self.settings.first_rebalance == FirstRebalance::Free;
        let left = if free { UNCAPPED } else { (self.settings.turnover_cap - spent).max(0.0) };
        let sells_only = idle.is_some_and(|reason| self.sells_although(reason, portfolio));
        if sells_only {
            self.sell_outside(portfolio, left);
        } else if idle.is_some() {
            self.solution.outcome = Outcome::NoTrade;
            self.solution.weights.clone_from(&self.held);
            self.solution.multipliers.clone_from(&Multipliers::default());
            self.solution.at_gross = false;
            self.solution.capped = false;
        } else {
            let goal = match self.targets.kind {
                TargetKind::Weights => Goal::Weights(&self.targets.values),
                _ => Goal::Expected(&self.targets.values),
            };
            let columns = &estimates.groups;
            self.bounded.set(
                &self.settings.group_bounds,
                self.settings.active,
                columns,
                &portfolio.benchmark,
            );
            let limits = Limits {
                held: &self.held,
                tradable: &portfolio.tradable,
                linear_cost: &portfolio.linear_cost,
                impact: &portfolio.impact,
                borrow: self.terms.fees(),
                short_limit: self.terms.short_limit(),
                bounds: self.terms.bounds(),
                turnover_left: left,
                benchmark: benchmark(&self.settings, portfolio),
                groups: self.bounded.limits(),
            };
            self.sizer.solve(goal, &mut self.risk, limits, &mut self.solution);
            let budget = budget(self.targets.fully_invested_over, &self.settings);
            count_budget(budget, &mut self.solution.outcome, &mut self.facts);
            if self.shown_dates.as_ref().is_some_and(|dates| dates.contains(&portfolio.date())) {
                let mut shown = self.sizer.show(goal, &self.risk, limits, &self.solution);
                shown.groups.clone_from(columns);
                shown.group_factors = self.slots.names().clone();
                shown.bounded_groups = self.bounded.names().to_vec();
                decision.shown = Some(Arc::new(shown));
            }
        }
        let weights = check_weights(&self.solution.weights, portfolio, &self.names);
        if let Some(halt) = self.stop_or_halt(weights)? {
            decision.halt = Some(halt);
            self.hold(decision);
            return Ok(());
        }
        // Under an active limit, rounding to lots keeps no gross exposure.
        let gross_max = if self.settings.active { f64::INFINITY } else { self.settings.gross_max };
        let turnover =
            orders_towards(&self.solution.weights, portfolio, self.lot, gross_max, &mut decision.orders);
        let multipliers = &self.solution.multipliers;
        let variance = self.risk.variance(&self.solution.weights);
        let decided = check_decided(
            &[
                ("turnover", turnover),
                ("marginal value of turnover", multipliers.turnover),
                ("marginal value of the gross limit", multipliers.gross),
                ("marginal value of the net target", multipliers.net),
                ("predicted variance", variance),
            ],
            portfolio,
        );
        if let Some(halt) = self.stop_or_halt(decided)? {
            decision.halt = Some(halt);
            self.hold(decision);
            return Ok(());
        }
        if sells_only {
            self.keep_drift(portfolio);
        } else if turnover > 0.0 {
            self.last_target.clone_from(&self.solution.weights);
        }
        if self.solution.capped && !sells_only {
            // The target was not reached: the remaining trade is not drift.
            self.last_target.clear();
        }
        let spent = if free { spent } else { spent + turnover };
        self.day = Some((portfolio.date(), spent));
        decision.turnover = turnover;
        decision.target.clone_from(&self.solution.weights);
        // If a limit is out of reach, the multipliers are the value of coming nearer to it, not growth.
        if self.solution.outcome.within_limits() {
            decision.multipliers.clone_from(&self.solution.multipliers);
        }
        decision.capped = self.solution.capped;
        if decision.orders.is_empty() {
            let reason = idle.unwrap_or_else(|| self.no_trade(portfolio, left));
            self.facts.no_trade_reasons.add(reason);
        }
        self.count(decision, portfolio);
        Ok(())
    }

    /// Makes no trade on a frame with values out of range.
    fn hold(&mut self, decision: &mut Decision) {
        self.facts.halted += 1;
        self.facts.no_trade += 1;
        self.facts.no_trade_reasons.add(NoTrade::Halted);
        decision.orders.clear();
        decision.target.extend(self.held.iter().map(|held| if held.is_finite() { *held } else { 0.0 }));
    }

    /// Drift Σ|held − target| since the last rebalance with trades; infinite without one.
    fn drift(&self) -> f64 {
        if self.last_target.is_empty() {
            return f64::INFINITY;
        }
        let target = |i: usize| self.last_target.get(i).copied().unwrap_or(0.0);
        self.held.iter().enumerate().map(|(i, held)| (held - target(i)).abs()).sum()
    }

    fn write_targets(&mut self, estimates: &Estimates, portfolio: &Portfolio) -> Result<(), StrategyError> {
        self.targets.kind = TargetKind::Hold;
        self.targets.fully_invested_over = None;
        self.targets.expected_sd.clear();
        self.targets.values.clear();
        self.targets.values.resize(self.held.len(), 0.0);
        let context = Context {
            estimates,
            factor_names: &self.factor_names,
            calendar: &self.calendar,
            premia: self.moments.premia().as_slice(),
            risk: &self.risk,
            held: &self.held,
            tradable: if portfolio.members.is_empty() { &portfolio.tradable } else { &self.eligible },
            weight_max: self.settings.weight_max,
        };
        self.strategy.decide(context, &mut self.targets)?;
        for value in &mut self.targets.values {
            // No forecast exists before the first return; treat NaN as zero.
            *value = if value.is_nan() { 0.0 } else { *value };
        }
        Ok(())
    }
}

/// Weights of the benchmark if risk is measured against them; otherwise empty.
fn benchmark<'a>(settings: &SizingSettings, portfolio: &'a Portfolio) -> &'a [f64] {
    if settings.active { &portfolio.benchmark } else { &[] }
}
