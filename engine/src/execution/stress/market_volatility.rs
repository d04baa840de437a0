//! Trailing volatility of the market as of the preceding date.

use crate::percentile::percentile;
use serde::{Deserialize, Serialize};

use super::super::actions::Action;
use crate::frame::Frame;

/// Dates in the trailing window.
const WINDOW: usize = 21;
/// Trailing volatilities required before a comparison: one year.
const DATES_MIN: usize = 252;

/// Prices of one instrument on the current date; NaN before its first price.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Day {
    close: f64,
    /// Close of the preceding date, split-adjusted to the current one, and dividends since.
    reference: f64,
    paid: f64,
}

/// Trailing volatility of the market, the root mean square of the mean return across instruments over the
/// preceding 21 UTC dates, and its rank among those of all earlier dates. Memory: 8 bytes per date.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MarketVolatility {
    share: f64,
    date: Option<i64>,
    days: Vec<Day>,
    /// Squared mean returns of the last dates, oldest overwritten first.
    squares: Vec<f64>,
    dates: usize,
    /// Trailing volatilities of the preceding dates, ascending, and their sum.
    before: Vec<f64>,
    sum: f64,
    volatile: bool,
    volatile_dates: u64,
    relative: f64,
}

impl MarketVolatility {
    /// Returns the state before the first frame. `share`: share of volatile dates, above 0 and at most 1.
    #[must_use]
    pub fn new(share: f64) -> Self {
        Self {
            share,
            date: None,
            days: Vec::new(),
            squares: Vec::with_capacity(WINDOW),
            dates: 0,
            before: Vec::new(),
            sum: 0.0,
            volatile: false,
            volatile_dates: 0,
            relative: 1.0,
        }
    }

    /// Begins the next frame, with its splits and dividends. Returns true on a new date.
    pub fn begin(&mut self, frame: &Frame, actions: &[Action]) -> bool {
        let unseen = Day { close: f64::NAN, reference: f64::NAN, paid: 0.0 };
        self.days.resize(frame.instruments(), unseen);
        let date = frame.date();
        let begins = self.date.replace(date).is_some_and(|last| last != date);
        if begins {
            self.end_date();
        }
        for action in actions {
            let day = &mut self.days[action.instrument as usize];
            day.close /= action.split;
            day.reference /= action.split;
            day.paid = day.paid / action.split + action.dividend;
        }
        begins
    }

    /// Ends the frame: its closes become part of the current date.
    pub fn end(&mut self, frame: &Frame) {
        for (day, close) in self.days.iter_mut().zip(&frame.close) {
            day.close = if close.is_nan() { day.close } else { *close };
        }
    }

    /// Returns true if the current date is volatile.
    #[must_use]
    pub fn is_volatile(&self) -> bool {
        self.volatile
    }

    /// Count of volatile dates so far.
    #[must_use]
    pub fn volatile_dates(&self) -> u64 {
        self.volatile_dates
    }

    /// Trailing volatility over its mean so far; 1 during the first year of trailing volatilities.
    #[must_use]
    pub fn relative(&self) -> f64 {
        self.relative
    }

    fn end_date(&mut self) {
        let (mut sum, mut count) = (0.0, 0.0);
        for day in self.days.iter_mut().filter(|day| !day.close.is_nan()) {
            let day_return = (day.close + day.paid) / day.reference - 1.0;
            if !day_return.is_nan() {
                sum += day_return;
                count += 1.0;
            }
            *day = Day { close: f64::NAN, reference: day.close, paid: 0.0 };
        }
        // The first date has no return.
        if count == 0.0 {
            return;
        }
        let square = (sum / count) * (sum / count);
        if self.squares.len() < WINDOW {
            self.squares.push(square);
        } else {
            self.squares[self.dates % WINDOW] = square;
        }
        self.dates += 1;
        if self.squares.len() == WINDOW {
            self.compare((self.squares.iter().sum::<f64>() / WINDOW as f64).sqrt());
        }
    }

    /// Compares the trailing volatility with that of each earlier date.
    fn compare(&mut self, trailing: f64) {
        let mean = self.sum / self.before.len() as f64;
        let comparable = self.before.len() >= DATES_MIN;
        let threshold = percentile(1.0 - self.share, self.before.len(), |rank| self.before[rank]);
        self.volatile = comparable && trailing >= threshold;
        self.volatile_dates += u64::from(self.volatile);
        self.relative = if comparable && mean > 0.0 { trailing / mean } else { 1.0 };
        self.sum += trailing;
        let at = self.before.partition_point(|other| *other < trailing);
        self.before.insert(at, trailing);
    }
}
