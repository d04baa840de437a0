//! Discount-factor filter against the Python package `pybats`, on the embedded tutorial data.
//!
//! `reference/make_pybats.py` wrote the reference and describes `pybats`; `Ours` converts different names and
//! scales.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, RecordBatch};
use betaflow_connectors::parquet::{ParquetSource, Settings};
use betaflow_connectors::tutorial;
use betaflow_engine::frame::Frame;
use betaflow_engine::model::{Dlm, Estimates, Estimator, EstimatorSettings, Returns, WindUp};
use betaflow_engine::settings::Calendar;
use betaflow_engine::source::Source;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Number of coefficients: alpha and the tutorial's six factors.
const K: usize = 7;

/// Maximum difference from `pybats`: relative for s, n and the scale of the forecast; in posterior standard
/// deviations for a coefficient, in √q for a forecast, and in √(R_ii R_jj) for a covariance, because these may be
/// near zero. Rounding alone gives 4e-14.
const TOLERANCE: f64 = 1e-11;

/// Converts the inputs of `pybats` to estimator settings.
fn settings(row: &Reference<'_>) -> EstimatorSettings {
    EstimatorSettings {
        alpha_discount_factor: row.number("deltrend"),
        discount_factor: row.number("delregn"),
        variance_discount: row.number("delvar"),
        initial_alpha_variance: Some(row.number("alpha_var")),
        initial_variance: row.number("beta_var"),
        initial_market_beta: 1.0,
        observation_variance: Some(row.number("s0")),
        observation_dof: row.number("n0"),
        wind_up: WindUp::Plain,
        discount_missing: false,
        ..EstimatorSettings::default()
    }
}

/// Row of the reference: the state of `pybats` after a bar.
struct Reference<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

impl Reference<'_> {
    fn optional(&self, column: &str) -> Option<f64> {
        let column = self.batch[column].as_primitive::<Float64Type>();
        column.is_valid(self.row).then(|| column.value(self.row))
    }

    fn number(&self, column: &str) -> f64 {
        self.optional(column).unwrap()
    }

    fn text(&self, column: &str) -> String {
        self.batch[column].as_string::<i32>().value(self.row).to_owned()
    }

    fn missing(&self) -> bool {
        self.batch["missing"].as_boolean().value(self.row)
    }
}

/// Our estimates of one instrument, in the terms of `pybats`.
struct Ours<'a> {
    estimates: &'a Estimates,
    instrument: usize,
    variance_discount: f64,
}

impl Ours<'_> {
    fn coefficient(&self, j: usize) -> f64 {
        match j {
            0 => self.estimates.alpha[self.instrument],
            _ => self.estimates.betas_on(j - 1)[self.instrument],
        }
    }

    fn s(&self) -> f64 {
        self.estimates.observation_var[self.instrument]
    }

    /// Returns n discounted for the next bar, as stored by `pybats`; this crate discounts n at the next bar.
    fn n(&self) -> f64 {
        self.variance_discount * self.estimates.dof[self.instrument]
    }

    /// Returns R before the next bar: the squared scale of the t distribution, from the reported covariance.
    fn prior_covariance(&self, i: usize, j: usize) -> f64 {
        let dof = self.estimates.dof[self.instrument];
        self.estimates.coefficient_cov_of(self.instrument, i, j) * (dof - 2.0) / dof
    }

    fn forecast_dof(&self) -> f64 {
        self.estimates.forecast_dof[self.instrument]
    }

    /// Returns q = F'RF + s: the squared scale of the t distribution, from the reported standard deviation.
    fn forecast_scale(&self) -> f64 {
        let (sd, dof) = (self.estimates.forecast_sd[self.instrument], self.forecast_dof());
        sd * sd * (dof - 2.0) / dof
    }
}

fn frames() -> Vec<Frame> {
    let factors = tutorial::FACTORS.iter().map(|(name, text)| ((*name).to_owned(), text.parse().unwrap()));
    let settings = Settings { factors: factors.collect(), ..Settings::default() };
    let mut source = ParquetSource::open(&tutorial::prices(), None, settings).unwrap();
    let mut frames = vec![Frame::default()];
    while source.next_frame(frames.last_mut().unwrap()).unwrap() {
        frames.push(Frame::default());
    }
    frames.pop();
    frames
}

/// Returns the rows of the reference, one batch per case.
fn reference() -> Vec<RecordBatch> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/pybats.parquet");
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let mut all = reader.with_batch_size(usize::MAX >> 1).build().unwrap();
    let all = all.next().unwrap().unwrap();
    let mut cases: Vec<(usize, usize)> = Vec::new();
    for row in 0..all.num_rows() {
        let case = |row| Reference { batch: &all, row }.text("case");
        match cases.last_mut() {
            Some((start, length)) if case(*start) == case(row) => *length += 1,
            _ => cases.push((row, 1)),
        }
    }
    cases.into_iter().map(|(start, length)| all.slice(start, length)).collect()
}

/// Largest difference of each quantity over all bars, in units of its size.
#[derive(Default, Debug)]
struct Worst {
    coefficient: f64,
    s: f64,
    n: f64,
    covariance: f64,
    forecast: f64,
    forecast_scale: f64,
    forecast_dof: f64,
    /// Number of covariance matrices compared.
    matrices: usize,
}

fn see(worst: &mut f64, ours: f64, theirs: f64, size: f64) {
    // `max` would drop a NaN.
    let difference = (ours - theirs).abs() / size;
    if difference.is_nan() || difference > *worst {
        *worst = difference;
    }
}

impl Worst {
    fn largest(&self) -> f64 {
        let all = [self.coefficient, self.s, self.n, self.covariance, self.forecast, self.forecast_scale];
        let all = all.into_iter().chain([self.forecast_dof]);
        all.fold(0.0, |worst, value| if value.is_nan() { f64::INFINITY } else { worst.max(value) })
    }

    fn compare(&mut self, ours: &Ours<'_>, theirs: &Reference<'_>) {
        let own = |column: &str| theirs.number(column);
        let (q, n, s) = (own("forecast_scale"), own("n"), own("s"));
        let forecast = ours.estimates.forecast_mean[ours.instrument];
        see(&mut self.forecast, forecast, own("forecast"), q.sqrt());
        see(&mut self.forecast_scale, ours.forecast_scale(), q, q);
        see(&mut self.forecast_dof, ours.forecast_dof(), own("forecast_dof"), own("forecast_dof"));
        see(&mut self.s, ours.s(), s, s);
        see(&mut self.n, ours.n(), n, n);
        for j in 0..K {
            let sd = ours.prior_covariance(j, j).sqrt();
            see(&mut self.coefficient, ours.coefficient(j), own(&format!("m{j}")), sd);
        }
        for i in 0..K {
            for j in i..K {
                if let Some(r) = theirs.optional(&format!("r{i}{j}")) {
                    let size = own(&format!("r{i}{i}")) * own(&format!("r{j}{j}"));
                    see(&mut self.covariance, ours.prior_covariance(i, j), r, size.sqrt());
                    self.matrices += usize::from(i + j == 0);
                }
            }
        }
    }
}

/// Runs the filter over all instruments, with the masked returns of the case's instrument removed.
fn run(frames: &[Frame], case: &RecordBatch) -> Worst {
    let first = Reference { batch: case, row: 0 };
    let names: Vec<_> = frames[0].listed.iter().map(|name| name.to_string()).collect();
    let instrument = names.iter().position(|name| *name == first.text("symbol")).unwrap();
    let settings = settings(&first);
    let mut filter = Dlm::new(&settings, &Calendar::default(), tutorial::FACTORS.len());
    let (mut returns, mut estimates) = (Returns::new(true), Estimates::default());
    returns.of(&frames[0]);
    let mut worst = Worst::default();
    for (row, frame) in frames[1..=case.num_rows()].iter().enumerate() {
        let theirs = Reference { batch: case, row };
        let mut y = returns.of(frame).to_vec();
        if theirs.missing() {
            y[instrument] = f64::NAN;
        }
        filter.step(&frame.factors, &y, false);
        estimates.factors.clone_from(&frame.factors);
        estimates.decides = true;
        filter.write(&mut estimates);
        assert_eq!(estimates.forecast_error[instrument].is_nan(), theirs.missing(), "bar {row}");
        // Before the first return of an instrument, this crate has no estimates, and `pybats` has the prior.
        if estimates.started(instrument) {
            let ours =
                Ours { estimates: &estimates, instrument, variance_discount: settings.variance_discount };
            worst.compare(&ours, &theirs);
        }
    }
    worst
}

#[test]
fn dlm_equals_pybats_with_learned_variance_and_missing_bars() {
    let frames = frames();
    let cases = reference();
    assert_eq!(cases.len(), 4);
    for case in &cases {
        let name = Reference { batch: case, row: 0 }.text("case");
        assert_eq!(case.num_rows(), 600, "{name}");
        let worst = run(&frames, case);
        assert_eq!(worst.matrices, 30, "{name}");
        assert!(worst.largest() <= TOLERANCE, "{name}: {worst:?}");
    }
}
