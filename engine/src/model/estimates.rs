//! Output of an estimator for one frame.

use std::sync::Arc;

use super::coefficient_covariance::CoefficientCovariance;
use crate::frame::{CrossSection, Supervision};
use crate::groups::GroupColumn;
use crate::names::InstrumentNames;
use crate::range::OutOfRange;
use crate::state::Checkpoint;
use crate::time::{TimestampNs, UtcOffset};

/// Output of the estimator for a frame: the forecast of the frame, and the state after it.
///
/// Columns have length n in engine order; an instrument before its first return has NaN everywhere. The
/// columns are filled only if `complete`: on frames that rebalance or are recorded.
#[derive(Clone, Debug, Default)]
pub struct Estimates {
    /// Sequence number of the frame.
    pub seq: u64,
    /// Closing time of its bars.
    pub timestamp: TimestampNs,
    /// Local time less UTC, as [`Frame::utc_offset`](crate::frame::Frame::utc_offset).
    pub utc_offset: UtcOffset,
    /// Names of the instruments in engine order.
    pub names: InstrumentNames,
    /// Factor returns of the frame, length k; NaN where it has none.
    pub factors: Vec<f64>,
    /// Returns of the frame, length n, NaN where missing; empty if no strategy reads them.
    pub returns: Vec<f64>,
    /// Returns of the frame less β'f with the betas from before it, length n, NaN where missing; empty if no
    /// strategy reads them.
    pub residuals: Vec<f64>,
    /// Forecasts or weights of the user that become known on the frame.
    pub signal: CrossSection,
    /// Groups of the instruments and returns of their factors; empty without groups.
    pub groups: Vec<GroupColumn>,
    /// A vendor's factor covariance per frame in force, k × k; empty without one.
    pub factor_cov: Vec<f64>,
    /// True if the warm-up is over and the schedule has a rebalance on this frame.
    pub decides: bool,
    /// True if nothing reads `coefficient_cov`: it then stays empty.
    pub omits_covariance: bool,
    /// Supervision of the source.
    pub supervision: Supervision,
    /// True on the last frame of a month and on the last of all, in runs that record by month.
    pub ends_month: bool,
    /// True if the columns below are filled.
    pub complete: bool,
    /// True if the columns are filled for the record alone: neither sizing nor attribution uses them.
    pub only_recorded: bool,
    /// Posterior mean of alpha.
    pub alpha: Vec<f64>,
    /// Posterior mean of the betas: factor j of instrument i at `j * n + i`, [`Self::loadings`] columns. The loading on
    /// a group is NaN if the instrument has none, or its group has not had a factor yet.
    pub betas: Vec<f64>,
    /// Posterior standard deviations of (alpha, betas), of the t, not its scale: coefficient j of instrument
    /// i at `j * n + i`, one column more than betas.
    pub coefficient_sd: Vec<f64>,
    /// Expected observation variance of the next frame; S in a single model.
    pub observation_var: Vec<f64>,
    /// Degrees of freedom of the observation variance.
    pub dof: Vec<f64>,
    /// Covariance of the next frame's (alpha, betas), including the variance between the models of a mixture. Only
    /// on frames that rebalance, unless omitted.
    pub coefficient_cov: CoefficientCovariance,
    /// Forecast f of this frame's return, given its factors and the previous posterior.
    pub forecast_mean: Vec<f64>,
    /// Standard deviation of that forecast (of the t, not its scale; infinite for 2 degrees of freedom or
    /// fewer).
    pub forecast_sd: Vec<f64>,
    /// Degrees of freedom of that forecast.
    pub forecast_dof: Vec<f64>,
    /// Forecast error e = y − f; NaN if the return is missing.
    pub forecast_error: Vec<f64>,
    /// First value of the frame that is out of range, if such a value halts trading instead of ending the
    /// run.
    pub out_of_range: Option<Box<OutOfRange>>,
    /// State after the frame, including that of the estimate stage, if the source requested a checkpoint.
    pub checkpoint: Option<Arc<Checkpoint>>,
}

impl Estimates {
    /// Local date of the frame, in days since 1970-01-01.
    #[must_use]
    pub const fn date(&self) -> i64 {
        self.timestamp.local(self.utc_offset).date()
    }

    /// Number of instruments.
    #[must_use]
    pub fn instruments(&self) -> usize {
        self.alpha.len()
    }

    /// Number of factors that an instrument loads on: those of the data, and one for each column of groups that make
    /// factors.
    #[must_use]
    pub fn loadings(&self) -> usize {
        self.factors.len() + self.groups.iter().filter(|column| column.has_factors).count()
    }

    /// Betas on factor j, length n. The factors of the data come first; behind them follows the instrument's own group
    /// for each column of groups that make factors.
    #[must_use]
    pub fn betas_on(&self, factor: usize) -> &[f64] {
        let n = self.instruments();
        &self.betas[factor * n..(factor + 1) * n]
    }

    /// Standard deviations of coefficient j: 0 for alpha, then the factors. Length n.
    #[must_use]
    pub fn sd_of(&self, coefficient: usize) -> &[f64] {
        let n = self.instruments();
        &self.coefficient_sd[coefficient * n..(coefficient + 1) * n]
    }

    /// Covariance of coefficients a and b of an instrument in the next frame; only on frames that rebalance.
    #[must_use]
    pub fn coefficient_cov_of(&self, instrument: usize, a: usize, b: usize) -> f64 {
        self.coefficient_cov.of(instrument, a, b)
    }

    /// Returns true if the estimator writes `coefficient_cov`.
    #[must_use]
    pub const fn has_covariance(&self) -> bool {
        self.decides && !self.omits_covariance
    }

    /// Returns true if the instrument has had a return.
    #[must_use]
    pub fn started(&self, instrument: usize) -> bool {
        !self.alpha[instrument].is_nan()
    }

    /// Clears the forecast: a frame without factors has none.
    pub fn clear_forecast(&mut self) {
        for column in
            [&mut self.forecast_mean, &mut self.forecast_sd, &mut self.forecast_dof, &mut self.forecast_error]
        {
            column.fill(f64::NAN);
        }
    }

    /// Extends the columns to n instruments with NaN: a frame can list an instrument and have no factors.
    pub fn pad(&mut self, n: usize) {
        let known = self.instruments();
        if known == n {
            return;
        }
        if known == 0 {
            return self.reset(n);
        }
        self.coefficient_cov.pad(n);
        for table in [&mut self.betas, &mut self.coefficient_sd] {
            let columns = table.chunks(known.max(1)).map(|column| {
                let padding = std::iter::repeat_n(&f64::NAN, n - known);
                column.iter().chain(padding).copied()
            });
            *table = columns.flatten().collect();
        }
        for column in [
            &mut self.alpha,
            &mut self.observation_var,
            &mut self.dof,
            &mut self.forecast_mean,
            &mut self.forecast_sd,
            &mut self.forecast_dof,
            &mut self.forecast_error,
        ] {
            column.resize(n, f64::NAN);
        }
    }

    /// Resizes the columns to n instruments, all NaN.
    pub fn reset(&mut self, n: usize) {
        for column in self.resize(n) {
            column.fill(f64::NAN);
        }
        if self.has_covariance() {
            self.coefficient_cov.begin_columns(n, self.loadings() + 1).fill(f64::NAN);
        }
    }

    /// Resizes the columns to n instruments, for an estimator that sets every value; without covariances.
    pub(super) fn resize(&mut self, n: usize) -> [&mut Vec<f64>; 9] {
        let k = self.loadings();
        if !self.has_covariance() {
            self.coefficient_cov.clear();
        }
        let columns = [
            (&mut self.alpha, n),
            (&mut self.betas, n * k),
            (&mut self.coefficient_sd, n * (k + 1)),
            (&mut self.observation_var, n),
            (&mut self.dof, n),
            (&mut self.forecast_mean, n),
            (&mut self.forecast_sd, n),
            (&mut self.forecast_dof, n),
            (&mut self.forecast_error, n),
        ];
        columns.map(|(column, length)| {
            column.resize(length, f64::NAN);
            column
        })
    }

    /// Copies the columns of the instruments of a part; with covariances in columns, those as well. `members`: instrument
    /// of each slot; a free slot has a number that no instrument has.
    pub(super) fn scatter(&mut self, part: &Self, members: &[u32]) {
        let (n, m) = (self.instruments(), part.instruments());
        let tables = [
            (&mut self.alpha, &part.alpha),
            (&mut self.betas, &part.betas),
            (&mut self.coefficient_sd, &part.coefficient_sd),
            (&mut self.observation_var, &part.observation_var),
            (&mut self.dof, &part.dof),
            (&mut self.forecast_mean, &part.forecast_mean),
            (&mut self.forecast_sd, &part.forecast_sd),
            (&mut self.forecast_dof, &part.forecast_dof),
            (&mut self.forecast_error, &part.forecast_error),
        ];
        for (to, from) in tables {
            for (to, from) in to.chunks_exact_mut(n).zip(from.chunks_exact(m)) {
                scatter(to, from, members);
            }
        }
        self.coefficient_cov.scatter(&part.coefficient_cov, members);
    }

    /// Multiplies the loadings on a column of groups, which are coefficient `j`; covariances only if they are in columns.
    pub(super) fn scale_loading(&mut self, j: usize, by: f64) {
        let n = self.instruments();
        self.betas[(j - 1) * n..j * n].iter_mut().for_each(|beta| *beta *= by);
        self.coefficient_sd[j * n..(j + 1) * n].iter_mut().for_each(|sd| *sd *= by);
        self.coefficient_cov.scale(j, by);
    }

    /// Removes the loading of instruments on a column of groups, which is coefficient `j`: it is not estimated.
    pub(super) fn remove_loading(&mut self, j: usize, instruments: impl Iterator<Item = usize>) {
        let n = self.instruments();
        for i in instruments {
            self.betas[(j - 1) * n + i] = f64::NAN;
            self.coefficient_sd[j * n + i] = f64::NAN;
            self.coefficient_cov.remove(i, j);
        }
    }

    /// Sets the columns of an instrument before its first return.
    pub(super) fn set_unknown(&mut self, instrument: usize) {
        let n = self.instruments();
        // The lengths stay as they are.
        for table in self.resize(n) {
            table.chunks_exact_mut(n).for_each(|column| column[instrument] = f64::NAN);
        }
        self.coefficient_cov.fill(instrument, f64::NAN);
    }
}

/// Copies a column of a part into that of all instruments.
pub(super) fn scatter(to: &mut [f64], from: &[f64], members: &[u32]) {
    for (value, i) in from.iter().zip(members) {
        if let Some(to) = to.get_mut(*i as usize) {
            *to = *value;
        }
    }
}
