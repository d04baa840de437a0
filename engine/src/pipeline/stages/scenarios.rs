//! scenarios: the same frames and beliefs, sized and executed under many settings.

use std::sync::Arc;

use super::super::batch::Batch;
use super::super::error::{Miswired, StageError};
use super::super::message::{Decision, Message, ScenarioOutcome};
use super::super::sizing::Sizing;
use super::super::stage::{Outbox, Stage};
use super::super::trading::Trading;
use crate::execution::ExecutionSettings;
use crate::frame::Frame;
use crate::ledger::{LedgerFrame, RunFacts};
use crate::metrics::{CostAnalysis, Figures, Tally};
use crate::model::Beliefs;
use crate::settings::Calendar;

const FRAMES: usize = 0;
const BELIEFS: usize = 1;

/// One scenario on its way.
struct Scenario {
    number: usize,
    sizing: Sizing,
    trading: Trading,
    /// Exponent of impact, and the starting NAV.
    impact_exponent: f64,
    start: f64,
    tally: Tally,
    nav: f64,
    /// Returns of each frame after the first: 16 bytes a frame, for exact quantiles and for whoever compares scenarios.
    net: Vec<f64>,
    gross: Vec<f64>,
}

impl Scenario {
    fn step(&mut self, frame: &Frame, beliefs: &Beliefs, decision: &mut Decision, ledger: &mut LedgerFrame) {
        let portfolio = self.trading.advance(frame);
        self.sizing.decide(beliefs, portfolio, decision);
        if !self.trading.complete(frame, decision, ledger) {
            return;
        }
        self.tally.add(ledger);
        if !self.nav.is_nan() {
            let costs = ledger.account.costs.total();
            self.net.push(ledger.nav / self.nav - 1.0);
            self.gross.push((ledger.nav - self.nav + costs) / self.nav);
        }
        self.nav = ledger.nav;
    }

    fn outcome(&mut self, calendar: &Calendar) -> ScenarioOutcome {
        let figures = |returns: &[f64]| Figures::of(returns.iter().copied(), calendar.frames_per_year());
        let performance = self.tally.performance();
        let (net, gross) = (figures(&self.net), figures(&self.gross));
        let multiple = performance.capacity.multiple_at_half(self.impact_exponent);
        ScenarioOutcome {
            break_even_bps: CostAnalysis::break_even_bps(&gross, &performance, calendar),
            capacity: multiple.map_or(f64::NAN, |multiple| multiple * self.start),
            number: self.number,
            digest: self.trading.digest(),
            net,
            gross,
            performance,
            sizing: self.sizing.facts().clone(),
            execution: self.trading.execution(),
            returns: std::mem::take(&mut self.net),
        }
    }
}

/// Steps its scenarios through each message, one scenario after the other: what a scenario keeps stays in the cache
/// for as long as a message lasts.
pub struct Scenarios {
    calendar: Calendar,
    scenarios: Vec<Scenario>,
    frames: Option<Arc<Batch<Frame>>>,
    decision: Decision,
    ledger: LedgerFrame,
}

impl Scenarios {
    /// Of numbered scenarios.
    #[must_use]
    pub fn new(calendar: &Calendar, scenarios: Vec<(usize, ExecutionSettings, Sizing, Trading)>) -> Self {
        let scenario = |(number, execution, sizing, trading): (_, ExecutionSettings, _, _)| Scenario {
            number,
            sizing,
            trading,
            impact_exponent: execution.impact_exponent,
            start: execution.nav,
            tally: Tally::new(calendar),
            nav: f64::NAN,
            net: Vec::new(),
            gross: Vec::new(),
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
        if self.frames.is_some() { BELIEFS } else { FRAMES }
    }

    fn handle(&mut self, message: Message, _: &mut Outbox) -> Result<(), StageError> {
        match (message, self.frames.take()) {
            (Message::Frames(frames), None) => self.frames = Some(frames),
            (Message::Beliefs(beliefs), Some(frames)) => {
                for scenario in &mut self.scenarios {
                    for (frame, beliefs) in frames.iter().zip(beliefs.iter()) {
                        scenario.step(frame, beliefs, &mut self.decision, &mut self.ledger);
                    }
                    // Names and the like are those of the next scenario too; its digest is not.
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

/// Takes the outcomes of all scenarios.
pub type TakeOutcomes = Box<dyn FnMut(Vec<ScenarioOutcome>) + Send>;

/// gather: what the scenarios came to.
pub struct Gather {
    take: TakeOutcomes,
}

impl Gather {
    /// Hands them on.
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
