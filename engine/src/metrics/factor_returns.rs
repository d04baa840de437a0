//! Factor returns by date, and their figures over the last months.

use super::moments::{Moments, ratio};
use crate::time::{DAY_NS, Iso, TimestampNs};

/// Lengths of the windows in calendar months.
pub const WINDOW_MONTHS: [i64; 5] = [1, 3, 6, 12, 36];

/// Returns of factors by UTC date: the returns of a date are compounded. It holds one number per date and factor, however
/// many frames a date has.
#[derive(Clone, Debug, Default)]
pub struct FactorReturns {
    dates: Vec<i64>,
    /// Returns of each factor, one per date; NaN for a date without one.
    returns: Vec<Vec<f64>>,
}

/// Figures of one factor over a window that ends with the last date.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowFigures {
    /// Length in calendar months; `None` for all dates.
    pub months: Option<i64>,
    /// First date with a return.
    pub first: Option<TimestampNs>,
    /// Last date with a return.
    pub last: Option<TimestampNs>,
    /// Number n of returns.
    pub count: usize,
    /// Compounded return: Π(1 + r) − 1.
    pub total_return: f64,
    /// Sample standard deviation · √(days a year); NaN for fewer than two returns.
    pub annual_volatility: f64,
    /// Mean / sample standard deviation · √n; NaN for fewer than two returns or no volatility.
    pub t: f64,
}

/// Last calendar month of a factor among all its calendar months.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LastMonth {
    /// Calendar year.
    pub year: i64,
    /// Month from 1 to 12.
    pub month: i64,
    /// Compounded return from its first date to the last date of the data.
    pub total_return: f64,
    /// Average rank of that return among the returns of all months, divided by their number, as
    /// `rank(pct=True)` of pandas: 1 for the highest.
    pub percentile: f64,
    /// Number of calendar months with a return, the first and the last, which may be partial, included.
    pub months: usize,
}

/// Growth of a factor from its running maximum, which is at least the start value of 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FactorDrawdown {
    /// Drawdown at the last date, at most 0.
    pub current: f64,
    /// Maximum drawdown, at most 0.
    pub deepest: f64,
}

impl FactorReturns {
    /// Returns of `factors` factors before the first frame.
    #[must_use]
    pub fn new(factors: usize) -> Self {
        Self { dates: Vec::new(), returns: vec![Vec::new(); factors] }
    }

    /// Adds a frame: a return for each factor, NaN without one. Times increase. A frame without any return, such as the
    /// first frame of prices, is left out.
    pub fn push(&mut self, timestamp: TimestampNs, factors: &[f64]) {
        if factors.iter().all(|f| f.is_nan()) {
            return;
        }
        let same = self.dates.last() == Some(&timestamp.date());
        if !same {
            self.dates.push(timestamp.date());
        }
        for (returns, f) in self.returns.iter_mut().zip(factors) {
            match returns.last_mut().filter(|_| same) {
                None => returns.push(*f),
                Some(_) if f.is_nan() => {}
                Some(before) if before.is_nan() => *before = *f,
                Some(before) => *before = (1.0 + *before) * (1.0 + f) - 1.0,
            }
        }
    }

    /// Number of factors.
    #[must_use]
    pub fn factors(&self) -> usize {
        self.returns.len()
    }

    /// Number of dates.
    #[must_use]
    pub fn dates(&self) -> usize {
        self.dates.len()
    }

    /// Number of dates without a return of some factor.
    #[must_use]
    pub fn incomplete(&self) -> usize {
        self.dates.len() - self.complete().len()
    }

    /// First and last date.
    #[must_use]
    pub fn range(&self) -> Option<(TimestampNs, TimestampNs)> {
        Some((midnight(*self.dates.first()?), midnight(*self.dates.last()?)))
    }

    /// Times of all dates.
    #[must_use]
    pub fn times(&self) -> Vec<TimestampNs> {
        self.dates.iter().map(|date| midnight(*date)).collect()
    }

    /// Rows on which every factor has a return.
    fn complete(&self) -> Vec<usize> {
        let is_complete = |row: &usize| self.returns.iter().all(|returns| !returns[*row].is_nan());
        (0..self.dates.len()).filter(is_complete).collect()
    }

    /// Returns of each factor on the dates on which every factor has one.
    #[must_use]
    pub fn on_complete_dates(&self) -> Vec<Vec<f64>> {
        let rows = self.complete();
        self.returns.iter().map(|returns| rows.iter().map(|row| returns[*row]).collect()).collect()
    }

    /// Number of complete dates in the last `months` calendar months; `None` if no date is before them.
    #[must_use]
    pub fn complete_in(&self, months: i64) -> Option<usize> {
        let start = self.start(months)?;
        Some(self.complete().iter().filter(|row| **row >= start).count())
    }

    /// Figures of a factor over each window, the shortest first, then over all dates.
    ///
    /// A window of n months holds the dates after the same day n calendar months before the last date, or after the end of
    /// that month if it is shorter: `date > last - pd.DateOffset(months=n)`. Monthly data, which has at most one date in
    /// each calendar month, has the last n calendar months, that of the last date included. Figures are NaN where no date
    /// is before the window.
    #[must_use]
    pub fn windows(&self, factor: usize, days_per_year: f64) -> Vec<WindowFigures> {
        let windows = WINDOW_MONTHS.map(|months| (Some(months), self.start(months)));
        let all = [(None, Some(0))];
        let figures = |(months, start): (Option<i64>, Option<usize>)| match start {
            Some(start) => self.window(factor, months, start, days_per_year),
            None => WindowFigures {
                months,
                first: None,
                last: None,
                count: 0,
                total_return: f64::NAN,
                annual_volatility: f64::NAN,
                t: f64::NAN,
            },
        };
        windows.into_iter().chain(all).map(figures).collect()
    }

    fn window(&self, factor: usize, months: Option<i64>, start: usize, days_per_year: f64) -> WindowFigures {
        let (mut moments, mut wealth) = (Moments::default(), 1.0);
        let (mut first, mut last) = (None, None);
        for (date, r) in self.dates.iter().zip(&self.returns[factor]).skip(start) {
            if r.is_nan() {
                continue;
            }
            first = first.or(Some(midnight(*date)));
            last = Some(midnight(*date));
            moments.push(*r);
            wealth *= 1.0 + r;
        }
        WindowFigures {
            months,
            first,
            last,
            count: moments.count as usize,
            total_return: if moments.count > 0.0 { wealth - 1.0 } else { f64::NAN },
            annual_volatility: moments.deviation() * days_per_year.sqrt(),
            t: ratio(moments.mean, moments.dispersion()) * moments.count.sqrt(),
        }
    }

    /// First row of the last `months` calendar months; `None` if the data has no date before them.
    fn start(&self, months: i64) -> Option<usize> {
        let last = civil(*self.dates.last()?);
        let before = 12 * last.0 + last.1 - 1 - months;
        let (year, month) = (before.div_euclid(12), before.rem_euclid(12) + 1);
        let row = if self.is_monthly() {
            self.dates.partition_point(|date| civil(*date) < (year, month + 1, 0))
        } else {
            // The day may be one that the month does not have: it then compares as its last.
            self.dates.partition_point(|date| civil(*date) <= (year, month, last.2))
        };
        Some(row).filter(|row| *row > 0)
    }

    /// True if no calendar month has two dates.
    fn is_monthly(&self) -> bool {
        let month = |date: i64| (civil(date).0, civil(date).1);
        self.dates.windows(2).all(|pair| month(pair[0]) != month(pair[1]))
    }

    /// Last calendar month of a factor; `None` without a return.
    #[must_use]
    pub fn last_month(&self, factor: usize) -> Option<LastMonth> {
        let mut months: Vec<((i64, i64), f64)> = Vec::new();
        for (date, r) in self.dates.iter().zip(&self.returns[factor]).filter(|(_, r)| !r.is_nan()) {
            let (year, month, _) = civil(*date);
            match months.last_mut() {
                Some((of, wealth)) if *of == (year, month) => *wealth *= 1.0 + r,
                _ => months.push(((year, month), 1.0 + r)),
            }
        }
        let ((year, month), wealth) = *months.last()?;
        let lower = months.iter().filter(|(_, other)| *other < wealth).count() as f64;
        let equal = months.iter().filter(|(_, other)| *other == wealth).count() as f64;
        let rank = lower + 0.5 * (equal + 1.0);
        let percentile = rank / months.len() as f64;
        Some(LastMonth { year, month, total_return: wealth - 1.0, percentile, months: months.len() })
    }

    /// Drawdowns of a factor's compounded returns.
    #[must_use]
    pub fn drawdown(&self, factor: usize) -> FactorDrawdown {
        let (mut wealth, mut peak, mut deepest) = (1.0, 1.0_f64, 0.0_f64);
        for r in self.returns[factor].iter().filter(|r| !r.is_nan()) {
            wealth *= 1.0 + r;
            peak = peak.max(wealth);
            deepest = deepest.min((wealth - peak) / peak);
        }
        FactorDrawdown { current: (wealth - peak) / peak, deepest }
    }
}

fn midnight(date: i64) -> TimestampNs {
    TimestampNs(date.saturating_mul(DAY_NS))
}

fn civil(date: i64) -> (i64, i64, i64) {
    Iso(midnight(date)).civil()
}
