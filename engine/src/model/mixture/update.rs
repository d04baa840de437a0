//! Update of all models by the returns of a frame, and the weights of the next forecast.
//!
//! A model is a DLM with heavy tails, common volatility and reversion to the cross-sectional mean. Weights
//! follow Raftery, Kárný, Ettler (2010, eq. 15 and 16): w ∝ w^forgetting · predictive density. The density of a
//! t is a power of a product, so that a weight takes one logarithm and one exponential in a frame.

use serde::{Deserialize, Serialize};

use super::forecast::{Mixed, ModelFrame};
use super::models::Models;
use crate::model::dlm::histories::Histories;
use crate::model::dlm::of_histories::OfHistories;
use crate::model::lanes::exp::exp_of_negative;
use crate::model::lanes::lane_block::LANES;
use crate::model::lanes::ln::ln_fused;
use crate::model::lanes::{Column, Lane, Local, LocalLanes, widths};
use crate::model::settings::EstimatorSettings;
use crate::processor::{MulAdd, kernel};

/// Power of h that divides an instrument's squared error before it updates S. At 1, the levels of S and h
/// would not be identified.
const LEVEL_POWER: f64 = 0.7;
/// Degrees of freedom of the densities that weight the models: outliers must not dominate.
const DENSITY_DOF: f64 = 10.0;
/// Upper bound 2⁸⁰ of a squared error in the densities, in units of their squared scale: an error of 10¹²
/// deviations says no more about the models. Their products then stay in the range of numbers.
const DENSITY_CLIP: f64 = (1_u128 << 80) as f64;
/// Lower bound of a log weight relative to the largest, so that a model can recover.
const LEAST_LOG_WEIGHT: f64 = -27.6;
/// Lower bound of S in units of the mean over all instruments, 2⁻²⁷.
const VARIANCE_FLOOR: f64 = 1.0 / (1_u64 << 27) as f64;

/// Settings of the update.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Rates {
    /// Forecast deviations at which an error is clipped.
    clip: f64,
    /// Factor on the log weights per frame.
    forgetting: f64,
}

impl Rates {
    pub(super) const fn new(settings: &EstimatorSettings, forgetting: f64) -> Self {
        Self { clip: settings.error_clip, forgetting }
    }
}

/// Frame common to all models.
#[derive(Clone, Copy)]
pub(super) struct UpdateFrame<'a> {
    /// Returns, NaN where missing.
    pub(super) observed: &'a Column,
    pub(super) mixed: &'a Mixed,
    /// Forecast of the frame's common volatility.
    pub(super) h: f64,
    pub(super) models: &'a [ModelFrame],
    /// Pull of the cross-section on the means, k numbers for each model.
    pub(super) pull: &'a [f64],
    pub(super) rates: Rates,
}

/// Terms of one model that a block's histories determine.
#[derive(Clone, Copy, Debug)]
struct ModelTerms {
    spread: Lane,
    /// Scale h + v of the density, in units of S.
    scale: Lane,
    /// Inverse of the scale and of [`DENSITY_DOF`].
    inverse_scale: Lane,
    /// Square of the largest error that is not clipped, in units of S.
    limit: Lane,
    /// Inverse 1/q of the forecast variance, and that of an error's contribution to S.
    inverse_q: Lane,
    inverse_level: Lane,
}

/// Terms of the variance update.
#[derive(Clone, Copy, Debug)]
struct VarianceTerms {
    prior_dof: Lane,
    inverse_dof: Lane,
    floor: Lane,
}

/// Buffers of the update.
#[derive(Clone, Debug)]
pub(super) struct Update {
    /// Products R x in the lanes of a block, k for each model.
    gains: Vec<Lane>,
    terms: Vec<ModelTerms>,
}

impl Update {
    pub(super) fn new(k: usize, count: usize) -> Self {
        let zero = Lane::ZERO;
        let terms = ModelTerms {
            spread: zero,
            scale: zero,
            inverse_scale: zero,
            limit: zero,
            inverse_q: zero,
            inverse_level: zero,
        };
        Self { gains: vec![zero; count * k], terms: vec![terms; count] }
    }

    /// Reverts the means and updates them, m ← m + R x/q · e with e clipped and q = `common` + v, and S;
    /// computes the weights of the next forecast.
    pub(super) fn update(&mut self, models: &mut Models, histories: &Histories, frame: UpdateFrame<'_>) {
        update_kernel(self, models, histories, frame, libm::pow(frame.h, LEVEL_POWER));
    }

    /// Fills the terms that a block takes from its histories.
    #[inline(always)]
    fn fill(
        &mut self,
        variance: &mut VarianceTerms,
        of_histories: &mut OfHistories,
        (histories, block): (&Histories, usize),
        (frame, level): (UpdateFrame<'_>, f64),
    ) {
        let Self { gains, terms, .. } = self;
        let k = gains.len() / terms.len();
        let filled = of_histories.fill(histories, block, |at, lanes| {
            let history = at.map(|at| &histories.list[at]);
            for (model, terms) in terms.iter_mut().enumerate() {
                let (block, place) = (model / LANES, model % LANES);
                let v = history.map_or(0.0, |history| history.spread[block][place]);
                terms.spread.0[lanes.clone()].fill(v);
                for (j, gain) in gains[model * k..(model + 1) * k].iter_mut().enumerate() {
                    let value =
                        history.map_or(0.0, |history| history.covariances[block].adaptive_coef()[j][place]);
                    gain.0[lanes.clone()].fill(value);
                }
            }
            let (dof, floor) = history.map_or((1.0, 0.0), |of| (of.forecast_dof, of.variance_floor));
            variance.prior_dof.0[lanes.clone()].fill(dof);
            variance.inverse_dof.0[lanes.clone()].fill(1.0 / (dof + 1.0));
            variance.floor.0[lanes].fill(floor);
        });
        if !filled {
            return;
        }
        let (h, clip) = (frame.h, frame.rates.clip);
        for (terms, model) in terms.iter_mut().zip(frame.models) {
            for lane in 0..LANES {
                let v = terms.spread.0[lane];
                let q = model.common + v;
                terms.scale.0[lane] = h + v;
                terms.inverse_scale.0[lane] = 1.0 / (DENSITY_DOF * (h + v));
                terms.limit.0[lane] = clip * clip * q;
                terms.inverse_q.0[lane] = 1.0 / q;
                terms.inverse_level.0[lane] = 1.0 / (level + v);
            }
        }
    }
}

kernel!(fn update_kernel(update: &mut Update, models: &mut Models, histories: &Histories, frame: UpdateFrame<'_>, level: f64) = update_by_size);

#[inline(always)]
fn update_by_size<M: MulAdd>(
    update: &mut Update,
    models: &mut Models,
    histories: &Histories,
    frame: UpdateFrame<'_>,
    level: f64,
) {
    widths!(models.k, M, update_body(update, models, histories, frame, level));
}

#[inline(always)]
fn update_body<M: MulAdd, const K: usize>(
    update: &mut Update,
    models: &mut Models,
    histories: &Histories,
    frame: UpdateFrame<'_>,
    level: f64,
) {
    let k = if K > 0 { K } else { models.k };
    let count = models.count;
    let mut of_histories = OfHistories::new();
    let mut variance = VarianceTerms { prior_dof: Lane::ZERO, inverse_dof: Lane::ZERO, floor: Lane::ZERO };
    for (block, y) in frame.observed.0.iter().enumerate() {
        update.fill(&mut variance, &mut of_histories, (histories, block), (frame, level));
        let (y, mixed) = (*y, frame.mixed.variance.0[block]);
        let inverse_variance = Lane::from_fn(|lane| 1.0 / mixed.0[lane]);
        let at = block * count..(block + 1) * count;
        let log_weights = &mut models.log_weight[at.clone()];
        for model in 0..count {
            let at = at.start + model;
            let gains = &update.gains[model * k..(model + 1) * k];
            let (gains_here, pulls_here) =
                (LocalLanes::<K>::of(gains), Local::<K>::of(&frame.pull[model * k..]));
            let (gain, pull) = (gains_here.get(gains, k), pulls_here.get(&frame.pull[model * k..], k));
            let state = ModelBlock {
                y,
                product: models.product[at],
                inverse_var: models.inverse_var[at],
                inverse_variance,
                terms: update.terms[model],
                variance,
                frame: frame.models[model],
            };
            let mean = &mut models.mean[at * k..(at + 1) * k];
            let s = &mut models.observation_var[at];
            update_model::<M>(mean, s, &mut log_weights[model], gain, pull, &state);
        }
        weigh::<M>(log_weights, &mut models.weight[at], frame.rates.forgetting);
    }
}

/// Inputs of one model's update in a block.
struct ModelBlock {
    y: Lane,
    product: Lane,
    inverse_var: Lane,
    /// Inverse variance of the mixture's forecast.
    inverse_variance: Lane,
    terms: ModelTerms,
    variance: VarianceTerms,
    frame: ModelFrame,
}

#[inline(always)]
fn update_model<M: MulAdd>(
    mean: &mut [Lane],
    s: &mut Lane,
    log_weight: &mut Lane,
    gain: &[Lane],
    pull: &[f64],
    of: &ModelBlock,
) {
    let ModelBlock { y, product, inverse_var, inverse_variance, terms, variance, frame } = of;
    let ModelFrame { keep, pulled, usual, .. } = *frame;
    let floor = VARIANCE_FLOOR * usual;
    let (before, mut learned, mut log) = (*s, Lane::ZERO, *log_weight);
    for lane in 0..LANES {
        let s = before.0[lane];
        let missing = y.0[lane].is_nan();
        let f = M::mul_add(keep, product.0[lane], pulled);
        let e = if missing { 0.0 } else { y.0[lane] - f };
        let limit = (terms.limit.0[lane] * s).sqrt();
        let clipped = if e > limit { limit } else { e };
        let clipped = if clipped < -limit { -limit } else { clipped };
        let move_by = clipped * terms.inverse_q.0[lane];
        for ((m, gain), pull) in mean.iter_mut().zip(gain).zip(pull) {
            m.0[lane] = M::mul_add(keep, m.0[lane], M::mul_add(gain.0[lane], move_by, *pull));
        }
        // ln of the density: −½ ln(scale · (1 + e²/(ν scale))^(ν + 1)), with the scale in units of the mixture's.
        let squared = e * e * inverse_var.0[lane] * terms.inverse_scale.0[lane];
        let base = 1.0 + if squared < DENSITY_CLIP { squared } else { DENSITY_CLIP };
        let second = base * base;
        let third = second * base;
        let fourth = second * second;
        let eleventh = fourth * fourth * third;
        let relative = terms.scale.0[lane] * s * inverse_variance.0[lane];
        let density = -0.5 * ln_fused::<M>(relative * eleventh);
        log.0[lane] += if missing { 0.0 } else { density };
        let squared = e * clipped * terms.inverse_level.0[lane];
        let taught = M::mul_add(variance.prior_dof.0[lane], s, squared) * variance.inverse_dof.0[lane];
        let own = variance.floor.0[lane];
        let least = if floor > own { floor } else { own };
        let floored = if taught > least { taught } else { least };
        learned.0[lane] = if missing { s } else { floored };
    }
    (*s, *log_weight) = (learned, log);
}

/// Forgets, w ∝ w^forgetting, and computes the weights.
#[inline(always)]
fn weigh<M: MulAdd>(log_weights: &mut [Lane], weights: &mut [Lane], forgetting: f64) {
    let mut largest = Lane::splat(f64::NEG_INFINITY);
    for log in &*log_weights {
        let (log, before) = (*log, largest);
        largest =
            Lane::from_fn(|lane| if log.0[lane] > before.0[lane] { log.0[lane] } else { before.0[lane] });
    }
    let mut sum = Lane::ZERO;
    for (log, weight) in log_weights.iter_mut().zip(&mut *weights) {
        let (before, mut kept, mut raised) = (*log, Lane::ZERO, Lane::ZERO);
        for lane in 0..LANES {
            let relative = forgetting * (before.0[lane] - largest.0[lane]);
            let least = if relative > LEAST_LOG_WEIGHT { relative } else { LEAST_LOG_WEIGHT };
            kept.0[lane] = least;
            raised.0[lane] = exp_of_negative::<M>(least);
            sum.0[lane] += raised.0[lane];
        }
        (*log, *weight) = (kept, raised);
    }
    let inverse = Lane::from_fn(|lane| 1.0 / sum.0[lane]);
    for weight in weights {
        let raised = *weight;
        *weight = Lane::from_fn(|lane| raised.0[lane] * inverse.0[lane]);
    }
}
