//! Abdi & Ranaldo (2017), "A Simple Estimation of Bid-Ask Spreads from Daily Close, High, and Low Prices", Review of
//! Financial Studies 30 (12), 4437–4480.

use serde::{Deserialize, Serialize};

use super::trailing::Trailing;

/// Spread of one instrument by the estimator of Abdi & Ranaldo over its last bars.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AbdiRanaldo {
    /// Log close and log mid-range of the last bar.
    last: Option<(f64, f64)>,
    estimates: Trailing,
}

impl AbdiRanaldo {
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
        let (close, middle) = (libm::log(close), 0.5 * (libm::log(high) + libm::log(low)));
        if let Some((last_close, last_middle)) = self.last.replace((close, middle)) {
            // With η the mid-range, the squared spread is s² = 4 E[(c_t − η_t)(c_t − η_t+1)].
            self.estimates.push(4.0 * (last_close - last_middle) * (last_close - middle));
        }
    }

    /// Marks that the next bar does not follow the last one, as after the night between minute bars.
    pub fn interrupt(&mut self) {
        self.last = None;
    }

    /// Half of the spread as a fraction of the price, at least 0; `None` until the window is full.
    #[must_use]
    pub fn half_spread(&self) -> Option<f64> {
        self.estimates.mean().map(|mean| 0.5 * libm::sqrt(mean.max(0.0)))
    }
}
