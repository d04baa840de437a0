//! Every instruction set that this processor has gives the same bits: digests of whole runs, and the last estimates. They
//! are those of every other processor, too.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::sync::{Arc, Mutex};

use betaflow_engine::ledger::{LedgerFrame, RecordError, Recorder, RunFacts};
use betaflow_engine::model::{Estimates, EstimatorKind, EstimatorSettings};
use betaflow_engine::model::{Estimator, FirstFrame, FixedEstimator, FixedParameters, PerInstrument};
use betaflow_engine::pipeline::{RunOptions, RunSettings, trading};
use betaflow_engine::processor::InstructionSet;
use betaflow_engine::source::MemorySource;
use support::{Busy, Market, Random, settings};

/// Last estimates of a run, as bits.
#[derive(Clone, Default)]
struct Last(Arc<Mutex<Vec<u64>>>);

impl Recorder for Last {
    fn ledger(&mut self, _: &LedgerFrame) -> Result<(), RecordError> {
        Ok(())
    }

    fn estimates(&mut self, estimates: &Estimates) -> Result<(), RecordError> {
        *self.0.lock().unwrap() = bits(estimates);
        Ok(())
    }

    fn finish(&mut self, _: &RunFacts) -> Result<(), RecordError> {
        Ok(())
    }
}

fn bits(estimates: &Estimates) -> Vec<u64> {
    let Estimates { alpha, betas, coefficient_sd, observation_var, .. } = estimates;
    let Estimates { dof, forecast_mean, forecast_sd, forecast_error, .. } = estimates;
    let k = estimates.factors.len() + 1;
    let pairs = (0..k).flat_map(|a| (a..k).map(move |b| (a, b)));
    let instruments = 0..estimates.instruments();
    let coefficient_cov: Vec<f64> = instruments
        .flat_map(|i| pairs.clone().map(move |(a, b)| estimates.coefficient_cov_of(i, a, b)))
        .collect();
    let columns = [alpha, betas, coefficient_sd, &coefficient_cov, observation_var];
    let forecasts = [dof, forecast_mean, forecast_sd, forecast_error];
    columns.into_iter().chain(forecasts).flatten().map(|value| value.to_bits()).collect()
}

/// Digest and last estimates of a run with gaps, late listings and a rebalance on every frame.
fn run(kind: EstimatorKind) -> ([u8; 32], Vec<u64>) {
    let market = Market { instruments: 45, missing: 0.02, late: 0.3, ..Market::default() };
    let estimator = EstimatorSettings {
        kind,
        transition_variance: Some(1e-5),
        observation_variance: (kind == EstimatorKind::Fixed).then_some(1e-4),
        ..settings().estimator
    };
    let settings = RunSettings { estimator, ..settings() };
    let last = Last::default();
    let source = MemorySource::new(market.factor_names(), market.frames());
    let graph = trading(Box::new(source), Box::new(Busy), &settings, vec![Box::new(last.clone())]).unwrap();
    let report = graph.run(&RunOptions::default()).unwrap();
    let last = last.0.lock().unwrap().clone();
    assert!(!last.is_empty());
    (report.facts.digest, last)
}

/// Last estimates of the filter with given variances, whose covariance is `shared` or each instrument's own.
fn fixed(shared: bool) -> Vec<u64> {
    let (n, factors) = (45, 6);
    let mut parameters = FixedParameters::standard(factors + 1);
    if !shared {
        parameters.observation_variance = PerInstrument::Each((0..n).map(|i| 1.0 + 0.1 * i as f64).collect());
    }
    let mut filter = FixedEstimator::with_parameters(parameters, FirstFrame::Listing, 0.97, factors).unwrap();
    let mut random = Random(3);
    for frame in 0..200 {
        let x: Vec<f64> = (0..factors).map(|_| random.shock()).collect();
        let mut y: Vec<f64> = (0..n).map(|_| random.shock()).collect();
        if frame > 100 && frame % 9 == 0 {
            y[frame % n] = f64::NAN;
        }
        filter.step(&x, &y, true);
    }
    let mut estimates = Estimates { factors: vec![0.0; factors], decides: true, ..Estimates::default() };
    filter.write(&mut estimates);
    bits(&estimates)
}

/// First bytes of the digests of the runs, and a hash of all last estimates. A change of results changes them.
const ON_EVERY_PROCESSOR: [u64; 4] =
    [0x3720_f0cd_d728_b72a, 0x40f5_8c41_d913_639f, 0xabd2_92ed_4dbf_eaee, 0xaf5d_a17a_fab2_4cc1];

/// FNV-1a.
fn hash<'a>(bits: impl Iterator<Item = &'a u64>) -> u64 {
    let bytes = bits.flat_map(|bits| bits.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[test]
fn every_instruction_set_gives_the_same_runs() {
    let mut expected = None;
    for set in InstructionSet::compiled() {
        if !set.is_available() {
            eprintln!("not run on this processor: {}", set.name());
            continue;
        }
        assert_eq!(InstructionSet::limit(*set), *set);
        let found = (
            [EstimatorKind::Dlm, EstimatorKind::Mixture, EstimatorKind::Fixed].map(run),
            [true, false].map(fixed),
        );
        match &expected {
            None => {
                let estimates = found.0.iter().map(|(_, bits)| bits).chain(&found.1).flatten();
                let first = found.0.each_ref().map(|(digest, _)| *digest.first_chunk::<8>().unwrap());
                let [dlm, mixture, fixed] = first.map(u64::from_be_bytes);
                assert_eq!([dlm, mixture, fixed, hash(estimates)], ON_EVERY_PROCESSOR, "{}", set.name());
                expected = Some(found);
            }
            Some(expected) => assert!(found == *expected, "{} differs from baseline", set.name()),
        }
    }
}
