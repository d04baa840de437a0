//! A value out of range ends a replay with its bar and instrument, and halts trading on a live feed.

use std::sync::Arc;

use betaflow_engine::frame::{Frame, Supervision};
use betaflow_engine::ledger::LedgerFrame;
use betaflow_engine::model::{EstimatorKind, WindUp};
use betaflow_engine::pipeline::{PipelineError, Placement, RunOptions, RunSettings, trading};
use betaflow_engine::portfolio::{Halt, LossLimits};
use betaflow_engine::range::{OnOutOfRange, OutOfRange};
use betaflow_engine::source::MemorySource;

use crate::support::{Busy, Keep, Market, settings};

const MARKET: Market =
    Market { seed: 3, instruments: 8, factors: 2, frames: 160, missing: 0.0, late: 0.0, gone_at: None };
/// Number of the changed frame; S005 is instrument 5.
const BAD: usize = 100;

fn run(
    settings: &RunSettings,
    placement: Placement,
    change: impl Fn(&mut Frame),
) -> Result<Vec<LedgerFrame>, PipelineError> {
    let mut frames = MARKET.frames();
    change(&mut frames[BAD]);
    let keep = Keep::default();
    let ledger = Arc::clone(&keep.0);
    let source = MemorySource::new(MARKET.factor_names(), frames);
    let graph = trading(Box::new(source), Box::new(Busy), settings, vec![Box::new(keep)]).unwrap();
    graph.run(&RunOptions { placement, ..RunOptions::default() })?;
    Ok(std::mem::take(&mut *ledger.lock().unwrap()))
}

/// Change of a frame.
type Change = (&'static str, fn(&mut Frame));

/// Value out of range that ended a run.
fn wrong(error: &PipelineError) -> &OutOfRange {
    let PipelineError::Failed { source, .. } = error else { panic!("{error}") };
    source.downcast_ref().unwrap_or_else(|| panic!("{error}"))
}

#[test]
fn replay_ends_with_the_bar_and_the_instrument() {
    type Case = (&'static str, fn(&mut Frame), Option<&'static str>);
    let cases: [Case; 9] = [
        ("large price", |frame| frame.close[5] = 1e308, Some("S005")),
        ("price beyond any market", |frame| frame.close[5] = 1e31, Some("S005")),
        ("tiny price", |frame| frame.close[5] = 5e-324, Some("S005")),
        ("infinite price", |frame| frame.close[5] = f64::INFINITY, Some("S005")),
        (
            "large dividend",
            |frame| frame.dividend = [vec![0.0; 5], vec![1e305], vec![0.0; 2]].concat(),
            Some("S005"),
        ),
        (
            "large split",
            |frame| frame.split = [vec![1.0; 5], vec![1e300], vec![1.0; 2]].concat(),
            Some("S005"),
        ),
        ("large factor return", |frame| frame.factors[1] = 1e200, Some("f1")),
        ("large risk-free return", |frame| frame.rf = -1e99, Some("rf")),
        ("risk-free return that is none", |frame| frame.rf = f64::NAN, Some("rf")),
    ];
    for placement in [Placement::Inline, Placement::Threaded] {
        for (what, change, name) in &cases {
            let error = run(&settings(), placement.clone(), change).unwrap_err();
            let found = wrong(&error);
            assert_eq!((found.seq, found.name.as_deref()), (BAD as u64, *name), "{what}: {error}");
        }
    }
    assert!(run(&settings(), Placement::Inline, |frame| frame.close[5] *= 1.001).is_ok());
}

#[test]
fn filter_overflow_ends_the_run() {
    // With two equal factors, textbook discounting without a bound grows without limit in their difference.
    let mut frames = MARKET.frames();
    for frame in &mut frames {
        frame.factors[1] = frame.factors[0];
    }
    let mut settings = settings();
    settings.estimator.kind = EstimatorKind::Dlm;
    settings.estimator.wind_up = WindUp::Plain;
    settings.estimator.discount_factor = 0.01;
    let source = MemorySource::new(MARKET.factor_names(), frames);
    let graph = trading(Box::new(source), Box::new(Busy), &settings, Vec::new()).unwrap();
    let error = graph.run(&RunOptions::default()).unwrap_err();
    assert!(wrong(&error).name.is_some(), "{error}");
}

#[test]
fn live_run_stays_halted_after_a_value_out_of_range() {
    let cases: [Change; 3] = [
        ("large price", |frame| frame.close[5] = 1e308),
        ("large price of all", |frame| frame.close.fill(1e308)),
        ("tiny price", |frame| frame.close[5] = 1e-320),
    ];
    for limits in [LossLimits::default(), LossLimits { drawdown_max: Some(0.2), daily_loss_max: Some(0.05) }]
    {
        for (what, change) in cases {
            let settings = RunSettings { on_out_of_range: OnOutOfRange::Halt, limits, ..settings() };
            let ledger = run(&settings, Placement::Inline, change).unwrap();
            assert_eq!(ledger.last().unwrap().seq, MARKET.frames as u64 - 1, "{what}: the run continues");
            for frame in &ledger {
                let after = frame.seq >= BAD as u64;
                assert_eq!(frame.halt.is_some(), after, "{what}, frame {}", frame.seq);
                assert_eq!(frame.out_of_range.is_some(), after, "{what}, frame {}", frame.seq);
                assert!(!after || frame.turnover == 0.0, "{what}, frame {}", frame.seq);
                // Orders of the preceding frame are in flight.
                assert!(frame.seq <= BAD as u64 || frame.fills.is_empty(), "{what}, frame {}", frame.seq);
                assert!(frame.target.iter().all(|weight| weight.is_finite()), "{what}, frame {}", frame.seq);
            }
            let halted = &ledger[ledger.len() - 1];
            assert_eq!(halted.halt, Some(Halt::OutOfRange), "{what}");
            assert_eq!(halted.out_of_range.as_ref().unwrap().seq, BAD as u64, "{what}");
        }
    }
}

#[test]
fn trading_resumes_once_values_are_finite_again() {
    // No rebalance came before: the account is unchanged.
    let mut settings = RunSettings { on_out_of_range: OnOutOfRange::Halt, ..settings() };
    settings.estimator.warmup = 100;
    settings.sizing.rebalance_every = 1_000;
    let mut frames = MARKET.frames();
    frames[50].close[5] = 1e31;
    frames[BAD].supervision = Supervision::Resumed;
    let keep = Keep::default();
    let ledger = Arc::clone(&keep.0);
    let source = MemorySource::new(MARKET.factor_names(), frames);
    let graph = trading(Box::new(source), Box::new(Busy), &settings, vec![Box::new(keep)]).unwrap();
    graph.run(&RunOptions::default()).unwrap();
    let ledger = ledger.lock().unwrap();
    assert_eq!((ledger[0].seq, ledger[0].halt), (BAD as u64, None));
}
