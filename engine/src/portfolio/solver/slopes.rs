//! Derivatives of the shared sums by the multipliers, at the weights of the last response.

use super::columns::{Bend, Block, Columns};
use super::respond::kinks;
use crate::model::{LANES, LaneBlock};
use crate::processor::{MulAdd, kernel};

/// Instruments whose weight moves with its price: inside the bounds and off the kinks. They are few, and sums of slopes
/// run over them alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Moving {
    pub(super) count: usize,
    pub(super) instruments: Vec<u32>,
    /// Derivative of each weight by its price, padded with 0 to whole blocks and to at least one.
    pub(super) slopes: Vec<f64>,
    /// Coefficients of these instruments, one sum after another, padded alike.
    coefficients: Vec<f64>,
    /// Slopes times the coefficients of one sum.
    scaled: Vec<f64>,
}

kernel!(
    /// Writes minus the derivative of the sums by the first `count` multipliers: the lower triangle, row by row.
    pub(super) fn sum_slopes(columns: &mut Columns, count: usize, slopes: &mut Vec<f64>) = sum_slopes_body
);

#[inline(always)]
fn sum_slopes_body<M: MulAdd>(columns: &mut Columns, count: usize, slopes: &mut Vec<f64>) {
    let mut moving = std::mem::take(&mut columns.moving);
    find_moving(columns, &mut moving);
    let len = moving.count.div_ceil(LANES).max(1) * LANES;
    gather(columns, count, len, &mut moving);
    let Moving { slopes: own, coefficients, scaled, .. } = &mut moving;
    slopes.clear();
    for (at, column) in coefficients.chunks_exact(len).take(count).enumerate() {
        for ((to, slope), value) in scaled.iter_mut().zip(&*own).zip(column) {
            *to = slope * value;
        }
        dots(&scaled[..len], &coefficients[..(at + 1) * len], slopes);
    }
    columns.moving = moving;
}

/// Finds the instruments that move, and their slopes.
#[inline(always)]
pub(super) fn find_moving(columns: &Columns, moving: &mut Moving) {
    let Columns { blocks, bends, has_impact, fees, shared, .. } = columns;
    let Moving { count, instruments, slopes, coefficients, scaled } = moving;
    let most = blocks.len().max(1) * LANES;
    instruments.resize(most, 0);
    slopes.resize(most, 0.0);
    coefficients.resize(most * (shared + 2), 0.0);
    scaled.resize(most, 0.0);
    // Every lane is written to the next free place, which only an instrument that moves takes.
    let (places, values) = (&mut instruments[..most], &mut slopes[..most]);
    let mut next = 0;
    for (at, block) in blocks.iter().enumerate() {
        let block = *block;
        let mut slope = LaneBlock::from_fn(|lane| slope_of(&block, lane));
        if *has_impact {
            let (bend, straight) = (bends[at], slope);
            slope = LaneBlock::from_fn(|lane| bent(&block, &bend, lane, straight[lane]));
        }
        if let Some(fees) = fees.get(at) {
            // A position of 0 is a kink.
            let moving = slope;
            let stays = |lane: usize| fees.fee[lane] > 0.0 && block.weight[lane] == fees.flat[lane];
            slope = LaneBlock::from_fn(|lane| if stays(lane) { 0.0 } else { moving[lane] });
        }
        for lane in 0..LANES {
            places[next] = (at * LANES + lane) as u32;
            values[next] = slope[lane];
            next += usize::from(slope[lane] > 0.0);
        }
    }
    values[next..].fill(0.0);
    *count = next;
}

/// Derivative of a weight by its price; 0 at a kink or a bound.
#[inline(always)]
fn slope_of(block: &Block, lane: usize) -> f64 {
    let (w, (low, high)) = (block.weight[lane], kinks(block.held[lane]));
    let stays = (w == low) | (w == high) | (w <= block.lower[lane]) | (w >= block.upper[lane]);
    if stays { 0.0 } else { block.inverse[lane] }
}

/// With impact, d/dz [d z + g √z] = d + g/(2√z).
#[inline(always)]
fn bent(block: &Block, bend: &Bend, lane: usize, straight: f64) -> f64 {
    let (d, g) = (bend.curvature[lane], 1.5 * bend.impact[lane]);
    let root = (block.weight[lane] - block.held[lane]).abs().sqrt();
    // A weight without a slope, or an instrument without impact, keeps its value.
    let curved = root / (d * root + 0.5 * g);
    if (straight == 0.0) | (g == 0.0) { straight } else { curved }
}

/// Gathers the coefficients of the moving instruments for the first `count` sums.
#[inline(always)]
fn gather(columns: &Columns, count: usize, len: usize, moving: &mut Moving) {
    let instruments = &moving.instruments[..moving.count];
    let mut sums = moving.coefficients.chunks_exact_mut(len).take(count);
    for (sum, to) in sums.by_ref().take(columns.shared).enumerate() {
        for (to, &i) in to.iter_mut().zip(instruments) {
            *to = columns.coefficient(i as usize, sum);
        }
        to[instruments.len()..].fill(0.0);
    }
    // The coefficients of turnover and gross are the signs of the trade and of the weight, which are not 0: a weight at a
    // kink does not move.
    for (is_trade, to) in [true, false].into_iter().zip(sums) {
        for (to, &i) in to.iter_mut().zip(instruments) {
            let (block, lane) = columns.block_of(i as usize);
            let from = if is_trade { block.held[lane] } else { 0.0 };
            *to = (block.weight[lane] - from).signum();
        }
        to[instruments.len()..].fill(0.0);
    }
}

/// Appends Σ a · column for each of the columns.
///
/// Four columns at a time, because consecutive additions to one sum wait for each other.
#[inline(always)]
fn dots(a: &[f64], columns: &[f64], out: &mut Vec<f64>) {
    let len = a.len();
    let (a, _) = a.as_chunks::<LANES>();
    let mut fours = columns.chunks_exact(4 * len);
    for four in &mut fours {
        let (first, rest) = four.split_at(len);
        let (second, rest) = rest.split_at(len);
        let (third, fourth) = rest.split_at(len);
        let blocks = [first, second, third, fourth].map(|column| column.as_chunks::<LANES>().0);
        let mut sums = [LaneBlock::ZERO; 4];
        let others = blocks[0].iter().zip(blocks[1]).zip(blocks[2].iter().zip(blocks[3]));
        for (a, ((b, c), (d, e))) in a.iter().zip(others) {
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
        out.extend(sums.map(|sums| sums.sum()));
    }
    for column in fours.remainder().chunks_exact(len) {
        let mut sums = LaneBlock::ZERO;
        for (a, b) in a.iter().zip(column.as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                sums[lane] += a[lane] * b[lane];
            }
        }
        out.push(sums.sum());
    }
}
