//! Columns of one value an instrument, eight instruments side by side, and the update that every
//! instrument of the textbook's filter does for itself.
//!
//! All loops run the same operations for each lane in the same order, without fused multiply-add and
//! without a sum across lanes, so every kernel that `multiversion` chooses gives the same bits.

pub(super) mod exp;
pub(super) mod lane_block;
pub(super) mod ln;
pub(super) mod one_gain;

use std::ops::Range;

use multiversion::multiversion;
use serde::{Deserialize, Serialize};

use super::dlm::covariance::widths;
use super::dlm::histories::{Histories, MIXED};
use super::lanes::one_gain::{Common, Learning, OneGain};
use lane_block::take;

pub use lane_block::{LANES, LaneBlock};

/// One value for each instrument of a block.
pub(super) type Lane = LaneBlock;

/// One value an instrument, in engine order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Column(pub(super) Vec<Lane>);

impl Column {
    /// Makes room for n instruments; blocks that are new hold `value`.
    pub(super) fn resize(&mut self, n: usize, value: f64) {
        self.0.resize(n.div_ceil(LANES), Lane::splat(value));
    }

    pub(super) fn get(&self, instrument: usize) -> f64 {
        self.0[instrument / LANES][instrument % LANES]
    }

    pub(super) fn set(&mut self, instrument: usize, value: f64) {
        self.0[instrument / LANES][instrument % LANES] = value;
    }

    /// Takes the values of all instruments; what is left of the last block holds `padding`. Returns whether any
    /// of the instruments has none.
    pub(super) fn fill_from(&mut self, values: &[f64], padding: f64) -> bool {
        // Instruments are only ever added: the lanes beyond them have held the padding all along.
        self.0.resize(values.len().div_ceil(LANES), Lane::splat(padding));
        take(values, &mut self.0)
    }
}

/// k values an instrument: those of a block one after another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Coefficients {
    pub(super) k: usize,
    pub(super) blocks: Vec<Lane>,
}

impl Coefficients {
    pub(super) const fn new(k: usize) -> Self {
        Self { k, blocks: Vec::new() }
    }

    pub(super) fn resize(&mut self, n: usize) {
        self.blocks.resize(n.div_ceil(LANES) * self.k, Lane::ZERO);
    }

    pub(super) fn get(&self, instrument: usize, j: usize) -> f64 {
        self.blocks[instrument / LANES * self.k + j][instrument % LANES]
    }

    pub(super) fn set(&mut self, instrument: usize, j: usize, value: f64) {
        self.blocks[instrument / LANES * self.k + j][instrument % LANES] = value;
    }
}

/// What a history gives to each of its instruments in a frame, besides its gain.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Share {
    /// v = x'R x, the scaled variance of the forecast that the coefficients leave.
    pub(super) spread: f64,
    /// 1/(1 + v).
    pub(super) inverse_q: f64,
    /// β n, and 1/(β n + 1).
    pub(super) prior_dof: f64,
    pub(super) inverse_dof: f64,
    /// The least S.
    pub(super) variance_floor: f64,
}

impl Share {
    const NOTHING: Self =
        Self { spread: 0.0, inverse_q: 1.0, prior_dof: 1.0, inverse_dof: 0.5, variance_floor: 0.0 };
}

/// A [`Share`] for each instrument of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShareLanes {
    pub(super) spread: Lane,
    pub(super) inverse_q: Lane,
    pub(super) prior_dof: Lane,
    pub(super) inverse_dof: Lane,
    pub(super) variance_floor: Lane,
}

impl ShareLanes {
    #[inline(always)]
    pub(super) fn from_fn(share: impl Fn(usize) -> Share) -> Self {
        Self {
            spread: Lane::from_fn(|lane| share(lane).spread),
            inverse_q: Lane::from_fn(|lane| share(lane).inverse_q),
            prior_dof: Lane::from_fn(|lane| share(lane).prior_dof),
            inverse_dof: Lane::from_fn(|lane| share(lane).inverse_dof),
            variance_floor: Lane::from_fn(|lane| share(lane).variance_floor),
        }
    }
}

/// What the histories of one model give to their instruments in a frame.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Shares {
    /// R x of each history, k values each; after [`Self::adapt`] A.
    pub(super) gains: Vec<f64>,
    pub(super) list: Vec<Share>,
}

impl Shares {
    /// Those of model number `model`; call after the histories have evolved.
    pub(super) fn take(&mut self, histories: &Histories, model: usize) {
        let (block, lane) = (model / LANES, model % LANES);
        self.gains.clear();
        self.list.clear();
        for history in &histories.list {
            self.gains.extend(history.covariances[block].adaptive_coef().iter().map(|gain| gain[lane]));
            let spread = history.spread[block][lane];
            self.list.push(Share {
                spread,
                inverse_q: 1.0 / (1.0 + spread),
                prior_dof: history.forecast_dof,
                inverse_dof: 1.0 / (history.forecast_dof + 1.0),
                variance_floor: history.variance_floor,
            });
        }
    }
}

impl Shares {
    /// R x becomes A = R x / q.
    pub(super) fn adapt(&mut self) {
        let k = self.gains.len() / self.list.len().max(1);
        for (gain, share) in self.gains.chunks_exact_mut(k.max(1)).zip(&self.list) {
            gain.iter_mut().for_each(|gain| *gain *= share.inverse_q);
        }
    }
}

/// Gains and shares of one block of instruments.
#[allow(clippy::large_enum_variant, reason = "lives on the stack while a block is handled")]
pub(super) enum BlockShare<'a> {
    /// All instruments have the same history.
    Common(&'a [f64], Share),
    /// Each has its own; gains are in the scratch that was given.
    Own(&'a [Lane], [Share; LANES]),
}

impl Shares {
    /// v of each instrument of a block.
    pub(super) fn spread_of(&self, histories: &Histories, block: usize) -> Lane {
        let spread = |history: u32| self.list.get(history as usize).map_or(0.0, |share| share.spread);
        match histories.of_block[block] {
            MIXED => LaneBlock(histories.by_lane(block).map(spread)),
            history => LaneBlock::splat(spread(history)),
        }
    }

    /// Of a block; `scratch` has length k.
    pub(super) fn of_block<'a>(
        &'a self,
        histories: &Histories,
        block: usize,
        scratch: &'a mut [Lane],
    ) -> BlockShare<'a> {
        let k = scratch.len();
        let history = histories.of_block[block];
        if let Some(share) = self.list.get(history as usize) {
            let at = history as usize * k;
            return BlockShare::Common(&self.gains[at..at + k], *share);
        }
        let mut shares = [Share::NOTHING; LANES];
        scratch.fill(Lane::ZERO);
        for (lane, history) in histories.by_lane(block).into_iter().enumerate() {
            if let Some(share) = self.list.get(history as usize) {
                shares[lane] = *share;
                for (j, gain) in scratch.iter_mut().enumerate() {
                    gain[lane] = self.gains[history as usize * k + j];
                }
            }
        }
        BlockShare::Own(scratch, shares)
    }
}

/// What each instrument has for itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Lanes {
    /// m.
    pub(super) mean: Coefficients,
    /// S.
    pub(super) observation_var: Column,
    /// f of the frame.
    pub(super) forecast: Column,
    /// S before the frame.
    pub(super) prior_var: Column,
    /// Room for k values an instrument.
    pub(super) scratch: Vec<Lane>,
}

impl Lanes {
    pub(super) fn new(k: usize) -> Self {
        let column = Column::default;
        Self {
            mean: Coefficients::new(k),
            observation_var: column(),
            forecast: column(),
            prior_var: column(),
            scratch: vec![Lane::ZERO; k],
        }
    }

    pub(super) fn resize(&mut self, n: usize) {
        self.mean.resize(n);
        for column in [&mut self.observation_var, &mut self.forecast, &mut self.prior_var] {
            column.resize(n, 0.0);
        }
    }

    /// An instrument's state before its first return.
    pub(super) fn begin(&mut self, instrument: usize, market_beta: f64, observation_var: f64) {
        for j in 0..self.mean.k {
            self.mean.set(instrument, j, if j == 1 { market_beta } else { 0.0 });
        }
        self.observation_var.set(instrument, observation_var);
    }

    /// One frame of the textbook's filter (W&H 4.5 with variance discounting, 10.8), the gains being A:
    /// f = x'm, e = y − f, m ← m + A e, S ← (β n S + e²/q)/(β n + 1); of an instrument without a return, f
    /// alone. Takes the returns into `observed`, and gives whether there is an instrument without one.
    pub(super) fn observe(
        &mut self,
        histories: &Histories,
        shares: &Shares,
        x: &[f64],
        returns: &[f64],
        observed: &mut Column,
    ) -> bool {
        let k = self.mean.k;
        // Padding is an ordinary return: what comes of it is nobody's.
        observed.resize(returns.len(), 0.0);
        let (mut from, mut missing) = (0, false);
        for run in histories.of_block.chunk_by(|a, b| a == b) {
            let blocks = from..from + run.len();
            from = blocks.end;
            let returns = &returns[blocks.start * LANES..returns.len().min(blocks.end * LANES)];
            let seen = &mut observed.0[blocks.clone()];
            let Some(share) = shares.list.get(run[0] as usize) else {
                missing |= take(returns, seen);
                observe_kernel(self, histories, shares, x, &observed.0, blocks);
                continue;
            };
            let at = run[0] as usize * k;
            let Share { spread, prior_dof, variance_floor: floor, .. } = *share;
            let each = OneGain {
                returns,
                mean: &mut self.mean.blocks[blocks.start * k..blocks.end * k],
                observed: seen,
                forecast: &mut self.forecast.0[blocks.clone()],
                observation_var: &mut self.observation_var.0[blocks.clone()],
                forecast_scale: &mut self.prior_var.0[blocks],
                means: None,
            };
            let learning = Some(Learning { q: 1.0 + spread, prior_dof, floor });
            missing |= one_gain::update(Common { x, gain: &shares.gains[at..at + k], learning }, each);
        }
        missing
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq", "x86_64+avx2"))]
fn observe_kernel(
    lanes: &mut Lanes,
    histories: &Histories,
    shares: &Shares,
    x: &[f64],
    y: &[Lane],
    blocks: Range<usize>,
) {
    widths!(lanes.mean.k, observe_body(lanes, histories, shares, x, y, blocks));
}

#[inline(always)]
fn observe_body<const K: usize>(
    lanes: &mut Lanes,
    histories: &Histories,
    shares: &Shares,
    x: &[f64],
    y: &[Lane],
    blocks: Range<usize>,
) {
    let k = if K > 0 { K } else { lanes.mean.k };
    let design = Local::<K>::of(x);
    let x = design.get(x, k);
    let means = lanes.mean.blocks.chunks_exact_mut(k);
    let columns = lanes.observation_var.0.iter_mut().zip(&mut lanes.forecast.0).zip(&mut lanes.prior_var.0);
    let all = means.zip(y).zip(columns).enumerate();
    for (block, ((mean, y), columns)) in all.skip(blocks.start).take(blocks.len()) {
        match shares.of_block(histories, block, &mut lanes.scratch[..k]) {
            BlockShare::Common(gains, share) => {
                let local = Local::<K>::of(gains);
                let gain = local.get(gains, k);
                let share = ShareLanes::from_fn(|_| share);
                observe_block(mean, y, columns, x, |j, _| gain[j], share);
            }
            BlockShare::Own(gains, share) => {
                let local = LocalLanes::<K>::of(gains);
                let gain = local.get(gains, k);
                let share = ShareLanes::from_fn(|lane| share[lane]);
                observe_block(mean, y, columns, x, |j, lane| gain[j].0[lane], share);
            }
        }
    }
}

/// A copy of K numbers on the stack, which a compiler can tell from all other memory: with that it runs eight
/// lanes at once. For a size that is not known at compile time, K = 0, there is none.
pub(super) struct Local<const K: usize>([f64; K]);

impl<const K: usize> Local<K> {
    #[inline(always)]
    pub(super) fn of(values: &[f64]) -> Self {
        Self(std::array::from_fn(|j| values[j]))
    }

    #[inline(always)]
    pub(super) fn get<'a>(&'a self, values: &'a [f64], k: usize) -> &'a [f64] {
        if K > 0 { &self.0 } else { &values[..k] }
    }
}

/// The same of K values for each of eight lanes.
pub(super) struct LocalLanes<const K: usize>([Lane; K]);

impl<const K: usize> LocalLanes<K> {
    #[inline(always)]
    pub(super) fn of(values: &[Lane]) -> Self {
        Self(std::array::from_fn(|j| values[j]))
    }

    #[inline(always)]
    pub(super) fn get<'a>(&'a self, values: &'a [Lane], k: usize) -> &'a [Lane] {
        if K > 0 { &self.0 } else { &values[..k] }
    }
}

/// x'm of one lane. Loops over coefficients stand inside those over lanes: that is the form which compilers turn
/// into one operation for all eight.
#[inline(always)]
pub(super) fn forecast(mean: &[Lane], x: &[f64], lane: usize) -> f64 {
    let mut forecast = 0.0;
    for (m, x) in mean.iter().zip(x) {
        forecast += x * m.0[lane];
    }
    forecast
}

#[inline(always)]
fn observe_block(
    mean: &mut [Lane],
    y: &Lane,
    ((s, f), prior): ((&mut Lane, &mut Lane), &mut Lane),
    x: &[f64],
    gain: impl Fn(usize, usize) -> f64,
    share: ShareLanes,
) {
    let (before, y) = (*s, *y);
    let (mut forecasts, mut learned) = (Lane::ZERO, before);
    for lane in 0..LANES {
        forecasts.0[lane] = forecast(mean, x, lane);
    }
    // An error of zero leaves the mean as it is.
    let e = Lane::from_fn(|lane| if y.0[lane].is_nan() { 0.0 } else { y.0[lane] - forecasts.0[lane] });
    for lane in 0..LANES {
        for (j, m) in mean.iter_mut().enumerate() {
            m.0[lane] += gain(j, lane) * e.0[lane];
        }
    }
    for lane in 0..LANES {
        let ShareLanes { inverse_q, prior_dof, inverse_dof, variance_floor, .. } = &share;
        let squared = e.0[lane] * e.0[lane];
        let taught = (prior_dof.0[lane] * before.0[lane] + squared * inverse_q.0[lane]) * inverse_dof.0[lane];
        let floor = variance_floor.0[lane];
        let floored = if taught > floor { taught } else { floor };
        learned.0[lane] = if y.0[lane].is_nan() { before.0[lane] } else { floored };
    }
    (*s, *f, *prior) = (learned, forecasts, before);
}
