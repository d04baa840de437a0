//! The accounting identity and the limits hold on markets with gaps, listings and a delisting.

use betaflow_engine::execution::{CashInterest, Costs, FillAt, Reason, Unfilled};
use betaflow_engine::frame::Frame;
use betaflow_engine::ledger::LedgerFrame;
use betaflow_engine::pipeline::{Placement, RunOptions, RunReport, RunSettings, trading};
use betaflow_engine::source::MemorySource;
use betaflow_engine::strategy::{Context, Strategy, StrategyError, TargetKind, Targets};
use proptest::prelude::*;

use crate::support::{Market, run, settings};

prop_compose! {
    fn a_run()(
        seed in 0_u64..10_000,
        missing in prop_oneof![Just(0.0), 0.0..0.4_f64],
        gone_at in prop::option::of(70_usize..140),
        cap in prop_oneof![Just(0.0), 0.005..0.5_f64],
        weight_min in prop_oneof![Just(0.0), -0.2..0.0_f64],
        gross_max in 0.3..2.0_f64,
        delay_bars in 1_u64..4,
        lot in prop_oneof![Just(0.0), Just(1.0), Just(100.0)],
        open in any::<bool>(),
        carry in any::<bool>(),
        every in 1_u64..6,
        haircut in 0.0..1.0_f64,
    ) -> (Market, RunSettings) {
        let market = Market { seed, missing, gone_at, late: 0.2, instruments: 9, frames: 170, ..Market::default() };
        let mut settings = settings();
        settings.sizing.turnover_cap = cap;
        settings.sizing.weight_min = weight_min;
        settings.sizing.gross_max = gross_max;
        settings.sizing.rebalance_every = every;
        let execution = &mut settings.execution;
        execution.delay_bars = delay_bars;
        execution.lot = lot;
        execution.fill_at = if open { FillAt::Open } else { FillAt::Close };
        execution.unfilled = if carry { Unfilled::Carry } else { Unfilled::Cancel };
        execution.borrow_bps_per_year = 50.0;
        execution.financing_bps_per_year = 100.0;
        execution.delisting_haircut = haircut;
        if seed % 2 == 0 {
            execution.cash_interest = CashInterest::PerYear(0.03);
        }
        (market, settings)
    }
}

/// Rebuilds cash and positions from fills and cost columns alone.
fn check_identity(frames: &[Frame], nav: f64, ledger: &[LedgerFrame]) -> Result<(), TestCaseError> {
    let n = frames.last().map_or(0, |frame| frame.close.len());
    let (mut cash, mut held, mut price, mut costs) = (nav, vec![0.0; n], vec![0.0; n], 0.0);
    let first = ledger.first().map_or(0, |frame| frame.seq as usize);
    for frame in &frames[..first] {
        for (last, close) in price.iter_mut().zip(&frame.close) {
            *last = if close.is_nan() { *last } else { *close };
        }
    }
    for frame in ledger {
        let account = &frame.account;
        cash += account.interest + account.dividends - account.costs.total();
        costs += account.costs.total();
        for fill in &frame.fills {
            cash -= fill.quantity * fill.price;
            held[fill.instrument as usize] += fill.quantity;
        }
        for (last, close) in price.iter_mut().zip(&frames[frame.seq as usize].close) {
            *last = if close.is_nan() { *last } else { *close };
        }
        let value: f64 = held.iter().zip(&price).map(|(q, p)| q * p).sum();
        prop_assert!((cash + value - frame.nav).abs() <= 1e-9 * nav, "frame {}", frame.seq);
        prop_assert!((cash - frame.cash).abs() <= 1e-9 * nav, "cash of frame {}", frame.seq);
        prop_assert!((frame.nav + costs - frame.nav_gross).abs() <= 1e-9 * nav);
        for (_, cost) in account.costs.items() {
            prop_assert!(cost >= 0.0);
        }
    }
    Ok(())
}

/// Checks that every fill has a price of its own frame, one delay after its rebalance.
fn check_fills(market: &Market, settings: &RunSettings, ledger: &[LedgerFrame]) -> Result<(), TestCaseError> {
    let frames = market.frames();
    for frame in ledger {
        let bars = &frames[frame.seq as usize];
        let last_price = |i: usize| {
            let closes = frames[..frame.seq as usize].iter().rev().filter_map(|bars| bars.close.get(i));
            closes.copied().find(|close| !close.is_nan()).unwrap()
        };
        for fill in &frame.fills {
            let i = fill.instrument as usize;
            match fill.reason {
                Reason::Order => {
                    let column = match settings.execution.fill_at {
                        FillAt::Close => &bars.close,
                        FillAt::Open => &bars.open,
                        other => panic!("unexpected {other:?}"),
                    };
                    prop_assert_eq!(fill.price, column[i]);
                    let decided = fill.decided_seq.unwrap();
                    prop_assert!(decided + settings.execution.delay_bars <= frame.seq);
                    prop_assert_eq!(fill.decision_price, frames[decided as usize].close[i]);
                    if settings.execution.lot > 0.0 {
                        prop_assert_eq!(fill.quantity % settings.execution.lot, 0.0);
                    }
                }
                Reason::Delisting => {
                    prop_assert!(fill.decided_seq.is_none() && bars.close[i].is_nan());
                    let kept = 1.0 - settings.execution.delisting_haircut;
                    prop_assert_eq!(fill.price, kept * last_price(i));
                    prop_assert_eq!(fill.costs, Costs::default());
                }
                Reason::CashInLieu => panic!("unexpected cash in lieu"),
                Reason::Recall => panic!("unexpected recall"),
                Reason::Ruin => panic!("unexpected ruin"),
            }
        }
    }
    Ok(())
}

/// Checks that only inherited weights exceed a limit.
fn check_limits(settings: &RunSettings, ledger: &[LedgerFrame]) -> Result<(), TestCaseError> {
    let sizing = &settings.sizing;
    for pair in ledger.windows(2).filter(|pair| pair[1].decided) {
        prop_assert!(pair[1].turnover <= sizing.turnover_cap + 1e-9);
        // `held` equals the input of sizing only without orders in flight.
        if settings.execution.delay_bars > 1 {
            continue;
        }
        let (target, held) = (&pair[1].target, &pair[1].held);
        for (target, held) in target.iter().zip(held) {
            let (lo, hi) = (sizing.weight_min.min(*held), sizing.weight_max.max(*held));
            prop_assert!((lo - 1e-10..=hi + 1e-10).contains(target), "{target} from {held}");
        }
        let gross = |weights: &[f64]| weights.iter().map(|w| w.abs()).sum::<f64>();
        prop_assert!(gross(target) <= sizing.gross_max.max(gross(held)) + 1e-9);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn ledger_adds_up_and_keeps_the_limits((market, settings) in a_run()) {
        let (ledger, report) = run(&market, &settings, &RunOptions::default()).unwrap();
        prop_assert!(!ledger.is_empty());
        check_identity(&market.frames(), settings.execution.nav, &ledger)?;
        check_fills(&market, &settings, &ledger)?;
        check_limits(&settings, &ledger)?;
        prop_assert!(report.facts.performance.turnover.max <= settings.sizing.turnover_cap + 1e-9);
    }

    #[test]
    fn no_output_depends_on_the_future(seed in 0_u64..10_000, cut in 70_usize..160, factor in 0.5..2.0_f64) {
        let market = Market { seed, missing: 0.1, late: 0.3, frames: 170, gone_at: Some(cut + 5), ..Market::default() };
        let (whole, _) = run(&market, &settings(), &RunOptions::default()).unwrap();
        let mut frames = market.frames();
        for frame in &mut frames[cut..] {
            frame.close.iter_mut().for_each(|p| *p *= factor);
            frame.factors.iter_mut().for_each(|f| *f *= -factor);
        }
        for end in [cut, frames.len()] {
            let keep = crate::support::Keep::default();
            let ledger = std::sync::Arc::clone(&keep.0);
            let source = betaflow_engine::source::MemorySource::new(market.factor_names(), frames[..end].to_vec());
            let graph = betaflow_engine::pipeline::trading(
                Box::new(source), Box::new(crate::support::Busy), &settings(), vec![Box::new(keep)]).unwrap();
            graph.run(&RunOptions::default()).unwrap();
            for (a, b) in whole.iter().zip(ledger.lock().unwrap().iter()).filter(|(a, _)| (a.seq as usize) < cut) {
                // The digest covers NAV, cash, fills and targets; the other columns are compared separately.
                prop_assert_eq!(a.digest, b.digest, "frame {}", a.seq);
                prop_assert_eq!(&a.held, &b.held);
                prop_assert_eq!(a.benchmark_nav.to_bits(), b.benchmark_nav.to_bits());
                prop_assert_eq!(a.multipliers.turnover.to_bits(), b.multipliers.turnover.to_bits());
            }
        }
    }
}

/// Strategy that targets one long and one short position, each of several times NAV.
struct Levered;

impl Strategy for Levered {
    fn name(&self) -> &'static str {
        "levered"
    }

    fn decide(&mut self, _: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError> {
        targets.kind = TargetKind::Weights;
        for (i, value) in targets.values.iter_mut().enumerate() {
            *value = [3.0, -2.0, 0.5][i % 3];
        }
        Ok(())
    }
}

fn levered(
    market: &Market,
    frames: &[Frame],
    settings: &RunSettings,
    placement: Placement,
) -> (Vec<LedgerFrame>, RunReport) {
    let keep = crate::support::Keep::default();
    let ledger = std::sync::Arc::clone(&keep.0);
    let source = MemorySource::new(market.factor_names(), frames.to_vec());
    let graph = trading(Box::new(source), Box::new(Levered), settings, vec![Box::new(keep)]).unwrap();
    let report = graph.run(&RunOptions { placement, ..RunOptions::default() }).unwrap();
    let ledger = std::mem::take(&mut *ledger.lock().unwrap());
    (ledger, report)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn ruined_account_adds_up_and_its_ledger_ends(
        seed in 0_u64..10_000,
        at in 64_usize..150,
        jump in prop::sample::select(vec![0.2, 0.8, 1.3, 6.0]),
        gone_at in prop::option::of(65_usize..150),
        haircut in 0.0..1.0_f64,
        (delay_bars, same_close, carry) in (1_u64..4, any::<bool>(), any::<bool>()),
    ) {
        let market = Market { seed, missing: 0.1, gone_at, instruments: 3, frames: 170, ..Market::default() };
        let mut frames = market.frames();
        for frame in &mut frames[at..] {
            // A jump of all prices ruins accounts with enough net exposure.
            frame.close.iter_mut().for_each(|close| *close *= jump);
        }
        let mut settings = settings();
        settings.sizing.weight_min = -5.0;
        settings.sizing.weight_max = 5.0;
        settings.sizing.gross_max = 8.0;
        settings.sizing.turnover_cap = 100.0;
        settings.execution.delay_bars = delay_bars;
        settings.execution.fill_at = if same_close { FillAt::SameClose } else { FillAt::Close };
        settings.execution.unfilled = if carry { Unfilled::Carry } else { Unfilled::Cancel };
        settings.execution.delisting_haircut = haircut;
        settings.execution.delist_after = 4;
        settings.execution.borrow_bps_per_year = 300.0;
        settings.execution.financing_bps_per_year = 300.0;
        let (ledger, report) = levered(&market, &frames, &settings, Placement::Inline);
        check_identity(&frames, settings.execution.nav, &ledger)?;
        prop_assert_eq!(ledger[0].nav, settings.execution.nav, "the ledger starts with the configured NAV");
        prop_assert_eq!(ledger[0].opening, same_close);
        prop_assert!(ledger.windows(2).all(|pair| pair[0].seq + 1 == pair[1].seq));
        let ruined = ledger.iter().position(|frame| frame.nav <= 0.0);
        prop_assert_eq!(report.facts.performance.ruined, ruined.map(|at| ledger[at].timestamp));
        let last = ledger.last().unwrap();
        prop_assert_eq!(last.digest, report.facts.digest);
        if let Some(ruined) = ruined {
            prop_assert_eq!(ruined, ledger.len() - 1, "the ledger ends with the ruin");
            prop_assert!((last.cash - last.nav).abs() <= 1e-9 * settings.execution.nav);
            prop_assert!(last.account.gross_exposure == 0.0 && last.held.iter().all(|held| *held == 0.0));
            let mut held = vec![0.0; market.instruments];
            for fill in ledger.iter().flat_map(|frame| &frame.fills) {
                held[fill.instrument as usize] += fill.quantity;
            }
            prop_assert!(held.iter().all(|units| units.abs() < 1e-6), "open positions: {held:?}");
            prop_assert_eq!(report.facts.execution.open, 0);
            prop_assert_eq!(report.facts.sizing.decisions, ledger.iter().filter(|f| f.decided).count() as u64);
            // Frames after the ruin do not change the ledger.
            let (short, _) = levered(&market, &frames[..=last.seq as usize], &settings, Placement::Inline);
            prop_assert_eq!(short.last().unwrap().digest, last.digest);
        } else {
            prop_assert_eq!(last.seq, 169);
        }
        for (placement, together) in [(Placement::Threaded, 7), (Placement::Inline, 1)] {
            let settings = RunSettings { frames_per_message: Some(together), ..settings.clone() };
            let (again, report) = levered(&market, &frames, &settings, placement);
            prop_assert_eq!(report.facts.digest, last.digest);
            prop_assert_eq!(again.len(), ledger.len());
        }
    }
}

#[test]
fn fall_of_prices_ruins_a_levered_account() {
    let market = Market { instruments: 3, frames: 100, ..Market::default() };
    let mut frames = market.frames();
    frames[80..].iter_mut().for_each(|frame| frame.close.iter_mut().for_each(|close| *close *= 0.2));
    let mut settings = settings();
    (settings.sizing.weight_min, settings.sizing.weight_max) = (-5.0, 5.0);
    (settings.sizing.gross_max, settings.sizing.turnover_cap) = (8.0, 100.0);
    let (ledger, report) = levered(&market, &frames, &settings, Placement::Inline);
    let last = ledger.last().unwrap();
    assert_eq!((last.seq, report.facts.performance.ruined), (80, Some(frames[80].timestamp)));
    assert!(last.nav < 0.0 && last.fills.iter().any(|fill| fill.reason == Reason::Ruin), "{}", last.nav);
    assert!(!last.decided && last.target.is_empty());
}
