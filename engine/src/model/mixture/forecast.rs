//! Forecasts of all models for a frame, and their weighted means.
//!
//! Model by model, m ← keep · m + (1 − keep) · m̄ with m̄ the mean of m over the instruments that trade, and
//! f = x'm. The first pass over the instruments computes x'm before that reversion, and m̄; the second one
//! f = keep · x'm + (1 − keep) · x'm̄. The means themselves revert with their update (`update.rs`).

use serde::{Deserialize, Serialize};

use super::models::Models;
use super::part::Part;
use crate::model::dlm::histories::Histories;
use crate::model::dlm::of_histories::OfHistories;
use crate::model::dlm::prior::Prior;
use crate::model::lanes::lane_block::LANES;
use crate::model::lanes::{Column, Lane, Local, widths};
use crate::model::parts::Parts;
use crate::processor::{MulAdd, kernel};

/// Upper bound of a squared standardised error in the dispersion of a frame.
const DISPERSION_CLIP: f64 = 9.0;
/// Lower bound of the dispersion of a frame, relative to the usual one.
const DISPERSION_FLOOR: f64 = 0.2;

/// One model in a frame.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct ModelFrame {
    /// Share of a mean that does not revert.
    pub(super) keep: f64,
    /// Contribution of the cross-sectional mean to every forecast.
    pub(super) pulled: f64,
    /// Observation variance of the frame relative to the usual one.
    pub(super) common: f64,
    /// Mean S of the instruments that have started.
    pub(super) usual: f64,
}

impl ModelFrame {
    pub(super) const NONE: Self = Self { keep: 1.0, pulled: 0.0, common: 1.0, usual: 1.0 };
}

/// Weighted means over the models.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Mixed {
    /// Forecast after reversion, from which the weights and tails are learned.
    pub(super) forecast: Column,
    /// Published forecast: x' times the posterior mean written after the previous frame.
    pub(super) published: Column,
    /// Variance of the forecasts.
    pub(super) variance: Column,
}

/// Sums over the instruments of a frame, lane by lane.
#[derive(Clone, Debug)]
pub(super) struct Pools {
    /// Means of the instruments that trade, k for each model.
    means: Vec<Lane>,
    variances: Vec<Lane>,
    dispersions: Vec<Lane>,
    /// Scaled variance x'R*x of each model in a block.
    spread: Vec<Lane>,
    /// Copy of `means`, and the number of instruments that trade of groups that have had a factor, by column of groups.
    kept: Vec<Lane>,
    trading: Vec<usize>,
}

impl Pools {
    pub(super) fn new(k: usize, count: usize) -> Self {
        let zeros = |length| vec![Lane::ZERO; length];
        Self {
            means: zeros(count * k),
            variances: zeros(count),
            dispersions: zeros(count),
            spread: zeros(count),
            kept: Vec::new(),
            trading: Vec::new(),
        }
    }

    /// Computes x'm of all instruments, the mean S of those that have started, and the pull of the cross-section,
    /// (1 − keep) · m̄: k numbers for each model. The mean loading on a group is that over instruments whose group has
    /// had a factor; while there are none, it is the prior's.
    pub(super) fn pool(
        &mut self,
        parts: &mut [Part],
        of: &Parts,
        prior: &Prior,
        (keep, pull): (&[f64], &mut [f64]),
    ) {
        self.means.fill(Lane::ZERO);
        self.variances.fill(Lane::ZERO);
        let k = pull.len() / keep.len();
        let given = k - of.columns();
        let (mut trading, mut started) = (0, 0);
        self.trading.clear();
        self.trading.resize(of.columns(), 0);
        for (at, part) in parts.iter_mut().enumerate() {
            let here = part.trading();
            trading += here;
            started += part.histories.members();
            if !of.is_whole() {
                self.kept.clone_from(&self.means);
            }
            let Part { models, design, observed, .. } = part;
            pool_kernel(models, self, design, &observed.0, keep);
            for column in 0..of.columns() {
                if of.has_factor(at, column) {
                    self.trading[column] += here;
                    continue;
                }
                for model in 0..keep.len() {
                    self.means[model * k + given + column] = self.kept[model * k + given + column];
                }
            }
        }
        let trading = trading as f64;
        for (model, (keep, pull)) in keep.iter().zip(pull.chunks_exact_mut(k)).enumerate() {
            let keep = if trading > 0.0 { *keep } else { 1.0 };
            for (j, (pull, sum)) in pull.iter_mut().zip(&self.means[model * k..]).enumerate() {
                let count = if j < given { trading } else { self.trading[j - given] as f64 };
                let mean = if count > 0.0 { sum.sum() / count } else { prior.mean(j) };
                *pull = (1.0 - keep) * mean;
            }
            // Instruments that have not started hold 0.
            let usual = if started > 0 { self.variances[model].sum() / started as f64 } else { 1.0 };
            for part in &mut *parts {
                let pulled = part.design.iter().zip(&*pull).map(|(x, pull)| x * pull).sum();
                part.frames[model] = ModelFrame { keep, pulled, common: 1.0, usual };
            }
        }
    }

    /// Computes the forecasts. The observation variance of the frame relative to the usual one is `h` times the
    /// mean squared standardised error of the cross-section, each clipped, to the power `power`.
    pub(super) fn forecast(&mut self, parts: &mut [Part], h: f64, power: f64) {
        self.dispersions.fill(Lane::ZERO);
        let mut trading = 0;
        for part in &mut *parts {
            trading += part.trading();
            let Part { models, histories, observed, frames, mixed, .. } = part;
            let Mixed { forecast, published, variance } = mixed;
            for column in [forecast, published, variance] {
                column.0.resize(observed.0.len(), Lane::ZERO);
            }
            forecast_kernel(models, self, histories, h, frames, &observed.0, mixed);
        }
        let trading = trading as f64;
        for (model, dispersion) in self.dispersions.iter().enumerate() {
            let raised = |dispersion: f64| match power {
                0.5 => dispersion.sqrt(),
                power => libm::pow(dispersion, power),
            };
            let relative = (dispersion.sum() / trading).max(DISPERSION_FLOOR);
            let common = if trading > 0.0 { h * raised(relative) } else { h };
            parts.iter_mut().for_each(|part| part.frames[model].common = common);
        }
    }
}

kernel!(fn pool_kernel(models: &mut Models, pools: &mut Pools, x: &[f64], observed: &[Lane], keep: &[f64]) = pool_by_size);

#[inline(always)]
fn pool_by_size<M: MulAdd>(
    models: &mut Models,
    pools: &mut Pools,
    x: &[f64],
    observed: &[Lane],
    keep: &[f64],
) {
    widths!(models.k, M, pool_body(models, pools, x, observed, keep));
}

#[inline(always)]
fn pool_body<M: MulAdd, const K: usize>(
    models: &mut Models,
    pools: &mut Pools,
    x: &[f64],
    observed: &[Lane],
    keep: &[f64],
) {
    let k = if K > 0 { K } else { models.k };
    let design = Local::<K>::of(x);
    let x = design.get(x, k);
    let Models { count, mean, observation_var, product, .. } = models;
    let columns = observation_var.chunks_exact(*count).zip(product.chunks_exact_mut(*count));
    for ((means, y), (s, product)) in mean.chunks_exact(k * *count).zip(observed).zip(columns) {
        let trades = Lane::from_fn(|lane| if y.0[lane].is_nan() { 0.0 } else { 1.0 });
        for (model, mean) in means.chunks_exact(k).enumerate() {
            let mut products = Lane::ZERO;
            for lane in 0..LANES {
                let mut sum = 0.0;
                for (m, x) in mean.iter().zip(x) {
                    sum = M::mul_add(m.0[lane], *x, sum);
                }
                products.0[lane] = sum;
            }
            product[model] = products;
            let variance = pools.variances[model];
            pools.variances[model] = Lane::from_fn(|lane| variance.0[lane] + s[model].0[lane]);
            if keep[model] < 1.0 {
                for (sum, m) in pools.means[model * k..(model + 1) * k].iter_mut().zip(mean) {
                    *sum = Lane::from_fn(|lane| M::mul_add(trades.0[lane], m.0[lane], sum.0[lane]));
                }
            }
        }
    }
}

kernel!(fn forecast_kernel(models: &mut Models, pools: &mut Pools, histories: &Histories, h: f64, frames: &[ModelFrame], observed: &[Lane], mixed: &mut Mixed) = forecast_body);

#[inline(always)]
fn forecast_body<M: MulAdd>(
    models: &mut Models,
    pools: &mut Pools,
    histories: &Histories,
    h: f64,
    frames: &[ModelFrame],
    observed: &[Lane],
    mixed: &mut Mixed,
) {
    let Models { count, observation_var, weight, product, inverse_var, .. } = models;
    let Pools { dispersions, spread, .. } = pools;
    let inverse_h = 1.0 / h;
    let mut of_histories = OfHistories::new();
    for (block, y) in observed.iter().enumerate() {
        of_histories.fill(histories, block, |history, lanes| {
            for (model, spread) in spread.iter_mut().enumerate() {
                let v = history.map_or(0.0, |at| histories.list[at].spread[model / LANES][model % LANES]);
                spread.0[lanes.clone()].fill(v);
            }
        });
        let y = *y;
        let (mut forecast, mut published, mut variance) = (Lane::ZERO, Lane::ZERO, Lane::ZERO);
        let at = block * *count..(block + 1) * *count;
        let columns = observation_var[at.clone()].iter().zip(&weight[at.clone()]);
        let columns = columns.zip(&product[at.clone()]).zip(&mut inverse_var[at]);
        let by_model = frames.iter().zip(&mut *dispersions).zip(&*spread);
        for ((((s, w), product), inverse_var), ((frame, dispersion), v)) in columns.zip(by_model) {
            let ModelFrame { keep, pulled, .. } = *frame;
            let (s, w, product, v, mut sum) = (*s, *w, *product, *v, *dispersion);
            let mut inverses = Lane::ZERO;
            for lane in 0..LANES {
                let inverse = 1.0 / s.0[lane];
                let f = M::mul_add(keep, product.0[lane], pulled);
                let e = y.0[lane] - f;
                let squared = e * e * inverse * inverse_h;
                let clipped = if squared < DISPERSION_CLIP { squared } else { DISPERSION_CLIP };
                sum.0[lane] += if y.0[lane].is_nan() { 0.0 } else { clipped };
                forecast.0[lane] = M::mul_add(w.0[lane], f, forecast.0[lane]);
                published.0[lane] = M::mul_add(w.0[lane], product.0[lane], published.0[lane]);
                variance.0[lane] = M::mul_add(w.0[lane] * s.0[lane], h + v.0[lane], variance.0[lane]);
                inverses.0[lane] = inverse;
            }
            (*dispersion, *inverse_var) = (sum, inverses);
        }
        mixed.forecast.0[block] = forecast;
        mixed.published.0[block] = published;
        mixed.variance.0[block] = variance;
    }
}
