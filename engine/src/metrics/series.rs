//! Accumulation of returns into figures, without storing them all.

use super::figures::Figures;
use super::moments::{Moments, Trend, annual_growth, ratio};
use super::relative::RelativeAccumulator;
use super::sharpe::SharpeUncertainty;
use super::tail::Tail;

/// Accumulates returns into [`Figures`]. The number of returns is known in advance, so only the two tails
/// that contain the quantiles are stored: a tenth of the returns.
#[derive(Clone, Debug)]
pub struct Accumulator {
    moments: Moments,
    trend: Trend,
    against: RelativeAccumulator,
    gains: f64,
    losses: f64,
    wealth: f64,
    /// True if a return of −100 % or less occurred.
    ruined: bool,
    peak: f64,
    max_drawdown: f64,
    best: f64,
    worst: f64,
    lowest: Tail,
    /// Upper tail, as the lower tail of the negated returns.
    highest: Tail,
}

impl Accumulator {
    /// Accumulator for exactly `count` returns.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self {
            moments: Moments::default(),
            trend: Trend::default(),
            against: RelativeAccumulator::EMPTY,
            gains: 0.0,
            losses: 0.0,
            wealth: 1.0,
            ruined: false,
            peak: 1.0,
            max_drawdown: 0.0,
            best: f64::NAN,
            worst: f64::NAN,
            lowest: Tail::new(count),
            highest: Tail::new(count),
        }
    }

    /// Adds the next return, without a benchmark.
    pub fn push(&mut self, r: f64) {
        self.ruined |= r <= -1.0;
        if self.ruined {
            self.wealth = 0.0;
            return;
        }
        self.moments.push(r);
        self.trend.push(r);
        self.gains += r.max(0.0);
        self.losses -= r.min(0.0);
        self.wealth *= 1.0 + r;
        self.peak = self.peak.max(self.wealth);
        self.max_drawdown = self.max_drawdown.min((self.wealth - self.peak) / self.peak);
        self.best = self.best.max(r);
        self.worst = self.worst.min(r);
        self.lowest.push(r);
        self.highest.push(-r);
    }

    /// Adds the next return and that of the benchmark on the same frame.
    pub fn push_against(&mut self, r: f64, benchmark: f64) {
        self.push(r);
        if !self.ruined {
            self.against.push(r, benchmark);
        }
    }

    /// Growth of one unit of wealth.
    #[must_use]
    pub fn wealth(&self) -> f64 {
        self.wealth
    }

    /// Figures of all returns.
    #[must_use]
    pub fn figures(self, frames_per_year: f64) -> Figures {
        if self.ruined {
            return Figures::ruined();
        }
        let Self { moments, wealth, max_drawdown, .. } = self;
        let count = moments.count;
        let of_one = |value: f64| if count < 1.0 { f64::NAN } else { value };
        let of_two = |value: f64| if count < 2.0 { f64::NAN } else { value };
        let annual_return = annual_growth(wealth, count, frames_per_year);
        let (lowest, highest) = (self.lowest.sorted(), self.highest.sorted());
        Figures {
            sharpe: moments.sharpe(frames_per_year),
            sortino: moments.sortino(frames_per_year),
            calmar: ratio(annual_return, -max_drawdown),
            max_drawdown: of_one(max_drawdown),
            omega: of_two(ratio(self.gains, self.losses)),
            tail_ratio: ratio(highest.percentile().abs(), lowest.percentile().abs()),
            annual_return,
            annual_volatility: moments.deviation() * frames_per_year.sqrt(),
            value_at_risk: lowest.percentile(),
            conditional_value_at_risk: lowest.mean(),
            total_return: of_one(wealth - 1.0),
            stability_of_timeseries: self.trend.r_squared(),
            skew: moments.skewness(),
            kurtosis: moments.kurtosis() - 3.0,
            best_return: self.best,
            worst_return: self.worst,
            relative: self.against.relative(frames_per_year),
            uncertainty: SharpeUncertainty::of(&moments, frames_per_year),
        }
    }
}

impl Figures {
    /// Figures of the returns, annualised by `frames_per_year`.
    #[must_use]
    pub fn of(returns: impl ExactSizeIterator<Item = f64>, frames_per_year: f64) -> Self {
        let mut accumulator = Accumulator::new(returns.len());
        returns.for_each(|r| accumulator.push(r));
        accumulator.figures(frames_per_year)
    }

    /// Figures without returns: all NaN.
    #[must_use]
    pub fn undefined() -> Self {
        Self::of(std::iter::empty(), 1.0)
    }

    /// Figures of a ruined account.
    #[must_use]
    pub fn ruined() -> Self {
        Self { total_return: -1.0, annual_return: -1.0, max_drawdown: -1.0, ..Self::undefined() }
    }

    /// Figures before costs of a ruined account: ruin if the returns before costs lost everything, else NaN,
    /// because the series ends early.
    pub(crate) fn before_costs_of_ruined(self) -> Self {
        if self.total_return <= -1.0 { Self::ruined() } else { Self::undefined() }
    }
}
