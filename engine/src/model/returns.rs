//! Simple returns from one frame to the next.

use serde::{Deserialize, Serialize};

use crate::frame::Frame;
use crate::groups::GroupColumn;

/// Computes the returns that the estimator uses.
///
/// Simple returns r_t = p_t / p_{t−1} − 1, less the risk-free return if set; NaN if either frame has no
/// price. If the data has dividends d per unit or splits of one unit into s, and no separate price for
/// returns, it is the total return (p_t + d) s / p_{t−1} − 1. Returns in the data are used unchanged.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Returns {
    excess: bool,
    previous: Vec<f64>,
    values: Vec<f64>,
}

impl Returns {
    /// `excess`: true if the risk-free return is subtracted.
    #[must_use]
    pub fn new(excess: bool) -> Self {
        Self { excess, ..Self::default() }
    }

    /// Returns true if the risk-free return is subtracted.
    #[must_use]
    pub fn are_in_excess(&self) -> bool {
        self.excess
    }

    /// Returns of the frame, length n in engine order.
    pub fn of(&mut self, frame: &Frame) -> &[f64] {
        let rf = if self.excess { frame.rf } else { 0.0 };
        self.values.clear();
        if frame.returns.is_empty() {
            let prices = if frame.return_price.is_empty() { &frame.close } else { &frame.return_price };
            self.previous.resize(prices.len(), f64::NAN);
            if frame.return_price.is_empty() && !(frame.dividend.is_empty() && frame.split.is_empty()) {
                let total = |i: usize| (prices[i] + frame.dividend_of(i)) * frame.split_of(i);
                self.values
                    .extend(self.previous.iter().enumerate().map(|(i, last)| total(i) / last - 1.0 - rf));
            } else {
                self.values.extend(prices.iter().zip(&self.previous).map(|(p, last)| p / last - 1.0 - rf));
            }
            self.previous.copy_from_slice(prices);
        } else {
            self.values.extend(frame.returns.iter().map(|r| r - rf));
        }
        &self.values
    }
}

/// Appends r − β'f of each instrument to `out`, with betas from before the frame: factor j of instrument i at
/// `j * m + i` for m ≤ n instruments, which are the first of this frame's; NaN for the others. Behind `factors` follows
/// the instrument's own group of each of `groups`, which make factors; without a loading or a factor it explains 0.
pub fn residual_returns(
    betas: &[f64],
    factors: &[f64],
    groups: &[GroupColumn],
    returns: &[f64],
    out: &mut Vec<f64>,
) {
    let of_groups = || groups.iter().filter(|column| column.has_factors);
    let columns = factors.len() + of_groups().count();
    let earlier = betas.len().checked_div(columns).unwrap_or(returns.len());
    out.extend(returns.iter().enumerate().map(|(i, r)| {
        if i >= earlier {
            return f64::NAN;
        }
        let explained = |(j, f): (usize, &f64)| betas[j * earlier + i] * f;
        let mut rest = r - factors.iter().enumerate().map(explained).sum::<f64>();
        for (j, column) in of_groups().enumerate() {
            let by_group = betas[(factors.len() + j) * earlier + i] * column.return_of(i);
            rest -= if by_group.is_nan() { 0.0 } else { by_group };
        }
        rest
    }));
}
