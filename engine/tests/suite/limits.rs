//! Loss limits and an unreliable feed halt trading, not the run.

use std::sync::Arc;

use betaflow_engine::frame::Supervision;
use betaflow_engine::ledger::LedgerFrame;
use betaflow_engine::pipeline::{RunOptions, RunSettings, trading};
use betaflow_engine::portfolio::{Halt, LossLimits};
use betaflow_engine::settings::Calendar;
use betaflow_engine::source::MemorySource;
use betaflow_engine::time::{DAY_NS, TimestampNs};

use crate::support::{Busy, Keep, Market, settings};

/// Runs four frames per day, with a supervision flag for some frames.
fn run(limits: LossLimits, supervised: &[(u64, Supervision)], with: &RunSettings) -> Vec<LedgerFrame> {
    let market = Market { frames: 400, ..Market::default() };
    let mut frames = market.frames();
    for frame in &mut frames {
        frame.timestamp = TimestampNs(frame.seq as i64 * (DAY_NS / 4));
        if let Some((_, supervision)) = supervised.iter().find(|(seq, _)| *seq == frame.seq) {
            frame.supervision = *supervision;
        }
    }
    let mut with = RunSettings { limits, ..with.clone() };
    with.calendar = Calendar { frames_per_day: 4, ..Calendar::default() };
    with.estimator.warmup = 15;
    let keep = Keep::default();
    let ledger = Arc::clone(&keep.0);
    let source = MemorySource::new(market.factor_names(), frames);
    let graph = trading(Box::new(source), Box::new(Busy), &with, vec![Box::new(keep)]).unwrap();
    let facts = graph.run(&RunOptions::default()).unwrap().facts;
    let ledger = std::mem::take(&mut *ledger.lock().unwrap());
    let halted = ledger.iter().filter(|frame| frame.halt.is_some()).count();
    assert_eq!(facts.sizing.halted, halted as u64);
    ledger
}

/// Halt of each frame by the definition of the limits.
fn expected(ledger: &[LedgerFrame], limits: &LossLimits, resumed: &[u64]) -> Vec<Option<Halt>> {
    let (mut day, mut before) = (i64::MIN, 1e6);
    let (mut last, mut peak): (f64, f64) = (1e6, 1e6);
    let (mut daily, mut drawdown) = (false, false);
    let of = |frame: &LedgerFrame| {
        if frame.timestamp.date() != day {
            (day, before, daily) = (frame.timestamp.date(), last, false);
        }
        if resumed.contains(&frame.seq) {
            (peak, drawdown) = (frame.nav, false);
        }
        (last, peak) = (frame.nav, peak.max(frame.nav));
        daily |= limits.daily_loss_max.is_some_and(|max| 1.0 - frame.nav / before > max);
        drawdown |= limits.drawdown_max.is_some_and(|max| 1.0 - frame.nav / peak > max);
        if drawdown { Some(Halt::Drawdown) } else { daily.then_some(Halt::DailyLoss) }
    };
    ledger.iter().map(of).collect()
}

#[test]
fn loss_beyond_a_limit_halts_trading_until_the_next_day_or_a_resume() {
    let cases = [
        (LossLimits::default(), &[][..]),
        (LossLimits { daily_loss_max: Some(0.01), drawdown_max: None }, &[]),
        (LossLimits { daily_loss_max: None, drawdown_max: Some(0.02) }, &[]),
        (LossLimits { daily_loss_max: None, drawdown_max: Some(0.02) }, &[300]),
        (LossLimits { daily_loss_max: Some(0.008), drawdown_max: Some(0.05) }, &[200, 300]),
    ];
    for (limits, resumed) in cases {
        let supervised: Vec<_> = resumed.iter().map(|seq| (*seq, Supervision::Resumed)).collect();
        let ledger = run(limits, &supervised, &settings());
        let halts: Vec<_> = ledger.iter().map(|frame| frame.halt).collect();
        assert_eq!(halts, expected(&ledger, &limits, resumed), "{limits:?}");
        let limited = limits != LossLimits::default();
        assert_eq!(halts.iter().any(Option::is_some), limited, "{limits:?} never binds");
        assert!(halts.iter().any(Option::is_none), "{limits:?}");
        for frame in ledger.iter().filter(|frame| frame.halt.is_some()) {
            assert_eq!((frame.turnover, frame.decided), (0.0, true), "frame {}", frame.seq);
        }
        // Only orders of earlier rebalances fill.
        for pair in ledger.windows(2).filter(|pair| pair[0].halt.is_some()) {
            assert!(pair[1].fills.is_empty(), "frame {}", pair[1].seq);
        }
    }
}

#[test]
fn halted_frame_updates_estimates_and_nav_but_not_orders() {
    let plain = run(LossLimits::default(), &[], &settings());
    let halted = run(LossLimits::default(), &[(150, Supervision::Halted)], &settings());
    let at = plain.iter().position(|frame| frame.seq == 150).unwrap();
    for (a, b) in plain.iter().zip(&halted).take(at) {
        assert_eq!(a.digest, b.digest);
    }
    assert_eq!((halted[at].halt, halted[at].turnover), (Some(Halt::Feed), 0.0));
    assert_eq!(halted[at].nav, plain[at].nav, "positions are marked to market");
    assert_eq!(halted[at + 1].halt, None);
    let alpha = |frame: &LedgerFrame| frame.estimates.as_ref().unwrap().get().alpha.clone();
    assert_eq!(alpha(&halted[at + 1]), alpha(&plain[at + 1]), "estimates are the same");
}

#[test]
fn carried_orders_are_cancelled_by_a_halt() {
    let mut with = settings();
    with.execution.participation_cap = Some(1e-7);
    with.execution.unfilled = betaflow_engine::execution::Unfilled::Carry;
    let market = Market { frames: 200, ..Market::default() };
    let mut frames = market.frames();
    for frame in &mut frames {
        frame.volume = frame.close.iter().map(|_| 1e9).collect();
        if frame.seq >= 120 {
            frame.supervision = Supervision::Halted;
        }
    }
    let keep = Keep::default();
    let ledger = Arc::clone(&keep.0);
    let source = MemorySource::new(market.factor_names(), frames);
    let graph = trading(Box::new(source), Box::new(Busy), &with, vec![Box::new(keep)]).unwrap();
    graph.run(&RunOptions::default()).unwrap();
    let ledger = ledger.lock().unwrap();
    let fills = |from: u64| ledger.iter().filter(|f| f.seq >= from).map(|f| f.fills.len()).sum::<usize>();
    assert!(fills(100) > 0);
    // Orders of the preceding frame still fill on the halted frame.
    assert_eq!(fills(121), 0);
}

#[test]
fn frames_before_trade_from_only_warm_up() {
    let from = TimestampNs(DAY_NS * 50);
    let with = RunSettings { trade_from: Some(from), ..settings() };
    let ledger = run(LossLimits::default(), &[], &with);
    assert_eq!(ledger[0].timestamp, from);
    let all = run(LossLimits::default(), &[], &settings());
    assert!(all[0].timestamp < from);
    let at = all.iter().position(|frame| frame.timestamp == from).unwrap();
    let beta = |frame: &LedgerFrame| frame.estimates.as_ref().unwrap().get().betas.clone();
    assert_eq!(beta(&ledger[0]), beta(&all[at]), "betas are equal");
}
