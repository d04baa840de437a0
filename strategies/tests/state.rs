//! Every strategy resumes from a checkpoint with the results of an uninterrupted run.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../engine/tests/support/mod.rs"]
mod support;

use std::sync::{Arc, Mutex};

use betaflow_engine::ledger::{LedgerFrame, RecordError, Recorder, RunFacts};
use betaflow_engine::model::Estimates;
use betaflow_engine::pipeline::{Graph, RunOptions, resuming, trading};
use betaflow_engine::source::MemorySource;
use betaflow_engine::state::{Checkpoint, Part, StateError};
use betaflow_engine::strategy::Strategy;
use betaflow_strategies::{entries, find};
use support::{Market, settings};

#[derive(Default)]
struct Take(Arc<Mutex<Vec<Checkpoint>>>);

impl Recorder for Take {
    fn ledger(&mut self, _: &LedgerFrame) -> Result<(), RecordError> {
        Ok(())
    }

    fn estimates(&mut self, _: &Estimates) -> Result<(), RecordError> {
        Ok(())
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), RecordError> {
        self.0.lock().unwrap().push(checkpoint.clone());
        Ok(())
    }

    fn finish(&mut self, _: &RunFacts) -> Result<(), RecordError> {
        Ok(())
    }
}

/// Returns the digest at the end of a run, and its checkpoints.
fn run(graph: impl FnOnce(Vec<Box<dyn Recorder>>) -> Graph) -> ([u8; 32], Vec<Checkpoint>) {
    let take = Take::default();
    let taken = Arc::clone(&take.0);
    let report = graph(vec![Box::new(take)]).run(&RunOptions::default()).unwrap();
    let checkpoints = std::mem::take(&mut *taken.lock().unwrap());
    (report.facts.digest, checkpoints)
}

fn build(kind: &str, own: &str) -> Box<dyn Strategy> {
    find(kind).unwrap().build(toml::from_str(own).unwrap()).unwrap().1
}

#[test]
fn every_strategy_resumes_from_a_checkpoint() {
    let market = Market { instruments: 12, frames: 140, missing: 0.05, late: 0.2, ..Market::default() };
    let source = |from: usize| {
        let mut frames = market.frames().split_off(from);
        let asked = frames.iter_mut().filter(|frame| [30, 75, 110].contains(&frame.seq));
        asked.for_each(|frame| frame.checkpoint = Some(Part::default()));
        Box::new(MemorySource::new(market.factor_names(), frames))
    };
    let mut cases: Vec<(&str, &str)> = entries().iter().map(|entry| (entry.kind, "")).collect();
    let of_returns = "from = 'returns'\nwindow = 60";
    cases.extend([("max_sharpe", of_returns), ("min_variance", of_returns)]);
    cases.push(("factor_momentum", "half_life = 20.0"));
    cases.extend([("residual_reversal", "window = 5"), ("stat_arb", "window = 12\nreversion_max = 12")]);
    for (kind, own) in cases {
        let (digest, checkpoints) =
            run(|recorders| trading(source(0), build(kind, own), &settings(), recorders).unwrap());
        assert_eq!(checkpoints.len(), 3);
        for from in &checkpoints {
            let rest = source(from.seq as usize + 1);
            let (again, later) =
                run(|recorders| resuming(rest, build(kind, own), &settings(), recorders, from).unwrap());
            assert_eq!(again, digest, "{kind} {own} after {}", from.seq);
            let expected = checkpoints.iter().filter(|checkpoint| checkpoint.seq > from.seq);
            assert!(later.iter().eq(expected), "{kind} {own} after {}", from.seq);
        }
    }
}

#[test]
fn strategy_resumes_only_under_equal_settings() {
    let cases = [
        ("quarter_kelly", "alpha_shrink = 0.5", "alpha_shrink = 'posterior'"),
        ("factor_momentum", "half_life = 20.0", "half_life = 21.0"),
        ("max_sharpe", "window = 60", "window = 61"),
        ("min_variance", "from = 'returns'", "from = 'forecasts'"),
        ("residual_reversal", "window = 5", "window = 6"),
        ("stat_arb", "open = 1.0", "open = 1.25"),
    ];
    for (kind, own, other) in cases {
        let state = build(kind, own).save().unwrap();
        build(kind, own).load(&state).unwrap();
        assert_eq!(build(kind, other).load(&state), Err(StateError::OtherSettings { of: kind }));
    }
}
