//! Corwin & Schultz (2012), "A Simple Way to Estimate Bid-Ask Spreads from Daily High and Low Prices", Journal of
//! Finance 67 (2), 719–760.

use serde::{Deserialize, Serialize};

use super::trailing::Trailing;

/// 3 − 2√2.
const K: f64 = 3.0 - 2.0 * std::f64::consts::SQRT_2;

/// Log prices of a bar.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct LogBar {
    high: f64,
    low: f64,
    close: f64,
}

/// Spread of one instrument by the estimator of Corwin & Schultz over its last bars.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CorwinSchultz {
    last: Option<LogBar>,
    estimates: Trailing,
}

impl CorwinSchultz {
    /// Returns an estimator before the first bar. `window`: two-bar estimates in the mean, at least 1.
    #[must_use]
    pub fn new(window: usize) -> Self {
        Self { last: None, estimates: Trailing::new(window) }
    }

    /// Takes the next bar; skips a bar whose prices are not positive and finite.
    pub fn push(&mut self, high: f64, low: f64, close: f64) {
        if !(low > 0.0 && high >= low && high < f64::INFINITY && close > 0.0 && close < f64::INFINITY) {
            return;
        }
        let bar = LogBar { high: libm::log(high), low: libm::log(low), close: libm::log(close) };
        if let Some(last) = self.last.replace(bar) {
            self.estimates.push(spread(last, bar));
        }
    }

    /// Marks that the next bar does not follow the last one, as after the night between minute bars.
    pub fn interrupt(&mut self) {
        self.last = None;
    }

    /// Half of the spread as a fraction of the price, at least 0; `None` until the window is full.
    #[must_use]
    pub fn half_spread(&self) -> Option<f64> {
        self.estimates.mean().map(|mean| 0.5 * mean.max(0.0))
    }
}

/// Signed two-bar estimate of the spread.
fn spread(first: LogBar, second: LogBar) -> f64 {
    // If the second bar lies wholly above or below the first close, the price moved without trades: shift the
    // bar back.
    let moved = (second.low - first.close).max(0.0) - (first.close - second.high).max(0.0);
    let (high, low) = (second.high - moved, second.low - moved);
    let (range_1, range_2) = (first.high - first.low, high - low);
    let both = first.high.max(high) - first.low.min(low);
    let beta = range_1 * range_1 + range_2 * range_2;
    let gamma = both * both;
    let alpha = (libm::sqrt(2.0 * beta) - libm::sqrt(beta)) / K - libm::sqrt(gamma / K); // eq. 18
    let grown = libm::exp(alpha);
    2.0 * (grown - 1.0) / (1.0 + grown) // eq. 14
}
