//! Per-instrument part of a rebalance: response of each weight to given multipliers.
//!
//! Given the multipliers of the shared sums (risk, turnover, gross, net), each weight maximises a function of
//! one variable: a parabola with kinks at no trade and at zero, between bounds. The maximiser is piecewise
//! linear in the multipliers (smooth with impact) and is found without branches.
//!
//! The loops run over whole columns of instruments so that compilers vectorise them, with the same operations
//! in the same order for each instrument and without fused multiply-add. Sums accumulate in [`LANES`] lanes,
//! added at the end. Every instruction set therefore gives the same bits.

use crate::model::{LANES, LaneBlock};
use crate::processor::{MulAdd, kernel};

/// Columns with one value per instrument, in whole blocks of [`LANES`].
///
/// Padding in the last block has expected return 0 and bounds 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    len: usize,
    /// Expected returns μ.
    pub(crate) expected: Vec<f64>,
    /// Curvature D/κ of the instrument's own risk, and its inverse.
    pub(crate) curvature: Vec<f64>,
    pub(crate) inverse: Vec<f64>,
    /// Held weight.
    pub(crate) held: Vec<f64>,
    /// Linear cost per unit of trade.
    pub(crate) cost: Vec<f64>,
    /// Coefficient of |trade|^{3/2}; empty for none.
    pub(crate) impact: Vec<f64>,
    /// Bounds of the weight.
    pub(crate) lower: Vec<f64>,
    pub(crate) upper: Vec<f64>,
    /// Kinks: zero and the held weight, the lower one first.
    pub(crate) low: Vec<f64>,
    pub(crate) high: Vec<f64>,
    /// Sign of the weights between the kinks, that of the held weight; a trade towards them has the opposite
    /// sign.
    pub(crate) side: Vec<f64>,
    /// Coefficients of the shared sums, one column after another; then two columns with the signs of the
    /// trade and of the weight at the current multipliers, where the slope is not zero.
    pub(crate) columns: Vec<f64>,
    answers: Answers,
}

/// Response of the instruments to given multipliers.
#[derive(Clone, Debug, Default)]
struct Answers {
    /// Expected returns less the multipliers times the columns.
    price: Vec<f64>,
    weight: Vec<f64>,
    /// Derivative of the weight by its price; 0 at a kink or a bound.
    slope: Vec<f64>,
    /// Instruments with a positive slope. They are few, and sums of slopes run over them alone.
    moving: Vec<u32>,
    /// Columns and slopes of those instruments, and slopes times one of the columns.
    gathered: Vec<f64>,
    steep: Vec<f64>,
    scaled: Vec<f64>,
}

impl Columns {
    /// Resizes to n instruments and `columns` shared sums, all filled with padding values.
    pub(crate) fn reset(&mut self, n: usize, columns: usize, impact: bool) {
        let len = n.div_ceil(LANES) * LANES;
        self.len = len;
        let fill = |column: &mut Vec<f64>, value: f64| {
            column.clear();
            column.resize(len, value);
        };
        let Self { expected, held, cost, lower, upper, low, high, .. } = self;
        for column in [expected, held, cost, lower, upper, low, high] {
            fill(column, 0.0);
        }
        let Self { curvature, inverse, side, .. } = self;
        for column in [curvature, inverse, side] {
            fill(column, 1.0);
        }
        fill(&mut self.impact, 0.0);
        if !impact {
            self.impact.clear();
        }
        self.columns.clear();
        self.columns.resize(len * (columns + 2), 0.0);
        let Answers { price, weight, slope, moving, gathered, steep, scaled } = &mut self.answers;
        for column in [price, weight, slope, steep, scaled] {
            column.resize(len, 0.0);
        }
        moving.resize(len, 0);
        gathered.resize(self.columns.len(), 0.0);
    }

    /// Number of instruments, padding included.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Weights at the current multipliers.
    pub(crate) fn weights(&self) -> &[f64] {
        &self.answers.weight
    }

    /// Computes the weights at the multipliers `prices` (of the columns, of turnover, of gross) and their
    /// sums.
    pub(crate) fn respond(&mut self, prices: &[f64], totals: &mut Vec<f64>) {
        respond(self, prices, totals);
    }

    /// Writes minus the derivative of the sums by the first `count` multipliers: the lower triangle, row by
    /// row.
    pub(crate) fn slopes(&mut self, count: usize, slopes: &mut Vec<f64>) {
        sum_slopes(self, count, slopes);
    }
}

kernel!(
    /// Sums: each column times the weight, then turnover Σ|w − w₀|, then gross Σ|w|.
    fn respond(instruments: &mut Columns, prices: &[f64], totals: &mut Vec<f64>) = respond_body
);

#[inline(always)]
fn respond_body<M: MulAdd>(instruments: &mut Columns, prices: &[f64], totals: &mut Vec<f64>) {
    let (shared, limits) = prices.split_at(prices.len() - 2);
    let mut answers = std::mem::take(&mut instruments.answers);
    let mut columns = std::mem::take(&mut instruments.columns);
    let (given, signs) = columns.split_at_mut(shared.len() * instruments.len);
    answers.price.copy_from_slice(&instruments.expected);
    for (column, price) in given.chunks_exact(instruments.len.max(1)).zip(shared) {
        subtract(&mut answers.price, column, *price);
    }
    answer(instruments, limits[0], limits[1], &mut answers, signs);
    totals.clear();
    dots(&answers.weight, given, totals);
    totals.push(distance(&answers.weight, &instruments.held));
    totals.push(size(&answers.weight));
    (instruments.answers, instruments.columns) = (answers, columns);
}

kernel!(fn sum_slopes(instruments: &mut Columns, count: usize, slopes: &mut Vec<f64>) = sum_slopes_body);

#[inline(always)]
fn sum_slopes_body<M: MulAdd>(instruments: &mut Columns, count: usize, slopes: &mut Vec<f64>) {
    let len = gather(&instruments.columns, count, &mut instruments.answers);
    let Answers { gathered, steep, scaled, .. } = &mut instruments.answers;
    slopes.clear();
    for (at, column) in gathered.chunks_exact(len).take(count).enumerate() {
        multiply(&mut scaled[..len], &steep[..len], column);
        dots(&scaled[..len], &gathered[..(at + 1) * len], slopes);
    }
}

/// Gathers the columns of the instruments with a positive slope; returns their length, padded to whole blocks
/// and at least one block.
#[inline(always)]
fn gather(columns: &[f64], wanted: usize, answers: &mut Answers) -> usize {
    let Answers { slope, moving, gathered, steep, .. } = answers;
    let mut count = 0;
    for (i, slope) in slope.iter().enumerate() {
        moving[count] = i as u32;
        count += usize::from(*slope > 0.0);
    }
    let moving = &moving[..count];
    let len = count.div_ceil(LANES).max(1) * LANES;
    steep[..len].fill(0.0);
    for (to, &i) in steep.iter_mut().zip(moving) {
        *to = slope[i as usize];
    }
    for (to, column) in gathered.chunks_exact_mut(len).zip(columns.chunks_exact(slope.len())).take(wanted) {
        for (to, &i) in to.iter_mut().zip(moving) {
            *to = column[i as usize];
        }
        to[count..].fill(0.0);
    }
    len
}

/// Appends Σ a · column for each of the columns.
///
/// Four columns at a time, because consecutive additions to one sum wait for each other.
#[inline(always)]
fn dots(a: &[f64], columns: &[f64], out: &mut Vec<f64>) {
    let len = a.len().max(1);
    let mut fours = columns.chunks_exact(4 * len);
    for four in &mut fours {
        let (first, rest) = four.split_at(len);
        let (second, rest) = rest.split_at(len);
        let (third, fourth) = rest.split_at(len);
        let blocks = [first, second, third, fourth].map(|column| column.as_chunks::<LANES>().0);
        let mut sums = [[0.0; LANES]; 4];
        let others = blocks[0].iter().zip(blocks[1]).zip(blocks[2].iter().zip(blocks[3]));
        for (a, ((b, c), (d, e))) in a.as_chunks::<LANES>().0.iter().zip(others) {
            for lane in 0..LANES {
                sums[0][lane] += a[lane] * b[lane];
            }
            for lane in 0..LANES {
                sums[1][lane] += a[lane] * c[lane];
            }
            for lane in 0..LANES {
                sums[2][lane] += a[lane] * d[lane];
            }
            for lane in 0..LANES {
                sums[3][lane] += a[lane] * e[lane];
            }
        }
        out.extend(sums.map(|sums| LaneBlock(sums).sum()));
    }
    for column in fours.remainder().chunks_exact(len) {
        out.push(sum_over(a, column, |a, b| a * b));
    }
}

/// Subtracts: to ← to − by · column.
#[inline(always)]
fn subtract(to: &mut [f64], column: &[f64], by: f64) {
    for (to, column) in to.iter_mut().zip(column) {
        *to -= by * column;
    }
}

/// Multiplies: to ← a · b.
#[inline(always)]
fn multiply(to: &mut [f64], a: &[f64], b: &[f64]) {
    for ((to, a), b) in to.iter_mut().zip(a).zip(b) {
        *to = a * b;
    }
}

/// Σ|a − b|.
#[inline(always)]
fn distance(a: &[f64], b: &[f64]) -> f64 {
    sum_over(a, b, |a, b| (a - b).abs())
}

/// Σ|a|.
#[inline(always)]
fn size(a: &[f64]) -> f64 {
    sum_over(a, a, |a, _| a.abs())
}

#[inline(always)]
fn sum_over(a: &[f64], b: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let (a, _) = a.as_chunks::<LANES>();
    let (b, _) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += term(a[lane], b[lane]);
        }
    }
    LaneBlock(sums).sum()
}

/// Maximiser of p w − d w²/2 − costs: of the three solutions below, between and above the kinks, the one
/// inside its own region; if none is, a kink.
///
/// Without impact w = (p − marginal cost)/d. With it w = w₀ + z, where d z + (3/2) g sign(z) √|z| = e with
/// e = p − marginal cost − d w₀, so √|z| = 2|e| / ((3/2) g + √((9/4) g² + 4 d |e|)).
#[inline(always)]
fn answer(instruments: &Columns, turnover: f64, gross: f64, answers: &mut Answers, signs_out: &mut [f64]) {
    let Answers { price, weight, slope, .. } = answers;
    let (trade, side) = signs_out.split_at_mut(weight.len());
    let Columns { inverse, held, cost, lower, upper, low, high, side: sides, .. } = instruments;
    if instruments.impact.is_empty() {
        choose(price, [inverse, cost, low, high, lower, upper, sides], turnover, gross, weight);
    } else {
        let columns =
            [&instruments.curvature[..], &instruments.impact, held, cost, low, high, lower, upper, sides];
        choose_with_impact(price, columns, turnover, gross, weight);
    }
    settle(weight, [low, high, lower, upper, inverse, sides], slope, trade, side);
    if !instruments.impact.is_empty() {
        bend(weight, [&instruments.curvature, &instruments.impact, held], slope);
    }
}

#[inline(always)]
fn middle(answers: [f64; 3], low: f64, high: f64, lower: f64, upper: f64) -> f64 {
    let [below, between, above] = answers;
    let above = if above > high { above } else { high };
    let between = if between < above { between } else { above };
    let between = if between > low { between } else { low };
    let weight = if below < between { below } else { between };
    let weight = if weight > lower { weight } else { lower };
    if weight < upper { weight } else { upper }
}

#[inline(always)]
fn choose(
    price: &[f64],
    [inverse, cost, low, high, lower, upper, side]: [&[f64]; 7],
    turnover: f64,
    gross: f64,
    weight: &mut [f64],
) {
    let n = weight.len();
    let (price, inverse, cost, side) = (&price[..n], &inverse[..n], &cost[..n], &side[..n]);
    let (low, high, lower, upper) = (&low[..n], &high[..n], &lower[..n], &upper[..n]);
    for i in 0..n {
        let trading = cost[i] + turnover;
        let below = (price[i] + trading + gross) * inverse[i];
        let between = (price[i] + side[i] * (trading - gross)) * inverse[i];
        let above = (price[i] - trading - gross) * inverse[i];
        weight[i] = middle([below, between, above], low[i], high[i], lower[i], upper[i]);
    }
}

#[inline(always)]
fn choose_with_impact(
    price: &[f64],
    [curvature, impact, held, cost, low, high, lower, upper, side]: [&[f64]; 9],
    turnover: f64,
    gross: f64,
    weight: &mut [f64],
) {
    let n = weight.len();
    let (price, curvature, impact, held) = (&price[..n], &curvature[..n], &impact[..n], &held[..n]);
    let (low, high, lower, upper) = (&low[..n], &high[..n], &lower[..n], &upper[..n]);
    let (cost, side) = (&cost[..n], &side[..n]);
    for i in 0..n {
        let trading = cost[i] + turnover;
        let (d, g, held) = (curvature[i], 1.5 * impact[i], held[i]);
        let price = price[i] - d * held;
        let below = held + trade_with_impact(d, g, price + trading + gross);
        let between = held + trade_with_impact(d, g, price + side[i] * (trading - gross));
        let above = held + trade_with_impact(d, g, price - trading - gross);
        weight[i] = middle([below, between, above], low[i], high[i], lower[i], upper[i]);
    }
}

#[inline(always)]
fn trade_with_impact(d: f64, g: f64, e: f64) -> f64 {
    let size = e.abs();
    let below = g + (g * g + 4.0 * d * size).sqrt();
    // With e = g = 0 the divisor is 0 too; 1 avoids 0/0.
    let root = 2.0 * size / if below > 0.0 { below } else { 1.0 };
    (root * root).copysign(e)
}

/// Sets the slope of each weight, and the signs of its trade and weight.
#[inline(always)]
fn settle(
    weight: &[f64],
    [low, high, lower, upper, inverse, between]: [&[f64]; 6],
    slope: &mut [f64],
    trade: &mut [f64],
    side: &mut [f64],
) {
    let n = weight.len();
    let (low, high, lower, upper) = (&low[..n], &high[..n], &lower[..n], &upper[..n]);
    let (between, inverse, slope) = (&between[..n], &inverse[..n], &mut slope[..n]);
    for i in 0..n {
        let w = weight[i];
        let stays = (w == low[i]) | (w == high[i]) | (w <= lower[i]) | (w >= upper[i]);
        slope[i] = if stays { 0.0 } else { inverse[i] };
    }
    let (trade, side) = (&mut trade[..n], &mut side[..n]);
    for i in 0..n {
        let (w, between) = (weight[i], between[i]);
        let sign = if w < low[i] { -1.0 } else { -between };
        trade[i] = if w > high[i] { 1.0 } else { sign };
        let sign = if w < low[i] { -1.0 } else { between };
        side[i] = if w > high[i] { 1.0 } else { sign };
    }
}

/// With impact, d/dz [d z + g √z] = d + g/(2√z).
#[inline(always)]
fn bend(weight: &[f64], [curvature, impact, held]: [&[f64]; 3], slope: &mut [f64]) {
    let n = weight.len();
    let (curvature, impact, held, slope) = (&curvature[..n], &impact[..n], &held[..n], &mut slope[..n]);
    for i in 0..n {
        let (d, g) = (curvature[i], 1.5 * impact[i]);
        let root = (weight[i] - held[i]).abs().sqrt();
        let straight = slope[i];
        // A weight without a slope, or an instrument without impact, keeps its value.
        let curved = root / (d * root + 0.5 * g);
        slope[i] = if (straight == 0.0) | (g == 0.0) { straight } else { curved };
    }
}
