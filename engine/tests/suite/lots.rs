//! Whole lots: with `lot` above 0 every position is a multiple of it after every event, and the fraction that
//! a split leaves is paid out in cash.

use std::sync::Arc;

use betaflow_engine::execution::{Book, ExecutionSettings, Fill, FillAt, Market, Order, Reason, Unfilled};
use betaflow_engine::frame::Frame;
use betaflow_engine::settings::Calendar;
use betaflow_engine::time::{DAY_NS, TimestampNs};
use proptest::prelude::*;

const INSTRUMENTS: usize = 4;
const FRAMES: usize = 50;
const RATIOS: [f64; 9] = [2.0, 3.0, 1.5, 7.0, 0.1, 0.5, 1.0 / 3.0, 0.73, 1.015];

/// Bar of an instrument on a frame.
#[derive(Clone, Copy, Debug)]
struct Bar {
    growth: f64,
    missing: bool,
    volume: f64,
    split: Option<f64>,
}

/// Order for an instrument after a frame.
#[derive(Clone, Copy, Debug)]
enum OrderKind {
    Lots(i32),
    Close,
}

#[derive(Clone, Debug)]
struct Script {
    frames: Vec<Frame>,
    orders: Vec<Vec<(usize, OrderKind)>>,
}

fn a_bar() -> impl Strategy<Value = Bar> {
    let split = prop::option::weighted(0.08, prop::sample::select(RATIOS.to_vec()));
    let volume = prop_oneof![1 => Just(0.0), 9 => 10.0..5_000.0_f64];
    (0.9..1.1_f64, prop::bool::weighted(0.1), volume, split)
        .prop_map(|(growth, missing, volume, split)| Bar { growth, missing, volume, split })
}

prop_compose! {
    fn a_script()(
        bars in prop::collection::vec(prop::collection::vec(a_bar(), INSTRUMENTS), FRAMES),
        orders in prop::collection::vec(
            prop::collection::vec(prop::option::weighted(0.3, prop_oneof![
                3 => (-40..40_i32).prop_map(OrderKind::Lots),
                1 => Just(OrderKind::Close),
            ]), INSTRUMENTS),
            FRAMES,
        ),
        adjusted: bool,
        gone_at in 20..FRAMES,
    ) -> Script {
        let mut price = [20.0, 50.0, 100.0, 7.0];
        let mut factor = [1.0; INSTRUMENTS];
        let mut frames = Vec::new();
        for (seq, bars) in bars.iter().enumerate() {
            let mut frame = Frame {
                seq: seq as u64,
                timestamp: TimestampNs((20_000 + seq as i64) * DAY_NS),
                listed: if seq == 0 { ["A", "B", "C", "D"].map(Arc::from).to_vec() } else { Vec::new() },
                ..Frame::default()
            };
            for (i, bar) in bars.iter().enumerate() {
                let gone = i == 3 && seq >= gone_at;
                let traded = seq == 0 || !bar.missing && !gone;
                // An adjusted price shows a split only on a bar with a price; a stated split needs none.
                let split = bar.split.filter(|_| seq > 0 && !gone && (traded || !adjusted)).unwrap_or(1.0);
                price[i] *= bar.growth / split;
                factor[i] *= split;
                frame.open.push(if traded { price[i] * 1.01 } else { f64::NAN });
                frame.close.push(if traded { price[i] } else { f64::NAN });
                frame.volume.push(if traded { bar.volume } else { f64::NAN });
                if adjusted {
                    frame.return_price.push(if traded { price[i] * factor[i] } else { f64::NAN });
                } else {
                    frame.split.push(split);
                    frame.dividend.push(if seq % 7 == i { 0.2 } else { f64::NAN });
                }
            }
            frames.push(frame);
        }
        let orders = orders.into_iter().map(|of_frame| {
            of_frame.into_iter().enumerate().filter_map(|(i, order)| Some((i, order?))).collect()
        });
        Script { frames, orders: orders.collect() }
    }
}

prop_compose! {
    fn some_settings()(
        lot in prop::sample::select(vec![1.0, 10.0, 100.0, 0.1, 0.001, 0.3]),
        delay_bars in 1..4_u64,
        fill_at in prop::sample::select(vec![FillAt::Close, FillAt::Open, FillAt::SameClose]),
        carry: bool,
        capped: bool,
    ) -> ExecutionSettings {
        ExecutionSettings {
            lot,
            delay_bars: if fill_at == FillAt::SameClose { 1 } else { delay_bars },
            fill_at,
            unfilled: if carry { Unfilled::Carry } else { Unfilled::Cancel },
            participation_cap: capped.then_some(0.05),
            delist_after: 3,
            ..ExecutionSettings::default()
        }
    }
}

fn is_whole(quantity: f64, lot: f64) -> bool {
    quantity == (quantity / lot).round() * lot
}

/// Runs the script, checks each frame, and returns all fills.
fn check(script: &Script, settings: &ExecutionSettings) -> Result<Vec<Fill>, TestCaseError> {
    let lot = settings.lot;
    let (mut book, mut market) = (Book::new(settings, &Calendar::default()), Market::new(settings));
    let mut all = Vec::new();
    let mut before = (vec![0.0; INSTRUMENTS], settings.nav);
    for (frame, orders) in script.frames.iter().zip(&script.orders) {
        let mut fills = Vec::new();
        market.begin(frame);
        let mut account = book.advance(frame, &market, &mut fills);
        market.end(frame);
        let portfolio = book.portfolio();
        let order = |(i, kind): &(usize, OrderKind)| Order {
            instrument: *i as u32,
            quantity: match kind {
                OrderKind::Lots(lots) => f64::from(*lots) * lot,
                OrderKind::Close => {
                    let held = portfolio.quantity[*i] + portfolio.in_flight[*i];
                    -(held / lot).round() * lot
                }
            },
            decision_price: frame.close[*i],
        };
        let orders: Vec<Order> = orders
            .iter()
            .filter(|(i, _)| portfolio.tradable[*i])
            .map(order)
            .filter(|order| order.quantity != 0.0)
            .collect();
        if !orders.is_empty() {
            book.submit(&orders);
            if settings.fill_at == FillAt::SameClose {
                book.fill_decided(frame, &market, &mut fills, &mut account);
            }
        }
        let portfolio = book.portfolio();
        let (held, cash) = &mut before;
        let mut expected = *cash + account.interest + account.dividends - account.costs.total();
        for action in market.actions() {
            held[action.instrument as usize] *= action.split;
        }
        for fill in &fills {
            let i = fill.instrument as usize;
            expected -= fill.quantity * fill.price;
            held[i] += fill.quantity;
            match fill.reason {
                Reason::CashInLieu => {
                    prop_assert!(fill.quantity.abs() < lot && fill.costs.total() == 0.0);
                    prop_assert!(frame.close[i].is_nan() || fill.price == frame.close[i]);
                }
                Reason::Order | Reason::Delisting | Reason::Recall | Reason::Ruin => {
                    prop_assert!(is_whole(fill.quantity, lot), "{:?} of {}", fill, lot);
                }
            }
            let lots = held[i] / lot;
            prop_assert!((lots - lots.round()).abs() < 1e-6, "after a fill: {} of {}", held[i], lot);
        }
        prop_assert!((expected - portfolio.cash).abs() <= 1e-9 * settings.nav, "cash of frame {}", frame.seq);
        for i in 0..INSTRUMENTS {
            let (found, in_flight) = (portfolio.quantity[i], portfolio.in_flight[i]);
            prop_assert!(is_whole(found, lot), "frame {}: {} of {}", frame.seq, found, lot);
            prop_assert!(is_whole(in_flight, lot), "frame {}: {} in flight of {}", frame.seq, in_flight, lot);
            prop_assert!((found - held[i]).abs() <= 1e-9 * held[i].abs().max(lot), "frame {}", frame.seq);
        }
        before = (portfolio.quantity.clone(), portfolio.cash);
        let mut ended = Vec::new();
        book.take_ended(&mut ended);
        for order in ended.iter().copied().chain(book.open_orders()) {
            prop_assert!(is_whole(order.quantity, lot) && is_whole(order.filled, lot), "{:?}", order);
        }
        all.extend(fills);
    }
    Ok(all)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn positions_are_whole_lots_after_every_event(script in a_script(), settings in some_settings()) {
        check(&script, &settings)?;
    }
}

/// Frames of one instrument, from (close, split, volume) of each frame.
fn frames(bars: &[(f64, f64, f64)]) -> Vec<Frame> {
    let frame = |(seq, (close, split, volume)): (usize, &(f64, f64, f64))| Frame {
        seq: seq as u64,
        timestamp: TimestampNs((20_000 + seq as i64) * DAY_NS),
        close: vec![*close],
        split: vec![*split],
        volume: vec![*volume],
        ..Frame::default()
    };
    bars.iter().enumerate().map(frame).collect()
}

/// Frame, quantity, price and reason of a fill.
type Filled = (u64, f64, f64, Reason);

/// Bars, the fractions paid out, and the quantity at the end.
type Case<'a> = (&'a [(f64, f64, f64)], Vec<Filled>, f64);

/// Returns the book after the frames with the given orders, and its fills by frame.
fn traded(frames: &[Frame], settings: &ExecutionSettings, orders: &[(usize, f64)]) -> (Book, Vec<Filled>) {
    let (mut book, mut market) = (Book::new(settings, &Calendar::default()), Market::new(settings));
    let mut all = Vec::new();
    for (seq, frame) in frames.iter().enumerate() {
        let mut fills = Vec::new();
        market.begin(frame);
        book.advance(frame, &market, &mut fills);
        market.end(frame);
        for (_, quantity) in orders.iter().filter(|(at, _)| *at == seq) {
            book.submit(&[Order { instrument: 0, quantity: *quantity, decision_price: frame.close[0] }]);
        }
        all.extend(fills.iter().map(|fill| (frame.seq, fill.quantity, fill.price, fill.reason)));
    }
    (book, all)
}

fn free(lot: f64) -> ExecutionSettings {
    ExecutionSettings { lot, commission_bps: 0.0, half_spread_bps: 0.0, ..ExecutionSettings::default() }
}

#[test]
fn fraction_is_paid_out_at_the_close_of_the_split() {
    const N: f64 = f64::NAN;
    // (bars, fills after the purchase, quantity at the end): 101 units, three for two, with and without a price.
    let cases: [Case<'_>; 4] = [
        (&[(30.0, N, N), (30.0, N, N), (21.0, 1.5, N)], vec![(2, -0.5, 21.0, Reason::CashInLieu)], 151.0),
        (&[(30.0, N, N), (30.0, N, N), (N, 1.5, N)], vec![(2, -0.5, 20.0, Reason::CashInLieu)], 151.0),
        (&[(30.0, N, N), (30.0, N, N), (300.0, 0.1, N)], vec![], 10.0),
        (&[(30.0, N, N), (30.0, N, N), (15.0, 2.0, N)], vec![], 202.0),
    ];
    for (bars, expected, quantity) in cases {
        let (book, fills) = traded(&frames(bars), &free(1.0), &[(0, 101.0)]);
        assert_eq!(book.portfolio().quantity, [quantity]);
        let fractions: Vec<_> = fills.iter().filter(|fill| fill.3 == Reason::CashInLieu).copied().collect();
        if expected.is_empty() {
            continue;
        }
        assert_eq!(fractions, expected);
        assert_eq!(book.facts().fractions, 1);
        assert_eq!(book.facts().cash_in_lieu, 0.5 * expected[0].2);
    }
    // A short position pays: a ten-for-one reverse split leaves 10.1, and 0.1 is bought back at 300.
    let (book, fills) =
        traded(&frames(&[(30.0, N, N), (30.0, N, N), (300.0, 0.1, N)]), &free(1.0), &[(0, -101.0)]);
    assert_eq!(book.portfolio().quantity, [-10.0]);
    let (_, quantity, price, reason) = fills[1];
    assert!((quantity - 0.1).abs() < 1e-12 && price == 300.0 && reason == Reason::CashInLieu);
    assert!((book.facts().cash_in_lieu + 30.0).abs() < 1e-9);
    // If less than one lot is left, all of it is paid out.
    let (book, _) = traded(&frames(&[(30.0, N, N), (30.0, N, N), (300.0, 0.1, N)]), &free(1.0), &[(0, 9.0)]);
    assert_eq!(book.portfolio().quantity, [0.0]);
}

#[test]
fn closing_order_closes_the_whole_position_across_a_split() {
    const N: f64 = f64::NAN;
    let volume = |volumes: [f64; 5]| {
        frames(&[
            (30.0, N, volumes[0]),
            (30.0, N, volumes[1]),
            (30.0, N, volumes[2]),
            (20.0, 1.5, volumes[3]),
            (20.0, N, volumes[4]),
        ])
    };
    let plain = volume([N; 5]);
    for (lot, bought) in [(1.0, 101.0), (10.0, 110.0), (0.1, 0.7), (100.0, 300.0)] {
        for sign in [1.0, -1.0] {
            // Ordered before the split and filled on its frame; ordered before it and in flight across it.
            for (delay_bars, at) in [(1, 2), (2, 2)] {
                let settings = ExecutionSettings { delay_bars, ..free(lot) };
                let (book, _) = traded(&plain, &settings, &[(0, sign * bought), (at, -sign * bought)]);
                let left = book.portfolio().quantity[0];
                assert_eq!(left, 0.0, "lot {lot}, {bought} with a delay of {delay_bars}");
            }
        }
    }
    // 100 units sold in parts: 33 before the split, the others and an odd lot after it.
    let settings = ExecutionSettings { participation_cap: Some(0.1), unfilled: Unfilled::Carry, ..free(1.0) };
    let parts = volume([1e4, 1e4, 330.0, 1e4, 1e4]);
    let (book, fills) = traded(&parts, &settings, &[(0, 100.0), (1, -100.0)]);
    let sold: Vec<_> = fills.iter().filter(|fill| fill.3 == Reason::Order && fill.1 < 0.0).collect();
    assert_eq!(sold.iter().map(|fill| fill.1).collect::<Vec<_>>(), [-33.0, -100.0]);
    assert_eq!(book.portfolio().quantity, [0.0]);
}

#[test]
fn orders_in_flight_across_a_split_close_what_they_closed() {
    const N: f64 = f64::NAN;
    let bars = [(30.0, N, N), (30.0, N, N), (30.0, N, N), (30.0, N, N), (30.0, N, N), (20.0, 1.5, N)];
    let bars = [&bars[..], &[(20.0, N, N); 3]].concat();
    let settings = ExecutionSettings { delay_bars: 3, ..free(1.0) };
    // Bought on the fourth frame; both orders are decided before the split and fill after it. Units at the end.
    for (held, first, second, left) in [
        // 151.5 and 76.5 units become 151 and 76, and the order for all of them 227.
        (101.0, 51.0, -152.0, 0.0),
        (-101.0, -51.0, 152.0, 0.0),
        (101.0, -101.0, 33.0, 49.0),
        // An order for as much again closes nothing.
        (101.0, 101.0, 1.0, 303.0),
        (101.0, -50.0, -50.0, 151.0 - 75.0 - 75.0),
        // Without a position, an order opens one.
        (0.0, 51.0, -51.0, 0.0),
        (0.0, 33.0, 33.0, 98.0),
    ] {
        let orders: Vec<(usize, f64)> = [(0, held), (3, first), (4, second)]
            .into_iter()
            .filter(|(_, quantity)| *quantity != 0.0)
            .collect();
        let (book, _) = traded(&frames(&bars), &settings, &orders);
        assert_eq!(book.portfolio().quantity, [left], "{held} {first} {second}");
        assert_eq!(book.facts().open, 0);
    }
}

#[test]
fn split_without_lots_multiplies_orders_exactly() {
    const N: f64 = f64::NAN;
    let bars = [(30.0, N, N), (30.0, N, N), (30.0, N, N), (15.0, 2.0, N)];
    let settings = ExecutionSettings { delay_bars: 2, ..free(0.0) };
    // Sold: as much as is held, up to rounding.
    let sold = 100.0 * (1.0 + 4.0 * f64::EPSILON);
    let (book, _) = traded(&frames(&bars), &settings, &[(0, 100.0), (2, -sold)]);
    assert_eq!(book.portfolio().quantity, [200.0]);
    assert_eq!(book.open_orders().map(|order| order.quantity).collect::<Vec<_>>(), [-2.0 * sold]);
    assert_eq!(book.portfolio().in_flight, [-2.0 * sold]);
}

#[test]
fn order_below_one_lot_after_a_split_is_cancelled() {
    const N: f64 = f64::NAN;
    let bars = frames(&[(30.0, N, N), (300.0, 0.1, N), (300.0, N, N)]);
    let (book, fills) = traded(&bars, &free(1.0), &[(0, 5.0)]);
    assert!(fills.is_empty());
    let facts = book.facts();
    assert_eq!((facts.cancelled, facts.filled, facts.open), (1, 0, 0));
}
