//! Re-priced trades of one run agree with an account that executes the same orders under the other costs,
//! instrument by instrument and fill by fill.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use betaflow_engine::dated::DatedValues;
use betaflow_engine::execution::repricing::{Bookings, COST_SETTINGS, Charges, Repricing};
use betaflow_engine::execution::{
    Account, Book, BorrowTerms, CashInterest, CostItem, Costs, ExecutionSettings, Fill, FillAt, Market,
    Order, OrderRecord, SpreadModel, Unfilled,
};
use betaflow_engine::frame::Frame;
use betaflow_engine::metrics::Figures;
use betaflow_engine::pipeline::{Placement, RunOptions, ScenarioOutcome, repricing, sweeping};
use betaflow_engine::settings::Calendar;
use betaflow_engine::source::MemorySource;
use betaflow_engine::time::{DAY_NS, TimestampNs};
use betaflow_engine::world::{self, REPRICING_SETTINGS, WorldSettings};
use proptest::prelude::*;

use crate::support::{Busy, settings};

const INSTRUMENTS: usize = 4;
const FRAMES: usize = 60;
/// Tolerance as a share of NAV, over the frames of a script.
const ROUNDING: f64 = 1e-12;

/// Bars of a few instruments, and the orders after each frame: at most one per instrument.
#[derive(Clone, Debug)]
struct Script {
    frames: Vec<Frame>,
    orders: Vec<Vec<(u32, f64)>>,
}

/// Growth of the price, true if missing, volume, true if split, true if it pays a dividend.
type Bar = (f64, f64, f64, f64, f64);

fn a_script() -> impl Strategy<Value = Script> {
    let bar = (0.9..1.1_f64, 0.0..1.0_f64, 100.0..5_000.0_f64, 0.0..1.0_f64, 0.0..1.0_f64);
    let bars = prop::collection::vec(prop::collection::vec(bar, INSTRUMENTS), FRAMES);
    let order = prop::option::weighted(0.3, -2_000.0..2_000.0_f64);
    let orders = prop::collection::vec(prop::collection::vec(order, INSTRUMENTS), FRAMES);
    (bars, orders, 0..INSTRUMENTS, 20..FRAMES).prop_map(|(bars, orders, gone, gone_at)| {
        let mut price = [20.0, 50.0, 100.0, 7.0];
        let frame = |(seq, bars): (usize, &Vec<Bar>)| {
            let weekends = 2 * (seq as i64 / 5);
            let mut frame = Frame {
                seq: seq as u64,
                timestamp: TimestampNs((20_000 + seq as i64 + weekends) * DAY_NS),
                rf: 1e-4 * (1.0 + (seq % 3) as f64),
                listed: if seq == 0 { ["A", "B", "C", "D"].map(Arc::from).to_vec() } else { Vec::new() },
                ..Frame::default()
            };
            for (i, (last, (growth, missing, volume, split, pays))) in price.iter_mut().zip(bars).enumerate()
            {
                *last *= growth;
                // All instruments trade on the first frame, later each with probability 0.9; one is delisted.
                let traded = seq == 0 || (*missing > 0.1 && !(i == gone && seq >= gone_at));
                frame.close.push(if traded { *last } else { f64::NAN });
                frame.volume.push(if traded { *volume } else { f64::NAN });
                frame.split.push(if *split < 0.02 { 2.0 } else { f64::NAN });
                frame.dividend.push(if *pays < 0.05 { 0.3 } else { f64::NAN });
            }
            frame
        };
        let frames = bars.iter().enumerate().map(frame).collect();
        let of_frame = |orders: Vec<Option<f64>>| {
            let orders = orders.into_iter().enumerate();
            orders.filter_map(|(i, quantity)| Some((i as u32, quantity?))).collect()
        };
        Script { frames, orders: orders.into_iter().map(of_frame).collect() }
    })
}

/// Settings with every cost above 0.
fn dear() -> ExecutionSettings {
    ExecutionSettings {
        nav: 2e5,
        commission_per_share: 0.005,
        commission_min: 2.0,
        impact_coefficient: 0.5,
        permanent_impact_coefficient: 0.2,
        borrow_bps_per_year: 200.0,
        financing_bps_per_year: 300.0,
        delisting_haircut: 0.2,
        delist_after: 3,
        cash_interest: CashInterest::PerYear(0.02),
        participation_cap: Some(0.2),
        unfilled: Unfilled::Carry,
        ..ExecutionSettings::default()
    }
}

fn free() -> ExecutionSettings {
    ExecutionSettings {
        commission_bps: 0.0,
        commission_per_share: 0.0,
        commission_min: 0.0,
        half_spread_bps: 0.0,
        impact_coefficient: 0.0,
        permanent_impact_coefficient: 0.0,
        borrow_bps_per_year: 0.0,
        financing_bps_per_year: 0.0,
        cash_interest: CashInterest::RiskFree,
        delisting_haircut: 0.0,
        ..dear()
    }
}

/// Bookings of the account on a frame.
struct Day {
    timestamp: TimestampNs,
    rf: f64,
    nav: f64,
    cash: f64,
    account: Account,
    fills: Vec<Fill>,
    ended: Vec<OrderRecord>,
}

fn world(multipliers: &[f64]) -> WorldSettings {
    let [cost, commission, spread, impact, borrow, financing, haircut] = multipliers.try_into().unwrap();
    WorldSettings {
        cost_multiplier: cost,
        commission_multiplier: commission,
        spread_multiplier: spread,
        impact_multiplier: impact,
        borrow_multiplier: borrow,
        financing_multiplier: financing,
        haircut_multiplier: haircut,
        ..WorldSettings::default()
    }
}

fn run(script: &Script, settings: &ExecutionSettings) -> Vec<Day> {
    run_in(script, settings, &WorldSettings::default())
}

/// Runs the account from the first order on, until it is ruined.
fn run_in(script: &Script, settings: &ExecutionSettings, world: &WorldSettings) -> Vec<Day> {
    let mut book = Book::new(settings, &Calendar::default());
    let mut market = Market::stressed(settings, &world.cost_stress()).watching(settings.impact_window);
    let (mut days, mut started) = (Vec::new(), false);
    for (frame, orders) in script.frames.iter().zip(&script.orders) {
        let (mut fills, mut ended) = (Vec::new(), Vec::new());
        market.begin(frame);
        let mut account = book.advance(frame, &market, &mut fills);
        market.end(frame);
        let traded = |order: &&(u32, f64)| !frame.close[order.0 as usize].is_nan();
        let order = |&(instrument, quantity): &(u32, f64)| Order {
            instrument,
            quantity,
            decision_price: frame.close[instrument as usize],
        };
        let orders: Vec<Order> = orders.iter().filter(traded).map(order).collect();
        if !orders.is_empty() {
            started = true;
            book.submit(&orders);
            if settings.fill_at == FillAt::SameClose {
                book.fill_decided(frame, &market, &mut fills, &mut account);
            }
        }
        if started {
            book.take_ended(&mut ended);
            let portfolio = book.portfolio();
            let (timestamp, rf, nav, cash) = (frame.timestamp, frame.rf, portfolio.nav, portfolio.cash);
            days.push(Day { timestamp, rf, nav, cash, account, fills, ended });
            if book.is_ruined() {
                break;
            }
        }
    }
    days
}

/// NAV, interest and costs of each frame and scenario.
fn repriced(run: &[Day], charges: &[Charges]) -> Vec<Vec<(f64, f64, Costs)>> {
    let mut repricing = Repricing::new(charges);
    let mut all = Vec::new();
    for day in run {
        repricing.advance(Bookings {
            date: day.timestamp.date(),
            rf: day.rf,
            nav: day.nav,
            cash: day.cash,
            account: &day.account,
            fills: &day.fills,
            ended: &day.ended,
        });
        let of =
            |scenario| (repricing.nav(scenario), repricing.interest(scenario), repricing.costs(scenario));
        all.push((0..repricing.scenarios()).map(of).collect());
    }
    all
}

fn charges(base: &ExecutionSettings, own: &ExecutionSettings) -> Charges {
    let world = WorldSettings::default();
    world::charges((base, &world), (own.clone(), &world)).unwrap()
}

/// Settings with costs of all kinds, changed one by one and together; the trades are those of `base`.
fn costs(base: &ExecutionSettings, by: f64) -> Vec<ExecutionSettings> {
    let mut all = vec![base.clone()];
    for exponent in [0.3, 0.5, 0.6, 1.0] {
        all.push(ExecutionSettings { impact_coefficient: by, impact_exponent: exponent, ..base.clone() });
    }
    let own = |change: &dyn Fn(&mut ExecutionSettings)| {
        let mut own = base.clone();
        change(&mut own);
        own
    };
    all.push(own(&|own| own.commission_bps += by));
    all.push(own(&|own| own.commission_per_share += 0.01 * by));
    all.push(own(&|own| own.commission_min += 2.0 * by));
    all.push(own(&|own| own.half_spread_bps += 3.0 * by));
    all.push(own(&|own| own.permanent_impact_coefficient += by));
    all.push(own(&|own| own.borrow_bps_per_year += 100.0 * by));
    all.push(own(&|own| own.financing_bps_per_year += 100.0 * by));
    all.push(own(&|own| own.cash_interest = CashInterest::RiskFree));
    all.push(own(&|own| own.cash_interest = CashInterest::PerYear(-0.01 * by)));
    all.push(own(&|own| own.delisting_haircut = 0.2 * by));
    for from in [free(), dear()] {
        all.push(own(&|own| {
            let (fill_at, participation_cap, unfilled) = (own.fill_at, own.participation_cap, own.unfilled);
            *own = ExecutionSettings { fill_at, participation_cap, unfilled, ..from.clone() };
        }));
    }
    all
}

proptest! {
    #[test]
    fn repriced_account_equals_the_account_run_under_those_costs(
        script in a_script(),
        costless: bool,
        same_close: bool,
        carry: bool,
        capped: bool,
        by in 0.1..3.0_f64,
    ) {
        let base = ExecutionSettings {
            fill_at: if same_close { FillAt::SameClose } else { FillAt::Close },
            unfilled: if carry { Unfilled::Carry } else { Unfilled::Cancel },
            participation_cap: capped.then_some(0.2),
            ..if costless { free() } else { dear() }
        };
        let scenarios = costs(&base, by);
        let all: Vec<Charges> = scenarios.iter().map(|own| charges(&base, own)).collect();
        let run_of_base = run(&script, &base);
        let found = repriced(&run_of_base, &all);
        for (scenario, own) in scenarios.iter().enumerate() {
            for ((day, found), of_base) in run(&script, own).iter().zip(&found).zip(&run_of_base) {
                if same_close && (day.nav <= 0.0 || of_base.nav <= 0.0) {
                    // A ruined account does not trade at the close that ruins it; the re-priced one does.
                    break;
                }
                let (nav, interest, costs) = found[scenario];
                let close = |a: f64, b: f64| (a - b).abs() <= ROUNDING * own.nav;
                prop_assert!(close(nav, day.nav), "scenario {scenario}: {nav} of {}", day.nav);
                prop_assert!(close(interest, day.account.interest), "scenario {scenario}");
                for ((item, cost), (_, expected)) in costs.items().into_iter().zip(day.account.costs.items()) {
                    prop_assert!(close(cost, expected), "scenario {scenario}, {item}: {cost} of {expected}");
                }
            }
        }
    }

    #[test]
    fn repriced_account_equals_the_account_run_under_stress(
        script in a_script(),
        of_run in prop::collection::vec(0.1..3.0_f64, REPRICING_SETTINGS.len()),
        own in prop::collection::vec(0.0..3.0_f64, REPRICING_SETTINGS.len()),
        given: bool,
        lent: bool,
    ) {
        // One half-spread for all instruments, or one for each.
        let half_spreads = if given { [("A".to_owned(), 7.0)].into_iter().collect() } else { BTreeMap::new() };
        // Fees of A, and recalls of B from the twentieth frame on.
        let terms = |fee, available| BorrowTerms { bps_per_year: fee, available };
        let rows = [("A", 20_000, terms(Some(450.0), None)), ("B", 20_026, terms(None, Some(100.0)))];
        let borrow = lent.then(|| Arc::new(DatedValues::new(rows).unwrap()));
        let base = ExecutionSettings { half_spreads, borrow, ..dear() };
        let (of_run, own) = (world(&of_run), world(&own));
        let same = world::charges((&base, &of_run), (base.clone(), &of_run)).unwrap();
        let other = world::charges((&base, &of_run), (base.clone(), &own)).unwrap();
        let run_of_base = run_in(&script, &base, &of_run);
        let found = repriced(&run_of_base, &[same, other]);
        for (scenario, days) in [run_of_base, run_in(&script, &base, &own)].iter().enumerate() {
            for (day, found) in days.iter().zip(&found) {
                let (nav, _, costs) = found[scenario];
                prop_assert!((nav - day.nav).abs() <= ROUNDING * base.nav, "{nav} of {}", day.nav);
                for ((item, cost), (_, expected)) in costs.items().into_iter().zip(day.account.costs.items()) {
                    prop_assert!((cost - expected).abs() <= ROUNDING * base.nav, "{item}: {cost} of {expected}");
                }
            }
        }
    }

    #[test]
    fn no_cost_raises_equity(script in a_script(), by in 1.0..3.0_f64) {
        // No fill exceeds a day's volume, beyond which a smaller exponent gives less impact.
        let base = ExecutionSettings { participation_cap: Some(0.02), ..dear() };
        let dearer: Vec<Charges> = COST_SETTINGS.iter().map(|key| charges(&base, &raised(&base, key, by))).collect();
        let run = run(&script, &base);
        for (day, found) in run.iter().zip(repriced(&run, &dearer)) {
            for (key, (nav, _, _)) in COST_SETTINGS.iter().zip(found) {
                // Interest may be paid or earned, and a short position gains by a haircut.
                let either = ["cash_interest", "delisting_haircut"].contains(key);
                prop_assert!(either || nav <= day.nav + ROUNDING * base.nav, "{key}: {nav} above {}", day.nav);
            }
        }
    }
}

/// Returns the settings with one cost raised.
fn raised(base: &ExecutionSettings, key: &str, by: f64) -> ExecutionSettings {
    let mut own = base.clone();
    match key {
        "commission_bps" => own.commission_bps *= by,
        "commission_per_share" => own.commission_per_share *= by,
        "commission_min" => own.commission_min *= by,
        "half_spread_bps" => own.half_spread_bps *= by,
        "impact_coefficient" => own.impact_coefficient *= by,
        // Below a whole day's volume a smaller exponent gives a larger impact.
        "impact_exponent" => own.impact_exponent /= by,
        "permanent_impact_coefficient" => own.permanent_impact_coefficient *= by,
        "borrow_bps_per_year" => own.borrow_bps_per_year *= by,
        "financing_bps_per_year" => own.financing_bps_per_year *= by,
        "cash_interest" => own.cash_interest = CashInterest::PerYear(-0.01 * by),
        "delisting_haircut" => own.delisting_haircut *= by,
        other => panic!("unexpected {other}"),
    }
    own
}

#[test]
fn raising_any_cost_lowers_equity() {
    // Long and short positions, debt, partial fills and a delisting.
    let close = |seq: usize, i: usize| {
        if i == 3 && seq > 20 { f64::NAN } else { 50.0 + ((seq * (i + 3)) % 7) as f64 }
    };
    let frame = |seq: usize| Frame {
        seq: seq as u64,
        timestamp: TimestampNs((20_000 + seq as i64) * DAY_NS),
        close: (0..INSTRUMENTS).map(|i| close(seq, i)).collect(),
        volume: vec![4_000.0; INSTRUMENTS],
        ..Frame::default()
    };
    let mut orders = vec![Vec::new(); FRAMES];
    orders[5] = vec![(0, 3_000.0), (1, 3_000.0), (2, -1_000.0), (3, 900.0)];
    // An order so small that its commission is the minimum.
    orders[40] = vec![(0, 1.0)];
    let script = Script { frames: (0..FRAMES).map(frame).collect(), orders };
    let base = dear();
    let run = run(&script, &base);
    let last = run.last().unwrap().nav;
    let all: Vec<Charges> =
        COST_SETTINGS.iter().map(|key| charges(&base, &raised(&base, key, 1.5))).collect();
    let found = repriced(&run, &all);
    for (key, (nav, _, _)) in COST_SETTINGS.iter().zip(found.last().unwrap()) {
        // Negative cash pays the interest on cash too, so a change may raise NAV here.
        let lower = if *key == "cash_interest" { *nav != last } else { *nav < last - 1e-6 };
        assert!(lower, "{key}: {nav}, and {last} without");
    }
}

#[test]
fn only_costs_may_differ() {
    let base = dear();
    let refuse = |key: &str, run: &ExecutionSettings, own: ExecutionSettings| {
        let usual = WorldSettings::default();
        let error = world::charges((run, &usual), (own, &usual)).unwrap_err();
        assert_eq!(error.key, key);
        assert!(error.to_string().contains("re-price"), "{error}");
    };
    let spreads = || [("A".to_owned(), 2.0)].into_iter().collect();
    for (key, own) in [
        ("nav", ExecutionSettings { nav: 1e5, ..dear() }),
        ("delay_bars", ExecutionSettings { delay_bars: 2, ..dear() }),
        ("fill_at", ExecutionSettings { fill_at: FillAt::Open, ..dear() }),
        ("lot", ExecutionSettings { lot: 1.0, ..dear() }),
        ("participation_cap", ExecutionSettings { participation_cap: None, ..dear() }),
        ("unfilled", ExecutionSettings { unfilled: Unfilled::Cancel, ..dear() }),
        ("spread_model", ExecutionSettings { spread_model: SpreadModel::Quotes, ..dear() }),
        ("half_spreads", ExecutionSettings { half_spreads: spreads(), ..dear() }),
        ("spread_file", ExecutionSettings { spread_file: Some("a".to_owned()), ..dear() }),
        ("spread_window", ExecutionSettings { spread_window: 5, ..dear() }),
        ("spread_floor_bps", ExecutionSettings { spread_floor_bps: 5.0, ..dear() }),
        ("impact_window", ExecutionSettings { impact_window: 5, ..dear() }),
        ("delist_after", ExecutionSettings { delist_after: 5, ..dear() }),
    ] {
        refuse(key, &base, own);
    }
    let quoted = ExecutionSettings { spread_model: SpreadModel::Quotes, ..dear() };
    let given = ExecutionSettings { half_spreads: spreads(), ..dear() };
    for run in [&quoted, &given] {
        refuse("half_spread_bps", run, ExecutionSettings { half_spread_bps: 7.0, ..run.clone() });
    }
    let usual = WorldSettings::default();
    let refused =
        |run: &WorldSettings, own: &WorldSettings, execution: &ExecutionSettings, words: [&str; 2]| {
            let error = world::charges((execution, run), (execution.clone(), own)).unwrap_err().to_string();
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        };
    let negative = WorldSettings { impact_multiplier: -2.0, ..usual.clone() };
    refused(&usual, &negative, &base, ["impact_multiplier", "found -2"]);
    let volumes = WorldSettings { volume_multiplier: 0.5, ..usual.clone() };
    refused(&usual, &volumes, &base, ["world", "re-price"]);
    let volatile = WorldSettings { volatile_cost_multiplier: 3.0, ..usual.clone() };
    refused(&volatile, &volatile, &base, ["volatile_cost_multiplier", "re-price"]);
    let nothing = WorldSettings { spread_multiplier: 0.0, ..usual.clone() };
    refused(&nothing, &usual, &given, ["spread_multiplier", "re-price"]);
    assert!(world::charges((&base, &nothing), (base.clone(), &usual)).is_ok());
    let dearless = ExecutionSettings { commission_bps: -1.0, ..dear() };
    assert!(world::charges((&base, &usual), (dearless, &usual)).is_err());
}

/// A market in which half of the instruments rise and half fall, so that the Sharpe ratio is above 0 and
/// impact can halve it.
fn source() -> Box<MemorySource> {
    let market = crate::support::Market {
        missing: 0.05,
        late: 0.3,
        frames: 260,
        gone_at: Some(150),
        ..crate::support::Market::default()
    };
    let mut frames = market.frames();
    let mut level = 1.0;
    for frame in &mut frames {
        level *= 1.003;
        for (i, close) in frame.close.iter_mut().enumerate() {
            *close *= if i % 2 == 0 { level } else { 1.0 / level };
        }
        let volume = |close: &f64| if close.is_nan() { f64::NAN } else { 2_000.0 };
        frame.volume = frame.close.iter().map(volume).collect();
    }
    Box::new(MemorySource::new(market.factor_names(), frames))
}

/// Outcomes in the order of the scenarios.
fn outcomes(
    graph: impl FnOnce(Box<dyn FnMut(Vec<ScenarioOutcome>) + Send>) -> betaflow_engine::pipeline::Graph,
    sizes: Vec<usize>,
) -> Vec<ScenarioOutcome> {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&taken);
    let graph = graph(Box::new(move |some| sink.lock().unwrap().extend(some)));
    graph.run(&RunOptions { placement: Placement::Groups(sizes), ..RunOptions::default() }).unwrap();
    let mut outcomes = std::mem::take(&mut *taken.lock().unwrap());
    outcomes.sort_by_key(|outcome| outcome.number);
    outcomes
}

fn same(name: &str, found: f64, expected: f64) {
    let close =
        (found - expected).abs() <= 1e-11 * expected.abs().max(1e-3) || found.is_nan() && expected.is_nan();
    assert!(close, "{name}: {found}, expected {expected}");
}

fn same_figures(found: &Figures, expected: &Figures) {
    for ((name, found), (_, expected)) in found.all().zip(expected.all()) {
        same(name, found, expected);
    }
}

#[test]
fn run_repriced_at_its_own_costs_is_unchanged() {
    let mut own = settings();
    own.execution =
        ExecutionSettings { commission_min: 0.02, half_spread_bps: 0.5, impact_coefficient: 0.1, ..dear() };
    let expected = outcomes(
        |take| sweeping(source(), &own, vec![(own.clone(), Box::new(Busy) as _)], 1, take).unwrap(),
        vec![2, 1, 1],
    );
    let mut dearer = own.execution.clone();
    dearer.half_spread_bps = 9.0;
    let scenarios = || vec![charges(&own.execution, &own.execution), charges(&own.execution, &dearer)];
    let mut before: Option<Vec<ScenarioOutcome>> = None;
    for workers in [1, 2, 3] {
        let sizes = [vec![4], vec![1; workers], vec![1]].concat();
        let found = outcomes(
            |take| repricing(source(), Box::new(Busy), &own, scenarios(), workers, take).unwrap(),
            sizes,
        );
        assert_eq!(
            found.iter().map(|outcome| (outcome.number, outcome.digest)).collect::<Vec<_>>(),
            [(0, None), (1, None)]
        );
        let (found_performance, expected_performance) = (&found[0].performance, &expected[0].performance);
        same_figures(&found[0].net, &expected[0].net);
        same_figures(&found[0].gross, &expected[0].gross);
        let costs = found_performance.costs.items().into_iter().zip(expected_performance.costs.items());
        costs.for_each(|((item, found), (_, expected))| same(item, found, expected));
        assert!(
            expected_performance.costs.items().iter().all(|(item, cost)| *cost > 0.0 || *item == "financing")
        );
        same("interest", found_performance.interest, expected_performance.interest);
        same("dividends", found_performance.dividends, expected_performance.dividends);
        same("nav", found_performance.nav.unwrap().1, expected_performance.nav.unwrap().1);
        same("filled", found_performance.turnover.filled, expected_performance.turnover.filled);
        assert_eq!(found_performance.turnover.mean, expected_performance.turnover.mean);
        assert_eq!(found_performance.turnover.max, expected_performance.turnover.max);
        let shortfalls =
            found_performance.shortfall.in_bps().into_iter().zip(expected_performance.shortfall.in_bps());
        shortfalls.for_each(|((item, found), (_, expected))| same(item, found, expected));
        same("break-even", found[0].break_even_bps, expected[0].break_even_bps);
        // Capacity is found by bisection of a ratio of moments.
        assert!(
            (found[0].capacity / expected[0].capacity - 1.0).abs() < 1e-9,
            "{} of {}",
            found[0].capacity,
            expected[0].capacity
        );
        same("impact", found[0].execution.impact, expected[0].execution.impact);
        same("impact as sized", found[0].execution.impact_as_sized, expected[0].execution.impact_as_sized);
        assert_eq!(found[0].execution.impact_unknown, expected[0].execution.impact_unknown);
        assert_eq!(found[0].execution.orders, expected[0].execution.orders);
        assert_eq!(found[0].sizing, expected[0].sizing);
        assert_eq!(found[0].returns.len(), expected[0].returns.len());
        assert!(found[1].net.total_return < found[0].net.total_return);
        assert_eq!(found[1].performance.turnover.mean, found[0].performance.turnover.mean);
        // The trades earn the same, except for interest on different cash.
        assert!((found[1].gross.sharpe - found[0].gross.sharpe).abs() < 0.01 * found[0].gross.sharpe.abs());
        if let Some(before) = &before {
            for (before, found) in before.iter().zip(&found) {
                assert_eq!(before.returns, found.returns, "the number of workers changes no bit");
            }
        }
        before = Some(found);
    }
}

#[test]
fn run_without_impact_can_be_repriced_with_impact() {
    let own = settings();
    let mut moved = own.execution.clone();
    moved.impact_coefficient = 1.0;
    let plain = outcomes(
        |take| sweeping(source(), &own, vec![(own.clone(), Box::new(Busy) as _)], 1, take).unwrap(),
        vec![2, 1, 1],
    );
    let scenarios = vec![charges(&own.execution, &own.execution), charges(&own.execution, &moved)];
    let found = outcomes(
        |take| repricing(source(), Box::new(Busy), &own, scenarios, 1, take).unwrap(),
        vec![4, 1, 1],
    );
    same_figures(&found[0].net, &plain[0].net);
    assert_eq!(found[0].performance.costs[CostItem::Impact], 0.0);
    assert!(found[1].performance.costs[CostItem::Impact] > 0.0);
    assert!(found[1].performance.turnover.mean == plain[0].performance.turnover.mean);
}
