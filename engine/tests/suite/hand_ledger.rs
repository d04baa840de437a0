//! Ten frames of three instruments, computed by hand: a split, a dividend, a short, a partly filled order,
//! impact, negative cash and a delisting. Every column of the account is exact to the cent.

use betaflow_engine::execution::{
    Account, Book, CashInterest, ExecutionSettings, Fill, Market, Order, OrderRecord, OrderState, Reason,
    Unfilled,
};
use betaflow_engine::frame::Frame;
use betaflow_engine::settings::Calendar;
use betaflow_engine::time::{DAY_NS, TimestampNs};
use betaflow_engine::world::WorldSettings;

const NONE: f64 = f64::NAN;
/// Days since 1970 of Monday 2024-01-01 and the nine weekdays after it.
const DATES: [i64; 10] = [19_723, 19_724, 19_725, 19_726, 19_727, 19_730, 19_731, 19_732, 19_733, 19_734];
/// Closes of A, which splits two for one on the fifth frame and pays 0.50 on the seventh; of B; and of C,
/// which is delisted.
const CLOSES: [[f64; 3]; 10] = [
    [100.0, 50.0, 20.0],
    [101.0, 50.0, 20.0],
    [100.0, 51.0, 20.2],
    [102.0, 50.0, 21.0],
    [51.0, 49.0, 21.0],
    [52.0, 48.0, NONE],
    [52.0, 50.0, NONE],
    [53.0, 49.0, NONE],
    [53.0, 48.0, NONE],
    [54.0, 47.0, NONE],
];
/// Volumes; on the third frame B trades 2,000 units, whose tenth is 200.
const VOLUMES: [[f64; 3]; 10] = [
    [1e5, 1e4, 4e4],
    [1e5, 1e4, 4e4],
    [1e5, 2e3, 4e4],
    [1e5, 1e4, 4e4],
    [2e5, 1e4, 4e4],
    [2e5, 1e4, NONE],
    [2e5, 1e4, NONE],
    [2e5, 1e4, NONE],
    [2e5, 1e4, NONE],
    [2e5, 1e4, NONE],
];

fn frames() -> Vec<Frame> {
    let frame = |seq: usize| Frame {
        seq: seq as u64,
        timestamp: TimestampNs(DATES[seq] * DAY_NS),
        close: CLOSES[seq].to_vec(),
        volume: VOLUMES[seq].to_vec(),
        split: vec![if seq == 4 { 2.0 } else { NONE }, NONE, NONE],
        dividend: vec![if seq == 6 { 0.5 } else { NONE }, NONE, NONE],
        ..Frame::default()
    };
    (0..10).map(frame).collect()
}

/// Orders after a frame: instrument and quantity.
fn decided(seq: u64) -> &'static [(u32, f64)] {
    match seq {
        1 => &[(0, 600.0), (1, -500.0), (2, 1000.0)],
        4 => &[(0, 1000.0)],
        7 => &[(1, 500.0)],
        8 => &[(0, -1100.0)],
        _ => &[],
    }
}

/// Rates such that a day of borrowing or of interest costs 1 bp, and a day of financing 2 bps.
fn settings() -> ExecutionSettings {
    ExecutionSettings {
        nav: 100_000.0,
        participation_cap: Some(0.1),
        unfilled: Unfilled::Carry,
        commission_bps: 1.0,
        commission_per_share: 0.005,
        commission_min: 5.0,
        half_spread_bps: 5.0,
        impact_coefficient: 0.1,
        impact_window: 2,
        borrow_bps_per_year: 365.0,
        financing_bps_per_year: 730.0,
        cash_interest: CashInterest::PerYear(0.0365),
        delist_after: 3,
        delisting_haircut: 0.3,
        ..ExecutionSettings::default()
    }
}

struct Line {
    nav: f64,
    cash: f64,
    account: Account,
    fills: Vec<Fill>,
    ended: Vec<OrderRecord>,
}

fn run(settings: &ExecutionSettings) -> (Vec<Line>, Book) {
    let (mut book, mut market) = (Book::new(settings, &Calendar::default()), Market::new(settings));
    let mut lines = Vec::new();
    for frame in frames() {
        let mut fills = Vec::new();
        market.begin(&frame);
        let account = book.advance(&frame, &market, &mut fills);
        market.end(&frame);
        let (nav, cash) = (book.portfolio().nav, book.portfolio().cash);
        let order = |(instrument, quantity): &(u32, f64)| Order {
            instrument: *instrument,
            quantity: *quantity,
            decision_price: frame.close[*instrument as usize],
        };
        let orders: Vec<Order> = decided(frame.seq).iter().map(order).collect();
        if !orders.is_empty() {
            book.submit(&orders);
        }
        let mut ended = Vec::new();
        book.take_ended(&mut ended);
        lines.push(Line { nav, cash, account, fills, ended });
    }
    (lines, book)
}

/// Columns: nav, nav_gross, cash, gross and net exposure, commission, spread, impact, borrow, financing, interest, dividends.
const LEDGER: [[f64; 12]; 10] = [
    [100_000.0, 100_000.0, 100_000.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [100_000.0, 100_000.0, 100_000.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    // 600 A at 100, −200 B at 51 (a tenth of 2,000), 1,000 C at 20.20. Commission 6 + 3 = 9; the minimum 5
    // instead of 1.02 + 1; 2.02 + 5 = 7.02. Spread 30 + 5.10 + 10.10. One return gives no volatility, so no
    // impact. Interest 1 bp of 100,000.
    [99_943.78, 100_010.0, 29_943.78, 0.9045, 0.7004, 21.02, 45.2, 0.0, 0.0, 0.0, 10.0, 0.0],
    // −300 B at 50: the order's commission is 2.02 + 3.00 = 5.02, and 5 is paid already. σ of 0 % and 2 % is
    // 1.414 %, V is the mean of 10,000 and 2,000: 15,000 × 0.1 × 0.01414 × √(300/6,000) = 4.74. Borrow 1 bp
    // of 10,200.
    [102_133.49, 102_212.99, 44_933.49, 1.0496, 0.5601, 0.02, 7.5, 4.74, 1.02, 0.0, 2.99, 0.0],
    // A: 600 at 102 become 1,200 at 51. NAV moves by B alone, 500 × 1, interest 4.49 and borrow 2.50.
    [102_635.48, 102_717.49, 44_935.48, 1.0396, 0.5622, 0.0, 0.0, 0.0, 2.5, 0.0, 4.49, 0.0],
    // 1,000 A at 52 after a weekend: three days of interest and borrow. σ of 2 % and, split-adjusted, 0 %:
    // 1.414 %. V 200,000 in units after the split: 52,000 × 0.1 × 0.01414 × √(1/200) = 5.20.
    [104_300.21, 104_430.97, -7_099.79, 1.5283, 1.0681, 10.2, 26.0, 5.2, 7.35, 0.0, 13.48, 0.0],
    // 2,200 A pay 0.50 each. Cash is negative: interest −0.71, financing 1.42.
    [104_395.69, 104_530.26, -6_004.31, 1.5365, 1.0575, 0.0, 0.0, 0.0, 2.4, 1.42, -0.71, 1100.0],
    // The third frame without C: 1,000 are closed at 21 less 30 %, which is not a cost.
    [100_791.38, 100_929.66, 8_691.38, 1.3999, 0.9138, 0.0, 0.0, 0.0, 2.5, 1.2, -0.6, 0.0],
    // 500 B at 48: commission 2.40 + 2.50 is less than 5. σ of 4.17 % and −2 % is 4.360 %:
    // 24,000 × 0.1 × 0.04360 × √(500/10,000) = 23.40.
    [101_249.4, 101_430.53, -15_350.6, 1.1516, 1.1516, 5.0, 12.0, 23.4, 2.45, 0.0, 0.87, 0.0],
    // −1,100 A at 54. σ of 1.92 % and 0 % is 1.360 %: 59,400 × 0.1 × 0.01360 × √(1,100/200,000) = 5.99.
    [103_397.67, 103_628.99, 43_997.67, 0.5745, 0.5745, 11.44, 29.7, 5.99, 0.0, 3.07, -1.54, 0.0],
];

#[test]
fn account_agrees_with_hand_computation() {
    let (lines, book) = run(&settings());
    let mut costs = 0.0;
    for (seq, (line, expected)) in lines.iter().zip(LEDGER).enumerate() {
        let account = &line.account;
        costs += account.costs.total();
        let [commission, spread, impact, borrow, financing] = account.costs.items().map(|(_, cost)| cost);
        let found = [
            line.nav,
            line.nav + costs,
            line.cash,
            account.gross_exposure,
            account.net_exposure,
            commission,
            spread,
            impact,
            borrow,
            financing,
            account.interest,
            account.dividends,
        ];
        for (column, (found, expected)) in found.iter().zip(expected).enumerate() {
            let to = if (3..5).contains(&column) { 5e-5 } else { 5.001e-3 };
            assert!(
                (found - expected).abs() <= to,
                "frame {seq}, column {column}: {found}, by hand {expected}"
            );
        }
    }
    let facts = book.facts();
    assert_eq!((facts.orders, facts.filled, facts.cancelled, facts.expired), (6, 6, 0, 0));
    assert_eq!((facts.delistings, facts.impact_unknown, facts.open), (1, 3, 0));
}

#[test]
fn partly_filled_order_has_a_shortfall_per_fill() {
    let (lines, _) = run(&settings());
    let part = |seq: usize| *lines[seq].fills.iter().find(|fill| fill.instrument == 1).unwrap();
    let [first, second] = [part(2), part(3)];
    assert_eq!((first.quantity, second.quantity), (-200.0, -300.0));
    assert_eq!((first.decided_seq, second.decided_seq), (Some(1), Some(1)));
    // Sold at 51 with a decision price of 50: the delay gains 200; commission costs 5 and spread 5.10.
    assert_eq!(first.delay(), -200.0);
    assert!((first.shortfall() - (-200.0 + 5.0 + 5.1)).abs() < 1e-9);
    let ended = |seq: usize| lines[seq].ended.iter().find(|order| order.instrument == 1);
    assert!(ended(2).is_none());
    let order = ended(3).unwrap();
    assert_eq!((order.quantity, order.filled, order.state), (-500.0, -500.0, OrderState::Filled));
    // The decision price is 51, after the split of that frame.
    let after_split = lines[5].fills[0];
    assert_eq!((after_split.decision_price, after_split.reason), (51.0, Reason::Order));
    let delisting = lines[7].fills[0];
    assert_eq!((delisting.quantity, delisting.reason), (-1000.0, Reason::Delisting));
    assert!((delisting.price - 14.7).abs() < 1e-12 && delisting.costs.total() == 0.0, "{delisting:?}");
    assert!(delisting.shortfall().is_nan());
}

#[test]
fn remainder_is_cancelled_on_its_frame_or_by_the_next_rebalance() {
    let cancel = ExecutionSettings { unfilled: Unfilled::Cancel, ..settings() };
    let (lines, book) = run(&cancel);
    let order = lines[2].ended.iter().find(|order| order.instrument == 1).unwrap();
    assert_eq!((order.filled, order.state), (-200.0, OrderState::Cancelled));
    assert_eq!((book.facts().cancelled, book.facts().partly_filled), (1, 1));
    // The cap is so low that the order of frame 1 is still working on frame 4.
    let thin = ExecutionSettings { participation_cap: Some(0.01), ..settings() };
    let (lines, book) = run(&thin);
    let cancelled: Vec<_> =
        lines[4].ended.iter().map(|order| (order.instrument, order.filled, order.state)).collect();
    assert_eq!(cancelled, [(2, 1000.0, OrderState::Filled), (1, -220.0, OrderState::Cancelled)]);
    assert_eq!(book.facts().open, 0);
}

#[test]
fn working_order_expires_on_delisting() {
    let settings = ExecutionSettings { participation_cap: Some(0.01), ..settings() };
    let (mut book, mut market) = (Book::new(&settings, &Calendar::default()), Market::new(&settings));
    let mut ended = Vec::new();
    for frame in frames() {
        market.begin(&frame);
        book.advance(&frame, &market, &mut Vec::new());
        market.end(&frame);
        if frame.seq == 4 {
            book.submit(&[Order { instrument: 2, quantity: 100.0, decision_price: 21.0 }]);
        }
        let mut now = Vec::new();
        book.take_ended(&mut now);
        ended.extend(now.iter().map(|order| (frame.seq, order.state)));
    }
    assert_eq!(ended, [(7, OrderState::Expired)]);
}

/// Account of one instrument that closes at 20 and has no price from the third frame on.
fn delisted(quantity: f64, haircut: f64, multiplier: f64) -> (Account, Fill, f64) {
    let settings = ExecutionSettings {
        nav: 100_000.0,
        commission_bps: 0.0,
        half_spread_bps: 0.0,
        cash_interest: CashInterest::PerYear(0.0),
        delist_after: 2,
        delisting_haircut: haircut,
        ..ExecutionSettings::default()
    };
    let world =
        WorldSettings { haircut_multiplier: multiplier, cost_multiplier: 9.0, ..WorldSettings::default() };
    let (mut book, mut market) =
        (Book::new(&settings, &Calendar::default()), Market::stressed(&settings, &world.cost_stress()));
    let (mut fills, mut account) = (Vec::new(), Account::default());
    for seq in 0..4 {
        let frame = Frame {
            seq,
            timestamp: TimestampNs(DATES[seq as usize] * DAY_NS),
            close: vec![if seq < 2 { 20.0 } else { NONE }],
            ..Frame::default()
        };
        market.begin(&frame);
        account = book.advance(&frame, &market, &mut fills);
        market.end(&frame);
        if seq == 0 {
            book.submit(&[Order { instrument: 0, quantity, decision_price: 20.0 }]);
        }
    }
    (account, fills[1], book.portfolio().nav)
}

#[test]
fn short_position_gains_on_delisting_what_a_long_position_loses() {
    // Quantity, haircut, its multiplier; price of the fill and NAV after it.
    for (quantity, haircut, multiplier, price, nav) in [
        (1_000.0, 0.0, 1.0, 20.0, 100_000.0),
        (-1_000.0, 0.0, 1.0, 20.0, 100_000.0),
        (1_000.0, 0.25, 1.0, 15.0, 95_000.0),
        (-1_000.0, 0.25, 1.0, 15.0, 105_000.0),
        (1_000.0, 0.25, 2.0, 10.0, 90_000.0),
        (-1_000.0, 0.25, 2.0, 10.0, 110_000.0),
        (1_000.0, 1.0, 1.0, 0.0, 80_000.0),
        (-1_000.0, 1.0, 1.0, 0.0, 120_000.0),
        (-1_000.0, 0.5, 9.0, 0.0, 120_000.0),
    ] {
        let (account, fill, found) = delisted(quantity, haircut, multiplier);
        let place = format!("{quantity} less {haircut} times {multiplier}");
        assert_eq!(
            (fill.quantity, fill.price, fill.reason),
            (-quantity, price, Reason::Delisting),
            "{place}"
        );
        assert_eq!((found, account.costs.total()), (nav, 0.0), "{place}");
        assert_eq!(account.delisted, 20.0 * quantity, "{place}");
    }
}

/// Ruin of an account of 1,000. A position of `quantity` is bought at 10 on the second frame; the third frame
/// ruins it.
struct Ruin {
    name: &'static str,
    quantity: f64,
    /// Dividend on the third frame.
    close: f64,
    dividend: f64,
    set: fn(&mut ExecutionSettings),
    nav: f64,
}

const RUINS: [Ruin; 8] = [
    // Debt of 2,000 against 300 at 6.
    Ruin { name: "long", quantity: 300.0, close: 6.0, dividend: NONE, set: |_| {}, nav: -200.0 },
    Ruin { name: "to nothing", quantity: 200.0, close: 5.0, dividend: NONE, set: |_| {}, nav: 0.0 },
    // Cash of 3,000 against 200 at 18.
    Ruin { name: "short", quantity: -200.0, close: 18.0, dividend: NONE, set: |_| {}, nav: -600.0 },
    Ruin { name: "dividend", quantity: -200.0, close: 10.0, dividend: 6.0, set: |_| {}, nav: -200.0 },
    // A day of financing costs as much as the debt of 2,000.
    Ruin {
        name: "financing",
        quantity: 300.0,
        close: 10.0,
        dividend: NONE,
        set: |own| own.financing_bps_per_year = 3.65e6,
        nav: -1_000.0,
    },
    // A day of the fee costs 1.5 times the short position of 1,000.
    Ruin {
        name: "borrow fee",
        quantity: -100.0,
        close: 10.0,
        dividend: NONE,
        set: |own| own.borrow_bps_per_year = 5.475e6,
        nav: -500.0,
    },
    // A day of interest costs 0.6 of the debt of 2,000.
    Ruin {
        name: "interest",
        quantity: 300.0,
        close: 10.0,
        dividend: NONE,
        set: |own| own.cash_interest = CashInterest::RiskFree,
        nav: -200.0,
    },
    // Debt of 1,000, and 200 units at 2.50 each.
    Ruin {
        name: "delisting",
        quantity: 200.0,
        close: NONE,
        dividend: NONE,
        set: |own| own.delisting_haircut = 0.75,
        nav: -500.0,
    },
];

#[test]
fn ruined_account_is_closed_at_the_last_prices_and_stays_unchanged() {
    for Ruin { name, quantity, close, dividend, set, nav } in RUINS {
        let mut settings = ExecutionSettings {
            nav: 1_000.0,
            commission_bps: 0.0,
            half_spread_bps: 0.0,
            cash_interest: CashInterest::PerYear(0.0),
            unfilled: Unfilled::Carry,
            delist_after: 1,
            ..ExecutionSettings::default()
        };
        set(&mut settings);
        let (mut book, mut market) = (Book::new(&settings, &Calendar::default()), Market::new(&settings));
        let mut ended = Vec::new();
        for seq in 0..5_usize {
            let frame = Frame {
                seq: seq as u64,
                timestamp: TimestampNs(DATES[seq] * DAY_NS),
                close: vec![if seq < 2 { 10.0 } else { close }, 10.0],
                dividend: vec![if seq == 2 { dividend } else { NONE }, NONE],
                rf: if seq == 2 { 0.6 } else { 0.0 },
                ..Frame::default()
            };
            let mut fills = Vec::new();
            market.begin(&frame);
            let account = book.advance(&frame, &market, &mut fills);
            market.end(&frame);
            let order = |instrument, quantity| Order { instrument, quantity, decision_price: 10.0 };
            match seq {
                0 => book.submit(&[order(0, quantity)]),
                // Bought and closed on the frame of the ruin.
                1 => book.submit(&[order(1, 1.0)]),
                3 => book.submit(&[order(1, 5.0)]),
                _ => {}
            }
            book.take_ended(&mut ended);
            let portfolio = book.portfolio();
            if seq < 2 {
                assert!(!book.is_ruined() && portfolio.nav == 1_000.0, "{name}: {}", portfolio.nav);
                continue;
            }
            assert!(book.is_ruined(), "{name}");
            assert!((portfolio.nav - nav).abs() < 1e-6, "{name}: {} by hand {nav}", portfolio.nav);
            assert!((portfolio.cash - portfolio.nav).abs() < 1e-9, "{name}: cash only");
            assert!(
                portfolio.quantity.iter().chain(&portfolio.in_flight).all(|units| *units == 0.0),
                "{name}"
            );
            assert_eq!(
                (account.gross_exposure, account.net_exposure, account.shorts),
                (0.0, 0.0, 0.0),
                "{name}"
            );
            if seq > 2 {
                assert!(fills.is_empty() && account == Account::default() && ended.is_empty(), "{name}");
                continue;
            }
            let closing = fills.iter().find(|fill| fill.instrument == 0).unwrap();
            let (reason, price) =
                if name == "delisting" { (Reason::Delisting, 2.5) } else { (Reason::Ruin, close) };
            assert_eq!(
                (closing.quantity, closing.price, closing.reason),
                (-quantity, price, reason),
                "{name}"
            );
            assert_eq!((closing.decided_seq, closing.costs.total()), (None, 0.0), "{name}");
            assert!(closing.decision_price.is_nan() && closing.shortfall().is_nan(), "{name}");
        }
        assert_eq!(book.facts().open, 0, "{name}");
    }
}

#[test]
fn ruin_ends_orders_in_flight_and_at_work() {
    let settings = ExecutionSettings {
        nav: 1_000.0,
        commission_bps: 0.0,
        half_spread_bps: 0.0,
        delay_bars: 2,
        unfilled: Unfilled::Carry,
        ..ExecutionSettings::default()
    };
    let (mut book, mut market) = (Book::new(&settings, &Calendar::default()), Market::new(&settings));
    let mut ended = Vec::new();
    for seq in 0..4_usize {
        let frame = Frame {
            seq: seq as u64,
            timestamp: TimestampNs(DATES[seq] * DAY_NS),
            close: vec![if seq < 3 { 10.0 } else { 6.0 }, if seq == 0 { 10.0 } else { NONE }],
            ..Frame::default()
        };
        market.begin(&frame);
        book.advance(&frame, &market, &mut Vec::new());
        market.end(&frame);
        let order = |instrument, quantity| Order { instrument, quantity, decision_price: 10.0 };
        match seq {
            // One order fills two frames later; the other finds no price and keeps working.
            0 => book.submit(&[order(0, 300.0), order(1, 7.0)]),
            2 => book.submit(&[order(0, 1.0)]),
            _ => {}
        }
        let mut now = Vec::new();
        book.take_ended(&mut now);
        ended.extend(now.iter().map(|order| (seq, order.instrument, order.state)));
    }
    // The rebalance of the third frame cancels the working order; its own orders are in flight.
    assert_eq!(
        ended,
        [(2, 0, OrderState::Filled), (2, 1, OrderState::Cancelled), (3, 0, OrderState::Expired),]
    );
    assert_eq!(book.open_orders().count(), 0);
}

#[test]
fn rounding_residue_of_a_total_loss_is_ruin() {
    // One unit for 0.3 leaves 5.6e-17 of 0.1 + 0.2.
    let settings = ExecutionSettings {
        nav: 0.1 + 0.2,
        commission_bps: 0.0,
        half_spread_bps: 0.0,
        delist_after: 1,
        delisting_haircut: 1.0,
        ..ExecutionSettings::default()
    };
    let (mut book, mut market) = (Book::new(&settings, &Calendar::default()), Market::new(&settings));
    for (seq, price) in [0.3, 0.3, NONE].into_iter().enumerate() {
        let frame = Frame {
            seq: seq as u64,
            timestamp: TimestampNs(DATES[seq] * DAY_NS),
            close: vec![price],
            ..Frame::default()
        };
        let mut fills = Vec::new();
        market.begin(&frame);
        book.advance(&frame, &market, &mut fills);
        market.end(&frame);
        match seq {
            0 => book.submit(&[Order { instrument: 0, quantity: 1.0, decision_price: price }]),
            1 => assert!(book.portfolio().cash > 0.0 && !book.is_ruined()),
            _ => assert!(book.is_ruined() && book.portfolio().nav == 0.0 && book.portfolio().cash == 0.0),
        }
    }
}
