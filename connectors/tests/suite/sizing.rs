//! Comparison of every rebalance of a replay of the embedded data with an interior-point solver.

use std::sync::{Arc, Mutex};

use betaflow_connectors::parquet::{ParquetSource, Settings};
use betaflow_connectors::tutorial;
use betaflow_engine::assembly::Universe;
use betaflow_engine::execution::ExecutionSettings;
use betaflow_engine::ledger::{Frames, LedgerFrame, RecordError, RecordSettings, Recorder, RunFacts};
use betaflow_engine::model::{Estimates, EstimatorSettings};
use betaflow_engine::pipeline::{RunOptions, RunSettings, trading};
use betaflow_engine::portfolio::{LossLimits, Rebalance, SizingSettings};
use betaflow_engine::settings::Calendar;
use betaflow_engine::strategy::{Context, Strategy, StrategyError, TargetKind, Targets};
use betaflow_engine::world::WorldSettings;

use crate::rebalance::{Checked, Reference};

/// Strategy that forecasts half of alpha plus the factor premia.
struct Plain;

impl Strategy for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn decide(&mut self, context: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError> {
        targets.kind = TargetKind::Expected;
        for (i, value) in targets.values.iter_mut().enumerate() {
            *value = 0.5 * context.estimates.alpha[i];
            for (factor, premium) in context.premia.iter().enumerate() {
                *value += premium * context.estimates.betas_on(factor)[i];
            }
        }
        Ok(())
    }
}

#[derive(Clone, Default)]
struct Keep(Arc<Mutex<Vec<Arc<Rebalance>>>>);

impl Recorder for Keep {
    fn ledger(&mut self, frame: &LedgerFrame) -> Result<(), RecordError> {
        self.0.lock().unwrap().extend(frame.shown.clone());
        Ok(())
    }

    fn estimates(&mut self, _: &Estimates) -> Result<(), RecordError> {
        Ok(())
    }

    fn finish(&mut self, _: &RunFacts) -> Result<(), RecordError> {
        Ok(())
    }
}

fn rebalances(sizing: SizingSettings) -> Vec<Arc<Rebalance>> {
    let expressions =
        tutorial::FACTORS.iter().map(|(name, text)| ((*name).to_owned(), text.parse().unwrap()));
    let settings =
        Settings { factors: expressions.collect(), universe: Universe::default(), ..Settings::default() };
    let source = ParquetSource::open(&tutorial::prices(), None, settings).unwrap();
    let run = RunSettings {
        calendar: Calendar::default(),
        sessions: None,
        excess: true,
        estimator: EstimatorSettings::default(),
        groups: Vec::new(),
        membership: None,
        sizing,
        execution: ExecutionSettings::default(),
        benchmark: betaflow_engine::execution::BenchmarkRule::default(),
        world: WorldSettings::default(),
        record: RecordSettings { betas: Frames::None, weights: Frames::None, expected_returns: None },
        trade_from: None,
        on_out_of_range: betaflow_engine::range::OnOutOfRange::Stop,
        limits: LossLimits::default(),
        shown_dates: Some(i64::MIN..=i64::MAX),
        frames_per_message: None,
    };
    let keep = Keep::default();
    let graph = trading(Box::new(source), Box::new(Plain), &run, vec![Box::new(keep.clone())]).unwrap();
    graph.run(&RunOptions::default()).unwrap();
    std::mem::take(&mut *keep.0.lock().unwrap())
}

#[test]
fn every_rebalance_of_a_replay_is_optimal() {
    let long = SizingSettings::default();
    let short = SizingSettings {
        weight_min: -0.1,
        net_target: Some(0.1),
        exposure_bounds: [("mkt".to_owned(), [-0.2, 0.2])].into(),
        turnover_cap: 0.03,
        ..SizingSettings::default()
    };
    for sizing in [long, short] {
        let all = rebalances(sizing);
        assert!(all.len() > 2_000);
        let mut compared = 0;
        for (at, of) in all.iter().enumerate() {
            assert!(of.status.converged, "{at}: {:?}", of.status);
            if !of.status.within_limits() {
                continue;
            }
            let scale = of.expected.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
            // Drift and rounding move some weights outside their bounds; both solvers start from these
            // weights.
            assert!(of.excess(&of.weights) <= 1e-10, "{at}: {:e}", of.excess(&of.weights));
            let Some(best) = Reference::new(of).solve(1e-10) else { continue };
            let (found, expected) = (of.objective(&of.weights) / scale, of.objective(&best) / scale);
            let prices = &of.multipliers;
            let bought =
                of.excess(&best).max(0.0) * (prices.turnover + prices.gross + prices.net.abs()) * 10.0
                    / scale;
            assert!(found >= expected - 1e-9 * expected.abs() - bought, "{at}: {found} of {expected}");
            let apart = of.weights.iter().zip(&best).fold(0.0_f64, |a, (w, e)| a.max((w - e).abs()));
            assert!(apart <= 1e-6 || found > expected, "{at}: {apart:e} apart");
            compared += 1;
        }
        assert!(compared > 1_900, "{compared} compared");
    }
}
