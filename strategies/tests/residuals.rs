//! Strategies on residual returns: estimates, scores and positions equal the papers' formulas.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../engine/tests/support/mod.rs"]
mod support;

use std::sync::Arc;

use betaflow_engine::frame::Frame;
use betaflow_engine::ledger::LedgerFrame;
use betaflow_engine::model::{Estimates, Reversion};
use betaflow_engine::pipeline::{RunOptions, RunSettings, trading};
use betaflow_engine::portfolio::FactorRisk;
use betaflow_engine::settings::Calendar;
use betaflow_engine::source::MemorySource;
use betaflow_engine::strategy::{Context, Strategy, TargetKind, Targets};
use betaflow_engine::time::{DAY_NS, TimestampNs};
use betaflow_strategies::find;
use proptest::prelude::*;
use support::{Keep, Market, Random, settings};

/// Residuals whose sum is an AR(1) with b = 0.9: `numpy.random.default_rng(2010)`, rounded to 1e-6.
const RESIDUALS: [f64; 60] = [
    -0.007219, -0.005441, 0.007144, -0.003314, 0.01972, 0.0252, -0.002927, 0.019876, 0.001265, -0.005687,
    0.010197, 0.001577, 0.003017, -0.022796, 0.00373, -0.01053, 0.001759, -0.001915, -0.006905, 0.017766,
    0.005178, -0.010707, 0.001838, 0.007707, 0.010457, -0.007448, -0.013609, -0.010377, -0.005508, 0.004988,
    -0.001414, -0.008979, -0.002927, -0.018671, 0.009903, 0.001166, -0.003935, -0.00034, 0.001055, 0.02181,
    -0.002586, -0.012403, -0.002489, -0.002198, -0.013147, 0.009358, 0.012365, 0.001545, -0.004314, 0.003185,
    -0.019741, 0.020678, 0.006236, 0.005696, -0.004581, -0.018468, 0.015094, -0.004223, -0.008148, 0.015939,
];

/// Running sums of the residuals less their mean.
fn cumulated(residuals: &[f64]) -> Vec<f64> {
    let mean = residuals.iter().sum::<f64>() / residuals.len() as f64;
    let sums = residuals.iter().scan(0.0, |total, residual| {
        *total += residual - mean;
        Some(*total)
    });
    sums.collect()
}

fn build(kind: &str, own: &str) -> Box<dyn Strategy> {
    find(kind).unwrap().build(toml::from_str(own).unwrap()).unwrap().1
}

/// Targets of a strategy for instruments with the given residual variance.
fn decide(strategy: &mut dyn Strategy, variance: &[f64], calendar: &Calendar) -> Targets {
    let n = variance.len();
    let estimates =
        Estimates { alpha: vec![0.0; n], observation_var: variance.to_vec(), ..Estimates::default() };
    let context = Context {
        estimates: &estimates,
        factor_names: &[],
        calendar,
        premia: &[],
        risk: &FactorRisk::default(),
        held: &vec![0.0; n],
        tradable: &vec![true; n],
        weight_max: 1.0,
    };
    let mut targets = Targets { values: vec![0.0; n], ..Targets::default() };
    strategy.decide(context, &mut targets).unwrap();
    targets
}

fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-10 * expected.abs().max(1.0), "{found} instead of {expected}");
}

/// `numpy.linalg.lstsq` on (1, X_t), `numpy.var` of its residuals.
#[test]
fn reversion_equals_numpy() {
    let fit = Reversion::fit(&cumulated(&RESIDUALS)).unwrap();
    assert_near(fit.a, 0.001_401_128_393_054_571);
    assert_near(fit.b, 0.891_401_145_613_466_2);
    assert_near(fit.mean, 0.012_901_870_843_568_584);
    assert_near(fit.rate * 252.0, 28.970_104_788_073_066);
    assert_near(fit.deviation, 0.023_096_874_913_664_137);
    assert_near(fit.score(0.0), -0.558_598_117_355_513_9);
}

#[test]
fn series_without_mean_reversion_has_no_fit() {
    let trend: Vec<f64> = (0..60).map(|t| f64::from(t) * 1.01_f64.powi(t)).collect();
    let zigzag: Vec<f64> = (0..60).map(|t| if t % 2 == 0 { 1.0 } else { -1.0 }).collect();
    for series in [trend, zigzag, vec![0.5; 60], vec![1.0, 2.0, 1.5]] {
        assert_eq!(Reversion::fit(&series), None, "{series:?}");
    }
}

/// Two instruments with opposite residuals have opposite means, so centring changes no score.
#[test]
fn positions_open_and_close_at_the_limits_of_the_paper() {
    let score = -Reversion::fit(&cumulated(&RESIDUALS)).unwrap().score(0.0);
    let open = [score - 1e-9, score + 1e-9]
        .map(|open| format!("open = {open}\nclose_short = 0.1\nclose_long = 0.1"));
    for (own, position) in open.iter().zip([0.02, 0.0]) {
        let mut strategy = build("stat_arb", own);
        for residual in RESIDUALS {
            strategy.observe_residuals(&[residual, -residual], &Calendar::default()).unwrap();
        }
        let targets = decide(&mut *strategy, &[1e-4; 2], &Calendar::default());
        assert_eq!(targets.kind, TargetKind::Weights);
        assert_eq!(targets.values, [position, -position], "s-score ∓{score}");
    }
}

#[test]
fn position_stays_between_the_limits_and_closes_beyond() {
    // Scores of one instrument beside a mirrored one, so that the average mean is 0.
    let mut series = RESIDUALS.to_vec();
    let mut random = Random(3);
    let mut level = 0.0;
    for _ in 0..600 {
        let next = 0.85 * level + 0.01 * random.shock();
        series.push(next - level);
        level = next;
    }
    let mut strategy = build("stat_arb", "");
    let (mut position, mut seen) = (0, [0_u32; 3]);
    for (t, residual) in series.iter().enumerate() {
        strategy.observe_residuals(&[*residual, -residual], &Calendar::default()).unwrap();
        let targets = decide(&mut *strategy, &[1e-4; 2], &Calendar::default());
        if t + 1 < 60 {
            assert_eq!(targets.kind, TargetKind::NoForecast);
            continue;
        }
        let fit = Reversion::fit(&cumulated(&series[t + 1 - 60..=t]));
        let fast = fit.filter(|fit| fit.rate * 252.0 > 252.0 / 30.0);
        position = match fast.map(|fit| fit.score(0.0)) {
            None => 0,
            Some(s) if s < -1.25 => 1,
            Some(s) if s > 1.25 => -1,
            Some(s) if position == 1 && s <= -0.5 => 1,
            Some(s) if position == -1 && s >= 0.75 => -1,
            Some(_) => 0,
        };
        seen[(position + 1) as usize] += 1;
        let weight = 0.02 * f64::from(position);
        assert_eq!(targets.values.first(), Some(&weight), "frame {t}");
    }
    assert!(seen.iter().all(|count| *count > 20), "{seen:?}");
}

/// Grinold 1994: −IC σ z/√H per frame, with z the demeaned sum over σ√window.
#[test]
fn forecast_equals_grinold() {
    let mut strategy = build("residual_reversal", "window = 4\nhorizon = 9\ninformation_coefficient = 0.1");
    let rows =
        [[9.0, 9.0, 9.0], [0.01, 0.02, -0.01], [0.01, -0.02, 0.0], [0.01, 0.04, 0.0], [0.01, 0.0, 0.01]];
    for (frame, row) in rows.iter().enumerate() {
        let before = decide(&mut *strategy, &[1e-4, 4e-4, 1e-4], &Calendar::default());
        assert_eq!(before.kind == TargetKind::NoForecast, frame < 4);
        strategy.observe_residuals(row, &Calendar::default()).unwrap();
    }
    let targets = decide(&mut *strategy, &[1e-4, 4e-4, 1e-4], &Calendar::default());
    assert_eq!(targets.kind, TargetKind::Expected);
    // Sums 0.04, 0.04 and 0 over σ√4 = 0.02, 0.04 and 0.02: 2, 1 and 0, with mean 1.
    for (value, expected) in targets.values.iter().zip([-0.1 * 0.01 / 3.0, 0.0, 0.1 * 0.01 / 3.0]) {
        assert!((value - expected).abs() < 1e-15, "{:?}", targets.values);
    }
}

#[test]
fn windows_are_in_days() {
    let three = Calendar { frames_per_day: 3, ..Calendar::default() };
    for (kind, day, frame) in [
        ("residual_reversal", "window = 4\nhorizon = 2", "window = 12\nhorizon = 6"),
        ("stat_arb", "window = 20\nreversion_max = 10", "window = 60\nreversion_max = 30"),
    ] {
        let targets = [(day, three), (frame, Calendar::default())].map(|(own, calendar)| {
            let mut strategy = build(kind, own);
            for residual in RESIDUALS {
                strategy.observe_residuals(&[residual, -residual, 0.5 * residual], &calendar).unwrap();
            }
            decide(&mut *strategy, &[1e-4; 3], &calendar).values
        });
        assert_eq!(targets[0], targets[1], "{kind}");
    }
}

#[test]
fn forecast_needs_nine_tenths_of_a_window() {
    // The third instrument lists on frame 30 and misses three frames.
    let has = |frame: usize| frame >= 30 && !(50..53).contains(&frame);
    for (kind, own) in [("residual_reversal", "window = 20"), ("stat_arb", "window = 20\nopen = 0.0")] {
        let mut strategy = build(kind, own);
        let mut forecasts = 0;
        for (frame, residual) in RESIDUALS.iter().enumerate() {
            let third = if has(frame) { 50.0 * residual * residual.abs() } else { f64::NAN };
            let mut row = vec![*residual, -residual, third];
            row.truncate(if frame < 30 { 2 } else { 3 });
            strategy.observe_residuals(&row, &Calendar::default()).unwrap();
            let targets = decide(&mut *strategy, &vec![1e-4; row.len()], &Calendar::default());
            let forecast = targets.values.get(2).is_some_and(|third| !third.is_nan() && *third != 0.0);
            let known = (frame.saturating_sub(19)..=frame).filter(|t| has(*t)).count();
            assert!(!forecast || known >= 18, "{kind} {frame}: {known} residuals");
            assert!(forecast || known < 18 || kind == "stat_arb", "{kind} {frame}: {known} residuals");
            forecasts += usize::from(forecast);
        }
        assert!(forecasts > 0, "{kind}");
    }
}

/// Frames of a market whose residual returns are the moves of mean-reverting levels.
fn reverting(instruments: usize, frames: usize) -> Vec<Frame> {
    let mut random = Random(11);
    let mut level = vec![0.0; instruments];
    let mut price = vec![50.0; instruments];
    (0..frames)
        .map(|seq| {
            let factor = 3e-4 + 8e-3 * random.shock();
            for (level, price) in level.iter_mut().zip(&mut price) {
                let next = 0.9 * *level + 0.012 * random.shock();
                *price *= 1.0 + factor + next - *level;
                *level = next;
            }
            let listed = if seq == 0 {
                (0..instruments).map(|i| Arc::from(format!("S{i:03}"))).collect()
            } else {
                vec![]
            };
            Frame {
                seq: seq as u64,
                timestamp: TimestampNs(seq as i64 * DAY_NS),
                factors: vec![factor],
                close: price.clone(),
                listed,
                ..Frame::default()
            }
        })
        .collect()
}

fn run(kind: &str, factors: Vec<String>, frames: Vec<Frame>, settings: &RunSettings) -> Vec<LedgerFrame> {
    let keep = Keep::default();
    let ledger = Arc::clone(&keep.0);
    let source = Box::new(MemorySource::new(factors, frames));
    let graph = trading(source, build(kind, ""), settings, vec![Box::new(keep)]).unwrap();
    graph.run(&RunOptions::default()).unwrap();
    std::mem::take(&mut *ledger.lock().unwrap())
}

/// Limits of a market-neutral book.
fn neutral() -> RunSettings {
    let mut settings = settings();
    settings.sizing.weight_min = -0.1;
    settings.sizing.weight_max = 0.1;
    settings.sizing.net_target = Some(0.0);
    settings.sizing.gross_max = 1.0;
    settings.sizing.turnover_cap = 1.0;
    settings
}

fn sharpe(ledger: &[LedgerFrame]) -> f64 {
    let returns: Vec<f64> = ledger.windows(2).map(|pair| pair[1].nav / pair[0].nav - 1.0).collect();
    let mean = returns.iter().sum::<f64>() / returns.len() as f64;
    let variance = returns.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / (returns.len() - 1) as f64;
    mean / variance.sqrt() * 252.0_f64.sqrt()
}

#[test]
fn reverting_residuals_pay_and_costs_take_it() {
    let frames = reverting(20, 700);
    for kind in ["residual_reversal", "stat_arb"] {
        let sharpes = [0.0, 5.0, 20.0].map(|bps| {
            let mut settings = neutral();
            settings.execution.commission_bps = 0.0;
            settings.execution.half_spread_bps = bps;
            let ledger = run(kind, vec!["market".to_owned()], frames.clone(), &settings);
            let invested = ledger.last().unwrap().account.gross_exposure;
            assert!(invested > 0.0 || bps > 0.0, "{kind}");
            let net = ledger.iter().map(|frame| frame.account.net_exposure.abs()).fold(0.0, f64::max);
            assert!(net < 0.02, "{kind} net exposure {net}");
            sharpe(&ledger)
        });
        assert!(sharpes[0] > 1.0, "{kind} {sharpes:?}");
        assert!(sharpes[0] > sharpes[1] && sharpes[1] > sharpes[2], "{kind} {sharpes:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_output_depends_on_later_frames(seed in 0_u64..1_000, cut in 90_usize..139) {
        let market =
            Market { seed, instruments: 8, frames: 140, missing: 0.05, late: 0.3, ..Market::default() };
        let mut changed = market.frames();
        for frame in &mut changed[cut..] {
            frame.close.iter_mut().for_each(|price| *price *= 1.1);
            frame.factors.iter_mut().for_each(|factor| *factor = -*factor);
        }
        for kind in ["residual_reversal", "stat_arb"] {
            let whole = run(kind, market.factor_names(), market.frames(), &neutral());
            let other = run(kind, market.factor_names(), changed.clone(), &neutral());
            let before = |ledger: &[LedgerFrame]| {
                let frames = ledger.iter().filter(|frame| frame.seq < cut as u64);
                frames.map(|frame| (frame.digest, frame.target.clone(), frame.expected.clone())).collect::<Vec<_>>()
            };
            prop_assert!(before(&whole) == before(&other), "{kind}");
        }
    }
}
