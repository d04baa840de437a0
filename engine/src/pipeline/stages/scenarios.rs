//! The scenarios stage: the same frames and estimates, sized and executed under many settings. The gather
//! stage collects the outcomes.

use std::sync::Arc;

use super::super::error::{Miswired, StageError};
use super::super::message::{Decision, Message, ScenarioOutcome};
use super::super::sizing::Sizing;
use super::super::stage::{Outbox, Stage};
use super::super::trading::{Trading, TradingError};
use super::scenario_tally::ScenarioTally;
use crate::execution::ExecutionSettings;
use crate::frame::{Batch, Frame};
use crate::ledger::{LedgerFrame, RunFacts};
use crate::model::Estimates;
use crate::settings::Calendar;

const FRAMES: usize = 0;
const ESTIMATES: usize = 1;

/// State of one scenario.
struct Scenario {
    sizing: Sizing,
    trading: Trading,
    tally: ScenarioTally,
}

impl Scenario {
    fn step(
        &mut self,
        frame: &Frame,
        estimates: &Estimates,
        decision: &mut Decision,
        ledger: &mut LedgerFrame,
    ) -> Result<(), TradingError> {
        let portfolio = self.trading.advance(frame)?;
        self.sizing.decide(estimates, portfolio, decision)?;
        if self.trading.opens(decision) {
            self.trading.open(ledger);
            self.tally.add(ledger);
        }
        if self.trading.complete(frame, decision, ledger)? {
            self.tally.add(ledger);
        }
        Ok(())
    }

    fn outcome(&mut self, calendar: &Calendar) -> ScenarioOutcome {
        ScenarioOutcome {
            digest: Some(self.trading.digest()),
            sizing: self.sizing.facts(),
            execution: self.trading.execution(),
            ..self.tally.outcome(calendar)
        }
    }
}

/// Error of a scenario, with its number in the pass.
#[derive(Debug, thiserror::Error)]
#[error("scenario {number} of the pass: {source}")]
pub struct ScenarioError {
    /// Number of the scenario.
    pub number: usize,
    /// A value out of range, holdings with which the account cannot open, or a strategy that fails.
    pub source: TradingError,
}

/// Stage that steps its scenarios through each message, one scenario after the other, so that the state of a
/// scenario stays in the cache for a whole message.
pub struct Scenarios {
    calendar: Calendar,
    scenarios: Vec<Scenario>,
    frames: Option<Arc<Batch<Frame>>>,
    decision: Decision,
    ledger: LedgerFrame,
}

impl Scenarios {
    /// Returns the stage for numbered scenarios.
    #[must_use]
    pub fn new(calendar: &Calendar, scenarios: Vec<(usize, ExecutionSettings, Sizing, Trading)>) -> Self {
        let scenario = |(number, execution, sizing, trading): (_, ExecutionSettings, _, _)| Scenario {
            sizing,
            trading,
            tally: ScenarioTally::new(number, &execution, calendar),
        };
        Self {
            calendar: *calendar,
            scenarios: scenarios.into_iter().map(scenario).collect(),
            frames: None,
            decision: Decision::default(),
            ledger: LedgerFrame::default(),
        }
    }
}

impl Stage for Scenarios {
    fn name(&self) -> &'static str {
        "scenarios"
    }

    fn wants(&self) -> usize {
        if self.frames.is_some() { ESTIMATES } else { FRAMES }
    }

    fn handle(&mut self, message: Message, _: &mut Outbox) -> Result<(), StageError> {
        match (message, self.frames.take()) {
            (Message::Frames(frames), None) => self.frames = Some(frames),
            (Message::Estimates(estimates), Some(frames)) => {
                for scenario in &mut self.scenarios {
                    for (frame, estimates) in frames.iter().zip(estimates.iter()) {
                        let stepped = scenario.step(frame, estimates, &mut self.decision, &mut self.ledger);
                        stepped
                            .map_err(|source| ScenarioError { number: scenario.tally.number(), source })?;
                    }
                    // The next scenario reuses the ledger's buffers, but not these fields.
                    self.ledger.shown = None;
                }
            }
            _ => return Err(Miswired { stage: self.name() }.into()),
        }
        Ok(())
    }

    fn end(&mut self, _: &mut RunFacts, out: &mut Outbox) -> Result<(), StageError> {
        let calendar = self.calendar;
        let outcomes = self.scenarios.iter_mut().map(|scenario| scenario.outcome(&calendar)).collect();
        out.send(0, Message::Outcomes(outcomes));
        Ok(())
    }
}

/// Callback that receives outcomes of scenarios.
pub type TakeOutcomes = Box<dyn FnMut(Vec<ScenarioOutcome>) + Send>;

/// Stage that collects the outcomes of all scenarios.
pub struct Gather {
    take: TakeOutcomes,
}

impl Gather {
    /// Returns the stage with its callback.
    #[must_use]
    pub fn new(take: TakeOutcomes) -> Self {
        Self { take }
    }
}

impl Stage for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn handle(&mut self, message: Message, _: &mut Outbox) -> Result<(), StageError> {
        match message {
            Message::Outcomes(outcomes) => (self.take)(outcomes),
            _ => return Err(Miswired { stage: self.name() }.into()),
        }
        Ok(())
    }
}
