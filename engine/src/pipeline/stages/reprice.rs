//! The reprice stage: the ledger of one run, under the costs of many scenarios.

use super::super::error::{Miswired, StageError};
use super::super::message::{Message, ScenarioOutcome};
use super::super::range_checks::check_value;
use super::super::stage::{Outbox, Stage};
use super::scenario_tally::ScenarioTally;
use super::scenarios::ScenarioError;
use crate::execution::repricing::{Bookings, Charges, Repricing};
use crate::execution::{CostItem, is_ruined};
use crate::ledger::{Entry, LedgerFrame, RunFacts, Tally};
use crate::metrics::Shortfall;
use crate::settings::Calendar;

/// Stage that prices the trades of each frame of the ledger for every scenario.
pub struct Reprice {
    calendar: Calendar,
    repricing: Repricing,
    tallies: Vec<ScenarioTally>,
    /// Tally of the run: all scenarios share its orders and fill prices.
    run: Tally,
}

impl Reprice {
    /// Returns the stage for numbered scenarios.
    #[must_use]
    pub fn new(calendar: &Calendar, scenarios: Vec<(usize, Charges)>) -> Self {
        let tally =
            |(number, charges): &(usize, Charges)| ScenarioTally::new(*number, charges.settings(), calendar);
        let tallies = scenarios.iter().map(tally).collect();
        let charges: Vec<Charges> = scenarios.into_iter().map(|(_, charges)| charges).collect();
        Self { calendar: *calendar, repricing: Repricing::new(&charges), tallies, run: Tally::new(calendar) }
    }

    fn frame(&mut self, ledger: &LedgerFrame) -> Result<(), ScenarioError> {
        self.run.add(ledger);
        let of_run = Entry::of(ledger);
        self.repricing.advance(Bookings {
            date: ledger.date(),
            rf: ledger.rf,
            nav: ledger.nav,
            cash: ledger.cash,
            account: &ledger.account,
            fills: &ledger.fills,
            ended: &ledger.ended,
        });
        for (scenario, tally) in self.tallies.iter_mut().enumerate() {
            tally.enter(&Entry {
                nav: self.repricing.nav(scenario),
                costs: self.repricing.costs(scenario),
                permanent_impact: self.repricing.permanent_impact(scenario),
                interest: self.repricing.interest(scenario),
                ..of_run
            });
            check_value(ledger.timestamp, ledger.seq, "NAV", tally.nav())
                .map_err(|source| ScenarioError { number: tally.number(), source: source.into() })?;
            if is_ruined(of_run.nav) {
                tally.ruin(of_run.timestamp);
            }
        }
        Ok(())
    }

    fn outcome(&mut self, scenario: usize, shortfall: Shortfall, facts: &RunFacts) -> ScenarioOutcome {
        let mut outcome = self.tallies[scenario].outcome(&self.calendar);
        let costs = outcome.performance.costs;
        let (spread, impact, commission) =
            (costs[CostItem::Spread], costs[CostItem::Impact], costs[CostItem::Commission]);
        outcome.performance.shortfall = Shortfall { spread, impact, commission, ..shortfall };
        outcome.sizing = facts.sizing.clone();
        outcome.execution = self.repricing.execution(scenario, impact, facts.execution);
        outcome
    }
}

impl Stage for Reprice {
    fn name(&self) -> &'static str {
        "reprice"
    }

    fn handle(&mut self, message: Message, _: &mut Outbox) -> Result<(), StageError> {
        match message {
            Message::Ledger(ledger) => self.frame(&ledger)?,
            Message::WithoutLedger(_) => {}
            _ => return Err(Miswired { stage: self.name() }.into()),
        }
        Ok(())
    }

    fn end(&mut self, facts: &mut RunFacts, out: &mut Outbox) -> Result<(), StageError> {
        let shortfall = self.run.performance().shortfall;
        let outcomes = (0..self.tallies.len()).map(|scenario| self.outcome(scenario, shortfall, facts));
        out.send(0, Message::Outcomes(outcomes.collect()));
        Ok(())
    }
}
