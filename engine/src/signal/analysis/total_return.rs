//! Prices that include dividends and splits.

use crate::frame::Frame;

/// Prices whose ratios are total returns, over any number of frames.
///
/// A unit's dividends buy more of it at the next price, and its splits multiply it. Without either, the prices
/// are those of the data, to the bit.
#[derive(Clone, Debug, Default)]
pub struct TotalReturnPrices {
    /// Units that one unit held since the first frame has become.
    units: Vec<f64>,
    /// Dividend of one unit that awaits a price.
    due: Vec<f64>,
    prices: Vec<f64>,
}

impl TotalReturnPrices {
    /// Prices of the frame, length n in engine order; NaN where missing.
    pub fn of<'a>(&'a mut self, frame: &'a Frame) -> &'a [f64] {
        if !frame.return_price.is_empty() {
            return &frame.return_price;
        }
        if self.units.is_empty() && frame.dividend.is_empty() && frame.split.is_empty() {
            return &frame.close;
        }
        let n = frame.instruments();
        self.units.resize(n, 1.0);
        self.due.resize(n, 0.0);
        self.prices.clear();
        for (i, price) in frame.close.iter().enumerate() {
            let split = frame.split_of(i);
            self.units[i] *= split;
            self.due[i] = self.due[i] / split + frame.dividend_of(i);
            if !price.is_nan() {
                // r_t = (p_t + d) s / p_{t−1} − 1, as in the estimator's returns.
                self.units[i] *= 1.0 + self.due[i] / price;
                self.due[i] = 0.0;
            }
            self.prices.push(price * self.units[i]);
        }
        &self.prices
    }
}
