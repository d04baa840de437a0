//! Tally of a scenario: its sums, returns and result.

use crate::execution::{ExecutionSettings, is_ruined};
use crate::ledger::{Entry, LedgerFrame, Tally};
use crate::metrics::{CostAnalysis, Figures};
use crate::pipeline::message::ScenarioOutcome;
use crate::settings::Calendar;
use crate::time::TimestampNs;

/// Tally and returns of a scenario.
#[derive(Clone, Debug)]
pub(crate) struct ScenarioTally {
    number: usize,
    impact_exponent: f64,
    tally: Tally,
    nav: f64,
    /// Time of the frame on which the scenario, or the account whose trades it re-prices, was ruined.
    ruined: Option<TimestampNs>,
    /// Number of the frame of the first return.
    first_return: Option<u64>,
    /// Net return of each frame after the first. With `gross` and `turnover`, 24 bytes per frame, for exact
    /// quantiles and comparisons.
    net: Vec<f64>,
    gross: Vec<f64>,
    /// Turnover of the rebalance on each of those frames; 0 without one.
    turnover: Vec<f64>,
}

impl ScenarioTally {
    pub(crate) fn new(number: usize, execution: &ExecutionSettings, calendar: &Calendar) -> Self {
        Self {
            number,
            impact_exponent: execution.impact_exponent,
            tally: Tally::new(calendar),
            nav: f64::NAN,
            ruined: None,
            first_return: None,
            net: Vec::new(),
            gross: Vec::new(),
            turnover: Vec::new(),
        }
    }

    /// Number of the scenario.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// NAV after the last frame; NaN before the first.
    pub(crate) fn nav(&self) -> f64 {
        self.nav
    }

    /// Adds a frame of the scenario's own ledger.
    pub(crate) fn add(&mut self, ledger: &LedgerFrame) {
        self.tally.add(ledger);
        self.returns(&Entry::of(ledger));
    }

    /// Adds a frame without implementation shortfall.
    pub(crate) fn enter(&mut self, entry: &Entry) {
        if self.ruined.is_some() {
            return;
        }
        self.tally.enter(entry);
        self.returns(entry);
    }

    /// Records the ruin of the account whose trades are re-priced.
    pub(crate) fn ruin(&mut self, timestamp: TimestampNs) {
        self.ruined.get_or_insert(timestamp);
    }

    fn returns(&mut self, entry: &Entry) {
        let Entry { seq, nav, costs, turnover, .. } = *entry;
        let costs = costs.total();
        if !self.nav.is_nan() {
            self.first_return.get_or_insert(seq);
            self.net.push(nav / self.nav - 1.0);
            self.gross.push((nav - self.nav + costs) / self.nav);
            self.turnover.push(turnover);
        }
        self.nav = nav;
        if is_ruined(nav) {
            self.ruin(entry.timestamp);
        }
    }

    /// Outcome so far; figures that the tally does not compute are those of an outcome without data.
    pub(crate) fn outcome(&mut self, calendar: &Calendar) -> ScenarioOutcome {
        let figures = |returns: &[f64]| Figures::of(returns.iter().copied(), calendar.frames_per_year());
        let mut performance = self.tally.performance();
        let start = performance.nav.map_or(f64::NAN, |(first, _)| first);
        let (mut net, mut gross) = (figures(&self.net), figures(&self.gross));
        let mut multiple = performance.capacity.multiple_at_half(self.impact_exponent);
        if let Some(ruined) = self.ruined {
            performance.ruin(ruined);
            (net, gross, multiple) = (Figures::ruined(), gross.before_costs_of_ruined(), None);
        }
        ScenarioOutcome {
            break_even_bps: CostAnalysis::break_even_bps(&gross, &performance, calendar),
            capacity: multiple.map_or(f64::NAN, |multiple| multiple * start),
            number: self.number,
            net,
            gross,
            performance,
            first_return: self.first_return.unwrap_or_default(),
            returns: std::mem::take(&mut self.net),
            turnover: std::mem::take(&mut self.turnover),
            ..ScenarioOutcome::nothing()
        }
    }
}
