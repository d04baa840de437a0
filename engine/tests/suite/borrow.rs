//! Fees on shorts by name and date, shares that cannot be borrowed, recalls, and the fee in sizing.

use std::sync::Arc;

use betaflow_engine::dated::{DatedValues, FROM_BEGINNING};
use betaflow_engine::execution::{
    Account, Book, BorrowCharge, BorrowTerms, CostItem, ExecutionSettings, Fill, Market, Order, OrderRecord,
    OrderState, Reason, Unfilled, available_units,
};
use betaflow_engine::frame::Frame;
use betaflow_engine::ledger::LedgerFrame;
use betaflow_engine::pipeline::{RunOptions, RunReport, RunSettings};
use betaflow_engine::settings::Calendar;
use betaflow_engine::time::{DAY_NS, TimestampNs};

use crate::support::{Market as Generated, run as run_market, settings};

const NONE: f64 = f64::NAN;
/// Days since 1970 of Thursday 2024-01-04 and the five weekdays after it.
const DATES: [i64; 6] = [19_726, 19_727, 19_730, 19_731, 19_732, 19_733];

type Terms = Arc<DatedValues<BorrowTerms>>;

/// Rows: symbol, date, fee, units available.
fn terms(rows: &[(&str, i64, Option<f64>, Option<f64>)]) -> Terms {
    let row = |&(symbol, from, bps_per_year, available): &(&str, i64, Option<f64>, Option<f64>)| {
        (symbol.to_owned(), from, BorrowTerms { bps_per_year, available })
    };
    Arc::new(DatedValues::new(rows.iter().map(row)).unwrap())
}

/// Frames of A and B with these closes.
fn frames(closes: &[[f64; 2]; 6]) -> Vec<Frame> {
    let frame = |(seq, close): (usize, &[f64; 2])| Frame {
        seq: seq as u64,
        timestamp: TimestampNs(DATES[seq] * DAY_NS),
        close: close.to_vec(),
        listed: if seq == 0 { vec![Arc::from("A"), Arc::from("B")] } else { Vec::new() },
        ..Frame::default()
    };
    closes.iter().enumerate().map(frame).collect()
}

struct Line {
    account: Account,
    fills: Vec<Fill>,
    ended: Vec<OrderRecord>,
    charges: Vec<BorrowCharge>,
    quantity: Vec<f64>,
    in_flight: Vec<f64>,
    cash: f64,
}

/// Advances a book over the frames, with orders (frame, instrument, quantity).
fn run_book(settings: &ExecutionSettings, frames: &[Frame], orders: &[(u64, u32, f64)]) -> (Vec<Line>, Book) {
    let (mut book, mut market) = (Book::new(settings, &Calendar::default()), Market::new(settings));
    let mut lines = Vec::new();
    for frame in frames {
        let mut fills = Vec::new();
        market.begin(frame);
        let account = book.advance(frame, &market, &mut fills);
        market.end(frame);
        let of_frame = orders.iter().filter(|order| order.0 == frame.seq);
        let made = of_frame.map(|&(_, instrument, quantity)| Order {
            instrument,
            quantity,
            decision_price: frame.close[instrument as usize],
        });
        let made: Vec<Order> = made.collect();
        let portfolio = book.portfolio();
        let (quantity, in_flight) = (portfolio.quantity.clone(), portfolio.in_flight.clone());
        let cash = portfolio.cash;
        if !made.is_empty() {
            book.submit(&made);
        }
        let (mut ended, charges) = (Vec::new(), book.borrow_charges().unwrap_or_default().to_vec());
        book.take_ended(&mut ended);
        lines.push(Line { account, fills, ended, charges, quantity, in_flight, cash });
    }
    (lines, book)
}

fn execution(borrow: Terms) -> ExecutionSettings {
    ExecutionSettings {
        commission_bps: 0.0,
        half_spread_bps: 0.0,
        borrow: Some(borrow),
        ..ExecutionSettings::default()
    }
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} instead of {expected}");
}

#[test]
fn available_of_a_file_is_a_flag_or_a_number_of_units() {
    let cells = [Some(0.0), Some(1.0), Some(500.0), None];
    assert_eq!(cells.map(available_units), [Some(0.0), None, Some(500.0), None]);
}

#[test]
fn fees_are_those_in_force_at_the_preceding_close_by_calendar_days() {
    // 365 bps per year are 1 bp a day; A doubles from the fourth date on. B pays the general fee of 73 bps, and from the
    // fifth date none.
    let borrow = terms(&[
        ("A", FROM_BEGINNING, Some(365.0), None),
        ("A", DATES[3], Some(730.0), None),
        ("B", DATES[4], Some(0.0), None),
    ]);
    let settings = ExecutionSettings { borrow_bps_per_year: 73.0, ..execution(borrow) };
    let closes = [[100.0, 50.0], [100.0, 50.0], [110.0, 50.0], [100.0, 40.0], [120.0, 50.0], [90.0, 50.0]];
    let (lines, _) = run_book(&settings, &frames(&closes), &[(0, 0, -100.0), (0, 1, -200.0)]);
    // Shorts are held from the second frame on; three days pass until the third frame.
    let expected = [
        vec![],
        vec![],
        vec![(0, 10_000.0, 365.0, 3.0, 3.0), (1, 10_000.0, 73.0, 3.0, 0.6)],
        vec![(0, 11_000.0, 365.0, 1.0, 1.1), (1, 10_000.0, 73.0, 1.0, 0.2)],
        vec![(0, 10_000.0, 730.0, 1.0, 2.0), (1, 8_000.0, 73.0, 1.0, 0.16)],
        vec![(0, 12_000.0, 730.0, 1.0, 2.4)],
    ];
    for (at, (line, expected)) in lines.iter().zip(&expected).enumerate() {
        assert_eq!(line.charges.len(), expected.len(), "{at}");
        for (charge, (instrument, short_value, bps, days, fee)) in line.charges.iter().zip(expected) {
            assert_eq!((charge.instrument, charge.days), (*instrument, *days), "{at}");
            near(charge.short_value, *short_value);
            near(charge.bps_per_year, *bps);
            near(charge.fee, *fee);
        }
        near(line.account.costs[CostItem::Borrow], expected.iter().map(|charge| charge.4).sum());
    }
}

#[test]
fn recall_buys_the_short_on_the_next_bar_with_costs() {
    let borrow = terms(&[
        ("A", FROM_BEGINNING, None, None),
        ("A", DATES[2], None, Some(0.0)),
        ("B", 0, None, Some(0.0)),
    ]);
    let settings = ExecutionSettings {
        commission_bps: 10.0,
        commission_min: 7.0,
        half_spread_bps: 5.0,
        participation_cap: None,
        ..execution(borrow)
    };
    let closes = [[100.0, 50.0], [100.0, 50.0], [110.0, 50.0], [104.0, 50.0], [120.0, 50.0], [90.0, 50.0]];
    let (lines, book) = run_book(&settings, &frames(&closes), &[(0, 0, -50.0)]);
    assert_eq!(lines[2].quantity[0], -50.0, "the recall is known at the close of the third frame");
    assert_eq!(lines[2].in_flight[0], 50.0, "and counts as an order in flight");
    let [fill] = &lines[3].fills[..] else { panic!("one fill") };
    assert_eq!(
        (fill.reason, fill.decided_seq, fill.quantity, fill.price),
        (Reason::Recall, None, 50.0, 104.0)
    );
    assert!(fill.decision_price.is_nan());
    // 10 bps of 5,200 are less than the minimum.
    near(fill.costs[CostItem::Commission], 7.0);
    near(fill.costs[CostItem::Spread], 2.6);
    near(lines[3].cash - lines[2].cash, -5_200.0 - 9.6);
    assert_eq!((lines[3].quantity[0], lines[3].in_flight[0]), (0.0, 0.0));
    assert_eq!(lines[3].account.costs, fill.costs);
    assert_eq!(book.facts().recalls, 1);
    assert_eq!(lines.iter().map(|line| line.fills.len()).sum::<usize>(), 2);
}

#[test]
fn sale_beyond_the_available_shares_is_cut() {
    // No share of A can be borrowed from the second date on, 30 of B.
    let borrow = terms(&[("A", DATES[1], None, Some(0.0)), ("B", FROM_BEGINNING, None, Some(30.0))]);
    let closes = [[100.0, 50.0]; 6];
    let orders = [(0, 0, -50.0), (0, 1, -50.0), (2, 0, 20.0), (3, 0, -35.0)];
    let (lines, book) = run_book(&execution(borrow), &frames(&closes), &orders);
    // A sale decided while shares were available finds none; of B, 30 fill.
    assert_eq!(lines[1].quantity, [0.0, -30.0]);
    let cancelled: Vec<(u32, f64)> =
        lines[1].ended.iter().map(|order| (order.instrument, order.filled)).collect();
    assert_eq!(cancelled, [(0, 0.0), (1, -30.0)]);
    assert!(lines[1].ended.iter().all(|order| order.state == OrderState::Cancelled));
    // A long position is sold to 0 and no further.
    assert_eq!(lines[3].quantity[0], 20.0);
    assert_eq!(lines[4].quantity[0], 0.0);
    assert_eq!((book.facts().cut_shorts, book.facts().recalls), (3, 0));
}

#[test]
fn recall_closes_the_excess_in_whole_lots_through_a_split() {
    let borrow = terms(&[("A", DATES[2], None, Some(55.0))]);
    let settings = ExecutionSettings { lot: 10.0, ..execution(borrow) };
    let closes = [[100.0, 50.0], [100.0, 50.0], [100.0, 50.0], [50.0, 50.0], [50.0, 50.0], [50.0, 50.0]];
    let mut frames = frames(&closes);
    frames[3].split = vec![2.0, NONE];
    let (lines, _) = run_book(&settings, &frames, &[(0, 0, -100.0)]);
    // The excess of 45 is 5 lots, which the split makes 10; then 100 are short, 55 available.
    assert_eq!(lines[2].in_flight[0], 50.0);
    assert_eq!(lines[3].fills[0].quantity, 100.0);
    assert_eq!(lines[3].quantity[0], -100.0);
    assert_eq!(lines[4].fills[0].quantity, 50.0);
    assert_eq!(lines[4].quantity[0], -50.0);
    assert!(lines[5].fills.is_empty());
}

#[test]
fn recall_of_whole_lots_buys_no_lot_more() {
    // Short, available from the third date on, and units recalled.
    for (lot, short, available, recalled) in [
        (10.0, 50.0, 30.0, 20.0),
        (10.0, 50.0, 31.0, 20.0),
        (10.0, 50.0, 0.0, 50.0),
        (0.0, 50.0, 30.5, 19.5),
        // A relative difference of 1e-10 is rounding.
        (0.0, 100.0 * (1.0 + 1e-10), 100.0, 0.0),
        // So is one of 1e-9, here exact in binary; 2e-9 is not.
        (0.0, (1e9 + 1.0) / 1_048_576.0, 1e9 / 1_048_576.0, 0.0),
        (0.0, (1e9 + 2.0) / 1_048_576.0, 1e9 / 1_048_576.0, 2.0 / 1_048_576.0),
        (0.0, 100.0, 100.0, 0.0),
        (0.0, 100.0, 120.0, 0.0),
    ] {
        let borrow = terms(&[("A", DATES[2], None, Some(available))]);
        let settings = ExecutionSettings { lot, ..execution(borrow) };
        let (lines, book) = run_book(&settings, &frames(&[[100.0, 50.0]; 6]), &[(0, 0, -short)]);
        assert_eq!(lines[2].in_flight[0], recalled, "{short} {available}");
        let fills: Vec<f64> =
            lines[3..].iter().flat_map(|line| &line.fills).map(|fill| fill.quantity).collect();
        assert_eq!(fills, if recalled > 0.0 { vec![recalled] } else { vec![] }, "{short} {available}");
        assert_eq!(book.facts().recalls, u64::from(recalled > 0.0), "{short} {available}");
    }
}

#[test]
fn recall_leaves_the_flight_on_its_frame_and_orders_stay() {
    let borrow = terms(&[("A", DATES[3], None, Some(20.0))]);
    let settings = ExecutionSettings { delay_bars: 2, ..execution(borrow) };
    let orders = [(0, 0, -50.0), (3, 0, 10.0)];
    let (lines, _) = run_book(&settings, &frames(&[[100.0, 50.0]; 6]), &orders);
    let found: Vec<(f64, f64)> = lines.iter().map(|line| (line.quantity[0], line.in_flight[0])).collect();
    // 30 units are recalled on the fourth frame, after which 10 are bought for the sixth one.
    assert_eq!(found[2..], [(-50.0, 0.0), (-50.0, 30.0), (-20.0, 10.0), (-10.0, 0.0)]);
}

#[test]
fn recall_waits_for_a_bar_that_trades() {
    let borrow = terms(&[("A", DATES[2], None, Some(0.0))]);
    let closes = [[100.0, 50.0], [100.0, 50.0], [100.0, 50.0], [NONE, 50.0], [90.0, 50.0], [80.0, 50.0]];
    let mut frames = frames(&closes);
    let volume = [1e3, 1e3, 1e3, NONE, 0.0, 10.0];
    for (frame, volume) in frames.iter_mut().zip(volume) {
        frame.volume = vec![volume, 1e3];
    }
    // The participation cap of 1 unit does not apply to a recall.
    let settings = ExecutionSettings { participation_cap: Some(0.1), ..execution(borrow) };
    let (lines, _) = run_book(&settings, &frames, &[(0, 0, -50.0)]);
    assert_eq!(lines[1].quantity[0], -50.0);
    for waiting in &lines[2..5] {
        assert_eq!((waiting.quantity[0], waiting.in_flight[0]), (-50.0, 50.0));
    }
    let [fill] = &lines[5].fills[..] else { panic!("one fill") };
    assert_eq!((fill.reason, fill.quantity, fill.price), (Reason::Recall, 50.0, 80.0));
}

#[test]
fn recall_counts_purchases_that_fill_on_the_next_bar_and_ends_working_orders() {
    let borrow = terms(&[("A", DATES[3], None, Some(0.0))]);
    let closes = [[100.0, 50.0]; 6];
    // With a delay of two bars, a purchase of 30 decided on the third frame fills on the fifth.
    let settings = ExecutionSettings { delay_bars: 2, ..execution(Arc::clone(&borrow)) };
    let (lines, _) = run_book(&settings, &frames(&closes), &[(0, 0, -50.0), (2, 0, 30.0)]);
    assert_eq!((lines[3].quantity[0], lines[3].in_flight[0]), (-50.0, 50.0));
    let filled: Vec<(Reason, f64)> = lines[4].fills.iter().map(|fill| (fill.reason, fill.quantity)).collect();
    assert_eq!(filled, [(Reason::Recall, 20.0), (Reason::Order, 30.0)]);
    assert_eq!(lines[4].quantity[0], 0.0);
    // An order that is carried past its frame is cancelled by the recall.
    let mut frames = frames(&closes);
    let volume = [1e3, 1e3, 100.0, 100.0, 1e3, 1e3];
    for (frame, volume) in frames.iter_mut().zip(volume) {
        frame.volume = vec![volume, 1e3];
    }
    let settings =
        ExecutionSettings { participation_cap: Some(0.05), unfilled: Unfilled::Carry, ..execution(borrow) };
    let (lines, _) = run_book(&settings, &frames, &[(0, 0, -50.0), (1, 0, 40.0)]);
    assert_eq!(lines[3].quantity[0], -40.0);
    assert_eq!(
        lines[3].ended.iter().map(|order| (order.state, order.filled)).collect::<Vec<_>>(),
        [(OrderState::Cancelled, 10.0)]
    );
    assert_eq!(lines[4].fills.iter().map(|fill| fill.quantity).collect::<Vec<_>>(), [40.0]);
    assert_eq!(lines[4].quantity[0], 0.0);
}

/// A market in which the strategy shorts many instruments, and the settings of its run.
fn market() -> (Generated, RunSettings) {
    let mut run = settings();
    run.sizing.gross_max = 2.0;
    run.sizing.turnover_cap = 0.3;
    run.sizing.net_target = Some(0.0);
    (Generated { missing: 0.02, late: 0.3, ..Generated::default() }, run)
}

fn ledger(market: &Generated, run: &RunSettings) -> (Vec<LedgerFrame>, RunReport) {
    run_market(market, run, &RunOptions::default()).unwrap()
}

/// Column of an instrument; `None` before it is listed.
fn column(frame: &LedgerFrame, symbol: &str) -> Option<usize> {
    frame.names.iter().position(|name| **name == *symbol)
}

/// Frames on which an instrument is short at the close.
fn shorts(ledger: &[LedgerFrame], symbol: &str) -> usize {
    let short = |frame: &&LedgerFrame| {
        column(frame, symbol).is_some_and(|i| frame.held.get(i).is_some_and(|held| *held < 0.0))
    };
    ledger.iter().filter(short).count()
}

#[test]
fn terms_without_fees_and_limits_change_nothing() {
    let (market, mut run) = market();
    run.execution.borrow_bps_per_year = 0.0;
    let (plain, report) = ledger(&market, &run);
    run.execution.borrow = Some(terms(&[("S001", FROM_BEGINNING, Some(0.0), None)]));
    let (with_file, other) = ledger(&market, &run);
    assert_eq!(report.facts.digest, other.facts.digest);
    assert!(plain.len() > 300 && with_file.iter().all(|frame| frame.borrow.is_empty()));
}

#[test]
fn sizing_knows_the_fee_of_each_name() {
    let (market, mut run) = market();
    run.shown_dates = Some(i64::MIN..=i64::MAX);
    let (free, _) = ledger(&market, &run);
    let dear = free.last().unwrap().names.iter().max_by_key(|name| shorts(&free, name)).unwrap().clone();
    assert!(shorts(&free, &dear) > 50, "{dear} is short on {} frames", shorts(&free, &dear));
    // Half of the value a year.
    run.execution.borrow = Some(terms(&[(&dear, FROM_BEGINNING, Some(5_000.0), None)]));
    run.execution.borrow_bps_per_year = 25.2;
    run.world.borrow_multiplier = 2.0;
    let (charged, _) = ledger(&market, &run);
    assert_eq!(shorts(&charged, &dear), 0, "{dear}");
    let others = |ledger: &[LedgerFrame]| -> usize {
        let names = &ledger.last().unwrap().names;
        names.iter().filter(|name| **name != dear).map(|name| shorts(ledger, name)).sum()
    };
    assert!(others(&charged) > others(&free) / 2);
    for frame in charged.iter().filter(|frame| frame.shown.is_some()) {
        let shown = frame.shown.as_ref().unwrap();
        for (name, fee) in frame.names.iter().zip(&shown.borrow) {
            near(*fee, 2.0 * if *name == dear { 0.5 } else { 25.2e-4 } / 252.0);
        }
    }
}

#[test]
fn ledger_and_attribution_have_the_fees_of_each_name() {
    let (market, mut run) = market();
    run.execution.borrow_bps_per_year = 40.0;
    run.execution.borrow =
        Some(terms(&[("S002", FROM_BEGINNING, Some(90.0), None), ("S003", 100, Some(10.0), None)]));
    let (ledger, report) = ledger(&market, &run);
    let mut fees = vec![0.0; report.facts.names.len()];
    for pair in ledger.windows(2) {
        let (before, frame) = (&pair[0], &pair[1]);
        let mut sum = 0.0;
        for charge in &frame.borrow {
            let i = charge.instrument as usize;
            near(charge.short_value / before.nav, -before.held[i]);
            let rate = match &*frame.names[i] {
                "S002" => 90.0,
                "S003" if before.timestamp.date() >= 100 => 10.0,
                _ => 40.0,
            };
            near(charge.fee, charge.short_value * rate * 1e-4 * charge.days / 365.0);
            fees[i] += charge.fee;
            sum += charge.fee;
        }
        let short = before.held.iter().filter(|held| **held < 0.0).count();
        assert_eq!(frame.borrow.len(), short, "{}", frame.seq);
        near(frame.account.costs[CostItem::Borrow], sum);
    }
    assert!(fees.iter().sum::<f64>() > 100.0);
    for (fee, contributions) in fees.iter().zip(&report.facts.contributions) {
        near(contributions.costs[CostItem::Borrow], *fee);
    }
}

#[test]
fn names_without_shares_are_never_sold_short_and_later_rows_change_nothing_before() {
    let (market, mut run) = market();
    let (free, _) = ledger(&market, &run);
    let names = free.last().unwrap().names.clone();
    let mut by_shorts: Vec<&Arc<str>> = names.iter().collect();
    by_shorts.sort_by_key(|name| shorts(&free, name));
    let (never, recalled) = (by_shorts.pop().unwrap(), by_shorts.pop().unwrap());
    let at =
        free.iter().rfind(|frame| column(frame, recalled).is_some_and(|i| frame.held[i] < -0.01)).unwrap();
    let (date, seq) = (at.timestamp.date(), at.seq);
    run.execution.borrow =
        Some(terms(&[(never, FROM_BEGINNING, None, Some(0.0)), (recalled, date, None, Some(0.0))]));
    let (limited, report) = ledger(&market, &run);
    assert_eq!(shorts(&limited, never), 0);
    let after = limited.iter().filter(|frame| frame.seq > seq + 1);
    assert_eq!(after.filter(|frame| column(frame, recalled).is_some_and(|i| frame.held[i] < 0.0)).count(), 0);
    let recalls: Vec<(u64, &Fill)> = limited
        .iter()
        .flat_map(|frame| frame.fills.iter().map(|fill| (frame.seq, fill)))
        .filter(|(_, fill)| fill.reason == Reason::Recall)
        .collect();
    assert_eq!(recalls.len() as u64, report.facts.execution.recalls);
    assert!(recalls.len() <= 1 && recalls.iter().all(|(at, _)| *at == seq + 1), "{recalls:?}");
    // Every weight that a rebalance sets is inside the limit, and the turnover cap holds without the recall.
    for frame in &limited {
        assert!(frame.turnover <= run.sizing.turnover_cap + 1e-9);
    }
    // The same run without the later row, up to its date.
    run.execution.borrow = Some(terms(&[(never, FROM_BEGINNING, None, Some(0.0))]));
    let (without, _) = ledger(&market, &run);
    for (a, b) in limited.iter().zip(&without).take_while(|(frame, _)| frame.seq < seq) {
        assert_eq!(a.digest, b.digest, "{}", a.seq);
    }
}

#[test]
fn short_exceeds_the_available_shares_for_a_bar_at_most() {
    let mut recalls = 0;
    for seed in 0..12 {
        let (market, mut run) = market();
        let market = Generated { seed: 50 + seed, missing: 0.1, frames: 200, ..market };
        run.execution.delay_bars = 1 + seed % 3;
        run.execution.unfilled = if seed % 2 == 0 { Unfilled::Carry } else { Unfilled::Cancel };
        run.execution.lot = [0.0, 10.0][usize::from(seed % 4 == 3)];
        run.sizing.rebalance_every = 1 + seed % 5;
        let mut random = crate::support::Random(seed);
        let units = [Some(0.0), Some(150.0), Some(600.0), None];
        let mut rows = Vec::new();
        for name in 0..20 {
            for date in (60..200).filter(|_| random.uniform() < 0.05).collect::<Vec<i64>>() {
                let available = units[(random.uniform() * 4.0) as usize];
                rows.push((format!("S{name:03}"), date, BorrowTerms { bps_per_year: None, available }));
            }
        }
        let table = Arc::new(DatedValues::new(rows).unwrap());
        run.execution.borrow = Some(Arc::clone(&table));
        let (ledger, report) = ledger(&market, &run);
        recalls += report.facts.execution.recalls;
        let frames = market.frames();
        let mut held = std::collections::BTreeMap::new();
        for frame in &ledger {
            for fill in &frame.fills {
                *held.entry(Arc::clone(&frame.names[fill.instrument as usize])).or_insert(0.0) +=
                    fill.quantity;
            }
            let date = frame.timestamp.date();
            for (i, close) in frames[frame.seq as usize].close.iter().enumerate() {
                let name = &frame.names[i];
                let available = |date: i64| {
                    table.on(name, date).and_then(|terms| terms.available).unwrap_or(f64::INFINITY)
                };
                let short = -held.get(name).copied().unwrap_or(0.0);
                let most = available(date - 1).max(available(date));
                // A lot beyond the limit is recalled whole.
                assert!(
                    close.is_nan() || short <= most + 1e-6,
                    "seed {seed}, {name} at {}: {short} of {most}",
                    frame.seq
                );
            }
        }
    }
    assert!(recalls > 50, "{recalls}");
}

#[test]
fn recall_of_a_short_that_a_split_pays_out_buys_nothing() {
    let borrow = terms(&[("A", DATES[2], None, Some(0.0))]);
    let settings = ExecutionSettings { lot: 10.0, commission_min: 1.0, ..execution(borrow) };
    let closes =
        [[100.0, 50.0], [100.0, 50.0], [100.0, 50.0], [2_000.0, 50.0], [2_000.0, 50.0], [2_000.0, 50.0]];
    let mut frames = frames(&closes);
    // Five of the new units are less than a lot.
    frames[3].split = vec![0.05, NONE];
    let (lines, book) = run_book(&settings, &frames, &[(0, 0, -100.0)]);
    assert_eq!(lines[2].in_flight[0], 100.0);
    let [fill] = &lines[3].fills[..] else { panic!("one fill") };
    assert_eq!((fill.reason, fill.quantity, fill.price), (Reason::CashInLieu, 5.0, 2_000.0));
    assert_eq!(
        (lines[3].quantity[0], lines[3].in_flight[0], lines[3].account.costs.total()),
        (0.0, 0.0, 0.0)
    );
    assert!(lines[4..].iter().all(|line| line.fills.is_empty()));
    assert_eq!(book.facts().recalls, 0);
}
