//! Columns of estimates: covariances by group or by column, what is left out, histories side by side, and the same
//! bits on every instruction set.

use betaflow_engine::model::{
    Dlm, Estimates, Estimator, EstimatorKind, EstimatorSettings, FixedEstimator, Mixture, WindUp,
};
use betaflow_engine::processor::InstructionSet;
use betaflow_engine::settings::Calendar;

use crate::support::Random;

const INSTRUMENTS: usize = 21;
const FACTORS: usize = 3;

/// Factor and instrument returns, `missing` of them NaN; instrument i has none before frame i.
fn frames(seed: u64, count: usize, missing: f64) -> Vec<(Vec<f64>, Vec<f64>)> {
    let mut random = Random(seed);
    let mut frame = |t: usize| {
        let factors: Vec<f64> = (0..FACTORS).map(|_| 0.01 * (random.uniform() - 0.5)).collect();
        let returns = (0..INSTRUMENTS).map(|i| {
            let size = if random.uniform() < 0.02 { 0.2 } else { 0.02 };
            let y = factors[i % FACTORS] + size * (random.uniform() - 0.5);
            if t < i || random.uniform() < missing { f64::NAN } else { y }
        });
        let returns = returns.collect();
        (factors, returns)
    };
    (0..count).map(&mut frame).collect()
}

fn settings() -> EstimatorSettings {
    EstimatorSettings {
        kind: EstimatorKind::Fixed,
        transition_variance: Some(1e-4),
        observation_variance: Some(1e-4),
        ..EstimatorSettings::default()
    }
}

fn estimators() -> [Box<dyn Estimator>; 3] {
    let (settings, calendar) = (settings(), Calendar::default());
    [
        Box::new(Mixture::new(&settings, &calendar, FACTORS)),
        Box::new(Dlm::new(&settings, &calendar, FACTORS)),
        Box::new(FixedEstimator::new(&settings, &calendar, FACTORS).unwrap()),
    ]
}

fn estimates_of(estimator: &mut dyn Estimator, omits_covariance: bool) -> Estimates {
    let mut estimates =
        Estimates { factors: vec![0.0; FACTORS], decides: true, omits_covariance, ..Estimates::default() };
    estimator.write(&mut estimates);
    estimates
}

fn bits(estimates: &Estimates) -> Vec<u64> {
    let columns = [
        &estimates.alpha,
        &estimates.betas,
        &estimates.coefficient_sd,
        &estimates.observation_var,
        &estimates.dof,
        &estimates.forecast_mean,
        &estimates.forecast_sd,
        &estimates.forecast_dof,
        &estimates.forecast_error,
    ];
    columns.into_iter().flatten().map(|value| value.to_bits()).collect()
}

fn covariance_bits(estimates: &Estimates) -> Vec<u64> {
    let size = FACTORS + 1;
    let entry = |at: usize| estimates.coefficient_cov_of(at / (size * size), at / size % size, at % size);
    (0..estimates.instruments() * size * size).map(|at| entry(at).to_bits()).collect()
}

#[test]
fn traces_are_those_of_the_matrices() {
    let size = FACTORS + 1;
    let square = |a: usize, b: usize| 1.0 / (1.0 + a as f64 + b as f64);
    for mut estimator in estimators() {
        for (factors, returns) in frames(3, 15, 0.05) {
            estimator.step(&factors, &returns, true);
        }
        let estimates = estimates_of(&mut *estimator, false);
        let mut traces = vec![1.0; INSTRUMENTS];
        estimates.coefficient_cov.add_traces(square, &mut Vec::new(), &mut traces);
        for (i, trace) in traces.into_iter().enumerate() {
            let entries = (0..size * size).map(|at| (at / size, at % size));
            let expected: f64 =
                entries.map(|(a, b)| estimates.coefficient_cov_of(i, a, b) * square(a, b)).sum();
            // Before the first return nothing is added.
            let expected = if estimates.started(i) { expected } else { 0.0 };
            assert!((trace - 1.0 - expected).abs() < 1e-14, "{i}: {trace}, {expected}");
        }
    }
}

#[test]
fn padding_adds_instruments_without_estimates() {
    let size = FACTORS + 1;
    for mut estimator in estimators() {
        for (factors, returns) in frames(4, 30, 0.05) {
            estimator.step(&factors, &returns, true);
        }
        let estimates = estimates_of(&mut *estimator, false);
        for more in [0, 1, 9] {
            let mut padded = estimates.clone();
            padded.pad(INSTRUMENTS + more);
            assert_eq!(padded.instruments(), INSTRUMENTS + more);
            let table = |of: &Estimates, i: usize| {
                let mut values = vec![of.alpha[i], of.observation_var[i], of.dof[i]];
                values.extend([
                    of.forecast_mean[i],
                    of.forecast_sd[i],
                    of.forecast_dof[i],
                    of.forecast_error[i],
                ]);
                values.extend((0..FACTORS).map(|j| of.betas_on(j)[i]));
                values.extend((0..size).map(|j| of.sd_of(j)[i]));
                values.extend((0..size * size).map(|at| of.coefficient_cov_of(i, at / size, at % size)));
                values.into_iter().map(f64::to_bits).collect::<Vec<_>>()
            };
            for i in 0..INSTRUMENTS {
                assert_eq!(table(&padded, i), table(&estimates, i), "{i} of {more} more");
            }
            for i in INSTRUMENTS..INSTRUMENTS + more {
                assert!(table(&padded, i).into_iter().all(|bits| f64::from_bits(bits).is_nan()));
            }
        }
        let mut none = Estimates { factors: vec![0.0; FACTORS], decides: true, ..Estimates::default() };
        none.pad(3);
        assert!(none.alpha.len() == 3 && none.coefficient_cov_of(2, 0, 1).is_nan());
    }
}

/// Numbers of coefficients that the kernels unroll, and others, give the same estimates: a factor of zeros carries no
/// information about other coefficients.
#[test]
fn factors_of_zeros_change_no_other_estimate() {
    let calendar = Calendar::default();
    let made = |which: usize, factors: usize| -> Box<dyn Estimator> {
        match which {
            0 => Box::new(Mixture::new(&settings(), &calendar, factors)),
            1 => Box::new(Dlm::new(&settings(), &calendar, factors)),
            _ => Box::new(FixedEstimator::new(&settings(), &calendar, factors).unwrap()),
        }
    };
    for (which, given) in (0..3).flat_map(|which| [(which, 0), (which, FACTORS)]) {
        let (sizes, size) = ([given, 1, 2, 5, 8, 9, 10, 12, 14].map(|factors| factors.max(given)), given + 1);
        let mut filters = sizes.map(|factors| made(which, factors));
        for (t, (factors, returns)) in frames(6, 60, 0.1).into_iter().enumerate() {
            let mut first: Option<Vec<f64>> = None;
            for (filter, factors_in_all) in filters.iter_mut().zip(sizes) {
                let mut x = factors[..given].to_vec();
                x.resize(factors_in_all, 0.0);
                filter.step(&x, &returns, true);
                let mut of = Estimates { factors: x, decides: true, ..Estimates::default() };
                filter.write(&mut of);
                let mut found = [&of.alpha[..], &of.observation_var, &of.dof, &of.forecast_mean].concat();
                found.extend([&of.forecast_sd, &of.forecast_dof, &of.forecast_error].into_iter().flatten());
                found.extend((0..given).flat_map(|j| of.betas_on(j)));
                found.extend((0..size).flat_map(|j| of.sd_of(j)));
                let pairs = (0..size * size).map(|at| (at / size, at % size));
                for (a, b) in pairs {
                    found.extend((0..INSTRUMENTS).map(|i| of.coefficient_cov_of(i, a, b)));
                }
                let expected = first.get_or_insert_with(|| found.clone());
                let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
                let differing = found.iter().zip(&*expected).filter(|pair| !same(*pair)).count();
                assert_eq!(differing, 0, "{which}, {given} of {factors_in_all} factors, frame {t}");
            }
        }
    }
}

#[test]
fn omitted_covariances_change_no_other_column() {
    for mut estimator in estimators() {
        for (factors, returns) in frames(5, 40, 0.05) {
            estimator.step(&factors, &returns, true);
            let (all, some) = (estimates_of(&mut *estimator, false), estimates_of(&mut *estimator, true));
            assert_eq!(bits(&all), bits(&some));
            assert!(some.coefficient_cov.is_empty() && some.coefficient_cov_of(0, 0, 0).is_nan());
        }
    }
}

#[test]
fn instrument_alone_equals_one_among_histories() {
    for (wind_up, discount_missing) in
        [(WindUp::Bounded, false), (WindUp::Bounded, true), (WindUp::Plain, true)]
    {
        let settings = EstimatorSettings { wind_up, discount_missing, ..settings() };
        let calendar = Calendar::default();
        let mut all = Dlm::new(&settings, &calendar, FACTORS);
        let mut alone: Vec<_> = (0..INSTRUMENTS).map(|_| Dlm::new(&settings, &calendar, FACTORS)).collect();
        for (factors, returns) in frames(7, 120, 0.1) {
            all.step(&factors, &returns, true);
            let together = estimates_of(&mut all, false);
            for (i, filter) in alone.iter_mut().enumerate() {
                filter.step(&factors, &returns[i..=i], true);
                let own = estimates_of(filter, false);
                let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
                assert!(same(own.alpha[0], together.alpha[i]), "{i}");
                assert!(same(own.observation_var[0], together.observation_var[i]), "{i}");
                assert!(same(own.forecast_sd[0], together.forecast_sd[i]), "{i}");
                for at in 0..(FACTORS + 1) * (FACTORS + 1) {
                    let (a, b) = (at / (FACTORS + 1), at % (FACTORS + 1));
                    assert!(
                        same(own.coefficient_cov_of(0, a, b), together.coefficient_cov_of(i, a, b)),
                        "{i}"
                    );
                }
            }
        }
        assert!(all.groups() > 2 * 8, "the histories fill several packs");
    }
}

#[test]
fn log_densities_are_those_of_the_forecasts() {
    for mut estimator in estimators().into_iter().take(2) {
        let (mut sums, mut counts) = ([0.0; INSTRUMENTS], [0.0; INSTRUMENTS]);
        for (factors, returns) in frames(11, 300, 0.05) {
            estimator.step(&factors, &returns, true);
            let estimates = estimates_of(&mut *estimator, true);
            for i in (0..INSTRUMENTS).filter(|i| !returns[*i].is_nan()) {
                let (dof, sd) = (estimates.forecast_dof[i], estimates.forecast_sd[i]);
                let (e, scale) = (estimates.forecast_error[i], sd * sd * (dof - 2.0) / dof);
                sums[i] += libm::lgamma(0.5 * (dof + 1.0))
                    - libm::lgamma(0.5 * dof)
                    - 0.5 * libm::log(dof * std::f64::consts::PI * scale)
                    - 0.5 * (dof + 1.0) * libm::log1p(e * e / (dof * scale));
                counts[i] += 1.0;
            }
        }
        for (i, facts) in estimator.facts().instruments.iter().enumerate() {
            assert_eq!(facts.forecasts as f64, counts[i]);
            let (found, expected) = (facts.log_predictive_density.unwrap(), sums[i] / counts[i]);
            assert!((found - expected).abs() < 1e-4, "{i}: {found}, {expected}");
        }
    }
}

#[test]
fn estimates_have_the_same_bits_on_every_instruction_set() {
    let run = |set: InstructionSet| {
        assert_eq!(InstructionSet::limit(set), set);
        let written = estimators().map(|mut estimator| {
            for (factors, returns) in frames(13, 60, 0.05) {
                estimator.step(&factors, &returns, true);
            }
            let estimates = estimates_of(&mut *estimator, false);
            (bits(&estimates), covariance_bits(&estimates), estimator.save().unwrap())
        });
        InstructionSet::limit(InstructionSet::X86V4);
        written
    };
    let baseline = run(InstructionSet::Baseline);
    for set in InstructionSet::compiled().iter().filter(|set| set.is_available()) {
        assert!(run(*set) == baseline, "{}", set.name());
    }
}
