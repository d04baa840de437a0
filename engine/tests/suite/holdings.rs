//! Accounts that open with positions, the first rebalance without a cap, and the build-up under it.

use std::sync::{Arc, Mutex};

use betaflow_engine::execution::{CashInterest, Holdings, OpeningError};
use betaflow_engine::frame::{Frame, Renamed};
use betaflow_engine::ledger::{LedgerFrame, RecordError, Recorder, RunFacts};
use betaflow_engine::metrics::{BuildUp, EquityPoint, ReturnsAfterBuildUp};
use betaflow_engine::model::Estimates;
use betaflow_engine::pipeline::{PipelineError, RunOptions, RunReport, RunSettings, resuming, trading};
use betaflow_engine::portfolio::{FirstRebalance, Halt};
use betaflow_engine::source::MemorySource;
use betaflow_engine::state::{Checkpoint, Part, StateError};
use betaflow_engine::strategy::{Context, Strategy, StrategyError, TargetKind, Targets};
use betaflow_engine::time::{DAY_NS, TimestampNs};

use crate::support::{Busy, Keep, Market, settings};

const NONE: f64 = f64::NAN;

/// Strategy that wants the same weights on every rebalance; without weights it holds.
#[derive(Default)]
struct Fixed(Vec<f64>);

impl Strategy for Fixed {
    fn name(&self) -> &'static str {
        "fixed_weights"
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        Ok(Vec::new())
    }

    fn load(&mut self, _: &[u8]) -> Result<(), StateError> {
        Ok(())
    }

    fn decide(&mut self, _: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError> {
        if !self.0.is_empty() {
            targets.kind = TargetKind::Weights;
            targets.values.copy_from_slice(&self.0);
        }
        Ok(())
    }
}

/// Frames of the instruments A and B; the frame after the first rebalances.
fn frames(closes: &[[f64; 2]]) -> Vec<Frame> {
    let frame = |(seq, close): (usize, &[f64; 2])| Frame {
        seq: seq as u64,
        timestamp: TimestampNs((19_723 + seq as i64) * DAY_NS),
        factors: vec![0.01 * (seq % 3) as f64],
        close: close.to_vec(),
        listed: if seq == 0 { vec![Arc::from("A"), Arc::from("B")] } else { Vec::new() },
        ..Frame::default()
    };
    closes.iter().enumerate().map(frame).collect()
}

fn small(holdings: Option<Holdings>) -> RunSettings {
    let mut settings = settings();
    settings.estimator.warmup = 1;
    settings.sizing.weight_max = 1.0;
    settings.execution.commission_bps = 0.0;
    settings.execution.half_spread_bps = 0.0;
    settings.execution.opening = holdings.map(Arc::new);
    settings
}

fn holdings(quantities: &[(&str, f64)], cash: f64) -> Holdings {
    let quantities = quantities.iter().map(|(symbol, quantity)| ((*symbol).to_owned(), *quantity)).collect();
    Holdings { quantities, cash }
}

fn run(
    strategy: Box<dyn Strategy>,
    factors: Vec<String>,
    frames: Vec<Frame>,
    settings: &RunSettings,
) -> Result<(Vec<LedgerFrame>, RunReport), PipelineError> {
    let keep = Keep::default();
    let ledger = Arc::clone(&keep.0);
    let source = Box::new(MemorySource::new(factors, frames));
    let report =
        trading(source, strategy, settings, vec![Box::new(keep)]).unwrap().run(&RunOptions::default())?;
    let ledger = std::mem::take(&mut *ledger.lock().unwrap());
    Ok((ledger, report))
}

fn run_small(closes: &[[f64; 2]], weights: &[f64], settings: &RunSettings) -> Vec<LedgerFrame> {
    let strategy = Box::new(Fixed(weights.to_vec()));
    run(strategy, vec!["f".to_owned()], frames(closes), settings).unwrap().0
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} instead of {expected}");
}

#[test]
fn account_opens_at_the_prices_of_the_first_rebalance() {
    let mut settings = small(Some(holdings(&[("A", 10.0), ("B", -5.0)], 500.0)));
    // A day of interest and of borrowing costs 1 bp.
    settings.execution.cash_interest = CashInterest::PerYear(0.0365);
    settings.execution.borrow_bps_per_year = 365.0;
    let mut frames = frames(&[[202.0, 40.0], [101.0, 42.0], [103.0, 41.0], [104.0, NONE]]);
    // The quantities are those of the opening: an earlier split and dividend change nothing.
    frames[1].split = vec![2.0, NONE];
    frames[1].dividend = vec![3.0, NONE];
    let (ledger, _) = run(Box::new(Fixed::default()), vec!["f".to_owned()], frames, &settings).unwrap();
    assert_eq!(ledger.iter().map(|frame| frame.seq).collect::<Vec<_>>(), [1, 2, 3]);
    // 10 × 101 − 5 × 42 + 500.
    near(ledger[0].nav, 1_300.0);
    near(ledger[0].benchmark_nav, 1_300.0);
    near(ledger[0].cash, 500.0);
    near(ledger[0].change, 0.0);
    near(ledger[0].account.gross_exposure, 1_220.0 / 1_300.0);
    near(ledger[0].account.net_exposure, 800.0 / 1_300.0);
    assert!(ledger[0].fills.is_empty() && ledger[0].account.costs.total() == 0.0);
    near(ledger[0].held[1], -210.0 / 1_300.0);
    // 10 × 2 + 5 × 1, interest 0.05 on 500, borrow 0.021 on 210.
    near(ledger[1].nav, 1_300.0 + 25.0 + 0.05 - 0.021);
    // 10 × 1; interest on 500.029, borrow on 205.
    near(ledger[2].nav, 1_325.029 + 10.0 + 0.050_002_9 - 0.020_5);
    for pair in ledger.windows(2) {
        let [contributions, change] = [pair[1].contributions.total(), pair[1].nav - pair[0].nav];
        near(contributions, change);
        near(pair[1].change, change);
    }
}

#[test]
fn holdings_go_by_the_symbols_of_the_opening() {
    let settings = small(Some(holdings(&[("A", 10.0), ("C", -5.0)], 500.0)));
    let mut frames = frames(&[[202.0, 40.0], [101.0, 42.0], [103.0, 41.0]]);
    frames[1].renamed = vec![Renamed { instrument: 1, name: Arc::from("C") }];
    let (ledger, _) = run(Box::new(Fixed::default()), vec!["f".to_owned()], frames, &settings).unwrap();
    // 10 × 101 − 5 × 42 + 500.
    near(ledger[0].nav, 1_300.0);
    near(ledger[0].held[0], 1_010.0 / 1_300.0);
    near(ledger[0].held[1], -210.0 / 1_300.0);
}

#[test]
fn holdings_are_whole_lots() {
    let of = |a: f64, b: f64| holdings(&[("A", a), ("B", b)], 0.0);
    for (a, b, lot) in [
        (30.0, -20.0, 10.0),
        (0.0, 10.0, 10.0),
        (0.7, -1.25, 0.0),
        (0.75, -1.25, 0.25),
        // Lots that are not exact in binary: 7 · 0.1 is a bit more than 0.7.
        (0.7, -0.3, 0.1),
        (0.07, 1e6 + 0.01, 0.01),
    ] {
        assert_eq!(of(a, b).check_lots(lot), Ok(()), "{a} {b} in lots of {lot}");
    }
    for (a, b, lot, found) in
        [(30.0, -25.0, 10.0, "-25 of `B`"), (4.0, 20.0, 10.0, "4 of `A`"), (0.75, 1.3, 0.25, "1.3 of `B`")]
    {
        let error = of(a, b).check_lots(lot).unwrap_err();
        assert_eq!((error.key, &*error.found), ("holdings", found));
        assert_eq!(error.expected, format!("whole multiples of `lot`, {lot}"));
    }
}

#[test]
fn rebalance_trades_from_the_holdings() {
    let settings = small(Some(holdings(&[("A", 6.0)], 400.0)));
    let closes = [[100.0, 50.0], [100.0, 50.0], [100.0, 50.0]];
    let ledger = run_small(&closes, &[0.55, 0.03], &settings);
    near(ledger[0].nav, 1_000.0);
    // From 60 % to 55 % in A, and 0 to 3 % in B: exactly the cap of 8 %.
    near(ledger[0].turnover, 0.08);
    let fills: Vec<(u32, f64)> =
        ledger[1].fills.iter().map(|fill| (fill.instrument, fill.quantity)).collect();
    assert_eq!(fills.iter().map(|(instrument, _)| *instrument).collect::<Vec<_>>(), [0, 1]);
    near(fills[0].1, -0.5);
    near(fills[1].1, 0.6);
    near(ledger[1].cash, 420.0);
}

#[test]
fn cash_alone_equals_a_starting_value() {
    let market = Market { frames: 150, ..Market::default() };
    let of = |settings: &RunSettings| {
        run(Box::new(Busy), market.factor_names(), market.frames(), settings).unwrap().1.facts.digest
    };
    let mut with = settings();
    with.execution.opening = Some(Arc::new(holdings(&[], 1e6)));
    assert_eq!(of(&with), of(&settings()));
}

#[test]
fn changes_before_the_opening_are_no_loss() {
    let mut settings = small(Some(holdings(&[("A", 10.0)], 0.0)));
    settings.limits.drawdown_max = Some(0.2);
    settings.limits.daily_loss_max = Some(0.1);
    let closes = [[200.0, 50.0], [100.0, 50.0], [100.0, 50.0], [70.0, 50.0]];
    let ledger = run_small(&closes, &[1.0, 0.0], &settings);
    let halts: Vec<Option<Halt>> = ledger.iter().map(|frame| frame.halt).collect();
    assert_eq!(halts, [None, None, Some(Halt::Drawdown)]);
}

#[test]
fn account_that_cannot_open_ends_the_run() {
    let closes = [[100.0, 50.0], [100.0, 50.0]];
    let error = |holdings: Holdings| {
        let strategy = Box::new(Fixed::default());
        let Err(PipelineError::Failed { source, .. }) =
            run(strategy, vec!["f".to_owned()], frames(&closes), &small(Some(holdings)))
        else {
            panic!("the run did not fail");
        };
        source.downcast::<OpeningError>().unwrap()
    };
    let OpeningError::NoPrice { seq, symbol, known, .. } = *error(holdings(&[("A", 1.0), ("C", 1.0)], 0.0))
    else {
        panic!("wrong error");
    };
    assert_eq!((seq, &*symbol, known.len()), (1, "C", 2));
    let not_positive = |holdings| matches!(*error(holdings), OpeningError::NotPositive { seq: 1, .. });
    assert!(not_positive(holdings(&[("A", 1.0)], -100.0)));
    assert!(not_positive(holdings(&[("A", -2.0)], 100.0)));
    assert!(not_positive(holdings(&[], 0.0)));
}

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

#[test]
fn run_resumes_before_and_after_the_opening() {
    let market = Market { instruments: 3, frames: 120, ..Market::default() };
    let mut settings = settings();
    settings.execution.opening = Some(Arc::new(holdings(&[("S000", 100.0), ("S002", -40.0)], 1e4)));
    settings.sizing.first_rebalance = FirstRebalance::Free;
    let strategy = || Box::new(Fixed(vec![0.1, 0.05, 0.0]));
    let source = |from: usize| {
        let mut frames = market.frames().split_off(from);
        let asked = frames.iter_mut().filter(|frame| [20, 59, 60, 90].contains(&frame.seq));
        asked.for_each(|frame| frame.checkpoint = Some(Part::default()));
        Box::new(MemorySource::new(market.factor_names(), frames))
    };
    let take = Take::default();
    let taken = Arc::clone(&take.0);
    let graph = trading(source(0), strategy(), &settings, vec![Box::new(take)]).unwrap();
    let whole = graph.run(&RunOptions::default()).unwrap().facts;
    let checkpoints = std::mem::take(&mut *taken.lock().unwrap());
    assert_eq!(checkpoints.len(), 4);
    for from in &checkpoints {
        let rest = source(from.seq as usize + 1);
        let graph = resuming(rest, strategy(), &settings, Vec::new(), from).unwrap();
        let facts = graph.run(&RunOptions::default()).unwrap().facts;
        assert_eq!(facts.digest, whole.digest, "after {}", from.seq);
        assert_eq!(facts.performance.build_up, whole.performance.build_up, "after {}", from.seq);
    }
}

/// A book of 100 % under a cap of 30 % takes trades of 30, 30, 30 and 10 %.
#[test]
fn build_up_ends_when_the_cap_no_longer_binds() {
    let mut settings = small(None);
    settings.sizing.turnover_cap = 0.3;
    let closes = [[100.0, 50.0]; 9];
    let of = |settings: &RunSettings| {
        let strategy = Box::new(Fixed(vec![0.5, 0.5]));
        let (ledger, report) = run(strategy, vec!["f".to_owned()], frames(&closes), settings).unwrap();
        let turnover = ledger.iter().map(|frame| (100.0 * frame.turnover).round()).collect::<Vec<_>>();
        (turnover, report.facts.performance.build_up, ledger[3].timestamp)
    };
    let (turnover, build_up, fourth) = of(&settings);
    assert_eq!(turnover, [30.0, 30.0, 30.0, 10.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(build_up, BuildUp { frames: 3, until: Some(fourth) });
    settings.sizing.first_rebalance = FirstRebalance::Free;
    let (turnover, build_up, _) = of(&settings);
    assert_eq!(turnover, [100.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(build_up.frames, 0);
    settings.sizing.first_rebalance = FirstRebalance::Capped;
    settings.sizing.turnover_cap = 0.1;
    let (_, build_up, _) = of(&settings);
    assert_eq!(build_up, BuildUp { frames: 8, until: None });
}

#[test]
fn only_the_first_rebalance_is_free() {
    let market = Market { frames: 150, ..Market::default() };
    let mut settings = settings();
    settings.sizing.turnover_cap = 0.05;
    settings.sizing.first_rebalance = FirstRebalance::Free;
    let (ledger, _) = run(Box::new(Busy), market.factor_names(), market.frames(), &settings).unwrap();
    let trades: Vec<f64> =
        ledger.iter().map(|frame| frame.turnover).filter(|turnover| *turnover > 0.0).collect();
    assert!(trades[0] > 0.3, "{}", trades[0]);
    assert!(trades[1..].iter().all(|turnover| *turnover <= 0.05 + 1e-9));
}

#[test]
fn returns_after_the_build_up_start_at_its_end() {
    let until = TimestampNs(2 * DAY_NS);
    let navs = [100.0, 90.0, 50.0, 55.0, 54.45];
    let returns = |build_up: BuildUp| {
        let mut after = ReturnsAfterBuildUp::new(build_up, navs.len())?;
        for (day, nav) in navs.iter().enumerate() {
            let timestamp = TimestampNs(day as i64 * DAY_NS);
            after.push(EquityPoint { timestamp, nav: *nav, ..EquityPoint::default() });
        }
        Some(after.figures(252.0))
    };
    let figures = returns(BuildUp { frames: 2, until: Some(until) }).unwrap();
    // Returns of 10 % and −1 %: mean 4.5 %, deviation 11 %/√2.
    near(figures.total_return, 0.089);
    near(figures.annual_volatility, 0.11 / 2.0_f64.sqrt() * 252.0_f64.sqrt());
    near(figures.sharpe, 0.045 / (0.11 / 2.0_f64.sqrt()) * 252.0_f64.sqrt());
    assert!(returns(BuildUp { frames: 2, until: None }).is_none());
    assert!(returns(BuildUp { frames: 0, until: Some(until) }).is_none());
}
