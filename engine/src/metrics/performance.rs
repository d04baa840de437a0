//! Performance of a run: net, gross and the benchmark, from the ledger.

use super::series::Figures;
use crate::execution::Costs;
use crate::ledger::LedgerFrame;
use crate::settings::Calendar;

/// Figures of the strategy and the benchmark; `None` where no frame decided.
#[derive(Clone, Debug, Default)]
pub struct Performance {
    /// First and last NAV.
    pub nav: Option<(f64, f64)>,
    /// Of the returns after costs.
    pub net: Option<Figures>,
    /// Of the returns (ΔNAV_t + costs_t)/NAV_{t−1}.
    pub gross: Option<Figures>,
    /// Of the benchmark, after costs.
    pub benchmark: Option<Figures>,
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

/// Takes the ledger in and gives [`Performance`] at its end. Keeps 32 bytes a frame, for exact quantiles.
#[derive(Clone, Debug)]
pub struct Tally {
    frames_per_year: f64,
    last: Option<Last>,
    first_nav: f64,
    net: Vec<f64>,
    gross: Vec<f64>,
    benchmark: Vec<f64>,
    excess: Vec<f64>,
    costs: Costs,
    interest: f64,
    date: Option<i64>,
    date_turnover: f64,
    dates: u64,
    turnover: f64,
    turnover_max: f64,
    decisions: u64,
    capped: u64,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    nav: f64,
    benchmark_nav: f64,
}

impl Tally {
    /// An empty tally.
    #[must_use]
    pub fn new(calendar: &Calendar) -> Self {
        Self {
            frames_per_year: calendar.frames_per_year(),
            last: None,
            first_nav: 0.0,
            net: Vec::new(),
            gross: Vec::new(),
            benchmark: Vec::new(),
            excess: Vec::new(),
            costs: Costs::default(),
            interest: 0.0,
            date: None,
            date_turnover: 0.0,
            dates: 0,
            turnover: 0.0,
            turnover_max: 0.0,
            decisions: 0,
            capped: 0,
        }
    }

    /// One frame.
    pub fn add(&mut self, frame: &LedgerFrame) {
        match self.last {
            None => self.first_nav = frame.nav,
            Some(Last { nav, benchmark_nav }) => {
                let net = frame.nav / nav - 1.0;
                self.net.push(net);
                self.gross.push((frame.nav - nav + frame.account.costs.total()) / nav);
                self.benchmark.push(frame.benchmark_nav / benchmark_nav - 1.0);
                self.excess.push(net - frame.rf);
            }
        }
        self.last = Some(Last { nav: frame.nav, benchmark_nav: frame.benchmark_nav });
        self.costs += frame.account.costs;
        self.interest += frame.account.interest;
        self.decisions += u64::from(frame.decided);
        self.capped += u64::from(frame.capped);
        if self.date != Some(frame.timestamp.date()) {
            self.date = Some(frame.timestamp.date());
            self.dates += 1;
            self.date_turnover = 0.0;
        }
        self.turnover += frame.turnover;
        self.date_turnover += frame.turnover;
        self.turnover_max = self.turnover_max.max(self.date_turnover);
    }

    /// The figures of all frames so far.
    #[must_use]
    pub fn performance(&self) -> Performance {
        let Some(last) = self.last else { return Performance::default() };
        let figures = |returns: &[f64]| Some(Figures::of(returns, self.frames_per_year));
        let excess = Figures::of(&self.excess, self.frames_per_year);
        Performance {
            nav: Some((self.first_nav, last.nav)),
            net: figures(&self.net),
            gross: figures(&self.gross),
            benchmark: figures(&self.benchmark),
            net_in_excess: Some((excess.sharpe, excess.sortino)),
            costs: self.costs,
            interest: self.interest,
            turnover: TurnoverFacts {
                mean: self.turnover / self.dates as f64,
                max: self.turnover_max,
                share_at_cap: self.capped as f64 / (self.decisions as f64).max(1.0),
            },
        }
    }
}
