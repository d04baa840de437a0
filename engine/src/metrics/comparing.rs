//! Net, gross and benchmark figures from the equity of a run.

use super::active::{ActiveReturns, ActiveRisk};
use super::distribution::Distribution;
use super::drawdowns::{Drawdown, Drawdowns};
use super::equity_point::{EquityPoint, FrameReturns};
use super::figures::Figures;
use super::months::{Calendars, Period};
use super::series::Accumulator;
use crate::execution::is_ruined;
use crate::time::TimestampNs;

/// Number of drawdowns kept.
const DRAWDOWNS: usize = 5;

/// Figures of the strategy and the benchmark. A run of N frames has N − 1 returns.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Figures of the returns after costs.
    pub net: Figures,
    /// Figures of the returns (ΔNAV_t + costs_t)/NAV_{t−1}.
    pub gross: Figures,
    /// Figures of the benchmark, after costs.
    pub benchmark: Figures,
    /// Five deepest drawdowns of net NAV, the deepest first.
    pub drawdowns: Vec<Drawdown>,
    /// Calendar months, in order.
    pub months: Vec<Period>,
    /// Calendar years, in order.
    pub years: Vec<Period>,
    /// Frame on which the account was ruined (NAV at most 0); the ledger ends there.
    pub ruined: Option<TimestampNs>,
    /// Net returns against those of the benchmark.
    pub active: ActiveRisk,
    /// Time of the first row: the first rebalance.
    pub first: Option<TimestampNs>,
}

/// Accumulates the equity of a run, row by row, into a [`Comparison`].
#[derive(Clone, Debug)]
pub struct ComparisonBuilder {
    last: Option<EquityPoint>,
    net: Accumulator,
    gross: Accumulator,
    benchmark: Accumulator,
    drawdowns: Drawdowns,
    calendars: Calendars,
    ruined: Option<TimestampNs>,
    active: ActiveReturns,
    first: Option<TimestampNs>,
}

impl ComparisonBuilder {
    /// Accumulator for exactly `frames` rows.
    #[must_use]
    pub fn new(frames: usize) -> Self {
        let accumulator = Accumulator::new(frames.saturating_sub(1));
        let [net, gross, benchmark] = [accumulator.clone(), accumulator.clone(), accumulator];
        let (drawdowns, calendars) = (Drawdowns::new(DRAWDOWNS), Calendars::default());
        Self {
            last: None,
            net,
            gross,
            benchmark,
            drawdowns,
            calendars,
            ruined: None,
            active: ActiveReturns::default(),
            first: None,
        }
    }

    /// Adds the next row.
    pub fn push(&mut self, point: EquityPoint) {
        if let Some(last) = self.last {
            let FrameReturns { net, gross, benchmark } = point.returns_since(&last);
            self.net.push_against(net, benchmark);
            self.gross.push_against(gross, benchmark);
            self.benchmark.push_against(benchmark, benchmark);
            self.active.push(net, benchmark);
        }
        self.first.get_or_insert(point.timestamp);
        self.drawdowns.push(point.timestamp, point.nav);
        self.calendars.push(&point, self.gross.wealth());
        if is_ruined(point.nav) {
            self.ruined.get_or_insert(point.timestamp);
        }
        self.last = Some(point);
    }

    /// Figures of all rows.
    #[must_use]
    pub fn comparison(self, frames_per_year: f64) -> Comparison {
        let (months, years) = self.calendars.periods();
        let (net, gross) = (self.net.figures(frames_per_year), self.gross.figures(frames_per_year));
        let (net, gross) = match self.ruined {
            Some(_) => (Figures::ruined(), gross.before_costs_of_ruined()),
            None => (net, gross),
        };
        Comparison {
            net,
            gross,
            benchmark: self.benchmark.figures(frames_per_year),
            drawdowns: self.drawdowns.worst(),
            months,
            years,
            ruined: self.ruined,
            active: self.active.risk(frames_per_year),
            first: self.first,
        }
    }
}

/// Counts the net returns of a run in bins, in a second pass over the equity: the first one determines the
/// bins.
#[derive(Clone, Debug)]
pub struct DistributionBuilder {
    last: Option<EquityPoint>,
    bins: Distribution,
}

impl DistributionBuilder {
    /// Empty bins that fit the net returns of a comparison.
    #[must_use]
    pub fn new(comparison: &Comparison, frames_per_year: f64) -> Self {
        Self { last: None, bins: Distribution::for_series(&comparison.net, frames_per_year) }
    }

    /// Adds the next row.
    pub fn push(&mut self, point: EquityPoint) {
        if let Some(last) = self.last.replace(point) {
            self.bins.push(point.returns_since(&last).net);
        }
    }

    /// Distribution of the returns of all rows.
    #[must_use]
    pub fn distribution(self) -> Distribution {
        self.bins
    }
}
