//! Per-instrument update of the DLM, given the gain of its history.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::histories::{Histories, MIXED};
use crate::model::lanes::lane_block::{LANES, LaneBlock, take};
use crate::model::lanes::one_gain::{self, Common, Learning, LearningRegisters, OneGain};
use crate::model::lanes::{Coefficients, Column, Lane, add_products_of_any};
use crate::processor::{Vector, kernel};

/// Scalars that a history shares with its instruments in a frame, besides the gain.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(in crate::model) struct Share {
    /// Scaled forecast variance v = x'R x due to the coefficients.
    pub(in crate::model) spread: f64,
    /// Inverse 1/(1 + v).
    pub(in crate::model) inverse_q: f64,
    /// Degrees of freedom β n.
    pub(in crate::model) prior_dof: f64,
    /// Lower bound of S.
    pub(in crate::model) variance_floor: f64,
}

impl Share {
    const EMPTY: Self = Self { spread: 0.0, inverse_q: 1.0, prior_dof: 1.0, variance_floor: 0.0 };

    /// Update of S by an error of the frame.
    #[inline(always)]
    fn learning(&self) -> Learning {
        Learning::new(1.0 + self.spread, self.prior_dof, self.variance_floor)
    }
}

/// Gains and scalars of the histories of one model in a frame.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::model) struct Shares {
    /// R x of each history, k values each; after [`Self::adapt`] the gain A.
    pub(in crate::model) gains: Vec<f64>,
    pub(in crate::model) list: Vec<Share>,
}

impl Shares {
    /// Copies the gains and scalars of a single model; call after the histories have evolved.
    pub(in crate::model) fn take(&mut self, histories: &Histories) {
        self.gains.clear();
        self.list.clear();
        for (at, history) in histories.list.iter().enumerate() {
            let (pack, lane) = (&histories.packs[at / LANES], at % LANES);
            self.gains.extend(pack.covariance.adaptive_coef().iter().map(|gain| gain[lane]));
            let spread = pack.spread[lane];
            self.list.push(Share {
                spread,
                inverse_q: 1.0 / (1.0 + spread),
                prior_dof: history.forecast_dof,
                variance_floor: history.variance_floor,
            });
        }
    }

    /// Turns R x into A = R x / q.
    pub(in crate::model) fn adapt(&mut self) {
        let k = self.gains.len() / self.list.len().max(1);
        for (gain, share) in self.gains.chunks_exact_mut(k.max(1)).zip(&self.list) {
            gain.iter_mut().for_each(|gain| *gain *= share.inverse_q);
        }
    }
}

impl Shares {
    /// Scaled variance v of each instrument of a block.
    pub(in crate::model) fn spread_of(&self, histories: &Histories, block: usize) -> Lane {
        let spread = |history: u32| self.list.get(history as usize).map_or(0.0, |share| share.spread);
        match histories.of_block[block] {
            MIXED => LaneBlock(histories.by_lane(block).map(spread)),
            history => LaneBlock::splat(spread(history)),
        }
    }

    /// Gains and shares of a block whose instruments have different histories; writes the k gains to `gains`.
    fn of_mixed_block(&self, histories: &Histories, block: usize, gains: &mut [Lane]) -> [Share; LANES] {
        let k = gains.len();
        let mut shares = [Share::EMPTY; LANES];
        gains.fill(Lane::ZERO);
        for (lane, history) in histories.by_lane(block).into_iter().enumerate() {
            if let Some(share) = self.list.get(history as usize) {
                shares[lane] = *share;
                for (j, gain) in gains.iter_mut().enumerate() {
                    gain[lane] = self.gains[history as usize * k + j];
                }
            }
        }
        shares
    }
}

/// State of each instrument: coefficients and observation variance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::model) struct Lanes {
    /// Posterior mean m.
    pub(in crate::model) mean: Coefficients,
    /// Observation variance S.
    pub(in crate::model) observation_var: Column,
    /// Forecast f of the frame.
    pub(in crate::model) forecast: Column,
    /// Observation variance S before the frame.
    pub(in crate::model) prior_var: Column,
    /// Buffer of k values per instrument.
    pub(in crate::model) scratch: Vec<Lane>,
}

impl Lanes {
    pub(in crate::model) fn new(k: usize) -> Self {
        let column = Column::default;
        Self {
            mean: Coefficients::new(k),
            observation_var: column(),
            forecast: column(),
            prior_var: column(),
            scratch: vec![Lane::ZERO; k],
        }
    }

    pub(in crate::model) fn resize(&mut self, n: usize) {
        self.mean.resize(n);
        for column in [&mut self.observation_var, &mut self.forecast, &mut self.prior_var] {
            column.resize(n, 0.0);
        }
    }

    /// Sets an instrument's state before its first return. `prior`: mean of a coefficient.
    pub(in crate::model) fn begin(
        &mut self,
        instrument: usize,
        prior: impl Fn(usize) -> f64,
        observation_var: f64,
    ) {
        for j in 0..self.mean.k {
            self.mean.set(instrument, j, prior(j));
        }
        self.observation_var.set(instrument, observation_var);
    }

    /// Moves the state of an instrument to one of other lanes. The place that it leaves is that of an instrument that has
    /// not started.
    pub(in crate::model) fn move_to(&mut self, instrument: usize, other: &mut Self, to: usize) {
        for j in 0..self.mean.k {
            other.mean.set(to, j, self.mean.get(instrument, j));
            self.mean.set(instrument, j, 0.0);
        }
        other.observation_var.set(to, self.observation_var.get(instrument));
        self.observation_var.set(instrument, 0.0);
    }

    /// Updates one frame with the gains A (W&H 4.5 with variance discounting, 10.8): f = x'm, e = y − f, m ←
    /// m + A e, S ← (β n S + e²/q)/(β n + 1); f alone for an instrument without a return. Copies the returns
    /// into `observed`; returns true if any is missing.
    pub(in crate::model) fn observe(
        &mut self,
        histories: &Histories,
        shares: &Shares,
        x: &[f64],
        returns: &[f64],
        observed: &mut Column,
    ) -> bool {
        let k = self.mean.k;
        // Padding lanes hold 0; their results are discarded.
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
            let each = OneGain {
                returns,
                mean: &mut self.mean.blocks[blocks.start * k..blocks.end * k],
                observed: seen,
                forecast: &mut self.forecast.0[blocks.clone()],
                observation_var: &mut self.observation_var.0[blocks.clone()],
                forecast_scale: &mut self.prior_var.0[blocks],
                means: None,
            };
            let learning = Some(share.learning());
            missing |= one_gain::update(Common { x, gain: &shares.gains[at..at + k], learning }, each);
        }
        missing
    }
}

kernel!(fn observe_kernel(lanes: &mut Lanes, histories: &Histories, shares: &Shares, x: &[f64], y: &[Lane], blocks: Range<usize>) = observe_blocks);

/// Blocks of instruments with different histories.
#[inline(always)]
fn observe_blocks<M: Vector>(
    lanes: &mut Lanes,
    histories: &Histories,
    shares: &Shares,
    x: &[f64],
    y: &[Lane],
    blocks: Range<usize>,
) {
    let k = lanes.mean.k;
    for block in blocks {
        let mean = &mut lanes.mean.blocks[block * k..(block + 1) * k];
        let gain = &mut lanes.scratch[..k];
        let share = shares.of_mixed_block(histories, block, gain);
        let learning = share.map(|share| share.learning());
        let [kept, learned, floor] = [
            Lane::from_fn(|lane| learning[lane].kept),
            Lane::from_fn(|lane| learning[lane].learned),
            Lane::from_fn(|lane| learning[lane].floor),
        ];
        for part in 0..LANES / M::WIDTH {
            let y = M::load(&y[block], part);
            let f = add_products_of_any::<M>(M::load(&mean[0], part), x, mean, part);
            // An error of 0 leaves the mean unchanged.
            let e = M::unless_missing(y, M::subtract(y, f), M::splat(0.0));
            for (m, gain) in mean.iter_mut().zip(&*gain) {
                M::store(M::add_product(M::load(gain, part), e, M::load(m, part)), m, part);
            }
            let learning = LearningRegisters::<M> {
                kept: M::load(&kept, part),
                learned: M::load(&learned, part),
                floor: M::load(&floor, part),
            };
            let s = M::load(&lanes.observation_var.0[block], part);
            M::store(s, &mut lanes.prior_var.0[block], part);
            M::store(learning.update(s, e, y), &mut lanes.observation_var.0[block], part);
            M::store(f, &mut lanes.forecast.0[block], part);
        }
    }
}
