//! Conditions and costs of trades of the execution, and the state of its orders between frames, by hand.
#![allow(clippy::float_cmp)]

use betaflow_engine::execution::repricing::{Bookings, Charges, Repricing};
use betaflow_engine::execution::{
    Account, Book, CashInterest, Conditions, CorwinSchultz, CostItem, CostMultipliers, Costs, ExecutionFacts,
    ExecutionSettings, Fill, FillAt, Market, Order, OrderState, Portfolio, Reason, SpreadModel, Unfilled,
    orders_towards,
};
use betaflow_engine::frame::Frame;
use betaflow_engine::settings::Calendar;
use betaflow_engine::state::save;
use betaflow_engine::time::{DAY_NS, TimestampNs};
use serde::Deserialize as _;
use serde::de::IntoDeserializer;

const NONE: f64 = f64::NAN;

fn near(found: f64, expected: f64, name: &str) {
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs().max(1e-6),
        "{name}: {found}, expected {expected}"
    );
}

/// Frame of one instrument, two a day.
fn frame(seq: usize, close: f64) -> Frame {
    Frame {
        seq: seq as u64,
        timestamp: TimestampNs(seq as i64 * DAY_NS / 2),
        close: vec![close],
        open: vec![close],
        high: vec![close],
        low: vec![close],
        volume: vec![1e6],
        split: vec![NONE],
        dividend: vec![NONE],
        ..Frame::default()
    }
}

fn submit(book: &mut Book, quantity: f64, price: f64) {
    book.submit(&[Order { instrument: 0, quantity, decision_price: price }]);
}

#[test]
fn conditions_of_impact_are_adjusted_for_splits_and_dividends_of_the_day() {
    let settings =
        ExecutionSettings { impact_coefficient: 0.1, impact_window: 3, ..ExecutionSettings::default() };
    let mut market = Market::new(&settings);
    // Closes at noon and evening; the third day splits four for one at noon, and the fourth in the evening by one for
    // two and pays 1 a new unit.
    let closes = [100.0, 100.0, 101.0, 104.0, 26.0, 27.0, 27.5, 55.0, 54.0, 56.0];
    let splits = [NONE, NONE, NONE, NONE, 4.0, NONE, NONE, 0.5, NONE, NONE];
    for (at, (close, split)) in closes.into_iter().zip(splits).enumerate() {
        let dividend = if at == 7 { 1.0 } else { NONE };
        let volume = 1e5 * (at + 1) as f64;
        let frame =
            Frame { split: vec![split], dividend: vec![dividend], volume: vec![volume], ..frame(at, close) };
        market.begin(&frame);
        market.end(&frame);
    }
    let last = frame(10, 57.0);
    market.begin(&last);
    // The last three of five days, in units of the last.
    let returns = [4.0 * 27.0 / 104.0 - 1.0, 0.5 * 56.0 / 27.0 - 1.0, 56.0 / 55.0 - 1.0];
    let mean = returns.iter().sum::<f64>() / 3.0;
    let deviation = (returns.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / 2.0).sqrt();
    let volume = (11e5 * 0.5 + (7e5 * 0.5 + 8e5) + 19e5) / 3.0;
    let found = market.conditions(0);
    near(found.volatility, deviation, "volatility");
    near(found.daily_volume, volume, "volume");
}

#[test]
fn split_on_a_bar_without_a_price_adjusts_the_close_of_its_day() {
    let settings =
        ExecutionSettings { impact_coefficient: 0.1, impact_window: 3, ..ExecutionSettings::default() };
    let mut market = Market::new(&settings);
    // Closes at noon and evening; in the evening of the second day there is no price, but a split of four for one.
    let closes = [100.0, 100.0, 104.0, NONE, 27.0, 27.5, 28.0, 28.5];
    for (at, close) in closes.into_iter().enumerate() {
        let volume = if close.is_nan() { NONE } else { 1e5 * (at + 1) as f64 };
        let (split, dividend) = if at == 3 { (4.0, 0.5) } else { (NONE, NONE) };
        let frame =
            Frame { split: vec![split], dividend: vec![dividend], volume: vec![volume], ..frame(at, close) };
        market.begin(&frame);
        market.end(&frame);
    }
    market.begin(&frame(8, 29.0));
    // 104 are 26 new units, which pay 0.5 each.
    let returns = [4.0 * 26.5 / 100.0 - 1.0, 27.5 / 26.0 - 1.0, 28.5 / 27.5 - 1.0];
    let mean = returns.iter().sum::<f64>() / 3.0;
    let deviation = (returns.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / 2.0).sqrt();
    near(market.conditions(0).volatility, deviation, "volatility");
    near(market.conditions(0).daily_volume, (4.0 * 3e5 + 11e5 + 15e5) / 3.0, "volume");
}

#[test]
fn volatility_of_a_price_that_hardly_moves_keeps_its_digits() {
    let settings =
        ExecutionSettings { impact_coefficient: 0.1, impact_window: 3, ..ExecutionSettings::default() };
    let mut market = Market::new(&settings);
    // Each of these prices over the one before is exactly 1 and a few steps of 2⁻⁵⁰.
    let step = 4.0 * f64::EPSILON;
    for (at, steps) in [0.0, 1.0, 3.0, 7.0].into_iter().enumerate() {
        let frame = frame(2 * at, 1.0 + steps * step);
        market.begin(&frame);
        market.end(&frame);
    }
    market.begin(&frame(8, 1.0));
    // Returns of 1, 2 and 4 steps have the mean 7/3 and the variance 7/3.
    let expected = step * (7.0_f64 / 3.0).sqrt();
    let found = market.conditions(0).volatility;
    assert!((found / expected - 1.0).abs() < 1e-12, "{found} {expected}");
    // Nor does steady growth take them: the returns differ from it by 1, 2 and 4 steps of 2⁻³⁰, which the prices hold
    // to about 1e-7.
    let step = 1.0 / f64::from(1 << 30);
    for growth in [0.1, 0.3, 0.4, 0.5, 0.7, 0.9, -0.2, -0.6] {
        let mut market = Market::new(&settings);
        let mut price = 1.0;
        for (at, steps) in [0.0, 1.0, 2.0, 4.0].into_iter().enumerate() {
            price *= if at == 0 { 1.0 } else { 1.0 + growth + steps * step };
            let frame = frame(2 * at, price);
            market.begin(&frame);
            market.end(&frame);
        }
        market.begin(&frame(8, 1.0));
        let (found, expected) = (market.conditions(0).volatility, step * (7.0_f64 / 3.0).sqrt());
        assert!((found / expected - 1.0).abs() < 3e-6, "{growth}: {found} {expected}");
    }
}

#[test]
fn linear_cost_follows_the_price_with_a_commission_per_share() {
    for commission_per_share in [0.0, 0.01] {
        let settings = ExecutionSettings { commission_per_share, ..ExecutionSettings::default() };
        let (mut book, mut market) = (Book::new(&settings, &Calendar::default()), Market::new(&settings));
        for (at, price) in [50.0, 40.0, 80.0].into_iter().enumerate() {
            let frame = frame(at, price);
            market.begin(&frame);
            book.advance(&frame, &market, &mut Vec::new());
            market.end(&frame);
            book.price_trades(&market);
            let bps = settings.commission_bps + settings.half_spread_bps;
            assert_eq!((book.portfolio().linear_cost.len(), market.varies()), (1, false));
            near(book.portfolio().linear_cost[0], bps * 1e-4 + commission_per_share / price, "cost");
        }
    }
}

#[test]
fn orders_that_ended_leave_nothing_in_the_state() {
    let settings = ExecutionSettings { nav: 1e5, ..ExecutionSettings::default() };
    let (mut book, mut market) = (Book::new(&settings, &Calendar::default()), Market::new(&settings));
    let mut sizes = Vec::new();
    // Numbers of frames and orders have as many digits in the state at every time.
    for at in 1_000..1_100 {
        let frame = frame(at, 50.0);
        market.begin(&frame);
        book.advance(&frame, &market, &mut Vec::new());
        market.end(&frame);
        book.take_ended(&mut Vec::new());
        sizes.push(save("book", &book).unwrap().len());
        submit(&mut book, if at % 2 == 0 { 10.0 } else { -10.0 }, 50.0);
    }
    assert_eq!((book.facts().filled, book.facts().orders), (99, 100));
    assert_eq!(sizes[10], sizes[99]);
}

#[test]
fn estimated_spread_replaces_the_usual_one_for_good_once_its_window_is_full() {
    let settings = ExecutionSettings {
        spread_model: SpreadModel::CorwinSchultz,
        spread_window: 2,
        spread_floor_bps: 0.5,
        half_spread_bps: 9.0,
        ..ExecutionSettings::default()
    };
    let mut market = Market::new(&settings);
    let mut estimator = CorwinSchultz::new(2);
    let bars = [
        (101.0, 99.5, 100.5),
        (101.5, 99.8, 101.0),
        (102.0, 100.1, 100.4),
        (NONE, NONE, NONE),
        (101.2, 99.9, 100.9),
    ];
    let mut estimates = 0;
    for (at, (high, low, close)) in bars.into_iter().enumerate() {
        let frame = Frame { high: vec![high], low: vec![low], ..frame(2 * at, close) };
        market.begin(&frame);
        market.end(&frame);
        if !close.is_nan() {
            estimator.push(high, low, close);
        }
        let half = estimator.half_spread();
        near(
            market.conditions(0).half_spread_bps,
            half.map_or(9.0, |half| (1e4 * half).max(0.5)),
            "half-spread",
        );
        assert_eq!(market.has_usual_spread(0), half.is_none(), "frame {at}");
        estimates += usize::from(half.is_some_and(|half| half > 1e-4));
    }
    assert!(estimates > 1, "{estimates} estimates");
}

#[test]
fn orders_are_in_flight_until_their_first_fill() {
    let settings = ExecutionSettings {
        nav: 1e5,
        delay_bars: 2,
        participation_cap: Some(0.5),
        unfilled: Unfilled::Carry,
        commission_per_share: 0.01,
        ..ExecutionSettings::default()
    };
    let (mut book, mut market) = (Book::new(&settings, &Calendar::default()), Market::new(&settings));
    let expected = [(0.0, 0.0), (0.0, 10.0), (4.0, 0.0), (10.0, 0.0), (10.0, 0.0)];
    for (at, (held, in_flight)) in expected.into_iter().enumerate() {
        let price = 50.0 + at as f64;
        let volume = if at == 2 { 8.0 } else { 1e6 };
        let frame = Frame { volume: vec![volume], ..frame(2 * at, price) };
        let frame = Frame { seq: at as u64, ..frame };
        market.begin(&frame);
        book.advance(&frame, &market, &mut Vec::new());
        market.end(&frame);
        book.price_trades(&market);
        let portfolio = book.portfolio();
        assert_eq!((portfolio.quantity[0], portfolio.in_flight[0]), (held, in_flight), "frame {at}");
        near(
            portfolio.linear_cost[0],
            (settings.commission_bps + settings.half_spread_bps) * 1e-4 + 0.01 / price,
            "cost",
        );
        let states: Vec<OrderState> = book.open_orders().map(|order| order.state).collect();
        assert_eq!(states.contains(&OrderState::PartlyFilled), at == 2, "frame {at}: {states:?}");
        if at == 0 {
            submit(&mut book, 10.0, price);
            assert_eq!(book.portfolio().in_flight, [10.0]);
        }
    }
}

#[test]
fn split_of_an_order_in_flight_keeps_it_in_whole_lots() {
    let settings = ExecutionSettings { nav: 1e5, delay_bars: 3, lot: 1.0, ..ExecutionSettings::default() };
    let (mut book, mut market) = (Book::new(&settings, &Calendar::default()), Market::new(&settings));
    let mut held = Vec::new();
    for at in 0..5_usize {
        let price = if at < 2 { 50.0 } else { 500.0 };
        let split = if at == 2 { 0.1 } else { NONE };
        let frame = Frame { seq: at as u64, split: vec![split], ..frame(2 * at, price) };
        market.begin(&frame);
        book.advance(&frame, &market, &mut Vec::new());
        market.end(&frame);
        if at == 0 {
            submit(&mut book, 47.0, price);
        }
        held.push((book.portfolio().quantity[0], book.portfolio().in_flight[0]));
    }
    // 47 become 4.7; 4 stay.
    assert_eq!(held, [(0.0, 47.0), (0.0, 47.0), (0.0, 4.0), (4.0, 0.0), (4.0, 0.0)]);
}

#[test]
fn instrument_without_a_close_does_not_fill_and_one_without_volume_is_not_tradable() {
    for fill_at in [FillAt::Open, FillAt::Close, FillAt::Typical, FillAt::Vwap] {
        let settings = ExecutionSettings { nav: 1e5, fill_at, ..ExecutionSettings::default() };
        let (mut book, mut market) = (Book::new(&settings, &Calendar::default()), Market::new(&settings));
        for at in 0..2_usize {
            let made = frame(2 * at, if at == 1 { NONE } else { 50.0 });
            let made = Frame { seq: at as u64, open: vec![50.0], high: vec![50.0], low: vec![50.0], ..made };
            let mut fills = Vec::new();
            market.begin(&made);
            book.advance(&made, &market, &mut fills);
            market.end(&made);
            assert!(fills.is_empty(), "{fill_at:?}: {fills:?}");
            if at == 0 {
                submit(&mut book, 10.0, 50.0);
            }
        }
    }
    // An order that fills at the close of its own frame needs volume on that frame.
    for (fill_at, tradable) in [(FillAt::SameClose, [true, false, true]), (FillAt::Close, [true, true, true])]
    {
        let settings = ExecutionSettings { nav: 1e5, fill_at, ..ExecutionSettings::default() };
        let (mut book, mut market) = (Book::new(&settings, &Calendar::default()), Market::new(&settings));
        for (at, tradable) in tradable.into_iter().enumerate() {
            let volume = if at == 1 { 0.0 } else { 1e6 };
            let made = Frame { seq: at as u64, volume: vec![volume], ..frame(2 * at, 50.0) };
            market.begin(&made);
            book.advance(&made, &market, &mut Vec::new());
            market.end(&made);
            assert_eq!(book.portfolio().tradable, [tradable], "{fill_at:?}, frame {at}");
        }
    }
}

#[test]
fn dividends_are_gains_of_the_position() {
    let settings = ExecutionSettings { nav: 1e5, ..ExecutionSettings::default() };
    let mut market = Market::new(&settings);
    let mut book = Book::new(&settings, &Calendar::default()).with_moves();
    for at in 0..3_usize {
        let dividend = if at == 2 { 0.5 } else { NONE };
        let made =
            Frame { seq: at as u64, dividend: vec![dividend], ..frame(2 * at, [50.0, 50.0, 51.0][at]) };
        market.begin(&made);
        book.advance(&made, &market, &mut Vec::new());
        market.end(&made);
        if at == 0 {
            submit(&mut book, 10.0, 50.0);
        }
    }
    let moves = book.moves().unwrap();
    assert_eq!((moves.before[0], moves.held[0], moves.traded[0]), (500.0, 10.0 + 5.0, 0.0));
}

#[test]
fn lots_of_a_tenth_are_whole_despite_rounding() {
    for tenths in 1..200 {
        let held = f64::from(tenths) * 0.1;
        let portfolio = Portfolio {
            nav: 1000.0,
            quantity: vec![held],
            in_flight: vec![0.0],
            price: vec![1.0],
            tradable: vec![true],
            ..Portfolio::default()
        };
        let mut orders = Vec::new();
        orders_towards(&[0.0], &portfolio, 0.1, 10.0, &mut orders);
        assert_eq!(orders.len(), 1, "{tenths} tenths");
        assert!((orders[0].quantity + held).abs() < 1e-12, "{tenths} tenths: {}", orders[0].quantity);
    }
}

#[test]
fn impact_follows_its_laws_and_sizing_equals_it_at_a_hundredth_of_the_volume() {
    let settings = ExecutionSettings {
        impact_coefficient: 0.2,
        impact_exponent: 0.75,
        permanent_impact_coefficient: 0.3,
        ..ExecutionSettings::default()
    };
    let conditions = Conditions { half_spread_bps: 1.0, volatility: 0.02, daily_volume: 1e4 };
    for quantity in [-400.0_f64, 100.0, 2500.0] {
        let (share, notional) = (quantity.abs() / 1e4, quantity.abs() * 30.0);
        let found = settings.impact(quantity, 30.0, conditions);
        near(found.temporary, notional * 0.02 * 0.2 * libm::pow(share, 0.75), "temporary");
        near(found.permanent, notional * 0.02 * 0.5 * 0.3 * share, "permanent");
        let coefficient = 0.2 * libm::pow(0.01, 0.25) + 0.5 * 0.3 * 0.1;
        near(found.as_sized, notional * 0.02 * coefficient * share.sqrt(), "as sized");
        if share == 0.01 {
            near(found.as_sized, found.temporary + found.permanent, "at the reference");
        }
    }
}

#[test]
fn fills_of_unknown_impact_count_where_a_scenario_has_impact() {
    let run = ExecutionSettings::default();
    let none =
        ExecutionSettings { impact_coefficient: 0.0, permanent_impact_coefficient: 0.0, ..run.clone() };
    let times = CostMultipliers::default();
    let of = |temporary: f64, permanent: f64| {
        let own = ExecutionSettings {
            impact_coefficient: temporary,
            permanent_impact_coefficient: permanent,
            ..none.clone()
        };
        Charges::new((&run, times), (own, times)).unwrap()
    };
    let scenarios = [of(0.0, 0.0), of(0.1, 0.0), of(0.0, 0.1), of(0.1, 0.1)];
    let mut columns = Repricing::new(&scenarios);
    assert_eq!(columns.scenarios(), 4);
    let fill = |volatility: f64| Fill {
        instrument: 0,
        decided_seq: Some(0),
        quantity: 10.0,
        price: 5.0,
        decision_price: 5.0,
        costs: Costs::of(&[(CostItem::Spread, 0.1)]),
        permanent_impact: 0.0,
        conditions: Conditions { half_spread_bps: 1.0, volatility, daily_volume: 1e4 },
        reason: Reason::Order,
    };
    let (fills, account) = ([fill(NONE), fill(0.01), fill(NONE)], Account::default());
    columns.advance(Bookings {
        date: 1,
        rf: 0.0,
        nav: 1e5,
        cash: 1e5,
        account: &account,
        fills: &fills,
        ended: &[],
    });
    let found: Vec<u64> = (0..4)
        .map(|scenario| columns.execution(scenario, 0.0, ExecutionFacts::default()).impact_unknown)
        .collect();
    assert_eq!(found, [0, 2, 2, 2]);
}

#[test]
fn orders_of_two_rebalances_leave_the_flight_one_after_the_other() {
    let settings = ExecutionSettings { nav: 1e5, delay_bars: 2, ..ExecutionSettings::default() };
    let (mut book, mut market) = (Book::new(&settings, &Calendar::default()), Market::new(&settings));
    let mut found = Vec::new();
    for at in 0..5_usize {
        let made = Frame { seq: at as u64, ..frame(2 * at, 50.0) };
        market.begin(&made);
        book.advance(&made, &market, &mut Vec::new());
        market.end(&made);
        if at < 2 {
            submit(&mut book, [10.0, 4.0][at], 50.0);
        }
        found.push((book.portfolio().quantity[0], book.portfolio().in_flight[0]));
    }
    assert_eq!(found, [(0.0, 10.0), (0.0, 14.0), (10.0, 4.0), (14.0, 0.0), (14.0, 0.0)]);
}

#[test]
fn haircut_of_a_delisting_is_a_move_of_the_position() {
    let settings = ExecutionSettings {
        nav: 1e3,
        delist_after: 2,
        delisting_haircut: 0.3,
        ..ExecutionSettings::default()
    };
    for quantity in [10.0, -10.0] {
        let mut market = Market::new(&settings);
        let mut book = Book::new(&settings, &Calendar::default()).with_moves();
        let (mut nav, mut fills) = (settings.nav, Vec::new());
        for (seq, close) in [48.0, 49.0, 50.0, NONE, NONE].into_iter().enumerate() {
            fills.clear();
            let made = Frame { seq: seq as u64, ..frame(2 * seq, close) };
            market.begin(&made);
            let account = book.advance(&made, &market, &mut fills);
            market.end(&made);
            let moves = book.moves().unwrap();
            let gain = moves.held.iter().chain(&moves.traded).sum::<f64>() + account.interest;
            near(book.portfolio().nav - nav, gain - account.costs.total(), &format!("frame {seq}"));
            nav = book.portfolio().nav;
            if seq == 0 {
                submit(&mut book, quantity, 48.0);
            }
        }
        let [fill] = &fills[..] else { panic!("one fill") };
        assert_eq!((fill.reason, fill.quantity, fill.price), (Reason::Delisting, -quantity, 35.0));
        let moves = book.moves().unwrap();
        assert_eq!((moves.before[0], moves.traded[0]), (50.0 * quantity, 0.0));
        near(moves.held[0], -15.0 * quantity, "haircut");
        assert_eq!((book.facts().delistings, book.portfolio().quantity[0]), (1, 0.0));
    }
}

#[test]
fn facts_sum_the_impact_of_the_fills_and_that_of_sizing() {
    let settings = ExecutionSettings {
        impact_coefficient: 0.2,
        impact_exponent: 0.75,
        permanent_impact_coefficient: 0.3,
        impact_window: 3,
        ..ExecutionSettings::default()
    };
    let (mut market, mut fills) = (Market::new(&settings), Vec::new());
    let mut book = Book::new(&settings, &Calendar::default());
    for (seq, close) in [50.0, 51.0, 49.5, 50.5, 50.0, 51.5, 52.0, 50.0].into_iter().enumerate() {
        let made = Frame { seq: seq as u64, ..frame(2 * seq, close) };
        market.begin(&made);
        book.advance(&made, &market, &mut fills);
        market.end(&made);
        if seq >= 3 {
            submit(&mut book, [200.0, -5_000.0, 900.0][seq % 3], close);
        }
    }
    assert_eq!(fills.len(), 4);
    let charged: f64 = fills.iter().map(|fill| fill.costs[CostItem::Impact]).sum();
    let sized = fills.iter().map(|fill| settings.impact(fill.quantity, fill.price, fill.conditions).as_sized);
    let (sized, facts) = (sized.sum::<f64>(), book.facts());
    assert!(charged > 1.0 && sized > 1.0 && (charged / sized - 1.0).abs() > 1e-3, "{charged} {sized}");
    near(facts.impact, charged, "impact");
    near(facts.impact_as_sized, sized, "as sized");
    assert_eq!((facts.impact_unknown, facts.orders, facts.filled, facts.open), (0, 5, 4, 1));
}

#[test]
fn interest_on_cash_is_a_rate_or_the_word_rf() {
    type Plain = serde::de::value::Error;
    let word =
        |word: &'static str| CashInterest::deserialize(IntoDeserializer::<Plain>::into_deserializer(word));
    let rate = |rate: f64| CashInterest::deserialize(IntoDeserializer::<Plain>::into_deserializer(rate));
    assert_eq!(word("rf"), Ok(CashInterest::RiskFree));
    assert_eq!(rate(0.03), Ok(CashInterest::PerYear(0.03)));
    for other in ["", "RF", "0.03"] {
        let error = word(other).unwrap_err().to_string();
        assert_eq!(error, format!("found {other:?}, expected \"rf\" or a rate per year such as 0.03"));
    }
}
