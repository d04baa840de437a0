//! Scenarios that share source and estimator are bit-identical to separate runs.

use std::sync::{Arc, Mutex};

use betaflow_engine::execution::{FillAt, Unfilled};
use betaflow_engine::pipeline::{Placement, RunOptions, RunSettings, sweeping};
use betaflow_engine::source::MemorySource;

use crate::support::{Busy, Market, run, settings};

fn many() -> Vec<RunSettings> {
    let mut all = Vec::new();
    for cap in [0.02, 0.08, 0.3] {
        for half_spread_bps in [0.0, 4.0, 25.0] {
            for delay_bars in [1, 3] {
                let mut own = settings();
                own.sizing.turnover_cap = cap;
                own.sizing.kelly_fraction = 0.25 + cap;
                own.execution.half_spread_bps = half_spread_bps;
                own.execution.delay_bars = delay_bars;
                own.execution.lot = if delay_bars == 3 { 10.0 } else { 0.0 };
                own.execution.unfilled = if delay_bars == 3 { Unfilled::Carry } else { Unfilled::Cancel };
                all.push(own);
            }
        }
    }
    let mut same_close = settings();
    same_close.execution.fill_at = FillAt::SameClose;
    let mut ruined = same_close.clone();
    all.push(same_close);
    // Debt that costs more than NAV in a day.
    ruined.sizing.gross_max = 4.0;
    ruined.sizing.net_target = Some(3.0);
    ruined.sizing.weight_max = 1.0;
    ruined.sizing.turnover_cap = 10.0;
    ruined.execution.financing_bps_per_year = 4e6;
    all.push(ruined.clone());
    ruined.execution.fill_at = FillAt::Close;
    all.push(ruined);
    all
}

#[test]
fn scenario_is_bit_identical_to_its_own_run() {
    let market = Market { missing: 0.1, late: 0.3, frames: 200, ..Market::default() };
    for workers in [1, 2, 3] {
        let outcomes = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&outcomes);
        let scenarios: Vec<_> = many()
            .into_iter()
            .map(|own| (own, Box::new(Busy) as Box<dyn betaflow_engine::strategy::Strategy>))
            .collect();
        let source = Box::new(MemorySource::new(market.factor_names(), market.frames()));
        let take = Box::new(move |some| taken.lock().unwrap().extend::<Vec<_>>(some));
        let graph = sweeping(source, &settings(), scenarios, workers, take).unwrap();
        let mut sizes = vec![2];
        sizes.resize(1 + workers, 1);
        sizes.push(1);
        let options = RunOptions { placement: Placement::Groups(sizes), ..RunOptions::default() };
        graph.run(&options).unwrap();
        let outcomes = outcomes.lock().unwrap();
        assert_eq!(outcomes.len(), many().len());
        for outcome in outcomes.iter() {
            let own = &many()[outcome.number];
            let (ledger, report) = run(&market, own, &RunOptions::default()).unwrap();
            assert_eq!(outcome.digest, Some(report.facts.digest), "scenario {}", outcome.number);
            assert_eq!(outcome.execution, report.facts.execution);
            assert_eq!(outcome.performance.costs, report.facts.performance.costs);
            assert_eq!(outcome.returns.len(), ledger.len() - 1);
            assert_eq!(outcome.first_return, ledger[1].seq);
            assert_eq!(outcome.performance.ruined, report.facts.performance.ruined);
            assert_eq!(outcome.performance.ruined.is_some(), own.execution.financing_bps_per_year > 1e5);
            assert_eq!(outcome.net.sharpe.is_nan(), outcome.performance.ruined.is_some());
            for (pair, found) in ledger.windows(2).zip(&outcome.returns) {
                assert_eq!((pair[1].nav / pair[0].nav - 1.0).to_bits(), found.to_bits());
            }
        }
    }
}
