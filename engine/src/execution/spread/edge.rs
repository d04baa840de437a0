//! EDGE: Ardia, Guidotti & Kroencke (2024), "Efficient Estimation of Bid-Ask Spreads from Open, High, Low, and Close
//! Prices", Journal of Financial Economics 161, 103916.

use serde::{Deserialize, Serialize};

use super::trailing::Trailing;

/// Log prices of a bar.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct LogBar {
    open: f64,
    high: f64,
    low: f64,
    close: f64,
}

impl LogBar {
    /// Mid-range η.
    fn middle(self) -> f64 {
        0.5 * (self.high + self.low)
    }
}

/// Log returns of two neighbouring bars, and the indicators of the paper.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Pair {
    /// Return η_t − o_t.
    open_to_middle: f64,
    /// Return o_t − η_t−1.
    middle_to_open: f64,
    /// Return η_t − c_t−1.
    close_to_middle: f64,
    /// Return c_t−1 − η_t−1.
    middle_to_close: f64,
    /// Return o_t − c_t−1.
    close_to_open: f64,
    /// Indicator τ: 1 if the price moved within the bar or since the last close, else 0.
    moved: f64,
    /// Number of times that the open differs from the high and from the low, times τ.
    open_inside: f64,
    /// Number of times that the last close differs from the last high and from the last low, times τ.
    close_inside: f64,
}

impl Pair {
    fn of(last: LogBar, bar: LogBar) -> Self {
        let (middle, last_middle) = (bar.middle(), last.middle());
        let moved = f64::from(u8::from(bar.high != bar.low || bar.low != last.close));
        let inside =
            |price: f64, of: LogBar| f64::from(u8::from(price != of.high) + u8::from(price != of.low));
        Self {
            open_to_middle: middle - bar.open,
            middle_to_open: bar.open - last_middle,
            close_to_middle: middle - last.close,
            middle_to_close: last.close - last_middle,
            close_to_open: bar.open - last.close,
            moved,
            open_inside: moved * inside(bar.open, bar),
            close_inside: moved * inside(last.close, last),
        }
    }
}

/// Spread of one instrument by EDGE over its last bars.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Edge {
    last: Option<LogBar>,
    pairs: Trailing<Pair>,
}

impl Edge {
    /// Returns an estimator before the first bar. `window`: pairs of bars in the estimate; fewer than 2 give none.
    #[must_use]
    pub fn new(window: usize) -> Self {
        Self { last: None, pairs: Trailing::new(window) }
    }

    /// Takes the next bar; skips a bar whose prices are not positive and finite.
    pub fn push(&mut self, open: f64, high: f64, low: f64, close: f64) {
        let positive = |price: f64| price > 0.0 && price < f64::INFINITY;
        if !(positive(open) && positive(low) && high >= low && positive(high) && positive(close)) {
            return;
        }
        let bar = LogBar {
            open: libm::log(open),
            high: libm::log(high),
            low: libm::log(low),
            close: libm::log(close),
        };
        if let Some(last) = self.last.replace(bar) {
            self.pairs.push(Pair::of(last, bar));
        }
    }

    /// Marks that the next bar does not follow the last one, as after the night between minute bars.
    pub fn interrupt(&mut self) {
        self.last = None;
    }

    /// Squared spread S² as a fraction of the squared price, below 0 by chance; `None` until the window is full, or if
    /// the price hardly moves: fewer than two pairs that move, or no open or no close inside the range of its bar.
    #[must_use]
    pub fn squared_spread(&self) -> Option<f64> {
        let pairs = self.pairs.all()?;
        let count = pairs.len() as f64;
        let sum = |of: fn(&Pair) -> f64| pairs.iter().map(of).sum::<f64>();
        let moved = sum(|pair| pair.moved);
        let (opens, closes) = (sum(|pair| pair.open_inside), sum(|pair| pair.close_inside));
        if moved < 2.0 || opens == 0.0 || closes == 0.0 {
            return None;
        }
        // Each return less its mean over the pairs that move.
        let drift_1 = sum(|pair| pair.open_to_middle) / moved;
        let drift_3 = sum(|pair| pair.close_to_middle) / moved;
        let drift_5 = sum(|pair| pair.close_to_open) / moved;
        let (at_open, at_close) = (-4.0 * count / opens, -4.0 * count / closes);
        // Two moment conditions, each with expectation S².
        let (mut first, mut second) = (Moments::default(), Moments::default());
        for pair in pairs {
            let after_open = pair.open_to_middle - drift_1 * pair.moved;
            let after_close = pair.close_to_middle - drift_3 * pair.moved;
            let overnight = pair.close_to_open - drift_5 * pair.moved;
            let opening = at_open * after_open;
            first.add(opening * pair.middle_to_open + at_close * after_close * pair.middle_to_close);
            second.add(opening * pair.close_to_open + at_close * overnight * pair.middle_to_close);
        }
        // The weights of the two are inverse to their variances.
        let (mean_1, variance_1) = first.mean_and_variance(count);
        let (mean_2, variance_2) = second.mean_and_variance(count);
        let variance = variance_1 + variance_2;
        Some(match variance > 0.0 {
            true => (variance_2 * mean_1 + variance_1 * mean_2) / variance,
            false => 0.5 * (mean_1 + mean_2),
        })
    }

    /// Half of the spread √|S²| as a fraction of the price; `None` where [`Self::squared_spread`] is.
    #[must_use]
    pub fn half_spread(&self) -> Option<f64> {
        self.squared_spread().map(|squared| 0.5 * libm::sqrt(squared.abs()))
    }
}

/// Sum and sum of squares.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.squares += value * value;
    }

    fn mean_and_variance(self, count: f64) -> (f64, f64) {
        let mean = self.sum / count;
        (mean, self.squares / count - mean * mean)
    }
}
