//! Response of each weight to given multipliers of the shared sums.
//!
//! Given the multipliers of the shared sums (risk, turnover, gross, net), each weight maximises a function of
//! one variable: a parabola with kinks at no trade and at zero, between bounds. The maximiser is piecewise
//! linear in the multipliers (smooth with impact) and is found without branches. Fees on shorts add to the marginal value
//! below a position of 0, which is a kink of its own against a benchmark.

use super::columns::{Bend, Block, Columns, Fees, shared_sums};
use super::{larger, smaller};
use crate::model::{LANES, LaneBlock};
use crate::processor::{MulAdd, kernel};

kernel!(
    /// Computes the weights at the multipliers `prices` (of the shared sums, of turnover, of gross), and their sums:
    /// each coefficient times the weight, then turnover Σ|w − w₀|, then gross Σ|w|.
    pub(super) fn respond(columns: &mut Columns, prices: &[f64], totals: &mut Vec<f64>) = respond_body
);

#[inline(always)]
fn respond_body<M: MulAdd>(columns: &mut Columns, prices: &[f64], totals: &mut Vec<f64>) {
    totals.clear();
    if !columns.fees.is_empty() {
        sum_weights::<M, 0, WITH_FEES>(columns, prices, totals);
    } else if columns.has_impact {
        shared_sums!(columns.shared, sum_weights::<M, WITH_IMPACT>(columns, prices, totals));
    } else {
        shared_sums!(columns.shared, sum_weights::<M, LINEAR>(columns, prices, totals));
    }
}

/// Costs of a problem: linear alone, with impact, or with fees on shorts and perhaps impact.
pub(super) const LINEAR: u8 = 0;
pub(super) const WITH_IMPACT: u8 = 1;
pub(super) const WITH_FEES: u8 = 2;

/// Weights and sums, with the last K shared sums in registers.
#[inline(always)]
fn sum_weights<M: MulAdd, const K: usize, const COSTS: u8>(
    columns: &mut Columns,
    prices: &[f64],
    totals: &mut Vec<f64>,
) {
    let Columns { blocks, bends, fees, has_impact, coefficients, sums, .. } = columns;
    let (prices, limits) = prices.split_at(prices.len() - 2);
    let (other_prices, prices) = prices.split_at(prices.len() - K);
    let prices: [f64; K] = std::array::from_fn(|j| prices[j]);
    let (turnover, gross) = (limits[0], limits[1]);
    let others = other_prices.len();
    let sums = &mut sums[..others];
    sums.fill(LaneBlock::ZERO);
    let (mut last_sums, mut distance, mut size) = ([LaneBlock::ZERO; K], LaneBlock::ZERO, LaneBlock::ZERO);
    for (at, (to, bend)) in blocks.iter_mut().zip(bends).enumerate() {
        // Stack copies alias no other memory, so the loop over the lanes becomes vector code.
        let (block, bend) = (*to, *bend);
        let (first, last) = coefficients[at * (others + K)..][..others + K].split_at(others);
        let last: [LaneBlock; K] = std::array::from_fn(|j| last[j]);
        let mut value = block.expected;
        for (price, column) in other_prices.iter().zip(first) {
            for lane in 0..LANES {
                value[lane] -= price * column[lane];
            }
        }
        let mut weight = LaneBlock::ZERO;
        for lane in 0..LANES {
            let mut value = value[lane];
            for j in 0..K {
                value -= prices[j] * last[j][lane];
            }
            let trading = block.cost[lane] + turnover;
            let marginal = Marginal { value, trading, gross };
            let w = match COSTS {
                WITH_FEES => with_fees(&block, has_impact.then_some(&bend), &fees[at], lane, &marginal),
                WITH_IMPACT => with_impact(&block, &bend, lane, &marginal),
                _ => linear(&block, lane, &marginal),
            };
            weight[lane] = w;
            for j in 0..K {
                last_sums[j][lane] += w * last[j][lane];
            }
            distance[lane] += (w - block.held[lane]).abs();
            size[lane] += w.abs();
        }
        for (sum, column) in sums.iter_mut().zip(first) {
            for lane in 0..LANES {
                sum[lane] += weight[lane] * column[lane];
            }
        }
        to.weight = weight;
    }
    totals.extend(sums.iter().chain(&last_sums).map(LaneBlock::sum));
    totals.extend([distance.sum(), size.sum()]);
}

/// Marginal value of one weight, and the marginal costs of trading it and of its size.
pub(super) struct Marginal {
    pub(super) value: f64,
    pub(super) trading: f64,
    pub(super) gross: f64,
}

/// Kinks of an instrument: zero and the held weight, the lower one first.
#[inline(always)]
pub(super) fn kinks(held: f64) -> (f64, f64) {
    if held < 0.0 { (held, 0.0) } else { (0.0, held) }
}

/// Maximiser of p w − d w²/2 − costs: of the three solutions below, between and above the kinks, the one
/// inside its own region; if none is, a kink. Without impact, w = (p − marginal cost)/d.
#[inline(always)]
pub(super) fn linear(block: &Block, lane: usize, marginal: &Marginal) -> f64 {
    let Marginal { value, trading, gross } = *marginal;
    let (held, inverse) = (block.held[lane], block.inverse[lane]);
    // Between the kinks a trade towards zero saves gross exposure.
    let inward = trading - gross;
    let inward = if held < 0.0 { -inward } else { inward };
    let below = (value + trading + gross) * inverse;
    let between = (value + inward) * inverse;
    let above = (value - trading - gross) * inverse;
    middle([below, between, above], kinks(held), block.lower[lane], block.upper[lane])
}

/// With impact w = w₀ + z, where d z + (3/2) g sign(z) √|z| = e with e = p − marginal cost − d w₀, so
/// √|z| = 2|e| / ((3/2) g + √((9/4) g² + 4 d |e|)).
#[inline(always)]
pub(super) fn with_impact(block: &Block, bend: &Bend, lane: usize, marginal: &Marginal) -> f64 {
    let Marginal { value, trading, gross } = *marginal;
    let (d, g, held) = (bend.curvature[lane], 1.5 * bend.impact[lane], block.held[lane]);
    let value = value - d * held;
    let inward = trading - gross;
    let inward = if held < 0.0 { -inward } else { inward };
    let below = held + trade_with_impact(d, g, value + trading + gross);
    let between = held + trade_with_impact(d, g, value + inward);
    let above = held + trade_with_impact(d, g, value - trading - gross);
    middle([below, between, above], kinks(held), block.lower[lane], block.upper[lane])
}

/// With fees on shorts: the maximiser in each of the regions that three kinks separate, no trade, zero and a position of
/// 0, and of those the one inside its own region; if none is, a kink.
#[inline(always)]
pub(super) fn with_fees(
    block: &Block,
    bend: Option<&Bend>,
    fees: &Fees,
    lane: usize,
    marginal: &Marginal,
) -> f64 {
    let Marginal { value, trading, gross } = *marginal;
    let (held, fee, flat) = (block.held[lane], fees.fee[lane], fees.flat[lane]);
    let (low, high) = kinks(held);
    let kinks = match () {
        () if flat < low => [flat, low, high],
        () if flat < high => [low, flat, high],
        () => [low, high, flat],
    };
    // Maximiser under the marginal costs just above a weight, or just below it.
    let best = |at: f64, above: bool| {
        let beyond = |kink: f64| if above { at >= kink } else { at > kink };
        let signed = |cost: f64, kink: f64| if beyond(kink) { -cost } else { cost };
        let value = value + signed(trading, held) + signed(gross, 0.0);
        let value = if beyond(flat) { value } else { value + fee };
        let bent = bend.filter(|bend| bend.impact[lane] > 0.0);
        bent.map_or(value * block.inverse[lane], |bend| {
            let (d, g) = (bend.curvature[lane], 1.5 * bend.impact[lane]);
            held + trade_with_impact(d, g, value - d * held)
        })
    };
    let mut weight = best(kinks[2], true);
    for kink in kinks.into_iter().rev() {
        weight = smaller(larger(weight, kink), best(kink, false));
    }
    smaller(larger(weight, block.lower[lane]), block.upper[lane])
}

#[inline(always)]
fn trade_with_impact(d: f64, g: f64, e: f64) -> f64 {
    let size = e.abs();
    let below = g + (g * g + 4.0 * d * size).sqrt();
    // With e = g = 0 the divisor is 0 too; 1 avoids 0/0.
    let root = 2.0 * size / if below > 0.0 { below } else { 1.0 };
    (root * root).copysign(e)
}

#[inline(always)]
fn middle([below, between, above]: [f64; 3], (low, high): (f64, f64), lower: f64, upper: f64) -> f64 {
    let between = larger(smaller(between, larger(above, high)), low);
    smaller(larger(smaller(below, between), lower), upper)
}
