//! Parts of the engine for a caller with its own loop.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use betaflow_engine::model::{Dlm, Estimator, EstimatorKind, EstimatorSettings, FixedEstimator, Mixture};
use betaflow_engine::settings::Calendar;
use support::Random;

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
            _ => Box::new(FixedEstimator::new(&settings, &calendar, FACTORS).unwrap()),
        }
    };
    for which in 0..3 {
        let (mut listed, mut known) = (make(which), make(which));
        let mut present = 0;
        for (factors, mut returns) in frames(7, 80) {
            // The last four instruments have no return at first, and share a block with others.
            returns[INSTRUMENTS - 4..].iter_mut().filter(|_| present < 30).for_each(|r| *r = f64::NAN);
            present += 1;
            let n = if present <= 30 { INSTRUMENTS - 4 } else { INSTRUMENTS };
            listed.step(&factors, &returns[..n], true);
            known.step(&factors, &returns, true);
        }
        let (listed, known) = (listed.facts(), known.facts());
        assert_eq!(listed.total, known.total, "estimator {which}");
        assert_eq!(listed.instruments, known.instruments, "estimator {which}");
    }
}
