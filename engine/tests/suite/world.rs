//! Stressed worlds: their effects, the data that they leave unchanged, and the absence of look-ahead.

use std::sync::Arc;

use betaflow_engine::execution::{
    BPS, Book, CashInterest, Costs, ExecutionSettings, Fill, Market as Costing, MarketVolatility, Order,
    Reason, Unfilled,
};
use betaflow_engine::frame::Frame;
use betaflow_engine::model::{Dlm, Estimates, Estimator as _, EstimatorSettings, Returns};
use betaflow_engine::pipeline::{RunOptions, trading};
use betaflow_engine::settings::Calendar;
use betaflow_engine::source::{MemorySource, Source, SourceError};
use betaflow_engine::time::{DAY_NS, TimestampNs};
use betaflow_engine::warning::{WorldNote, WorstWindow};
use betaflow_engine::world::{Recorded, WorldError, WorldSettings, apply};
use proptest::prelude::*;

use crate::support::{Busy, Market, Random, settings};

const BYTES_MAX: u64 = 100_000_000;

/// A market with every field that a bar may have (quotes, volumes, splits, dividends, an adjusted price),
/// listings, delistings, and prices missing at random.
fn rich(seed: u64, frames: usize, adjusted: bool) -> Vec<Frame> {
    let market = Market {
        seed,
        instruments: 8,
        factors: 2,
        frames,
        missing: 0.05,
        late: 0.4,
        gone_at: Some(frames / 2),
    };
    let mut random = Random(seed);
    let (mut units, mut wealth) = (vec![1.0; 8], vec![1.0; 8]);
    let mut frames = market.frames();
    for frame in &mut frames {
        let n = frame.close.len();
        let column = |of: &dyn Fn(f64) -> f64| frame.close.iter().map(|close| of(*close)).collect::<Vec<_>>();
        (frame.high, frame.low) = (column(&|close| 1.01 * close), column(&|close| 0.98 * close));
        (frame.bid, frame.ask) = (column(&|close| 0.999 * close), column(&|close| 1.001 * close));
        frame.volume = column(&|close| 1e6 / close);
        frame.split = vec![f64::NAN; n];
        frame.dividend = vec![f64::NAN; n];
        for i in 0..n {
            if random.uniform() < 0.01 {
                frame.split[i] = 2.0;
                units[i] *= 2.0;
                wealth[i] *= 2.0;
            }
            let paid = if random.uniform() < 0.02 { 0.004 } else { 0.0 };
            let close = frame.close[i] / units[i];
            for field in [&mut frame.close, &mut frame.open, &mut frame.high, &mut frame.low, &mut frame.bid]
            {
                field[i] /= units[i];
            }
            frame.ask[i] /= units[i];
            frame.volume[i] *= units[i];
            if paid > 0.0 && !close.is_nan() {
                frame.dividend[i] = paid * close;
                wealth[i] *= 1.0 + paid;
            }
        }
        if adjusted {
            frame.return_price =
                frame.close.iter().zip(&wealth).map(|(close, wealth)| close * wealth).collect();
        }
    }
    frames
}

fn source(frames: &[Frame]) -> Box<dyn Source> {
    let names = (0..frames[0].factors.len()).map(|j| format!("f{j}")).collect();
    Box::new(MemorySource::new(names, frames.to_vec()))
}

/// Applies stress to a source, which is first read into memory if the stress needs it.
fn stressed(
    mut source: Box<dyn Source>,
    world: &WorldSettings,
    bytes_max: u64,
) -> Result<Box<dyn Source>, SourceError> {
    if world.needs_memory() {
        source = Box::new(Recorded::read(&mut *source, bytes_max)?.path(world)?);
    }
    apply(source, world, &Calendar::default())
}

/// Frames of a stressed source, and its notes.
fn seen(frames: &[Frame], world: &WorldSettings) -> Result<(Vec<Frame>, Vec<WorldNote>), SourceError> {
    world.check()?;
    let mut source = stressed(source(frames), world, BYTES_MAX)?;
    let (mut all, mut frame) = (Vec::new(), Frame::default());
    while source.next_frame(&mut frame)? {
        all.push(frame.clone());
    }
    let facts = source.facts();
    assert_eq!(facts.frames as usize, all.len());
    assert_eq!(
        (facts.first, facts.last),
        (all.first().map(|f| f.timestamp), all.last().map(|f| f.timestamp))
    );
    assert_eq!(facts.instruments as usize, all.last().map_or(0, Frame::instruments));
    check_engine_order(&all);
    Ok((all, facts.world))
}

/// Checks that frames are numbered from 0, in time order, and instruments listed with the first price, ties
/// by the bytes of the symbol.
fn check_engine_order(frames: &[Frame]) {
    let mut listed = 0;
    for (seq, frame) in frames.iter().enumerate() {
        assert_eq!(frame.seq, seq as u64);
        assert!(seq == 0 || frames[seq - 1].timestamp < frame.timestamp);
        assert!(frame.listed.is_sorted(), "{:?}", frame.listed);
        assert_eq!(listed + frame.listed.len(), frame.instruments());
        assert!(frame.close[listed..].iter().all(|close| !close.is_nan()), "listed with a price");
        listed = frame.instruments();
    }
}

/// All numbers of a frame, as their bits.
fn bits(frame: &Frame) -> Vec<u64> {
    let columns = [
        &frame.close,
        &frame.open,
        &frame.high,
        &frame.low,
        &frame.volume,
        &frame.bid,
        &frame.ask,
        &frame.dividend,
        &frame.split,
        &frame.return_price,
        &frame.returns,
        &frame.factors,
    ];
    let numbers = columns.into_iter().flatten().chain([&frame.rf]);
    // All NaN payloads count as equal.
    let bits = numbers.map(|number| if number.is_nan() { u64::MAX } else { number.to_bits() });
    bits.chain([frame.timestamp.0 as u64]).collect()
}

fn same(a: &[Frame], b: &[Frame]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| bits(a) == bits(b) && a.listed == b.listed)
}

/// Total returns of each frame by name.
fn returns(frames: &[Frame]) -> Vec<Vec<(Arc<str>, f64)>> {
    let (mut of, mut names) = (Returns::new(false), Vec::new());
    let each = |frame: &Frame| {
        names.extend(frame.listed.iter().cloned());
        names.iter().cloned().zip(of.of(frame).iter().copied()).collect()
    };
    frames.iter().map(each).collect()
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * (1.0 + b.abs())
}

#[test]
fn default_world_leaves_the_data_bit_identical() {
    for adjusted in [false, true] {
        let frames = rich(3, 200, adjusted);
        let (plain, notes) = seen(&frames, &WorldSettings::default()).unwrap();
        assert!(same(&plain, &frames) && notes.is_empty());
        let mut whole = source(&frames);
        let recorded = Recorded::read(&mut *whole, BYTES_MAX).unwrap();
        let mut path = recorded.path(&WorldSettings::default()).unwrap();
        let mut frame = Frame::default();
        for expected in &frames {
            assert!(path.next_frame(&mut frame).unwrap() && bits(&frame) == bits(expected));
            assert_eq!(frame.listed, expected.listed);
        }
        assert!(!path.next_frame(&mut frame).unwrap());
    }
    let run = |world: WorldSettings| {
        let market = Market::default();
        let source = MemorySource::new(market.factor_names(), market.frames());
        let settings = betaflow_engine::pipeline::RunSettings { world, ..settings() };
        let graph = trading(Box::new(source), Box::new(Busy), &settings, Vec::new()).unwrap();
        graph.run(&RunOptions::default()).unwrap().facts.digest
    };
    let plain = run(WorldSettings::default());
    // A multiplier of 1 on volatile dates and a power of 0 are evaluated and change nothing.
    assert_eq!(
        run(WorldSettings { sizing_knows: false, volatile_share: 0.5, ..WorldSettings::default() }),
        plain
    );
    assert_ne!(run(WorldSettings { cost_multiplier: 1.5, ..WorldSettings::default() }), plain);
}

/// Results of an order script: each frame's costs with the cash before it, and the fills.
struct Traded {
    costs: Vec<(Costs, f64)>,
    fills: Vec<Fill>,
    linear: Vec<Vec<f64>>,
    impact: Vec<Vec<f64>>,
}

fn trade(frames: &[Frame], execution: &ExecutionSettings, world: &WorldSettings) -> Traded {
    let mut book = Book::new(execution, &Calendar::default());
    let mut market = Costing::stressed(execution, &world.cost_stress());
    let mut all = Traded { costs: Vec::new(), fills: Vec::new(), linear: Vec::new(), impact: Vec::new() };
    for (seq, frame) in frames.iter().enumerate() {
        market.begin(frame);
        let cash = book.portfolio().cash;
        let account = book.advance(frame, &market, &mut all.fills);
        market.end(frame);
        book.price_trades(&market);
        all.costs.push((account.costs, cash));
        all.linear.push(book.portfolio().linear_cost.clone());
        all.impact.push(book.portfolio().impact.clone());
        let quantity = [300.0, -500.0, 40.0, 900.0][seq % 4];
        let order = |instrument: usize| Order {
            instrument: instrument as u32,
            quantity,
            decision_price: frame.close[instrument],
        };
        let n = frame.instruments();
        let orders: Vec<Order> =
            [seq % n, (seq + 1) % n].into_iter().filter(|i| !frame.close[*i].is_nan()).map(order).collect();
        book.submit(&orders);
    }
    all
}

fn execution() -> ExecutionSettings {
    ExecutionSettings {
        nav: 1e6,
        commission_per_share: 0.01,
        commission_min: 1.0,
        impact_coefficient: 0.5,
        permanent_impact_coefficient: 0.2,
        borrow_bps_per_year: 100.0,
        financing_bps_per_year: 100.0,
        delisting_haircut: 0.2,
        delist_after: 3,
        cash_interest: CashInterest::PerYear(0.02),
        unfilled: Unfilled::Carry,
        ..ExecutionSettings::default()
    }
}

#[test]
fn each_multiplier_applies_to_its_item_only() {
    let mut frames = rich(5, 160, false);
    // The first instrument is delisted.
    frames[100..].iter_mut().for_each(|frame| frame.close[0] = f64::NAN);
    let base = trade(&frames, &execution(), &WorldSettings::default());
    let one = WorldSettings::default();
    // Multiple of each cost item, and the haircut, which is 0.2 by default and is not a cost.
    let cases: [(WorldSettings, [f64; 5], f64); 8] = [
        (WorldSettings { cost_multiplier: 2.0, ..one.clone() }, [2.0; 5], 0.2),
        (WorldSettings { commission_multiplier: 2.0, ..one.clone() }, [2.0, 1.0, 1.0, 1.0, 1.0], 0.2),
        (WorldSettings { spread_multiplier: 2.0, ..one.clone() }, [1.0, 2.0, 1.0, 1.0, 1.0], 0.2),
        (WorldSettings { impact_multiplier: 2.0, ..one.clone() }, [1.0, 1.0, 2.0, 1.0, 1.0], 0.2),
        (WorldSettings { borrow_multiplier: 2.0, ..one.clone() }, [1.0, 1.0, 1.0, 2.0, 1.0], 0.2),
        (WorldSettings { financing_multiplier: 2.0, ..one.clone() }, [1.0, 1.0, 1.0, 1.0, 2.0], 0.2),
        (WorldSettings { haircut_multiplier: 2.0, ..one.clone() }, [1.0; 5], 0.4),
        (
            WorldSettings { cost_multiplier: 3.0, spread_multiplier: 0.5, ..one.clone() },
            [3.0, 1.5, 3.0, 3.0, 3.0],
            0.2,
        ),
    ];
    for (world, times, haircut) in cases {
        let stressed = trade(&frames, &execution(), &world);
        let mut all = [0.0; 5];
        for (at, ((costs, cash), (before, cash_before))) in stressed.costs.iter().zip(&base.costs).enumerate()
        {
            for (item, ((name, value), (_, one))) in costs.items().iter().zip(before.items()).enumerate() {
                all[item] += value;
                // Financing follows the cash under stress.
                let due =
                    if *name == "financing" { one * cash.min(0.0) / cash_before.min(-1e-300) } else { one };
                assert!(
                    near(*value, times[item] * due, 1e-12),
                    "{world:?}: {name} of frame {at}: {value} {due}"
                );
            }
        }
        assert!(all.iter().all(|sum| *sum > 0.0), "every item occurs: {all:?}");
        for (fill, before) in stressed.fills.iter().zip(&base.fills) {
            let kept = |fill: &Fill, haircut: f64| match fill.reason {
                Reason::Delisting => 1.0 - haircut,
                Reason::Order | Reason::CashInLieu | Reason::Recall | Reason::Ruin => 1.0,
            };
            assert_eq!(fill.quantity, before.quantity);
            assert!(near(fill.price * kept(before, 0.2), before.price * kept(fill, haircut), 1e-12));
            assert!(near(fill.permanent_impact, times[2] * before.permanent_impact, 1e-12));
            assert!(near(
                fill.conditions.half_spread_bps,
                times[1] * before.conditions.half_spread_bps,
                1e-12
            ));
        }
        // Sizing uses stressed costs, or unstressed ones.
        let surprised = trade(&frames, &execution(), &WorldSettings { sizing_knows: false, ..world.clone() });
        let known = stressed.linear.iter().zip(&stressed.impact).zip(base.linear.iter().zip(&base.impact));
        for ((linear, _), (before, _)) in known.clone() {
            for (i, (cost, before)) in linear.iter().zip(before).enumerate() {
                let spread = execution().half_spread_bps * BPS;
                let due = times[1] * spread + times[0] * (before - spread);
                assert!(near(*cost, due, 1e-12), "instrument {i}");
            }
        }
        assert_eq!(surprised.linear, base.linear);
        let items = |of: &Traded| of.costs.iter().map(|(costs, _)| costs.total()).sum::<f64>();
        assert_eq!(items(&surprised), items(&stressed), "charged costs are equal");
    }
}

#[test]
fn volume_multiplier_applies_to_the_cap_and_to_impact() {
    let frames = rich(6, 80, false);
    let capped =
        ExecutionSettings { participation_cap: Some(1e-3), unfilled: Unfilled::Cancel, ..execution() };
    let of = |volume_multiplier, sizing_knows| {
        trade(
            &frames,
            &capped,
            &WorldSettings { volume_multiplier, sizing_knows, ..WorldSettings::default() },
        )
    };
    let (base, half, surprised) = (of(1.0, true), of(0.5, true), of(0.5, false));
    let orders = |fills: &[Fill]| -> Vec<Fill> {
        fills.iter().filter(|fill| fill.decided_seq.is_some()).copied().collect()
    };
    let (base_fills, half_fills) = (orders(&base.fills), orders(&half.fills));
    assert_eq!(base_fills.len(), half_fills.len());
    let mut capped = 0;
    for (fill, before) in half_fills.iter().zip(&base_fills) {
        let halved = near(fill.quantity, before.quantity / 2.0, 1e-12);
        capped += u32::from(halved);
        assert!(halved || fill.quantity.abs() > before.quantity.abs() / 2.0, "{fill:?} {before:?}");
        assert!(near(fill.conditions.daily_volume, before.conditions.daily_volume / 2.0, 1e-12));
    }
    assert!(capped > 10, "the cap binds on {capped} fills only");
    let impact = |of: &Traded| of.impact.last().unwrap()[0];
    assert!(impact(&half) > impact(&base), "half the volume moves more");
    assert_eq!(orders(&surprised.fills).len(), half_fills.len());
    assert!(orders(&surprised.fills).iter().zip(&half_fills).all(|(a, b)| a.costs == b.costs));
}

/// For each date: true if volatile, and its relative volatility, by the definition from all earlier dates.
fn by_hand(frames: &[Frame], share: f64) -> Vec<(bool, f64)> {
    let market: Vec<f64> = returns(frames)
        .iter()
        .map(|of| {
            let known: Vec<f64> = of.iter().map(|(_, r)| *r).filter(|r| !r.is_nan()).collect();
            known.iter().sum::<f64>() / known.len() as f64
        })
        .collect();
    // The first date has no return.
    let trailing = |date: usize| -> Option<f64> {
        let window = market.get(date.checked_sub(21)?.max(1)..date).filter(|window| window.len() == 21)?;
        Some((window.iter().map(|r| r * r).sum::<f64>() / 21.0).sqrt())
    };
    let of = |date: usize| {
        let mut before: Vec<f64> = (0..date).filter_map(trailing).collect();
        before.sort_by(f64::total_cmp);
        match trailing(date).filter(|_| before.len() >= 252) {
            None => (false, 1.0),
            Some(own) => {
                let at = (1.0 - share) * (before.len() - 1) as f64;
                let (low, high) = (before[at.floor() as usize], before[at.ceil() as usize]);
                let mean = before.iter().sum::<f64>() / before.len() as f64;
                (own >= low + (at - at.floor()) * (high - low), own / mean)
            }
        }
    };
    (0..frames.len()).map(of).collect()
}

fn gauged(frames: &[Frame], share: f64) -> Vec<(bool, f64)> {
    let mut gauge = MarketVolatility::new(share);
    let each = |frame: &Frame| {
        gauge.begin(frame, &[]);
        gauge.end(frame);
        (gauge.is_volatile(), gauge.relative())
    };
    frames.iter().map(each).collect()
}

#[test]
fn volatile_dates_depend_on_earlier_dates_only() {
    let frames = Market { seed: 9, frames: 900, ..Market::default() }.frames();
    // The mean over instruments is that over as many as have a return.
    let growing = Market { seed: 10, frames: 900, late: 0.7, ..Market::default() }.frames();
    for (frames, share) in [(&frames, 0.1), (&frames, 0.3), (&growing, 0.2)] {
        let (found, expected) = (gauged(frames, share), by_hand(frames, share));
        for (date, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert!(
                found.0 == expected.0 && near(found.1, expected.1, 1e-9),
                "{date}: {found:?} {expected:?}"
            );
        }
        let days = found.iter().filter(|(volatile, _)| *volatile).count() as f64;
        assert!(days > 0.0 && days < 0.8 * 900.0, "{days}");
    }
    // Later data does not change earlier results.
    let mut changed = frames.clone();
    for frame in &mut changed[600..] {
        frame.close.iter_mut().for_each(|close| *close *= 1.0 + 0.3 * ((frame.seq % 2) as f64));
    }
    let (a, b) = (gauged(&frames, 0.1), gauged(&changed, 0.1));
    assert_eq!(a[..=600], b[..=600], "the date of the change is unaffected");
    assert_ne!(a[600..], b[600..]);
}

#[test]
fn costs_follow_volatility() {
    let frames = Market { seed: 9, frames: 700, ..Market::default() }.frames();
    let execution = ExecutionSettings::default();
    let world = WorldSettings {
        cost_multiplier: 2.0,
        volatile_cost_multiplier: 3.0,
        spread_follows_volatility: 0.5,
        ..WorldSettings::default()
    };
    let mut market = Costing::stressed(&execution, &world.cost_stress());
    for (frame, (volatile, relative)) in frames.iter().zip(gauged(&frames, 0.1)) {
        market.begin(frame);
        market.end(frame);
        let times = market.multipliers();
        let day = if volatile { 3.0 } else { 1.0 };
        assert_eq!(
            (times.commission, times.impact, times.borrow, times.haircut),
            (2.0 * day, 2.0 * day, 2.0, 1.0)
        );
        assert!(near(market.conditions(0).half_spread_bps, 4.0 * 2.0 * day * relative.sqrt(), 1e-12));
    }
    assert!(market.varies(), "costs vary by date");
}

#[test]
fn returns_compound_over_a_gap() {
    for adjusted in [false, true] {
        let frames = rich(8, 120, adjusted);
        for (from, length) in [(40, 1), (40, 7), (58, 20)] {
            let world = WorldSettings {
                gap_from: Some(date(&frames[from])),
                gap_frames: length as u64,
                ..WorldSettings::default()
            };
            let (found, notes) = seen(&frames, &world).unwrap();
            assert_eq!(found.len(), frames.len() - length);
            let lost = frames[from..from + length].iter().map(date).collect::<Vec<_>>();
            let (first, last) = (lost[0], lost[length - 1]);
            assert_eq!(notes, [WorldNote::Gap { frames: length as u64, first, last }]);
            let (after, whole) = (&found[from], &frames[from..=from + length]);
            assert_eq!(after.timestamp, whole[length].timestamp);
            let product =
                |of: &dyn Fn(&Frame) -> f64| whole.iter().map(|f| 1.0 + of(f)).product::<f64>() - 1.0;
            for j in 0..2 {
                assert!(near(after.factors[j], product(&|frame| frame.factors[j]), 1e-12));
            }
            assert!(near(after.rf, product(&|frame| frame.rf), 1e-12));
            assert!(same(&found[..from], &frames[..from]), "frames before the gap are unchanged");
            // A position bought before the gap and held across it has the same value afterwards.
            let priced = |i: &usize| !whole[length].close[*i].is_nan();
            let held: Vec<usize> = (0..frames[from - 1].instruments()).filter(priced).collect();
            for (frame, before) in found[from..].iter().zip(&frames[from + length..]) {
                let [a, b] =
                    [nav_of(&found, frame.timestamp, &held), nav_of(&frames, before.timestamp, &held)];
                // An adjusted price gives the value of dividends, not the price at which they were paid.
                assert!((a / b - 1.0).abs() < if adjusted { 1e-6 } else { 1e-12 }, "{a} {b}");
            }
        }
    }
}

fn date(frame: &Frame) -> betaflow_engine::time::Date {
    betaflow_engine::time::Date::of(frame.timestamp)
}

/// NAV at a time of 10 units of each of some instruments, bought at the close of frame 31 and held.
fn nav_of(frames: &[Frame], at: TimestampNs, held: &[usize]) -> f64 {
    let free = ExecutionSettings {
        commission_bps: 0.0,
        half_spread_bps: 0.0,
        delist_after: 1_000,
        // Dividends within the gap are paid at its end and earn no interest before.
        cash_interest: CashInterest::PerYear(0.0),
        ..Default::default()
    };
    let (mut book, mut market) = (Book::new(&free, &Calendar::default()), Costing::new(&free));
    let mut fills = Vec::new();
    for frame in frames.iter().take_while(|frame| frame.timestamp <= at) {
        market.begin(frame);
        book.advance(frame, &market, &mut fills);
        market.end(frame);
        if frame.seq == 30 {
            let priced =
                held.iter().copied().filter(|i| frame.close.get(*i).is_some_and(|close| !close.is_nan()));
            let order =
                |i: usize| Order { instrument: i as u32, quantity: 10.0, decision_price: frame.close[i] };
            book.submit(&priced.map(order).collect::<Vec<_>>());
        }
    }
    assert!(fills.len() >= 3, "{}", fills.len());
    book.portfolio().nav
}

#[test]
fn stated_returns_compound_until_the_instrument_trades_after_a_gap() {
    const N: f64 = f64::NAN;
    let stated = [[0.0, 0.0], [0.1, 0.1], [0.2, N], [N, 0.3], [0.5, 0.5]];
    let mut index = [100.0; 2];
    let frame = |(seq, returns): (usize, &[f64; 2])| {
        let close = std::array::from_fn::<f64, 2, _>(|i| {
            index[i] *= if returns[i].is_nan() { 1.0 } else { 1.0 + returns[i] };
            if returns[i].is_nan() { N } else { index[i] }
        });
        let listed = if seq == 0 { vec![Arc::from("A"), Arc::from("B")] } else { Vec::new() };
        let timestamp = TimestampNs(seq as i64 * DAY_NS);
        Frame {
            seq: seq as u64,
            timestamp,
            listed,
            close: close.into(),
            returns: returns.to_vec(),
            ..Frame::default()
        }
    };
    let frames: Vec<Frame> = stated.iter().enumerate().map(frame).collect();
    let world = WorldSettings { gap_from: Some(date(&frames[1])), gap_frames: 2, ..WorldSettings::default() };
    let (found, _) = seen(&frames, &world).unwrap();
    let expected = [[0.0, 0.0], [N, 1.1 * 1.3 - 1.0], [1.1 * 1.2 * 1.5 - 1.0, 0.5]];
    for (frame, expected) in found.iter().zip(expected) {
        assert!(frame.returns.iter().zip(expected).all(|(a, b)| near(*a, b, 1e-12)), "{:?}", frame.returns);
    }
}

fn reversed(factor: &str) -> WorldSettings {
    WorldSettings { reverse_factor: Some(factor.to_owned()), ..WorldSettings::default() }
}

/// Betas of the filter after the frames.
fn betas(frames: &[Frame]) -> Estimates {
    let k = frames[0].factors.len();
    let mut filter = Dlm::new(&EstimatorSettings::default(), &Calendar::default(), k);
    let mut estimates = Estimates { factors: vec![0.0; k], ..Estimates::default() };
    let mut of = Returns::new(true);
    for frame in frames {
        filter.step(&frame.factors, of.of(frame), false);
    }
    filter.write(&mut estimates);
    estimates
}

#[test]
fn reversed_factor_changes_sign_and_betas_stay() {
    let frames = Market { seed: 12, frames: 600, ..Market::default() }.frames();
    for (number, name) in ["f0", "f1"].into_iter().enumerate() {
        let (found, notes) = seen(&frames, &reversed(name)).unwrap();
        assert_eq!(notes, [WorldNote::FactorReversed { factor: name.to_owned(), from: None, floored: 0 }]);
        for (frame, before) in found.iter().zip(&frames) {
            for j in 0..3 {
                let sign = if j == number { -1.0 } else { 1.0 };
                assert_eq!(frame.factors[j], sign * before.factors[j]);
            }
            assert!(near(frame.open[0] / frame.close[0], before.open[0] / before.close[0], 1e-12));
        }
        // The estimated betas on −f equal the original betas on f.
        let (there, here) = (betas(&found), betas(&frames));
        for j in 0..3 {
            let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let (there, here) = (there.betas_on(j), here.betas_on(j));
            let slope = product(there, here) / product(here, here);
            let alike = product(there, here) / (product(here, here) * product(there, there)).sqrt();
            assert!((slope - 1.0).abs() < 0.25 && alike > 0.8, "{j}: {slope} {alike}");
        }
    }
    // From a date on, with earlier frames unchanged.
    let world = WorldSettings { reverse_from: Some(date(&frames[300])), ..reversed("f0") };
    let (found, _) = seen(&frames, &world).unwrap();
    assert!(same(&found[..300], &frames[..300]));
    assert!(found[300..].iter().zip(&frames[300..]).all(|(a, b)| a.factors[0] == -b.factors[0]));
    // Causal: later data does not change earlier frames.
    let mut changed = frames.clone();
    changed[500..].iter_mut().for_each(|frame| frame.close.iter_mut().for_each(|close| *close *= 1.1));
    let (other, _) = seen(&changed, &reversed("f0")).unwrap();
    let (found, _) = seen(&frames, &reversed("f0")).unwrap();
    assert!(same(&found[..500], &other[..500]));
    let Err(error) = seen(&frames, &reversed("value")) else { panic!("there is no such factor") };
    assert!(error.to_string().contains("\"value\"") && error.to_string().contains("f0, f1, f2"), "{error}");
}

#[test]
fn instrument_without_beta_is_unchanged() {
    // Constant prices and a constant market: the beta on the second factor is exactly 0.
    let mut frames = rich(14, 100, false);
    for frame in &mut frames {
        for (split, dividend) in frame.split.iter_mut().zip(&mut frame.dividend) {
            (*split, *dividend) = (f64::NAN, f64::NAN);
        }
        for column in [&mut frame.close, &mut frame.open, &mut frame.high, &mut frame.low] {
            column.iter_mut().filter(|price| !price.is_nan()).for_each(|price| *price = 40.0);
        }
        (frame.rf, frame.factors[0]) = (0.0, 0.0);
    }
    let (found, _) = seen(&frames, &reversed("f1")).unwrap();
    for (frame, before) in found.iter().zip(&mut frames) {
        before.factors[1] = -before.factors[1];
        assert_eq!(bits(frame), bits(before));
    }
}

#[test]
fn reversed_bars_keep_traded_value_and_shape() {
    for adjusted in [false, true] {
        let frames = rich(15, 300, adjusted);
        let (found, _) = seen(&frames, &reversed("f0")).unwrap();
        let mut moved = 0;
        for (frame, before) in found.iter().zip(&frames) {
            for i in 0..frame.instruments() {
                let ratio =
                    |column: &[f64], price: f64| column.get(i).map_or(f64::NAN, |value| value / price);
                let (close, other) = (frame.close[i], before.close[i]);
                moved += u32::from((close / other - 1.0).abs() > 0.05);
                for (a, b) in [
                    (&frame.open, &before.open),
                    (&frame.ask, &before.ask),
                    (&frame.dividend, &before.dividend),
                ] {
                    assert!(near(ratio(a, close), ratio(b, other), 1e-12) || other.is_nan());
                }
                let notional = [frame.volume[i] * close, before.volume[i] * other];
                assert!(near(notional[0], notional[1], 1e-12));
                assert!(
                    !adjusted || near(frame.return_price[i] / close, before.return_price[i] / other, 1e-12)
                );
            }
        }
        assert!(moved > 100);
    }
}

fn bootstrap(seed: u64, block: f64) -> WorldSettings {
    WorldSettings { bootstrap_seed: Some(seed), bootstrap_block: block, ..WorldSettings::default() }
}

/// Frame of the data of each frame of a path, identified by its factors.
fn drawn(path: &[Frame], frames: &[Frame]) -> Vec<usize> {
    let of = |frame: &Frame| frames.iter().position(|other| other.factors == frame.factors).unwrap();
    path.iter().map(of).collect()
}

#[test]
fn resampled_path_has_the_returns_of_its_drawn_dates() {
    for adjusted in [false, true] {
        let frames = rich(17, 400, adjusted);
        let (path, notes) = seen(&frames, &bootstrap(5, 20.0)).unwrap();
        assert_eq!(notes, [WorldNote::Resampled { seed: 5, block_days: 20.0 }]);
        assert_eq!(path.len(), frames.len());
        let drawn = drawn(&path, &frames);
        assert_eq!(drawn[0], 0, "the first date stays in place");
        assert!(drawn[1..].iter().all(|at| *at > 0), "the first date is not drawn");
        let (ours, theirs) = (returns(&path), returns(&frames));
        let (mut moves, mut wealth) = (0, std::collections::BTreeMap::<Arc<str>, f64>::new());
        for (position, &at) in drawn.iter().enumerate() {
            let (frame, origin) = (&path[position], &frames[at]);
            assert_eq!(frame.timestamp, frames[position].timestamp, "dates are unchanged");
            assert_eq!(frame.rf.to_bits(), origin.rf.to_bits());
            let priced = |frame: &Frame| frame.close.iter().filter(|close| !close.is_nan()).count();
            assert_eq!(priced(frame), priced(origin), "the same instruments have a price");
            for (name, own) in &ours[position] {
                let Some((_, r)) = theirs[at].iter().find(|(other, _)| other == name) else { continue };
                if !(own.is_nan() || r.is_nan()) {
                    assert!(near(*own, *r, 1e-12), "{name} at {position}: {own} {r}");
                    moves += 1;
                }
                *wealth.entry(Arc::clone(name)).or_insert(1.0) *= 1.0 + own;
            }
            let traded: f64 =
                frame.close.iter().zip(&frame.volume).map(|(c, v)| c * v).filter(|v| v.is_finite()).sum();
            let there: f64 =
                origin.close.iter().zip(&origin.volume).map(|(c, v)| c * v).filter(|v| v.is_finite()).sum();
            assert!(near(traded, there, 1e-9), "the traded value is equal");
        }
        assert!(moves > 1_000);
        // With blocks of 20 dates, a date follows its predecessor 19 times of 20.
        let follows = drawn.windows(2).filter(|pair| pair[1] == pair[0] + 1).count() as f64 / 399.0;
        assert!((follows - 0.95).abs() < 0.035, "{follows}");
    }
}

#[test]
fn seed_determines_the_path() {
    let frames = rich(18, 200, true);
    let of = |seed| seen(&frames, &bootstrap(seed, 10.0)).unwrap().0;
    assert!(same(&of(1), &of(1)));
    assert!(!same(&of(1), &of(2)));
}

#[test]
fn mean_return_of_resampled_paths_is_that_of_the_market() {
    let frames = Market { seed: 19, frames: 300, instruments: 5, ..Market::default() }.frames();
    let mean = |frames: &[Frame]| -> f64 {
        let of = returns(frames);
        let days = of[1..].iter().map(|of| of.iter().map(|(_, r)| r).sum::<f64>() / of.len() as f64);
        days.sum::<f64>() / (frames.len() - 1) as f64
    };
    let recorded = Recorded::read(&mut *source(&frames), BYTES_MAX).unwrap();
    let path = |seed: u64| {
        let (mut path, mut all) = (recorded.clone().path(&bootstrap(seed, 10.0)).unwrap(), Vec::new());
        let mut frame = Frame::default();
        while path.next_frame(&mut frame).unwrap() {
            all.push(frame.clone());
        }
        mean(&all)
    };
    let means: Vec<f64> = (0..200).map(path).collect();
    let average = means.iter().sum::<f64>() / 200.0;
    let deviation = (means.iter().map(|m| (m - average) * (m - average)).sum::<f64>() / 199.0).sqrt();
    // Within five standard errors of the mean of 200, and the paths differ about as much as means of 300 days.
    assert!(
        (average - mean(&frames)).abs() < 5.0 * deviation / 200.0_f64.sqrt(),
        "{average} {}",
        mean(&frames)
    );
    assert!((2e-4..2e-3).contains(&deviation), "{deviation}");
}

#[test]
fn worst_windows_are_repeated_after_the_end() {
    let frames = Market { seed: 21, frames: 250, missing: 0.05, ..Market::default() }.frames();
    let (windows, length) = (3, 20);
    let world = WorldSettings { worst_windows: 3, worst_window_days: 20, ..WorldSettings::default() };
    let (path, notes) = seen(&frames, &world).unwrap();
    let [WorldNote::WorstWindows { after, dates: 20, windows: repeated }] = &notes[..] else {
        panic!("{notes:?}")
    };
    assert_eq!((*after, repeated.len()), (date(&frames[249]), windows));
    assert_eq!(path.len(), 250 + windows * length);
    assert!(same(&path[..250], &frames), "frames before the end are unchanged");
    // By brute force: the window with the lowest return of equal weights, then the next without overlap.
    let of = returns(&frames);
    let market = |at: usize| -> f64 {
        let known: Vec<f64> = of[at].iter().map(|(_, r)| *r).filter(|r| !r.is_nan()).collect();
        known.iter().sum::<f64>() / known.len() as f64
    };
    let mut free: Vec<bool> = vec![true; 250];
    free[0] = false;
    let ours = returns(&path);
    for window in 0..windows {
        let growth = |start: usize| (start..start + length).map(|at| 1.0 + market(at)).product::<f64>();
        let fits = |start: &usize| free[*start..start + length].iter().all(|free| *free);
        let start = (0..=250 - length).filter(fits).min_by(|a, b| growth(*a).total_cmp(&growth(*b))).unwrap();
        free[start..start + length].fill(false);
        let WorstWindow { first, last, market_return } = &repeated[window];
        assert_eq!((*first, *last), (date(&frames[start]), date(&frames[start + length - 1])));
        assert!(near(1.0 + market_return, growth(start), 1e-12), "{market_return}");
        for offset in 0..length {
            let at = 250 + window * length + offset;
            assert_eq!(path[at].factors, frames[start + offset].factors);
            let pairs = ours[at].iter().zip(&of[start + offset]);
            assert!(pairs.clone().all(|((a, _), (b, _))| a == b));
            for ((name, own), (_, r)) in pairs {
                assert!(own.is_nan() || r.is_nan() || near(*own, *r, 1e-12), "{name}: {own} {r}");
            }
            assert_eq!(path[at].timestamp.0 - path[at - 1].timestamp.0, DAY_NS);
        }
    }
}

#[test]
fn dates_with_many_bars_are_drawn_whole() {
    // Two bars per day, at 15:00 and 21:00 UTC; every third day has only the second.
    let all = Market { seed: 23, frames: 180, instruments: 4, ..Market::default() }.frames();
    let hour = DAY_NS / 24;
    let of = |(at, mut frame): (usize, Frame)| {
        let hours = if at % 2 == 0 { 15 } else { 21 };
        frame.timestamp = TimestampNs((at as i64 / 2) * DAY_NS + hours * hour);
        (at % 6 != 2).then_some(frame)
    };
    let mut frames: Vec<Frame> = all.into_iter().enumerate().filter_map(of).collect();
    frames.iter_mut().enumerate().for_each(|(seq, frame)| frame.seq = seq as u64);
    let world = WorldSettings { worst_windows: 2, worst_window_days: 5, ..bootstrap(3, 4.0) };
    let (path, notes) = seen(&frames, &world).unwrap();
    assert_eq!(notes.len(), 2);
    let drawn = drawn(&path, &frames);
    for (at, pair) in drawn.windows(2).enumerate() {
        let [here, next] = [path[at].timestamp, path[at + 1].timestamp];
        assert_eq!(here.0.rem_euclid(DAY_NS), frames[pair[0]].timestamp.0.rem_euclid(DAY_NS));
        let one_date =
            frames[pair[0]].timestamp.date() == frames[pair[1]].timestamp.date() && pair[1] == pair[0] + 1;
        assert_eq!(here.date() == next.date(), one_date, "a date is drawn as a whole");
    }
    assert_eq!(path.last().unwrap().timestamp.date(), frames.last().unwrap().timestamp.date() + 10);
}

#[test]
fn impossible_world_is_rejected_with_a_reason() {
    let frames = rich(25, 40, false);
    let gap = |gap_frames| WorldSettings {
        gap_from: Some(date(&frames[0])),
        gap_frames,
        ..WorldSettings::default()
    };
    let windows = WorldSettings { worst_windows: 1, worst_window_days: 40, ..WorldSettings::default() };
    let cases: [(&[Frame], WorldSettings, &[&str]); 4] = [
        (&frames, gap(40), &["gap", "found 40", "all 40 frames"]),
        (&frames, windows, &["worst windows", "40 date(s)", "at least 41"]),
        (&frames[..1], bootstrap(1, 2.0), &["resampled path", "1 date(s)", "at least 2"]),
        (&frames, reversed("mkt"), &["reversed factor", "\"mkt\"", "f0, f1"]),
    ];
    for (frames, world, words) in cases {
        let Err(error) = seen(frames, &world) else { panic!("{world:?}") };
        assert!(words.iter().all(|word| error.to_string().contains(word)), "{error}");
    }
    let Err(error) = stressed(source(&frames), &bootstrap(1, 2.0), 5_000) else { panic!("too large") };
    assert!(matches!(error.downcast_ref(), Some(WorldError::TooLarge { bytes_max: 5_000, .. })), "{error}");
    // The first frames may be missing, and a gap may start after the end.
    assert_eq!(seen(&frames, &gap(39)).unwrap().0.len(), 1);
    let late = WorldSettings {
        gap_from: Some("2100-01-01".parse().unwrap()),
        gap_frames: 3,
        ..WorldSettings::default()
    };
    let (found, notes) = seen(&frames, &late).unwrap();
    assert!(same(&found, &frames));
    assert_eq!(notes, [WorldNote::GapAfterData { from: "2100-01-01".parse().unwrap() }]);
}

#[test]
fn parts_of_a_world_combine() {
    let frames = rich(27, 200, false);
    let world = WorldSettings {
        gap_from: Some(date(&frames[60])),
        gap_frames: 9,
        reverse_factor: Some("f1".into()),
        worst_windows: 1,
        worst_window_days: 15,
        ..bootstrap(4, 8.0)
    };
    let (found, notes) = seen(&frames, &world).unwrap();
    assert_eq!((found.len(), notes.len()), (200 + 15 - 9, 4));
    // One recording serves any number of worlds.
    let recorded = Recorded::read(&mut *source(&frames), BYTES_MAX).unwrap();
    let path: Box<dyn Source> = Box::new(recorded.path(&world).unwrap());
    let mut again = apply(path, &world, &Calendar::default()).unwrap();
    let mut frame = Frame::default();
    for expected in &found {
        assert!(again.next_frame(&mut frame).unwrap() && bits(&frame) == bits(expected));
    }
    assert!(!again.next_frame(&mut frame).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_world_keeps_the_contract_of_a_source(seed in 0..1_000_u64, block in 1.0..30.0_f64, from in 0..90_usize, gap in 0..20_u64, windows in 0..4_u32, adjusted: bool, reverse: bool) {
        let frames = rich(seed, 120, adjusted);
        let world = WorldSettings {
            gap_from: Some(date(&frames[from])),
            gap_frames: gap,
            reverse_factor: reverse.then(|| "f0".to_owned()),
            worst_windows: windows,
            worst_window_days: 17,
            ..bootstrap(seed, block)
        };
        let (found, _) = seen(&frames, &world).unwrap();
        for frame in &found {
            for column in [&frame.close, &frame.open, &frame.bid, &frame.ask, &frame.volume, &frame.return_price] {
                prop_assert!(column.is_empty() || column.len() == frame.instruments());
                prop_assert!(column.iter().all(|value| value.is_nan() || (*value > 0.0 && value.is_finite())));
            }
        }
    }
}
