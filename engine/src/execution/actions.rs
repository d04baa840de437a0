//! Splits and dividends, stated by the data or derived from an adjusted price besides the traded one.

use serde::{Deserialize, Serialize};

use crate::frame::Frame;

/// Split and dividend of one instrument, for units held at the preceding close.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// Engine index.
    pub instrument: u32,
    /// Number of units that replace one unit.
    pub split: f64,
    /// Cash paid per unit after the split.
    pub dividend: f64,
}

/// A change of the adjustment factor inside these bounds is a dividend, whatever its size; outside them it is
/// a split if a simple ratio is near.
const DIVIDENDS: std::ops::RangeInclusive<f64> = 0.8..=1.25;
/// A dividend smaller than this share of the price is treated as rounding: adjusted prices have four
/// decimals.
const ROUNDING: f64 = 3e-4;
/// Largest distance from a simple ratio, in logarithms.
const NEAR: f64 = 0.02;
/// Largest term of a simple ratio of two numbers above 1.
const SIMPLE: u32 = 10;
/// Largest n of n:1 and 1:n.
const PLAIN: u32 = 100;

/// Corporate actions of each frame.
///
/// Columns `dividend` and `split` are used as stated, unless the data has a separate adjusted price for
/// returns. It is the traded price times an adjustment factor. A change of the factor by g is the gain beyond
/// the price move: g = s (1 + d/p), where s is the stated split, else the simple ratio near g, else 1. Wealth
/// thus follows the adjusted price, while orders, fills and volumes are in units of the traded one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Actions {
    factor: Vec<f64>,
    acting: Vec<Action>,
}

impl Actions {
    /// Takes the next frame.
    pub(super) fn observe(&mut self, frame: &Frame) {
        self.acting.clear();
        if !frame.return_price.is_empty() {
            self.derive(frame);
        } else if !(frame.dividend.is_empty() && frame.split.is_empty()) {
            for instrument in 0..frame.instruments() {
                self.act(instrument, frame.split_of(instrument), frame.dividend_of(instrument));
            }
        }
    }

    fn derive(&mut self, frame: &Frame) {
        self.factor.resize(frame.instruments(), f64::NAN);
        for instrument in 0..frame.instruments() {
            let price = frame.close[instrument];
            let factor = frame.return_price[instrument] / price;
            let change = factor / self.factor[instrument];
            if change.is_nan() {
                // First factor of the instrument, or no price on this frame.
                if self.factor[instrument].is_nan() {
                    self.factor[instrument] = factor;
                }
                continue;
            }
            let stated = frame.split_of(instrument);
            let split = if stated == 1.0 { split_in(change) } else { stated };
            let beyond = change / split - 1.0;
            // A change within the rounding of the adjusted price accumulates until it exceeds it.
            let dividend = if beyond.abs() > ROUNDING { price * beyond } else { 0.0 };
            if split != 1.0 || dividend != 0.0 {
                self.factor[instrument] *= split * (1.0 + dividend / price);
                self.act(instrument, split, dividend);
            }
        }
    }

    fn act(&mut self, instrument: usize, split: f64, dividend: f64) {
        if split != 1.0 || dividend != 0.0 {
            self.acting.push(Action { instrument: instrument as u32, split, dividend });
        }
    }

    /// Actions of the frame, in engine order.
    #[must_use]
    pub(super) fn acting(&self) -> &[Action] {
        &self.acting
    }
}

/// Returns the split in a change of the adjustment factor; 1 for none. Any decrease is a split, because
/// dividends are not negative.
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
    fn change_of_adjustment_is_a_split_near_a_simple_ratio_and_a_dividend_otherwise() {
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

    /// Returns the actions of each frame for one instrument with (close, adjusted, stated split, stated
    /// dividend) a frame.
    fn of(bars: &[(f64, f64, f64, f64)]) -> Vec<(f64, f64)> {
        let mut actions = Actions::default();
        let frame = |(close, adjusted, split, dividend): &(f64, f64, f64, f64)| Frame {
            close: vec![*close],
            return_price: vec![*adjusted],
            split: vec![*split],
            dividend: vec![*dividend],
            ..Frame::default()
        };
        let mut taken = Vec::new();
        for bar in bars {
            actions.observe(&frame(bar));
            taken.push(actions.acting().first().map_or((1.0, 0.0), |action| (action.split, action.dividend)));
        }
        taken
    }

    #[test]
    fn adjusted_price_implies_splits_and_dividends() {
        const N: f64 = f64::NAN;
        // A change within rounding accumulates; 1 % is a dividend of 1. A stated two-for-one split with a
        // change of the adjustment factor is a split; that change already includes the dividend stated with
        // it.
        let bars = [(100.0, 50.0, N, N), (100.0, 50.005, N, N), (100.0, 50.5, N, N), (50.0, 50.5, 2.0, 3.0)];
        let found = of(&bars);
        assert_eq!(found[..2], [(1.0, 0.0); 2]);
        assert!(found[2].0 == 1.0 && (found[2].1 - 1.0).abs() < 1e-9, "{:?}", found[2]);
        assert_eq!(found[3], (2.0, 0.0));
        // A split that is not stated, across a day without a price.
        let found = of(&[(700.0, 100.0, N, N), (N, N, N, N), (100.0, 100.0, N, N)]);
        assert_eq!(found[2], (7.0, 0.0));
    }
}
