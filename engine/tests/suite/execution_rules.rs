//! Rules of orders, prices and volumes of the execution, by hand.
#![allow(clippy::float_cmp)]

use betaflow_engine::execution::{
    AbdiRanaldo, Action, Book, CorwinSchultz, CostMultipliers, CostStress, ExecutionSettings, Fill, FillAt,
    Market, MarketVolatility, Order, OrderState, Portfolio, Reason, SpreadModel, Unfilled, orders_towards,
};
use betaflow_engine::frame::Frame;
use betaflow_engine::settings::Calendar;
use betaflow_engine::time::{DAY_NS, TimestampNs};

use crate::support::Random;

fn near(found: f64, expected: f64, name: &str) {
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        "{name}: {found}, expected {expected}"
    );
}

fn portfolio(nav: f64, quantity: &[f64], price: &[f64]) -> Portfolio {
    let n = quantity.len();
    Portfolio {
        nav,
        quantity: quantity.to_vec(),
        price: price.to_vec(),
        in_flight: vec![0.0; n],
        tradable: vec![true; n],
        ..Portfolio::default()
    }
}

#[test]
fn orders_in_lots_keep_the_gross_limit() {
    // NAV 1000, lots of 10; sales round down and so leave gross exposure, which the last purchases give up.
    let quantities = |held: &[f64], price: &[f64], target: &[f64], gross: f64| {
        let mut orders = Vec::new();
        let turnover = orders_towards(target, &portfolio(1000.0, held, price), 10.0, gross, &mut orders);
        let traded: f64 =
            orders.iter().map(|order| order.quantity.abs() * order.decision_price / 1000.0).sum();
        near(turnover, traded, "turnover");
        orders.iter().map(|order| (order.instrument, order.quantity)).collect::<Vec<_>>()
    };
    let price = [10.0, 2.0, 1.0];
    // Sells 5 of 100 units: no whole lot. The purchases of 0.1 each exceed a limit of 1.05 by 0.15.
    assert_eq!(quantities(&[100.0, 0.0, 0.0], &price, &[0.95, 0.1, 0.1], 2.0), [(1, 50.0), (2, 100.0)]);
    assert_eq!(quantities(&[100.0, 0.0, 0.0], &price, &[0.95, 0.1, 0.1], 1.1501), [(1, 50.0), (2, 50.0)]);
    assert_eq!(quantities(&[100.0, 0.0, 0.0], &price, &[0.95, 0.1, 0.1], 1.05), [(1, 20.0)]);
    // 0.045 too much is five lots of the third instrument.
    assert_eq!(quantities(&[100.0, 0.0, 0.0], &price, &[0.95, 0.1, 0.1], 1.155), [(1, 50.0), (2, 50.0)]);
    // Sales stay, and purchases take their room.
    assert_eq!(quantities(&[100.0, 50.0, 0.0], &price, &[0.95, 0.0, 0.2], 1.1049), [(1, -50.0), (2, 100.0)]);
    // A reversal keeps its part that closes the position.
    assert_eq!(quantities(&[100.0, 20.0, 0.0], &price, &[0.95, -0.2, 0.0], 1.04), [(1, -40.0)]);
    assert_eq!(quantities(&[100.0, 20.0, 0.0], &price, &[0.95, -0.2, 0.0], 1.1), [(1, -70.0)]);
    // It keeps that part as well where more than the rest is too much; the purchase then gives up 60 of the 160.
    assert_eq!(quantities(&[0.0, 20.0], &[10.0, 2.0], &[0.5, -0.1], 0.4401), [(0, 40.0), (1, -20.0)]);
    // A reversal of less than a lot goes whole: 10 of the second turn −4 into 6, which adds 20. The first gives up the
    // rest of the 55.1 too much.
    assert_eq!(quantities(&[0.0, -4.0], &[1.0, 10.0], &[0.5, 0.06], 0.5049), [(0, 460.0)]);
    assert_eq!(quantities(&[0.0, -4.0], &[1.0, 10.0], &[0.5, 0.06], 0.5449), [(0, 500.0)]);
    assert_eq!(quantities(&[0.0, -4.0], &[1.0, 10.0], &[0.5, 0.06], 0.5601), [(0, 500.0), (1, 10.0)]);
}

#[test]
fn orders_in_lots_never_exceed_the_gross_limit_by_more_than_rounding() {
    let mut cut = 0;
    for seed in 0..3_000 {
        let mut random = Random(seed);
        let n = 1 + (random.uniform() * 6.0) as usize;
        let lot = [1.0, 10.0, 0.1, 25.0][(random.uniform() * 4.0) as usize];
        let price: Vec<f64> = (0..n).map(|_| 1.0 + 40.0 * random.uniform()).collect();
        let held: Vec<f64> = (0..n).map(|_| (random.shock() * 20.0 / lot).round() * lot).collect();
        let wanted: Vec<f64> =
            (0..n).map(|_| if random.uniform() < 0.2 { 0.0 } else { 0.3 * random.shock() }).collect();
        let before = portfolio(1000.0, &held, &price);
        let weights =
            |quantity: &[f64]| quantity.iter().zip(&price).map(|(q, p)| (q * p / 1000.0).abs()).sum::<f64>();
        let gross = wanted.iter().map(|w| w.abs()).sum::<f64>();
        let mut orders = Vec::new();
        orders_towards(&wanted, &before, lot, gross, &mut orders);
        let (mut free, mut after) = (Vec::new(), held.clone());
        orders_towards(&wanted, &before, lot, f64::INFINITY, &mut free);
        orders.iter().for_each(|order| after[order.instrument as usize] += order.quantity);
        let most = gross.max(weights(&held));
        assert!(weights(&after) <= most + 1e-9, "seed {seed}: {} above {most}", weights(&after));
        cut += usize::from(orders != free);
        // Orders are whole lots, none is larger than without the limit, and sales are the same.
        for order in &free {
            let found = orders
                .iter()
                .find(|other| other.instrument == order.instrument)
                .map_or(0.0, |other| other.quantity);
            let share = found / order.quantity;
            assert!((0.0..=1.0 + 1e-12).contains(&share), "seed {seed}: {found} of {}", order.quantity);
            assert!(
                (found / lot - (found / lot).round()).abs() < 1e-6,
                "seed {seed}: {found} in lots of {lot}"
            );
            let held = held[order.instrument as usize];
            let adds = (held + order.quantity).abs() > held.abs();
            assert!(adds || found == order.quantity, "seed {seed}: a sale is cut");
        }
        // Only as much is cut as one more lot of the last cut order would exceed.
        let room = most - weights(&after);
        if let Some(order) = free.iter().find(|order| !orders.contains(order)) {
            let i = order.instrument as usize;
            let step = lot * price[i] / 1000.0;
            let crosses = held[i] * order.quantity < 0.0;
            assert!(crosses || room < step + 1e-9, "seed {seed}: room {room}, a lot {step}");
        }
    }
    assert!(cut > 50, "{cut} cut");
}

/// Frames of closes, one a day.
fn frame(seq: usize, close: &[f64]) -> Frame {
    let none = vec![f64::NAN; close.len()];
    Frame {
        seq: seq as u64,
        timestamp: TimestampNs(seq as i64 * DAY_NS),
        close: close.to_vec(),
        open: close.to_vec(),
        high: close.to_vec(),
        low: close.to_vec(),
        volume: vec![1e6; close.len()],
        split: none.clone(),
        dividend: none,
        ..Frame::default()
    }
}

#[test]
fn volatility_of_the_market_is_ranked_among_earlier_dates() {
    let share = 0.25;
    let mut random = Random(7);
    let mut found = MarketVolatility::new(share);
    let (mut squares, mut trailing): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut price = [100.0, 20.0, 5.0];
    let mut dates = 0;
    for at in 0..700_usize {
        let level = if at % 90 < 30 { 0.03 } else { 0.01 };
        let moves: [f64; 3] = std::array::from_fn(|_| level * random.shock());
        // The second pays on some dates, and splits on others.
        let dividend = if at % 50 == 49 { 0.2 } else { 0.0 };
        let split = [1.0, 2.0, 1.0, 0.5][if at % 25 == 24 { at / 25 % 4 } else { 0 }];
        let before = price;
        (0..3).for_each(|i| price[i] *= 1.0 + moves[i]);
        price[1] = price[1] / split - dividend;
        let mean = (0..3)
            .map(|i| {
                if i == 1 {
                    split * (price[1] + dividend) / before[1] - 1.0
                } else {
                    price[i] / before[i] - 1.0
                }
            })
            .sum::<f64>()
            / 3.0;
        let action = Action { instrument: 1, split, dividend };
        let bar = frame(at, &price);
        let begins = found
            .begin(&bar, if split != 1.0 || dividend != 0.0 { std::slice::from_ref(&action) } else { &[] });
        assert_eq!(begins, at > 0);
        // As of the preceding date.
        if let Some((last, earlier)) = trailing.split_last() {
            let comparable = earlier.len() >= 252;
            let mut sorted = earlier.to_vec();
            sorted.sort_by(f64::total_cmp);
            let expected =
                if comparable { last / (earlier.iter().sum::<f64>() / earlier.len() as f64) } else { 1.0 };
            near(found.relative(), expected, &format!("date {at}"));
            if comparable {
                let rank = (1.0 - share) * (sorted.len() - 1) as f64;
                let (low, high) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
                let threshold = low + (high - low) * (rank - rank.floor());
                assert_eq!(found.is_volatile(), *last >= threshold, "date {at}");
                dates += u64::from(*last >= threshold);
            }
            assert_eq!(found.volatile_dates(), dates, "date {at}");
        }
        found.end(&bar);
        if at > 0 {
            squares.push(mean * mean);
        }
        if squares.len() >= 21 {
            trailing.push((squares[squares.len() - 21..].iter().sum::<f64>() / 21.0).sqrt());
        }
    }
    assert!(dates > 50, "{dates} volatile dates");
}

#[test]
fn stressed_market_charges_more_on_volatile_dates_and_counts_them() {
    let settings = ExecutionSettings::default();
    let usual = CostMultipliers {
        commission: 2.0,
        spread: 3.0,
        impact: 4.0,
        borrow: 5.0,
        ..CostMultipliers::default()
    };
    let stress = CostStress {
        multipliers: usual,
        volatile_cost_multiplier: 3.0,
        volatile_share: 0.25,
        ..CostStress::default()
    };
    let (mut market, mut plain) = (Market::stressed(&settings, &stress), Market::new(&settings));
    let mut volatility = MarketVolatility::new(0.25);
    let mut random = Random(11);
    let mut price = 100.0;
    for at in 0..450_usize {
        price *= 1.0 + random.shock() * if at % 90 < 30 { 0.03 } else { 0.01 };
        let bar = frame(at, &[price]);
        volatility.begin(&bar, &[]);
        market.begin(&bar);
        plain.begin(&bar);
        let times = if volatility.is_volatile() { 3.0 } else { 1.0 };
        let expected =
            CostMultipliers { commission: 2.0 * times, spread: 3.0 * times, impact: 4.0 * times, ..usual };
        assert_eq!(market.multipliers(), expected, "date {at}");
        assert_eq!(market.volatile_dates(), volatility.volatile_dates(), "date {at}");
        volatility.end(&bar);
        market.end(&bar);
        plain.end(&bar);
    }
    assert!(market.volatile_dates() > 20, "{} volatile dates", market.volatile_dates());
    assert_eq!((plain.volatile_dates(), plain.multipliers()), (0, CostMultipliers::default()));
    assert!(market.varies() && !plain.varies());
}

#[test]
fn bars_with_impossible_prices_are_no_estimates_of_a_spread() {
    let good = [(102.0, 100.0, 101.9), (102.0, 100.0, 100.1), (102.0, 100.0, 101.8)];
    let inf = f64::INFINITY;
    let bad = [
        (99.0, 100.0, 99.5),
        (inf, 100.0, 101.0),
        (102.0, 0.0, 101.0),
        (102.0, 100.0, 0.0),
        (102.0, 100.0, inf),
        (102.0, 100.0, -1.0),
        (102.0, -1.0, 101.0),
    ];
    for bad in bad {
        let (mut with, mut without) = (AbdiRanaldo::new(2), AbdiRanaldo::new(2));
        let (mut with_cs, mut without_cs) = (CorwinSchultz::new(2), CorwinSchultz::new(2));
        for (high, low, close) in good {
            without.push(high, low, close);
            without_cs.push(high, low, close);
            with.push(high, low, close);
            with_cs.push(high, low, close);
            with.push(bad.0, bad.1, bad.2);
            with_cs.push(bad.0, bad.1, bad.2);
        }
        assert!(without.half_spread().is_some() && with.half_spread() == without.half_spread(), "{bad:?}");
        assert!(
            without_cs.half_spread().is_some() && with_cs.half_spread() == without_cs.half_spread(),
            "{bad:?}"
        );
    }
    // A bar of one price is possible.
    let mut flat = AbdiRanaldo::new(1);
    [100.0, 101.0].into_iter().for_each(|price| flat.push(price, price, price));
    assert!(flat.half_spread().is_some());
}

/// Runs frames with orders after each frame; returns the fills of each.
fn run(
    settings: &ExecutionSettings,
    frames: &[Frame],
    orders: &[(u64, u32, f64)],
) -> (Vec<Vec<Fill>>, Book, Market) {
    let (mut book, mut market) = (Book::new(settings, &Calendar::default()), Market::new(settings));
    let mut all = Vec::new();
    for frame in frames {
        let mut fills = Vec::new();
        market.begin(frame);
        book.advance(frame, &market, &mut fills);
        market.end(frame);
        let made: Vec<Order> = orders
            .iter()
            .filter(|(seq, ..)| *seq == frame.seq)
            .map(|(_, instrument, quantity)| Order {
                instrument: *instrument,
                quantity: *quantity,
                decision_price: frame.close[*instrument as usize],
            })
            .collect();
        if !made.is_empty() {
            book.submit(&made);
        }
        all.push(fills);
    }
    (all, book, market)
}

#[test]
fn fills_cross_half_the_quoted_spread() {
    for fill_at in [FillAt::Close, FillAt::Open] {
        let settings = ExecutionSettings {
            nav: 1e5,
            half_spread_bps: 7.0,
            spread_model: SpreadModel::Quotes,
            fill_at,
            ..ExecutionSettings::default()
        };
        let quotes = [
            (f64::NAN, f64::NAN),
            (99.0, 101.0),
            (101.0, 99.0),
            (f64::NAN, f64::NAN),
            (99.5, 100.5),
            (98.0, 102.0),
        ];
        let frames: Vec<Frame> = quotes
            .iter()
            .enumerate()
            .map(|(at, (bid, ask))| Frame { bid: vec![*bid], ask: vec![*ask], ..frame(at, &[100.0]) })
            .collect();
        let orders: Vec<(u64, u32, f64)> = (0..5).map(|seq| (seq, 0, 1.0)).collect();
        let (fills, book, market) = run(&settings, &frames, &orders);
        let found: Vec<f64> = fills.iter().flatten().map(|fill| fill.conditions.half_spread_bps).collect();
        // At the open the quotes of the bar before hold; a crossed quote costs 0, and without one the last stays.
        let expected = if fill_at == FillAt::Close {
            [100.0, 0.0, 0.0, 50.0, 200.0]
        } else {
            [7.0, 100.0, 0.0, 0.0, 50.0]
        };
        found.iter().zip(expected).for_each(|(found, expected)| near(*found, expected, "half-spread"));
        assert_eq!((found.len(), market.crossed_quotes(), market.varies()), (5, 1, true));
        assert_eq!(book.facts().spread_usual, u64::from(fill_at == FillAt::Open));
    }
    assert!(!Market::new(&ExecutionSettings::default()).varies());
}

#[test]
fn facts_of_volumes_name_the_first_and_the_stalest_instrument() {
    let (nan, settings) = (f64::NAN, ExecutionSettings { nav: 1e5, ..ExecutionSettings::default() });
    let of = |volumes: &[[f64; 4]]| {
        let frames: Vec<Frame> = volumes
            .iter()
            .enumerate()
            .map(|(at, volume)| Frame { volume: volume.to_vec(), ..frame(at, &[1.0, 2.0, 3.0, 4.0]) })
            .collect();
        let (.., market) = run(&settings, &frames, &[]);
        market.volume_facts()
    };
    let found = of(&[[1.0, 1.0, 1.0, nan], [0.0, 1.0, 0.0, nan], [1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, nan]]);
    assert_eq!((found.stale_bars, found.stale_instruments, found.stalest), (6, 3, Some(2)));
    assert_eq!((found.without_volume, found.first_without_volume), (1, Some(3)));
    // Of equals the first.
    let found = of(&[[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 1.0]]);
    assert_eq!((found.stale_bars, found.stale_instruments, found.stalest), (2, 2, Some(1)));
    let found = of(&[[1.0, 1.0, 1.0, 1.0]]);
    assert_eq!((found.stale_instruments, found.stalest, found.first_without_volume), (0, None, None));
}

#[test]
fn reverse_split_keeps_orders_in_whole_lots_and_closes_what_they_closed() {
    // 25 units of the first and 14 of the second are held, and become 2 and 1 by a split of one for ten, in lots of 1.
    let settings = ExecutionSettings {
        nav: 1e5,
        lot: 1.0,
        participation_cap: Some(0.1),
        unfilled: Unfilled::Carry,
        ..ExecutionSettings::default()
    };
    let split = |at: usize| if at == 4 { 0.1 } else { f64::NAN };
    let volume = |at: usize| match at {
        // Nothing fills from the second order on until the split.
        2 => vec![1e6; 3],
        3 => vec![20.0, 30.0, 1e6],
        _ => vec![1e6; 3],
    };
    let frames: Vec<Frame> = (0..7)
        .map(|at| {
            let price = if at < 4 { 100.0 } else { 1000.0 };
            Frame {
                split: vec![split(at), split(at), f64::NAN],
                volume: volume(at),
                ..frame(at, &[price, price, 50.0])
            }
        })
        .collect();
    let orders = [(0, 0, 25.0), (0, 1, 14.0), (2, 0, -25.0), (2, 1, 27.0), (2, 2, 4.0)];
    let (fills, mut book, _) = run(&settings, &frames, &orders);
    let traded =
        |at: usize| fills[at].iter().map(|fill| (fill.instrument, fill.quantity)).collect::<Vec<_>>();
    assert_eq!(traded(1), [(0, 25.0), (1, 14.0)]);
    // A tenth of the volumes 20 and 30.
    assert_eq!(traded(3), [(0, -2.0), (1, 3.0), (2, 4.0)]);
    // 23 units become 2.3: the fraction is paid out, and the order that sells the rest sells 2. 17 become 1.7, and 1
    // stays, and 24 more become 2.
    assert_eq!(
        traded(4).into_iter().filter(|(_, quantity)| quantity.fract() == 0.0).collect::<Vec<_>>(),
        [(0, -2.0), (1, 2.0)]
    );
    assert_eq!(book.portfolio().quantity, [0.0, 3.0, 4.0]);
    let mut ended = Vec::new();
    book.take_ended(&mut ended);
    assert!(ended.iter().all(|order| order.state == OrderState::Filled), "{ended:?}");
    assert_eq!(book.open_orders().count(), 0);
}

#[test]
fn fills_take_the_price_of_their_setting() {
    for (fill_at, price) in [
        (FillAt::Open, 98.0),
        (FillAt::Close, 101.0),
        (FillAt::Typical, (104.0 + 95.0 + 101.0) / 3.0),
        (FillAt::Vwap, (98.0 + 104.0 + 95.0 + 101.0) / 4.0),
    ] {
        let settings = ExecutionSettings { fill_at, ..ExecutionSettings::default() };
        let bar = |seq: usize, close: f64| Frame {
            open: vec![98.0],
            high: vec![104.0],
            low: vec![95.0],
            ..frame(seq, &[close])
        };
        let (fills, ..) = run(&settings, &[bar(0, 100.0), bar(1, 101.0)], &[(0, 0, 3.0)]);
        let found: Vec<(f64, f64)> = fills[1].iter().map(|fill| (fill.quantity, fill.price)).collect();
        assert_eq!(found, [(3.0, price)], "{fill_at:?}");
        // Without a close there was no trade.
        let (fills, book, _) = run(&settings, &[bar(0, 100.0), bar(1, f64::NAN)], &[(0, 0, 3.0)]);
        assert!(fills[1].is_empty() && book.facts().cancelled == 1, "{fill_at:?}");
    }
}

#[test]
fn nothing_is_in_flight_after_the_last_fill() {
    let settings = ExecutionSettings { delay_bars: 2, lot: 0.0, ..ExecutionSettings::default() };
    let frames: Vec<Frame> = (0..4).map(|at| frame(at, &[0.01])).collect();
    // The second order is within the rounding of the first.
    let orders = [(0, 0, 1e6), (1, 0, 1e-7)];
    let (_, book, _) = run(&settings, &frames[..2], &orders);
    let facts = book.facts();
    assert_eq!((facts.orders, facts.filled, facts.cancelled, facts.open), (2, 0, 0, 2));
    let (_, book, _) = run(&settings, &frames[..3], &orders);
    assert_eq!((book.facts().filled, book.facts().open), (1, 1));
    let (fills, book, _) = run(&settings, &frames, &orders);
    assert_eq!(fills.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 1, 1]);
    assert_eq!((book.facts().filled, book.facts().open), (2, 0));
    assert_eq!(book.portfolio().in_flight, [0.0]);
}

#[test]
fn names_of_reasons_and_states_are_those_of_the_tables() {
    for (reason, name) in [
        (Reason::Order, "order"),
        (Reason::Delisting, "delisting"),
        (Reason::CashInLieu, "cash_in_lieu"),
        (Reason::Ruin, "ruin"),
        (Reason::Recall, "recall"),
    ] {
        assert_eq!((reason.name(), Reason::of(name)), (name, Some(reason)));
    }
    assert_eq!((Reason::of("orders"), Reason::of("")), (None, None));
    for (state, name) in [
        (OrderState::Decided, "decided"),
        (OrderState::Working, "working"),
        (OrderState::PartlyFilled, "partly_filled"),
        (OrderState::Filled, "filled"),
        (OrderState::Cancelled, "cancelled"),
        (OrderState::Expired, "expired"),
    ] {
        assert_eq!(state.name(), name);
    }
}
