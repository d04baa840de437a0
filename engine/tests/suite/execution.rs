//! Properties of execution with given orders: higher costs never raise NAV, a longer delay never fills
//! earlier, a split does not change wealth, and no fill exceeds its share of a bar.

use betaflow_engine::execution::{
    Book, CashInterest, ExecutionSettings, Fill, Market, Order, Portfolio, Unfilled, orders_towards,
};
use betaflow_engine::frame::Frame;
use betaflow_engine::settings::Calendar;
use betaflow_engine::time::{DAY_NS, TimestampNs};
use proptest::prelude::*;

const INSTRUMENTS: usize = 4;
const FRAMES: usize = 40;

/// Bars of a few instruments, and the orders after each frame.
#[derive(Clone, Debug)]
struct Script {
    frames: Vec<Frame>,
    orders: Vec<Vec<(u32, f64)>>,
}

fn a_script() -> impl Strategy<Value = Script> {
    let bar = (0.9..1.1_f64, 0.0..1.0_f64, 100.0..5_000.0_f64);
    let bars = prop::collection::vec(prop::collection::vec(bar, INSTRUMENTS), FRAMES);
    let order = (0..INSTRUMENTS as u32, -400.0..400.0_f64);
    let orders = prop::collection::vec(prop::collection::vec(order, 0..3), FRAMES);
    (bars, orders).prop_map(|(bars, orders)| {
        let mut price = [20.0, 50.0, 100.0, 7.0];
        let frame = |(seq, bars): (usize, &Vec<(f64, f64, f64)>)| {
            let mut frame = Frame {
                seq: seq as u64,
                timestamp: TimestampNs((20_000 + seq as i64) * DAY_NS),
                ..Frame::default()
            };
            for (last, (growth, missing, volume)) in price.iter_mut().zip(bars) {
                *last *= growth;
                // All instruments trade on the first frame, later each with probability 0.9.
                let traded = seq == 0 || *missing > 0.1;
                frame.close.push(if traded { *last } else { f64::NAN });
                frame.volume.push(if traded { *volume } else { f64::NAN });
                frame.split.push(f64::NAN);
                frame.dividend.push(f64::NAN);
            }
            frame
        };
        let frames = bars.iter().enumerate().map(frame).collect();
        Script { frames, orders }
    })
}

fn settings() -> ExecutionSettings {
    ExecutionSettings {
        commission_per_share: 0.005,
        commission_min: 1.0,
        impact_coefficient: 0.5,
        permanent_impact_coefficient: 0.2,
        borrow_bps_per_year: 100.0,
        financing_bps_per_year: 100.0,
        delisting_haircut: 0.2,
        delist_after: 3,
        cash_interest: CashInterest::PerYear(0.02),
        participation_cap: Some(0.05),
        unfilled: Unfilled::Carry,
        ..ExecutionSettings::default()
    }
}

/// NAV of each frame, and all fills with their frame.
fn run(script: &Script, settings: &ExecutionSettings) -> (Vec<f64>, Vec<(u64, Fill)>) {
    let (mut book, mut market) = (Book::new(settings, &Calendar::default()), Market::new(settings));
    let (mut navs, mut all) = (Vec::new(), Vec::new());
    for (frame, orders) in script.frames.iter().zip(&script.orders) {
        let mut fills = Vec::new();
        market.begin(frame);
        book.advance(frame, &market, &mut fills);
        market.end(frame);
        let traded = |order: &&(u32, f64)| !frame.close[order.0 as usize].is_nan();
        let order = |&(instrument, quantity): &(u32, f64)| Order {
            instrument,
            quantity,
            decision_price: frame.close[instrument as usize],
        };
        let orders: Vec<Order> = orders.iter().filter(traded).map(order).collect();
        if !orders.is_empty() {
            book.submit(&orders);
        }
        navs.push(book.portfolio().nav);
        all.extend(fills.into_iter().map(|fill| (frame.seq, fill)));
    }
    (navs, all)
}

proptest! {
    #[test]
    fn no_cost_raises_equity(script in a_script(), which in 0..9_usize, by in 1.0..3.0_f64) {
        let mut dearer = settings();
        match which {
            0 => dearer.commission_bps *= by,
            1 => dearer.commission_per_share *= by,
            2 => dearer.commission_min *= by,
            3 => dearer.half_spread_bps *= by,
            4 => dearer.impact_coefficient *= by,
            5 => dearer.permanent_impact_coefficient *= by,
            6 => dearer.borrow_bps_per_year *= by,
            7 => dearer.financing_bps_per_year *= by,
            // Below a whole day's volume a smaller exponent gives a larger impact.
            _ => dearer.impact_exponent /= by,
        }
        let ((cheap, few), (dear, same)) = (run(&script, &settings()), run(&script, &dearer));
        prop_assert_eq!(few.len(), same.len(), "the trades are the same");
        for (seq, (cheap, dear)) in cheap.iter().zip(&dear).enumerate() {
            prop_assert!(*dear <= cheap + 1e-9, "frame {}: {} above {}", seq, dear, cheap);
        }
    }

    #[test]
    fn longer_delay_never_fills_earlier(script in a_script(), carry: bool) {
        let unfilled = if carry { Unfilled::Carry } else { Unfilled::Cancel };
        let of = |delay_bars| run(&script, &ExecutionSettings { delay_bars, unfilled, ..settings() }).1;
        let (one, two) = (of(1), of(2));
        let first = |fills: &[(u64, Fill)], decided: Option<u64>, instrument: u32| {
            let is = |fill: &&(u64, Fill)| fill.1.decided_seq == decided && fill.1.instrument == instrument;
            fills.iter().find(is).map(|(seq, _)| *seq)
        };
        for (seq, fill) in two.iter().filter(|(_, fill)| fill.decided_seq.is_some()) {
            prop_assert!(*seq >= fill.decided_seq.unwrap() + 2);
            if let Some(earlier) = first(&one, fill.decided_seq, fill.instrument) {
                prop_assert!(*seq >= earlier);
            }
        }
    }

    #[test]
    fn split_does_not_change_wealth(script in a_script(), at in 5..35_usize, instrument in 0..INSTRUMENTS, ratio in prop::sample::select(vec![7.0, 2.0, 1.5, 0.1])) {
        // Before the split one unit equals `ratio` units after it: the price is higher, quantities and volumes lower.
        let free = ExecutionSettings { commission_per_share: 0.0, ..settings() };
        let mut raw = script.clone();
        let traded = |frame: &Frame| !frame.close[instrument].is_nan();
        let at = (at..FRAMES).find(|seq| traded(&script.frames[*seq])).unwrap_or(FRAMES - 1);
        for (frame, orders) in raw.frames[..at].iter_mut().zip(&mut raw.orders) {
            frame.close[instrument] *= ratio;
            frame.volume[instrument] /= ratio;
            for order in orders.iter_mut().filter(|order| order.0 as usize == instrument) {
                order.1 /= ratio;
            }
        }
        raw.frames[at].split[instrument] = ratio;
        let ((adjusted, some), (raw, same)) = (run(&script, &free), run(&raw, &free));
        prop_assert_eq!(some.len(), same.len());
        for (a, b) in adjusted.iter().zip(&raw) {
            prop_assert!((a - b).abs() <= 1e-9 * a.abs(), "{a} with adjusted prices, {b} with the split");
        }
        for ((_, a), (_, b)) in some.iter().zip(&same) {
            prop_assert!((a.costs.total() - b.costs.total()).abs() <= 1e-6, "{a:?} {b:?}");
            prop_assert!(a.reason != b.reason || (a.delay() - b.delay()).abs() <= 1e-6 || a.delay().is_nan());
        }
    }

    #[test]
    fn fills_do_not_exceed_the_participation_cap(script in a_script()) {
        let (_, fills) = run(&script, &settings());
        for (seq, frame) in script.frames.iter().enumerate() {
            for i in 0..INSTRUMENTS {
                let of = |fill: &&(u64, Fill)| fill.0 == seq as u64 && fill.1.instrument as usize == i;
                let orders = |fill: &&(u64, Fill)| fill.1.decided_seq.is_some();
                let taken: f64 = fills.iter().filter(of).filter(orders).map(|(_, f)| f.quantity.abs()).sum();
                prop_assert!(taken <= 0.05 * frame.volume[i].max(0.0) * (1.0 + 1e-12));
            }
        }
    }
}

proptest! {
    #[test]
    fn lots_keep_the_gross_limit(
        rows in prop::collection::vec((-0.1..0.1_f64, -0.1..0.1_f64, 5.0..500.0_f64), 1..30),
        gross_max in 0.2..1.5_f64,
        lot in prop::sample::select(vec![1.0, 10.0, 100.0]),
    ) {
        let nav = 1e5;
        let n = rows.len();
        // Targets are within the limit, like those of sizing.
        let wanted: f64 = rows.iter().map(|(_, target, _)| target.abs()).sum();
        let scale = (gross_max / wanted).min(1.0);
        let target: Vec<f64> = rows.iter().map(|(_, target, _)| target * scale).collect();
        let portfolio = Portfolio {
            nav,
            quantity: rows.iter().map(|(held, _, price)| held * nav / price).collect(),
            in_flight: vec![0.0; n],
            price: rows.iter().map(|(_, _, price)| *price).collect(),
            tradable: vec![true; n],
            ..Portfolio::default()
        };
        let mut orders = Vec::new();
        let turnover = orders_towards(&target, &portfolio, lot, gross_max, &mut orders);
        let mut after = portfolio.quantity.clone();
        let mut value = 0.0;
        for order in &orders {
            let i = order.instrument as usize;
            let wish = target[i] * nav / order.decision_price - after[i];
            prop_assert!(order.quantity * wish > 0.0 && order.quantity.abs() <= wish.abs() * (1.0 + 1e-12));
            prop_assert_eq!(order.quantity % lot, 0.0);
            after[i] += order.quantity;
            value += order.quantity.abs() * order.decision_price / nav;
        }
        prop_assert!((turnover - value).abs() < 1e-12);
        let gross = |units: &[f64]| -> f64 {
            units.iter().zip(&portfolio.price).map(|(q, p)| (q * p / nav).abs()).sum()
        };
        prop_assert!(gross(&after) <= gross_max.max(gross(&portfolio.quantity)) + 1e-9);
    }
}

/// Traded closes of Apple from 4 to 11 June 2014, with a seven-for-one split on the 9th.
const TRADED: [f64; 6] = [644.82, 647.35, 645.57, 93.70, 94.25, 93.86];

#[test]
fn seven_for_one_split_changes_nav_only_by_rounding() {
    let script = |adjusted: bool| {
        let frame = |(seq, close): (usize, &f64)| Frame {
            seq: seq as u64,
            timestamp: TimestampNs((16_225 + seq as i64) * DAY_NS),
            // A vendor's adjusted prices are rounded to four digits.
            close: vec![if adjusted && seq < 3 { (close / 7.0 * 1e4).round() / 1e4 } else { *close }],
            split: vec![if seq == 3 && !adjusted { 7.0 } else { f64::NAN }],
            dividend: vec![f64::NAN],
            ..Frame::default()
        };
        let quantity = if adjusted { 7_000.0 } else { 1_000.0 };
        let mut orders = vec![Vec::new(); 6];
        // One order fills before the split, another is in flight across it.
        orders[0].push((0, quantity));
        orders[2].push((0, -quantity / 10.0));
        Script { frames: TRADED.iter().enumerate().map(frame).collect(), orders }
    };
    let of = |adjusted| run(&script(adjusted), &ExecutionSettings::default());
    let ((adjusted, _), (raw, fills)) = (of(true), of(false));
    for (a, b) in adjusted.iter().zip(&raw) {
        // 7,000 shares, each with a price error of at most half a ten-thousandth.
        assert!((a - b).abs() < 7_000.0 * 0.5e-4 * 1.1, "{a} {b}");
    }
    let sold = fills[1].1;
    assert_eq!((fills[1].0, sold.quantity, sold.decision_price), (3, -700.0, 645.57 / 7.0));
}

#[test]
fn position_closed_by_orders_in_flight_is_exactly_zero() {
    let frame = |seq: usize| Frame {
        seq: seq as u64,
        timestamp: TimestampNs((16_225 + seq as i64) * DAY_NS),
        close: vec![10.0],
        split: vec![f64::NAN],
        dividend: vec![f64::NAN],
        ..Frame::default()
    };
    let settings = ExecutionSettings { delay_bars: 4, lot: 0.0, ..ExecutionSettings::default() };
    // Purchases whose sum depends in its last bit on the order of summation: held, and in flight.
    let purchases = [
        [0.8, 0.1, 0.7, 0.7, 1.0, 0.1],
        [1.2, 0.8, 0.5, 1.2, 0.4, 1.0],
        [0.6, 0.9, 1.2, 1.1, 1.2, 0.6],
        [0.9, 0.1, 0.7, 1.1, 0.4, 0.7],
    ];
    for (quantities, side) in purchases.iter().flat_map(|quantities| [(quantities, 1.0), (quantities, -1.0)])
    {
        let (mut book, mut market) = (Book::new(&settings, &Calendar::default()), Market::new(&settings));
        let (mut fills, mut orders) = (Vec::new(), Vec::new());
        for seq in 0..16 {
            market.begin(&frame(seq));
            book.advance(&frame(seq), &market, &mut fills);
            market.end(&frame(seq));
            match quantities.get(seq) {
                Some(quantity) => {
                    let quantity = side * quantity;
                    book.submit(&[Order { instrument: 0, quantity, decision_price: 10.0 }]);
                }
                None => {
                    orders_towards(&[0.0], book.portfolio(), settings.lot, 1.0, &mut orders);
                    book.submit(&orders);
                }
            }
        }
        let portfolio = book.portfolio();
        assert_eq!((portfolio.quantity[0], portfolio.in_flight[0]), (0.0, 0.0), "{quantities:?}");
        assert_eq!(fills.len(), quantities.len() + 1, "one order closes the position");
    }
}
