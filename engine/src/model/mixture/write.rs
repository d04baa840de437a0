//! Estimates of the mixture: means, deviations and covariances over the models, in lanes of instruments.

use super::forecast::Mixed;
use super::models::Models;
use crate::model::dlm::covariance::ScaledCovariance;
use crate::model::dlm::histories::Histories;
use crate::model::dlm::of_histories::OfHistories;
use crate::model::estimates::Estimates;
use crate::model::lanes::lane_block::{LANES, put, put_each};
use crate::model::lanes::{Column, Lane, LocalLanes, packed, packed_len};
use crate::processor::{MulAdd, kernel};

/// Matrix of the covariances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matrix {
    /// After the last frame.
    Posterior,
    /// Before the next frame.
    NextPrior,
}

/// Scalars common to all instruments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scales {
    /// Variance of the t of the next forecast, in units of the models' variance.
    pub(super) calibrated: f64,
    /// Forecast of the common volatility.
    pub(super) h: f64,
    /// Degrees of freedom of the last forecast, and the variance of its t.
    pub(super) forecast_dof: f64,
    pub(super) forecast_variance: f64,
    pub(super) matrix: Matrix,
}

/// Columns of the last forecast.
#[derive(Clone, Copy)]
pub(super) struct LastForecast<'a> {
    pub(super) observed: &'a Column,
    pub(super) mixed: &'a Mixed,
    /// Squared scale of the t.
    pub(super) scale: &'a Column,
}

/// Buffers for one block of instruments. Tables have the values of all models side by side, for each coefficient or
/// pair of coefficients.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    k: usize,
    /// Posterior means over the models.
    means: Vec<Lane>,
    /// Means of the models less those over the models, and the same times the weight.
    deviations: Vec<Lane>,
    weighted: Vec<Lane>,
    /// Weight times the variance that scales C*, by model.
    within: Vec<Lane>,
    /// Diagonal of C*, and upper triangle of the covariance to write.
    diagonal: Vec<Lane>,
    scaled: Vec<Lane>,
    /// Covariances over the models, then their roots.
    out: Vec<Lane>,
    scratch: ScaledCovariance,
}

impl Writer {
    pub(super) fn new(k: usize, count: usize, scratch: ScaledCovariance) -> Self {
        let zeros = |length| vec![Lane::ZERO; length];
        Self {
            k,
            means: zeros(k),
            deviations: zeros(k * count),
            weighted: zeros(k * count),
            within: zeros(count),
            diagonal: zeros(k * count),
            scaled: zeros(packed_len(k) * count),
            out: zeros(packed_len(k)),
            scratch,
        }
    }

    /// Writes the estimates of all instruments; those of instruments that have not started have no meaning.
    pub(super) fn write(
        &mut self,
        models: &Models,
        histories: &Histories,
        last: LastForecast<'_>,
        scales: Scales,
        estimates: &mut Estimates,
    ) {
        write_kernel(self, models, histories, last, scales, estimates);
    }

    /// Fills the lanes of a block with the matrices of its histories.
    #[inline(always)]
    fn fill(
        &mut self,
        of_histories: &mut OfHistories,
        (histories, block): (&Histories, usize),
        matrix: Option<Matrix>,
    ) {
        let Self { k, diagonal, scaled, scratch, within, .. } = self;
        let (k, count) = (*k, within.len());
        of_histories.fill(histories, block, |at, lanes| {
            let Some(at) = at else {
                diagonal.iter_mut().chain(&mut *scaled).for_each(|entry| entry.0[lanes.clone()].fill(0.0));
                return;
            };
            for (model, covariance) in histories.list[at].covariances.iter().enumerate() {
                let models = model * LANES..count.min((model + 1) * LANES);
                for j in 0..k {
                    let entry = &covariance.upper_triangle()[packed(k, j, j)];
                    for model in models.clone() {
                        diagonal[j * count + model].0[lanes.clone()].fill(entry[model % LANES]);
                    }
                }
                let triangle = match matrix {
                    None => continue,
                    Some(Matrix::Posterior) => covariance.upper_triangle(),
                    Some(Matrix::NextPrior) => {
                        histories.evolve_into(at, model, scratch);
                        scratch.upper_triangle()
                    }
                };
                for (pair, entry) in triangle.iter().enumerate() {
                    for model in models.clone() {
                        scaled[pair * count + model].0[lanes.clone()].fill(entry[model % LANES]);
                    }
                }
            }
        });
    }
}

kernel!(fn write_kernel(writer: &mut Writer, models: &Models, histories: &Histories, last: LastForecast<'_>, scales: Scales, estimates: &mut Estimates) = write_by_count);

/// The usual number of models unrolls the loops over them.
#[inline(always)]
fn write_by_count<M: MulAdd>(
    writer: &mut Writer,
    models: &Models,
    histories: &Histories,
    last: LastForecast<'_>,
    scales: Scales,
    estimates: &mut Estimates,
) {
    match models.count {
        LANES => write_body::<M, LANES>(writer, models, histories, last, scales, estimates),
        _ => write_body::<M, 0>(writer, models, histories, last, scales, estimates),
    }
}

#[inline(always)]
fn write_body<M: MulAdd, const COUNT: usize>(
    writer: &mut Writer,
    models: &Models,
    histories: &Histories,
    last: LastForecast<'_>,
    scales: Scales,
    estimates: &mut Estimates,
) {
    let (n, k, count) = (estimates.instruments(), writer.k, models.count);
    let mut of_histories = OfHistories::new();
    let has_covariance = estimates.has_covariance();
    let mut no_covariance = [];
    let covariances =
        if has_covariance { estimates.coefficient_cov.begin_columns(n, k) } else { &mut no_covariance[..] };
    for block in 0..n.div_ceil(LANES) {
        writer.fill(&mut of_histories, (histories, block), has_covariance.then_some(scales.matrix));
        let at = block * count..(block + 1) * count;
        let weights = &models.weight[at.clone()];
        let mean = &models.mean[at.start * k..at.end * k];
        let Writer { means, deviations, weighted, within, diagonal, scaled, out, .. } = &mut *writer;
        let mut variance = Lane::ZERO;
        for ((within, weight), s) in within.iter_mut().zip(weights).zip(&models.observation_var[at]) {
            let share = Lane::from_fn(|lane| weight.0[lane] * s.0[lane]);
            variance = Lane::from_fn(|lane| variance.0[lane] + share.0[lane]);
            *within = Lane::from_fn(|lane| scales.calibrated * share.0[lane]);
        }
        for j in 0..k {
            let of_models = || mean[j..].iter().step_by(k).zip(weights);
            let mut sum = Lane::ZERO;
            for (m, weight) in of_models() {
                for lane in 0..LANES {
                    sum.0[lane] = M::mul_add(weight.0[lane], m.0[lane], sum.0[lane]);
                }
            }
            means[j] = sum;
            let columns = deviations[j * count..].iter_mut().zip(&mut weighted[j * count..]);
            for ((m, weight), (deviation, weighted)) in of_models().zip(columns) {
                let from_mean = Lane::from_fn(|lane| m.0[lane] - sum.0[lane]);
                *deviation = from_mean;
                *weighted = Lane::from_fn(|lane| weight.0[lane] * from_mean.0[lane]);
            }
        }
        let row = |j: usize| j * count..(j + 1) * count;
        let here = LocalLanes::<COUNT>::of(within);
        let within = here.get(within, count);
        if has_covariance {
            let mut pairs = out.iter_mut().zip(scaled.chunks_exact(count));
            for a in 0..k {
                let left = LocalLanes::<COUNT>::of(&weighted[row(a)]);
                let left = left.get(&weighted[row(a)], count);
                for (deviations, (out, scaled)) in deviations[a * count..].chunks_exact(count).zip(&mut pairs)
                {
                    *out = mixed::<M>((left, deviations), within, scaled);
                }
            }
            put_each(covariances, n, block, out);
        }
        for (j, out) in out[..k].iter_mut().enumerate() {
            let variance = mixed::<M>((&weighted[row(j)], &deviations[row(j)]), within, &diagonal[row(j)]);
            *out = Lane::from_fn(|lane| variance.0[lane].sqrt());
        }
        put_each(&mut estimates.coefficient_sd, n, block, &out[..k]);
        put(&mut estimates.alpha, block, &means[0]);
        put_each(&mut estimates.betas, n, block, &means[1..]);
        let level = scales.calibrated * scales.h;
        for lane in 0..LANES {
            variance.0[lane] *= level;
        }
        put(&mut estimates.observation_var, block, &variance);
        // The calibrated variance includes the uncertainty of S.
        put(&mut estimates.dof, block, &Lane::splat(f64::INFINITY));
        let (y, f, scale) = (last.observed.0[block], last.mixed.published.0[block], last.scale.0[block]);
        let (mut sd, mut error) = (Lane::ZERO, Lane::ZERO);
        for lane in 0..LANES {
            sd.0[lane] = (scales.forecast_variance * scale.0[lane]).sqrt();
            error.0[lane] = y.0[lane] - f.0[lane];
        }
        put(&mut estimates.forecast_mean, block, &f);
        put(&mut estimates.forecast_sd, block, &sd);
        put(&mut estimates.forecast_dof, block, &Lane::splat(scales.forecast_dof));
        put(&mut estimates.forecast_error, block, &error);
    }
}

/// Covariance of two coefficients over the models: Σ w (S C + (m − m̄)(m − m̄)').
#[inline(always)]
fn mixed<M: MulAdd>((weighted, deviations): (&[Lane], &[Lane]), within: &[Lane], scaled: &[Lane]) -> Lane {
    let [mut inside, mut between] = [Lane::ZERO; 2];
    for ((weighted, deviation), (within, scaled)) in
        weighted.iter().zip(deviations).zip(within.iter().zip(scaled))
    {
        for lane in 0..LANES {
            inside.0[lane] = M::mul_add(within.0[lane], scaled.0[lane], inside.0[lane]);
            between.0[lane] = M::mul_add(weighted.0[lane], deviation.0[lane], between.0[lane]);
        }
    }
    Lane::from_fn(|lane| inside.0[lane] + between.0[lane])
}
