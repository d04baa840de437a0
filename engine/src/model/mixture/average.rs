//! Dynamic model averaging: weights of each instrument over the models, and weighted forecasts.

use serde::{Deserialize, Serialize};

use crate::model::lanes::exp::exp_of_negative;
use crate::model::lanes::lane_block::LANES;
use crate::model::lanes::{Column, Lane};
use crate::processor::{MulAdd, kernel};

/// Lower bound of a log weight relative to the largest, so that a model can recover.
const LEAST_LOG_WEIGHT: f64 = -27.6;

/// Weights of each instrument over the models (Raftery, Kárný, Ettler 2010, eq. 15 and 16).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Weights {
    models: usize,
    /// Factor on the log weights per frame.
    forgetting: f64,
    /// Log weights up to a constant, after the densities of the last frame; those of a block one after
    /// another.
    log: Vec<Lane>,
    /// Weights of the next forecast, computed by `forget`.
    weight: Vec<Lane>,
    kept: Vec<Lane>,
}

impl Weights {
    pub(crate) const fn new(models: usize, forgetting: f64) -> Self {
        Self { models, forgetting, log: Vec::new(), weight: Vec::new(), kept: Vec::new() }
    }

    /// Number of models, and factor on the log weights per frame.
    pub(crate) const fn settings(&self) -> (usize, f64) {
        (self.models, self.forgetting)
    }

    /// Resizes to n instruments; new ones weight all models equally.
    pub(crate) fn resize(&mut self, n: usize) {
        let blocks = n.div_ceil(LANES) * self.models;
        self.log.resize(blocks, Lane::ZERO);
        self.weight.resize(blocks, Lane::splat(1.0 / self.models as f64));
    }

    /// Forgets: w ∝ w^forgetting.
    pub(crate) fn forget(&mut self) {
        forget_kernel(self);
    }

    /// Computes the weights of the next forecast without changing the log weights.
    pub(crate) fn forget_ahead(&mut self) {
        // `forget` overwrites the log weights, so restore a copy.
        self.kept.clone_from(&self.log);
        self.forget();
        std::mem::swap(&mut self.kept, &mut self.log);
    }

    /// Adds the log density of one model: log w ← log w + log density.
    pub(crate) fn learn(&mut self, model: usize, density: &[Lane]) {
        for (log, density) in self.log.chunks_exact_mut(self.models).zip(density) {
            for lane in 0..LANES {
                log[model][lane] += density[lane];
            }
        }
    }

    /// Weights of an instrument over the models, as computed by `forget` or `forget_ahead`.
    pub(crate) fn of(&self, instrument: usize, out: &mut [f64]) {
        let at = instrument / LANES * self.models;
        for (out, weight) in out.iter_mut().zip(&self.weight[at..at + self.models]) {
            *out = weight[instrument % LANES];
        }
    }

    /// Adds a weighted value of a model to a sum: sum += w · value.
    pub(crate) fn add(&self, model: usize, value: &Column, sum: &mut Column) {
        let weights = self.weight.chunks_exact(self.models);
        for ((sum, value), weight) in sum.0.iter_mut().zip(&value.0).zip(weights) {
            for lane in 0..LANES {
                sum[lane] += weight[model][lane] * value[lane];
            }
        }
    }
}

kernel!(fn forget_kernel(weights: &mut Weights) = forget_body);

#[inline(always)]
fn forget_body<M: MulAdd>(weights: &mut Weights) {
    let Weights { models, forgetting, log, weight, .. } = weights;
    for (log, weight) in log.chunks_exact_mut(*models).zip(weight.chunks_exact_mut(*models)) {
        let mut largest = Lane::splat(f64::NEG_INFINITY);
        for log in log.iter() {
            for lane in 0..LANES {
                largest[lane] = if log[lane] > largest[lane] { log[lane] } else { largest[lane] };
            }
        }
        let mut sum = Lane::ZERO;
        for (log, weight) in log.iter_mut().zip(weight.iter_mut()) {
            for lane in 0..LANES {
                let relative = *forgetting * (log[lane] - largest[lane]);
                let kept = if relative > LEAST_LOG_WEIGHT { relative } else { LEAST_LOG_WEIGHT };
                log[lane] = kept;
                weight[lane] = exp_of_negative(kept);
                sum[lane] += weight[lane];
            }
        }
        let inverse = sum.map(|sum| 1.0 / sum);
        for weight in weight {
            for lane in 0..LANES {
                weight[lane] *= inverse[lane];
            }
        }
    }
}
