//! The error of a strategy ends the run, and names stage, frame and strategy.

use betaflow_engine::frame::{CrossSection, Frame};
use betaflow_engine::pipeline::{
    PipelineError, Placement, RunOptions, ScenarioError, TradingError, sweeping, trading,
};
use betaflow_engine::settings::Calendar;
use betaflow_engine::source::MemorySource;
use betaflow_engine::strategy::{
    Context, Observed, Strategy, StrategyError, StrategyFailure, TargetKind, Targets,
};

use crate::support::{Market, settings};

/// Method of a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Observe,
    Returns,
    Residuals,
    Signal,
    Decide,
}

/// Strategy that fails in one of its methods, on the call of this number.
struct Failing {
    method: Method,
    calls: u32,
}

impl Failing {
    fn call(&mut self, method: Method) -> Result<(), StrategyError> {
        if method == self.method {
            self.calls -= 1;
            if self.calls == 0 {
                return Err("no breadth".into());
            }
        }
        Ok(())
    }
}

impl Strategy for Failing {
    fn name(&self) -> &str {
        "failing"
    }

    fn observes(&self) -> Observed {
        Observed { returns: true, residuals: true, ..Observed::default() }
    }

    fn observe(&mut self, _: &[f64], _: &Calendar) -> Result<(), StrategyError> {
        self.call(Method::Observe)
    }

    fn observe_returns(&mut self, _: &[f64], _: &Calendar) -> Result<(), StrategyError> {
        self.call(Method::Returns)
    }

    fn observe_residuals(&mut self, _: &[f64], _: &Calendar) -> Result<(), StrategyError> {
        self.call(Method::Residuals)
    }

    fn observe_signal(&mut self, _: &CrossSection, _: Context<'_>) -> Result<(), StrategyError> {
        self.call(Method::Signal)
    }

    fn decide(&mut self, context: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError> {
        assert_eq!(context.factor_names.len(), context.premia.len());
        assert_eq!(context.estimates.names.len(), context.held.len());
        targets.kind = TargetKind::Weights;
        self.call(Method::Decide)
    }
}

fn frames() -> (Vec<String>, Vec<Frame>) {
    let market = Market { frames: 90, ..Market::default() };
    let mut frames = market.frames();
    frames[30].given.signal.of = Some(frames[30].timestamp);
    (market.factor_names(), frames)
}

#[test]
fn error_of_a_strategy_names_stage_frame_and_strategy() {
    let (names, frames) = frames();
    let first_decision = u64::from(settings().estimator.warmup);
    for placement in [Placement::Inline, Placement::Threaded] {
        for (method, calls, seq) in [
            (Method::Observe, 5, None),
            (Method::Returns, 8, Some(7)),
            (Method::Residuals, 5, None),
            (Method::Signal, 1, Some(30)),
            (Method::Decide, 1, None),
        ] {
            let source = MemorySource::new(names.clone(), frames.clone());
            let strategy = Box::new(Failing { method, calls });
            let graph = trading(Box::new(source), strategy, &settings(), Vec::new()).unwrap();
            let options = RunOptions { placement: placement.clone(), ..RunOptions::default() };
            let Err(PipelineError::Failed { stage, source }) = graph.run(&options) else {
                panic!("{method:?}: found a result, expected an error")
            };
            let failure = source.downcast_ref::<StrategyFailure>().unwrap();
            assert_eq!((stage, failure.strategy.as_str()), ("size", "failing"));
            assert_eq!(failure.timestamp, frames[failure.seq as usize].timestamp);
            assert_eq!(failure.source.to_string(), "no breadth");
            assert!(seq.is_none_or(|seq| seq == failure.seq), "{method:?}: {failure}");
            assert!(method != Method::Decide || failure.seq >= first_decision, "{failure}");
        }
    }
}

#[test]
fn error_of_a_strategy_names_its_scenario() {
    let (names, frames) = frames();
    let good = Box::new(Failing { method: Method::Decide, calls: u32::MAX });
    let bad = Box::new(Failing { method: Method::Decide, calls: 2 });
    let scenarios: Vec<(_, Box<dyn Strategy>)> = vec![(settings(), good), (settings(), bad)];
    let source = Box::new(MemorySource::new(names, frames));
    let graph = sweeping(source, &settings(), scenarios, 1, Box::new(|_| {})).unwrap();
    let Err(PipelineError::Failed { source, .. }) = graph.run(&RunOptions::default()) else {
        panic!("found a result, expected an error")
    };
    let ScenarioError { number, source } = source.downcast_ref().unwrap();
    assert_eq!(*number, 1);
    assert!(matches!(source, TradingError::Strategy(failure) if failure.strategy == "failing"));
}
