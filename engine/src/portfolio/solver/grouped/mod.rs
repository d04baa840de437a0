//! Problems with group factors or bounds by group.
//!
//! An instrument loads on the given factors and on the factors of its own groups, so its marginal value needs k + c
//! prices of K, and sums by group are bins. The search is the one in `newton.rs`, over the multipliers q of
//! y = L'B'w/√κ. Around it prices and sums change coordinates: an instrument sees the prices p = (L/√κ)q of the
//! exposures B'w, and y = (L/√κ)'B'w. Curvatures are (L/√κ)'(B'SB)(L/√κ) for the slopes S, where B'SB has few entries.
//! One step takes O(n (k + c)²) operations, and K³ that do not depend on n.
//!
//! # Limits out of reach
//!
//! A bound by group that cannot hold is moved out to the sum of weights that satisfy it as far as cap, box and gross limit
//! allow (`reference.rs`). The moved bounds hold together, so no trade increases a violation.

mod kernels;
mod reference;
mod repair;

use super::columns::Columns;
use super::problem::Problem;
use super::{GROSS_BOUND, ROUNDING, Row, known_or_zero};
use crate::model::{LANES, LaneBlock};
use crate::portfolio::group_limits::{GroupMultiplier, UNBOUNDED};
use crate::portfolio::own_loadings::NO_FACTOR;
use kernels::{add_slopes, respond};
pub(super) use reference::Reference;

/// Excess over a bound that counts as out of reach; less is rounding.
const MISSED: f64 = 2.0 * ROUNDING;

/// Bins of eight instruments in one division into groups: the index of a sum for each lane.
type Bins = [u32; LANES];

/// Positions of the sums over the instruments: K exposures, Σw, Σw by group, turnover, Σ|w| by group, Σ|w|, and last the
/// bin of instruments without a group, whose price is 0.
#[derive(Clone, Copy, Debug, Default)]
struct Layout {
    /// Number of given factors k, of all factors K, and of bounded groups.
    given: usize,
    factors: usize,
    groups: usize,
    /// True if Σw and Σ|w| have a price.
    net: bool,
    gross: bool,
}

impl Layout {
    fn net(&self) -> usize {
        self.factors
    }

    fn net_of(&self, group: usize) -> usize {
        self.factors + 1 + group
    }

    fn turnover(&self) -> usize {
        self.net_of(self.groups)
    }

    fn gross_of(&self, group: usize) -> usize {
        self.turnover() + 1 + group
    }

    fn gross(&self) -> usize {
        self.gross_of(self.groups)
    }

    fn nowhere(&self) -> usize {
        self.gross() + 1
    }

    fn len(&self) -> usize {
        self.nowhere() + 1
    }
}

/// Row of a bound by group.
#[derive(Clone, Copy, Debug)]
struct BoundRow {
    row: usize,
    group: usize,
    kind: BoundKind,
    limit: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BoundKind {
    Upper,
    Lower,
    Gross,
}

/// Bins and sums of a problem with groups; keeps its buffers.
#[derive(Clone, Debug, Default)]
pub(super) struct Grouped {
    layout: Layout,
    /// Bins and loadings on own factors, those of a block one after another.
    own: Vec<(Bins, LaneBlock)>,
    own_columns: usize,
    /// Bins of Σw and Σ|w| by group, likewise.
    limits: Vec<[Bins; 2]>,
    limit_columns: usize,
    /// Sum of each row from the K-th on, and its sign.
    sums: Vec<(usize, f64)>,
    bound_rows: Vec<BoundRow>,
    /// Price and total of each sum.
    prices: Vec<f64>,
    totals: Vec<f64>,
    /// Sums of a response by lane.
    bins: Vec<LaneBlock>,
    /// Loadings of a block on the given factors.
    loadings: Vec<LaneBlock>,
    /// Slopes between the sums: lower triangle, row by row.
    slopes: Vec<f64>,
    /// Entries of one instrument: sum and coefficient.
    entries: Vec<(u32, f64)>,
    /// B'SB L/√κ, K × K by rows.
    product: Vec<f64>,
    pub(super) reference: Reference,
}

impl Grouped {
    /// Copies the bins of the problem. Returns the largest systematic variance b'Fb/κ of an instrument; `root`: L/√κ by
    /// rows.
    pub(super) fn fill(&mut self, problem: &Problem<'_>, root: &[f64]) -> f64 {
        let n = problem.expected.len();
        self.layout = Layout {
            given: problem.exposures.ncols(),
            factors: problem.factor_root.nrows(),
            groups: problem.group_limits.iter().map(|limits| limits.bounds.len()).sum(),
            net: problem.net.is_some(),
            gross: problem.gross.is_finite(),
        };
        let layout = self.layout;
        (self.own_columns, self.limit_columns) = (problem.own.len(), problem.group_limits.len());
        self.own.clear();
        self.limits.clear();
        let nowhere = layout.nowhere() as u32;
        for block in 0..n.div_ceil(LANES) {
            let lane_of = |lane: usize| block * LANES + lane;
            for own in problem.own {
                let value = |values: &[f64], lane| values.get(lane_of(lane)).copied().unwrap_or(0.0);
                let factor = |lane| own.factor.get(lane_of(lane)).copied().filter(|at| *at != NO_FACTOR);
                let loadings = LaneBlock::from_fn(|lane| match factor(lane) {
                    Some(_) => known_or_zero(value(&own.loading, lane)),
                    None => 0.0,
                });
                self.own.push((std::array::from_fn(|lane| factor(lane).unwrap_or(nowhere)), loadings));
            }
            let mut before = 0;
            for limits in problem.group_limits {
                let bins = |sum: &dyn Fn(usize) -> usize| {
                    std::array::from_fn(|lane| match limits.group.get(lane_of(lane)) {
                        None | Some(&UNBOUNDED) => nowhere,
                        Some(group) => sum(before + *group as usize) as u32,
                    })
                };
                self.limits
                    .push([bins(&|group| layout.net_of(group)), bins(&|group| layout.gross_of(group))]);
                before += limits.bounds.len();
            }
        }
        self.largest_systematic(problem, root)
    }

    fn largest_systematic(&mut self, problem: &Problem<'_>, root: &[f64]) -> f64 {
        let k = self.layout.factors;
        // F/κ by rows, from its root.
        self.product.clear();
        self.product.resize(k * k, 0.0);
        for (a, row) in root.chunks_exact(k.max(1)).enumerate() {
            for (b, other) in root.chunks_exact(k).take(a + 1).enumerate() {
                let dot: f64 = row[..=b].iter().zip(&other[..=b]).map(|(x, y)| x * y).sum();
                (self.product[a * k + b], self.product[b * k + a]) = (dot, dot);
            }
        }
        let (given, nowhere) = (self.layout.given, self.layout.nowhere() as u32);
        let n = problem.expected.len();
        let mut largest = 0.0_f64;
        for block in 0..n.div_ceil(LANES) {
            self.loadings.clear();
            self.loadings.extend((0..given).map(|j| {
                LaneBlock::from_fn(|lane| match block * LANES + lane {
                    i if i < n => known_or_zero(problem.exposures[(i, j)]),
                    _ => 0.0,
                })
            }));
            let mut variance = LaneBlock::ZERO;
            for (row, beta) in self.product.chunks_exact(k.max(1)).zip(&self.loadings) {
                let mut slope = LaneBlock::ZERO;
                for (entry, other) in row.iter().zip(&self.loadings) {
                    for lane in 0..LANES {
                        slope[lane] += entry * other[lane];
                    }
                }
                for lane in 0..LANES {
                    variance[lane] += beta[lane] * slope[lane];
                }
            }
            let own = &self.own[block * self.own_columns..][..self.own_columns];
            for lane in 0..LANES {
                for (bins, loading) in own.iter().filter(|(bins, _)| bins[lane] != nowhere) {
                    let row = &self.product[bins[lane] as usize * k..][..k];
                    let common: f64 =
                        row.iter().zip(&self.loadings).map(|(entry, other)| entry * other[lane]).sum();
                    let others = own.iter().filter(|(bins, _)| bins[lane] != nowhere);
                    let among: f64 = others.map(|(bins, other)| row[bins[lane] as usize] * other[lane]).sum();
                    variance[lane] += loading[lane] * (2.0 * common + among);
                }
                largest = largest.max(variance[lane]);
            }
        }
        largest
    }

    /// Number of bounds by group, 0 for a problem without groups.
    pub(super) fn bounds(&self, has_groups: bool) -> usize {
        if has_groups { self.bound_rows.len() } else { 0 }
    }

    /// Appends the rows of the bounds by group, and notes the sum of every row. `value`: largest marginal value.
    pub(super) fn add_rows(&mut self, problem: &Problem<'_>, value: f64, rows: &mut Vec<Row>) {
        let Self { layout, sums, bound_rows, reference, .. } = self;
        sums.clear();
        bound_rows.clear();
        if problem.net.is_some() {
            sums.push((layout.net(), 1.0));
        }
        for bound in problem.exposure_bounds {
            sums.extend([(bound.factor, 1.0), (bound.factor, -1.0)]);
        }
        let bounds = problem.group_limits.iter().flat_map(|limits| &limits.bounds);
        for (group, (bound, held)) in bounds.zip(&reference.sums).enumerate() {
            let limits = [
                (BoundKind::Upper, bound.upper, held.net, (layout.net_of(group), 1.0)),
                (BoundKind::Lower, -bound.lower, -held.net, (layout.net_of(group), -1.0)),
                (BoundKind::Gross, bound.gross, held.gross, (layout.gross_of(group), 1.0)),
            ];
            for (kind, limit, held, sum) in limits.into_iter().filter(|(_, limit, ..)| limit.is_finite()) {
                bound_rows.push(BoundRow { row: rows.len(), group, kind, limit });
                sums.push(sum);
                rows.push(Row {
                    own: 0.0,
                    target: limit.max(held),
                    lower: 0.0,
                    upper: GROSS_BOUND * value,
                    scale: 0.0,
                });
            }
        }
        sums.extend([(layout.turnover(), 1.0), (layout.gross(), 1.0)]);
    }

    /// Sets the curvature of each row from the K-th on with every instrument free, and the multipliers of the factors
    /// at the risk of the held weights.
    pub(super) fn start(&mut self, columns: &Columns, root: &[f64], rows: &mut [Row], prices: &mut [f64]) {
        let layout = self.layout;
        self.totals.clear();
        self.totals.resize(layout.len(), 0.0);
        let mut scales = vec![0.0; layout.len()];
        for (at, block) in columns.blocks.iter().enumerate() {
            for lane in 0..LANES {
                let (inverse, held) = (block.inverse[lane], block.held[lane]);
                let given = &columns.coefficients[at * columns.shared..][..columns.shared];
                for (sum, column) in given.iter().enumerate() {
                    scales[sum] += inverse * column[lane] * column[lane];
                    self.totals[sum] += column[lane] * held;
                }
                for (bins, loadings) in &self.own[at * self.own_columns..][..self.own_columns] {
                    let (bin, loading) = (bins[lane] as usize, loadings[lane]);
                    scales[bin] += inverse * loading * loading;
                    self.totals[bin] += loading * held;
                }
                scales[layout.net()] += inverse;
                for [net, gross] in &self.limits[at * self.limit_columns..][..self.limit_columns] {
                    scales[net[lane] as usize] += inverse;
                    scales[gross[lane] as usize] += inverse;
                }
            }
        }
        let limits = rows.len() - 2;
        for (row, (sum, _)) in rows[layout.factors..limits].iter_mut().zip(&self.sums) {
            row.scale = scales[*sum];
        }
        transposed_product(root, &self.totals[..layout.factors], &mut prices[..layout.factors]);
    }

    /// Computes the weights at the multipliers `prices` of the rows, and the sums of the rows.
    pub(super) fn respond(
        &mut self,
        columns: &mut Columns,
        root: &[f64],
        prices: &[f64],
        totals: &mut Vec<f64>,
    ) {
        self.set_prices(root, prices);
        respond(self, columns);
        let k = self.layout.factors;
        totals.clear();
        totals.resize(k, 0.0);
        transposed_product(root, &self.totals[..k], totals);
        totals.extend(self.sums.iter().map(|(sum, sign)| sign * self.totals[*sum]));
    }

    /// Prices of the sums at the multipliers of the rows.
    pub(super) fn set_prices(&mut self, root: &[f64], prices: &[f64]) {
        let k = self.layout.factors;
        self.prices.clear();
        self.prices.resize(self.layout.len(), 0.0);
        for (l, row) in root.chunks_exact(k.max(1)).enumerate() {
            self.prices[l] = row[..=l].iter().zip(prices).map(|(root, price)| root * price).sum();
        }
        for ((sum, sign), price) in self.sums.iter().zip(&prices[k..]) {
            self.prices[*sum] += sign * price;
        }
    }

    /// Systematic risk of an instrument at the last prices of the sums, per unit of weight.
    pub(super) fn price_of(&self, columns: &Columns, instrument: usize) -> f64 {
        let (at, lane) = (instrument / LANES, instrument % LANES);
        let given = &columns.coefficients[at * columns.shared..][..columns.shared];
        let given: f64 = given.iter().zip(&self.prices).map(|(column, price)| column[lane] * price).sum();
        let own = &self.own[at * self.own_columns..][..self.own_columns];
        given + own.iter().map(|(bins, values)| values[lane] * self.prices[bins[lane] as usize]).sum::<f64>()
    }

    /// Writes minus the derivative of the sums by the multipliers, for the rows `free`: lower triangle, row by row.
    pub(super) fn sum_slopes(
        &mut self,
        columns: &mut Columns,
        root: &[f64],
        free: &[usize],
        rows: usize,
        slopes: &mut Vec<f64>,
    ) {
        let k = self.layout.factors;
        let len = self.layout.nowhere();
        self.slopes.clear();
        self.slopes.resize(len * (len + 1) / 2, 0.0);
        add_slopes(self, columns);
        let between = |slopes: &[f64], a: usize, b: usize| {
            let (high, low) = (a.max(b), a.min(b));
            slopes[high * (high + 1) / 2 + low]
        };
        self.product.clear();
        self.product.resize(k * k, 0.0);
        for (a, to) in self.product.chunks_exact_mut(k.max(1)).enumerate() {
            for (l, row) in root.chunks_exact(k).enumerate() {
                add_scaled(between(&self.slopes, a, l), &row[..=l], to);
            }
        }
        slopes.clear();
        slopes.resize(rows * (rows + 1) / 2, 0.0);
        for (row, product) in root.chunks_exact(k.max(1)).zip(self.product.chunks_exact(k.max(1))) {
            let mut at = 0;
            for (i, entry) in row.iter().enumerate() {
                add_scaled(*entry, &product[..=i], &mut slopes[at..]);
                at += i + 1;
            }
        }
        for (&row, place) in free.iter().zip(0..).filter(|(row, _)| **row >= k) {
            let (sum, sign) = self.sums[row - k];
            let to = &mut slopes[row * (row + 1) / 2..][..=row];
            for (l, factor) in root.chunks_exact(k.max(1)).enumerate() {
                add_scaled(sign * between(&self.slopes, l, sum), &factor[..=l], to);
            }
            for &other in free[..=place].iter().filter(|other| **other >= k) {
                let (other_sum, other_sign) = self.sums[other - k];
                to[other] = sign * other_sign * between(&self.slopes, sum, other_sum);
            }
        }
    }

    /// Writes the multipliers of the bounds by group; returns true if the bound of a group is out of reach. `totals`: sums
    /// of the rows.
    pub(super) fn report(&self, prices: &[f64], totals: &[f64], out: &mut Vec<GroupMultiplier>) -> bool {
        out.clear();
        out.resize(self.layout.groups, GroupMultiplier::default());
        let mut missed = false;
        for BoundRow { row, group, kind, limit, .. } in &self.bound_rows {
            let price = prices[*row];
            missed |= totals[*row] > limit + MISSED;
            match kind {
                BoundKind::Upper => out[*group].net += price,
                BoundKind::Lower => out[*group].net -= price,
                BoundKind::Gross => out[*group].gross += price,
            }
        }
        missed
    }
}

/// Adds `factor` times each value.
fn add_scaled(factor: f64, values: &[f64], to: &mut [f64]) {
    if factor != 0.0 {
        to.iter_mut().zip(values).for_each(|(to, value)| *to += factor * value);
    }
}

/// Writes A'x for a lower triangular A by rows.
fn transposed_product(lower: &[f64], x: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    for (l, (row, x)) in lower.chunks_exact(x.len().max(1)).zip(x).enumerate() {
        add_scaled(*x, &row[..=l], out);
    }
}
