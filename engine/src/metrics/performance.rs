//! Performance of a run: what can be summed up as the ledger goes by, and the comparison of net, gross and
//! benchmark, which needs the equity once more for its quantiles.

use super::moments::Moments;
use super::series::{Accumulator, Figures};
use crate::execution::Costs;
use crate::ledger::LedgerFrame;
use crate::settings::Calendar;

/// Sums over a ledger.
#[derive(Clone, Debug, Default)]
pub struct Performance {
    /// Frames of the ledger.
    pub frames: u64,
    /// First and last NAV; `None` where no frame decided.
    pub nav: Option<(f64, f64)>,
    /// Sharpe and Sortino ratio of the net returns in excess of the risk-free return.
    pub net_in_excess: Option<(f64, f64)>,
    /// Sums by item.
    pub costs: Costs,
    /// Sum of the interest on cash.
    pub interest: f64,
    /// Turnover as decided.
    pub turnover: TurnoverFacts,
}

/// Turnover as decided, by UTC date.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TurnoverFacts {
    /// Mean over the dates.
    pub mean: f64,
    /// Largest of a date.
    pub max: f64,
    /// Share of the decisions that the cap stopped.
    pub share_at_cap: f64,
}

/// Takes the ledger in and gives [`Performance`] at its end. Its size does not depend on the length.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    frames_per_year: f64,
    performance: Performance,
    /// Of the returns in excess of the risk-free return.
    excess: Moments,
    date: Option<i64>,
    date_turnover: f64,
    dates: u64,
    turnover: f64,
    decisions: u64,
    capped: u64,
}

impl Tally {
    /// An empty tally.
    #[must_use]
    pub fn new(calendar: &Calendar) -> Self {
        Self { frames_per_year: calendar.frames_per_year(), ..Self::default() }
    }

    /// One frame.
    pub fn add(&mut self, frame: &LedgerFrame) {
        let sums = &mut self.performance;
        sums.frames += 1;
        let (first, last) = sums.nav.unwrap_or((frame.nav, frame.nav));
        if sums.nav.is_some() {
            self.excess.push(frame.nav / last - 1.0 - frame.rf);
        }
        sums.nav = Some((first, frame.nav));
        sums.costs += frame.account.costs;
        sums.interest += frame.account.interest;
        self.decisions += u64::from(frame.decided);
        self.capped += u64::from(frame.capped);
        if self.date != Some(frame.timestamp.date()) {
            self.date = Some(frame.timestamp.date());
            self.dates += 1;
            self.date_turnover = 0.0;
        }
        self.turnover += frame.turnover;
        self.date_turnover += frame.turnover;
        sums.turnover.max = sums.turnover.max.max(self.date_turnover);
    }

    /// The sums of all frames so far.
    #[must_use]
    pub fn performance(&self) -> Performance {
        let mut sums = self.performance.clone();
        if sums.nav.is_some() {
            let year = self.frames_per_year;
            sums.net_in_excess = Some((self.excess.sharpe(year), self.excess.sortino(year)));
            sums.turnover.mean = self.turnover / self.dates as f64;
            sums.turnover.share_at_cap = self.capped as f64 / (self.decisions as f64).max(1.0);
        }
        sums
    }
}

/// One row of a run's equity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EquityPoint {
    /// Net asset value.
    pub nav: f64,
    /// Costs of the frame, all items.
    pub costs: f64,
    /// Net asset value of the benchmark.
    pub benchmark_nav: f64,
}

/// Figures of the strategy and the benchmark. A run of N frames has N − 1 returns.
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// Of the returns after costs.
    pub net: Figures,
    /// Of the returns (ΔNAV_t + costs_t)/NAV_{t−1}.
    pub gross: Figures,
    /// Of the benchmark, after costs.
    pub benchmark: Figures,
}

/// Takes a run's equity in, row by row, and gives the [`Comparison`].
#[derive(Clone, Debug)]
pub struct Comparing {
    last: Option<EquityPoint>,
    net: Accumulator,
    gross: Accumulator,
    benchmark: Accumulator,
}

impl Comparing {
    /// For exactly `frames` rows.
    #[must_use]
    pub fn new(frames: usize) -> Self {
        let accumulator = Accumulator::new(frames.saturating_sub(1));
        let [net, gross, benchmark] = [accumulator.clone(), accumulator.clone(), accumulator];
        Self { last: None, net, gross, benchmark }
    }

    /// The next row.
    pub fn push(&mut self, point: EquityPoint) {
        if let Some(last) = self.last {
            self.net.push(point.nav / last.nav - 1.0);
            self.gross.push((point.nav - last.nav + point.costs) / last.nav);
            self.benchmark.push(point.benchmark_nav / last.benchmark_nav - 1.0);
        }
        self.last = Some(point);
    }

    /// The figures of all rows.
    #[must_use]
    pub fn comparison(self, frames_per_year: f64) -> Comparison {
        Comparison {
            net: self.net.figures(frames_per_year),
            gross: self.gross.figures(frames_per_year),
            benchmark: self.benchmark.figures(frames_per_year),
        }
    }
}
