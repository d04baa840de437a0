//! Benchmarks: an instrument, a factor, and files of returns or weights.

use std::collections::BTreeMap;
use std::sync::Arc;

use betaflow_engine::assembly::{Assembler, FrameColumn, Outcome, Rules, Universe, Values};
use betaflow_engine::execution::{
    Benchmark, BenchmarkRule, CashInterest, ExecutionSettings, Market, ReturnRows, WeightRows,
};
use betaflow_engine::frame::{Bar, Field, Frame};
use betaflow_engine::ledger::LedgerFrame;
use betaflow_engine::metrics::{ComparisonBuilder, EquityPoint};
use betaflow_engine::pipeline::{RunOptions, RunSettings};
use betaflow_engine::portfolio::SizingSettings;
use betaflow_engine::settings::Calendar;
use betaflow_engine::time::{DAY_NS, TimestampNs};

use crate::support::{Market as SimulatedMarket, run, settings};

/// Values by name of a line of the reference file.
fn reference() -> BTreeMap<&'static str, Vec<f64>> {
    let line = |line: &'static str| {
        let (name, values) = line.split_once(',').unwrap();
        (name, values.split(',').map(|value| value.parse().unwrap()).collect())
    };
    include_str!("../reference/benchmark.csv").lines().map(line).collect()
}

#[test]
fn figures_against_a_benchmark_equal_those_of_pandas() {
    let reference = reference();
    let mut builder = ComparisonBuilder::new(60);
    for (at, (nav, benchmark_nav)) in reference["nav"].iter().zip(&reference["benchmark"]).enumerate() {
        builder.push(EquityPoint {
            timestamp: TimestampNs(at as i64 * DAY_NS),
            nav: *nav,
            benchmark_nav: *benchmark_nav,
            ..EquityPoint::default()
        });
    }
    let compared = builder.comparison(252.0);
    let relative = compared.net.relative;
    for (name, found) in [
        ("tracking_error", compared.active.tracking_error),
        ("information_ratio", compared.active.information_ratio),
        ("beta", relative.beta),
        ("alpha", relative.alpha),
    ] {
        let expected = reference[name][0];
        assert!((found - expected).abs() <= 1e-10 * expected.abs().max(1.0), "{name}: {found}, {expected}");
    }
}

/// Rows of A and of the index I by timestamp, as frames of an assembler with the index as benchmark.
fn assembled(rules: Rules, rows: &[&[(&str, Bar)]]) -> (Vec<Frame>, Assembler) {
    let mut assembler = Assembler::new(Rules { benchmark: Some("I".to_owned()), ..rules }).unwrap();
    let mut frames = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let mut frame = Frame::default();
        assembler.begin(TimestampNs(at as i64 * DAY_NS), &mut frame);
        for (symbol, bar) in *row {
            assert!(assembler.wants(symbol));
            let slot = assembler.slot(symbol);
            assembler.put(&mut frame, slot, bar).unwrap();
        }
        // A state between any two timestamps continues to the same frames.
        let state = assembler.save().unwrap();
        let emitted = assembler.finish(&mut frame).unwrap() == Outcome::Emitted;
        assert!(!state.is_empty());
        frames.extend(emitted.then_some(frame));
    }
    (frames, assembler)
}

fn close(close: f64) -> Bar {
    Bar::of_close(close)
}

fn only_a() -> Universe {
    Universe { exclude: vec!["I".to_owned()], ..Universe::default() }
}

#[test]
fn untraded_instrument_keeps_its_price_and_makes_no_frame() {
    let a = ("A", close(10.0));
    let index = |price| ("I", close(price));
    let rows: [&[(&str, Bar)]; 7] = [
        &[a],
        &[a, index(100.0)],
        &[a, index(110.0)],
        &[a],
        // Without A there is no frame; the next return spans this price.
        &[index(121.0)],
        &[a, index(132.0)],
        &[a, index(f64::NAN)],
    ];
    let (frames, assembler) = assembled(Rules { universe: only_a(), ..Rules::default() }, &rows);
    let found: Vec<f64> = frames.iter().map(|frame| frame.benchmark).collect();
    assert_eq!(found.len(), 6);
    assert!([0, 1, 3, 5].iter().all(|at| found[*at].is_nan()), "{found:?}");
    assert!((found[2] - 0.1).abs() < 1e-15 && (found[4] - 0.2).abs() < 1e-15, "{found:?}");
    assert!(frames.iter().all(|frame| frame.instruments() == 1));
    assert_eq!((assembler.instruments(), assembler.unpriced_benchmark()), (1, None));
    let (_, without) = assembled(Rules { universe: only_a(), ..Rules::default() }, &[&[a]]);
    assert_eq!(without.unpriced_benchmark(), Some("I"));
}

#[test]
fn benchmark_return_includes_splits_and_dividends() {
    let field = |field| FrameColumn { field, checked: false };
    let fields = vec![field(Field::Dividend), field(Field::Split)];
    let bar = |price: f64, dividend: f64, split: f64| {
        ("I", close(price).with(Field::Dividend, dividend).with(Field::Split, split))
    };
    let a = ("A", close(1.0));
    let rows: [&[(&str, Bar)]; 4] = [
        &[a, bar(100.0, 0.0, 1.0)],
        &[a, bar(51.0, 1.0, 2.0)],
        // A dividend without a trade counts on the next price.
        &[a, bar(f64::NAN, 2.0, f64::NAN)],
        &[a, bar(51.0, f64::NAN, f64::NAN)],
    ];
    for universe in [only_a(), Universe::default()] {
        let (frames, _) = assembled(Rules { universe, fields: fields.clone(), ..Rules::default() }, &rows);
        let found: Vec<f64> = frames.iter().map(|frame| frame.benchmark).collect();
        assert!((found[1] - (2.0 * 52.0 / 100.0 - 1.0)).abs() < 1e-15, "{found:?}");
        assert!(found[2].is_nan() && (found[3] - 2.0 / 51.0).abs() < 1e-15, "{found:?}");
    }
    // With an adjusted price, that price alone.
    let fields = vec![FrameColumn { field: Field::ReturnPrice, checked: true }, field(Field::Dividend)];
    let adjusted = |price: f64| ("I", close(7.0).with(Field::ReturnPrice, price).with(Field::Dividend, 3.0));
    let rows: [&[(&str, Bar)]; 2] = [&[a, adjusted(10.0)], &[a, adjusted(11.0)]];
    let (frames, _) = assembled(Rules { universe: only_a(), fields, ..Rules::default() }, &rows);
    assert!((frames[1].benchmark - 0.1).abs() < 1e-15);
}

#[test]
fn stated_returns_of_the_benchmark_are_compounded_between_frames() {
    let rows: [&[(&str, Bar)]; 4] = [
        &[("A", close(0.0)), ("I", close(0.01))],
        &[("I", close(0.1))],
        &[("I", close(0.2))],
        &[("A", close(0.0)), ("I", close(0.3))],
    ];
    let rules = Rules { universe: only_a(), values: Values::Returns, ..Rules::default() };
    let (frames, _) = assembled(rules, &rows);
    assert_eq!(frames[0].benchmark, 0.01);
    assert!((frames[1].benchmark - (1.1 * 1.2 * 1.3 - 1.0)).abs() < 1e-15);
}

/// Frames of two instruments and one factor.
fn frames() -> Vec<Frame> {
    let prices = [[10.0, 20.0], [11.0, 20.0], [11.0, 25.0], [12.1, 25.0], [12.1, 50.0]];
    let frame = |(seq, prices): (usize, &[f64; 2])| Frame {
        seq: seq as u64,
        timestamp: TimestampNs(seq as i64 * DAY_NS),
        listed: if seq == 0 { vec!["A".into(), "B".into()] } else { Vec::new() },
        close: prices.to_vec(),
        factors: vec![if seq == 3 { f64::NAN } else { 0.01 * seq as f64 }],
        rf: 0.001,
        benchmark: if seq == 2 { f64::NAN } else { 0.02 * seq as f64 },
        ..Frame::default()
    };
    prices.iter().enumerate().map(frame).collect()
}

/// NAV of a benchmark after each frame, started on the second one, and its weights before the decisions.
fn navs(
    rule: &BenchmarkRule,
    settings: &ExecutionSettings,
    excess: bool,
) -> (Vec<f64>, Vec<Vec<f64>>, Benchmark) {
    let mut market = Market::new(settings);
    let calendar = Calendar::default();
    let mut benchmark = Benchmark::new(rule, &["mkt".to_owned()], excess, settings, &calendar).unwrap();
    let (mut navs, mut weights) = (Vec::new(), Vec::new());
    for frame in frames() {
        market.begin(&frame);
        benchmark.advance(&frame, &market);
        market.end(&frame);
        let mut own = Vec::new();
        benchmark.write_weights(2, &mut own);
        weights.push(own);
        if frame.seq >= 1 {
            benchmark.decide(&frame, &market);
        }
        navs.push(benchmark.nav());
    }
    (navs, weights, benchmark)
}

fn assert_navs(found: &[f64], nav: f64, returns: [f64; 3]) {
    let mut expected = vec![nav, nav];
    returns.iter().for_each(|r| expected.push(expected[expected.len() - 1] * (1.0 + r)));
    let near = found.iter().zip(&expected).all(|(a, b)| (a / b - 1.0).abs() < 1e-14);
    assert!(near, "{found:?}, expected {expected:?}");
}

#[test]
fn index_is_held_without_costs_from_the_first_rebalance_on() {
    let settings = ExecutionSettings::default();
    let (found, weights, benchmark) = navs(&BenchmarkRule::Instrument("B".to_owned()), &settings, true);
    assert_navs(&found, settings.nav, [0.0, 0.06, 0.08]);
    assert_eq!((benchmark.facts().frames, benchmark.facts().without_return), (3, 1));
    assert!(weights.iter().all(|weights| *weights == [0.0, 1.0]));
    // The factor is funded at the risk-free return where factors are in excess of it.
    let factor = BenchmarkRule::Factor("mkt".to_owned());
    let (found, weights, benchmark) = navs(&factor, &settings, true);
    assert_navs(&found, settings.nav, [0.021, 0.0, 0.041]);
    assert_eq!((benchmark.facts().without_return, weights[4].clone()), (1, vec![0.0, 0.0]));
    let (found, ..) = navs(&factor, &settings, false);
    assert_navs(&found, settings.nav, [0.02, 0.0, 0.04]);
    let unknown = BenchmarkRule::Factor("mom".to_owned());
    let error =
        Benchmark::new(&unknown, &["mkt".to_owned()], true, &settings, &Calendar::default()).unwrap_err();
    assert_eq!(error.key, "benchmark.symbol");
}

#[test]
fn index_that_lost_everything_stays_where_it_is() {
    let settings = ExecutionSettings { nav: 1_000.0, ..ExecutionSettings::default() };
    let rule = BenchmarkRule::Factor("mkt".to_owned());
    for (returns, expected) in [
        ([0.5, 0.25, -1.0, 0.5], [1_000.0, 1_250.0, 0.0, 0.0]),
        ([0.5, 0.25, -1.0, -1.5], [1_000.0, 1_250.0, 0.0, 0.0]),
        ([0.5, -1.5, -1.0, 0.5], [1_000.0, -500.0, -500.0, -500.0]),
    ] {
        let mut benchmark =
            Benchmark::new(&rule, &["mkt".to_owned()], false, &settings, &Calendar::default()).unwrap();
        let mut market = Market::new(&settings);
        for (template, (r, expected)) in frames().into_iter().zip(returns.into_iter().zip(expected)) {
            let frame = Frame { factors: vec![r], ..template };
            market.begin(&frame);
            benchmark.advance(&frame, &market);
            market.end(&frame);
            if frame.seq == 0 {
                benchmark.decide(&frame, &market);
            }
            // A value of 0 keeps its sign as well.
            assert_eq!(benchmark.nav().to_bits(), f64::to_bits(expected), "{returns:?}");
        }
    }
}

#[test]
fn rows_of_returns_join_the_frames_that_follow_them() {
    let settings = ExecutionSettings::default();
    let hours = DAY_NS / 24;
    let rows = [(-DAY_NS, 0.5), (DAY_NS, 0.25), (DAY_NS + hours, 0.1), (2 * DAY_NS, 0.2), (4 * DAY_NS, -0.1)];
    let rows = ReturnRows::new(rows.map(|(time, r)| (TimestampNs(time), r)).to_vec());
    let (found, _, benchmark) = navs(&BenchmarkRule::Returns(Arc::new(rows)), &settings, true);
    assert_navs(&found, settings.nav, [1.1 * 1.2 - 1.0, 0.0, -0.1]);
    assert_eq!(benchmark.facts().without_return, 1);
}

#[test]
fn digest_of_a_rule_is_that_of_its_rows() {
    let at = |day: i64| TimestampNs(day * DAY_NS);
    let returns =
        |last: f64| BenchmarkRule::Returns(Arc::new(ReturnRows::new(vec![(at(1), 0.25), (at(2), last)])));
    let weights = |symbol| {
        BenchmarkRule::Weights(Arc::new(WeightRows::new([(at(1), "A", 0.25), (at(1), symbol, 0.75)])))
    };
    let hex = |rule: &BenchmarkRule| {
        rule.rows_digest().map(|digest| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    };
    // SHA-256 of the bytes of each row by Python's hashlib: time and value; for weights also length and text of the symbol.
    let of_returns = "d915420c5fd409d3f40264cea1c112f376cb6613e1f2cb03942b6a7b82380639";
    let of_weights = "71fade3e8a7528b9b84af44dc647a29e6fd5159387f2018bf05860b991c416bb";
    assert_eq!(hex(&returns(-0.5)).as_deref(), Some(of_returns));
    assert_eq!(hex(&weights("BC")).as_deref(), Some(of_weights));
    assert_ne!(hex(&returns(0.5)).as_deref(), Some(of_returns));
    assert_ne!(hex(&weights("B")).as_deref(), Some(of_weights));
    let without = [
        BenchmarkRule::EqualWeight,
        BenchmarkRule::Instrument("B".to_owned()),
        BenchmarkRule::Factor("mkt".to_owned()),
    ];
    assert!(without.iter().all(|rule| rule.rows_digest().is_none()));
}

#[test]
fn weights_of_a_file_drift_between_their_times_and_pay_costs() {
    let costly =
        ExecutionSettings { cash_interest: CashInterest::PerYear(0.0), ..ExecutionSettings::default() };
    let free = ExecutionSettings { commission_bps: 0.0, half_spread_bps: 0.0, ..costly.clone() };
    let at = |day: i64| TimestampNs(day * DAY_NS);
    let rows = WeightRows::new([(at(0), "A", 0.6), (at(0), "B", 0.4), (at(3), "B", 0.5), (at(3), "C", 0.5)]);
    let rule = BenchmarkRule::Weights(Arc::new(rows));
    let (found, weights, benchmark) = navs(&rule, &free, true);
    // Decided on frame 1 and filled on frame 2, at the close; on frame 4 the next weights are filled.
    assert_eq!((found[1], found[2]), (free.nav, free.nav));
    // Quantities are those of the close of the decision.
    let (a, b) = (0.6 * free.nav / 11.0, 0.4 * free.nav / 20.0);
    let cash = free.nav - a * 11.0 - b * 25.0;
    let nav = cash + a * 12.1 + b * 25.0;
    assert!((found[3] / nav - 1.0).abs() < 1e-14, "{found:?}");
    assert_eq!(weights[0], [0.6, 0.4]);
    assert!((weights[2][1] - b * 25.0 / free.nav).abs() < 1e-14, "{weights:?}");
    assert_eq!(weights[3], [0.0, 0.5]);
    let facts = benchmark.facts();
    assert_eq!((facts.unplaced, facts.unplaced_symbols), (1, vec!["C".to_owned()]));
    let (costly, ..) = navs(&rule, &costly, true);
    assert!(costly[2] < found[2]);
}

/// With active sizing the returns stay nearer to those of the benchmark, which is the same.
#[test]
fn active_sizing_measures_risk_against_the_benchmark() {
    let market = SimulatedMarket { missing: 0.05, late: 0.2, ..SimulatedMarket::default() };
    let sizing = SizingSettings { active: true, weight_max: 0.3, ..settings().sizing };
    let settings = RunSettings { sizing, ..settings() };
    let (ledger, _) = run(&market, &settings, &RunOptions::default()).unwrap();
    let sizing = SizingSettings { active: false, ..settings.sizing.clone() };
    let plain = RunSettings { sizing, ..settings.clone() };
    let (other, _) = run(&market, &plain, &RunOptions::default()).unwrap();
    let tracking = |ledger: &[LedgerFrame]| {
        let returns = ledger
            .windows(2)
            .map(|pair| pair[1].nav / pair[0].nav - pair[1].benchmark_nav / pair[0].benchmark_nav);
        returns.map(|r| r * r).sum::<f64>()
    };
    assert!(tracking(&ledger) < tracking(&other));
    let same = ledger.iter().zip(&other).all(|(a, b)| a.benchmark_nav.to_bits() == b.benchmark_nav.to_bits());
    assert!(same, "the benchmark does not depend on the strategy");
}
