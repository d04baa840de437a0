//! One model of the mixture: a DLM with heavy tails, common volatility and reversion to the cross-sectional
//! mean.

use serde::{Deserialize, Serialize};

use crate::model::dlm::histories::Histories;
use crate::model::dlm::instruments::{BlockShare, Lanes, ShareLanes, Shares};
use crate::model::lanes::lane_block::LANES;
use crate::model::lanes::ln::ln;
use crate::model::lanes::{Column, Lane, Local, LocalLanes, forecast, widths};
use crate::model::settings::EstimatorSettings;
use crate::processor::{MulAdd, kernel};

/// Upper bound of a squared standardised error in the dispersion of a frame.
const DISPERSION_CLIP: f64 = 9.0;
/// Lower bound of the dispersion of a frame, relative to the usual one.
const DISPERSION_FLOOR: f64 = 0.2;

/// Power of h that divides an instrument's squared error before it updates S. At 1, the levels of S and h
/// would not be identified.
const LEVEL_POWER: f64 = 0.7;
/// Degrees of freedom of the densities that weight the models: outliers must not dominate.
const DENSITY_DOF: f64 = 10.0;

/// Settings that extend the textbook's DLM.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Robust {
    /// Forecast deviations at which an error is clipped.
    clip: f64,
    power: f64,
}

/// Inputs of a frame common to all models.
#[derive(Clone, Copy)]
pub(crate) struct FrameInputs<'a> {
    /// Design x, length k.
    pub(crate) design: &'a [f64],
    /// Returns, NaN where missing.
    pub(crate) observed: &'a Column,
    pub(crate) histories: &'a Histories,
    /// Forecast of the frame's common volatility.
    pub(crate) h: f64,
}

/// Per-frame scales used by the robust update.
#[derive(Clone, Copy)]
pub(crate) struct FrameScales<'a> {
    /// Observation variance of the frame relative to the usual one.
    pub(crate) common: f64,
    /// Lower bound of S.
    pub(crate) floor: f64,
    /// Variance of each forecast of the mixture.
    pub(crate) variance: &'a [Lane],
}

#[derive(Clone, Copy)]
struct Scales<'a> {
    frame: FrameScales<'a>,
    level: f64,
    clip: f64,
}

/// Forecasts of a model for a frame: f = keep · x'm + `pulled`, with m the posterior mean before the frame.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct RevertedForecast {
    /// Share of the posterior mean that does not revert.
    pub(crate) keep: f64,
    /// Contribution of the cross-sectional mean to every forecast.
    pub(crate) pulled: f64,
    /// Observation variance of the frame relative to the usual one.
    pub(crate) common: f64,
}

impl Robust {
    pub(crate) const fn new(settings: &EstimatorSettings) -> Self {
        Self { clip: settings.error_clip, power: settings.dispersion_power }
    }

    /// Reverts the means, m ← keep · m + (1 − keep) · mean of m over the instruments that trade, and
    /// forecasts f = x'm. The observation variance of the frame relative to the usual one is h times the mean
    /// squared standardised error of the cross-section, each clipped, to the power `dispersion_power`.
    pub(crate) fn forecast(&self, lanes: &mut Lanes, inputs: FrameInputs<'_>, keep: f64) -> RevertedForecast {
        let trading = count(inputs.observed);
        if trading == 0.0 {
            self.revert_and_forecast(lanes, inputs, 1.0);
            return RevertedForecast { keep: 1.0, pulled: 0.0, common: inputs.h };
        }
        lanes.scratch.fill(Lane::ZERO);
        if keep < 1.0 {
            sum_kernel(lanes, inputs);
            for sum in &mut lanes.scratch {
                *sum = Lane::splat((1.0 - keep) * (sum.sum() / trading));
            }
        }
        let dispersion = self.revert_and_forecast(lanes, inputs, keep).sum() / trading;
        let dispersion = dispersion.max(DISPERSION_FLOOR);
        let common =
            inputs.h * if self.power == 0.5 { dispersion.sqrt() } else { libm::pow(dispersion, self.power) };
        let pulled = inputs.design.iter().zip(&lanes.scratch).map(|(x, pull)| x * pull[0]).sum();
        RevertedForecast { keep, pulled, common }
    }

    /// Sum over instruments of clipped squared standardised errors, lane by lane.
    fn revert_and_forecast(&self, lanes: &mut Lanes, inputs: FrameInputs<'_>, keep: f64) -> Lane {
        if keep == 1.0 {
            lanes.scratch.fill(Lane::ZERO);
        }
        forecast_kernel(lanes, inputs, keep)
    }

    /// Updates m ← m + R x/q · e with e clipped and q = common + v, and S; writes the log density of each
    /// forecast, in units of the mixture's variance, to `density`.
    pub(crate) fn update(
        &self,
        lanes: &mut Lanes,
        inputs: FrameInputs<'_>,
        shares: &Shares,
        frame: FrameScales<'_>,
        density: &mut [Lane],
    ) {
        let level = libm::pow(inputs.h, LEVEL_POWER);
        update_kernel(lanes, inputs, shares, Scales { frame, level, clip: self.clip }, density);
    }
}

fn count(observed: &Column) -> f64 {
    observed.0.iter().flat_map(|block| block.0).filter(|y| !y.is_nan()).count() as f64
}

kernel!(fn sum_kernel(lanes: &mut Lanes, inputs: FrameInputs<'_>) = sum_by_size);

#[inline(always)]
fn sum_by_size<M: MulAdd>(lanes: &mut Lanes, inputs: FrameInputs<'_>) {
    widths!(lanes.mean.k, M, sum_body(lanes, inputs));
}

#[inline(always)]
fn sum_body<M: MulAdd, const K: usize>(lanes: &mut Lanes, inputs: FrameInputs<'_>) {
    let k = if K > 0 { K } else { lanes.mean.k };
    let sums = &mut lanes.scratch[..k];
    for (mean, y) in lanes.mean.blocks.chunks_exact(k).zip(&inputs.observed.0) {
        for (sum, m) in sums.iter_mut().zip(mean) {
            for lane in 0..LANES {
                sum[lane] += if y[lane].is_nan() { 0.0 } else { m[lane] };
            }
        }
    }
}

kernel!(fn forecast_kernel(lanes: &mut Lanes, inputs: FrameInputs<'_>, keep: f64) -> Lane = forecast_by_size);

#[inline(always)]
fn forecast_by_size<M: MulAdd>(lanes: &mut Lanes, inputs: FrameInputs<'_>, keep: f64) -> Lane {
    widths!(lanes.mean.k, M, forecast_body(lanes, inputs, keep))
}

#[inline(always)]
fn forecast_body<M: MulAdd, const K: usize>(lanes: &mut Lanes, inputs: FrameInputs<'_>, keep: f64) -> Lane {
    let k = if K > 0 { K } else { lanes.mean.k };
    let (design, pulls) = (Local::<K>::of(inputs.design), LocalLanes::<K>::of(&lanes.scratch));
    let (x, pull) = (design.get(inputs.design, k), pulls.get(&lanes.scratch, k));
    let columns = lanes.observation_var.0.iter().zip(&mut lanes.forecast.0);
    let (mut dispersion, h) = (Lane::ZERO, inputs.h);
    for ((mean, y), (s, f)) in lanes.mean.blocks.chunks_exact_mut(k).zip(&inputs.observed.0).zip(columns) {
        let (y, s) = (*y, *s);
        let mut forecasts = Lane::ZERO;
        for lane in 0..LANES {
            for (m, pull) in mean.iter_mut().zip(pull) {
                m.0[lane] = keep * m.0[lane] + pull.0[lane];
            }
            let f = forecast(mean, x, lane);
            forecasts.0[lane] = f;
            let e = y.0[lane] - f;
            let squared = e * e / (s.0[lane] * h);
            let clipped = if squared < DISPERSION_CLIP { squared } else { DISPERSION_CLIP };
            dispersion.0[lane] += if y.0[lane].is_nan() { 0.0 } else { clipped };
        }
        *f = forecasts;
    }
    dispersion
}

kernel!(fn update_kernel(lanes: &mut Lanes, inputs: FrameInputs<'_>, shares: &Shares, scales: Scales<'_>, density: &mut [Lane]) = update_by_size);

#[inline(always)]
fn update_by_size<M: MulAdd>(
    lanes: &mut Lanes,
    inputs: FrameInputs<'_>,
    shares: &Shares,
    scales: Scales<'_>,
    density: &mut [Lane],
) {
    widths!(lanes.mean.k, M, update_body(lanes, inputs, shares, scales, density));
}

#[inline(always)]
fn update_body<M: MulAdd, const K: usize>(
    lanes: &mut Lanes,
    inputs: FrameInputs<'_>,
    shares: &Shares,
    scales: Scales<'_>,
    density: &mut [Lane],
) {
    let k = if K > 0 { K } else { lanes.mean.k };
    let columns = lanes.observation_var.0.iter_mut().zip(&lanes.forecast.0).zip(&mut lanes.prior_var.0);
    let means = lanes.mean.blocks.chunks_exact_mut(k).zip(&inputs.observed.0);
    for (block, (((mean, y), columns), density)) in means.zip(columns).zip(density).enumerate() {
        let scales = (inputs.h, scales, &scales.frame.variance[block]);
        match shares.of_block(inputs.histories, block, &mut lanes.scratch[..k]) {
            BlockShare::Common(gains, share) => {
                let local = Local::<K>::of(gains);
                let gain = local.get(gains, k);
                let share = ShareLanes::from_fn(|_| share);
                *density = update_block(mean, y, columns, scales, |j, _| gain[j], share);
            }
            BlockShare::Own(gains, share) => {
                let local = LocalLanes::<K>::of(gains);
                let gain = local.get(gains, k);
                let share = ShareLanes::from_fn(|lane| share[lane]);
                *density = update_block(mean, y, columns, scales, |j, lane| gain[j].0[lane], share);
            }
        }
    }
}

#[inline(always)]
fn update_block(
    mean: &mut [Lane],
    y: &Lane,
    ((s, f), prior): ((&mut Lane, &Lane), &mut Lane),
    (h, scales, variance): (f64, Scales<'_>, &Lane),
    gain: impl Fn(usize, usize) -> f64,
    share: ShareLanes,
) -> Lane {
    let (before, y, f, variance) = (*s, *y, *f, *variance);
    let Scales { frame: FrameScales { common, floor, .. }, level, clip } = scales;
    let (mut learned, mut density) = (before, Lane::ZERO);
    for lane in 0..LANES {
        let s = before.0[lane];
        let (spread, prior_dof) = (share.spread.0[lane], share.prior_dof.0[lane]);
        let (inverse_dof, variance_floor) = (share.inverse_dof.0[lane], share.variance_floor.0[lane]);
        let missing = y.0[lane].is_nan();
        let e = if missing { 0.0 } else { y.0[lane] - f.0[lane] };
        let q = common + spread;
        let limit = clip * (q * s).sqrt();
        let clipped = if e > limit { limit } else { e };
        let clipped = if clipped < -limit { -limit } else { clipped };
        let move_by = clipped / q;
        for (j, m) in mean.iter_mut().enumerate() {
            m.0[lane] += gain(j, lane) * move_by;
        }
        let scale = (h + spread) * s;
        let log = -0.5 * ln(scale / variance.0[lane])
            - 0.5 * (DENSITY_DOF + 1.0) * ln(1.0 + e * e / (DENSITY_DOF * scale));
        density.0[lane] = if missing { 0.0 } else { log };
        let taught = (prior_dof * s + e * clipped / (level + spread)) * inverse_dof;
        let least = if floor > variance_floor { floor } else { variance_floor };
        let floored = if taught > least { taught } else { least };
        learned.0[lane] = if missing { s } else { floored };
    }
    (*s, *prior) = (learned, before);
    density
}
