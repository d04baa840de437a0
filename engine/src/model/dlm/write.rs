//! Estimates of the DLM in lanes of instruments.

use super::histories::Histories;
use super::instruments::{Lanes, Shares};
use super::of_histories::OfHistories;
use crate::distributions::variance_of_t;
use crate::model::estimates::Estimates;
use crate::model::lanes::lane_block::{LANES, put, put_each};
use crate::model::lanes::{Column, Lane};
use crate::processor::{MulAdd, kernel};

/// State to write.
#[derive(Clone, Copy)]
pub(super) struct Written<'a> {
    pub(super) histories: &'a Histories,
    pub(super) lanes: &'a Lanes,
    pub(super) observed: &'a Column,
    pub(super) shares: &'a Shares,
}

/// Values of the histories in the lanes of a block.
#[derive(Clone, Debug, Default)]
pub(super) struct Writer {
    /// Variances of the coefficients in units of S, k lanes, and the deviations written.
    variances: Vec<Lane>,
    deviations: Vec<Lane>,
}

/// Writes all columns except the covariances; values of instruments that have not started have no meaning.
pub(super) fn columns(writer: &mut Writer, of: Written<'_>, estimates: &mut Estimates) {
    let k = of.lanes.mean.k;
    writer.variances.resize(k, Lane::ZERO);
    writer.deviations.resize(k, Lane::ZERO);
    write_kernel(writer, of, estimates);
}

kernel!(fn write_kernel(writer: &mut Writer, of: Written<'_>, estimates: &mut Estimates) = write_body);

#[inline(always)]
fn write_body<M: MulAdd>(writer: &mut Writer, of: Written<'_>, estimates: &mut Estimates) {
    let (n, k) = (estimates.instruments(), of.lanes.mean.k);
    let Writer { variances, deviations } = writer;
    let mut of_histories = OfHistories::new();
    let [mut dof, mut forecast_dof, mut forecast_variance] = [Lane::ZERO; 3];
    for (block, mean) in of.lanes.mean.blocks.chunks_exact(k).enumerate() {
        of_histories.fill(of.histories, block, |at, lanes| {
            let Some(at) = at else { return };
            let history = &of.histories.list[at];
            dof.0[lanes.clone()].fill(history.dof);
            forecast_dof.0[lanes.clone()].fill(history.forecast_dof);
            let scale = variance_of_t(history.forecast_dof) * (1.0 + of.shares.list[at].spread);
            forecast_variance.0[lanes.clone()].fill(scale);
            let of_t = variance_of_t(history.dof);
            let covariance = &of.histories.packs[at / LANES].covariance;
            for (j, variance) in variances.iter_mut().enumerate() {
                variance.0[lanes.clone()].fill(of_t * covariance.entry(j, j)[at % LANES]);
            }
        });
        let s = of.lanes.observation_var.0[block];
        for (deviation, variance) in deviations.iter_mut().zip(&*variances) {
            let (variance, mut root) = (*variance, Lane::ZERO);
            for lane in 0..LANES {
                root.0[lane] = (variance.0[lane] * s.0[lane]).sqrt();
            }
            *deviation = root;
        }
        put_each(&mut estimates.coefficient_sd, n, block, deviations);
        put(&mut estimates.alpha, block, &mean[0]);
        put_each(&mut estimates.betas, n, block, &mean[1..]);
        put(&mut estimates.observation_var, block, &s);
        put(&mut estimates.dof, block, &dof);
        let (y, f, scale) = (of.observed.0[block], of.lanes.forecast.0[block], of.lanes.prior_var.0[block]);
        let (mut sd, mut error) = (Lane::ZERO, Lane::ZERO);
        for lane in 0..LANES {
            sd.0[lane] = (forecast_variance.0[lane] * scale.0[lane]).sqrt();
            error.0[lane] = y.0[lane] - f.0[lane];
        }
        put(&mut estimates.forecast_mean, block, &f);
        put(&mut estimates.forecast_sd, block, &sd);
        put(&mut estimates.forecast_dof, block, &forecast_dof);
        put(&mut estimates.forecast_error, block, &error);
    }
}
