//! Parts of the engine for a caller with its own loop: covariances, starts, and a risk model of given parts.

use betaflow_engine::groups::GroupColumn;
use betaflow_engine::model::{
    Dlm, Estimates, Estimator, EstimatorKind, EstimatorSettings, FirstFrame, Fixed, FixedEstimator,
    FixedParameters, Mixture, PerInstrument,
};
use betaflow_engine::names::InstrumentNames;
use betaflow_engine::portfolio::FactorRisk;
use betaflow_engine::settings::Calendar;

use crate::support::Random;

const FACTORS: usize = 2;
const INSTRUMENTS: usize = 9;

/// Factor returns and returns of frames; a tenth of the returns is missing, and the last instrument starts late.
fn frames(seed: u64, count: usize) -> Vec<(Vec<f64>, Vec<f64>)> {
    let mut random = Random(seed);
    let mut frame = |t: usize| {
        let factors: Vec<f64> = (0..FACTORS).map(|_| 0.02 * (random.uniform() - 0.5)).collect();
        let mut value = |i: usize| {
            let missing = (random.uniform() - 0.5) > 0.4 || (i + 1 == INSTRUMENTS && t < 20);
            let noise = 0.02 * (random.uniform() - 0.5);
            if missing { f64::NAN } else { factors[0] * (1.0 + 0.1 * i as f64) + noise }
        };
        let returns = (0..INSTRUMENTS).map(&mut value).collect();
        (factors, returns)
    };
    (0..count).map(&mut frame).collect()
}

#[test]
fn covariances_have_the_squared_deviations_on_their_diagonals() {
    let settings = EstimatorSettings {
        kind: EstimatorKind::Fixed,
        transition_variance: Some(1e-4),
        observation_variance: Some(1e-4),
        ..EstimatorSettings::default()
    };
    let calendar = Calendar::default();
    let mut mixture = Mixture::new(&settings, &calendar, FACTORS);
    let mut dlm = Dlm::new(&settings, &calendar, FACTORS);
    let mut fixed = FixedEstimator::new(&settings, &calendar, FACTORS).unwrap();
    let (mut out, size) = (Vec::new(), FACTORS + 1);
    for (t, (factors, returns)) in frames(3, 60).iter().enumerate() {
        for which in 0..3 {
            let estimator: &mut dyn Estimator = match which {
                0 => &mut mixture,
                1 => &mut dlm,
                _ => &mut fixed,
            };
            let mut estimates = Estimates { factors: vec![0.0; FACTORS], ..Estimates::default() };
            estimator.step(factors, returns, true);
            estimator.write(&mut estimates);
            match which {
                0 => mixture.write_covariances(&mut out),
                1 => dlm.write_covariances(&mut out),
                _ => fixed.write_covariances(&mut out),
            }
            assert_eq!(out.len(), INSTRUMENTS * size * size);
            for (i, matrix) in out.chunks_exact(size * size).enumerate() {
                let started = estimates.started(i);
                assert_eq!(started, !matrix[0].is_nan(), "frame {t}, instrument {i}");
                for at in (0..size * size).filter(|_| started) {
                    assert_eq!(matrix[at].to_bits(), matrix[at % size * size + at / size].to_bits());
                }
                for j in (0..size).filter(|_| started) {
                    assert_eq!(matrix[j * size + j].sqrt().to_bits(), estimates.sd_of(j)[i].to_bits());
                }
            }
        }
    }
}

/// Groups of the instruments with even and with odd numbers, and their mean returns.
fn in_two_groups(returns: &[f64]) -> GroupColumn {
    let of = |group: usize| returns.iter().skip(group).step_by(2).filter(|r| !r.is_nan());
    let mut names = InstrumentNames::default();
    names.extend(&["even".into(), "odd".into()]);
    GroupColumn {
        factor: "parity".to_owned(),
        has_factors: true,
        names,
        of: (0..returns.len()).map(|i| (i % 2) as u32).collect(),
        returns: [0, 1].map(|group| of(group).sum::<f64>() / of(group).count() as f64).to_vec(),
        trading: [0, 1].map(|group| of(group).count() as u32).to_vec(),
    }
}

#[test]
fn instrument_listed_late_is_scored_from_its_first_return_on() {
    let settings = EstimatorSettings {
        kind: EstimatorKind::Fixed,
        transition_variance: Some(1e-4),
        observation_variance: Some(1e-4),
        ..EstimatorSettings::default()
    };
    let calendar = Calendar::default();
    let make = |which: usize| -> Box<dyn Estimator> {
        match which {
            0 => Box::new(Mixture::new(&settings, &calendar, FACTORS)),
            1 => Box::new(Dlm::new(&settings, &calendar, FACTORS)),
            2 => Box::new(Mixture::with_groups(&settings, &calendar, FACTORS, 1)),
            3 => Box::new(Dlm::with_groups(&settings, &calendar, FACTORS, 1)),
            _ => Box::new(FixedEstimator::new(&settings, &calendar, FACTORS).unwrap()),
        }
    };
    for which in 0..5 {
        let (mut listed, mut known) = (make(which), make(which));
        let mut present = 0;
        for (factors, mut returns) in frames(7, 80) {
            // The last four instruments have no return at first, and share a block with others.
            returns[INSTRUMENTS - 4..].iter_mut().filter(|_| present < 30).for_each(|r| *r = f64::NAN);
            present += 1;
            let n = if present <= 30 { INSTRUMENTS - 4 } else { INSTRUMENTS };
            if [2, 3].contains(&which) {
                listed.set_groups(&[in_two_groups(&returns[..n])]);
                known.set_groups(&[in_two_groups(&returns)]);
            }
            listed.step(&factors, &returns[..n], true);
            known.step(&factors, &returns, true);
        }
        let (listed, known) = (listed.facts(), known.facts());
        assert_eq!(listed.total, known.total, "estimator {which}");
        assert_eq!(listed.instruments, known.instruments, "estimator {which}");
    }
}

#[test]
fn filter_that_starts_at_the_listing_equals_pykalmans() {
    let size = FACTORS + 1;
    let mut random = Random(11);
    let mut parameters = FixedParameters::standard(size);
    parameters.transition = PerInstrument::Common(
        (0..size * size).map(|at| f64::from(u8::from(at % (size + 1) == 0)) * 0.9).collect(),
    );
    let each = (0..INSTRUMENTS).map(|_| 0.5 + (random.uniform() - 0.5).abs()).collect();
    parameters.observation_variance = PerInstrument::Each(each);
    let mut filter = Fixed::new(parameters.clone(), FACTORS).unwrap();
    let start = |first| FixedEstimator::with_parameters(parameters.clone(), first, 0.97, FACTORS);
    assert_eq!(start(FirstFrame::Return).unwrap_err().key, "first_frame");
    let mut estimator = start(FirstFrame::Listing).unwrap();
    assert_eq!(estimator.instruments_max(), Some(INSTRUMENTS));
    let mut estimates = Estimates { factors: vec![0.0; FACTORS], decides: true, ..Estimates::default() };
    for (factors, returns) in frames(5, 40) {
        filter.step(&factors, &returns);
        estimator.step(&factors, &returns, true);
        estimator.write(&mut estimates);
        for i in 0..INSTRUMENTS {
            assert_eq!(estimates.alpha[i].to_bits(), filter.mean(i, 0).to_bits());
            assert_eq!(estimates.observation_var[i], *parameters.observation_variance.of(i));
            // F P F' + Q for F = 0.9 I and Q = I.
            let covariance = filter.covariance(i);
            for (a, b) in [(0, 0), (0, 1), (1, 2), (2, 2)] {
                let expected = 0.81 * covariance[a * size + b] + f64::from(u8::from(a == b));
                assert!((estimates.coefficient_cov_of(i, a, b) - expected).abs() < 1e-13);
            }
        }
    }
}

#[test]
fn risk_of_given_parts_has_the_variance_of_its_matrix() {
    // Two instruments, two factors: exposures (1, 0.5) and (−0.3, 2).
    let (exposures, factor_cov) = (vec![1.0, -0.3, 0.5, 2.0], vec![4.0, 1.0, 1.0, 9.0]);
    let mut risk = FactorRisk::of_parts(exposures, factor_cov, vec![0.25, f64::INFINITY]);
    // b'Fb = 4 + 2 · 0.5 + 0.25 · 9.
    assert!((risk.variance_of(0) - (4.0 + 1.0 + 2.25 + 0.25)).abs() < 1e-14);
    assert_eq!(risk.variance_of(1), f64::INFINITY);
    let exposure = [0.5 - 0.3 * 0.2, 0.25 + 2.0 * 0.2];
    let common =
        4.0 * exposure[0] * exposure[0] + 2.0 * exposure[0] * exposure[1] + 9.0 * exposure[1] * exposure[1];
    assert!((risk.variance(&[0.5, 0.2]) - (common + 0.25 * 0.25)).abs() < 1e-13);
}
