//! Placement, capacity and batch size do not change results, failures carry the stage's name, and no run
//! hangs.

use betaflow_engine::frame::Frame;
use betaflow_engine::ledger::{LedgerFrame, RecordError, Recorder, RunFacts};
use betaflow_engine::model::Estimates;
use betaflow_engine::pipeline::{PipelineError, Placement, RunOptions, RunSettings, trading};
use betaflow_engine::source::{DataFacts, MemorySource, Source, SourceError};
use proptest::prelude::*;

use crate::support::{Busy, Market, run, settings};

fn placements() -> Vec<Placement> {
    let groups =
        [vec![2, 3], vec![3, 2], vec![4, 1], vec![1, 2, 2], vec![2, 1, 2], vec![1, 1, 1, 2], vec![2, 2, 1]];
    let mut all = vec![Placement::Auto, Placement::Inline, Placement::Threaded];
    all.extend(groups.map(Placement::Groups));
    all
}

#[test]
fn digest_is_equal_for_every_placement_capacity_and_batch() {
    let market = Market { missing: 0.1, late: 0.2, gone_at: Some(200), frames: 300, ..Market::default() };
    let digest = |placement: &Placement, capacity, batch| {
        let settings = RunSettings { frames_per_message: batch, ..settings() };
        let options = RunOptions { placement: placement.clone(), capacity, ..RunOptions::default() };
        let (ledger, report) = run(&market, &settings, &options).unwrap();
        assert_eq!(ledger.last().unwrap().digest, report.facts.digest);
        report.facts.digest
    };
    let reference = digest(&Placement::Inline, 64, None);
    for placement in placements() {
        for capacity in [1, 2, 64] {
            for batch in [Some(1), Some(7), None] {
                assert_eq!(
                    digest(&placement, capacity, batch),
                    reference,
                    "{placement:?} {capacity} {batch:?}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn digest_depends_on_the_data_alone(seed in 0_u64..1_000, cell in 0_usize..200, up in 1.001..2.0_f64) {
        let market = Market { seed, frames: 120, instruments: 6, ..Market::default() };
        let (ledger, report) = run(&market, &settings(), &RunOptions::default()).unwrap();
        let (_, again) = run(&market, &settings(), &RunOptions::default()).unwrap();
        prop_assert_eq!(report.facts.digest, again.facts.digest);
        // A held instrument's last price changes NAV. The price of another instrument may change the
        // rebalance through the estimates. The digest changes exactly with the data that it covers.
        let mut frames = market.frames();
        let last = frames.last_mut().unwrap();
        let at = cell % last.close.len();
        last.close[at] *= up;
        let held = ledger.last().unwrap().held[at];
        let keep = crate::support::Keep::default();
        let other = std::sync::Arc::clone(&keep.0);
        let source = MemorySource::new(market.factor_names(), frames);
        let changed = trading(Box::new(source), Box::new(Busy), &settings(), vec![Box::new(keep)]).unwrap();
        let changed = changed.run(&RunOptions::default()).unwrap();
        let covered = |frames: &[LedgerFrame]| -> Vec<_> {
            let of = |f: &LedgerFrame| (f.seq, f.nav.to_bits(), f.cash.to_bits(), f.fills.clone(), f.target.clone());
            frames.iter().map(of).collect()
        };
        let differs = covered(&ledger) != covered(&other.lock().unwrap());
        prop_assert_eq!(changed.facts.digest != report.facts.digest, differs);
        prop_assert!(differs || held == 0.0, "a held instrument's price moves NAV");
    }
}

/// Source that fails after some frames, with an error or a panic.
struct Failing {
    inner: MemorySource,
    left: usize,
    panics: bool,
}

impl Source for Failing {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        if self.left == 0 {
            assert!(!self.panics, "panic of a stage");
            return Err("row 17: found a sheep, expected a price".into());
        }
        self.left -= 1;
        self.inner.next_frame(frame)
    }

    fn factor_names(&self) -> &[String] {
        self.inner.factor_names()
    }

    fn facts(&self) -> DataFacts {
        self.inner.facts()
    }
}

/// Recorder that fails on some frame of the ledger.
struct FullDisk(usize);

impl Recorder for FullDisk {
    fn ledger(&mut self, _: &LedgerFrame) -> Result<(), RecordError> {
        self.0 -= 1;
        if self.0 == 0 { Err("the disk is full".into()) } else { Ok(()) }
    }

    fn estimates(&mut self, _: &Estimates) -> Result<(), RecordError> {
        Ok(())
    }

    fn finish(&mut self, _: &RunFacts) -> Result<(), RecordError> {
        panic!("a failed run must not finish its recorders")
    }
}

#[test]
fn failed_stage_ends_the_run_with_its_name() {
    let market = Market::default();
    for placement in placements() {
        for capacity in [1, 64] {
            let options = RunOptions { placement: placement.clone(), capacity, ..RunOptions::default() };
            let source = |left, panics| {
                let inner = MemorySource::new(market.factor_names(), market.frames());
                Box::new(Failing { inner, left, panics })
            };
            let failing = trading(source(150, false), Box::new(Busy), &settings(), Vec::new()).unwrap();
            let error = failing.run(&options).unwrap_err();
            assert!(matches!(error, PipelineError::Failed { stage: "source", .. }), "{placement:?}: {error}");
            assert!(error.to_string().contains("found a sheep"));

            let panicking = trading(source(90, true), Box::new(Busy), &settings(), Vec::new()).unwrap();
            let error = panicking.run(&options).unwrap_err();
            assert!(
                matches!(error, PipelineError::Panicked { stage: "source", .. }),
                "{placement:?}: {error}"
            );

            let recorders: Vec<Box<dyn Recorder>> = vec![Box::new(FullDisk(40))];
            let full = trading(source(usize::MAX, false), Box::new(Busy), &settings(), recorders).unwrap();
            let error = full.run(&options).unwrap_err();
            assert!(matches!(error, PipelineError::Failed { stage: "record", .. }), "{placement:?}: {error}");
        }
    }
}

#[test]
fn groups_that_do_not_fit_the_stages_are_rejected() {
    for sizes in [vec![], vec![2, 2], vec![5, 0], vec![6]] {
        let options = RunOptions { placement: Placement::Groups(sizes), ..RunOptions::default() };
        let error = run(&Market::default(), &settings(), &options).unwrap_err();
        assert!(matches!(error, PipelineError::Graph(_)), "{error}");
    }
}

#[test]
fn runs_without_frames_or_warm_up_complete() {
    let none = Market { frames: 0, ..Market::default() };
    let (ledger, report) = run(&none, &settings(), &RunOptions::default()).unwrap();
    assert!(ledger.is_empty() && report.facts.performance.nav.is_none());
    assert_eq!(report.facts.digest, [0; 32]);
    let mut at_once = settings();
    at_once.estimator.warmup = 0;
    let (ledger, _) = run(&Market::default(), &at_once, &RunOptions::default()).unwrap();
    assert_eq!(ledger.first().unwrap().seq, 0);
}
