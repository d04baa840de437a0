//! Splits and dividends: stated by the data, or read from an adjusted price beside the one that trades.

use crate::frame::{Frame, TimestampNs};

/// What happens to a unit held at the preceding close.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Action {
    /// Engine index.
    pub instrument: u32,
    /// Units that it becomes.
    pub split: f64,
    /// Cash that each of those then pays.
    pub dividend: f64,
}

/// A change of the adjustment factor inside these bounds is a dividend, whatever its size; outside it is a split
/// if a simple ratio is near.
const DIVIDENDS: std::ops::RangeInclusive<f64> = 0.8..=1.25;
/// Least logarithm of a split that a price has to show.
const VISIBLE: f64 = 0.3;
/// Largest distance from a simple ratio, in logarithms.
const NEAR: f64 = 0.02;
/// Largest term of a simple ratio of two numbers above 1.
const SIMPLE: u32 = 10;
/// Largest n of n:1 and 1:n.
const PLAIN: u32 = 100;

/// The corporate actions of each frame.
///
/// Columns `dividend` and `split` are taken as they are. Where the data has neither but a price of its own for
/// returns, that price is the one that trades times an adjustment factor, and a change of the factor by g is what an
/// owner got beyond the price: g = s (1 + d/p), with s = 1 unless g is near a simple ratio. So wealth moves with the
/// adjusted price, while orders, fills and volumes are in the one that trades.
#[derive(Clone, Debug, Default)]
pub(super) struct Actions {
    factor: Vec<f64>,
    /// Last closes, where splits are stated.
    close: Vec<f64>,
    acting: Vec<Action>,
    invisible: Option<InvisibleSplits>,
}

/// Splits that the data states and its prices do not show: they are adjusted for them already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvisibleSplits {
    /// How many.
    pub count: u64,
    /// Engine index and time of the first.
    pub first: (u32, TimestampNs),
}

impl Actions {
    /// Takes the next frame.
    pub(super) fn observe(&mut self, frame: &Frame) {
        self.acting.clear();
        if !(frame.dividend.is_empty() && frame.split.is_empty()) {
            for instrument in 0..frame.instruments() {
                let (split, dividend) = (frame.split_of(instrument), frame.dividend_of(instrument));
                self.act(instrument, split, dividend);
                self.look(frame, instrument, split);
            }
        } else if !frame.return_price.is_empty() {
            self.factor.resize(frame.instruments(), f64::NAN);
            for instrument in 0..frame.instruments() {
                let price = frame.close[instrument];
                let factor = frame.return_price[instrument] / price;
                let last = self.factor[instrument];
                self.factor[instrument] = if factor.is_nan() { last } else { factor };
                let change = factor / last;
                if change.is_nan() || change == 1.0 {
                    continue;
                }
                let split = split_in(change);
                self.act(instrument, split, price * (change / split - 1.0));
            }
        }
    }

    /// Whether the price has moved by the split.
    fn look(&mut self, frame: &Frame, instrument: usize, split: f64) {
        self.close.resize(frame.instruments(), f64::NAN);
        let (last, close) = (self.close[instrument], frame.close[instrument]);
        if split != 1.0 {
            let (expected, moved) = (-libm::log(split), libm::log(close / last));
            // Small splits are within what a day may do.
            if expected.abs() > VISIBLE && (moved - expected).abs() > moved.abs() {
                let first = (instrument as u32, frame.timestamp);
                self.invisible.get_or_insert(InvisibleSplits { count: 0, first }).count += 1;
            }
        }
        if !close.is_nan() {
            self.close[instrument] = close;
        }
    }

    /// Splits that the prices do not show.
    pub(super) fn invisible(&self) -> Option<InvisibleSplits> {
        self.invisible
    }

    fn act(&mut self, instrument: usize, split: f64, dividend: f64) {
        if split != 1.0 || dividend != 0.0 {
            self.acting.push(Action { instrument: instrument as u32, split, dividend });
        }
    }

    /// Those of the frame, in engine order.
    #[must_use]
    pub(super) fn acting(&self) -> &[Action] {
        &self.acting
    }
}

/// The split in a change of the adjustment factor; 1 for none. What falls and is no simple ratio is one all the same,
/// because no dividend is negative.
fn split_in(change: f64) -> f64 {
    if DIVIDENDS.contains(&change) {
        return 1.0;
    }
    let off = |ratio: f64| libm::log(change / ratio).abs();
    let pairs = (1..=SIMPLE).flat_map(|p| (1..=SIMPLE).map(move |q| (p, q)));
    let plain = (SIMPLE + 1..=PLAIN).flat_map(|n| [(n, 1), (1, n)]);
    let ratios = pairs.chain(plain).map(|(p, q)| f64::from(p) / f64::from(q)).filter(|ratio| *ratio != 1.0);
    let nearest = ratios.min_by(|a, b| off(*a).total_cmp(&off(*b))).unwrap_or(1.0);
    match off(nearest) <= NEAR {
        true => nearest,
        false if change < 1.0 => change,
        false => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_adjustment_is_a_split_near_a_simple_ratio_and_a_dividend_otherwise() {
        let cases = [
            (1.005, 1.0),
            (1.2, 1.0),
            (7.0, 7.0),
            (7.03, 7.0),
            (1.5, 1.5),
            (0.1, 0.1),
            (1.0 / 15.01, 1.0 / 15.0),
            (1.37, 1.0),
            (0.73, 0.73),
        ];
        for (change, split) in cases {
            assert_eq!(split_in(change), split, "{change}");
        }
    }
}
