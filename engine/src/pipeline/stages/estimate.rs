//! The estimate stage: frames in, estimates out.

use super::super::error::{Miswired, StageError};
use super::super::message::Message;
use super::super::range_checks::check_estimates;
use super::super::recycler::Recycler;
use super::super::stage::{Outbox, Stage};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::frame::{Batch, Frame};
use crate::groups::{GroupColumn, GroupFactor, GroupFactors, SavedGroups};
use crate::ledger::RunFacts;
use crate::model::{Estimates, Estimator, Returns, residual_returns};
use crate::names::InstrumentNames;
use crate::range::OnOutOfRange;
use crate::signal::{Leak, LeakCheck};
use crate::state::{Checkpoint, Part, StateError, restore_under, save_under};
use crate::strategy::Observed;
use crate::time::{RebalanceTime, Sessions, TimestampNs};
use crate::warning::Warning;

/// Schedule of rebalancing frames: the first after the warm-up, and every `every` frames from there.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Schedule {
    /// Warm-up: frames with returns before the first rebalance.
    pub warmup_frames: u64,
    /// Frames from one rebalance to the next.
    pub every: u64,
    /// No frame before it rebalances.
    pub trade_from: Option<TimestampNs>,
    /// Only the first frame of a date at or after that time counts.
    pub time: Option<RebalanceTime>,
}

/// Frames for which columns of estimates are written, besides those that end a month in a run that records by month; on
/// others only the state advances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// Rebalancing frames.
    Decisions,
    /// Every frame.
    All,
}

/// Stage that runs the estimator and the schedule of rebalances.
pub struct Estimate {
    estimator: Box<dyn Estimator>,
    returns: Returns,
    groups: GroupFactors,
    schedule: Schedule,
    sessions: Option<Arc<Sessions>>,
    columns: Columns,
    /// Series that the strategy observes.
    observed: Observed,
    /// Betas after the last frame, factor j of instrument i at `j * n + i`; empty unless residuals are
    /// observed.
    betas: Vec<f64>,
    /// Estimates of frames without columns, from which `betas` are copied.
    unrecorded: Estimates,
    /// A vendor's factor covariance in force.
    factor_cov: Vec<f64>,
    leaks: LeakCheck,
    factor_names: Vec<String>,
    on_out_of_range: OnOutOfRange,
    /// True if nothing reads the covariances of the coefficients.
    omits_covariance: bool,
    names: InstrumentNames,
    frames_with_returns: u64,
    since_first_decision: Option<u64>,
    /// Date of the last rebalance at the time of day.
    decided_on: Option<i64>,
    /// Number of stages that receive the estimates.
    outlets: usize,
    messages: Recycler<Batch<Estimates>>,
}

/// Name used in error messages.
const STATE: &str = "estimate stage";

/// State of the stage between frames.
#[derive(Serialize, Deserialize)]
struct Saved<E, R, N, B, L> {
    estimator: E,
    returns: R,
    groups: SavedGroups,
    names: N,
    betas: B,
    factor_cov: B,
    leaks: L,
    frames_with_returns: u64,
    since_first_decision: Option<u64>,
    decided_on: Option<i64>,
}

impl Estimate {
    /// Returns the stage before the first frame. `excess`: true for returns in excess of the risk-free
    /// return.
    #[must_use]
    pub fn new(
        estimator: Box<dyn Estimator>,
        excess: bool,
        schedule: Schedule,
        columns: Columns,
        observed: Observed,
    ) -> Self {
        Self {
            estimator,
            returns: Returns::new(excess),
            groups: GroupFactors::default(),
            schedule,
            sessions: None,
            columns,
            observed,
            betas: Vec::new(),
            unrecorded: Estimates::default(),
            factor_cov: Vec::new(),
            leaks: LeakCheck::default(),
            factor_names: Vec::new(),
            on_out_of_range: OnOutOfRange::default(),
            omits_covariance: false,
            names: InstrumentNames::default(),
            frames_with_returns: 0,
            since_first_decision: None,
            decided_on: None,
            outlets: 1,
            messages: Recycler::default(),
        }
    }

    /// Sets the number of stages that receive the estimates.
    #[must_use]
    pub fn with_outlets(self, outlets: usize) -> Self {
        Self { outlets, ..self }
    }

    /// Sets the groups of the instruments; those that make factors must be as many as the estimator was made for.
    #[must_use]
    pub fn with_groups(self, groups: &[GroupFactor]) -> Self {
        Self { groups: GroupFactors::new(groups), ..self }
    }

    /// Sets the sessions, to which the time of a rebalance may be relative.
    #[must_use]
    pub fn with_sessions(self, sessions: Option<Arc<Sessions>>) -> Self {
        Self { sessions, ..self }
    }

    /// Sets the effect of an estimate out of range.
    #[must_use]
    pub fn when_out_of_range(self, on_out_of_range: OnOutOfRange) -> Self {
        Self { on_out_of_range, ..self }
    }

    /// Leaves out the covariances of the coefficients if nothing reads them.
    #[must_use]
    pub fn without_covariance(self, omits_covariance: bool) -> Self {
        Self { omits_covariance, ..self }
    }

    /// Sets the names of the factors, for the check of a risk model for look-ahead.
    #[must_use]
    pub fn named(self, factor_names: &[String]) -> Self {
        Self { factor_names: factor_names.to_vec(), ..self }
    }

    /// Names of the instruments so far, in engine order.
    #[must_use]
    pub fn names(&self) -> &InstrumentNames {
        &self.names
    }

    /// Restores a saved state.
    ///
    /// # Errors
    /// Fails if the bytes are not the state of an estimate stage with the same estimator and schedule.
    pub fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        let saved: Saved<Part, Returns, InstrumentNames, Vec<f64>, LeakCheck> =
            restore_under(STATE, &self.settings(), state)?;
        self.estimator.load(&saved.estimator)?;
        self.returns = saved.returns;
        self.groups.restore(saved.groups);
        self.names = saved.names;
        self.betas = saved.betas;
        self.factor_cov = saved.factor_cov;
        self.leaks = saved.leaks;
        self.frames_with_returns = saved.frames_with_returns;
        self.since_first_decision = saved.since_first_decision;
        self.decided_on = saved.decided_on;
        Ok(())
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        let state = Saved {
            estimator: Part::from(self.estimator.save()?),
            returns: &self.returns,
            groups: self.groups.saved(),
            names: &self.names,
            betas: &self.betas,
            factor_cov: &self.factor_cov,
            leaks: &self.leaks,
            frames_with_returns: self.frames_with_returns,
            since_first_decision: self.since_first_decision,
            decided_on: self.decided_on,
        };
        save_under(STATE, &self.settings(), &state)
    }

    fn settings(&self) -> (bool, Schedule, bool, Vec<(String, bool)>) {
        (self.returns.are_in_excess(), self.schedule, self.observed.residuals, self.groups.settings())
    }

    fn frame(&mut self, frame: &Frame, estimates: &mut Estimates) -> Result<(), StageError> {
        self.names.take(frame);
        let returns = self.returns.of(frame);
        self.groups.observe(frame.date(), &self.names, returns);
        let warm = self.frames_with_returns >= self.schedule.warmup_frames;
        let updates = frame.has_factors();
        estimates.residuals.clear();
        if updates && self.observed.residuals {
            let groups = self.groups.columns();
            residual_returns(&self.betas, &frame.factors, groups, returns, &mut estimates.residuals);
        }
        if updates {
            self.estimator.set_groups(self.groups.columns());
            self.estimator.step(&frame.factors, returns, warm);
            self.frames_with_returns += u64::from(returns.iter().any(|r| !r.is_nan()));
        }
        if !frame.given.is_empty() || !self.leaks.is_empty() {
            // An instrument without a row has the weight 0, and no forecast.
            let absent = if self.observed.weights { 0.0 } else { f64::NAN };
            self.leaks.observe(frame, returns, &self.factor_names, absent);
        }
        if frame.given.betas.of.is_some() {
            self.estimator.give(&frame.given.betas);
        }
        if frame.given.factor_cov.of.is_some() {
            self.factor_cov.clone_from(&frame.given.factor_cov.values);
        }
        estimates.signal.clone_from(&frame.given.signal);
        estimates.factor_cov.clone_from(&self.factor_cov);
        estimates.seq = frame.seq;
        (estimates.timestamp, estimates.utc_offset) = (frame.timestamp, frame.utc_offset);
        estimates.supervision = frame.supervision;
        estimates.factors.clone_from(&frame.factors);
        copy_groups(&mut estimates.groups, self.groups.columns());
        estimates.returns.clear();
        if self.observed.returns {
            estimates.returns.extend_from_slice(returns);
        }
        estimates.decides = self.decides(frame);
        estimates.omits_covariance = self.omits_covariance;
        // A strategy standardises scores by the estimates of the frame on which they become known.
        let asked = estimates.decides || estimates.signal.of.is_some();
        estimates.ends_month = frame.ends_month;
        estimates.complete = asked || self.columns == Columns::All || frame.ends_month;
        estimates.only_recorded = estimates.complete && !asked && self.columns != Columns::All;
        if estimates.complete {
            self.estimator.write(estimates);
            estimates.pad(frame.instruments());
            if !estimates.names.is_same(&self.names) {
                estimates.names = self.names.clone();
            }
            if !updates {
                estimates.clear_forecast();
            }
        }
        if self.observed.residuals {
            self.keep_betas(frame, estimates);
        }
        let checked = if estimates.complete { check_estimates(estimates) } else { Ok(()) };
        estimates.out_of_range = match checked {
            Ok(()) => None,
            Err(wrong) if self.on_out_of_range == OnOutOfRange::Halt => Some(Box::new(wrong)),
            Err(wrong) => return Err(wrong.into()),
        };
        estimates.checkpoint = match &frame.checkpoint {
            Some(source) => {
                let (seq, source, estimate) = (frame.seq, source.clone(), self.save()?.into());
                Some(Arc::new(Checkpoint { seq, source, estimate, ..Checkpoint::default() }))
            }
            None => None,
        };
        Ok(())
    }

    /// Copies the betas after the frame.
    fn keep_betas(&mut self, frame: &Frame, estimates: &Estimates) {
        if estimates.complete {
            self.betas.clone_from(&estimates.betas);
            return;
        }
        self.unrecorded.factors.clone_from(&frame.factors);
        self.unrecorded.groups.clone_from(&estimates.groups);
        self.unrecorded.decides = false;
        self.estimator.write(&mut self.unrecorded);
        self.betas.clone_from(&self.unrecorded.betas);
    }

    fn decides(&mut self, frame: &Frame) -> bool {
        let warm = self.frames_with_returns >= self.schedule.warmup_frames;
        if !warm || self.schedule.trade_from.is_some_and(|from| frame.timestamp < from) {
            return false;
        }
        if let Some(time) = self.schedule.time {
            let date = time.date_of(frame.timestamp, frame.local_time(), self.sessions.as_deref());
            if date.is_none() || date <= self.decided_on {
                return false;
            }
            self.decided_on = date;
        }
        let since = self.since_first_decision.map_or(0, |since| since + 1);
        self.since_first_decision = Some(since);
        since.is_multiple_of(self.schedule.every)
    }
}

impl Stage for Estimate {
    fn name(&self) -> &'static str {
        "estimate"
    }

    fn handle(&mut self, message: Message, out: &mut Outbox) -> Result<(), StageError> {
        let Message::Frames(frames) = message else {
            return Err(Miswired { stage: self.name() }.into());
        };
        let mut messages = std::mem::take(&mut self.messages);
        let written = messages.write(|batch: &mut Batch<Estimates>| {
            batch.clear();
            for frame in frames.iter() {
                self.frame(frame, batch.push())?;
            }
            Ok::<_, StageError>(())
        });
        self.messages = messages;
        let estimates = written?;
        for outlet in 0..self.outlets {
            out.send(outlet, Message::Estimates(Arc::clone(&estimates)));
        }
        Ok(())
    }

    fn end(&mut self, facts: &mut RunFacts, _: &mut Outbox) -> Result<(), StageError> {
        facts.estimator = self.estimator.facts();
        facts.data.warnings.extend(hedged_r2_warning(facts));
        facts.leaks = self.leaks.facts();
        let implausible = facts.leaks.iter().filter(|column| column.leak == Some(Leak::NextBar));
        facts.data.warnings.extend(implausible.map(|column| Warning::ForecastContainsReturn {
            column: column.column.clone(),
            correlation: column.next[0],
            error: column.next[1],
        }));
        facts.names = self.names.clone();
        facts.groups = self.groups.facts(&self.names);
        facts.data.warnings.extend(missing_in_groups(facts));
        Ok(())
    }
}

/// Copies the columns, with the memory of earlier ones.
fn copy_groups(to: &mut Vec<GroupColumn>, from: &[GroupColumn]) {
    to.resize_with(from.len(), GroupColumn::default);
    for (to, from) in to.iter_mut().zip(from) {
        to.factor.clone_from(&from.factor);
        to.has_factors = from.has_factors;
        if to.names.len() != from.names.len() {
            to.names = from.names.clone();
        }
        to.of.clone_from(&from.of);
        to.returns.clone_from(&from.returns);
        to.trading.clone_from(&from.trading);
    }
}

/// Number of instruments that a warning names.
const NAMED: usize = 10;

/// Warning about instruments that the file of groups does not name; all columns are of one file.
fn missing_in_groups(facts: &RunFacts) -> Option<Warning> {
    let missing = &facts.groups.first()?.not_in_file;
    let first = missing.iter().take(NAMED).map(ToString::to_string).collect();
    let count = missing.len() as u64;
    (count > 0).then_some(Warning::InstrumentsWithoutGroup { count, first })
}

/// Warning about factors that explain less of the returns than no factors would.
fn hedged_r2_warning(facts: &RunFacts) -> Option<Warning> {
    let share = facts.estimator.total.hedged_r2.filter(|share| *share < 0.0)?;
    if facts.factor_names.is_empty() {
        return None;
    }
    Some(Warning::HedgedR2Negative { hedged_r2: share, factors: facts.factor_names.clone() })
}
