//! A vendor's risk model as an [`Estimator`]: betas and residual deviations from a file, as of their time.

use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, Forecasts, Tail};
use super::estimates::Estimates;
use super::estimator::{Estimator, EstimatorFacts};
use super::lanes::Column;
use super::settings::EstimatorSettings;
use crate::frame::CrossSection;
use crate::settings::Calendar;
use crate::state::{StateError, restore_under, same_settings, save_under};

/// Name used in error messages.
const NAME: &str = "given risk model";

/// Coefficients of [`crate::frame::UserData::betas`] in force, without an estimate of their error.
///
/// An instrument starts with its first row that has all betas and a residual deviation. One that a later section
/// leaves out keeps its last row. Rows that become known on a frame act from its rebalance on, and forecast
/// the returns from the next frame on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VendorModel {
    factors: usize,
    calibration: Calibration,
    /// Alpha and betas: coefficient j of instrument i at `i * (k + 1) + j`; NaN before its first row.
    coefficients: Vec<f64>,
    /// Residual variance per frame; NaN before the first row.
    variance: Vec<f64>,
    forecast: Vec<f64>,
    /// Standard deviation of the last forecast.
    forecast_sd: Vec<f64>,
    error: Vec<f64>,
    observed: Column,
    mean: Column,
    scale: Column,
    tail: [Tail; 1],
    tail_of: Vec<u32>,
}

impl VendorModel {
    /// Model of `factors` factors, without instruments.
    #[must_use]
    pub fn new(settings: &EstimatorSettings, calendar: &Calendar, factors: usize) -> Self {
        let mut tail = Tail::new();
        tail.set_normal();
        Self {
            factors,
            calibration: Calibration::new(calendar.per_frame(settings.variance_discount)),
            coefficients: Vec::new(),
            variance: Vec::new(),
            forecast: Vec::new(),
            forecast_sd: Vec::new(),
            error: Vec::new(),
            observed: Column::default(),
            mean: Column::default(),
            scale: Column::default(),
            tail: [tail],
            tail_of: Vec::new(),
        }
    }

    fn instruments(&self) -> usize {
        self.variance.len()
    }

    /// Extends the columns to n instruments.
    fn extend(&mut self, n: usize) {
        let n = n.max(self.instruments());
        self.coefficients.resize(n * (self.factors + 1), f64::NAN);
        for column in [&mut self.variance, &mut self.forecast, &mut self.forecast_sd, &mut self.error] {
            column.resize(n, f64::NAN);
        }
    }

    fn score(&mut self) {
        let n = self.instruments();
        self.mean.resize(n, 0.0);
        self.scale.resize(n, 1.0);
        for i in 0..n {
            self.mean.set(i, if self.variance[i].is_nan() { 0.0 } else { self.forecast[i] });
            self.scale.set(i, if self.variance[i].is_nan() { 1.0 } else { self.variance[i] });
        }
        self.tail_of.resize(n, 0);
        let forecasts = Forecasts {
            observed: &self.observed.0,
            mean: &self.mean.0,
            scale: &self.scale.0,
            tails: &self.tail,
            tail_of: &self.tail_of,
            tail_of_block: &self.tail_of[..self.observed.0.len()],
        };
        self.calibration.observe(&forecasts);
    }
}

impl Estimator for VendorModel {
    fn step(&mut self, factors: &[f64], returns: &[f64], score: bool) {
        self.extend(returns.len());
        let size = self.factors + 1;
        for (i, row) in self.coefficients.chunks(size).enumerate() {
            let explained: f64 = row[1..].iter().zip(factors).map(|(beta, f)| beta * f).sum();
            self.forecast[i] = row[0] + explained;
            self.forecast_sd[i] = self.variance[i].sqrt();
            self.error[i] = returns.get(i).map_or(f64::NAN, |r| r - self.forecast[i]);
        }
        if score {
            let known = |(r, variance): (&f64, &f64)| if variance.is_nan() { f64::NAN } else { *r };
            let observed: Vec<f64> = returns.iter().zip(&self.variance).map(known).collect();
            self.observed.fill_from(&observed, f64::NAN);
            self.score();
        }
    }

    fn give(&mut self, betas: &CrossSection) {
        let (n, size) = (betas.instruments(), self.factors + 1);
        self.extend(n);
        let deviations = betas.column(size);
        for i in (0..n).filter(|i| !deviations[*i].is_nan()) {
            for j in 0..size {
                let value = betas.column(j)[i];
                // A risk model without alpha forecasts none.
                self.coefficients[i * size + j] = if j == 0 && value.is_nan() { 0.0 } else { value };
            }
            self.variance[i] = deviations[i] * deviations[i];
        }
    }

    fn write(&mut self, estimates: &mut Estimates) {
        let (n, size) = (self.instruments(), self.factors + 1);
        estimates.reset(n);
        for i in (0..n).filter(|i| !self.variance[*i].is_nan()) {
            estimates.alpha[i] = self.coefficients[i * size];
            for j in 0..self.factors {
                estimates.betas[j * n + i] = self.coefficients[i * size + j + 1];
            }
            for j in 0..size {
                estimates.coefficient_sd[j * n + i] = 0.0;
            }
            estimates.coefficient_cov.fill(i, 0.0);
            estimates.observation_var[i] = self.variance[i];
            estimates.dof[i] = f64::INFINITY;
            estimates.forecast_mean[i] = self.forecast[i];
            estimates.forecast_sd[i] = self.forecast_sd[i];
            estimates.forecast_dof[i] = f64::INFINITY;
            estimates.forecast_error[i] = self.error[i];
        }
    }

    fn facts(&self) -> EstimatorFacts {
        let known = self.variance.iter().filter(|variance| !variance.is_nan()).count() as u64;
        EstimatorFacts {
            total: self.calibration.total(self.instruments()),
            instruments: (0..self.instruments())
                .map(|i| self.calibration.of(i, !self.variance[i].is_nan()))
                .collect(),
            groups: known.min(1),
            largest_group: known,
        }
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        save_under(NAME, &(self.factors, self.calibration.variance_discount()), self)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        let settings = (self.factors, self.calibration.variance_discount());
        let saved: Self = restore_under(NAME, &settings, state)?;
        same_settings(NAME, &(saved.factors, saved.calibration.variance_discount()), &settings)?;
        *self = saved;
        Ok(())
    }
}
