//! Kernels of problems with groups: the response of the weights, and the slopes of the sums.
//!
//! All sums accumulate in lanes: every instruction set gives the same bits.

use super::super::columns::Columns;
use super::super::respond::{LINEAR, Marginal, WITH_FEES, WITH_IMPACT, linear, with_fees, with_impact};
use super::super::slopes::find_moving;
use super::{Bins, Grouped};
use crate::model::{LANES, LaneBlock};
use crate::processor::{MulAdd, kernel};

kernel!(
    /// Computes the weights at the prices of the sums, and the total of each sum.
    pub(super) fn respond(grouped: &mut Grouped, columns: &mut Columns) = respond_body
);

#[inline(always)]
fn respond_body<M: MulAdd>(grouped: &mut Grouped, columns: &mut Columns) {
    if !columns.fees.is_empty() {
        sum_weights::<M, WITH_FEES>(grouped, columns);
    } else if columns.has_impact {
        sum_weights::<M, WITH_IMPACT>(grouped, columns);
    } else {
        sum_weights::<M, LINEAR>(grouped, columns);
    }
}

#[inline(always)]
fn sum_weights<M: MulAdd, const COSTS: u8>(grouped: &mut Grouped, columns: &mut Columns) {
    let layout = grouped.layout;
    let (own_columns, limit_columns) = (grouped.own_columns, grouped.limit_columns);
    let Columns { blocks, bends, fees, has_impact, coefficients, sums, shared, .. } = columns;
    let prices = &grouped.prices[..layout.len()];
    // A lane adds to its own entry of a bin, so that the additions of a block do not wait for each other.
    grouped.bins.clear();
    grouped.bins.resize(layout.len(), LaneBlock::ZERO);
    let totals = &mut grouped.bins[..layout.len()];
    sums.fill(LaneBlock::ZERO);
    let [mut net, mut distance, mut size] = [LaneBlock::ZERO; 3];
    let [of_net, of_turnover, of_gross] = [layout.net(), layout.turnover(), layout.gross()];
    let at_bins = |bins: &Bins| LaneBlock::from_fn(|lane| prices[bins[lane] as usize]);
    for (at, (to, bend)) in blocks.iter_mut().zip(bends).enumerate() {
        // Stack copies alias no other memory, so the loop over the lanes becomes vector code.
        let (block, bend) = (*to, *bend);
        let given = &coefficients[at * *shared..][..*shared];
        let own = &grouped.own[at * own_columns..][..own_columns];
        let limits = &grouped.limits[at * limit_columns..][..limit_columns];
        let mut value = block.expected;
        for (price, column) in prices.iter().zip(given) {
            let (before, column) = (value, *column);
            value = LaneBlock::from_fn(|lane| before[lane] - price * column[lane]);
        }
        for (bins, loadings) in own {
            let price = at_bins(bins);
            for lane in 0..LANES {
                value[lane] -= price[lane] * loadings[lane];
            }
        }
        let mut gross = LaneBlock::splat(prices[of_gross]);
        for [net, size] in limits {
            let (net, size) = (at_bins(net), at_bins(size));
            for lane in 0..LANES {
                value[lane] -= net[lane];
                gross[lane] += size[lane];
            }
        }
        let mut weight = LaneBlock::ZERO;
        for lane in 0..LANES {
            let trading = block.cost[lane] + prices[of_turnover];
            let marginal = Marginal { value: value[lane] - prices[of_net], trading, gross: gross[lane] };
            let w = match COSTS {
                WITH_FEES => with_fees(&block, has_impact.then_some(&bend), &fees[at], lane, &marginal),
                WITH_IMPACT => with_impact(&block, &bend, lane, &marginal),
                _ => linear(&block, lane, &marginal),
            };
            weight[lane] = w;
            net[lane] += w;
            distance[lane] += (w - block.held[lane]).abs();
            size[lane] += w.abs();
        }
        for (sum, column) in sums.iter_mut().zip(given) {
            let (before, column) = (*sum, *column);
            *sum = LaneBlock::from_fn(|lane| before[lane] + weight[lane] * column[lane]);
        }
        to.weight = weight;
    }
    // In a loop of its own: single lanes above would make scalar code of the sums over whole lanes.
    for (at, block) in blocks.iter().enumerate() {
        let weight = block.weight;
        for (bins, loadings) in &grouped.own[at * own_columns..][..own_columns] {
            for lane in 0..LANES {
                totals[bins[lane] as usize][lane] += weight[lane] * loadings[lane];
            }
        }
        for [net, size] in &grouped.limits[at * limit_columns..][..limit_columns] {
            for lane in 0..LANES {
                totals[net[lane] as usize][lane] += weight[lane];
                totals[size[lane] as usize][lane] += weight[lane].abs();
            }
        }
    }
    grouped.totals.clear();
    grouped.totals.extend(totals.iter().map(LaneBlock::sum));
    let totals = &mut grouped.totals[..layout.len()];
    totals.iter_mut().zip(&*sums).for_each(|(total, sum)| *total = sum.sum());
    (totals[of_net], totals[of_turnover], totals[of_gross]) = (net.sum(), distance.sum(), size.sum());
}

kernel!(
    /// Adds minus the derivative of each sum by each price, over the instruments whose weight moves with its price.
    pub(super) fn add_slopes(grouped: &mut Grouped, columns: &mut Columns) = add_slopes_body
);

#[inline(always)]
fn add_slopes_body<M: MulAdd>(grouped: &mut Grouped, columns: &mut Columns) {
    let mut moving = std::mem::take(&mut columns.moving);
    find_moving(columns, &mut moving);
    let Grouped { layout, own, own_columns, limits, limit_columns, slopes, entries, .. } = grouped;
    let nowhere = layout.nowhere() as u32;
    for (&i, slope) in moving.instruments[..moving.count].iter().zip(&moving.slopes) {
        let (at, lane) = (i as usize / LANES, i as usize % LANES);
        let block = &columns.blocks[at];
        // Signs of the trade and of the weight, which are not 0: a weight at a kink does not move.
        let weight = block.weight[lane];
        let [trade, size] = [weight - block.held[lane], weight].map(f64::signum);
        entries.clear();
        let given = &columns.coefficients[at * columns.shared..][..columns.shared];
        entries.extend(given.iter().enumerate().map(|(j, column)| (j as u32, column[lane])));
        let own = &own[at * *own_columns..][..*own_columns];
        entries.extend(own.iter().map(|(bins, loadings)| (bins[lane], loadings[lane])));
        entries[layout.given..].sort_unstable_by_key(|(sum, _)| *sum);
        if layout.net {
            entries.push((layout.net() as u32, 1.0));
        }
        let limits = &limits[at * *limit_columns..][..*limit_columns];
        entries.extend(limits.iter().map(|[net, _]| (net[lane], 1.0)));
        entries.push((layout.turnover() as u32, trade));
        entries.extend(limits.iter().map(|[_, gross]| (gross[lane], size)));
        if layout.gross {
            entries.push((layout.gross() as u32, size));
        }
        entries.retain(|(sum, _)| *sum != nowhere);
        for (place, (sum, coefficient)) in entries.iter().enumerate() {
            let scaled = slope * coefficient;
            let row = &mut slopes[*sum as usize * (*sum as usize + 1) / 2..][..=*sum as usize];
            for (other, value) in &entries[..=place] {
                row[*other as usize] += scaled * value;
            }
        }
    }
    columns.moving = moving;
}
