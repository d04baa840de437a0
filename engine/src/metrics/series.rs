//! Performance of one series of returns, by the definitions of `empyrical`.

use super::moments::{Moments, ratio};
use super::uncertainty::{FourMoments, SharpeUncertainty};

/// Share of observations in the tail of value at risk.
const TAIL: f64 = 0.05;

/// Performance figures of a series of simple returns per frame; risk-free 0. NaN where a figure is not
/// defined: fewer than two returns, no volatility, no loss, no drawdown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// mean/std · √(frames a year), sample deviation.
    pub sharpe: f64,
    /// Annualised mean over annualised downside deviation, the root mean square of min(r, 0) over all
    /// returns.
    pub sortino: f64,
    /// Annual return over the size of the largest drawdown.
    pub calmar: f64,
    /// Largest fall from a peak, anchored at the start; at most 0.
    pub max_drawdown: f64,
    /// Sum of gains over sum of losses.
    pub omega: f64,
    /// |95th percentile| over |5th percentile|.
    pub tail_ratio: f64,
    /// Compound annual growth rate, years by count of observations.
    pub annual_return: f64,
    /// Annualised sample deviation.
    pub annual_volatility: f64,
    /// 5th percentile of the returns, interpolated.
    pub value_at_risk: f64,
    /// Mean of the lowest ⌊(N − 1)·5 %⌋ + 1 returns.
    pub conditional_value_at_risk: f64,
    /// Total return.
    pub total_return: f64,
    /// How sure the Sharpe ratio is.
    pub uncertainty: SharpeUncertainty,
}

impl Figures {
    /// Every figure under its name.
    #[must_use]
    pub fn items(&self) -> [(&'static str, f64); 11] {
        [
            ("sharpe", self.sharpe),
            ("sortino", self.sortino),
            ("calmar", self.calmar),
            ("max_drawdown", self.max_drawdown),
            ("omega", self.omega),
            ("tail_ratio", self.tail_ratio),
            ("annual_return", self.annual_return),
            ("annual_volatility", self.annual_volatility),
            ("value_at_risk", self.value_at_risk),
            ("conditional_value_at_risk", self.conditional_value_at_risk),
            ("total_return", self.total_return),
        ]
    }

    /// Figures of the returns, annualised by `frames_per_year`.
    #[must_use]
    pub fn of(returns: impl ExactSizeIterator<Item = f64>, frames_per_year: f64) -> Self {
        let mut accumulator = Accumulator::new(returns.len());
        returns.for_each(|r| accumulator.push(r));
        accumulator.figures(frames_per_year)
    }
}

/// Takes returns in and gives [`Figures`] of them. It knows how many will come, and so holds only the two
/// tails that the quantiles lie in: a tenth of the returns.
#[derive(Clone, Debug)]
pub struct Accumulator {
    moments: Moments,
    four_moments: FourMoments,
    gains: f64,
    losses: f64,
    wealth: f64,
    peak: f64,
    max_drawdown: f64,
    lowest: Tail,
    /// The upper tail is the lower one of the negated returns.
    highest: Tail,
}

impl Accumulator {
    /// For exactly `count` returns.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self {
            moments: Moments::default(),
            four_moments: FourMoments::default(),
            gains: 0.0,
            losses: 0.0,
            wealth: 1.0,
            peak: 1.0,
            max_drawdown: 0.0,
            lowest: Tail::new(count),
            highest: Tail::new(count),
        }
    }

    /// The next return.
    pub fn push(&mut self, r: f64) {
        self.moments.push(r);
        self.four_moments.push(r);
        self.gains += r.max(0.0);
        self.losses -= r.min(0.0);
        self.wealth *= 1.0 + r;
        self.peak = self.peak.max(self.wealth);
        self.max_drawdown = self.max_drawdown.min((self.wealth - self.peak) / self.peak);
        self.lowest.push(r);
        self.highest.push(-r);
    }

    /// The figures of all returns.
    #[must_use]
    pub fn figures(self, frames_per_year: f64) -> Figures {
        let Self { moments, wealth, max_drawdown, .. } = self;
        let count = moments.count;
        let defined = |value: f64| if count == 0.0 { f64::NAN } else { value };
        let annual_return =
            if wealth > 0.0 { libm::pow(wealth, frames_per_year / count) - 1.0 } else { -1.0 };
        let (lowest, highest) = (self.lowest.sorted(), self.highest.sorted());
        Figures {
            sharpe: moments.sharpe(frames_per_year),
            sortino: moments.sortino(frames_per_year),
            calmar: ratio(annual_return, -max_drawdown),
            max_drawdown: defined(max_drawdown),
            omega: ratio(self.gains, self.losses),
            tail_ratio: ratio(highest.percentile().abs(), lowest.percentile().abs()),
            annual_return: defined(annual_return),
            annual_volatility: moments.deviation() * frames_per_year.sqrt(),
            value_at_risk: lowest.percentile(),
            conditional_value_at_risk: lowest.mean(),
            total_return: defined(wealth - 1.0),
            uncertainty: self.four_moments.uncertainty(frames_per_year),
        }
    }
}

/// The lowest values: enough of them for the percentile at [`TAIL`].
#[derive(Clone, Debug)]
struct Tail {
    values: Vec<f64>,
    wanted: usize,
    /// TAIL · (N − 1), the position of the percentile among the sorted values.
    position: f64,
}

impl Tail {
    fn new(count: usize) -> Self {
        let position = TAIL * count.saturating_sub(1) as f64;
        let wanted = (position as usize + 2).min(count);
        Self { values: Vec::with_capacity(2 * wanted), wanted, position }
    }

    fn push(&mut self, value: f64) {
        self.values.push(value);
        if self.wanted > 0 && self.values.len() == 2 * self.wanted {
            self.values.select_nth_unstable_by(self.wanted - 1, f64::total_cmp);
            self.values.truncate(self.wanted);
        }
    }

    fn sorted(mut self) -> Self {
        self.values.sort_unstable_by(f64::total_cmp);
        self
    }

    /// Linear interpolation between order statistics, as numpy's `percentile` does it. Call on a sorted tail.
    fn percentile(&self) -> f64 {
        let below = self.position as usize;
        match (self.values.get(below), self.values.get(below + 1)) {
            (Some(low), Some(high)) => low + (high - low) * (self.position - below as f64),
            (Some(low), None) => *low,
            _ => f64::NAN,
        }
    }

    /// Mean of the values up to the percentile. Call on a sorted tail.
    fn mean(&self) -> f64 {
        let lowest = &self.values[..(self.position as usize + 1).min(self.values.len())];
        lowest.iter().sum::<f64>() / lowest.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference: empyrical-reloaded 0.7.1 on the same six returns, annualised by 252.
    #[test]
    fn figures_are_those_of_empyrical() {
        let returns = [0.01, -0.02, 0.03, 0.0, -0.005, 0.012];
        let figures = Figures::of(returns.into_iter(), 252.0);
        let expected = [
            ("sharpe", 4.198445308108865),
            ("sortino", 8.487776678328457),
            ("calmar", 100.41018186923075),
            ("max_drawdown", -0.019999999999999962),
            ("omega", 2.08),
            ("tail_ratio", 1.569230769230769),
            ("annual_return", 2.0082036373846113),
            ("annual_volatility", 0.270099981488337),
            ("value_at_risk", -0.01625),
            ("conditional_value_at_risk", -0.02),
            ("total_return", 0.026569288360000165),
        ];
        for ((name, found), (expected_name, value)) in figures.items().into_iter().zip(expected) {
            assert_eq!(name, expected_name);
            assert!((found - value).abs() <= 1e-9 * value.abs(), "{name}: {found}, empyrical {value}");
        }
        // The same returns with scipy 1.17.1: skew, kurtosis and norm in the formulas of the papers.
        let expected = [7.115392207420133, 0.7224218189485776, 0.15815415551747888];
        for ((name, found), value) in figures.uncertainty.items().into_iter().zip(expected) {
            assert!((found - value).abs() <= 1e-12 * value.abs(), "{name}: {found}, scipy {value}");
        }
    }

    #[test]
    fn figures_without_meaning_are_nan() {
        assert!(Figures::of([].into_iter(), 252.0).items().iter().all(|(_, value)| value.is_nan()));
        let calm = Figures::of([0.0, 0.0].into_iter(), 252.0);
        assert!(calm.sharpe.is_nan() && calm.calmar.is_nan() && calm.omega.is_nan());
        assert_eq!(calm.max_drawdown, 0.0);
        assert!(calm.uncertainty.items().iter().all(|(_, value)| value.is_nan()));
    }
}
