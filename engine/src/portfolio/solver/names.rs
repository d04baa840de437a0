//! Every instrument's own part of a rebalance, eight instruments side by side.
//!
//! Once the prices of what instruments share are given (risk, turnover, gross, net), the best weight of each is
//! a problem in one variable: a parabola with kinks at no trade, at zero and at bounds that the held weight is
//! outside of. Its answer is piecewise linear in the prices (smooth with impact), found without a branch.
//!
//! Every lane runs the same operations in the same order, without fused multiply-add; sums run over blocks lane by
//! lane and over the lanes last. So every kernel that `multiversion` chooses gives the same bits.

use multiversion::multiversion;

use crate::model::{Eight, LANES};

/// What is known of the instruments of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// μ.
    pub(super) expected: Eight,
    /// D/κ, the curvature of the instrument's own risk; positive.
    pub(super) curvature: Eight,
    /// The weight held.
    pub(super) held: Eight,
    /// Linear cost of a unit of trade.
    pub(super) cost: Eight,
    /// Coefficient of |trade|^{3/2}.
    pub(super) impact: Eight,
    /// Bounds that no trade may leave: those given, widened to the weight held.
    pub(super) lower: Eight,
    pub(super) upper: Eight,
    /// Kinks, in order: zero, and the weight held or, where that is outside its bounds, the bound it is beyond.
    pub(super) kinks: [Eight; 2],
    /// Sign of the trade below, between and above the kinks.
    pub(super) trades: [Eight; 3],
    /// Sign of the weight between the kinks.
    pub(super) between: Eight,
    /// Marginal cost besides, below and above the kinks: what leaving the given bounds costs.
    pub(super) outside: [Eight; 2],
}

impl Block {
    /// Lanes without an instrument: nothing wanted, nothing allowed.
    pub(super) const NOBODY: Self = Self {
        expected: Eight::ZERO,
        curvature: Eight::splat(1.0),
        held: Eight::ZERO,
        cost: Eight::ZERO,
        impact: Eight::ZERO,
        lower: Eight::ZERO,
        upper: Eight::ZERO,
        kinks: [Eight::ZERO; 2],
        trades: [Eight::splat(-1.0), Eight::splat(-1.0), Eight::splat(1.0)],
        between: Eight::splat(1.0),
        outside: [Eight::ZERO; 2],
    };
}

/// The instruments, and the columns by which they share: block-major, `columns` a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a> {
    pub(super) blocks: &'a [Block],
    pub(super) columns: &'a [Eight],
    pub(super) impact: bool,
}

/// Sums over the instruments at given prices.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    /// Of each column times the weight, then turnover Σ|w − w₀|, then gross Σ|w|.
    pub(super) totals: Vec<f64>,
    /// Minus the derivative of those by the prices, the lower triangle row by row.
    pub(super) slopes: Vec<f64>,
}

/// Weights at the prices (of the columns, of turnover, of gross) into `weights`, and their sums into `sums`; the
/// slopes only where they are wanted.
pub(super) fn respond(names: Names<'_>, prices: &[f64], slopes: bool, weights: &mut [Eight], sums: &mut Sums) {
    dispatched(names, prices, slopes, weights, sums);
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq", "x86_64+avx2"))]
fn dispatched(names: Names<'_>, prices: &[f64], slopes: bool, weights: &mut [Eight], sums: &mut Sums) {
    macro_rules! sizes {
        ($($m:literal)*) => {
            match (prices.len(), slopes) {
                $(
                    ($m, true) => known::<$m, { $m * ($m + 1) / 2 }>(names, prices, weights, sums),
                    ($m, false) => known::<$m, 0>(names, prices, weights, sums),
                )*
                _ => any(names, prices, slopes, weights, sums),
            }
        };
    }
    sizes!(2 3 4 5 6 7 8 9 10 11 12);
}

/// M prices, of which the last two are those of turnover and gross; SIZE slopes, or none.
#[inline(always)]
fn known<const M: usize, const SIZE: usize>(
    names: Names<'_>,
    prices: &[f64],
    weights: &mut [Eight],
    sums: &mut Sums,
) {
    let prices: [f64; M] = std::array::from_fn(|j| prices[j]);
    let mut totals = [Eight::ZERO; M];
    let mut slopes = [Eight::ZERO; SIZE];
    let mut columns = names.columns.chunks_exact((M - 2).max(1));
    for (block, weight) in names.blocks.iter().zip(weights) {
        let mut column = [Eight::ZERO; M];
        if M > 2 {
            let given = columns.next().unwrap_or(&[]);
            for (to, from) in column.iter_mut().zip(given) {
                *to = *from;
            }
        }
        let mut price = block.expected;
        for j in 0..M - 2 {
            for lane in 0..LANES {
                price.0[lane] -= column[j].0[lane] * prices[j];
            }
        }
        let answer = if names.impact {
            answer_with_impact(block, price, prices[M - 2], prices[M - 1])
        } else {
            answer(block, price, prices[M - 2], prices[M - 1])
        };
        *weight = answer.weight;
        for j in 0..M - 2 {
            for lane in 0..LANES {
                totals[j].0[lane] += column[j].0[lane] * answer.weight.0[lane];
            }
        }
        for lane in 0..LANES {
            totals[M - 2].0[lane] += (answer.weight.0[lane] - block.held.0[lane]).abs();
            totals[M - 1].0[lane] += answer.weight.0[lane].abs();
        }
        if SIZE > 0 {
            column[M - 2] = answer.trade;
            column[M - 1] = answer.side;
            let mut at = 0;
            for a in 0..M {
                let scaled = Eight::from_fn(|lane| answer.slope.0[lane] * column[a].0[lane]);
                for b in 0..=a {
                    for lane in 0..LANES {
                        slopes[at].0[lane] += scaled.0[lane] * column[b].0[lane];
                    }
                    at += 1;
                }
            }
        }
    }
    sums.totals.clear();
    sums.totals.extend(totals.iter().map(Eight::sum));
    sums.slopes.clear();
    sums.slopes.extend(slopes.iter().map(Eight::sum));
}

/// Any number of prices: the same operations in the same order.
#[inline(always)]
fn any(names: Names<'_>, prices: &[f64], with_slopes: bool, weights: &mut [Eight], sums: &mut Sums) {
    let m = prices.len();
    let mut totals = vec![Eight::ZERO; m];
    let mut slopes = vec![Eight::ZERO; if with_slopes { m * (m + 1) / 2 } else { 0 }];
    let mut column = vec![Eight::ZERO; m];
    for (number, (block, weight)) in names.blocks.iter().zip(weights).enumerate() {
        column[..m - 2].copy_from_slice(&names.columns[number * (m - 2)..(number + 1) * (m - 2)]);
        let mut price = block.expected;
        for (column, value) in column[..m - 2].iter().zip(prices) {
            for lane in 0..LANES {
                price.0[lane] -= column.0[lane] * value;
            }
        }
        let answer = if names.impact {
            answer_with_impact(block, price, prices[m - 2], prices[m - 1])
        } else {
            answer(block, price, prices[m - 2], prices[m - 1])
        };
        *weight = answer.weight;
        for (total, column) in totals.iter_mut().zip(&column[..m - 2]) {
            for lane in 0..LANES {
                total.0[lane] += column.0[lane] * answer.weight.0[lane];
            }
        }
        for lane in 0..LANES {
            totals[m - 2].0[lane] += (answer.weight.0[lane] - block.held.0[lane]).abs();
            totals[m - 1].0[lane] += answer.weight.0[lane].abs();
        }
        if with_slopes {
            (column[m - 2], column[m - 1]) = (answer.trade, answer.side);
            let mut at = 0;
            for a in 0..m {
                let scaled = Eight::from_fn(|lane| answer.slope.0[lane] * column[a].0[lane]);
                for b in 0..=a {
                    for lane in 0..LANES {
                        slopes[at].0[lane] += scaled.0[lane] * column[b].0[lane];
                    }
                    at += 1;
                }
            }
        }
    }
    sums.totals.clear();
    sums.totals.extend(totals.iter().map(Eight::sum));
    sums.slopes.clear();
    sums.slopes.extend(slopes.iter().map(Eight::sum));
}

/// The best weights of a block.
struct Answer {
    weight: Eight,
    /// By how much the weight grows with its price; zero where it is held at a kink or a bound.
    slope: Eight,
    /// Sign of the trade, and of the weight, where the slope is not zero.
    trade: Eight,
    side: Eight,
}

impl Answer {
    const NONE: Self = Self { weight: Eight::ZERO, slope: Eight::ZERO, trade: Eight::ZERO, side: Eight::ZERO };
}

/// The answers below, between and above the kinks, and from them the one that is in its own region; where none is,
/// a kink.
#[inline(always)]
fn choose(block: &Block, lane: usize, answers: [f64; 3]) -> f64 {
    let [low, high] = [block.kinks[0].0[lane], block.kinks[1].0[lane]];
    let [below, between, above] = answers;
    let above = if above > high { above } else { high };
    let between = if between < above { between } else { above };
    let between = if between > low { between } else { low };
    let weight = if below < between { below } else { between };
    let weight = if weight > block.lower.0[lane] { weight } else { block.lower.0[lane] };
    if weight < block.upper.0[lane] { weight } else { block.upper.0[lane] }
}

/// Marginal costs below, between and above the kinks.
#[inline(always)]
fn marginal(block: &Block, lane: usize, turnover: f64, gross: f64) -> [f64; 3] {
    let trading = block.cost.0[lane] + turnover;
    [
        block.trades[0].0[lane] * trading - gross + block.outside[0].0[lane],
        block.trades[1].0[lane] * trading + block.between.0[lane] * gross,
        block.trades[2].0[lane] * trading + gross + block.outside[1].0[lane],
    ]
}

/// max p w − d w²/2 − costs: w = (p − marginal cost)/d in each region.
#[inline(always)]
fn answer(block: &Block, price: Eight, turnover: f64, gross: f64) -> Answer {
    let mut answer = Answer::NONE;
    for lane in 0..LANES {
        let curvature = 1.0 / block.curvature.0[lane];
        let marginal = marginal(block, lane, turnover, gross);
        let answers = marginal.map(|marginal| (price.0[lane] - marginal) * curvature);
        let weight = choose(block, lane, answers);
        settle(block, lane, weight, curvature, &mut answer);
    }
    answer
}

/// With impact: w = w₀ + z, where d z + (3/2) g sign(z) √|z| = e with e = p − marginal cost − d w₀, so
/// √|z| = 2|e| / ((3/2) g + √((9/4) g² + 4 d |e|)).
#[inline(always)]
fn answer_with_impact(block: &Block, price: Eight, turnover: f64, gross: f64) -> Answer {
    let mut answer = Answer::NONE;
    for lane in 0..LANES {
        let (d, held) = (block.curvature.0[lane], block.held.0[lane]);
        let g = 1.5 * block.impact.0[lane];
        let marginal = marginal(block, lane, turnover, gross);
        let answers = marginal.map(|marginal| {
            let e = price.0[lane] - marginal - d * held;
            let size = e.abs();
            let below = g + (g * g + 4.0 * d * size).sqrt();
            let root = if below > 0.0 { 2.0 * size / below } else { 0.0 };
            let trade = root * root;
            held + if e < 0.0 { -trade } else { trade }
        });
        let weight = choose(block, lane, answers);
        let root = (weight - held).abs().sqrt();
        // d/dz [d z + g √z] = d + g/(2√z).
        let curvature = root / (d * root + 0.5 * g);
        let curvature = if g > 0.0 { curvature } else { 1.0 / d };
        settle(block, lane, weight, curvature, &mut answer);
    }
    answer
}

#[inline(always)]
fn settle(block: &Block, lane: usize, weight: f64, slope: f64, answer: &mut Answer) {
    let [low, high] = [block.kinks[0].0[lane], block.kinks[1].0[lane]];
    let at_kink = (weight == low) | (weight == high);
    let at_bound = (weight <= block.lower.0[lane]) | (weight >= block.upper.0[lane]);
    let [below, between, above] = [block.trades[0].0[lane], block.trades[1].0[lane], block.trades[2].0[lane]];
    let not_above = if weight < low { below } else { between };
    let not_above_side = if weight < low { -1.0 } else { block.between.0[lane] };
    answer.weight.0[lane] = weight;
    answer.slope.0[lane] = if at_kink | at_bound { 0.0 } else { slope };
    answer.trade.0[lane] = if weight > high { above } else { not_above };
    answer.side.0[lane] = if weight > high { 1.0 } else { not_above_side };
}
