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

/// Takes the ledger in and gives [`Performance`] at its end. For exact quantiles it keeps 16 bytes a frame,
/// and 16 more for a frame with costs.
#[derive(Clone, Debug)]
pub struct Tally {
    frames_per_year: f64,
    last: Option<Last>,
    first_nav: f64,
    net: Vec<f64>,
    /// Frames whose gross return differs from the net one, and that return.
    gross: Vec<(usize, f64)>,
    benchmark: Vec<f64>,
    excess: Excess,
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

/// Moments of the returns in excess of the risk-free return (Welford 1962).
#[derive(Clone, Copy, Debug, Default)]
struct Excess {
    count: f64,
    mean: f64,
    squares: f64,
    downside: f64,
}

impl Excess {
    fn add(&mut self, r: f64) {
        self.count += 1.0;
        let before = r - self.mean;
        self.mean += before / self.count;
        self.squares += before * (r - self.mean);
        let below = r.min(0.0);
        self.downside += below * below;
    }

    /// Sharpe and Sortino ratio.
    fn ratios(&self, frames_per_year: f64) -> (f64, f64) {
        let root_year = frames_per_year.sqrt();
        let sharpe = self.mean / (self.squares / (self.count - 1.0)).sqrt() * root_year;
        let sortino = self.mean / (self.downside / self.count).sqrt() * root_year;
        let defined = |ratio: f64| if ratio.is_finite() { ratio } else { f64::NAN };
        (defined(sharpe), defined(sortino))
    }
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
            excess: Excess::default(),
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
                let costs = frame.account.costs.total();
                if costs != 0.0 {
                    self.gross.push((self.net.len() - 1, (frame.nav - nav + costs) / nav));
                }
                self.benchmark.push(frame.benchmark_nav / benchmark_nav - 1.0);
                self.excess.add(net - frame.rf);
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
        let net = self.net.iter().copied();
        let mut costly = self.gross.iter().copied().peekable();
        let gross = net
            .clone()
            .enumerate()
            .map(move |(at, net)| costly.next_if(|(frame, _)| *frame == at).map_or(net, |(_, gross)| gross));
        Performance {
            nav: Some((self.first_nav, last.nav)),
            net: Some(Figures::of(net, self.frames_per_year)),
            gross: Some(Figures::of(gross, self.frames_per_year)),
            benchmark: Some(Figures::of(self.benchmark.iter().copied(), self.frames_per_year)),
            net_in_excess: Some(self.excess.ratios(self.frames_per_year)),
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
